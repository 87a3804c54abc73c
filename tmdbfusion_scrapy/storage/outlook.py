"""What a crawl would find in the database, asked without changing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, func, select
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.models.season_texts import LANGUAGE_KEY
from tmdbfusion_scrapy.storage.document_sizes import stored_bytes
from tmdbfusion_scrapy.storage.done import Done
from tmdbfusion_scrapy.storage.known import Known
from tmdbfusion_scrapy.storage.runs import unfinished_run
from tmdbfusion_scrapy.storage.slices import MOST_KEYS, in_slices
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures, tmdb_runs, tmdb_wanted
from tmdbfusion_scrapy.stores import Progress, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.engine import Connection, Engine

_ROWS_AT_ONCE = 10_000
_SAMPLE = 500


@dataclass(frozen=True)
class Share:
    """How much of what is listed is done.

    Args:
        stored: Records that are listed and stored, and not known to be deleted.
        given_up: Records that are listed, not stored, and failed for good.
        unlisted: Records that are stored, not listed, and not known to be deleted.
    """

    stored: int
    given_up: int
    unlisted: int


@dataclass(frozen=True)
class Documents:
    """What the newest stored records tell of their size.

    Args:
        count: How many were looked at.
        bytes: Average size of a record's documents as they came, with those of a series' seasons and episodes.
    """

    count: int
    bytes: float


class Outlook:
    """Reads what a run would start from. All methods block.

    Args:
        engine: Of :func:`~tmdbfusion_scrapy.storage.read_only.open_for_reading`.
        kind: Table of the records, such as ``movies``.

    Attributes:
        known: What the database can tell of the records.
    """

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self._done = Done(kind)
        self._records = metadata.tables[kind]
        self.known = Known(engine, kind)

    def stored(self) -> int:
        """Return how many records of the kind are stored."""
        columns = self._records.columns
        query = select(func.count()).where(columns.fetched_at.is_not(None))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def unfinished_run(self, spider: str, arguments: Mapping[str, str]) -> Run | None:
        """Return the run that the same command would go on with.

        Args:
            spider: The spider's name.
            arguments: Its arguments.
        """
        with self._engine.connect() as connection:
            return unfinished_run(connection, spider, arguments)

    def progress(self, run: Run) -> Progress:
        """Return how far a planned run is."""
        wanted = tmdb_wanted.columns
        left = 0
        with self._engine.connect() as connection:
            for vanished, since in ((False, run.since), (True, run.started_at)):
                query = select(wanted.id).where(wanted.run_id == run.id, wanted.vanished.is_(vanished))
                keys = set(connection.scalars(query))
                for done in (self._done.stored(since), self._done.deleted()):
                    keys.difference_update(_ids(connection, done))
                keys -= self._given_up(connection, since)
                left += len(keys)
            listed = connection.scalar(select(tmdb_runs.columns.wanted).where(tmdb_runs.columns.id == run.id))
        return Progress(listed or 0, left)

    def fetched_since(self, moment: datetime) -> int:
        """Return how many records were stored from a moment on."""
        columns = self._records.columns
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).where(columns.fetched_at >= moment)) or 0

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how much of what is listed is stored or given up.

        Args:
            listed: TMDB's ids.
            adult: As for ``Frontier.plan``.
            is_adult: As for ``Frontier.plan``.
        """
        stored = 0
        unlisted: list[int] = []
        with self._engine.connect() as connection:
            given_up = self._given_up(connection, None) & listed
            deleted = set(_ids(connection, self._done.deleted()))
            for key in _ids(connection, self._done.stored(None)):
                # One that is listed and known to be deleted is perhaps there again: it is fetched.
                if key in deleted:
                    continue
                if key in listed:
                    stored += 1
                    given_up.discard(key)
                elif adult is None or key not in adult:
                    unlisted.append(key)
            if adult is None and "adult" in self._records.columns:
                unlisted = self._of_the_list(connection, unlisted, is_adult=is_adult)
        return Share(stored, len(given_up), len(unlisted))

    def _of_the_list(self, connection: Connection, keys: list[int], *, is_adult: bool) -> list[int]:
        """Those of some records that a list has to name: those for adults are in lists of their own."""
        columns = self._records.columns
        adult: set[int] = set()
        for part in in_slices(keys, MOST_KEYS):
            adult.update(
                connection.scalars(select(columns.id).where(columns.id.in_(part), columns.adult.is_(True)))
            )
        return [key for key in keys if (key in adult) is is_adult]

    def documents(self) -> Documents | None:
        """Return the size of the newest records; ``None`` where none is stored with its document."""
        with self._engine.connect() as connection:
            keys = self._newest(connection)
            if not keys:
                return None
            size = stored_bytes(connection, self._kind, keys)
        return Documents(len(keys), size / len(keys))

    def other_languages(self) -> float | None:
        """Return how many requests in other languages the newest series took for texts that they lacked.

        It is an average; ``None`` where none is stored with its document.
        """
        columns = self._records.columns
        document = sql_cast(columns.raw, Text)
        length = func.length(document) - func.length(func.replace(document, f'"{LANGUAGE_KEY}', '"'))
        with self._engine.connect() as connection:
            keys = self._newest(connection)
            if not keys:
                return None
            removed = connection.scalar(select(func.sum(length)).where(columns.id.in_(keys))) or 0
        return removed / len(LANGUAGE_KEY) / len(keys)

    def long_series(self, room: int, step: int) -> float | None:
        """Return how many more requests the stored series take on average; ``None`` where none is stored.

        Args:
            room: Seasons that come with the first request, season 0 among them.
            step: Seasons that come with each further one.
        """
        columns = metadata.tables["tv_shows"].columns
        query = select(columns.number_of_seasons).where(
            columns.fetched_at.is_not(None), columns.number_of_seasons.is_not(None)
        )
        with self._engine.connect() as connection:
            more = [-(-max(0, number + 1 - room) // step) for number in connection.scalars(query)]
        return sum(more) / len(more) if more else None

    def _newest(self, connection: Connection) -> list[int]:
        """Ids of the newest records that are stored with their document."""
        columns = self._records.columns
        query = (
            select(columns.id)
            .where(columns.fetched_at.is_not(None), columns.raw.is_not(None))
            .order_by(columns.fetched_at.desc())
            .limit(_SAMPLE)
        )
        return list(connection.scalars(query))

    def _given_up(self, connection: Connection, since: datetime | None) -> set[int]:
        """What failed for good, or failed since a moment; a part or an image that failed is not the record."""
        query = self._done.given_up_as(tmdb_failures.columns.id, since)
        # An id is text there: it may be any.
        return {int(key) for key in connection.scalars(query) if key.isdecimal()}


def _ids(connection: Connection, query: Select[Any]) -> Iterator[int]:
    """The ids that a query finds, a part of them held at a time."""
    yield from connection.scalars(query, execution_options={"yield_per": _ROWS_AT_ONCE})
