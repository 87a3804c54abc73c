"""Companies, networks, keywords and collections, which movies and series name. They stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import parts, words
from tmdbfusion_scrapy.sandbox.words import Draws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmdbfusion_scrapy.sandbox.parts import Query

COMPANIES = 5_000
NETWORKS = 600
_KEYWORDS = 20_000
ENTITIES = frozenset({"collection", "company", "keyword", "network"})
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


def network(seed: int, item: int) -> dict[str, Any]:
    """Return a network, as series name it."""
    return company(seed, item, "network")


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


class Entities:
    """Answers for ``company/{id}``, ``network/{id}``, ``keyword/{id}`` and ``collection/{id}``."""

    def __init__(
        self, seed: int, movies: Callable[[], int], summary: Callable[[int, str], dict[str, Any] | None]
    ) -> None:
        self._seed = seed
        self._movies = movies
        self._summary = summary

    def _count(self, kind: str) -> int:
        fixed = {"company": COMPANIES, "network": NETWORKS, "keyword": _KEYWORDS}
        return fixed[kind] if kind in fixed else (self._movies() - 1) // _COLLECTION_BLOCK + 1

    def _named(self, kind: str, item: int) -> dict[str, Any]:
        build = {"company": company, "network": network, "keyword": keyword, "collection": collection}[kind]
        return build(self._seed, item)

    def names(self, kind: str) -> Iterator[tuple[int, str]]:
        """Give id and name of all of a kind, by ascending id."""
        for item in range(1, self._count(kind) + 1):
            yield item, self._named(kind, item)["name"]

    def answer(self, kind: str, item: int, part: str, query: Query) -> dict[str, Any] | None:
        """Return the body of one of them, or of one of its parts; None for what does not exist."""
        if not 1 <= item <= self._count(kind):
            return None
        if part:
            content = self._part(kind, item, part, query)
            return None if content is None else {"id": item, **content}
        body = self._named(kind, item)
        draws = Draws(f"{kind} details", self._seed, item)
        if kind == "collection":
            language = query.get("language") or "en-US"
            movies = [self._summary(movie, language) for movie in _collected(self._seed, item)]
            body["original_language"], body["original_name"] = "en", body["name"]
            body["overview"] = words.text(draws, "en", 2) if language.startswith("en") else ""
            body["parts"] = [_as_collected(movie) for movie in movies if movie is not None]
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

    def _part(self, kind: str, item: int, part: str, query: Query) -> dict[str, Any] | None:
        draws = Draws(f"{kind} {part}", self._seed, item)
        if kind == "collection" and part == "images":
            return parts.images(query, draws, "en", ("backdrops", "posters"))
        if kind == "collection" and part == "translations":

            def data(code: str, _language: str) -> dict[str, Any] | None:
                if not draws.chance(0.3):
                    return None
                title = words.title(draws, code)
                return {"title": title, "overview": words.text(draws, code, 1), "homepage": ""}

            return parts.translations(data)
        if kind in {"company", "network"} and part == "alternative_names":
            return {"results": [{"name": words.name(draws, kind), "type": ""} for _ in range(draws.below(3))]}
        if kind in {"company", "network"} and part == "images":
            return parts.logos(draws)
        if kind == "company" and part == "movies":
            movies = [self._summary(1 + draws.below(self._movies()), "en-US") for _ in range(3)]
            return parts.page_of([movie for movie in movies if movie is not None], {})
        return None


def _as_collected(movie: dict[str, Any]) -> dict[str, Any]:
    """Return a movie of a collection: TMDB calls its titles names there."""
    renamed = {_NAMES_IN_COLLECTIONS.get(key, key): value for key, value in movie.items()}
    return {**renamed, "media_type": "movie"}
