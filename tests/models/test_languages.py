"""Texts in the best language there is, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from itemadapter import ItemAdapter

from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.languages import apply_languages
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import EpisodeDetails, SeasonDetails, TVDetails

MOVIE: dict[str, Any] = {
    "id": 1,
    "original_language": "fr",
    "original_title": "Le Fil",
    "title": "as sent",
    "overview": "as sent",
    "tagline": "as sent",
    "homepage": "as sent",
    "runtime": 90,
}


def entry(language: str, country: str | None, **data: Any) -> dict[str, Any]:
    return {"iso_639_1": language, "iso_3166_1": country, "name": "its own name", "data": data}


def decoded(model: Any, fields: dict[str, Any], *entries: Any, languages: Any = ()) -> Any:
    body = json.dumps({**fields, "translations": {"translations": entries}}).encode()
    record = decode(body, model)
    apply_languages(record, languages)
    assert record.raw == body
    return record


def movie(*entries: Any, languages: Any, **fields: Any) -> Any:
    return decoded(MovieDetails, {**MOVIE, **fields}, *entries, languages=languages)


def test_each_field_is_chosen_for_itself():
    found = movie(
        entry("en", "US", title="The Thread", overview="en", tagline="en", homepage=""),
        entry("fr", "FR", title="", overview="fr", tagline=" ", homepage=None),
        entry("fr", "CA", title="Le Fil (Q)", overview="", tagline="", runtime=91),
        languages=["fr-CA", "fr", "en"],
    )
    assert (found.title, found.overview, found.tagline, found.homepage) == (
        "Le Fil (Q)",
        "fr",
        "en",
        "as sent",
    )
    assert found.field_languages == {"title": "fr-CA", "overview": "fr-FR", "tagline": "en-US"}
    assert found.runtime == 90
    assert found.translations.translations[0].name == "its own name"


@pytest.mark.parametrize(
    ("languages", "tag"),
    [
        (["pt-BR"], "pt-BR"),
        (["pt-AO"], None),
        (["pt"], "pt-PT"),
        (["pt-br"], "pt-BR"),
        (["es"], "es-MX"),
        (["es", "pt"], "es-MX"),
        (["de", "pt"], "pt-PT"),
        (["en"], "en-US"),
        (["zh"], "zh-CN"),
        (["ar"], "ar-SA"),
        (["ms"], "ms-MY"),
        (["ja"], "ja-JP"),
        (["la"], "la"),
        (["xx"], None),
        ([], None),
    ],
)
def test_the_country_of_a_language(languages, tag):
    found = movie(
        *(
            entry(language, country, overview=f"{language}-{country}" if country else language)
            for language, country in [
                ("pt", "BR"),
                ("pt", "PT"),
                ("es", "MX"),
                ("es", "AR"),
                ("en", "GB"),
                ("en", "US"),
                ("zh", "TW"),
                ("zh", "CN"),
                ("ar", "AE"),
                ("ar", "SA"),
                ("ms", "SG"),
                ("ms", "MY"),
                ("ja", "JP"),
                ("la", None),
            ]
        ),
        languages=languages,
    )
    assert found.overview == (tag or "as sent")
    assert found.field_languages == ({"overview": tag} if tag else {})


@pytest.mark.parametrize(
    ("languages", "entries", "title", "tag"),
    [
        # TMDB leaves the title empty in the translation of the original language.
        (["fr"], [entry("fr", "FR", title="")], "Le Fil", "fr"),
        (["fr", "en"], [entry("en", "US", title="The Thread")], "Le Fil", "fr"),
        (["fr-CA", "en"], [entry("fr", "CA", title=""), entry("en", "US", title="X")], "Le Fil", "fr"),
        (["fr-CA"], [entry("fr", "CA", title="Fil"), entry("en", "US", title="X")], "Fil", "fr-CA"),
        # The original is the language's own country's, not another's.
        (["fr"], [entry("fr", "CA", title="Fil"), entry("fr", "FR", title="")], "Le Fil", "fr"),
        (["fr"], [entry("fr", "FR", title="Fil")], "Fil", "fr-FR"),
        (["en", "fr"], [entry("en", "US", title="")], "Le Fil", "fr"),
        (["en"], [entry("en", "US", title="")], "as sent", None),
    ],
)
def test_the_original_title(languages, entries, title, tag):
    found = movie(entry("de", "DE", title="Der Faden"), *entries, languages=languages)
    assert found.title == title
    assert found.field_languages == ({"title": tag} if tag else {})


def test_without_an_original_title_the_next_language_has_it():
    found = movie(entry("en", "US", title="The Thread"), languages=["fr", "en"], original_title="")
    assert (found.title, found.field_languages) == ("The Thread", {"title": "en-US"})


def test_a_series():
    fields = {"id": 1, "original_language": "ja", "original_name": "糸", "name": "Thread", "overview": ""}
    data = {"name": "", "overview": "ja", "homepage": "h", "tagline": "t"}
    found = decoded(TVDetails, fields, entry("ja", "JP", **data), languages=["ja"])
    assert (found.name, found.overview, found.homepage, found.tagline) == ("糸", "ja", "h", "t")
    tags = {"name": "ja", "overview": "ja-JP", "homepage": "ja-JP", "tagline": "ja-JP"}
    assert found.field_languages == tags


@pytest.mark.parametrize("model", [SeasonDetails, EpisodeDetails])
def test_a_season_and_an_episode(model):
    fields = {"id": 1, "name": "One", "overview": "o"}
    found = decoded(model, fields, entry("fr", "FR", name="Un", overview=""), languages=["fr"])
    assert (found.name, found.overview, found.field_languages) == ("Un", "o", {"name": "fr-FR"})


def test_a_person():
    fields = {"id": 1, "name": "Ann", "biography": ""}
    found = decoded(
        PersonDetails, fields, entry("fr", "FR", biography="bio", name=""), languages=["de", "fr"]
    )
    assert (found.name, found.biography) == ("Ann", "bio")
    assert found.field_languages == {"biography": "fr-FR"}


@pytest.mark.parametrize(
    "translations",
    [
        None,
        {},
        {"translations": None},
        {"translations": [{"iso_639_1": "fr"}, {"data": {"title": "x"}}]},
        [1],
    ],
)
def test_translations_that_are_not_there_change_nothing(translations):
    record = decode(json.dumps({**MOVIE, "translations": translations}).encode(), MovieDetails)
    apply_languages(record, ["fr-CA", "en"])
    assert (record.title, record.overview, record.field_languages) == ("as sent", "as sent", {})


def test_a_record_without_translations_at_all():
    record = decode(b'{"id": 1, "name": "x"}', EpisodeDetails)
    apply_languages(record, ["en"])
    assert record.name == "x"


def test_the_languages_are_no_field():
    found = movie(entry("en", "US", title="The Thread"), languages=["en"])
    assert ItemAdapter(found)["title"] == "The Thread"
    assert "field_languages" not in ItemAdapter(found).asdict()
