"""Parts that several kinds of records share, and companies, networks, keywords and collections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.words import COUNTRIES, LANGUAGES, TRANSLATIONS, Draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Query = Mapping[str, str]
"""Query parameters."""

_PROVIDERS = tuple((8 + 3 * number, f"Sandbox Stream {number + 1}") for number in range(8))
_VIDEO_TYPES = ("Trailer", "Teaser", "Clip", "Featurette", "Behind the Scenes")
_RELATED_PAGES = 2
PAGE_SIZE = 20
# Key of the part -> least and greatest number, width, height, and the languages to draw from beside the original.
_MOSTLY_NONE = (None, None, None, "en")
_IMAGES = {
    "backdrops": (1, 10, 1920, 1080, _MOSTLY_NONE),
    "logos": (0, 3, 500, 203, None),
    "posters": (1, 14, 1000, 1500, None),
    "profiles": (0, 6, 900, 1350, _MOSTLY_NONE),
    "stills": (0, 4, 1920, 1080, _MOSTLY_NONE),
}


def images(query: Query, draws: Draws, original: str, keys: Iterable[str]) -> dict[str, Any]:
    """Return images of some sorts, filtered by ``language`` and ``include_image_language``."""
    asked = None
    if query.get("language") or query.get("include_image_language"):
        named = f"{query.get('language', '')[:2]},{query.get('include_image_language', '')}".split(",")
        asked = {None if name == "null" else name for name in named if name}
    found: dict[str, Any] = {}
    for key in keys:
        least, greatest, width, height, languages = _IMAGES[key]
        some = [
            {
                "aspect_ratio": round(width / height, 3), "height": height,
                "iso_639_1": draws.pick(languages or ("en", original, "de", "fr", None)),
                "file_path": draws.image(),
                "vote_average": round(draws.unit() * 10, 3), "vote_count": draws.below(40), "width": width,
            }
            for _ in range(draws.between(least, greatest))
        ]  # fmt: skip
        found[key] = [image for image in some if asked is None or image["iso_639_1"] in asked]
    return found


def videos(query: Query, draws: Draws) -> dict[str, Any]:
    """Return videos; there are English ones only."""
    if not query.get("language", "en-US").startswith("en"):
        return {"results": []}
    return {
        "results": [
            {
                "iso_639_1": "en", "iso_3166_1": "US",
                "name": f"{words.english_title(draws)} {draws.pick(_VIDEO_TYPES)}",
                "key": draws.identifier()[:11], "site": "YouTube", "size": draws.pick((480, 720, 1080, 2160)),
                "type": draws.pick(_VIDEO_TYPES), "official": draws.chance(0.7),
                "published_at": draws.timestamp(), "id": draws.identifier(),
            }
            for _ in range(draws.below(6))
        ]
    }  # fmt: skip


def watch_providers(path: str, draws: Draws) -> dict[str, Any]:
    """Return where to watch, by country; ``path`` is that of the record, such as ``movie/550``."""
    results: dict[str, Any] = {}
    for country, _, _ in COUNTRIES:
        if not draws.chance(0.25):
            continue
        offer: dict[str, Any] = {"link": f"https://www.example.org/{path}/watch?locale={country}"}
        for kind in ("flatrate", "rent", "buy"):
            if draws.chance(0.5):
                key, name = draws.pick(_PROVIDERS)
                logo = Draws("provider", key).image()
                provider = {"logo_path": logo, "provider_id": key, "provider_name": name}
                offer[kind] = [{**provider, "display_priority": draws.below(20)}]
        results[country] = offer
    return {"results": results}


def related(
    query: Query, draws: Draws, item: int, count: int, summary: Callable[[int, str], dict[str, Any] | None]
) -> dict[str, Any]:
    """Return a page of other records."""
    language = query.get("language", "en-US")
    most = min(PAGE_SIZE, max(0, count // 4)) * _RELATED_PAGES
    found: dict[int, dict[str, Any]] = {}
    # Bounded: a small catalogue may hold fewer records than the pages have room for.
    for _ in range(most * 3):
        other = draws.between(1, count)
        if len(found) < most and other != item and other not in found:
            body = summary(other, language)
            if body is not None:
                found[other] = body
    return page_of(list(found.values()), query)


def reviews(query: Query, draws: Draws) -> dict[str, Any]:
    """Return a page of reviews."""
    results = []
    for _ in range(draws.below(4)):
        name, key, created = words.person_name(draws), draws.identifier(), draws.timestamp()
        author = {
            "name": name if draws.chance(0.5) else "", "username": name.replace(" ", "").lower(),
            "avatar_path": draws.image() if draws.chance(0.5) else None,
            "rating": float(draws.between(1, 10)) if draws.chance(0.8) else None,
        }  # fmt: skip
        results.append(
            {
                "author": name, "author_details": author,
                "content": words.text(draws, "en", draws.between(2, 8)), "created_at": created, "id": key,
                "updated_at": created, "url": f"https://www.example.org/review/{key}",
            }
        )  # fmt: skip
    return page_of(results, query)


def lists(query: Query, draws: Draws, extra: Query) -> dict[str, Any]:
    """Return a page of users' lists; ``extra`` holds the fields that only movies' or only series' lists have."""
    results = [
        {
            "description": words.text(draws, "en", 1), "favorite_count": 0, "id": draws.between(1, 9_000_000),
            "item_count": draws.between(1, 900), "iso_639_1": "en", "name": words.english_title(draws),
            "poster_path": None, **extra,
        }
        for _ in range(draws.below(6))
    ]  # fmt: skip
    return page_of(results, query)


