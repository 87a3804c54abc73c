"""Report of a run: what it did, what failed, what its records are like; of the database or of the crawl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Float, Integer, Text, and_, case, extract, func, or_, select

from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.monitoring.series import Sample, joined, total_of
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import STORED, metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.monitoring.series import StoredRun

MOST_RECORDS = 100_000
"""Most records that a report looks at, the newest of the run."""

MOST_REASONS = 20
"""Most groups of failures that a report shows."""

MOST_EXAMPLES = 3
"""Most examples of failures that are alike."""

_YEARS_OF = ("release_date", "first_air_date", "air_date", "birthday")
_LANGUAGES_OF = ("original_language", "origin_country")
_ZERO_IS_UNKNOWN = {"runtime", "budget", "revenue", "gender"}
_OF_THE_CRAWL = {"id", "fetched_at", "deleted_at", "etag", "raw"}


@dataclass(frozen=True)
class FailureExample:
    """A call that failed for good."""

    path: str
    message: str


@dataclass(frozen=True)
class FailureReason:
    """Failures that are alike."""

    error: str
    status_code: int | None
    kind: str
    retryable: bool
    count: int
    examples: Sequence[FailureExample]


@dataclass(frozen=True)
class RecordFigures:
    """Figures of a run's records of one kind: of the newest ones that were looked at, the largest number first."""

    kind: str
    count: int
    looked_at: int
    # The field that the years are of, and so on; empty where the kind has none.
    year_of: str
    years: Sequence[tuple[int, int]]
    language_of: str
    languages: Sequence[tuple[str, int]]
    missing: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class RunReport:
    """All that a report shows; empty or ``None`` is what is not known. Times are UTC, samples one series."""

    spider: str
    arguments: Mapping[str, str]
    source: str
    run_id: int | None
    database: str
    started_at: datetime
    finished_at: datetime | None
    reason: str
    listed: int | None
    samples: Sequence[Sample]
    failures: Sequence[FailureReason] = ()
    failure_count: int = 0
    records: Sequence[RecordFigures] = ()

    @property
    def total(self) -> Sample:
        """The counts of the whole run; all 0 where no sample was taken."""
        return total_of(self.samples, self.started_at)


def report_of_run(
    engine: Engine,
    run: StoredRun,
    samples: Sequence[Sample],
    *,
    database: str,
    source: str = "",
    reason: str = "",
) -> RunReport:
    """Return the report of a run in a database. Blocks."""
    with reading(engine) as connection:
        failures, number = _failures(connection, run)
        figures = _figures(connection, metadata.tables[run.kind], run)
    return RunReport(
        spider=run.spider,
        arguments=run.arguments,
        source=source,
        run_id=run.id,
        database=database,
        started_at=run.started_at,
        finished_at=run.finished_at,
        reason=reason,
        listed=run.listed,
        samples=joined(samples),
        failures=failures,
        failure_count=number,
        records=[figures] if figures.count else [],
    )


def _failures(connection: Connection, run: StoredRun) -> tuple[list[FailureReason], int]:
    """Return what failed in the time of a run, in groups, and how many failures these are."""
    columns = tmdb_failures.columns
    in_time = [columns.tried_at >= run.started_at]
    if run.finished_at is not None:
        in_time.append(columns.tried_at <= run.finished_at)
    alike = (columns.error, columns.status_code, columns.kind, columns.retryable)
    number = func.count()
    query = select(*alike, number).where(*in_time).group_by(*alike).order_by(number.desc(), *alike)
    found = []
    for error, status_code, kind, retryable, count in connection.execute(query.limit(MOST_REASONS)):
        # NULL is equal to nothing, but IS the same.
        is_alike = and_(
            columns.error == error,
            columns.status_code.is_(None) if status_code is None else columns.status_code == status_code,
            columns.kind == kind,
            columns.retryable.is_(retryable),
        )
        newest = (
            select(columns.path, columns.message)
            .where(*in_time, is_alike)
            .order_by(columns.tried_at.desc(), columns.path)
            .limit(MOST_EXAMPLES)
        )
        examples = [FailureExample(path, message) for path, message in connection.execute(newest)]
        found.append(FailureReason(error, status_code, kind, retryable, count, examples))
    total = connection.scalar(select(func.count()).select_from(tmdb_failures).where(*in_time)) or 0
    return found, total


