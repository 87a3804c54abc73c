"""Choice of a record's images, and the path of each in the store; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    """One image in one size, and the record that it is of.

    Args:
        kind: Kind of the record, named as its table: ``movies``.
        id: TMDB's id of the record.
        image: What the image is: ``poster``.
        size: One of TMDB's sizes: ``w500``.
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
        """The address below the base URL of the images: ``/w500/kqjL17yufvn9OVLyXYpvtyrFfak.jpg``.

        An SVG is there in the size ``original`` only, and in all others as PNG
        (https://developer.themoviedb.org/docs/image-basics).
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
    """Yield the images of a record that are wanted: of each sort one, in each of its sizes.

    Args:
        record: A record; what has no images, or no id, yields nothing.
        sizes: The sorts that are wanted, and the sizes of each.
        languages: Languages that an image is taken in, best first, as of :func:`chosen_path`.
        with_seasons: Whether the seasons and episodes in the record have their images, too.
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
    """The seasons and episodes in a series, or the episodes in a season."""
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

    Args:
        record: A record.
        image: The sort.
        languages: ``pt-BR`` is that country's alone, ``pt`` any country's, ``null`` stands for no language.
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
