"""From a spider's arguments to its source."""

from __future__ import annotations

import datetime
import io

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources import (
    ChangesSource,
    DiscoverSource,
    ExportSource,
    FailedSource,
    IdsSource,
    ImagesSource,
    Kind,
    ListSource,
    Plan,
    StaleSource,
)
from tmdbfusion_scrapy.sources.export_file import ExportFilter

MOVIES = Kind(
    "movies",
    lists={
        "popular": OPERATIONS["movie-popular-list"],
        "top_rated": OPERATIONS["movie-top-rated-list"],
    },
    discover=OPERATIONS["discover-movie"],
    changes=OPERATIONS["changes-movie-list"],
)
COLLECTIONS = Kind("collections")
ANY = ExportFilter()


def plan(kind=MOVIES, **arguments):
    return Plan.from_arguments(arguments, kind)


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ({}, ListSource("popular", 6)),
        ({"source": "list"}, ListSource("popular", 6)),
        ({"list": "top_rated", "pages": "500"}, ListSource("top_rated", 500)),
        ({"ids": "550"}, IdsSource((550,))),
        ({"ids": " 551, 550,551\n7 8,"}, IdsSource((551, 550, 7, 8))),
        ({"source": "ids", "ids": "007"}, IdsSource((7,))),
        ({"ids": "999999999999999999"}, IdsSource((10**18 - 1,))),
        ({"source": "discover"}, DiscoverSource({}, None)),
        (
            {"source": "discover", "vote_count.gte": "5", "year": "1999", "pages": "2"},
            DiscoverSource({"vote_count_gte": "5", "year": "1999"}, 2),
        ),
        (
            {"source": "discover", "with_original_language": "fr|de"},
            DiscoverSource({"with_original_language": "fr|de"}, None),
        ),
        ({"source": "export"}, ExportSource(ANY, None)),
        ({"day": "2026-06-01"}, ExportSource(ANY, datetime.date(2026, 6, 1))),
        ({"min_popularity": "1.5"}, ExportSource(ExportFilter(1.5), None)),
        (
            {"source": "export", "min_popularity": "0", "adult": "no", "video": "True"},
            ExportSource(ExportFilter(0.0, adult=False, video=True), None),
        ),
        ({"source": "changes"}, ChangesSource(None)),
        ({"since": "2026-05-31"}, ChangesSource(datetime.date(2026, 5, 31))),
        ({"source": "stale"}, StaleSource(30.0)),
        ({"days": "0.5"}, StaleSource(0.5)),
        ({"days": "0"}, StaleSource(0)),
        ({"source": "failed"}, FailedSource(permanent=False)),
        ({"source": "failed", "permanent": "true"}, FailedSource(permanent=True)),
        ({"source": "failed"}, FailedSource()),
        ({"source": "images"}, ImagesSource()),
    ],
)
def test_what_arguments_say(arguments, source):
    found = plan(**arguments)
    assert found.source == source
    assert found.arguments == arguments
    assert (found.append, found.limit) == ((), None)


def test_what_goes_with_every_source():
    for source in ("list", "discover", "export", "changes", "stale", "failed"):
        found = plan(source=source, limit="10", append="credits,images")
        assert (found.append, found.limit) == (("credits", "images"), 10)


def test_records_without_lists_are_exported():
    assert plan(COLLECTIONS).source == ExportSource(ANY, None)


