"""Parts that movies, series, seasons, episodes and people share, each without its ``id``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PROVIDERS = tuple((8 + 3 * number, f"Sandbox Stream {number + 1}") for number in range(8))
_VIDEO_TYPES = ("Trailer", "Teaser", "Clip", "Featurette", "Behind the Scenes")
_RELATED_PAGES = 2
# Key of the part -> least and greatest number, width, height, and whether most have no language.
_IMAGES = {
    "backdrops": (1, 10, 1920, 1080, True),
    "logos": (0, 3, 500, 203, False),
    "posters": (1, 14, 1000, 1500, False),
    "profiles": (0, 6, 900, 1350, True),
    "stills": (0, 4, 1920, 1080, True),
}


def images(query: Mapping[str, str], draws: Draws, original: str, keys: Iterable[str]) -> dict[str, Any]:
    """Images of some sorts, filtered by ``language`` and ``include_image_language``.

    Args:
        query: Query parameters.
        draws: Numbers to draw from.
        original: Original language of the record.
        keys: Keys of the part: ``backdrops``, ``logos``, ``posters``, ``profiles``, ``stills``.
    """
    wanted = None
    if query.get("language") or query.get("include_image_language"):
        named = f"{query.get('language', '')[:2]},{query.get('include_image_language', '')}".split(",")
        wanted = {None if name == "null" else name for name in named if name}
    languages = ("en", original, "de", "fr", None)

    def some(
        least: int, greatest: int, width: int, height: int, mostly_without: bool
    ) -> list[dict[str, Any]]:
        found = [
            {
                "aspect_ratio": round(width / height, 3),
                "height": height,
                "iso_639_1": draws.pick((None, None, None, "en") if mostly_without else languages),
                "file_path": draws.image(),
                "vote_average": round(draws.unit() * 10, 3),
                "vote_count": draws.below(40),
                "width": width,
            }
            for _ in range(draws.between(least, greatest))
        ]
        return [image for image in found if wanted is None or image["iso_639_1"] in wanted]

    return {key: some(*_IMAGES[key]) for key in keys}


def logo(draws: Draws) -> dict[str, Any]:
    """A logo of a company or network."""
    return {
        "aspect_ratio": 2.5,
        "file_path": draws.image(".png"),
        "height": 200,
        "id": draws.identifier(),
        "file_type": draws.pick((".png", ".svg")),
        "vote_average": round(draws.unit() * 10, 3),
        "vote_count": draws.below(20),
        "width": 500,
    }


def videos(query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
    """Videos; there are English ones only."""
    if not query.get("language", "en-US").startswith("en"):
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


def watch_providers(path: str, draws: Draws) -> dict[str, Any]:
    """Where to watch, by country; ``path`` is that of the record, such as ``movie/550``."""
    results: dict[str, Any] = {}
    for country, _, _ in COUNTRIES:
        if not draws.chance(0.25):
            continue
        offer: dict[str, Any] = {"link": f"https://www.example.org/{path}/watch?locale={country}"}
        for kind in ("flatrate", "rent", "buy"):
            if draws.chance(0.5):
                provider_id, name = draws.pick(_PROVIDERS)
                offer[kind] = [
                    {
                        "logo_path": Draws("provider", provider_id).image(),
                        "provider_id": provider_id,
                        "provider_name": name,
                        "display_priority": draws.below(20),
                    }
                ]
        results[country] = offer
    return {"results": results}


def related(
    query: Mapping[str, str],
    draws: Draws,
    item: int,
    count: int,
    summary: Callable[[int, str], dict[str, Any] | None],
) -> dict[str, Any]:
    """A page of other records.

    Args:
        query: Query parameters.
        draws: Numbers to draw from.
        item: Id of the record itself, which is not among them.
        count: Highest id to draw.
        summary: Gives a record as a list shows it; None for one that does not exist.
    """
    language = query.get("language", "en-US")
    per_page = min(20, max(0, count // 4))
    found: dict[int, dict[str, Any]] = {}
    # Bounded: a small catalogue may hold fewer records than the pages have room for.
    for _ in range(per_page * _RELATED_PAGES * 3):
        other = draws.between(1, count)
        if len(found) < per_page * _RELATED_PAGES and other != item and other not in found:
            body = summary(other, language)
            if body is not None:
                found[other] = body
    return page_of(list(found.values()), query)


def reviews(query: Mapping[str, str], draws: Draws) -> dict[str, Any]:
    """A page of reviews."""
    results = []
    for _ in range(draws.below(4)):
        name = words.person_name(draws)
        review_id = draws.identifier()
        created = draws.timestamp()
        results.append(
            {
                "author": name,
                "author_details": {
                    "name": name if draws.chance(0.5) else "",
                    "username": name.replace(" ", "").lower(),
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
    return page_of(results, query)


def lists(query: Mapping[str, str], draws: Draws, extra: Mapping[str, str]) -> dict[str, Any]:
    """A page of users' lists; ``extra`` holds the fields that only a movie's or only a series' lists have."""
    results = [
        {
            "description": words.text(draws, "en", 1),
            "favorite_count": 0,
            "id": draws.between(1, 9_000_000),
            "item_count": draws.between(1, 900),
            "iso_639_1": "en",
            "name": words.english_title(draws),
            "poster_path": None,
            **extra,
        }
        for _ in range(draws.below(6))
    ]
    return page_of(results, query)


def changes(draws: Draws, text: str) -> dict[str, Any]:
    """Changes of the key ``text`` and of images."""
    found = []
    for key in (text, "images"):
        if draws.chance(0.4):
            item: dict[str, Any] = {
                "id": draws.identifier(),
                "action": "added" if key == "images" else "updated",
                "time": draws.timestamp(2026, 2026)[:19].replace("T", " ") + " UTC",
                "iso_639_1": "" if key == "images" else "en",
                "iso_3166_1": "" if key == "images" else "US",
            }
            item["value"] = (
                {"poster": {"file_path": draws.image()}} if key == "images" else words.text(draws, "en", 2)
            )
            found.append({"key": key, "items": [item]})
    return {"changes": found}


def account_states(draws: Draws) -> dict[str, Any]:
    """What an account did with a record."""
    return {
        "favorite": draws.chance(0.2),
        "rated": {"value": float(draws.between(1, 10))} if draws.chance(0.3) else False,
        "watchlist": draws.chance(0.2),
    }


def page_of(results: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """A page of 20 of some results that are all there."""
    page = int(query.get("page", "1"))
    return {
        "page": page,
        "results": results[(page - 1) * 20 : page * 20],
        "total_pages": -(-len(results) // 20),
        "total_results": len(results),
    }
