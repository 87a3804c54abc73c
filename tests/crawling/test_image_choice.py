"""Which images a record has, where they go, and what counts as one."""

from __future__ import annotations

import pytest

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.images.choice import DEFAULT_SIZES, SIZES, chosen_path, image_options, images_of
from tmdbfusion_scrapy.images.pipeline import check_image
from tmdbfusion_scrapy.models.companies import CompanyDetails
from tmdbfusion_scrapy.models.images import Image, Images
from tmdbfusion_scrapy.models.list_items import MediaItem, MovieListItem, SeasonItem
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import Episode, EpisodeDetails, SeasonDetails, TVDetails

ALL = {kind: [size] for kind, size in DEFAULT_SIZES.items()}


@pytest.mark.parametrize(
    ("record", "paths"),
    [
        (
            MovieDetails(id=1, poster_path="/p.jpg", backdrop_path="/b.jpg"),
            ["movies/1/w500.jpg", "movies/1/backdrop-w1280.jpg"],
        ),
        (MovieListItem(id=1, poster_path="/p.jpg"), ["movies/1/w500.jpg"]),
        (SeasonDetails(id=2, poster_path="/p.jpg"), ["seasons/2/w500.jpg"]),
        (EpisodeDetails(id=3, still_path="/s.jpg"), ["episodes/3/w300.jpg"]),
        (PersonDetails(id=4, profile_path="/p.JPG"), ["people/4/h632.jpg"]),
        (CompanyDetails(id=5, logo_path="/l.png"), ["companies/5/w500.png"]),
        (MediaItem(id=6, media_type="tv", poster_path="/p.jpg"), ["tv_shows/6/w500.jpg"]),
        (MediaItem(id=6, media_type="person", profile_path="/p"), ["people/6/h632.jpg"]),
        (MediaItem(id=6, poster_path="/p.jpg"), []),
        (MovieDetails(poster_path="/p.jpg"), []),
        (MovieDetails(id=1), []),
        ({"id": 1, "poster_path": "/p.jpg"}, []),
    ],
)
def test_paths(record, paths):
    assert [image.path for image in images_of(record, ALL)] == paths


def test_seasons_and_episodes_all_or_none():
    inside = SeasonDetails(
        season_number=1, poster_path="/p1.jpg", episodes=[Episode(id=31, still_path="/e.jpg")]
    )
    show = TVDetails(
        id=1,
        seasons=[SeasonItem(20 + number, season_number=number, poster_path="/p.jpg") for number in range(3)],
        appended_seasons=[inside],
    )
    assert list(images_of(show, ALL)) == []
    posters = [f"seasons/{key}/w500.jpg" for key in (20, 21, 22)]
    images = images_of(show, ALL, with_seasons=True)
    assert [image.path for image in images] == [*posters, "episodes/31/w300.jpg"]
    season = SeasonDetails(id=5, poster_path="/p.jpg", episodes=inside.episodes)
    assert [image.path for image in images_of(season, ALL)] == ["seasons/5/w500.jpg"]
    images = images_of(season, {"still": ["w92"]}, with_seasons=True)
    assert [image.path for image in images] == ["episodes/31/w92.jpg"]


def test_two_sizes_and_two_sorts_are_four_files():
    record = MovieDetails(id=1, poster_path="/p.jpg", backdrop_path="/b.jpg")
    sizes = {"poster": ["w780", "original"], "backdrop": ["w780", "original"]}
    assert len({image.path for image in images_of(record, sizes)}) == 4


@pytest.mark.parametrize(
    ("size", "target", "path"),
    [
        ("original", "/original/l.svg", "companies/1/original.svg"),
        ("w500", "/w500/l.png", "companies/1/w500.png"),
    ],
)
def test_an_svg_is_one_in_its_original_size_only(size, target, path):
    (image,) = images_of(CompanyDetails(id=1, logo_path="/l.svg"), {"logo": [size]})
    assert (image.target, image.path) == (target, path)


