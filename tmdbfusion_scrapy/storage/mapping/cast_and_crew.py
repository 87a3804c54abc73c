"""Casts and crews, and the people in them: how their rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.storage.mapping.declaration import Mention, Relation, Values
from tmdbfusion_scrapy.storage.tables import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.credits import CastMember, CrewMember
    from tmdbfusion_scrapy.models.tv_credits import AggregateCastMember, AggregateCrewMember, GuestStar

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

    def read(members: list[CastMember]) -> Iterator[Values]:
        if columns:
            return (
                (m.credit_id, m.id, m.character, m.order, *(getattr(m, name) for name in columns))
                for m in members
            )
        return ((m.credit_id, m.id, m.character, m.order) for m in members)

    return Relation(table, path, names, read, ((PERSON, person_rows),))


def guests(table: Table, path: str) -> Relation:
    """The guests of an episode."""

    def read(members: list[GuestStar]) -> Iterator[Values]:
        return ((m.credit_id, m.id, m.character or m.character_name, m.order) for m in members)

    return Relation(
        table, path, ("credit_id", "person_id", "character", "position"), read, ((PERSON, person_rows),)
    )


def crew(table: Table, path: str = "credits.crew") -> Relation:
    """A crew."""

    def read(members: list[CrewMember]) -> Iterator[Values]:
        return ((m.credit_id, m.id, m.department, m.job) for m in members)

    return Relation(
        table, path, ("credit_id", "person_id", "department", "job"), read, ((PERSON, person_rows),)
    )


def series_cast(table: Table) -> Relation:
    """The cast of all episodes if it was asked for, else the one of the newest season."""

    def read(members: list[AggregateCastMember] | list[CastMember]) -> Iterator[Values]:
        for m in members:
            roles = getattr(m, "roles", None)
            if roles is None:
                yield (m.credit_id, m.id, m.character, m.order, None)  # type: ignore[union-attr]
                continue
            for role in roles:
                yield (role.credit_id, m.id, role.character, m.order, role.episode_count)

    return Relation(
        table,
        ("aggregate_credits.cast", "credits.cast"),
        ("credit_id", "person_id", "character", "position", "episode_count"),
        read,
        ((PERSON, person_rows),),
    )


def series_crew(table: Table) -> Relation:
    """The crew of all episodes if it was asked for, else the one of the newest season."""

    def read(members: list[AggregateCrewMember] | list[CrewMember]) -> Iterator[Values]:
        for m in members:
            jobs = getattr(m, "jobs", None)
            if jobs is None:
                yield (m.credit_id, m.id, m.department, m.job, None)  # type: ignore[union-attr]
                continue
            for job in jobs:
                yield (job.credit_id, m.id, m.department, job.job, job.episode_count)

    return Relation(
        table,
        ("aggregate_credits.crew", "credits.crew"),
        ("credit_id", "person_id", "department", "job", "episode_count"),
        read,
        ((PERSON, person_rows),),
    )


def person_rows(people: Iterable[Any]) -> Iterator[Values]:
    """People as a cast or crew names them."""
    return (
        (
            p.id,
            p.name,
            p.original_name,
            p.gender,
            p.known_for_department,
            p.popularity,
            p.adult,
            p.profile_path,
        )
        for p in people
    )
