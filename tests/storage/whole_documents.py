"""Made-up documents with every part that is stored, each of whose lists has two elements."""

from __future__ import annotations

from typing import Any

from tests.storage.stored_records import credit, listed, member, part

_DAY = "2024-05-06"


def _translation(language: str, country: str, **data: Any) -> dict[str, Any]:
    return {
        "iso_639_1": language,
        "iso_3166_1": country,
        "english_name": f"Language {language}",
        "name": f"name {language}",
        "data": data,
    }


def _image(path: str) -> dict[str, Any]:
    return {
        "file_path": path,
        "iso_639_1": "en",
        "iso_3166_1": "US",
        "width": 500,
        "height": 750,
        "aspect_ratio": 0.667,
        "vote_average": 5.5,
        "vote_count": 3,
    }


def _video(key: str) -> dict[str, Any]:
    return {
        "id": key,
        "name": f"Video {key}",
        "site": "YouTube",
        "key": f"k{key}",
        "type": "Trailer",
        "official": True,
        "size": 1080,
        "iso_639_1": "en",
        "iso_3166_1": "US",
        "published_at": "2024-05-06T10:11:12.000Z",
    }


def _named(*keys: int) -> list[dict[str, Any]]:
    return [{"id": key, "name": f"Named {key}"} for key in keys]


def _company(key: int) -> dict[str, Any]:
    return {"id": key, "name": f"Company {key}", "logo_path": f"/l{key}.png", "origin_country": "US"}


def _providers() -> dict[str, Any]:
    def provider(key: int) -> dict[str, Any]:
        return {
            "provider_id": key,
            "provider_name": f"Provider {key}",
            "logo_path": f"/p{key}.jpg",
            "display_priority": key,
        }

    return {
        "results": {
            "US": {"link": "https://example.org/us", "flatrate": [provider(1), provider(2)]},
            "DE": {"link": "https://example.org/de", "rent": [provider(1), provider(3)]},
        }
    }


def _crew(key: int, credit_id: str) -> dict[str, Any]:
    person = member(key, credit_id, job="Editor", department="Editing", gender=1, popularity=2.5)
    return {name: value for name, value in person.items() if name not in ("order", "character")}


def _whole_cast(start: int) -> dict[str, Any]:
    cast = []
    for key in (start, start + 1):
        person = member(key, "", original_name=f"P{key}", adult=False)
        del person["character"], person["credit_id"]
        roles = [
            {"credit_id": f"r{key}-{number}", "character": f"C{number}", "episode_count": number}
            for number in (1, 2)
        ]
        cast.append({**person, "roles": roles, "total_episode_count": 3})
    crew = []
    for key in (start + 2, start + 3):
        person = _crew(key, "")
        del person["job"], person["credit_id"]
        jobs = [
            {"credit_id": f"j{key}-{number}", "job": f"J{number}", "episode_count": number}
            for number in (1, 2)
        ]
        crew.append({**person, "jobs": jobs, "total_episode_count": 3})
    return {"cast": cast, "crew": crew}


def _shared_parts(name: str, **images: Any) -> dict[str, Any]:
    return {
        "images": images,
        "videos": {"results": [_video(f"{name}1"), _video(f"{name}2")]},
        "watch/providers": _providers(),
    }


def _title() -> dict[str, Any]:
    return {
        "adult": False,
        "backdrop_path": "/back.jpg",
        "genres": _named(11, 12),
        "homepage": "https://example.org",
        "origin_country": ["US", "DE"],
        "original_language": "en",
        "overview": "Overview",
        "popularity": 12.5,
        "poster_path": "/poster.jpg",
        "production_companies": [_company(21), _company(22)],
        "production_countries": [
            {"iso_3166_1": "US", "name": "United States"},
            {"iso_3166_1": "FR", "name": "France"},
        ],
        "softcore": False,
        "spoken_languages": [
            {"iso_639_1": "en", "english_name": "English", "name": "English"},
            {"iso_639_1": "de", "english_name": "German", "name": "Deutsch"},
        ],
        "status": "Released",
        "tagline": "Tagline",
        "vote_average": 7.5,
        "vote_count": 99,
    }