POSTERS = [
    Image(file_path="/us.jpg", iso_639_1="en", iso_3166_1="US"),
    Image(file_path=None, iso_639_1="pt", iso_3166_1="PT"),
    Image(file_path="/br.jpg", iso_639_1="pt", iso_3166_1="BR"),
    Image(file_path="/pt.jpg", iso_639_1="pt", iso_3166_1="PT"),
    Image(file_path="/none.jpg"),
]


@pytest.mark.parametrize(
    ("languages", "path"),
    [
        ((), "/own.jpg"),
        (("pt",), "/br.jpg"),
        (("pt-PT", "en"), "/pt.jpg"),
        (("pt-AO", "null", "en"), "/none.jpg"),
        (("fr", "en"), "/us.jpg"),
        (("fr",), "/own.jpg"),
    ],
)
def test_languages(languages, path):
    record = MovieDetails(id=1, poster_path="/own.jpg", images=Images(posters=POSTERS))
    assert chosen_path(record, "poster", languages) == path


def test_a_logo_of_a_movie_is_of_the_appended_images():
    logos = [Image(file_path="/en.png", iso_639_1="en"), Image(file_path="/de.png", iso_639_1="de")]
    record = MovieDetails(id=1, images=Images(logos=logos))
    assert chosen_path(record, "logo") == "/en.png"
    assert chosen_path(record, "logo", ("de",)) == "/de.png"
    assert chosen_path(MovieDetails(id=1), "logo") is None


class Given(dict):
    """Settings."""

    def getpriority(self, name):
        return None


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        (None, None),
        ("", None),
        ([], None),
        (["poster", "still"], {"poster": ("w500",), "still": ("w300",)}),
        (" Poster,logo", {"poster": ("w500",), "logo": ("w500",)}),
        ({"poster": "w92"}, {"poster": ("w92",)}),
        (
            '{"poster": ["w92", "original", "w92"], "logo": null}',
            {"poster": ("w92", "original"), "logo": ("w500",)},
        ),
        ('["poster"]', {"poster": ("w500",)}),
    ],
)
def test_the_setting(value, sizes):
    given = Given(
        TMDB_IMAGES=value, IMAGES_STORE="x", CONCURRENT_REQUESTS=8, CONCURRENT_REQUESTS_PER_DOMAIN=8
    )
    options = image_options(Given(given, RETRY_TIMES=2))
    assert (options and options.sizes) == sizes


def test_defaults_are_sizes_that_there_are():
    assert DEFAULT_SIZES.keys() == SIZES.keys()
    assert all(size in SIZES[kind] for kind, size in DEFAULT_SIZES.items())


PNG = b"\x89PNG\r\n\x1a\n...\0\0\0\0IEND\xaeB`\x82"
WEBP = b"RIFF\x0c\0\0\0WEBPVP8 data"
SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- A --><svg xmlns="http://www.w3.org/2000/svg"><g/></svg>\n'


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"\xff\xd8\xff\xe0...\xff\xd9", "image/jpeg"),
        (b"\xff\xd8\xff\xe0...\xff\xd9" + b"\0" * 100, "image/jpeg"),
        (PNG, "image/png"),
        (WEBP, "image/webp"),
        (b"GIF89a...;", "image/gif"),
        (SVG, "image/svg+xml"),
    ],
)
def test_whole_images(body, media_type):
    for named in ("", media_type, "application/octet-stream", "IMAGE/anything; charset=x"):
        assert check_image(body, named) == media_type


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xd8\xff\xe0...",
        PNG[:-3],
        WEBP[:-1],
        b"GIF89a...",
        SVG[:-10],
        b"<html><body>Busy</body></html>",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b'{"status_code": 11}',
        b"\0" * 1000,
    ],
)
def test_what_is_no_whole_image(body):
    with pytest.raises(ResponseError) as caught:
        check_image(body, "image/jpeg")
    assert caught.value.retryable


@pytest.mark.parametrize("named", ["text/html", "application/json; charset=utf-8", "TEXT/plain"])
def test_what_names_itself_otherwise_is_refused(named):
    with pytest.raises(ResponseError):
        check_image(PNG, named)
