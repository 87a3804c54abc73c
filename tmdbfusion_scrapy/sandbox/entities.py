"""What movies and series name: companies, networks, keywords and collections. They stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import media_parts, words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.texts import translations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMPANIES = 5_000
NETWORKS = 600
KEYWORDS = 20_000
_COUNTRIES = ("US", "GB", "FR", "DE", "JP", "")
# A collection draws its movies from the ids of a block, so that both know each other without a table.
_COLLECTION_BLOCK = 32
_COLLECTED_SHARE = 0.1


def company(seed: int, company_id: int) -> dict[str, Any]:
    """A production company, as movies and series name it."""
    own = Draws("company", seed, company_id)
    return {
        "id": company_id,
        "logo_path": own.image(".png") if own.chance(0.6) else None,
        "name": words.company(own),
        "origin_country": own.pick(_COUNTRIES),
    }


def network(seed: int, network_id: int) -> dict[str, Any]:
    """A network, as series name it."""
    own = Draws("network", seed, network_id)
    return {
        "id": network_id,
        "logo_path": own.image(".png") if own.chance(0.8) else None,
        "name": words.network(own),
        "origin_country": own.pick(_COUNTRIES),
    }


def keyword(seed: int, keyword_id: int) -> dict[str, Any]:
    """A keyword."""
    return {"id": keyword_id, "name": words.keyword(Draws("keyword", seed, keyword_id))}


def collection(seed: int, collection_id: int) -> dict[str, Any]:
    """A collection, as its movies name it."""
    own = Draws("collection", seed, collection_id)
    return {
        "id": collection_id,
        "name": f"{words.english_title(own)} Collection",
        "poster_path": own.image(),
        "backdrop_path": own.image(),
    }


def collection_of(seed: int, movie_id: int) -> int | None:
    """The id of a movie's collection: one movie in ten has one."""
    block = (movie_id - 1) // _COLLECTION_BLOCK + 1
    return block if movie_id in collected(seed, block) else None


def collected(seed: int, collection_id: int) -> list[int]:
    """The ids of a collection's movies, ascending; some may not exist."""
    draws = Draws("collected", seed, collection_id)
    first = (collection_id - 1) * _COLLECTION_BLOCK + 1
    wanted = 2 + draws.below(round(_COLLECTED_SHARE * _COLLECTION_BLOCK) + 1)
    return sorted({first + draws.below(_COLLECTION_BLOCK) for _ in range(wanted)})


def collections(movies: int) -> int:
    """How many collections there are for so many movie ids."""
    return (movies - 1) // _COLLECTION_BLOCK + 1


def _collected(movie: dict[str, Any]) -> dict[str, Any]:
    """A movie of a collection: TMDB calls its titles names there."""
    names = {"title": "name", "original_title": "original_name"}
    return {**{names.get(key, key): value for key, value in movie.items()}, "media_type": "movie"}


class Entities:
    """Answers for ``company/{id}``, ``network/{id}``, ``keyword/{id}`` and ``collection/{id}``.

    Args:
        seed: Seed of the catalogue.
        movies: Gives the highest movie id, which the number of collections follows.
        summary: Gives a movie as a list shows it, None for one that does not exist.
    """

    def __init__(
        self, seed: int, movies: Callable[[], int], summary: Callable[[int, str], dict[str, Any] | None]
    ) -> None:
        self._seed = seed
        self._movies = movies
        self._summary = summary

    def count(self, kind: str) -> int:
        """The highest id of a kind."""
        fixed = {"company": COMPANIES, "network": NETWORKS, "keyword": KEYWORDS}
        return fixed[kind] if kind in fixed else collections(self._movies())

    def names(self, kind: str) -> Iterator[tuple[int, str]]:
        """Id and name of all of a kind, by ascending id."""
        build = {"company": company, "network": network, "keyword": keyword, "collection": collection}[kind]
        for item in range(1, self.count(kind) + 1):
            yield item, build(self._seed, item)["name"]

    def answer(self, kind: str, item: int, part: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """The body of one of them, or of one of its parts; None for what does not exist."""
        if not 1 <= item <= self.count(kind):
            return None
        if part:
            content = self._part(kind, item, part, query)
            return None if content is None else {"id": item, **content}
        if kind == "keyword":
            return keyword(self._seed, item)
        if kind == "collection":
            return self._collection(item, query.get("language") or "en-US")
        body = company(self._seed, item) if kind == "company" else network(self._seed, item)
        draws = Draws(f"{kind} details", self._seed, item)
        body["headquarters"] = draws.pick(("", words.place(draws)))
        body["homepage"] = f"https://{kind}-{item}.example" if draws.chance(0.5) else ""
        if kind == "company":
            body["description"] = words.text(draws, "en", 1) if draws.chance(0.2) else ""
            body["parent_company"] = None
            if item > 1 and draws.chance(0.1):
                parent = company(self._seed, draws.between(1, item - 1))
                body["parent_company"] = {key: parent[key] for key in ("id", "name", "logo_path")}
        return body

    def _collection(self, item: int, language: str) -> dict[str, Any]:
        """The body of a collection with the movies that exist."""
        body = collection(self._seed, item)
        parts = [self._summary(movie, language) for movie in collected(self._seed, item)]
        draws = Draws("collection details", self._seed, item)
        return {
            **body,
            "original_language": "en",
            "original_name": body["name"],
            "overview": words.text(draws, "en", 2) if language.startswith("en") else "",
            "parts": [_collected(part) for part in parts if part is not None],
        }

    def _part(self, kind: str, item: int, part: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without its ``id``."""
        draws = Draws(f"{kind} {part}", self._seed, item)
        if kind == "collection" and part == "images":
            return media_parts.images(query, draws, "en", ("backdrops", "posters"))
        if kind == "collection" and part == "translations":
            return translations(
                lambda code, _: (
                    {
                        "title": f"{words.title(draws, code)}",
                        "overview": words.text(draws, code, 1),
                        "homepage": "",
                    }
                    if draws.chance(0.3)
                    else None
                )
            )
        if kind in {"company", "network"} and part == "alternative_names":
            name = words.company if kind == "company" else words.network
            return {"results": [{"name": name(draws), "type": ""} for _ in range(draws.below(3))]}
        if kind in {"company", "network"} and part == "images":
            return {"logos": [media_parts.logo(draws) for _ in range(draws.below(3))]}
        if kind == "company" and part == "movies":
            movies = (self._summary(1 + draws.below(self._movies()), "en-US") for _ in range(3))
            found = [movie for movie in movies if movie is not None]
            return {"page": 1, "results": found, "total_pages": 1, "total_results": len(found)}
        return None
