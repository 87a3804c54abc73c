"""Images of records that are stored: those that a killed crawl left, and those of a whole mirror."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.stores import ImageStore

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.crawling.planned_run import PlannedRun
    from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider

logger = logging.getLogger(__name__)


async def fetch_images_left(spider: TMDBSourceSpider, run: PlannedRun) -> None:
    """Have the images downloaded of what earlier processes stored for a run, as far as they are not there.

    A process that is killed forgets the images that wait, and the records that they are of are not fetched again.
    """
    images = _images_pipeline(spider.crawler)
    if images is not None and run.is_resumed:
        logger.info("Looking for images that are left of this run", extra={"spider": spider})
        await _fetch(spider, run, images, of_run=True)


async def fetch_all_images(spider: TMDBSourceSpider, run: PlannedRun | None) -> None:
    """Have the images of all stored records downloaded, as far as they are not there.

    Raises:
        ConfigurationError: There is no database, no images are wanted, or the records have none.
    """
    if run is None:
        raise ConfigurationError("it needs a database: leave SQLPipeline in ITEM_PIPELINES")
    images = _images_pipeline(spider.crawler)
    if images is None:
        raise ConfigurationError(
            "no images are wanted: set TMDB_IMAGES and IMAGES_STORE, such as -s TMDB_IMAGES=poster "
            "-s IMAGES_STORE=images"
        )
    await _fetch(spider, run, images, of_run=False)


async def _fetch(spider: TMDBSourceSpider, run: PlannedRun, images: ImageStore, *, of_run: bool) -> None:
    """Hand stored records to the pipeline, as many as are wanted, until the crawl is stopped."""
    session = session_of(spider.crawler)
    model: Any = OPERATIONS[spider.details_operation].model
    left = None if of_run else spider.plan.limit
    async for record in run.stored_records(model, of_run=of_run):
        if session.is_stopping() or left == 0:
            return
        await images.fetch_stored(record)
        if left is not None:
            left -= 1


def _images_pipeline(crawler: Crawler) -> ImageStore | None:
    """The pipeline for images; ``None`` where no images are wanted."""
    return crawler.get_item_pipeline(ImageStore)
