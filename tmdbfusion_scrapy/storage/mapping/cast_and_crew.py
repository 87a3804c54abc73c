"""Casts and crews, and the people in them: how their rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.storage.mapping.declaration import Mention, Relation, Values, fields
from tmdbfusion_scrapy.storage.tables import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.tv_credits import GuestStar

PERSON = Mention(
    records.people,
    (
        "id",
        "name",
        "original_name",
        "gender",
        "known_for_department",
        "popularity",
        "adult",
        "profile_path",
    ),
    # A person's own answer lacks it.
    fills=frozenset({"original_name"}),
)


def cast(table: Table, path: str = "credits.cast", *columns: str) -> Relation:
    """A cast; ``columns`` are fields of its members with a column of their own."""
    names = ("credit_id", "person_id", "character", "position", *columns)
    return _relation(table, path, names, fields("credit_id", "id", "character", "order", *columns))


def guests(table: Table, path: str) -> Relation:
    """The guests of an episode."""

    def read(members: list[GuestStar]) -> Iterator[Values]:
        return ((m.credit_id, m.id, m.character or m.character_name or m.character, m.order) for m in members)

    return _relation(table, path, ("credit_id", "person_id", "character", "position"), read)


def crew(table: Table, path: str = "credits.crew") -> Relation:
    """A crew."""
    read = fields("credit_id", "id", "department", "job")
    return _relation(table, path, ("credit_id", "person_id", "department", "job"), read)


def series_cast(table: Table) -> Relation:
    """The cast of all episodes if it was asked for, else the one of the newest season."""

    def read(members: Iterable[Any]) -> Iterator[Values]:
        for m in members:
            # A member of the newest season's cast is a role of its own.
            roles = getattr(m, "roles", (m,))
            if m.id is None and not roles:
                yield (None,) * 5
            for role in roles:
                episodes = getattr(role, "episode_count", None)
                yield (role.credit_id, m.id, role.character, m.order, episodes)

    paths = ("aggregate_credits.cast", "credits.cast")
    return _relation(table, paths, ("credit_id", "person_id", "character", "position", "episode_count"), read)


def series_crew(table: Table) -> Relation:
    """The crew of all episodes if it was asked for, else the one of the newest season."""

    def read(members: Iterable[Any]) -> Iterator[Values]:
        for m in members:
            jobs = getattr(m, "jobs", (m,))
            if m.id is None and not jobs:
                yield (None,) * 5
            for job in jobs:
                episodes = getattr(job, "episode_count", None)
                yield (job.credit_id, m.id, m.department, job.job, episodes)

    paths = ("aggregate_credits.crew", "credits.crew")
    return _relation(table, paths, ("credit_id", "person_id", "department", "job", "episode_count"), read)


def _relation(
    table: Table,
    path: str | tuple[str, ...],
    columns: tuple[str, ...],
    read: Callable[[Any], Iterable[Values]],
) -> Relation:
    """A relation that names people."""
    return Relation(table, path, columns, read, ((PERSON, fields(*PERSON.columns)),))
