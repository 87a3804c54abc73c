"""Real bodies through --replay."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from tmdbfusion_scrapy.sandbox import Sandbox, SandboxOptions

MOVIES = [
    {
        "id": 10,
        "title": "First",
        "original_language": "en",
        "release_date": "2001-01-01",
        "popularity": 5.0,
        "vote_count": 3,
        "vote_average": 7.0,
        "revenue": 100,
        "runtime": 90,
        "adult": False,
        "genres": [{"id": 18, "name": "Drama"}],
        "keywords": {"keywords": [{"id": 1, "name": "one"}]},
    },
    {
        "id": 7,
        "title": "Second",
        "original_language": "fr",
        "release_date": "",
        "popularity": 9.0,
        "vote_count": None,
        "runtime": None,
        "adult": False,
        "genres": [{"name": "Odd"}, None],
    },
]


def write_lines(path, bodies):
    data = "".join(json.dumps(body) + "\n" for body in bodies).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture(params=["movies.jsonl", "movies.jsonl.gz"])
def replayed(request, tmp_path, tmdb_sandbox_factory, connect):
    return connect(tmdb_sandbox_factory(replay=(write_lines(tmp_path / request.param, MOVIES),)))


def test_a_line_is_served_with_the_parts_that_were_asked_for(replayed):
    assert replayed.get("movie/10?append_to_response=keywords,credits").json() == MOVIES[0]
    bare = {key: value for key, value in MOVIES[0].items() if key != "keywords"}
    assert replayed.get("movie/10").json() == bare
    assert replayed.get("movie/10/keywords").json() == {"id": 10, **MOVIES[0]["keywords"]}
    assert replayed.get("movie/7").json() == MOVIES[1]


@pytest.mark.parametrize("path", ["movie/1", "movie/10/credits", "movie/7/keywords"])
def test_what_is_not_in_the_file_is_404(path, replayed):
    assert replayed.get(path).json()["status_code"] == 34


def test_lists_are_computed_from_the_lines(replayed):
    def ids(path):
        return [item["id"] for item in replayed.get(path).json()["results"]]

    assert ids("movie/popular") == [7, 10]
    assert replayed.get("movie/popular").json()["results"][0]["genre_ids"] == []
    assert ids("discover/movie?sort_by=popularity.asc") == [10, 7]
    assert ids("discover/movie?with_genres=18") == [10]
    assert ids("discover/movie?with_original_language=fr") == [7]
    assert ids("discover/movie?primary_release_date.lte=2020-01-01") == [10]
    assert replayed.get("movie/latest").json()["id"] == 10
    assert replayed.get("movie/popular").json()["results"][1]["genre_ids"] == [18]
    assert replayed.get("configuration").status_code == 200


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"id": 1}\nnot json\n', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", b"[1]\n", r"line 1: not a movie body"),
        ("a.jsonl", b'{"id": "1"}\n', r"line 1: not a movie body"),
        ("a.jsonl.gz", b"no gzip", r"cannot read .*a\.jsonl\.gz"),
        ("a.jsonl.gz", gzip.compress(b'{"id": 1}' * 9999, mtime=0)[:60], r"cannot read .*a\.jsonl\.gz"),
    ],
)
def test_a_broken_file_is_named(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Sandbox(SandboxOptions(replay=(path,)))


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds neither exchanges"):
        Sandbox(SandboxOptions(replay=(tmp_path,)))


def exchange(url, body, *, status=200, headers=None, recorded_at="Mon, 03 Aug 2026 19:10:59 GMT"):
    return {
        "request": {"method": "GET", "url": f"https://api.themoviedb.org/3/{url}"},
        "recorded_at": recorded_at,
        "response": {"status": status, "headers": headers or {"Content-Type": "application/json"}},
        "body": body,
    }


def write_folder(folder, exchanges=(), bodies=()):
    (folder / "exchanges").mkdir(parents=True)
    for number, item in enumerate(exchanges):
        (folder / "exchanges" / f"{number}.json").write_text(json.dumps(item))
    rows = []
    for number, (endpoint, body) in enumerate(bodies):
        (folder / "bodies").mkdir(exist_ok=True)
        (folder / "bodies" / f"{number}.json").write_text(json.dumps(body))
        rows.append(f"| bodies/{number}.json | GET /3/{endpoint} | op | 200 | somewhere |\n")
    (folder / "INDEX.md").write_text("# Index\n\n| file | endpoint |\n|---|---|\n" + "".join(rows))
    return folder


def test_exchanges_by_query_then_by_path(tmp_path, tmdb_sandbox_factory, connect):
    old, new = "Fri, 31 Dec 2021 22:59:35 GMT", "Mon, 03 Aug 2026 19:10:59 GMT"
    headers = {
        "Content-Type": "application/json;charset=utf-8",
        "Content-Encoding": "gzip",
        "Content-Length": "1",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "Vary": ["Origin", "accept-encoding"],
        "X-Memc": "HIT",
    }
    folder = write_folder(
        tmp_path / "recorded",
        [
            exchange(
                "movie/5?append_to_response=credits&language=de",
                {"id": 5, "n": "new"},
                headers=headers,
                recorded_at=new,
            ),
            exchange(
                "movie/5?append_to_response=credits&language=de", {"id": 5, "n": "old"}, recorded_at=old
            ),
            exchange("movie/5?append_to_response=images", {"id": 5, "n": "images"}, recorded_at=old),
            exchange("movie/0", {"status_code": 34}, status=404),
            exchange("search/movie?query=A+B%26C", {"results": []}),
        ],
        [
            ("movie/{movie_id}", {"id": 6, "title": "Bare"}),
            ("movie/{movie_id} +append", {"id": 6, "title": "Full", "credits": {}, "images": {}}),
            ("tv/{series_id}/season/{season_number}", {"id": 99, "season_number": 2}),
            ("genre/movie/list", {"genres": []}),
        ],
    )
    client = connect(tmdb_sandbox_factory(replay=(folder,)))
    client.headers["Accept-Encoding"] = "identity"
    response = client.get("movie/5?language=de&api_key=x&append_to_response=credits")
    assert response.json()["n"] == "new"
    assert response.headers["x-memc"] == "HIT"
    assert response.headers.get_list("vary") == ["Origin", "accept-encoding"]
    assert "content-encoding" not in response.headers
    assert "connection" not in response.headers
    assert client.get("movie/5?append_to_response=images&language=fr").json()["n"] == "images"
    assert client.get("movie/0?language=de").status_code == 404
    assert client.get("search/movie", params={"query": "A B&C"}).json() == {"results": []}
    assert client.get("movie/6").json()["title"] == "Bare"
    assert client.get("movie/6?append_to_response=images").json() == {"id": 6, "title": "Full", "images": {}}
    assert client.get("tv/3/season/2").json()["id"] == 99
    assert client.get("tv/3/season/1").status_code == 404
    assert client.get("genre/movie/list").json() == {"genres": []}
    assert client.get("genre/tv/list").json()["genres"]
    assert client.get("movie/77").status_code == 404


def test_lines_come_before_exchanges_that_are_only_near(tmp_path, tmdb_sandbox_factory, connect):
    folder = write_folder(
        tmp_path / "recorded",
        [exchange("discover/movie?page=1", {"results": "exact"}), exchange("movie/5", {"id": 5})],
    )
    lines = write_lines(tmp_path / "movies.jsonl", MOVIES)
    client = connect(tmdb_sandbox_factory(replay=(folder, lines)))
    assert client.get("discover/movie?page=1").json() == {"results": "exact"}
    assert client.get("discover/movie?with_genres=18").json()["total_results"] == 1
    assert client.get("movie/10").status_code == client.get("movie/5").status_code == 200


def test_the_3000_real_movies(recorded_dir, tmdb_sandbox_factory, connect):
    path = recorded_dir / "movies-3000.jsonl.gz"
    sandbox = tmdb_sandbox_factory(replay=(path,))
    client = connect(sandbox)
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        movies = {body["id"]: body for body in map(json.loads, stream)}
    assert sandbox.movie_ids == sorted(movies)
    for movie_id in sandbox.movie_ids[::10]:
        assert client.get(f"movie/{movie_id}?append_to_response=keywords").json() == movies[movie_id]
    page = client.get("discover/movie?with_genres=99&include_adult=true").json()
    documentaries = [body for body in movies.values() if 99 in {genre["id"] for genre in body["genres"]}]
    assert page["total_results"] == len(documentaries)
    for name in ("popular", "top_rated", "now_playing", "upcoming"):
        assert client.get(f"movie/{name}").json()["results"], name


def test_the_recorded_exchanges(recorded_dir, tmdb_sandbox_factory, connect):
    folder = recorded_dir / "recorded"
    client = connect(tmdb_sandbox_factory(replay=(folder,)))
    newest: dict[httpx.URL, dict] = {}
    for path in sorted((folder / "exchanges").glob("*.json")):
        recorded = json.loads(path.read_text("utf-8"))
        newest.setdefault(httpx.URL(recorded["request"]["url"]), []).append(recorded)
    assert len(newest) > 30
    for url, recorded in newest.items():
        response = client.get(f"{url.path.removeprefix('/3/')}?{url.query.decode()}")
        assert response.status_code in {item["response"]["status"] for item in recorded}
        assert response.json() in [item["body"] for item in recorded]
        tags = [
            {k.lower(): v for k, v in item["response"]["headers"].items()}.get("etag") for item in recorded
        ]
        assert response.headers.get("etag") in tags
    details = json.loads((folder / "bodies/movies/details.json").read_text("utf-8"))
    assert client.get(f"movie/{details['id']}").json() == details
