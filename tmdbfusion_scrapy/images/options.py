"""Settings for images, checked, and the installation of their pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.base_urls import is_below
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.images.choice import NO_LANGUAGE
from tmdbfusion_scrapy.models.images import ORIGINAL, ImageKind
from tmdbfusion_scrapy.settings import (
    IMAGES_SLOT,
    check_boolean,
    check_language,
    once_a_crawl,
    settings_of,
)

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.settings import SettingsReader

SIZES: Mapping[ImageKind, Sequence[str]] = {
    "poster": ("w92", "w154", "w185", "w342", "w500", "w780", ORIGINAL),
    "backdrop": ("w300", "w780", "w1280", ORIGINAL),
    "profile": ("w45", "w185", "h632", ORIGINAL),
    "still": ("w92", "w185", "w300", ORIGINAL),
    "logo": ("w45", "w92", "w154", "w185", "w300", "w500", ORIGINAL),
}
"""The sizes of each sort of image (https://developer.themoviedb.org/reference/configuration-details)."""

DEFAULT_SIZES: Mapping[ImageKind, str] = {
    "poster": "w500",
    "backdrop": "w1280",
    "profile": "h632",
    "still": "w300",
    "logo": "w500",
}
"""The largest one of each sort but for ``original``; of posters the one that TMDB's own pages show."""


@dataclass(frozen=True)
class ImageOptions:
    """Images that are stored, and their store.

    Args:
        sizes: The sizes of each sort that is wanted.
        languages: Languages that an image is taken in, best first; ``null`` stands for no language.
        store: What Scrapy takes as ``IMAGES_STORE``: a folder, or a URL of S3, GCS or FTP.
        with_seasons: Whether those of the seasons and episodes in a record are stored too.
    """

    sizes: Mapping[ImageKind, Sequence[str]]
    languages: Sequence[str]
    store: str
    with_seasons: bool


@once_a_crawl
def image_options(settings: SettingsReader) -> ImageOptions | None:
    """Return what ``TMDB_IMAGES``, its sisters and the store say, read once a crawl; ``None`` without images.

    Raises:
        ConfigurationError: A setting is of no use; the message names it and the fix.
    """
    sizes = _sizes(settings.get("TMDB_IMAGES"))
    if not sizes:
        return None
    ours = settings_of(settings)
    if ours.is_tmdb(ours.images_url) or is_below(ours.api_url, ours.images_url):
        raise ConfigurationError(
            f"TMDB_IMAGES_URL is {ours.images_url}, and one of it and TMDB_API_URL lies below the other: requests "
            "for images, which get no token, could not be told from those of the API. Set each to a URL of its own"
        )
    store = settings.get("IMAGES_STORE") or settings.get("FILES_STORE")
    if not store:
        raise ConfigurationError(
            "TMDB_IMAGES is set, and nothing says where the images go: set IMAGES_STORE, to a folder or to a "
            "URL of S3, GCS or FTP"
        )
    return ImageOptions(
        sizes,
        _languages(settings.get("TMDB_IMAGES_LANGUAGES")),
        str(store),
        check_boolean("TMDB_IMAGES_SEASONS", settings.get("TMDB_IMAGES_SEASONS", False)),
    )


def install_images(settings: BaseSettings, *, slot: Mapping[str, Any]) -> None:
    """Install the pipeline for images where some are wanted, and give their requests a download slot.

    Args:
        settings: Those of the crawl; what the user set wins.
        slot: Options of the slot, such as its delay.

    Raises:
        ConfigurationError: A setting is of no use.
    """
    if image_options(settings) is None:
        return
    from tmdbfusion_scrapy.images.pipeline import MAX_WAITING, TMDBImagesPipeline

    concurrency = settings_of(settings).images_max_connections or MAX_WAITING
    # Requests for images are not to keep those of the API out.
    total = settings.getint("CONCURRENT_REQUESTS") + concurrency
    priority = max(settings.getpriority("CONCURRENT_REQUESTS") or 0, SETTINGS_PRIORITIES["addon"])
    settings.set("CONCURRENT_REQUESTS", total, priority=priority)
    slots = dict(settings.getdict("DOWNLOAD_SLOTS"))
    slots[IMAGES_SLOT] = {
        "concurrency": concurrency,
        **slot,
        **(slots.get(IMAGES_SLOT) or {}),
    }
    priority = max(settings.getpriority("DOWNLOAD_SLOTS") or 0, SETTINGS_PRIORITIES["addon"])
    settings.set("DOWNLOAD_SLOTS", slots, priority=priority)
    if not any(
        issubclass(load_object(path), TMDBImagesPipeline) for path in settings.getdict("ITEM_PIPELINES")
    ):
        # Behind the database: what becomes of an image is told after its record.
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", TMDBImagesPipeline, 950)


def _sizes(value: Any) -> dict[ImageKind, Sequence[str]]:
    """The sizes by sort, of a mapping, a list or text."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("{", "[")):
            # From the command line: -s 'TMDB_IMAGES={"poster": "w342"}'
            try:
                value = json.loads(text)
            except ValueError:
                raise ConfigurationError(
                    f'TMDB_IMAGES is {text!r}, which is no JSON: write it like {{"poster": "w342"}}'
                ) from None
        else:
            value = text.split(",") if text else ()
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        try:
            value = dict.fromkeys(value)
        except TypeError:
            raise ConfigurationError(
                f"TMDB_IMAGES is {value!r}: set it to a list such as ['poster', 'profile'], or to a mapping with "
                "sizes"
            ) from None
    return {_kind(name): _sizes_of(_kind(name), sizes) for name, sizes in value.items()}


def _kind(name: Any) -> ImageKind:
    """A sort of images."""
    text = str(name).strip().lower()
    if text not in SIZES:
        raise ConfigurationError(f"TMDB_IMAGES names {name!r}: use {', '.join(SIZES)}")
    return cast("ImageKind", text)


def _sizes_of(kind: ImageKind, sizes: Any) -> Sequence[str]:
    """The sizes of one sort: the default, one, or several."""
    if sizes is None:
        return (DEFAULT_SIZES[kind],)
    wanted = (sizes,) if isinstance(sizes, str) else tuple(sizes) if isinstance(sizes, Sequence) else ()
    if not wanted or not set(wanted) <= set(SIZES[kind]):
        raise ConfigurationError(
            f"TMDB_IMAGES has {sizes!r} for {kind}: use one or several of {', '.join(SIZES[kind])}"
        )
    return tuple(dict.fromkeys(wanted))


def _languages(value: Any) -> Sequence[str]:
    """A chain of languages, ``null`` among them."""
    parts = value.split(",") if isinstance(value, str) else () if value is None else value
    if not isinstance(parts, Sequence):
        raise ConfigurationError(
            f"TMDB_IMAGES_LANGUAGES is {value!r}: set it to a list such as ['de', 'null', 'en']"
        )
    chain = []
    for part in parts:
        if part is None or str(part).strip().lower() == NO_LANGUAGE:
            chain.append(NO_LANGUAGE)
        elif language := check_language("TMDB_IMAGES_LANGUAGES", part):
            chain.append(language)
    return tuple(dict.fromkeys(chain))