_ALTERNATIVES = [
    {"iso_3166_1": "US", "title": "Other 1", "type": ""},
    {"iso_3166_1": "DE", "title": "Other 2", "type": "short"},
]


def _movie() -> dict[str, Any]:
    dates = [
        {
            "certification": "PG",
            "descriptors": [],
            "iso_639_1": "en",
            "note": "",
            "release_date": "2024-05-06T00:00:00.000Z",
            "type": number,
        }
        for number in (1, 3)
    ]
    return {
        "id": 1,
        "title": "Movie",
        "original_title": "Original",
        **_title(),
        "belongs_to_collection": {
            "id": 5,
            "name": "Collection",
            "poster_path": "/c.jpg",
            "backdrop_path": "/cb.jpg",
        },
        "budget": 3_000_000_000,
        "imdb_id": "tt0000001",
        "release_date": _DAY,
        "revenue": 4_000_000_000,
        "runtime": 90,
        "video": False,
        **_shared_parts("m", posters=[_image("/a.jpg"), _image("/b.jpg")], logos=[_image("/l.png")]),
        "alternative_titles": {"titles": _ALTERNATIVES},
        "credits": {
            "cast": [
                member(101, "c1", cast_id=1, adult=False, gender=2, popularity=3.5),
                member(102, "c2", 1, cast_id=2, known_for_department="Acting"),
            ],
            "crew": [_crew(103, "c3"), _crew(104, "c4")],
        },
        "external_ids": {"imdb_id": "tt0000001", "wikidata_id": "Q1", "facebook_id": "f"},
        "keywords": {"keywords": _named(31, 32)},
        "release_dates": {
            "results": [
                {"iso_3166_1": "US", "release_dates": dates},
                {"iso_3166_1": "DE", "release_dates": dates},
            ]
        },
        "translations": {
            "translations": [
                _translation("de", "DE", title="T", overview="O", tagline="G", homepage="H", runtime=91),
                _translation("fr", "FR", title="t", overview="o", tagline="g", homepage="h", runtime=92),
            ]
        },
    }


def _episode(key: int, number: int, season: int) -> dict[str, Any]:
    guest = member(key * 10 + 1, f"g{key}-1")
    return part(
        key,
        number,
        air_date=_DAY,
        season_number=season,
        runtime=45,
        episode_type="standard",
        production_code="x",
        vote_average=6.5,
        vote_count=4,
        overview="Overview",
        still_path="/still.jpg",
        crew=[_crew(key * 10 + 3, f"w{key}-1"), _crew(key * 10 + 4, f"w{key}-2")],
        guest_stars=[guest, member(key * 10 + 2, f"g{key}-2", 1)],
    )


def _season(number: int) -> dict[str, Any]:
    return {
        "_id": f"internal{number}",
        "air_date": _DAY,
        "episodes": [_episode(number * 100 + 1, 1, number), _episode(number * 100 + 2, 2, number)],
        "name": f"Season {number}",
        "networks": [_company(23), _company(24)],
        "overview": "Overview",
        "poster_path": "/season.jpg",
        "season_number": number,
        "vote_average": 8.5,
        **_shared_parts(f"s{number}", posters=[_image("/sa.jpg"), _image("/sb.jpg")]),
        "aggregate_credits": _whole_cast(2000 + number * 10),
        "external_ids": {"tvdb_id": 700 + number, "wikidata_id": f"Q{number}"},
        "translations": {
            "translations": [
                _translation("de", "DE", name="N", overview="O"),
                _translation("fr", "FR", name="n", overview="o"),
            ]
        },
    }


