"""JSON to records: every odd field costs itself and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import pickle
import random
from typing import Any

import pytest
from itemadapter import ItemAdapter

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import DatedPage, Page, Record, decode
from tmdbfusion_scrapy.models.account import AccountStates, RequestToken, Review, Status
from tmdbfusion_scrapy.models.companies import Genre, GenreList
from tmdbfusion_scrapy.models.images import Images, Videos
from tmdbfusion_scrapy.models.list_items import Changes, MovieListItem
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.reference import ConfigurationDetails, Country, CountryTimezones, WatchProviders
from tmdbfusion_scrapy.models.releases import ReleaseDates
from tmdbfusion_scrapy.models.tv import TVDetails

# Shaped as TMDB's, with invented content.
MOVIE: dict[str, Any] = {
    "adult": False,
    "backdrop_path": "/b.jpg",
    "belongs_to_collection": {"id": 9, "name": "Loops", "poster_path": None, "backdrop_path": "/c.jpg"},
    "budget": 63000000,
    "genres": [{"id": 18, "name": "Drama"}, {"id": 35, "name": "Comedy"}],
    "homepage": "",
    "id": 550,
    "imdb_id": "tt0000550",
    "origin_country": ["US"],
    "original_language": "en",
    "original_title": "Loop",
    "overview": 'A "loop" — in several \\ turns.',
    "popularity": 61.416,
    "poster_path": None,
    "production_companies": [{"id": 508, "logo_path": "/l.png", "name": "Works", "origin_country": "US"}],
    "production_countries": [{"iso_3166_1": "US", "name": "United States of America"}],
    "release_date": "1999-10-15",
    "revenue": 100853753,
    "runtime": 139,
    "spoken_languages": [{"english_name": "English", "iso_639_1": "en", "name": "English"}],
    "status": "Released",
    "tagline": None,
    "title": "Loop",
    "video": False,
    "vote_average": 8.433,
    "vote_count": 26279,
    "credits": {
        "cast": [{"id": 1, "name": "A", "character": "B", "order": 0, "popularity": 1, "gender": 2}],
        "crew": [{"id": 2, "name": "C", "job": "Director", "department": "Directing"}],
    },
    "release_dates": {
        "results": [
            {
                "iso_3166_1": "US",
                "release_dates": [
                    {
                        "certification": "R",
                        "descriptors": [],
                        "release_date": "1999-10-15T00:00:00.000Z",
                        "type": 3,
                    }
                ],
            }
        ]
    },
    "watch/providers": {
        "results": {"CA": {"link": "x", "flatrate": [{"provider_id": 8, "logo_path": "/n.jpg"}]}}
    },
    "similar": {
        "page": 1,
        "results": [{"id": 7, "release_date": "2001-02-03", "genre_ids": [18]}],
        "total_pages": 3,
    },
    "videos": {
        "results": [{"id": "x", "size": 1080, "published_at": "2014-10-02T19:20:22.000Z", "official": True}]
    },
}


def body(**changed: Any) -> bytes:
    return json.dumps({**MOVIE, **changed}).encode()


def movie(**changed: Any) -> MovieDetails:
    return decode(body(**changed), MovieDetails)


def test_a_movie():
    record = movie()
    assert (record.id, record.title, record.budget, record.vote_average) == (550, "Loop", 63000000, 8.433)
    assert record.release_date == datetime.date(1999, 10, 15)
    assert record.genres == [Genre(18, "Drama"), Genre(35, "Comedy")]
    assert record.belongs_to_collection is not None
    assert record.belongs_to_collection.name == "Loops"
    assert record.credits is not None
    assert record.credits.crew[0].job == "Director"
    assert record.release_dates is not None
    assert record.release_dates.results[0].release_dates[0].release_date == datetime.datetime(
        1999, 10, 15, tzinfo=datetime.timezone.utc
    )
    assert record.watch_providers is not None
    assert record.watch_providers.results["CA"].flatrate[0].provider_id == 8
    assert record.similar is not None
    assert isinstance(record.similar.results[0], MovieListItem)
    assert record.similar.results[0].release_date == datetime.date(2001, 2, 3)
    assert record.images is None
    assert record.drift == ()


def test_raw_is_the_body_as_it_came():
    sent = body()
    record = decode(sent, MovieDetails)
    assert record.raw == sent
    assert record.genres[0].raw == b""
    mended = decode(body(runtime="139"), MovieDetails)
    assert json.loads(mended.raw)["runtime"] == "139"


def test_a_record_is_a_plain_dataclass():
    record = movie()
    names = [field.name for field in dataclasses.fields(record)]
    assert "raw" not in names
    assert "drift" not in names
    assert {name for name in names if name.startswith("_")} == set()
    item = ItemAdapter(record).asdict()
    assert list(item) == names
    assert item["genres"] == [{"id": 18, "name": "Drama"}, {"id": 35, "name": "Comedy"}]
    assert item == ItemAdapter(decode(json.dumps(MOVIE, indent=2).encode(), MovieDetails)).asdict()
    assert record == decode(json.dumps(MOVIE, indent=2).encode(), MovieDetails)
    assert record != movie(runtime=1)
    assert MovieDetails() != dataclasses.make_dataclass("Other", (), bases=(MovieDetails,))()
    assert record.__hash__ is None
    assert MovieDetails().raw == b""
    assert MovieDetails().drift == ()


def test_copies_keep_raw_and_drift():
    record = movie(runtime="139")
    for twin in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):  # noqa: S301
        assert twin == record
        assert twin.raw == record.raw
        assert twin.drift == ("MovieDetails.runtime",)


@pytest.mark.parametrize("name", MOVIE)
def test_null_anywhere_is_the_default(name):
    record = movie(**{name: None})
    field = name.replace("/", "_")
    assert getattr(record, field) == getattr(MovieDetails(), field)
    assert record.drift == ()
    if field != "id":
        assert record.id == 550


def test_null_deep_inside():
    record = movie(
        genres=[{"id": None, "name": None}, None],
        credits={"cast": None, "crew": [{"id": None}]},
        similar={"page": None, "results": None},
    )
    assert record.genres == [Genre()]
    assert record.drift == ("MovieDetails.genres",)
    assert record.credits is not None
    assert record.credits.cast == []
    assert record.similar is not None
    assert record.similar.results == []


def test_unknown_fields_are_passed_over():
    record = movie(softcore=False, brand_new={"deep": [1, {"x": None}]}, genres=[{"id": 1, "colour": "red"}])
    assert record.genres == [Genre(1)]
    assert record.drift == ()


@pytest.mark.parametrize("value", ["", None])
def test_empty_dates(value):
    record = movie(release_date=value)
    assert record.release_date is None
    assert record.drift == ()
    video = decode(json.dumps({"results": [{"published_at": value}]}).encode(), Videos)
    assert video.results[0].published_at is None
    assert video.drift == ()


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("runtime", "139", 139),
        ("runtime", "139.0", 139),
        ("runtime", 139.5, None),
        ("runtime", "two hours", None),
        ("runtime", True, None),
        ("runtime", [], None),
        ("runtime", {}, None),
        ("runtime", "9" * 5000, None),
        ("vote_average", "8.4", 8.4),
        ("vote_average", "nan", None),
        ("vote_average", False, None),
        ("vote_average", 10**500, None),
        ("adult", 1, True),
        ("adult", 0, False),
        ("adult", "true", True),
        ("adult", "perhaps", None),
        ("adult", 7, None),
        ("title", 1917, "1917"),
        ("title", 3.5, "3.5"),
        ("title", True, None),
        ("title", ["x"], None),
        ("release_date", "1999-10-15T00:00:00.000Z", datetime.date(1999, 10, 15)),
        ("release_date", "1999-10-15 00:00", datetime.date(1999, 10, 15)),
        ("release_date", "0000-00-00", None),
        ("release_date", "1999", None),
        ("release_date", "15.10.1999", None),
        ("release_date", 1999, None),
        ("genres", {}, []),
        ("genres", "Drama", []),
        ("genres", 18, []),
        ("origin_country", "US", []),
        ("origin_country", ["US", 7, None, ["x"]], ["US", "7"]),
        ("credits", [], None),
        ("credits", "none", None),
        ("belongs_to_collection", 9, None),
        ("watch/providers", [], None),
    ],
)
def test_a_wrong_type_costs_the_field_only(field, sent, kept):
    record = movie(**{field: sent})
    field = field.replace("/", "_")
    assert getattr(record, field) == kept
    assert type(getattr(record, field)) is type(kept)
    assert set(record.drift) == {f"MovieDetails.{field}"}
    other = movie()
    for name in (f.name for f in dataclasses.fields(record)):
        if name != field:
            assert getattr(record, name) == getattr(other, name)


def test_wrong_types_deep_inside_are_named_in_order():
    record = movie(
        genres=[{"id": "18", "name": "Drama"}, "x", {"id": 35, "name": []}],
        videos={"results": [{"size": "1080", "published_at": "yesterday"}]},
    )
    assert record.genres == [Genre(18, "Drama"), Genre(35)]
    assert record.drift == (
        "Genre.id",
        "MovieDetails.genres",
        "Genre.name",
        "Video.size",
        "Video.published_at",
    )
    assert record.genres[0].drift == ("Genre.id",)
    assert record.genres[1].drift == ("Genre.name",)


@pytest.mark.parametrize(
    ("sent", "title", "drift"),
    [
        (rb'{"id":550,"title":"half \ud83d","x":1}', "half \ufffd", ("MovieDetails.title",)),
        (b'{"id":550,"title":"t","popularity":NaN}', "t", ("MovieDetails.popularity",)),
        (b'{"id":550,"title":"t","popularity":-Infinity}', "t", ("MovieDetails.popularity",)),
        (b'{"id":550,"title":"t","popularity":1e999}', "t", ("MovieDetails.popularity",)),
        (b'{"id":550,"title":"t","budget":-' + b"9" * 5000 + b"}", "t", ("MovieDetails.budget",)),
        (b'{"id":550,"title":"t","unknown":1e999}', "t", ()),
        (b'\xef\xbb\xbf{"id":550,"title":"t"}', "t", ()),
        (b' \r\n{"id":550,"title":"t"}\n', "t", ()),
    ],
)
def test_json_that_strict_decoders_refuse(sent, title, drift):
    record = decode(sent, MovieDetails)
    assert (record.id, record.title, record.drift) == (550, title, drift)
    assert record.raw == sent


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"[]", "a JSON array where an object was expected"),
        (b"null", "a JSON null where an object was expected"),
        (b"true", "a JSON boolean where an object was expected"),
        (b"7", "a JSON number where an object was expected"),
        (b"7.5", "a JSON number where an object was expected"),
        (b'"text"', "a JSON string where an object was expected"),
        (b'{"message":"Service Unavailable","code":[1e999]}', "without one field of MovieDetails"),
        (b'{"id":550', "not valid JSON"),
        (b'{"id":550}{"id":551}', "not valid JSON"),
        (b"Sorry", "not valid JSON"),
        (b'{"title":"\xff"}', "not valid JSON"),
        (b"\x1f\x8b\x08\x00", "not valid JSON"),
        (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "not valid JSON"),
        (b'{"genres":null,"x":' + b"[" * 200_000, "not valid JSON"),
    ],
)
def test_no_record_at_all(sent, words):
    with pytest.raises(ResponseError, match=words) as caught:
        decode(sent, MovieDetails)
    assert caught.value.retryable
    assert len(str(caught.value)) < 300


def test_a_record_of_nulls_is_one():
    assert decode(b"{}", MovieDetails) == MovieDetails()
    assert decode(b'{"id":null,"x":1}', MovieDetails) == MovieDetails()
    assert decode(b'{"results":[],"page":null}', Page[Genre]) == Page()
    with pytest.raises(ResponseError, match="without one field of Page"):
        decode(b'{"ok":true}', Page[Genre])


def test_an_object_where_a_list_is_due():
    for sent, word in ((b"{}", "object"), (b"null", "null"), (b'"x"', "string")):
        with pytest.raises(ResponseError, match=f"a JSON {word} where an array was expected"):
            decode(sent, list[Country])


def test_list_models():
    countries = decode(b'[{"iso_3166_1":"CA"},{"iso_3166_1":"US","english_name":null}]', list[Country])
    assert countries == [Country("CA"), Country("US")]
    mended = decode(b'[{"iso_3166_1":12,"zones":["a"]},5,null,{"zones":"b"}]', list[CountryTimezones])
    assert mended == [CountryTimezones("12", ["a"]), CountryTimezones()]
    assert [record.drift for record in mended] == [
        ("CountryTimezones.iso_3166_1",),
        ("CountryTimezones.zones",),
    ]
    assert decode(b'["en-US",5,null]', list[str]) == ["en-US", "5"]
    assert decode(b"[]", list[Country]) == []


@pytest.mark.parametrize(
    ("sent", "value"),
    [(b'{"a":[1,null]}', {"a": [1, None]}), (b"[1]", [1]), (b"null", None), (b'"x"', "x"), (b"1.5", 1.5)],
)
def test_plain_json(sent, value):
    assert decode(sent, Any) == value  # type: ignore[arg-type]


def test_plain_json_that_is_none():
    for sent in (b"", b"<html>", b"{"):
        with pytest.raises(ResponseError):
            decode(sent, Any)  # type: ignore[arg-type]


def test_pages():
    page = decode(
        b'{"page":2,"results":[{"id":1},{"id":2}],"total_pages":38020,"total_results":760385,"id":550}',
        Page[MovieListItem],
    )
    assert [item.id for item in page.results] == [1, 2]
    assert (page.last_page, page.id) == (500, 550)
    odd = decode(b'{"page":"2","results":[{"id":"1"},7,null],"total_pages":"3"}', Page[MovieListItem])
    assert odd.results == [MovieListItem(1)]
    assert (odd.page, odd.total_pages, odd.last_page) == (2, 3, 3)
    assert odd.drift == ("Page.page", "MovieListItem.id", "Page.results", "Page.results", "Page.total_pages")
    assert decode(b'{"results":[{"id":7}]}', Page[Review]).results == [Review("7")]
    assert Page[Genre]().last_page == 0
    assert decode(b'{"page":1,"results":[],"total_pages":0}', Page[Genre]).last_page == 0


def test_dated_pages():
    sent = b'{"dates":{"maximum":"2026-05-07","minimum":"%s"},"page":1,"results":[{"id":%s}],"total_pages":9}'
    page = decode(sent % (b"2026-03-26", b"7"), DatedPage[MovieListItem])
    assert page.dates is not None
    assert page.dates.maximum == datetime.date(2026, 5, 7)
    assert isinstance(page.results[0], MovieListItem)
    assert page.drift == ()
    odd = decode(sent % (b"soon", b'"7"'), DatedPage[MovieListItem])
    assert odd.dates is not None
    assert odd.dates.minimum is None
    assert odd.results == [MovieListItem(7)]
    assert odd.drift == ("DateRange.minimum", "MovieListItem.id")


SENT = {"air_date": "", "watch/providers": {"a_date": ""}, "x": "\u00e9"}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
@pytest.mark.parametrize(
    "around",
    [{}, {"release_date": ""}, {"runtime": "1"}, {"watch/providers": {}}, {"similar": None}],
    ids=str,
)
def test_any_values_are_as_they_were_sent(separators, around):
    """Whatever way the rest of the body makes the decoder take."""
    edit = {"value": SENT, "original_value": [SENT]}
    changes = {"changes": [{"key": "x", "items": [edit]}]}
    inside = json.dumps({"id": 1, "changes": changes, **around}, separators=separators).encode()
    for found in (
        decode(inside, MovieDetails).changes,
        decode(json.dumps({**changes, **around}, separators=separators).encode(), Changes),
    ):
        assert found is not None
        (item,) = found.changes[0].items
        assert (item.value, item.original_value) == (SENT, [SENT])


def test_any_values_below_a_season_are_too():
    rated = {"value_date": ""}
    season = {"air_date": "", "account_states": {"results": [{"rated": rated}]}}
    body = json.dumps({"id": 1, "first_air_date": "", "season/1": season}, separators=(",", ":")).encode()
    series = decode(body, TVDetails)
    assert series.drift == ()
    (found,) = series.appended_seasons
    assert found.air_date is None
    assert found.account_states is not None
    assert found.account_states.results[0].rated == rated


@pytest.mark.parametrize("number", [1, "1"], ids=["strict", "lenient"])
def test_seasons_in_their_order(number):
    body = {
        "id": 1,
        "number_of_seasons": number,
        "season/10": {"name": "J", "season_number": 10},
        "season/2": {"name": "B"},
        "season/0": {"name": "S", "season_number": None},
    }
    series = decode(json.dumps(body).encode(), TVDetails)
    assert [(season.season_number, season.name) for season in series.appended_seasons] == [
        (0, "S"),
        (2, "B"),
        (10, "J"),
    ]
    assert json.loads(series.raw) == body


def test_a_record_inside_knows_its_own_drift():
    record = movie(credits={"cast": [{"id": "1"}]}, runtime="1")
    assert record.credits is not None
    assert record.credits.drift == record.credits.cast[0].drift == ("CastMember.id",)
    providers = decode(b'{"results":{"CA":{"link":5},"US":{}}}', WatchProviders)
    assert [found.drift for found in providers.results.values()] == [("CountryWatchProviders.link",), ()]
    series = decode(b'{"id":1,"season/1":{"id":"1"},"season/2":{}}', TVDetails)
    assert [season.drift for season in series.appended_seasons] == [("SeasonDetails.id",), ()]


def test_any_fields_take_anything():
    for rated in (False, {"value": 8.5}, None, [1]):
        states = decode(json.dumps({"id": 1, "rated": rated}).encode(), AccountStates)
        assert states.rated == rated
        assert states.drift == ()


MODELS: list[Any] = [
    MovieDetails,
    Page[MovieListItem],
    DatedPage[MovieListItem],
    Images,
    ReleaseDates,
    WatchProviders,
    Changes,
    ConfigurationDetails,
    GenreList,
    Status,
    list[Country],
]
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    7.5,
    10**30,
    1e308,
    "",
    "7",
    "x",
    "2020-02-30",
    "\ud800",
    "\u0000",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"id": []},
    {"results": None},
    {"": 1},
]


def mutate(value: Any, dice: random.Random) -> Any:
    """Change one place of a JSON value, anywhere in it."""
    if dice.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return copy.deepcopy(dice.choice(ODD))
    if isinstance(value, dict):
        key = dice.choice(list(value))
        if dice.random() < 0.1:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: mutate(value[key], dice)}
    place = dice.randrange(len(value))
    return [*value[:place], mutate(value[place], dice), *value[place + 1 :]]


def test_no_body_of_any_shape_raises_anything_else():
    dice = random.Random(20260102)
    records = refused = 0
    for turn in range(4000):
        value: Any = MOVIE
        for _ in range(dice.randrange(1, 6)):
            value = mutate(value, dice)
        sent = json.dumps(value).encode()
        if turn % 5 == 0:
            place = dice.randrange(len(sent))
            sent = sent[:place] + dice.randbytes(dice.randrange(3)) + sent[place + dice.randrange(3) :]
        model = MovieDetails if turn % 2 else dice.choice(MODELS)
        try:
            record = decode(sent, model)
        except ResponseError:
            refused += 1
            continue
        records += 1
        if isinstance(record, Record):
            assert record.raw == sent
            check_types(record)
    assert records > 1500
    assert refused > 100


def check_types(record: Any) -> None:
    """A list field is a list, a number finite, text can be written as UTF-8."""
    blank = type(record)()
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(getattr(blank, field.name), list):
            assert isinstance(value, list)
            for part in value:
                assert part is not None
                if isinstance(part, Record):
                    check_types(part)
        elif isinstance(value, Record):
            check_types(value)
        elif isinstance(value, str):
            value.encode()


def test_an_object_without_one_field_costs_that_field_only():
    for name in MOVIE:
        sent = {key: value for key, value in MOVIE.items() if key != name}
        record = decode(json.dumps(sent).encode(), MovieDetails)
        field = name.replace("/", "_")
        assert getattr(record, field) == getattr(MovieDetails(), field)
        assert record.drift == ()


@pytest.mark.parametrize(
    ("sent", "read", "drifts"),
    [
        ("2010-06-16 23:26:16 UTC", datetime.datetime(2010, 6, 16, 23, 26, 16), False),
        ("2010-06-16T23:26:16 UTC", datetime.datetime(2010, 6, 16, 23, 26, 16), False),
        ("2010-06-16 23:26:16.500 UTC", datetime.datetime(2010, 6, 16, 23, 26, 16, 500_000), False),
        ("2010-06-16T23:26:16.000Z", datetime.datetime(2010, 6, 16, 23, 26, 16), False),
        ("2010-06-16", datetime.datetime(2010, 6, 16), True),
        ("", None, False),
        ("2010-06-31 23:26:16 UTC", None, True),
        ("yesterday", None, True),
    ],
)
def test_moments(sent, read, drifts):
    read = read and read.replace(tzinfo=datetime.timezone.utc)
    videos = decode(json.dumps({"results": [{"id": "a", "published_at": sent}]}).encode(), Videos)
    assert videos.results[0].published_at == read
    assert bool(videos.drift) == bool(videos.extras) == drifts
    changes = decode(
        json.dumps({"changes": [{"key": "k", "items": [{"time": sent, "value": sent}]}]}).encode(), Changes
    )
    assert (changes.changes[0].items[0].time, changes.changes[0].items[0].value) == (read, sent)
    token = decode(json.dumps({"success": True, "expires_at": sent}).encode(), RequestToken)
    assert (token.expires_at, bool(token.drift)) == (read, drifts)
