"""Documents as TMDB sends them, made up: movies of 20 KB with 70 related rows each, and a series of 460 KB.

Each is a function of its number, and so are people, companies and keywords of theirs: two movies say the same of a
person. The second edition is what a crawl finds some days later: other popularities and votes everywhere, and in
each tenth movie a role less and another keyword.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAST, _CREW, _KEYWORDS = 25, 20, 8
_SEASONS, _EPISODES = 20, 1464
_WORDS = ("alpha", "beta", "gamma", "delta", "omega", "a", "of", "the", "night", "river", "stone")
_COUNTRIES = ("US", "GB", "DE", "FR", "IT")
_JOBS = (("Directing", "Director"), ("Writing", "Screenplay"), ("Sound", "Sound Editor"), ("Camera", "Grip"))


def movies(first: int, count: int, *, edition: int = 1) -> Iterator[bytes]:
    """Documents of movies with these ids."""
    return (movie(number, edition=edition) for number in range(first, first + count))


def movie(number: int, *, edition: int = 1) -> bytes:
    """The document of a movie with credits, keywords, external ids, release dates and translations."""
    pick = random.Random(number)
    changed = edition > 1 and number % 10 == 0
    keywords = pick.sample(range(1, 30_000), _KEYWORDS)
    if changed:
        keywords[0] = 30_000
    cast = [
        person(_person_id(pick), edition)
        | {
            "cast_id": place,
            "character": _text(pick, 2),
            "credit_id": f"{number:012x}{place:012x}",
            "order": place,
        }
        for place in range(_CAST)
    ]
    crew = [
        person(_person_id(pick), edition) | {"credit_id": f"{number:012x}{100 + place:012x}"} | _job(pick)
        for place in range(_CREW)
    ]
    document = {
        "adult": False,
        "id": number,
        "title": _text(pick, 3),
        "original_title": _text(pick, 3),
        "original_language": "en",
        "overview": _text(pick, 60),
        "tagline": _text(pick, 8),
        "release_date": f"{1950 + number % 75}-10-{1 + number % 28:02}",
        "budget": 1000 * pick.randrange(100_000),
        "revenue": 1000 * pick.randrange(3_000_000),
        "runtime": pick.randrange(70, 200),
        "popularity": pick.randrange(100_000) / 1000 + edition,
        "vote_average": pick.randrange(10_000) / 1000,
        "vote_count": pick.randrange(10_000) + edition,
        "video": False,
        "status": "Released",
        "imdb_id": f"tt{number:07}",
        "poster_path": f"/{number:030x}.jpg",
        "backdrop_path": f"/{number:029x}b.jpg",
        "genres": [{"id": key, "name": f"Genre {key}"} for key in pick.sample(range(1, 20), 3)],
        "production_companies": [
            {"id": key, "name": f"Company {key}", "logo_path": None, "origin_country": "US"}
            for key in pick.sample(range(1, 20_000), 3)
        ],
        "production_countries": [{"iso_3166_1": "US", "name": "United States of America"}],
        "origin_country": ["US"],
        "spoken_languages": [{"iso_639_1": "en", "english_name": "English", "name": "English"}],
        "credits": {"cast": cast[:-1] if changed else cast, "crew": crew},
        "keywords": {"keywords": [{"id": key, "name": f"keyword {key}"} for key in keywords]},
        "external_ids": {
            "imdb_id": f"tt{number:07}",
            "wikidata_id": f"Q{number}",
            "facebook_id": None,
            "instagram_id": None,
            "twitter_id": None,
        },
        "release_dates": {"results": [_release(country) for country in _COUNTRIES]},
        "translations": {"translations": [_translation(pick, language) for language in ("de", "fr", "it")]},
    }
    return msgspec.json.encode(document)


def series(number: int) -> bytes:
    """The document of a series with twenty seasons and all of their episodes."""
    pick = random.Random(number)
    seasons: list[dict[str, Any]] = [
        {"id": number * 100 + season, "season_number": season, "name": f"Season {season}"}
        for season in range(1, _SEASONS + 1)
    ]
    document: dict[str, Any] = {
        "id": number,
        "name": _text(pick, 3),
        "overview": _text(pick, 60),
        "first_air_date": "1969-11-10",
        "number_of_episodes": _EPISODES,
        "number_of_seasons": _SEASONS,
        "seasons": seasons,
    }
    for season in seasons:
        place = season["season_number"]
        episodes = range(place, _EPISODES + 1, _SEASONS)
        document[f"season/{place}"] = {
            "_id": f"{season['id']:024x}",
            "name": season["name"],
            "season_number": place,
            "episodes": [_episode(pick, number, place, episode) for episode in episodes],
        }
    return msgspec.json.encode(document)


def person(number: int, edition: int) -> dict[str, Any]:
    """What a cast or a crew says of a person."""
    return {
        "adult": False,
        "gender": number % 3,
        "id": number,
        "known_for_department": "Acting" if number % 2 else "Directing",
        "name": f"Name of {number}",
        "original_name": f"Name of {number}",
        "popularity": number % 5000 / 100 + edition,
        "profile_path": f"/{number:030x}.jpg",
    }


def _person_id(pick: random.Random) -> int:
    """A person of 400,000: few are in many movies, most in one or two.

    About as many different ones in 4,800 movies as the well-known set "TMDB 5000" has in as many.
    """
    return int(400_000 * pick.random() ** 3) + 1


def _job(pick: random.Random) -> dict[str, str]:
    """What one of a crew does."""
    department, job = pick.choice(_JOBS)
    return {"department": department, "job": job}


def _release(country: str) -> dict[str, Any]:
    """A release date with its certification."""
    release = {
        "certification": "PG",
        "descriptors": [],
        "iso_639_1": "",
        "note": "",
        "release_date": "1999-10-15T00:00:00.000Z",
        "type": 3,
    }
    return {"iso_3166_1": country, "release_dates": [release]}


def _translation(pick: random.Random, language: str) -> dict[str, Any]:
    """Texts in another language."""
    data = {
        "homepage": "",
        "overview": _text(pick, 300),
        "runtime": 0,
        "tagline": "",
        "title": _text(pick, 3),
    }
    names = {
        "iso_3166_1": language.upper(),
        "iso_639_1": language,
        "name": language,
        "english_name": language,
    }
    return {**names, "data": data}


def _episode(pick: random.Random, show: int, season: int, number: int) -> dict[str, Any]:
    """An episode as its season lists it."""
    return {
        "air_date": "1990-01-05",
        "episode_number": number,
        "id": show * 10_000 + number,
        "name": f"Episode {number}",
        "overview": _text(pick, 8),
        "production_code": "",
        "runtime": 55,
        "season_number": season,
        "show_id": show,
        "still_path": f"/{number:030x}.jpg",
        "vote_average": 7.5,
        "vote_count": 12,
        "crew": [],
        "guest_stars": [],
    }


def _text(pick: random.Random, words: int) -> str:
    """Some words."""
    return " ".join(pick.choices(_WORDS, k=words))
