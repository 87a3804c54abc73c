"""Choice of the images of a crawl: which ones of a record, by its settings, and the path of each in the store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.base_urls import is_below
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.companies import CollectionDetails, CompanyDetails, NetworkDetails
from tmdbfusion_scrapy.models.images import ORIGINAL, ImageKind
from tmdbfusion_scrapy.models.list_items import (
    EpisodeItem,
    MovieListItem,
    MovieOrTVItem,
    PersonListItem,
    SeasonItem,
    TVListItem,
)
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import SeasonDetails, TVDetails, whole_seasons
from tmdbfusion_scrapy.settings import IMAGES_SLOT, check_language, once_a_crawl, read_boolean, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.settings import SettingsReader


NO_LANGUAGE = "null"
"""Mark of an image without text, as in TMDB's ``include_image_language``."""

MAIN_IMAGES: Mapping[str, ImageKind] = {
    "movies": "poster",
    "tv_shows": "poster",
    "seasons": "poster",
    "episodes": "still",
    "people": "profile",
    "collections": "poster",
    "companies": "logo",
    "networks": "logo",
}
"""The image that a record of each kind is known by; its file has the size alone for its name."""

_KINDS: Mapping[type, str] = {
    MovieDetails: "movies",
    MovieListItem: "movies",
    TVDetails: "tv_shows",
    TVListItem: "tv_shows",
    SeasonDetails: "seasons",
    SeasonItem: "seasons",
    # Base of Episode and EpisodeDetails.
    EpisodeItem: "episodes",
    PersonDetails: "people",
    PersonListItem: "people",
    CollectionDetails: "collections",
    CompanyDetails: "companies",
    NetworkDetails: "networks",
}

