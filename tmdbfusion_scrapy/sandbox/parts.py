"""The parts of a generated movie: what append_to_response adds and ``movie/{id}/<part>`` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.catalogue import summary
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.people import credits_of
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES, LANGUAGES, TRANSLATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tmdbfusion_scrapy.sandbox.catalogue import MovieFacts

_KEYWORDS = 20_000
_RELATED_PAGES = 2
_PROVIDERS = tuple((8 + 3 * number, f"Sandbox Stream {number + 1}") for number in range(8))
_VIDEO_TYPES = ("Trailer", "Teaser", "Clip", "Featurette", "Behind the Scenes")


class PartsOfMovie:
    """Builds parts. ``details`` gives the bodies that similar and recommended movies are summarised from."""

    def __init__(self, seed: int, movies: int, details: Callable[[int, str], dict[str, Any] | None]) -> None:
        self._seed = seed
        self._movies = movies
        self._details = details
        self._builders: dict[str, Callable[[MovieFacts, Mapping[str, str], Draws], dict[str, Any]]] = {
            "account_states": self._account_states,
            "alternative_titles": self._alternative_titles,
            "changes": self._changes,
            "credits": lambda facts, _query, _draws: credits_of(seed, facts.id),
            "external_ids": self._external_ids,
            "images": self._images,
            "keywords": self._keywords,
            "lists": self._lists,
            "recommendations": self._related,
            "release_dates": self._release_dates,
            "reviews": self._reviews,
            "similar": self._related,
            "translations": self._translations,
            "videos": self._videos,
            "watch/providers": self._watch_providers,
        }

    def build(self, facts: MovieFacts, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without its ``id``; None for a name that TMDB does not know."""
        builder = self._builders.get(name)
        return None if builder is None else builder(facts, query, Draws(name, self._seed, facts.id))

    def translation(self, movie_id: int, original: str, original_title: str, language: str) -> dict[str, str]:
        """Title, overview and tagline in a language; empty without a translation: TMDB does not fall back."""
        code, _, country = language.partition("-")
        for key in TRANSLATIONS:
            if key[0] == code and (not country or key[1] == country):
                break
        else:
            key = (code, country)
        if key[0] not in {"en", original} and not Draws("translated", self._seed, movie_id, *key).chance(0.5):
            return {"title": "", "overview": "", "tagline": ""}
        if key not in TRANSLATIONS and key[0] != original:
            return {"title": "", "overview": "", "tagline": ""}
        draws = Draws("translation", self._seed, movie_id, *key)
        return {
            "title": original_title if key[0] == original else words.title(draws, key[0]),
            "overview": "" if draws.chance(0.03) else words.text(draws, key[0], draws.between(2, 5)),
            "tagline": words.tagline(draws, key[0]) if draws.chance(0.6) else "",
        }

    def _translations(self, facts: MovieFacts, _query: Mapping[str, str], _draws: Draws) -> dict[str, Any]:
        details = self._details(facts.id, "en-US") or {}
        found = []
        for code, country in TRANSLATIONS:
            texts = self.translation(facts.id, facts.language, details["original_title"], f"{code}-{country}")
            if texts["title"]:
                english, native = LANGUAGES[code]
                # TMDB leaves a title out of the data where it equals the original one.
                title = "" if code == facts.language else texts["title"]
                data = {**texts, "title": title, "homepage": "", "runtime": facts.runtime}
                found.append(
                    {
                        "iso_3166_1": country,
                        "iso_639_1": code,
                        "name": native,
                        "english_name": english,
                        "data": data,
                    }
                )
        return {"translations": found}

    def _keywords(self, _facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        ids = dict.fromkeys(draws.between(1, _KEYWORDS) for _ in range(draws.below(15)))
        return {
            "keywords": [{"id": key, "name": words.keyword(Draws("keyword", self._seed, key))} for key in ids]
        }

    def _external_ids(self, facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        details = self._details(facts.id, "en-US") or {}
        return {
            "imdb_id": details["imdb_id"],
            "wikidata_id": f"Q{900_000_000 + facts.id}" if draws.chance(0.6) else None,
            "facebook_id": f"movie{facts.id}" if draws.chance(0.2) else None,
            "instagram_id": f"movie{facts.id}" if draws.chance(0.2) else None,
            "twitter_id": None,
        }

    def _alternative_titles(
        self, _facts: MovieFacts, query: Mapping[str, str], draws: Draws
    ) -> dict[str, Any]:
        titles = [
            {
                "iso_3166_1": draws.pick(COUNTRIES)[0],
                "title": words.english_title(draws),
                "type": draws.pick(("", "", "working title", "short title")),
            }
            for _ in range(draws.below(7))
        ]
        country = query.get("country")
        return {"titles": [item for item in titles if not country or item["iso_3166_1"] == country]}

    def _images(self, facts: MovieFacts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        wanted = None
        if query.get("language") or query.get("include_image_language"):
            named = f"{query.get('language', '')[:2]},{query.get('include_image_language', '')}".split(",")
            wanted = {None if name == "null" else name for name in named if name}

        def some(
            count: int, width: int, height: int, languages: tuple[str | None, ...]
        ) -> list[dict[str, Any]]:
            images = [
                {
                    "aspect_ratio": round(width / height, 3),
                    "height": height,
                    "iso_639_1": draws.pick(languages),
                    "file_path": draws.image(),
                    "vote_average": round(draws.unit() * 10, 3),
                    "vote_count": draws.below(40),
                    "width": width,
                }
                for _ in range(count)
            ]
            return [image for image in images if wanted is None or image["iso_639_1"] in wanted]

        languages = ("en", facts.language, "de", "fr", None)
        return {
            "backdrops": some(draws.between(1, 10), 1920, 1080, (None, None, None, "en")),
            "logos": some(draws.below(4), 500, 203, languages),
            "posters": some(draws.between(1, 14), 1000, 1500, languages),
        }

    def _videos(self, _facts: MovieFacts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        language = query.get("language", "en-US")
        if not language.startswith("en"):
            return {"results": []}
        return {
            "results": [
                {
                    "iso_639_1": "en",
                    "iso_3166_1": "US",
                    "name": f"{words.english_title(draws)} {draws.pick(_VIDEO_TYPES)}",
                    "key": draws.identifier()[:11],
                    "site": "YouTube",
                    "size": draws.pick((480, 720, 1080, 2160)),
                    "type": draws.pick(_VIDEO_TYPES),
                    "official": draws.chance(0.7),
                    "published_at": draws.timestamp(),
                    "id": draws.identifier(),
                }
                for _ in range(draws.below(6))
            ]
        }

    def _release_dates(self, facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
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

    def _watch_providers(self, facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for country, _, _ in COUNTRIES:
            if not draws.chance(0.25):
                continue
            offer: dict[str, Any] = {
                "link": f"https://www.example.org/movie/{facts.id}/watch?locale={country}"
            }
            for kind in ("flatrate", "rent", "buy"):
                if draws.chance(0.5):
                    provider_id, name = draws.pick(_PROVIDERS)
                    logo = Draws("provider", provider_id).image()
                    offer[kind] = [
                        {
                            "logo_path": logo,
                            "provider_id": provider_id,
                            "provider_name": name,
                            "display_priority": draws.below(20),
                        }
                    ]
            results[country] = offer
        return {"results": results}

    def _related(self, facts: MovieFacts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        page = int(query.get("page", "1"))
        language = query.get("language", "en-US")
        found: dict[int, dict[str, Any]] = {}
        per_page = min(20, max(0, self._movies // 4))
        # Bounded: a small catalogue may hold fewer movies than the pages have room for.
        for _ in range(per_page * _RELATED_PAGES * 3):
            other = draws.between(1, self._movies)
            if len(found) < per_page * _RELATED_PAGES and other != facts.id and other not in found:
                found[other] = {}
        ids = [other for other in found if self._details(other, language) is not None]
        first = (page - 1) * 20
        results = [summary(self._details(other, language) or {}) for other in ids[first : first + 20]]
        return {
            "page": page,
            "results": results,
            "total_pages": -(-len(ids) // 20),
            "total_results": len(ids),
        }

    def _reviews(self, _facts: MovieFacts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        results = []
        for _ in range(draws.below(4)):
            name = words.person_name(draws)
            username = name.replace(" ", "").lower()
            review_id = draws.identifier()
            created = draws.timestamp()
            results.append(
                {
                    "author": name,
                    "author_details": {
                        "name": name if draws.chance(0.5) else "",
                        "username": username,
                        "avatar_path": draws.image() if draws.chance(0.5) else None,
                        "rating": float(draws.between(1, 10)) if draws.chance(0.8) else None,
                    },
                    "content": words.text(draws, "en", draws.between(2, 8)),
                    "created_at": created,
                    "id": review_id,
                    "updated_at": created,
                    "url": f"https://www.example.org/review/{review_id}",
                }
            )
        return _single_page(results, query)

    def _lists(self, _facts: MovieFacts, query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        results = [
            {
                "description": words.text(draws, "en", 1),
                "favorite_count": 0,
                "id": draws.between(1, 9_000_000),
                "item_count": draws.between(1, 900),
                "iso_639_1": "en",
                "list_type": "movie",
                "name": words.english_title(draws),
                "poster_path": None,
            }
            for _ in range(draws.below(6))
        ]
        return _single_page(results, query)

    def _changes(self, _facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        changes = []
        for key in ("overview", "images"):
            if draws.chance(0.4):
                item: dict[str, Any] = {
                    "id": draws.identifier(),
                    "action": "added" if key == "images" else "updated",
                    "time": draws.timestamp(2026, 2026)[:19].replace("T", " ") + " UTC",
                    "iso_639_1": "en" if key == "overview" else "",
                    "iso_3166_1": "US" if key == "overview" else "",
                }
                item["value"] = (
                    words.text(draws, "en", 2)
                    if key == "overview"
                    else {"poster": {"file_path": draws.image()}}
                )
                changes.append({"key": key, "items": [item]})
        return {"changes": changes}

    def _account_states(self, _facts: MovieFacts, _query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
        return {
            "favorite": draws.chance(0.2),
            "rated": {"value": float(draws.between(1, 10))} if draws.chance(0.3) else False,
            "watchlist": draws.chance(0.2),
        }


def _single_page(results: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of results that all fit on the first one."""
    page = int(query.get("page", "1"))
    return {
        "page": page,
        "results": results if page == 1 else [],
        "total_pages": 1 if results else 0,
        "total_results": len(results),
    }