def changes(draws: Draws, text: str) -> dict[str, Any]:
    """Return changes of the key ``text`` and of images."""
    found = []
    for key, action, language, country in ((text, "updated", "en", "US"), ("images", "added", "", "")):
        if draws.chance(0.4):
            item: dict[str, Any] = {
                "id": draws.identifier(), "action": action,
                "time": draws.timestamp(2026, 2026)[:19].replace("T", " ") + " UTC",
                "iso_639_1": language, "iso_3166_1": country,
            }  # fmt: skip
            image = key == "images"
            item["value"] = {"poster": {"file_path": draws.image()}} if image else words.text(draws, "en", 2)
            found.append({"key": key, "items": [item]})
    return {"changes": found}


def account_states(draws: Draws) -> dict[str, Any]:
    """Return what an account did with a record."""
    return {
        "favorite": draws.chance(0.2),
        "rated": {"value": float(draws.between(1, 10))} if draws.chance(0.3) else False,
        "watchlist": draws.chance(0.2),
    }


def accounts(draws: Draws, name: str, item: int, wikidata: int) -> dict[str, Any]:
    """Return the ids at Wikidata, which begin with the number ``wikidata``, and at the social networks."""
    return {
        "wikidata_id": f"Q{wikidata + item}" if draws.chance(0.6) else None,
        "facebook_id": f"{name}{item}" if draws.chance(0.2) else None,
        "instagram_id": f"{name}{item}" if draws.chance(0.2) else None,
        "twitter_id": None,
    }


def alternative_titles(query: Query, draws: Draws) -> list[dict[str, Any]]:
    """Return other titles, of one country if the query names one."""
    types, country = ("", "", "working title", "short title"), query.get("country")
    titles = [
        {
            "iso_3166_1": draws.pick(COUNTRIES)[0], "title": words.english_title(draws),
            "type": draws.pick(types),
        }
        for _ in range(draws.below(7))
    ]  # fmt: skip
    return [item for item in titles if not country or item["iso_3166_1"] == country]


def translations(data: Callable[[str, str], dict[str, Any] | None]) -> dict[str, Any]:
    """Return the part ``translations``; ``data`` gives the data for a code and a language such as ``de-DE``."""
    found = []
    for code, country in TRANSLATIONS:
        content = data(code, f"{code}-{country}")
        if content is not None:
            english, native = LANGUAGES[code]
            names = {"iso_3166_1": country, "iso_639_1": code, "name": native, "english_name": english}
            found.append({**names, "data": content})
    return {"translations": found}


