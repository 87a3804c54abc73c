"""A small library of made-up movies, series and people, as TMDB would send them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tests.storage.database_access import failed_call
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import TVDetails
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.storage.rows import Item

FETCHED_AT = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

HANKS = {"id": 31, "name": "Tom Hanks", "known_for_department": "Acting", "popularity": 40.5}
VALE = {"id": 7001, "name": "Ana Vale", "known_for_department": "Directing"}
BROOK = {"id": 7002, "name": "Otto Brook", "known_for_department": "Directing"}
LINDT = {"id": 7003, "name": "Mia Lindt", "known_for_department": "Acting"}

DRAMA = {"id": 18, "name": "Drama"}
SCIENCE_FICTION = {"id": 878, "name": "Science Fiction"}
SPACE = {"id": 9882, "name": "space"}
ROBOT = {"id": 14544, "name": "robot"}
SEA = {"id": 270, "name": "sea"}

STREAMLY = {"provider_id": 8, "provider_name": "Streamly", "display_priority": 1}
FLIXO = {"provider_id": 9, "provider_name": "Flixo", "display_priority": 2}


def store(url: str, items: Sequence[Item]) -> None:
    """Store items in one batch, as the writer does."""
    engine = open_database(url)
    try:
        store_batch(engine, [(item, FETCHED_AT) for item in items])
    finally:
        engine.dispose()


def movie(movie_id: int, title: str, director: dict[str, Any], **fields: Any) -> MovieDetails:
    """A movie with its director, and a cast of people and characters in ``cast``."""
    cast = [
        {**person, "credit_id": f"m{movie_id}c{order}", "character": character, "order": order}
        for order, (person, character) in enumerate(fields.pop("cast", ()))
    ]
    crew = [{**director, "credit_id": f"m{movie_id}d", "department": "Directing", "job": "Director"}]
    document = {
        "id": movie_id,
        "title": title,
        "original_title": title,
        "original_language": "en",
        "credits": {"cast": cast, "crew": crew},
        **fields,
    }
    return decode(json.dumps(document).encode(), MovieDetails)


def certified(**ratings: str) -> dict[str, Any]:
    """``release_dates`` with one certification a country."""
    return {
        "results": [
            {
                "iso_3166_1": country,
                "release_dates": [
                    {"certification": "", "release_date": "2019-01-01T00:00:00.000Z", "type": 1},
                    {"certification": rating, "release_date": "2019-02-01T00:00:00.000Z", "type": 3},
                ],
            }
            for country, rating in ratings.items()
        ]
    }


def translated(**titles: str) -> dict[str, Any]:
    """``translations`` by language and country, as ``de_AT``."""
    return {
        "translations": [
            {"iso_639_1": locale[:2], "iso_3166_1": locale[3:], "data": {"title": title}}
            for locale, title in titles.items()
        ]
    }


MOVIES = [
    movie(
        101,
        "The Tin Orbit",
        VALE,
        cast=[(HANKS, "Captain Roe"), (LINDT, "Unit 9")],
        release_date="2019-05-03",
        runtime=129,
        revenue=900_000_000,
        vote_average=8.0,
        vote_count=9_000,
        popularity=80.0,
        genres=[SCIENCE_FICTION, DRAMA],
        keywords={"keywords": [SPACE, ROBOT]},
        release_dates=certified(US="PG-13", GB="12A", FR="TP"),
        translations=translated(de_DE="Blechmond", fr_FR="La Lune"),
        external_ids={"imdb_id": "tt0137523", "wikidata_id": "Q1"},
        **{
            "watch/providers": {
                "results": {
                    "US": {"flatrate": [STREAMLY, FLIXO], "buy": [FLIXO]},
                    "DE": {"flatrate": [FLIXO]},
                }
            }
        },
    ),
    movie(
        102,
        "Salt Road",
        VALE,
        cast=[(LINDT, "Ines"), (HANKS, "Old Sailor")],
        release_date="2019-11-22",
        revenue=120_000_000,
        vote_average=7.0,
        vote_count=1_500,
        popularity=20.0,
        genres=[DRAMA],
        keywords={"keywords": [SEA]},
        release_dates=certified(DE="6", US="R"),
        translations=translated(de_DE="", de_AT="Salzstraße"),
    ),
    movie(
        103,
        "Der Sprung",
        BROOK,
        cast=[(LINDT, "Mia"), (VALE, "Herself")],
        original_language="de",
        original_title="Der Sprung ins Blaue",
        release_date="2021-03-01",
        revenue=40_000_000,
        vote_average=6.0,
        vote_count=800,
        popularity=50.0,
        genres=[SCIENCE_FICTION],
        keywords={"keywords": [SPACE]},
        translations=translated(de_DE=""),
        **{"watch/providers": {"results": {"US": {"rent": [STREAMLY]}}}},
    ),
    movie(
        104,
        "Second Jump",
        BROOK,
        release_date="2021-09-09",
        revenue=40_000_000,
        vote_average=9.0,
        vote_count=600,
        genres=[SCIENCE_FICTION],
    ),
    # Few have seen it, and it has no date yet.
    movie(105, "Untitled", BROOK, cast=[(HANKS, None)], release_date="", vote_average=10.0, vote_count=3),
]


def episode(season: int, number: int, name: str, rating: float, votes: int) -> dict[str, Any]:
    """An episode in a season's answer."""
    return {
        "id": 5000 + 100 * season + number,
        "show_id": 501,
        "season_number": season,
        "episode_number": number,
        "name": name,
        "vote_average": rating,
        "vote_count": votes,
        "crew": [],
        "guest_stars": [],
    }


SERIES = decode(
    json.dumps(
        {
            "id": 501,
            "name": "Harbour Lights",
            "original_name": "Harbour Lights",
            "first_air_date": "2015-01-10",
            "seasons": [{"id": 601, "season_number": 1}, {"id": 602, "season_number": 2}],
            "season/1": {
                "season_number": 1,
                "episodes": [
                    episode(1, 1, "Fog", 7.0, 10),
                    episode(1, 2, "Ebb", 8.5, 12),
                    episode(1, 3, "Not yet seen", 0.0, 0),
                ],
            },
            "season/2": {"season_number": 2, "episodes": [episode(2, 1, "Return", 9.0, 4)]},
            "aggregate_credits": {
                "cast": [
                    {
                        **HANKS,
                        "order": 0,
                        "roles": [
                            {"credit_id": "t501a", "character": "The Keeper", "episode_count": 4},
                            {"credit_id": "t501b", "character": "His Brother", "episode_count": 1},
                        ],
                    }
                ],
                "crew": [],
            },
            "external_ids": {"imdb_id": "tt7000501", "tvdb_id": 137523},
            "watch/providers": {"results": {"US": {"flatrate": [STREAMLY]}}},
        }
    ).encode(),
    TVDetails,
)

PERSON = decode(
    json.dumps(
        {
            **HANKS,
            "birthday": "1956-07-09",
            "external_ids": {"imdb_id": "nm0000158"},
            "movie_credits": {
                "cast": [
                    {
                        "id": 199,
                        "title": "Early Bird",
                        "release_date": "1999-08-20",
                        "credit_id": "m199c",
                        "character": "Young Man",
                        "order": 3,
                    }
                ],
                "crew": [],
            },
        }
    ).encode(),
    PersonDetails,
)

FAILURES = [
    failed_call(4),
    failed_call(5, status_code=503, error="ServerError", retryable=True),
    failed_call(6),
]

LIBRARY: list[Item] = [*MOVIES, SERIES, PERSON, *FAILURES]
