"""Answers that are the record of another id than the one that was asked for."""

from __future__ import annotations

import json

import pytest

from tests.client.driving import Script, answer
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.exceptions import ResponseError

EPISODES = [{"id": 4, "show_id": 5}, {"id": 6, "show_id": 5}]

ASKED = {
    "movie": (lambda client: client.movies.details(7), "/movie/7", {"id": 7}),
    "movie with parts": (
        lambda client: client.movies.details(7, append_to_response="credits"),
        "/movie/7",
        {"id": 7, "credits": {"id": 9}},
    ),
    "series": (lambda client: client.tv.details(7), "/tv/7", {"id": 7}),
    "season": (
        lambda client: client.tv_seasons.details(5, 0),
        "/tv/5/season/0",
        {"id": 8, "season_number": 0},
    ),
    "season's series": (
        lambda client: client.tv_seasons.details(5, 2),
        "/tv/5/season/2",
        {"id": 5, "episodes": EPISODES},
    ),
    "episode": (
        lambda client: client.tv_episodes.details(5, 2, 3),
        "/tv/5/season/2/episode/3",
        {"id": 8, "season_number": 2, "episode_number": 3, "show_id": 5},
    ),
    "person": (lambda client: client.people.details(7), "/person/7", {"id": 7}),
    "collection": (lambda client: client.collections.details(7), "/collection/7", {"id": 7}),
    "company": (lambda client: client.companies.details(7), "/company/7", {"id": 7}),
    "network": (lambda client: client.networks.details(7), "/network/7", {"id": 7}),
    "keyword": (lambda client: client.keywords.details(7), "/keyword/7", {"id": 7}),
    "credit": (lambda client: client.credits.details("5a0"), "/credit/5a0", {"id": "5a0"}),
    "review": (lambda client: client.reviews.details("5a0"), "/review/5a0", {"id": "5a0"}),
    "list": (lambda client: client.lists.details(7), "/list/7", {"id": 7}),
    "order of episodes": (
        lambda client: client.tv_episode_groups.details("5a0"),
        "/tv/episode_group/5a0",
        {"id": "5a0"},
    ),
}

OTHER = {
    **{
        name: {"id": 1} for name in ("movie", "movie with parts", "series", "person", "collection", "company")
    },
    **{name: {"id": "1"} for name in ("network", "keyword", "list")},
    **{name: {"id": "5A0"} for name in ("credit", "review", "order of episodes")},
    "season": {"season_number": 1},
    "season's series": {"episodes": [{"id": 4, "show_id": 6}]},
    "episode": {"episode_number": 4},
}


@pytest.fixture
def asking(server, driver):
    """Asks both clients, of a server that gives these bodies one after the other."""

    def ask(name, *bodies):
        call, path, _ = ASKED[name]
        server.scripts[f"/3{path}"] = Script(*(answer(json.dumps(body).encode()) for body in bodies))
        return driver().do(call)

    return ask


@pytest.mark.parametrize("name", ASKED)
def test_the_record_of_another_id_is_refused(asking, server, name):
    _, path, body = ASKED[name]
    with pytest.raises(ResponseError, match=r"was asked for, and .* came") as caught:
        asking(name, {**body, **OTHER[name]})
    assert (caught.value.path, caught.value.method, caught.value.status_code) == (path, "GET", 200)
    assert len(server.requests) == 3


@pytest.mark.parametrize("name", ASKED)
def test_the_right_one_is_taken_also_at_the_second_try(asking, name):
    body = ASKED[name][2]
    assert asking(name, {**body, **OTHER[name]}, body).id == body["id"]


def as_text(value):
    return {key: str(part) if isinstance(part, int) else part for key, part in value.items()}


@pytest.mark.parametrize("name", ASKED)
def test_numbers_may_come_as_text(asking, name):
    body = ASKED[name][2]
    assert str(asking(name, as_text(body)).id) == str(body["id"])


@pytest.mark.parametrize("name", ["season", "season's series", "episode", "credit", "review", "list"])
def test_what_does_not_tell_is_taken(asking, name):
    body = {"id": ASKED[name][2]["id"], "name": "N", "content": "C", "job": "J"}
    assert asking(name, body).id == body["id"]


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("episode", {"season_number": 1}),
        ("episode", {"show_id": 6}),
        ("episode", {"episode_number": "2"}),
        ("season", {"season_number": "100"}),
    ],
)
def test_numbers_of_the_wrong_season_or_series(asking, name, changed):
    with pytest.raises(ResponseError, match="was asked for"):
        asking(name, {**ASKED[name][2], **changed})


def test_a_merged_record_is_told_by_both_ids(asking):
    with pytest.raises(
        ResponseError, match=r"movie_id 7 was asked for, and id 1 came.*merged 7 into 1"
    ) as caught:
        asking("movie", {"id": 1, "title": "One"})
    assert caught.value.retryable


def test_an_appended_season_of_another_number(server, driver):
    body = b'{"id":1,"name":"S","season/2":{"season_number":3,"episodes":[]}}'
    server.scripts["/3/tv/1"] = Script(answer(body))
    with pytest.raises(ResponseError, match="season 2 was asked for, and season 3 came"):
        driver().do(lambda client: client.tv.details(1, append_to_response="season/2"))


def test_every_details_endpoint_of_a_record_is_among_them():
    checked = {name for name, endpoint in OPERATIONS.items() if endpoint.echoes}
    details = {
        name for name, endpoint in OPERATIONS.items() if endpoint.name == "details" and "{" in endpoint.path
    }
    # Whose account it is, the session says.
    assert details - checked == {"account-details"}


def test_recorded_bodies(recorded_dir, server, driver):
    """Each answer of details that was recorded with its address is the one that was asked for."""
    folder = recorded_dir / "recorded" / "bodies-2025-26"
    asked = 0
    for line in (folder / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        endpoint = OPERATIONS.get(cells[3]) if len(cells) > 3 else None
        if endpoint is None or not endpoint.echoes:
            continue
        path = cells[2].removeprefix("GET /3").partition("?")[0]
        server.scripts[f"/3{path}"] = answer((folder / cells[1]).read_bytes())
        values = [
            int(value) if value.isdecimal() else value for value in endpoint.read_path("GET", path).values()
        ]
        driver().do(lambda client: getattr(getattr(client, endpoint.namespace), endpoint.name)(*values))  # noqa: B023
        asked += 1
    assert asked > 15
