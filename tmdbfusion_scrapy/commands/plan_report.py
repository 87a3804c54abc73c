"""Report of ``scrapy tmdb-plan``."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.appending import MAX_APPENDS, room_for_seasons, with_translations
from tmdbfusion_scrapy.commands.estimate import (
    DISK,
    PlanLookup,
    byte_words,
    document_bytes,
    requests_per_record,
    time_words,
)
from tmdbfusion_scrapy.commands.layout import described, paragraph
from tmdbfusion_scrapy.crawling import Addon, TMDBSeriesSpider
from tmdbfusion_scrapy.settings import TMDBSettings, settings_of
from tmdbfusion_scrapy.storage.crawl_state import CrawlState
from tmdbfusion_scrapy.storage.database import (
    MissingDatabaseError,
    database_label,
    database_size,
    empty_database,
    open_for_reading,
    parse_database_url,
)
from tmdbfusion_scrapy.storage.writer import database_options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.crawler import Crawler
    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.commands.project import UnstartedCrawl
    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Plan
    from tmdbfusion_scrapy.sources.source import Estimate
    from tmdbfusion_scrapy.stores import Run

Row = tuple[str, str, str]
"""Name, number, and a remark."""


def report(crawl: UnstartedCrawl, spider: type[TMDBSourceSpider], plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan.

    Args:
        crawl: The crawl.
        spider: The class of its spider.
        plan: What its arguments say.

    Raises:
        ConfigurationError: Something cannot be used.
        TMDBError: TMDB could not be asked.
    """
    crawler, stores = crawl.crawler, crawl.stores
    with _database(crawler, stores=stores) as engine:
        state = CrawlState(engine, spider.kind())
        lookup = PlanLookup(crawler, spider, plan, state)
        estimate = asyncio.run(lookup.estimate())
        yield paragraph(f"{spider.name}: {source_words(plan, estimate)}")
        rows = [
            *_record_rows(estimate, lookup.run, plan, state),
            *_request_rows(crawler, spider, plan, estimate, state),
        ]
        if stores:
            rows += _disk_rows(crawler, spider, plan, estimate, state, engine)
        yield from described(rows)
    if lookup.run is not None:
        begun = f"{lookup.run.started_at:%Y-%m-%d %H:%M} UTC"
        yield paragraph(f"The run begun at {begun} is not finished: the same command goes on with it.")
    if not stores:
        yield paragraph("SQLPipeline is turned off: the crawl stores nothing, and cannot be gone on with.")
    if crawler.settings.get("TMDB_IMAGES"):
        yield paragraph("Images are not counted: they have a rate limit and a folder of their own.")


def source_words(plan: Plan, estimate: Estimate) -> str:
    """Return where the ids come from, in words."""
    told = {"source", "limit", "append", *plan.source.described}
    others = [f", {name}={value}" for name, value in plan.arguments.items() if name not in told]
    limit = f", {plan.limit:,} at most" if plan.limit is not None else ""
    return f"{plan.source.describe(estimate.day)}{''.join(others)}{limit}"


def _record_rows(estimate: Estimate, run: Run | None, plan: Plan, state: CrawlState) -> Iterator[Row]:
    """Yield how many records there are, and how many are left."""
    fetches_again = plan.source.fetches_again
    yield (
        "Listed",
        f"{estimate.listed:,}",
        "" if estimate.is_exact else "at most: some are listed more than once",
    )
    if estimate.stored is not None:
        is_again = estimate.stored and fetches_again
        yield "Stored already", f"{estimate.stored:,}", "fetched again all the same" if is_again else ""
    elif run is not None and run.is_planned and plan.limit is None:
        yield (
            "Done already",
            f"{max(0, estimate.listed - estimate.left):,}",
            "stored, found deleted or given up",
        )
    else:
        stored = state.stored()
        again = "in all; those that are listed are fetched again" if fetches_again else "in all"
        yield "Stored already", f"{stored:,}", again if stored else ""
    if estimate.given_up:
        again = "-a source=failed -a permanent=true tries them again"
        yield "Given up", f"{estimate.given_up:,}", f"failed for good: {again}"
    if estimate.unlisted:
        yield "Not listed", f"{estimate.unlisted:,}", "stored, looked up to see whether TMDB deleted them"
    yield "To be fetched", f"{estimate.left:,}", ""


