"""The parts of a generated movie: what append_to_response adds and ``movie/{id}/<part>`` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import entities, media_parts, words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.people import movie_credits
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES
from tmdbfusion_scrapy.sandbox.texts import Texts, translations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tmdbfusion_scrapy.sandbox.catalogue import Facts

    Build = Callable[[Facts, Mapping[str, str], Draws], dict[str, Any]]


class PartsOfMovie:
    """Builds parts.

    Args:
        seed: Seed of the catalogue.
        movies: Highest id that similar and recommended movies may have.
        people: Highest id of a person in the credits.
        details: Gives the body of a movie in a language.
        summary: Gives a movie as a list shows it.
    """

    def __init__(
        self,
        seed: int,
        movies: int,
        people: int,
        details: Callable[[int, str], dict[str, Any] | None],
        summary: Callable[[int, str], dict[str, Any] | None],
    ) -> None:
        self._seed = seed
        self._details = details
        self.texts = Texts("", seed)

        def related(facts: Facts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
            return media_parts.related(query, draws, facts.id, movies, summary)

        self._builders: dict[str, Build] = {
            "account_states": lambda _facts, _query, draws: media_parts.account_states(draws),
            "alternative_titles": self._alternative_titles,
            "changes": lambda _facts, _query, draws: media_parts.changes(draws, "overview"),
            "credits": lambda facts, _query, _draws: movie_credits(seed, facts.id, people),
            "external_ids": self._external_ids,
            "images": lambda facts, query, draws: media_parts.images(
                query, draws, facts.language, ("backdrops", "logos", "posters")
            ),
            "keywords": lambda _facts, _query, draws: {"keywords": keywords(seed, draws)},
            "lists": lambda _facts, query, draws: media_parts.lists(query, draws, {"list_type": "movie"}),
            "recommendations": related,
            "release_dates": self._release_dates,
            "reviews": lambda _facts, query, draws: media_parts.reviews(query, draws),
            "similar": related,
            "translations": self._translations,
            "videos": lambda _facts, query, draws: media_parts.videos(query, draws),
            "watch/providers": lambda facts, _query, draws: media_parts.watch_providers(
                f"movie/{facts.id}", draws
            ),
        }

    def build(self, facts: Facts, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without its ``id``; None for a name that TMDB does not know."""
        builder = self._builders.get(name)
        return None if builder is None else builder(facts, query, Draws(name, self._seed, facts.id))

    def _translations(self, facts: Facts, _query: Mapping[str, str], _draws: Draws) -> dict[str, Any]:
        original_title = (self._details(facts.id, "en-US") or {})["original_title"]

        def data(code: str, country: str) -> dict[str, Any] | None:
            language = f"{code}-{country}"
            texts = self.texts.translation(facts.id, facts.language, original_title, language, facts.revision)
            if not texts["title"]:
                return None
            # TMDB leaves a title out of the data where it equals the original one.
            title = "" if code == facts.language else texts["title"]
            return {**texts, "title": title, "homepage": "", "runtime": facts.runtime}

        return translations(data)

    def _external_ids(self, facts: Facts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        details = self._details(facts.id, "en-US") or {}
        return {
            "imdb_id": details["imdb_id"],
            "wikidata_id": f"Q{900_000_000 + facts.id}" if draws.chance(0.6) else None,
            "facebook_id": f"movie{facts.id}" if draws.chance(0.2) else None,
            "instagram_id": f"movie{facts.id}" if draws.chance(0.2) else None,
            "twitter_id": None,
        }

    def _alternative_titles(self, _facts: Facts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        return {"titles": alternative_titles(query, draws)}

    def _release_dates(self, facts: Facts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        details = self._details(facts.id, "en-US") or {}
        day = details["release_date"]
        countries = dict.fromkeys(draws.pick(COUNTRIES)[0] for _ in range(draws.below(12))) if day else {}
        return {
            "results": [
                {
                    "iso_3166_1": country,
                    "release_dates": [
                        {
                            "certification": draws.pick(("", "12", "15", "PG-13", "R")),
                            "descriptors": [],
                            "iso_639_1": "",
                            "note": draws.pick(("", "", "", "Sandbox Film Festival")),
                            "release_date": f"{day}T00:00:00.000Z",
                            "type": kind,
                        }
                        for kind in ((3,) if draws.chance(0.7) else (3, 4))
                    ],
                }
                for country in countries
            ]
        }


def keywords(seed: int, draws: Draws) -> list[dict[str, Any]]:
    """Some keywords, each once."""
    ids = dict.fromkeys(draws.between(1, entities.KEYWORDS) for _ in range(draws.below(15)))
    return [entities.keyword(seed, key) for key in ids]


def alternative_titles(query: Mapping[str, str], draws: Draws) -> list[dict[str, Any]]:
    """Other titles, of one country if the query names one."""
    titles = [
        {
            "iso_3166_1": draws.pick(COUNTRIES)[0],
            "title": words.english_title(draws),
            "type": draws.pick(("", "", "working title", "short title")),
        }
        for _ in range(draws.below(7))
    ]
    country = query.get("country")
    return [item for item in titles if not country or item["iso_3166_1"] == country]