@pytest.mark.parametrize(
    ("arguments", "argument", "fix"),
    [
        (
            {"source": "everything"},
            "source=everything",
            "use one of changes, csv, discover, export, failed, ids, ",
        ),
        ({"source": "ids"}, "source=ids", "add -a ids="),
        ({"source": "images", "append": "credits"}, "append", "leave it out"),
        ({"ids": ""}, "ids=", "it is empty; use whole numbers from 1"),
        ({"ids": "1,,2"}, "ids=1,,2", "it has an empty part; use whole numbers"),
        (
            {"ids": "550,tt0137523"},
            "ids=550,tt0137523",
            "'tt0137523' is no TMDB id; use whole numbers from 1",
        ),
        ({"ids": "0"}, "ids=0", "'0' is no TMDB id"),
        ({"ids": "-5"}, "ids=-5", "'-5' is no TMDB id"),
        ({"ids": "1.5"}, "ids=1.5", "'1.5' is no TMDB id"),
        ({"ids": "٣"}, "ids=٣", "is no TMDB id"),
        ({"ids": "9" * 19}, "ids=999", "is no TMDB id"),
        ({"ids": "no_such_file.txt"}, "ids=no_such_file.txt", "the path of a file"),
        ({"ids": "x" * 5000}, "ids=xxx", "is no TMDB id"),
        ({"ids": "a\0b"}, "ids=a\0b", "is no TMDB id"),
        ({"ids": "1", "pages": "1"}, "pages=", "does not go with source=ids"),
        ({"list": "best"}, "list=best", "use one of popular, top_rated"),
        ({"pages": "0"}, "pages=0", "use a whole number from 1 to 500"),
        ({"pages": "501"}, "pages=501", "use a whole number from 1 to 500"),
        ({"source": "discover", "pages": "501"}, "pages=501", "use a whole number from 1 to 500"),
        ({"limit": "0"}, "limit=0", "use a whole number from 1"),
        ({"limit": "many"}, "limit=many", "use a whole number from 1"),
        ({"limit": "1e3"}, "limit=1e3", "use a whole number from 1"),
        ({"source": "discover", "page": "2"}, "page=", "neither an argument of the spider nor a filter"),
        ({"source": "discover", "with_gnres": "18"}, "with_gnres=", "reference/discover-movie"),
        ({"source": "discover", "year": "soon"}, "year", "soon"),
        ({"with_genres": "18"}, "with_genres=", "TMDB's filters go with source=discover"),
        ({"min_popularity": "-1"}, "min_popularity=-1", "use a number from 0"),
        ({"min_popularity": "nan"}, "min_popularity=nan", "use a number from 0"),
        ({"source": "export", "adult": "perhaps"}, "adult", "set it to True or False"),
        ({"source": "export", "video": "2"}, "video", "set it to True or False"),
        ({"day": "yesterday"}, "day=yesterday", "use a day such as"),
        ({"day": "20260601"}, "day=20260601", "use a day such as"),
        ({"day": "2026-02-30"}, "day=2026-02-30", "use a day such as"),
        ({"day": "2999-01-01"}, "day=2999-01-01", "use a day that was"),
        ({"since": ""}, "since=", "use a day such as"),
        ({"since": "2999-01-01"}, "since=2999-01-01", "use a day that was"),
        (
            {"since": "2026-06-01", "min_popularity": "1"},
            "min_popularity=",
            "does not go with source=changes",
        ),
        ({"days": "-3"}, "days=-3", "use a number from 0"),
        ({"days": "999999999"}, "days=999999999", "up to 3650"),
        ({"source": "export", "force": "maybe"}, "force", "True or False"),
        ({"source": "failed", "permanent": "2"}, "permanent", "True or False"),
        ({"ids": "1", "force": "true"}, "force=", "does not go with source=ids"),
        ({"source": "failed", "ids": "1"}, "ids=", "does not go with source=failed"),
    ],
)
def test_what_cannot_be_used(arguments, argument, fix):
    with pytest.raises(ConfigurationError) as caught:
        plan(**arguments)
    message = str(caught.value)
    assert f"-a {argument}" in message
    assert fix in message
    assert len(message) < 400


@pytest.mark.parametrize("source", ["list", "discover", "changes"])
def test_sources_that_a_kind_does_not_have(source):
    with pytest.raises(ConfigurationError, match=f"source={source} is unknown: .*export, failed, ids, stale"):
        plan(COLLECTIONS, source=source)


@pytest.mark.parametrize(
    "text",
    [
        "550\n551\n13\n",
        "550,551,13",
        "550\r\n551\r\n13\r\n",
        "550,\n551,\n13,\n",
        "\n\n 550 551\t13",
        "\ufeff550\n551\n13",
    ],
)
def test_ids_from_a_file(tmp_path, text):
    path = tmp_path / "ids.txt"
    path.write_bytes(text.encode())
    assert plan(ids=str(path)).source == IdsSource((550, 551, 13))
    assert plan(ids="ids.txt").source == IdsSource((550, 551, 13))


def test_ids_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("550\n551\n"))
    assert plan(source="ids", ids="-").source == IdsSource((550, 551))


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"id\n550\n", "'id' is no TMDB id"),
        (b"550\n\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, content, fix):
    (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"-a ids=ids.txt") as caught:
        plan(ids="ids.txt")
    assert fix in str(caught.value)


def test_a_large_file(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\n".join(map(str, range(50_000, 0, -1))))
    assert plan(ids=str(path)).source.ids == tuple(range(50_000, 0, -1))


def test_the_same_command_has_the_same_arguments(tmp_path, monkeypatch):
    path = tmp_path / "ids.txt"
    path.write_text("1 2")
    first = plan(ids="ids.txt", limit="5").arguments
    path.write_text("1\n2\n")
    assert plan(limit="5", ids="ids.txt").arguments == first
    assert list(first) == sorted(first)
    path.write_text("1\n3\n")
    assert plan(ids="ids.txt", limit="5").arguments != first
    monkeypatch.setattr("sys.stdin", io.StringIO("1 2"))
    second = plan(ids="-").arguments
    monkeypatch.setattr("sys.stdin", io.StringIO("1 2 3"))
    assert plan(ids="-").arguments != second


def test_scrapys_own_arguments_are_left_out():
    assert plan(_job="7", ids="1").arguments == {"ids": "1"}


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ({"source": "changes"}, ChangesSource(None, force=True)),
        ({"source": "export"}, ExportSource(ExportFilter(), None, force=True)),
    ],
)
def test_with_force_it_is_the_same_command(arguments, source):
    found = plan(**arguments, force="yes")
    assert found.source == source
    assert found.arguments == arguments
