"""The parts of a generated series, apart from its seasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import entities, media_parts, words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.parts import alternative_titles, keywords
from tmdbfusion_scrapy.sandbox.people import aggregated, series_credits
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES
from tmdbfusion_scrapy.sandbox.texts import Texts, translations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tmdbfusion_scrapy.sandbox.catalogue import Facts

    Build = Callable[[Facts, Mapping[str, str], Draws], dict[str, Any]]
    Body = Callable[[int, str], dict[str, Any] | None]


class PartsOfSeries:
    """Builds parts.

    Args:
        seed: Seed of the catalogue.
        count: Highest id that similar and recommended series may have.
        people: Highest id of a person in the credits.
        texts: Texts of series.
        details: Gives the body of a series in a language.
        summary: Gives a series as a list shows it.
    """

    def __init__(
        self, seed: int, count: int, people: int, texts: Texts, details: Body, summary: Body
    ) -> None:
        self._seed = seed
        self._people = people
        self._texts = texts
        self._details = details

        def similar(facts: Facts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
            return media_parts.related(query, draws, facts.id, count, summary)

        def recommended(facts: Facts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
            page = similar(facts, query, draws)
            return {**page, "results": [{**item, "media_type": "tv"} for item in page["results"]]}

        self._builders: dict[str, Build] = {
            "account_states": lambda _facts, _query, draws: media_parts.account_states(draws),
            "aggregate_credits": self._aggregate_credits,
            "alternative_titles": lambda _facts, query, draws: {"results": alternative_titles(query, draws)},
            "changes": lambda _facts, _query, draws: media_parts.changes(draws, "overview"),
            "content_ratings": lambda _facts, _query, draws: _content_ratings(draws),
            "credits": lambda facts, _query, _draws: series_credits(seed, str(facts.id), people),
            "episode_groups": self._episode_groups,
            "external_ids": self._external_ids,
            "images": lambda facts, query, draws: media_parts.images(
                query, draws, facts.language, ("backdrops", "logos", "posters")
            ),
            "keywords": lambda _facts, _query, draws: {"results": keywords(seed, draws)},
            "lists": lambda _facts, query, draws: media_parts.lists(query, draws, {"iso_3166_1": "US"}),
            "recommendations": recommended,
            "reviews": lambda _facts, query, draws: media_parts.reviews(query, draws),
            "screened_theatrically": lambda _facts, _query, _draws: {"results": []},
            "similar": similar,
            "translations": self._translations,
            "videos": lambda _facts, query, draws: media_parts.videos(query, draws),
            "watch/providers": lambda facts, _query, draws: media_parts.watch_providers(
                f"tv/{facts.id}", draws
            ),
        }

    def build(self, facts: Facts, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without its ``id``; None for a name that TMDB does not know."""
        builder = self._builders.get(name)
        return None if builder is None else builder(facts, query, Draws("tv", name, self._seed, facts.id))

    def _aggregate_credits(self, facts: Facts, _query: Mapping[str, str], _draws: Draws) -> dict[str, Any]:
        episodes = (self._details(facts.id, "en-US") or {})["number_of_episodes"]
        return aggregated(series_credits(self._seed, str(facts.id), self._people), episodes)

    def _translations(self, facts: Facts, _query: Mapping[str, str], _draws: Draws) -> dict[str, Any]:
        original_name = (self._details(facts.id, "en-US") or {})["original_name"]

        def data(code: str, country: str) -> dict[str, Any] | None:
            language = f"{code}-{country}"
            texts = self._texts.translation(facts.id, facts.language, original_name, language, facts.revision)
            if not texts["title"]:
                return None
            # TMDB leaves a name out of the data where it equals the original one.
            name = "" if code == facts.language else texts["title"]
            return {"name": name, "overview": texts["overview"], "homepage": "", "tagline": texts["tagline"]}

        return translations(data)

    def _external_ids(self, facts: Facts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        return {
            "imdb_id": f"tt{80_000_000 + facts.id}" if draws.chance(0.8) else None,
            "freebase_mid": None,
            "freebase_id": None,
            "tvdb_id": 400_000 + facts.id if draws.chance(0.8) else None,
            "tvrage_id": None,
            "wikidata_id": f"Q{800_000_000 + facts.id}" if draws.chance(0.6) else None,
            "facebook_id": f"series{facts.id}" if draws.chance(0.2) else None,
            "instagram_id": f"series{facts.id}" if draws.chance(0.2) else None,
            "twitter_id": None,
        }

    def _episode_groups(self, facts: Facts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        episodes = (self._details(facts.id, "en-US") or {})["number_of_episodes"]
        return {
            "results": [
                {
                    "description": words.text(draws, "en", 1) if draws.chance(0.3) else "",
                    "episode_count": episodes,
                    "group_count": draws.between(1, 5),
                    "id": draws.identifier(),
                    "name": draws.pick(("Aired Order", "DVD Order", "Production Order")),
                    "network": entities.network(self._seed, draws.between(1, entities.NETWORKS)),
                    "type": draws.between(1, 7),
                }
                for _ in range(draws.below(3))
            ]
        }


def _content_ratings(draws: Draws) -> dict[str, Any]:
    """Ratings of some countries."""
    countries = dict.fromkeys(draws.pick(COUNTRIES)[0] for _ in range(draws.below(6)))
    return {
        "results": [
            {"descriptors": [], "iso_3166_1": country, "rating": draws.pick(("6", "12", "16", "TV-MA"))}
            for country in countries
        ]
    }
