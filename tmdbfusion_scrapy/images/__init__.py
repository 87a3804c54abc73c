"""The images of records: which ones, from where, into which store.

The public names are loaded on first use, so that reading the settings does not load Scrapy's pipelines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.images.pipeline import TMDBImagesPipeline

__all__ = ["TMDBImagesPipeline"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tmdbfusion_scrapy.images import pipeline

    return getattr(pipeline, name)
