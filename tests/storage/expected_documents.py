"""What a document of each kind leaves in the tables, read from its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.storage.expected_parts import (
    as_elements,
    expect_cast,
    expect_crew,
    expect_linked,
    expect_parts,
    expect_title,
)
from tests.storage.expected_rows import LEFT_TO_RAW, placed, readable, without_nulls

if TYPE_CHECKING:
    from tests.storage.expected_rows import Expected, Row

PARTS = {
    "aggregate_credits",
    "alternative_titles",
    "appended_seasons",
    "combined_credits",
    "content_ratings",
    "credits",
    "external_ids",
    "images",
    "keywords",
    "movie_credits",
    "release_dates",
    "translations",
    "tv_credits",
    "videos",
    "watch/providers",
}


def expect(expected: Expected, kind: str, document: Row) -> None:
    """Add what a document of a kind leaves in the tables."""
    _READERS[kind](expected, document)
    for name, value in document.items():
        is_part = isinstance(value, dict | list) and name.partition("/")[0] != "season"
        if is_part and name not in _LISTS.get(kind, set()) | PARTS and name not in LEFT_TO_RAW:
            expected.unknown.add(f"{kind}: {name}")


_LISTS = {
    "movies": {
        *("belongs_to_collection", "genres", "origin_country", "production_companies"),
        *("production_countries", "spoken_languages"),
    },
    "tv_shows": {
        *("created_by", "episode_run_time", "genres", "languages", "last_episode_to_air", "networks"),
        *("next_episode_to_air", "origin_country", "production_companies", "production_countries"),
        *("seasons", "spoken_languages"),
    },
    "seasons": {"episodes", "networks"},
    "episodes": {"crew", "guest_stars"},
    "people": {"also_known_as"},
    "genres": {"genres"},
    "collections": {"parts"},
    "companies": {"parent_company"},
}


def _movie(expected: Expected, movie: Row) -> None:
    collection = movie.get("belongs_to_collection") or {}
    expected.mention("collections", collection)
    expected.record("movies", movie, belongs_to_collection_id=collection.get("id"))
    expect_title(expected, "movie", movie, keywords="keywords", titles="titles")
    rows = []
    for country in readable((movie.get("release_dates") or {}).get("results")):
        for position, release in placed(country["release_dates"]):
            values = {name: value for name, value in release.items() if name != "descriptors"}
            rows.append(
                {"movie_id": movie["id"], "iso_3166_1": country["iso_3166_1"], "position": position} | values
            )
    expected.links("movie_release_dates", rows)


def _tv_show(expected: Expected, show: Row) -> None:
    expected.record("tv_shows", show)
    owner = {"tv_show_id": show["id"]}
    seasons = readable(show.get("seasons"))
    numbers = {season["season_number"]: season["id"] for season in seasons}
    for season in seasons:
        expected.mention("seasons", season, tv_show_id=show["id"], episode_count=season.get("episode_count"))
    for name in ("last_episode_to_air", "next_episode_to_air"):
        if show.get(name):
            season_id = numbers.get(show[name].get("season_number"))
            expected.mention("episodes", show[name], season_id=season_id, **owner)
    expect_title(expected, "tv_show", show, keywords="results", titles="results")
    expect_linked(expected, "tv_show", show, "networks", "networks", "network_id")
    codes = as_elements(show.get("languages"), "iso_639_1")
    expect_linked(expected, "tv_show", show | {"list": codes}, "languages", "list", "iso_639_1")
    expected.links(
        "tv_show_episode_run_times",
        [
            {**owner, "position": place, "minutes": minutes}
            for place, minutes in placed(show.get("episode_run_time"))
        ],
    )
    for creator in readable(show.get("created_by")):
        expected.mention("people", creator)
    expected.links(
        "tv_show_created_by",
        [
            {**owner, "person_id": creator["id"], "credit_id": creator["credit_id"], "position": place}
            for place, creator in placed(show.get("created_by"))
        ],
    )
    expected.links(
        "tv_show_content_ratings",
        [
            {**owner, "iso_3166_1": one["iso_3166_1"], "rating": one["rating"], "position": place}
            for place, one in placed((show.get("content_ratings") or {}).get("results"))
        ],
    )
    for name, part in show.items():
        if name.startswith("season/"):
            number = part["season_number"]
            season_id = numbers.get(int(name.partition("/")[2]) if number is None else number)
            if season_id is None:
                _episodes(expected, part, show["id"])
                continue
            _season(expected, part | {"id": season_id}, show=show["id"])
            del expected.tables["seasons"][season_id]["raw"]


def _season(expected: Expected, season: Row, show: int | None = None) -> None:
    shows = [episode["show_id"] for episode in readable(season["episodes"]) if episode.get("show_id")]
    show = show or (shows[0] if shows else None)
    if show is not None:
        expected.mention("tv_shows", {"id": show})
    expected.record("seasons", season, tv_show_id=show)
    expect_parts(expected, "season", season)
    expect_linked(expected, "season", season, "networks", "networks", "network_id")
    _episodes(expected, season, show, season_id=season["id"])


def _episodes(expected: Expected, season: Row, show: int | None, **more: Any) -> None:
    for episode in readable(season["episodes"]):
        if episode["id"] is not None:
            of_show = show if episode.get("show_id") is None else episode["show_id"]
            _episode(expected, episode | {"show_id": of_show}, **more)
            del expected.tables["episodes"][episode["id"]]["raw"]


def _episode(expected: Expected, episode: Row, **more: Any) -> None:
    expected.mention("tv_shows", {"id": episode.get("show_id")})
    expected.record("episodes", episode, tv_show_id=episode.get("show_id"), **more)
    expect_crew(expected, "episode", episode, episode.get("crew", []))
    expect_cast(expected, "episode", episode, episode.get("guest_stars", []), table="episode_guest_stars")
    parts = dict(episode)
    parts["credits"] = {"cast": (episode.get("credits") or {}).get("cast", [])}
    expect_parts(expected, "episode", parts)


def _person(expected: Expected, person: Row) -> None:
    expected.record("people", person)
    expect_parts(expected, "person", person)
    expected.links(
        "person_also_known_as",
        [
            {"person_id": person["id"], "position": place, "name": name}
            for place, name in placed(person["also_known_as"])
        ],
    )
    for part, media_type in (("movie_credits", "movie"), ("tv_credits", "tv"), ("combined_credits", None)):
        for role in ("cast", "crew"):
            for credit in readable((person.get(part) or {}).get(role)):
                kind = media_type or credit["media_type"]
                if kind not in ("movie", "tv"):
                    continue
                owner, table = {"movie": ("movie_id", "movie"), "tv": ("tv_show_id", "tv_show")}[kind]
                expected.mention({"movie": "movies", "tv": "tv_shows"}[kind], credit)
                row = {owner: credit["id"], "person_id": person["id"], "credit_id": credit["credit_id"]}
                for name in ("character", "order", "department", "job", "episode_count"):
                    if name in credit and (kind == "tv" or name != "episode_count"):
                        row["position" if name == "order" else name] = credit[name]
                key = (row[owner], row["credit_id"])
                if None in key:
                    continue
                expected.tables[f"{table}_{role}"].setdefault(key, {}).update(without_nulls(row))


def _collection(expected: Expected, collection: Row) -> None:
    expected.record("collections", collection)
    expect_parts(expected, "collection", collection)
    for part in readable(collection["parts"]):
        movie = dict(part)
        for name, instead in (("title", "name"), ("original_title", "original_name")):
            found = movie.pop(instead, None)
            if movie.get(name) is None:
                movie[name] = found
        expected.mention("movies", movie, belongs_to_collection_id=collection["id"])


def _company(expected: Expected, company: Row) -> None:
    parent = company.get("parent_company") or {}
    expected.mention("companies", parent)
    expected.record("companies", company, parent_company_id=parent.get("id"))
    _logos(expected, "company", company)


def _network(expected: Expected, network: Row) -> None:
    expected.record("networks", network)
    _logos(expected, "network", network)


def _logos(expected: Expected, owner: str, record: Row) -> None:
    """The images of what has logos alone."""
    logos = [
        {name: value for name, value in logo.items() if name not in ("id", "file_type")}
        for logo in (record.get("images") or {}).get("logos", [])
    ]
    expect_parts(expected, owner, {"id": record["id"], "images": {"logos": logos}})


def _keyword(expected: Expected, keyword: Row) -> None:
    expected.record("keywords", keyword)


def _genres(expected: Expected, genres: Row) -> None:
    for genre in genres["genres"]:
        expected.mention("genres", genre)


_READERS = {
    "movies": _movie,
    "tv_shows": _tv_show,
    "seasons": _season,
    "episodes": _episode,
    "people": _person,
    "collections": _collection,
    "companies": _company,
    "networks": _network,
    "keywords": _keyword,
    "genres": _genres,
}