def _figures(connection: Connection, table: Table, run: StoredRun) -> RecordFigures:
    """Return the figures of the records that were fetched in the time of a run."""
    fetched = table.columns.fetched_at
    in_time = [fetched >= run.started_at]
    if run.finished_at is not None:
        in_time.append(fetched <= run.finished_at)
    count = connection.scalar(select(func.count()).select_from(table).where(*in_time)) or 0
    names = described_fields(run.kind)
    year_of, language_of = _first_of(_YEARS_OF, names), _first_of(_LANGUAGES_OF, names)
    newest = (
        select(*(table.columns[name] for name in names))
        .where(*in_time)
        .order_by(fetched.desc())
        .limit(MOST_RECORDS)
        .subquery()
    )
    columns = newest.columns
    years: list[tuple[int, int]] = []
    languages: list[tuple[str, int]] = []
    number = func.count()
    if year_of:
        year = extract("year", columns[year_of])
        query = select(year, number).where(columns[year_of].is_not(None)).group_by(year).order_by(year)
        years = [(int(key), value) for key, value in connection.execute(query)]
    if language_of:
        language = func.coalesce(columns[language_of], "")
        query = select(language, number).group_by(language).order_by(number.desc(), language)
        languages = [(str(key), value) for key, value in connection.execute(query)]
    sums = [func.sum(case((_is_missing(columns[name]), 1), else_=0)) for name in names]
    row = connection.execute(select(*sums)).one()
    missing = Counter(dict(zip(names, (value or 0 for value in row), strict=True)))
    return RecordFigures(
        run.kind,
        count,
        min(count, MOST_RECORDS),
        year_of,
        years,
        language_of,
        languages,
        [entry for entry in missing.most_common() if entry[1]],
    )


def _is_missing(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition for a column without a value."""
    if column.key in _ZERO_IS_UNKNOWN:
        return or_(column.is_(None), column == 0)
    return or_(column.is_(None), column == "") if isinstance(column.type, Text) else column.is_(None)


def described_fields(kind: str) -> list[str]:
    """Return the fields of a kind's records of which a report says how many are missing."""
    table = metadata.tables[kind]
    return [
        column.name
        for column in table.columns
        if column.name not in _OF_THE_CRAWL
        and not column.foreign_keys
        and isinstance(column.type, Text | Date | Integer | Float)
    ]


def _first_of(names: Sequence[str], among: Sequence[str]) -> str:
    """Return the first of some names that is among others; empty for none."""
    return next((name for name in names if name in among), "")


_KINDS = {stored.record: stored.table.name for stored in reversed(STORED) if "raw" in stored.table.columns}


@dataclass
class _KindTally:
    """Counts of the records of one kind."""

    fields: Sequence[str]
    count: int = 0
    years: Counter[int] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)


class Tally:
    """Figures of what a crawl without a database came to, counted item by item."""

    def __init__(self) -> None:
        self._failures: Counter[tuple[str, int | None, str, bool]] = Counter()
        self._examples: dict[tuple[Any, ...], list[FailureExample]] = {}
        self._kinds: dict[str, _KindTally] = {}

    def add(self, item: object) -> None:
        """Count a record, or a call that failed for good; anything else passes."""
        if isinstance(item, FailedCall):
            key = (item.error, item.status_code, item.kind or "", item.retryable)
            self._failures[key] += 1
            examples = self._examples.setdefault(key, [])
            examples.insert(0, FailureExample(item.path, item.message))
            del examples[MOST_EXAMPLES:]
        elif kind := _KINDS.get(type(item)):  # type: ignore[arg-type]
            self._add_record(kind, item)

    def _add_record(self, kind: str, record: object) -> None:
        """Count a record."""
        tally = self._kinds.get(kind)
        if tally is None:
            fields = [name for name in described_fields(kind) if hasattr(record, name)]
            tally = self._kinds[kind] = _KindTally(fields)
        tally.count += 1
        for name in tally.fields:
            value = getattr(record, name)
            if value is None or value == "" or (value == 0 and name in _ZERO_IS_UNKNOWN):
                tally.missing[name] += 1
        year_of, language_of = _first_of(_YEARS_OF, tally.fields), _first_of(_LANGUAGES_OF, tally.fields)
        if year_of and (day := getattr(record, year_of)) is not None:
            tally.years[day.year] += 1
        if language_of:
            tally.languages[str(getattr(record, language_of) or "")] += 1

    def failures(self) -> list[FailureReason]:
        """Return the failures in groups, the largest first."""
        return [
            FailureReason(*key, count, self._examples[key])
            for key, count in self._failures.most_common(MOST_REASONS)
        ]

    def failure_count(self) -> int:
        """Return how many calls failed."""
        return self._failures.total()

    def figures(self) -> list[RecordFigures]:
        """Return the figures of the records, by kind, the largest number first."""
        return [
            RecordFigures(
                kind,
                tally.count,
                tally.count,
                _first_of(_YEARS_OF, tally.fields),
                sorted(tally.years.items()),
                _first_of(_LANGUAGES_OF, tally.fields),
                sorted(tally.languages.items(), key=lambda entry: (-entry[1], entry[0])),
                tally.missing.most_common(),
            )
            for kind, tally in sorted(self._kinds.items(), key=lambda entry: -entry[1].count)
        ]