def _request_rows(
    crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, estimate: Estimate, state: CrawlState
) -> Iterator[Row]:
    """Requests, and the time that they take at the set rate."""
    settings = settings_of(crawler.settings)
    parts = _parts(settings, spider, plan)
    each: float = requests_per_record(parts)
    number = f"{each:g}" if each > 1 else "one"
    remarks = [f"{number} a record"]
    if issubclass(spider, TMDBSeriesSpider) and spider.seasons:
        room = room_for_seasons(len(parts))
        more = state.long_series(room, MAX_APPENDS)
        remarks = [f"{number} a series, with {room} seasons"]
        if more is None:
            remarks.append("longer ones take more, which are not counted")
        else:
            remarks.append(f"{more:.2f} for longer ones, by the series stored")
            each += more
        if len(settings.languages) > 1:
            which = "texts of seasons and episodes that are not in the first of TMDB_LANGUAGES"
            texts = state.other_languages()
            if texts is None:
                remarks.append(f"{which} take more, which are not counted")
            else:
                remarks.append(f"{texts:.2f} for {which}, by the series stored")
                each += texts
    if estimate.pages:
        remarks.append(f"{estimate.pages:,} for what lists them")
    requests = round(estimate.left * each) + estimate.pages
    yield "Requests", f"{requests:,}", "; ".join([*remarks, "retries not counted"])
    addon = crawler.get_addon(Addon)
    speed = addon.speed if addon is not None else None
    if speed is not None and speed.per_second is not None:
        yield "Time", time_words(requests / speed.per_second), speed.words
    else:
        yield "Time", "unknown", "TMDB_REQUESTS_PER_SECOND is 0: no rate is set"


def _parts(settings: TMDBSettings, spider: type[TMDBSourceSpider], plan: Plan) -> tuple[str, ...]:
    """Return what is appended to each record, seasons apart."""
    has_chain = "languages" in OPERATIONS[spider.details_operation].parameters
    return with_translations(plan.append, settings.languages if has_chain else ())


def _disk_rows(
    crawler: Crawler,
    spider: type[TMDBSourceSpider],
    plan: Plan,
    estimate: Estimate,
    state: CrawlState,
    engine: Engine,
) -> Iterator[Row]:
    """Yield what the records take on the disk, and what the database takes now."""
    options = database_options_of(crawler.settings)
    settings = settings_of(crawler.settings)
    url = parse_database_url(options.url)
    backend = url.get_backend_name()
    documents = state.documents()
    if documents is not None:
        size, by = documents.bytes, f"by the {documents.count:,} stored last"
    else:
        with_seasons = issubclass(spider, TMDBSeriesSpider) and spider.seasons
        size = document_bytes(spider.kind(), len(_parts(settings, spider, plan)), with_seasons=with_seasons)
        by = "a rough guess: none is stored yet"
    each = DISK[backend].size(size, store_raw=options.store_raw)
    # What is fetched again takes the place of what was.
    fetches_again = plan.source.fetches_again
    again = (estimate.stored or 0) if fetches_again else estimate.unlisted
    new = max(0, estimate.left - again)
    needed = new * each
    # Which of them are stored already is not known before their ids are.
    may_be_less = estimate.stored is None and documents is not None and fetches_again
    remark = f"if all are new: {byte_words(each)} each" if may_be_less else f"{byte_words(each)} a new record"
    yield "Disk", byte_words(needed), f"{remark}, {by}"
    # In memory: one that is not there.
    now = database_size(engine) if engine.url.database is not None else 0
    yield "Database", byte_words(now), f"{'now' if now else 'not there yet'}: {database_label(url)}"
    if backend == "sqlite" and not (url.database or "").startswith("file:"):
        folders = Path(url.database or "").absolute().parents
        free = shutil.disk_usage(next(folder for folder in folders if folder.is_dir())).free
        yield "Free", byte_words(free), "" if free > needed else "that is not enough"


@contextmanager
def _database(crawler: Crawler, *, stores: bool) -> Iterator[Engine]:
    """The database of the crawl; an empty one in its place where it is not there, or is not used."""
    try:
        engine = open_for_reading(database_options_of(crawler.settings).url) if stores else empty_database()
    except MissingDatabaseError:
        engine = empty_database()
    try:
        yield engine
    finally:
        engine.dispose()