def _tv_show() -> dict[str, Any]:
    aired = {
        name: value for name, value in _episode(102, 2, 1).items() if name not in ("crew", "guest_stars")
    }
    return {
        "id": 1,
        "name": "Series",
        "original_name": "Original",
        **_title(),
        "created_by": [
            {
                "id": key,
                "credit_id": f"cr{key}",
                "name": f"Creator {key}",
                "original_name": f"Creator {key}",
                "gender": 1,
                "profile_path": f"/{key}.jpg",
            }
            for key in (111, 112)
        ],
        "episode_run_time": [45, 50],
        "first_air_date": _DAY,
        "in_production": True,
        "languages": ["en", "es"],
        "last_air_date": _DAY,
        "last_episode_to_air": aired,
        "networks": [_company(25), _company(26)],
        "next_episode_to_air": None,
        "number_of_episodes": 4,
        "number_of_seasons": 2,
        "seasons": [
            listed(10 + number, number, air_date=_DAY, overview="O", poster_path="/l.jpg", vote_average=8.5)
            for number in (1, 2)
        ],
        "type": "Scripted",
        **_shared_parts("t", posters=[_image("/ta.jpg"), _image("/tb.jpg")]),
        "aggregate_credits": _whole_cast(3000),
        "alternative_titles": {"results": _ALTERNATIVES},
        "content_ratings": {
            "results": [
                {"iso_3166_1": "US", "rating": "TV-MA", "descriptors": []},
                {"iso_3166_1": "DE", "rating": "16", "descriptors": []},
            ]
        },
        "external_ids": {"imdb_id": "tt1", "tvdb_id": 81189, "tvrage_id": 5, "wikidata_id": "Q1"},
        "keywords": {"results": _named(33, 34)},
        "translations": {
            "translations": [
                _translation("de", "DE", name="N", overview="O", tagline="G", homepage="H"),
                _translation("fr", "FR", name="n", overview="o", tagline="g", homepage="h"),
            ]
        },
        "season/1": _season(1),
        "season/2": _season(2),
    }


def _person() -> dict[str, Any]:
    return {
        "id": 1,
        "name": "Person",
        "adult": False,
        "also_known_as": ["One", "Two"],
        "biography": "Biography",
        "birthday": "1950-01-02",
        "deathday": "2020-03-04",
        "gender": 2,
        "homepage": "https://example.org",
        "imdb_id": "nm0000001",
        "known_for_department": "Acting",
        "place_of_birth": "Somewhere",
        "popularity": 5.5,
        "profile_path": "/person.jpg",
        "combined_credits": {
            "cast": [
                credit(201, "p1", media_type="movie", order=1, release_date=_DAY, vote_average=5.5),
                credit(202, "p2", media_type="movie", order=2, adult=False, popularity=1.5),
            ],
            "crew": [
                {
                    "id": key,
                    "name": f"Series {key}",
                    "credit_id": f"q{key}",
                    "media_type": "tv",
                    "department": "Editing",
                    "job": "Editor",
                    "episode_count": 3,
                    "first_air_date": _DAY,
                }
                for key in (301, 302)
            ],
        },
        "external_ids": {"imdb_id": "nm0000001", "wikidata_id": "Q1", "tvrage_id": 7},
        "images": {"profiles": [_image("/pa.jpg"), _image("/pb.jpg")]},
        "translations": {
            "translations": [
                _translation("de", "DE", name="N", biography="B"),
                _translation("fr", "FR", name="n", biography="b"),
            ]
        },
    }


def _collection() -> dict[str, Any]:
    return {
        "id": 5,
        "name": "Collection",
        "original_name": "Original",
        "original_language": "en",
        "overview": "Overview",
        "poster_path": "/c.jpg",
        "backdrop_path": "/cb.jpg",
        "parts": [
            {
                "id": key,
                "title": f"Movie {key}",
                "original_title": f"Original {key}",
                "original_language": "en",
                "release_date": _DAY,
                "popularity": 1.5,
                "vote_average": 5.5,
                "vote_count": 7,
                "adult": False,
                "video": False,
                "overview": "O",
                "poster_path": f"/{key}.jpg",
                "backdrop_path": f"/b{key}.jpg",
                "genre_ids": [1, 2],
                "media_type": "movie",
            }
            for key in (51, 52)
        ],
    }


WHOLE = {"movies": _movie(), "tv_shows": _tv_show(), "people": _person(), "collections": _collection()}
"""A document of each kind, by its table."""
