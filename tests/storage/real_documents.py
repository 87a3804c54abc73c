"""Documents of TMDB's with as many parts as are known: recorded ones, and the examples of its OpenAPI document."""

from __future__ import annotations

import functools
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.api.examples import load_examples, with_parts
from tests.models.test_recorded import examples, newest, recorded
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.storage.rows import STORABLE

if TYPE_CHECKING:
    from pathlib import Path

PREFIXES = {
    "movie-details": "movie-",
    "tv-series-details": "tv-series-",
    "tv-season-details": "tv-season-",
    "tv-episode-details": "tv-episode-",
    "person-details": "person-",
}
"""What operations of parts begin with, by the operation that they are appended to."""


@dataclass(frozen=True)
class Document:
    """A body and what it is."""

    name: str
    kind: str
    model: Any
    body: bytes


@functools.cache
def real_documents(folder: Path) -> tuple[Document, ...]:
    """Every document of a kind that is stored."""
    found = [
        *recorded(folder),
        *examples(folder),
        *_with_recorded_parts(folder),
        *_with_example_parts(folder),
        *_with_parts_of_their_own(folder),
        *newest(folder),
    ]
    documents = []
    for name, operation, body in found:
        endpoint = OPERATIONS[operation]
        if endpoint.model in STORABLE and body.strip() != b"{}":
            documents.append(Document(name, _KINDS[endpoint.model.__name__], endpoint.model, body))
    return tuple(documents)


_KINDS = {
    "MovieDetails": "movies",
    "TVDetails": "tv_shows",
    "SeasonDetails": "seasons",
    "EpisodeDetails": "episodes",
    "PersonDetails": "people",
    "CollectionDetails": "collections",
    "CompanyDetails": "companies",
    "NetworkDetails": "networks",
    "Keyword": "keywords",
    "GenreList": "genres",
}


def _with_example_parts(folder: Path) -> list[tuple[str, str, bytes]]:
    """The examples of details with those of all parts; a series also with a season."""
    made = load_examples(folder)
    found = []
    for operation in PREFIXES:
        body = with_parts(made[operation], tuple(made[operation].parts))
        found.append((f"example of {operation} with all parts", operation, body.encode()))
        # The aggregate credits, where there are any, stand for these.
        some = tuple(name for name in made[operation].parts if name != "aggregate_credits")
        body = with_parts(made[operation], some)
        found.append((f"example of {operation} without aggregate credits", operation, body.encode()))
    show = json.loads(made["tv-series-details"].answer)
    season = json.loads(made["tv-season-details"].answer)
    season["season_number"] = 1
    del season["id"]
    for episode in season["episodes"]:
        episode["show_id"] = show["id"]
    show["season/1"] = season
    found.append(
        ("example of tv-series-details with a season", "tv-series-details", json.dumps(show).encode())
    )
    return found


def _with_parts_of_their_own(folder: Path) -> list[tuple[str, str, bytes]]:
    """The examples of collections, companies and networks with their parts, which the document does not append."""
    made = load_examples(folder)
    found = []
    for operation, parts in (
        ("collection-details", {"images": "collection-images", "translations": "collection-translations"}),
        ("company-details", {"images": "company-images", "alternative_names": "company-alternative-names"}),
        ("network-details", {"images": "alternative-names-copy", "alternative_names": "details-copy"}),
    ):
        body = json.loads(made[operation].answer)
        body.update({name: json.loads(made[part].answer) for name, part in parts.items()})
        found.append((f"example of {operation} with all parts", operation, json.dumps(body).encode()))
    return found


def _with_recorded_parts(folder: Path) -> list[tuple[str, str, bytes]]:
    """Recorded bodies of details with all recorded parts, as if they were of one record."""
    bodies = [
        (name, op, json.loads(body)) for name, op, body in recorded(folder) if name.startswith("bodies/")
    ]
    found = []
    for operation, prefix in PREFIXES.items():
        document = next(value for _, op, value in bodies if op == operation)
        parts = {}
        for _, op, value in bodies:
            part = op.removeprefix(prefix)
            if op.startswith(prefix) and part.replace("-", "_") in _parts_of(operation):
                parts[{"watch-providers": "watch/providers"}.get(part, part.replace("-", "_"))] = value
        body = json.dumps({**document, **parts}).encode()
        found.append((f"recorded {operation} with {', '.join(parts)}", operation, body))
    return found


def _parts_of(operation: str) -> set[str]:
    return {name for name in OPERATIONS[operation].model.__dataclass_fields__ if name != "lists"}


@functools.cache
def real_movies(folder: Path) -> tuple[bytes, ...]:
    """3,000 real movies."""
    with gzip.open(folder / "movies-3000.jsonl.gz") as file:
        return tuple(file.read().splitlines())
