"""Configuration of TMDB, and services to watch titles at, whose data must be attributed to JustWatch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args, overload

from tmdbfusion_scrapy.exceptions import ResponseError, ValidationError
from tmdbfusion_scrapy.models.images import ORIGINAL, ImageKind, check_path, nearest_size
from tmdbfusion_scrapy.models.record import Record

_KINDS: tuple[ImageKind, ...] = get_args(ImageKind)


@dataclass(repr=False, eq=False)
class ImagesConfiguration(Record):
    """Addresses and sizes of images: ``w500`` is 500 pixels wide, ``h632`` 632 high."""

    base_url: str | None = None
    secure_base_url: str | None = None
    backdrop_sizes: list[str] = field(default_factory=list)
    logo_sizes: list[str] = field(default_factory=list)
    poster_sizes: list[str] = field(default_factory=list)
    profile_sizes: list[str] = field(default_factory=list)
    still_sizes: list[str] = field(default_factory=list)

    @overload
    def url(self, path: str, size: str = ORIGINAL, *, kind: ImageKind | None = None) -> str: ...
    @overload
    def url(self, path: None, size: str = ORIGINAL, *, kind: ImageKind | None = None) -> None: ...
    def url(self, path: str | None, size: str = ORIGINAL, *, kind: ImageKind | None = None) -> str | None:
        """Return the address of an image (https://developer.themoviedb.org/docs/image-basics).

        Args:
            path: Path of the image, such as a ``poster_path`` or ``file_path``. ``None``, which many records have
                there, gives ``None``. An SVG exists in the size ``original`` only: in all others it is a PNG.
            size: Width (``w500``) or height (``h632``) in pixels, or ``original``. Of a size that TMDB does not
                offer the nearest one is taken, the larger of two that are equally near.
            kind: What the image is of: ``poster``, ``backdrop``, ``logo``, ``profile`` or ``still``. The size is
                one that this kind has; ``None`` takes the sizes of all kinds.

        Raises:
            ValidationError: The path is none of an image, the kind is unknown, or the size is no text of these
                forms; or a height where only widths are offered. The message names the sizes.
            ResponseError: The configuration lacks the base URL or the sizes.
        """
        if path is None:
            return None
        path = check_path(path)
        if kind is not None and kind not in _KINDS:
            raise ValidationError(f"kind is {kind!r}: use one of {', '.join(_KINDS)}")
        if not self.secure_base_url:
            raise ResponseError("TMDB's configuration does not say where images are", path="/configuration")
        kinds = _KINDS if kind is None else (kind,)
        chosen = nearest_size(size, [offered for name in kinds for offered in getattr(self, f"{name}_sizes")])
        if chosen != ORIGINAL and path.lower().endswith(".svg"):
            path = path[:-4] + ".png"
        return f"{self.secure_base_url.rstrip('/')}/{chosen}{path}"


@dataclass(repr=False, eq=False)
class ConfigurationDetails(Record):
    """The configuration of the API."""

    images: ImagesConfiguration | None = None
    change_keys: list[str] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Country(Record):
    """A country that TMDB knows."""

    iso_3166_1: str | None = None
    english_name: str | None = None
    native_name: str | None = None


@dataclass(repr=False, eq=False)
class Department(Record):
    """A department of a crew and its jobs."""

    department: str | None = None
    jobs: list[str] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Language(Record):
    """A language that TMDB knows; ``name`` is its own name for itself."""

    iso_639_1: str | None = None
    english_name: str | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class CountryTimezones(Record):
    """The time zones of a country."""

    iso_3166_1: str | None = None
    zones: list[str] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class WatchProvider(Record):
    """A service."""

    provider_id: int | None = None
    provider_name: str | None = None
    logo_path: str | None = None
    display_priority: int | None = None


@dataclass(repr=False, eq=False)
class CountryWatchProviders(Record):
    """The services in one country, by the way they are paid."""

    link: str | None = None
    flatrate: list[WatchProvider] = field(default_factory=list)
    rent: list[WatchProvider] = field(default_factory=list)
    buy: list[WatchProvider] = field(default_factory=list)
    ads: list[WatchProvider] = field(default_factory=list)
    free: list[WatchProvider] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class WatchProviders(Record):
    """The services by ISO 3166-1 country code."""

    id: int | None = None
    results: dict[str, CountryWatchProviders] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class WatchProviderListItem(WatchProvider):
    """A service in the list of all; ``display_priorities`` is its place by ISO 3166-1 country code."""

    display_priorities: dict[str, int] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class WatchProviderList(Record):
    """The services that TMDB knows of."""

    results: list[WatchProviderListItem] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class WatchRegions(Record):
    """The countries of which TMDB knows services."""

    results: list[Country] = field(default_factory=list)
