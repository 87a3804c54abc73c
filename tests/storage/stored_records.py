"""Records as tests make them, and what of them stands in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from tests.storage.database_access import TRIED_AT, tables_with_rows
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.tv import SeasonDetails, TVDetails
from tmdbfusion_scrapy.storage.batches import store_batch

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.storage.batches import BatchResult

NOW = TRIED_AT


def store(engine: Engine, *items: Any, store_raw: bool = True) -> BatchResult:
    return store_batch(engine, [(item, NOW) for item in items], store_raw=store_raw)


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def everything(engine: Engine) -> dict[str, list[Any]]:
    """All rows of all tables, in the order of their keys."""
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in tables_with_rows(connection)
        }


def made(model: Any, key: int, **fields: Any) -> Any:
    """A record as it is decoded from a response."""
    return decode(json.dumps({"id": key, **fields}).encode(), model)


def show(key: int = 1, **fields: Any) -> Any:
    return made(TVDetails, key, **{"name": f"Show {key}", **fields})


def season(key: int, number: int, episodes: tuple[Any, ...] = (), **fields: Any) -> Any:
    return made(SeasonDetails, key, season_number=number, episodes=list(episodes), **fields)


def listed(key: int, number: int, **fields: Any) -> dict[str, Any]:
    """A season as its series lists it."""
    return {"id": key, "season_number": number, "name": f"Season {number}", "episode_count": 2, **fields}


def part(key: int, number: int = 1, show_id: int = 1, **fields: Any) -> dict[str, Any]:
    """An episode as its season lists it."""
    fields = {"name": f"Episode {number}", "season_number": 1, **fields}
    return {"id": key, "episode_number": number, "show_id": show_id, **fields}


def member(key: int, credit: str, order: int = 0, **fields: Any) -> dict[str, Any]:
    """One of a cast."""
    return {
        "id": key,
        "name": f"Person {key}",
        "credit_id": credit,
        "character": "X",
        "order": order,
        **fields,
    }


def cast(*members: dict[str, Any]) -> dict[str, Any]:
    return {"cast": list(members), "crew": []}


def credit(key: int, credit_id: str, **fields: Any) -> dict[str, Any]:
    """A part in a movie as its actor's credits list it."""
    return {"id": key, "title": f"Movie {key}", "credit_id": credit_id, "character": "X", **fields}