_KINDS_OF_MEDIA = {"movie": "movies", "tv": "tv_shows", "person": "people"}

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{2,4}$")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image in one size, and the record that it is of, whose kind is named as its table.

    Args:
        file_path: TMDB's path of the image, such as ``/kqjL17yufvn9OVLyXYpvtyrFfak.jpg``. An image that was
            changed has another one.
    """

    kind: str
    id: int
    image: ImageKind
    size: str
    file_path: str

    @property
    def target(self) -> str:
        """Address below the base URL of the images, such as ``/w500/kqjL17yufvn9OVLyXYpvtyrFfak.jpg``.

        An SVG has its size ``original`` only, and is PNG in others (https://developer.themoviedb.org/docs/image-basics).
        """
        path = self.file_path
        if self.size != ORIGINAL and path.lower().endswith(".svg"):
            path = f"{path[:-4]}.png"
        return f"/{self.size}{path}"

    @property
    def path(self) -> str:
        """Path in the store: ``movies/550/w500.jpg``, and ``movies/550/backdrop-w1280.jpg`` beside it."""
        name = self.size if self.image == MAIN_IMAGES.get(self.kind) else f"{self.image}-{self.size}"
        suffix = _SUFFIX.search(self.target)
        return f"{self.kind}/{self.id}/{name}{suffix[0].lower() if suffix else '.jpg'}"


def kind_of(record: Any) -> str | None:
    """Return the kind of a record that has images, named as its table; ``None`` for anything else."""
    if isinstance(record, MovieOrTVItem):
        return _KINDS_OF_MEDIA.get(record.media_type or "")
    return next((_KINDS[base] for base in type(record).__mro__ if base in _KINDS), None)


def images_of(
    record: Any,
    sizes: Mapping[ImageKind, Sequence[str]],
    languages: Sequence[str] = (),
    *,
    with_seasons: bool = False,
) -> Iterator[ImageFile]:
    """Yield the images of a record: of each sort that ``sizes`` names one, in each of its sizes.

    What has no images, or no id, yields nothing; ``languages`` are as of :func:`chosen_path`.
    """
    for one in (record, *_seasons_in(record)) if with_seasons else (record,):
        kind = kind_of(one)
        if kind is None or one.id is None:
            continue
        for image, wanted in sizes.items():
            file_path = chosen_path(one, image, languages)
            if file_path:
                yield from (ImageFile(kind, one.id, image, size, file_path) for size in wanted)


def _seasons_in(record: Any) -> Iterator[Any]:
    """Yield the seasons and episodes in a series, or the episodes in a season."""
    if isinstance(record, TVDetails):
        # All are listed, whether they came with the series or not.
        listed = {season.id for season in record.seasons}
        yield from record.seasons
        for season in whole_seasons(record, record.appended_seasons):
            if season.id not in listed:
                yield season
            yield from season.episodes
    elif isinstance(record, SeasonDetails):
        yield from record.episodes


def chosen_path(record: Any, image: ImageKind, languages: Sequence[str] = ()) -> str | None:
    """Return the path of a record's image of one sort, ``None`` where it has none.

    Of the appended ``images`` the first one in the first language that there is one of: TMDB lists the best first.
    Else the one that the record itself names (``poster_path``), which is in the language of the call if there is
    such a one. Else, as for the logo of a movie, the first of ``images``.

    Of the languages ``pt-BR`` is that country's alone, ``pt`` any country's, ``null`` stands for no language.
    """
    offered: Iterable[Any] = getattr(getattr(record, "images", None), f"{image}s", None) or ()
    named = [entry for entry in offered if entry.file_path]
    for wanted in languages:
        for entry in named:
            if _is_in(entry, wanted):
                return str(entry.file_path)
    own: str | None = getattr(record, f"{image}_path", None)
    return own or (named[0].file_path if named else None)


def _is_in(entry: Any, wanted: str) -> bool:
    """Return whether an image is in a language."""
    language = getattr(entry, "iso_639_1", None) or NO_LANGUAGE
    code, _, country = wanted.partition("-")
    return language == code and (not country or getattr(entry, "iso_3166_1", None) == country.upper())


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
    """Images that are stored, by the arguments of :func:`images_of`, and their store, as ``IMAGES_STORE``."""

    sizes: Mapping[ImageKind, Sequence[str]]
    languages: Sequence[str]
    store: str
    with_seasons: bool


@once_a_crawl
def image_options(settings: SettingsReader) -> ImageOptions | None:
    """Return what ``TMDB_IMAGES``, its sisters and the store say, read once a crawl; ``None`` without images."""
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
        read_boolean(settings, "TMDB_IMAGES_SEASONS"),
    )


def install_images(settings: BaseSettings, *, slot: Mapping[str, Any]) -> None:
    """Install the pipeline for images where some are wanted, and give their requests a download slot.

    What the user set wins over the options of the slot, such as its delay.
    """
    if image_options(settings) is None:
        return
    from tmdbfusion_scrapy.images.pipeline import MAX_WAITING, TMDBImagesPipeline

    def set_up(name: str, value: Any) -> None:
        settings.set(name, value, max(settings.getpriority(name) or 0, SETTINGS_PRIORITIES["addon"]))

    concurrency = settings_of(settings).images_max_connections or MAX_WAITING
    # Requests for images are not to keep those of the API out.
    set_up("CONCURRENT_REQUESTS", settings.getint("CONCURRENT_REQUESTS") + concurrency)
    slots = settings.getdict("DOWNLOAD_SLOTS")
    ours = {"concurrency": concurrency, **slot, **(slots.get(IMAGES_SLOT) or {})}
    set_up("DOWNLOAD_SLOTS", {**slots, IMAGES_SLOT: ours})
    pipelines = map(load_object, settings.getdict("ITEM_PIPELINES"))
    if not any(issubclass(pipeline, TMDBImagesPipeline) for pipeline in pipelines):
        # Behind the database: what becomes of an image is told after its record.
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", TMDBImagesPipeline, 950)


def _sizes(value: Any) -> dict[ImageKind, Sequence[str]]:
    """Return the sizes by sort, of a mapping, a list or text."""
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
    found: dict[ImageKind, Sequence[str]] = {}
    for name, sizes in value.items():
        kind = cast("ImageKind", str(name).strip().lower())
        if kind not in SIZES:
            raise ConfigurationError(f"TMDB_IMAGES names {name!r}: use {', '.join(SIZES)}")
        wanted = DEFAULT_SIZES[kind] if sizes is None else sizes
        wanted = (wanted,) if isinstance(wanted, str) else wanted if isinstance(wanted, Sequence) else ()
        if not wanted or not set(wanted) <= set(SIZES[kind]):
            raise ConfigurationError(
                f"TMDB_IMAGES has {sizes!r} for {kind}: use one or several of {', '.join(SIZES[kind])}"
            )
        found[kind] = tuple(dict.fromkeys(wanted))
    return found


def _languages(value: Any) -> Sequence[str]:
    """Return a chain of languages, ``null`` among them."""
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