def page_of(results: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    """Return a page of 20 of some results that are all there."""
    page = int(query.get("page", "1"))
    return {
        "page": page,
        "results": results[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        "total_pages": -(-len(results) // PAGE_SIZE),
        "total_results": len(results),
    }


COMPANIES = 5_000
NETWORKS = 600
_KEYWORDS = 20_000
_COUNTRIES = ("US", "GB", "FR", "DE", "JP", "")
# A collection draws its movies from the ids of a block, so that both know each other without a table.
_COLLECTION_BLOCK = 32
_COLLECTED_SHARE = 0.1
_NAMES_IN_COLLECTIONS = {"title": "name", "original_title": "original_name"}


def company(seed: int, item: int, kind: str = "company") -> dict[str, Any]:
    """Return a production company, as movies and series name it; with kind ``network`` a network."""
    draws = Draws(kind, seed, item)
    return {
        "id": item,
        "logo_path": draws.image(".png") if draws.chance(0.6 if kind == "company" else 0.8) else None,
        "name": words.name(draws, kind),
        "origin_country": draws.pick(_COUNTRIES),
    }


def keyword(seed: int, item: int) -> dict[str, Any]:
    """Return a keyword."""
    return {"id": item, "name": words.name(Draws("keyword", seed, item), "keyword").lower()}


def keywords(seed: int, draws: Draws) -> list[dict[str, Any]]:
    """Return some keywords, each once."""
    ids = dict.fromkeys(draws.between(1, _KEYWORDS) for _ in range(draws.below(15)))
    return [keyword(seed, item) for item in ids]


def collection(seed: int, item: int) -> dict[str, Any]:
    """Return a collection, as its movies name it."""
    draws = Draws("collection", seed, item)
    name = f"{words.english_title(draws)} Collection"
    return {"id": item, "name": name, "poster_path": draws.image(), "backdrop_path": draws.image()}


def collection_of(seed: int, movie: int) -> int | None:
    """Return the id of a movie's collection: one movie in ten has one."""
    block = (movie - 1) // _COLLECTION_BLOCK + 1
    return block if movie in _collected(seed, block) else None


def _collected(seed: int, item: int) -> list[int]:
    """Return the ids of a collection's movies, ascending; some may not exist."""
    draws = Draws("collected", seed, item)
    first = (item - 1) * _COLLECTION_BLOCK + 1
    count = 2 + draws.below(round(_COLLECTED_SHARE * _COLLECTION_BLOCK) + 1)
    return sorted({first + draws.below(_COLLECTION_BLOCK) for _ in range(count)})


_COUNTS = {"company": COMPANIES, "network": NETWORKS, "keyword": _KEYWORDS}
_BUILD: Mapping[str, Callable[[int, int], dict[str, Any]]] = {
    "collection": collection, "company": company, "keyword": keyword,
    "network": partial(company, kind="network"),
}  # fmt: skip
ENTITIES = frozenset(_BUILD)


class Entities:
    """Answers for ``company/{id}``, ``network/{id}``, ``keyword/{id}`` and ``collection/{id}``."""

    def __init__(
        self, seed: int, movies: Callable[[], int], summary: Callable[[int, str], dict[str, Any] | None]
    ) -> None:
        self._seed = seed
        self._movies = movies
        self._summary = summary

    def _count(self, kind: str) -> int:
        return _COUNTS.get(kind) or (self._movies() - 1) // _COLLECTION_BLOCK + 1

    def names(self, kind: str) -> Iterator[tuple[int, str]]:
        """Give id and name of all of a kind, by ascending id."""
        for item in range(1, self._count(kind) + 1):
            yield item, _BUILD[kind](self._seed, item)["name"]

    def answer(self, kind: str, item: int, part: str, query: Query) -> dict[str, Any] | None:
        """Return the body of one of them, or of one of its parts; None for what does not exist."""
        if not 1 <= item <= self._count(kind):
            return None
        if part:
            content = self._part(kind, Draws(f"{kind} {part}", self._seed, item), part, query)
            return None if content is None else {"id": item, **content}
        body = _BUILD[kind](self._seed, item)
        draws = Draws(f"{kind} details", self._seed, item)
        if kind == "collection":
            language = query.get("language") or "en-US"
            movies = [self._summary(movie, language) for movie in _collected(self._seed, item)]
            body["original_language"], body["original_name"] = "en", body["name"]
            body["overview"] = words.text(draws, "en", 2) if language.startswith("en") else ""
            # TMDB calls the titles names there.
            body["parts"] = [
                {_NAMES_IN_COLLECTIONS.get(key, key): value for key, value in movie.items()}
                | {"media_type": "movie"}
                for movie in movies
                if movie is not None
            ]
        elif kind != "keyword":
            body["headquarters"] = draws.pick(("", words.name(draws, "place")))
            body["homepage"] = f"https://{kind}-{item}.example" if draws.chance(0.5) else ""
        if kind == "company":
            body["description"] = words.text(draws, "en", 1) if draws.chance(0.2) else ""
            body["parent_company"] = None
            if item > 1 and draws.chance(0.1):
                parent = company(self._seed, draws.between(1, item - 1))
                body["parent_company"] = {key: parent[key] for key in ("id", "name", "logo_path")}
        return body

    def _part(self, kind: str, draws: Draws, part: str, query: Query) -> dict[str, Any] | None:
        match kind, part:
            case "collection", "images":
                return images(query, draws, "en", ("backdrops", "posters"))
            case "collection", "translations":
                return translations(
                    lambda code, _: {
                        "title": words.title(draws, code), "overview": words.text(draws, code, 1), "homepage": "",
                    } if draws.chance(0.3) else None
                )  # fmt: skip
            case "company" | "network", "alternative_names":
                names = [words.name(draws, kind) for _ in range(draws.below(3))]
                return {"results": [{"name": name, "type": ""} for name in names]}
            case "company" | "network", "images":
                return {"logos": [_logo(draws) for _ in range(draws.below(3))]}
            case "company", "movies":
                movies = [self._summary(1 + draws.below(self._movies()), "en-US") for _ in range(3)]
                return page_of([movie for movie in movies if movie is not None], {})
        return None


def _logo(draws: Draws) -> dict[str, Any]:
    return {
        "aspect_ratio": 2.5, "file_path": draws.image(".png"), "height": 200, "id": draws.identifier(),
        "file_type": draws.pick((".png", ".svg")), "vote_average": round(draws.unit() * 10, 3),
        "vote_count": draws.below(20), "width": 500,
    }  # fmt: skip
