"""The project that a command runs in: its spiders, and the settings as a crawl would have them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.addons import AddonManager
from scrapy.crawler import Crawler
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.conf import closest_scrapy_cfg
from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage import SQLPipeline
from tmdbfusion_scrapy.storage.backend import backend_for
from tmdbfusion_scrapy.storage.database import parse_database_url
from tmdbfusion_scrapy.storage.sql import database_options
from tmdbfusion_scrapy.storage.sqlite import SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

    from scrapy import Spider
    from scrapy.settings import Settings
    from scrapy.spiderloader import SpiderLoaderProtocol


def database_url(settings: Settings) -> str:
    """Return ``TMDB_DATABASE_URL``; a file that is not here is looked for beside ``scrapy.cfg``, too."""
    url = database_options(settings).url
    parsed = parse_database_url(url)
    path, project = Path(parsed.database or ""), closest_scrapy_cfg()
    if backend_for(parsed) is not SQLITE or path.is_absolute() or path.exists() or not project:
        return url
    beside = Path(project).resolve().parent / path
    return parsed.set(database=str(beside)).render_as_string(hide_password=False) if beside.exists() else url


def images_folder(settings: Settings) -> Path | None:
    """Return the folder with the project's stored images; ``None`` where there is none on this machine."""
    store = settings.get("IMAGES_STORE") or settings.get("FILES_STORE")
    if not store or "://" in str(store):
        return None
    places = [Path(str(store))]
    if project := closest_scrapy_cfg():
        places.append(Path(project).parent / places[0])
    return next((place.resolve() for place in places if place.is_dir()), None)


def spider_names(settings: Settings) -> dict[str, str]:
    """Return the project's spider for each kind of records, by the name of the kind's table."""
    try:
        loader = _spider_loader(settings)
        spiders = [loader.load(name) for name in sorted(loader.list())]
    except (ImportError, SyntaxError):
        # Failures can be looked at while a spider is being written.
        return {}
    # Of several the first.
    return {spider.kind(): spider.name for spider in reversed(spiders) if _has_source(spider)}


def load_spider(settings: Settings, name: str) -> type[Spider]:
    """Return the class of a spider of the project."""
    loader = _spider_loader(settings)
    try:
        return loader.load(name)
    except KeyError:
        known = ", ".join(sorted(loader.list()))
        where = f"use one of {known}" if known else "run this in a Scrapy project, where scrapy.cfg is"
        raise ConfigurationError(f"there is no spider {name!r} here: {where}") from None


def find_spider(settings: Settings, name: str) -> type[TMDBSourceSpider]:
    """Return the class of a spider of the project that takes ``-a source=``."""
    spider = load_spider(settings, name)
    if not _has_source(spider):
        raise ConfigurationError(
            f"{name} is not planned by its arguments: use a spider that is a TMDBSourceSpider and has a "
            "details_operation"
        )
    return spider


def source_spiders(settings: Settings) -> list[type[TMDBSourceSpider]]:
    """Return the classes of all spiders of the project that take ``-a source=``."""
    loader = _spider_loader(settings)
    spiders = [spider for name in sorted(loader.list()) if _has_source(spider := loader.load(name))]
    if not spiders:
        raise ConfigurationError(
            "there is no TMDBSourceSpider here: start the command in a Scrapy project that has one, where "
            "scrapy.cfg is"
        )
    return spiders


@contextmanager
def unstarted_crawl(settings: Settings, spider: type[Spider]) -> Iterator[tuple[Crawler, bool]]:
    """Yield a crawl with its add-ons, for which no database is made, and whether it would store into one."""
    crawler = Crawler(spider, settings)
    chosen = {load_object(path): order for path, order in crawler.settings.getdict("ITEM_PIPELINES").items()}
    stores = chosen.get(SQLPipeline, 0) is not None
    # The add-on would make the database.
    crawler.settings.set("ITEM_PIPELINES", {SQLPipeline: None}, priority="cmdline")
    try:
        crawler.addons.load_settings(crawler.settings)
        yield crawler, stores
    finally:
        crawler.signals.send_catch_log(signals.engine_stopped)


def _spider_loader(settings: Settings) -> SpiderLoaderProtocol:
    AddonManager.load_pre_crawler_settings(settings)
    return get_spider_loader(settings)


def _has_source(spider: type[Spider]) -> TypeGuard[type[TMDBSourceSpider]]:
    return issubclass(spider, TMDBSourceSpider) and hasattr(spider, "details_operation")
