"""Images, their addresses, and videos."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tmdbfusion_scrapy.exceptions import ResponseError, ValidationError
from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(repr=False, eq=False)
class Image(Record):
    """One image; its address is the base URL of the configuration, a size and ``file_path``.

    ``width`` and ``height`` are in pixels, ``aspect_ratio`` is width by height.
    """

    aspect_ratio: float | None = None
    height: int | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    file_path: str | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    width: int | None = None


@dataclass(repr=False, eq=False)
class Images(Record):
    """The images of a movie or a series."""

    id: int | None = None
    backdrops: list[Image] = field(default_factory=list)
    logos: list[Image] = field(default_factory=list)
    posters: list[Image] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class SeasonImages(Record):
    """The images of a season."""

    id: int | None = None
    posters: list[Image] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class EpisodeImages(Record):
    """The images of an episode."""

    id: int | None = None
    stills: list[Image] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Logo(Record):
    """A logo of a company or network.

    ``file_type`` is what was uploaded, ``.svg`` or ``.png``. A PNG is there in every size, an SVG in the size
    ``original`` only (https://developer.themoviedb.org/docs/image-basics).
    """

    id: str | None = None
    aspect_ratio: float | None = None
    file_path: str | None = None
    file_type: str | None = None
    height: int | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    width: int | None = None


@dataclass(repr=False, eq=False)
class Logos(Record):
    """The logos of a company or network."""

    id: int | None = None
    logos: list[Logo] = field(default_factory=list)


ImageKind = Literal["backdrop", "logo", "poster", "profile", "still"]
"""What an image is of; each kind has sizes of its own."""

ORIGINAL = "original"
"""The size that every image has: as it was uploaded."""

_PATH = re.compile(r"/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SIZE = re.compile(r"([wh])([1-9][0-9]{0,5})")


def check_path(path: Any) -> str:
    """Return the path of an image, such as ``/kqjL17yufvn9OVLyXYpvtyrFfak.jpg``.

    Raises:
        ValidationError: It is none: no text, a whole URL, or without the slash at its beginning.
    """
    if isinstance(path, str) and _PATH.fullmatch(path):
        return path
    if isinstance(path, str) and "://" in path:
        # Avatars of Gravatar come from TMDB as "/https://secure.gravatar.com/avatar/...".
        problem = "it is a whole URL: use it as it is"
    elif isinstance(path, str) and not path.startswith("/"):
        problem = "give it with the slash at its beginning"
    else:
        problem = "give a value of poster_path, backdrop_path, file_path and the like"
    raise ValidationError(f"path {path!r:.200} is none of an image of TMDB's: {problem}")


def nearest_size(size: Any, offered: Iterable[str]) -> str:
    """Return the size offered that is nearest to the one wanted, the larger of two that are equally near.

    Widths (``w500``) are compared with widths, heights (``h632``) with heights; ``original`` is always there.

    Raises:
        ValidationError: The size is no such text, or nothing offered can be compared with it.
        ResponseError: Nothing is offered.
    """
    if size == ORIGINAL:
        return ORIGINAL
    sizes = {match[0]: (match[1], int(match[2])) for text in offered if (match := _SIZE.fullmatch(text))}
    if not sizes:
        raise ResponseError("TMDB's configuration names no sizes of images", path="/configuration")
    wanted = _SIZE.fullmatch(size) if isinstance(size, str) else None
    near = {text: number for text, (side, number) in sizes.items() if wanted and side == wanted[1]}
    if wanted is None or not near:
        names = ", ".join([*sorted(sizes, key=sizes.__getitem__), ORIGINAL])
        raise ValidationError(
            f"size is {size!r:.200}: use one of {names}, or another width or height like these"
        )
    return min(near, key=lambda text: (abs(near[text] - int(wanted[2])), -near[text]))


@dataclass(repr=False, eq=False)
class Video(Record):
    """A video on another site; ``key`` is its id there, ``size`` its height in lines."""

    id: str | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    name: str | None = None
    key: str | None = None
    site: str | None = None
    size: int | None = None
    type: str | None = None
    official: bool | None = None
    published_at: datetime.datetime | None = None


@dataclass(repr=False, eq=False)
class Videos(Record):
    """The videos of a movie or series."""

    id: int | None = None
    results: list[Video] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Trailer(Record):
    """A trailer; ``source`` is its id at YouTube, ``size`` is ``HD`` or ``Standard``."""

    name: str | None = None
    size: str | None = None
    source: str | None = None
    type: str | None = None


@dataclass(repr=False, eq=False)
class Trailers(Record):
    """The trailers of a movie in the form before ``videos``; ``quicktime`` has been empty in all answers seen."""

    youtube: list[Trailer] = field(default_factory=list)
    quicktime: list[Any] = field(default_factory=list)
