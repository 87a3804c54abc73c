"""TMDB's reference data: genres, configuration, countries, languages. Keys are TMDB's, the lists are shortened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DATA = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))

MOVIE_GENRES: dict[int, str] = dict(_DATA["movie_genres"])
TV_GENRES: dict[int, str] = dict(_DATA["tv_genres"])
# Code, English name, native name.
COUNTRIES: list[tuple[str, str, str]] = [tuple(country) for country in _DATA["countries"]]
COUNTRY_NAMES = {code: english for code, english, _ in COUNTRIES}
LANGUAGES: dict[str, tuple[str, str]] = {code: (english, own) for code, english, own in _DATA["languages"]}
# Original languages as often as they occur, and the country that comes with each.
ORIGINAL_LANGUAGES: list[tuple[str, str]] = [
    (language, country) for language, country, times in _DATA["original_languages"] for _ in range(times)
]
TRANSLATIONS: list[tuple[str, str]] = [tuple(translation) for translation in _DATA["translations"]]
JOBS: dict[str, list[str]] = _DATA["jobs"]
# TMDB's codes that the sandbox sends: HTTP status and message.
STATUSES: dict[int, tuple[int, str]] = {code: (status, text) for code, status, text in _DATA["statuses"]}

# The answers below /configuration/ and /genre/, by path.
REFERENCE: dict[str, Any] = {
    "configuration": {"images": _DATA["images"], "change_keys": _DATA["change_keys"]},
    "configuration/countries": [
        {"iso_3166_1": code, "english_name": english, "native_name": native}
        for code, english, native in COUNTRIES
    ],
    "configuration/jobs": [{"department": name, "jobs": jobs} for name, jobs in JOBS.items()],
    "configuration/languages": [
        {"iso_639_1": code, "english_name": english, "name": native}
        for code, (english, native) in LANGUAGES.items()
    ],
    "configuration/primary_translations": [f"{language}-{country}" for language, country in TRANSLATIONS],
    "configuration/timezones": [
        {"iso_3166_1": code, "zones": zones} for code, zones in _DATA["timezones"].items()
    ],
    "genre/movie/list": {"genres": [{"id": key, "name": name} for key, name in MOVIE_GENRES.items()]},
    "genre/tv/list": {"genres": [{"id": key, "name": name} for key, name in TV_GENRES.items()]},
}
