"""People, companies and networks, and the casts and crews that people are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKey, Text

from tmdbfusion_scrapy.models.companies import CompanyDetails, NetworkDetails
from tmdbfusion_scrapy.models.list_items import PersonListItem
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.storage.entities.declaration import (
    Addition,
    Stored,
    Stub,
    date,
    document,
    fields,
    flag,
    integer,
    number,
    position_key,
    record_table,
    shared,
    text,
)
from tmdbfusion_scrapy.storage.entities.parts import TEXT_LANGUAGES, Parts, in_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tmdbfusion_scrapy.models.credits import GuestStar
    from tmdbfusion_scrapy.storage.entities.declaration import Read, Relation, Values

people = record_table(
    "people",
    *text("name", "original_name", "known_for_department"),
    *integer("gender"),
    *date("birthday", "deathday"),
    *text("place_of_birth", "biography"),
    *number("popularity"),
    *flag("adult"),
    *text("imdb_id", "homepage", "profile_path"),
    *document("text_languages"),
    indexes=(("name",), ("popularity",)),
)
companies = record_table(
    "companies",
    *text("name", "origin_country", "headquarters", "homepage", "description", "logo_path"),
    # One company's row may come before its parent's.
    Column("parent_company_id", ForeignKey("companies.id")),
    indexes=(("name",),),
)
networks = record_table("networks", *text("name", "origin_country", "headquarters", "homepage", "logo_path"))

# A person's own answer lacks the original name.
LISTED_PERSON = Stub(people, shared(people, PersonListItem), fills=frozenset({"original_name"}))
LISTED_COMPANY = Stub(companies, ("id", "name", "logo_path", "origin_country"))
LISTED_NETWORK = Stub(networks, ("id", "name", "logo_path", "origin_country"))


def _parent(company: CompanyDetails) -> Iterator[Values]:
    """Return the company that a company belongs to."""
    return fields(*LISTED_COMPANY.columns)(filter(None, [company.parent_company]))


COMPANY = Stored(
    CompanyDetails,
    companies,
    "/company",
    computed={"parent_company_id": lambda company: getattr(company.parent_company, "id", None)},
    stubs=((LISTED_COMPANY, _parent),),
    relations=(Parts(companies, "company").logos(),),
)

NETWORK = Stored(NetworkDetails, networks, "/network", relations=(Parts(networks, "network").logos(),))


def cast(parts: Parts, *columns: Column[Any]) -> Relation:
    """Declare a cast: who plays whom; ``columns`` are fields of its members with a column of their own."""
    read = fields("credit_id", "id", "character", "order", *(column.name for column in columns))
    return _credits(parts, "cast", (*text("character"), *integer("position"), *columns), "credits.cast", read)


def crew(parts: Parts, path: str = "credits.crew") -> Relation:
    """Declare a crew: who does what."""
    read = fields("credit_id", "id", "department", "job")
    return _credits(parts, "crew", text("department", "job"), path, read)


def guest_stars(parts: Parts) -> Relation:
    """Declare the guests of an episode."""

    def read(members: list[GuestStar]) -> Iterator[Values]:
        return ((m.credit_id, m.id, m.character or m.character_name or m.character, m.order) for m in members)

    columns = (*text("character"), *integer("position"))
    return _credits(parts, "guest_stars", columns, "guest_stars", read)


def series_cast(parts: Parts) -> Relation:
    """Declare the cast of all episodes if it was asked for, else the one of the newest season."""
    columns = (*text("character"), *integer("position", "episode_count"))
    return _series_credits(parts, "cast", columns, "roles", lambda m, role: (role.character, m.order))


def series_crew(parts: Parts) -> Relation:
    """Declare the crew of all episodes if it was asked for, else the one of the newest season."""
    columns = (*text("department", "job"), *integer("episode_count"))
    return _series_credits(parts, "crew", columns, "jobs", lambda m, job: (m.department, job.job))


def _series_credits(
    parts: Parts, name: str, columns: Iterable[Column[Any]], roles: str, texts: Callable[[Any, Any], Values]
) -> Relation:
    """Declare the credits of all episodes if they were asked for, else those of the newest season."""

    def read(members: Iterable[Any]) -> Iterator[Values]:
        for m in members:
            # A member of the newest season's cast is a role of its own.
            found = getattr(m, roles, (m,))
            if m.id is None and not found:
                yield (None,) * 5
            for role in found:
                yield (role.credit_id, m.id, *texts(m, role), getattr(role, "episode_count", None))

    return _credits(parts, name, columns, (f"aggregate_credits.{name}", f"credits.{name}"), read)


def credits_of_person(
    media_type: str, name: str, relation: Relation, listed: Stub, *columns: str
) -> tuple[Addition, Addition]:
    """Declare the rows of a cast or crew that a person's credits tell: those of one media type, and combined ones.

    Args:
        media_type: As TMDB calls it: ``movie`` or ``tv``.
        name: The list: ``cast`` or ``crew``.
        relation: The cast or crew.
        listed: Stub rows of what the credits are for.
        columns: Columns that the credits tell, beside the keys and the person; ``position`` is their ``order``.
    """
    row_of = fields("id", "credit_id", *("order" if column == "position" else column for column in columns))
    stubs_of = fields(*listed.columns)

    def read(elements: Iterable[Any], person: int) -> Iterator[Values]:
        return ((owner, credit, person, *values) for owner, credit, *values in row_of(elements))

    def of_type(rows: Callable[..., Iterable[Values]]) -> Callable[..., Iterator[Values]]:
        """Return a reader of the credits of this type among combined ones."""

        def read(elements: Iterable[Any], *person: int) -> Iterator[Values]:
            yield from rows([credit for credit in elements if credit.media_type == media_type], *person)
            if media_type == "movie":
                # Without an owner, so that they are counted as what cannot be stored.
                yield from ((None, None) for credit in elements if credit.media_type not in ("movie", "tv"))

        return read

    table = relation.table
    names = (relation.owner, "credit_id", "person_id", *columns)
    return (
        Addition(table, f"{media_type}_credits.{name}", names, read, ((listed, stubs_of),)),
        Addition(table, f"combined_credits.{name}", names, of_type(read), ((listed, of_type(stubs_of)),)),
    )


def _credits(
    parts: Parts, suffix: str, columns: Iterable[Column[Any]], path: str | tuple[str, ...], read: Read
) -> Relation:
    """Declare a table of credits; one person can have several in one record."""
    credit = Column("credit_id", Text, primary_key=True)
    person: Column[Any] = Column("person_id", ForeignKey("people.id"), nullable=False, index=True)
    stubs = ((LISTED_PERSON, fields(*LISTED_PERSON.columns)),)
    return parts.relation(suffix, (credit, person, *columns), path, read, stubs)


_PARTS = Parts(people, "person")

PERSON = Stored(
    PersonDetails,
    people,
    "/person",
    computed=TEXT_LANGUAGES,
    relations=(
        _PARTS.relation("also_known_as", (position_key(), *text("name")), "also_known_as", in_places),
        _PARTS.images(),
        _PARTS.translations(*text("name", "biography")),
        _PARTS.external_ids(),
    ),
)
"""The declaration of a person, without the credits; casts and crews are those of movies and series."""
