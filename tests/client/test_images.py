"""Addresses of images."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.client.driving import CONTEXT, FAST, TOKEN, Asynchronous, Blocking
from tests.client.test_paging import serve
from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ResponseError, ServerError, ValidationError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.reference import ConfigurationDetails, ImagesConfiguration

BASE = "https://image.tmdb.org/t/p"
# As TMDB's document has them: https://developer.themoviedb.org/reference/configuration-details
SIZES = {
    "base_url": "http://image.tmdb.org/t/p/",
    "secure_base_url": "https://image.tmdb.org/t/p/",
    "backdrop_sizes": ["w300", "w780", "w1280", "original"],
    "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
    "poster_sizes": ["w92", "w154", "w185", "w342", "w500", "w780", "original"],
    "profile_sizes": ["w45", "w185", "h632", "original"],
    "still_sizes": ["w92", "w185", "w300", "original"],
}
IMAGES: Any = ImagesConfiguration(**SIZES)
CONFIGURATION = "/3/configuration"


@pytest.mark.parametrize(
    ("size", "kind", "taken"),
    [
        ("original", None, "original"),
        ("original", "still", "original"),
        ("w500", None, "w500"),
        ("w500", "poster", "w500"),
        ("w1280", None, "w1280"),
        ("h632", None, "h632"),
        ("h632", "profile", "h632"),
        # The nearest width of the kind.
        ("w400", "poster", "w342"),
        ("w422", "poster", "w500"),
        ("w500", "still", "w300"),
        ("w5000", "backdrop", "w1280"),
        ("w1", "poster", "w92"),
        ("w342", "backdrop", "w300"),
        # In the middle of two the larger one.
        ("w421", "poster", "w500"),
        ("w640", "poster", "w780"),
        ("w540", "backdrop", "w780"),
        # Without a kind the sizes of all kinds.
        ("w400", None, "w342"),
        ("w1030", None, "w1280"),
        # A height is near to heights only.
        ("h300", "profile", "h632"),
        ("h9999", None, "h632"),
    ],
)
def test_sizes(size, kind, taken):
    assert IMAGES.url("/aB-c_1.jpg", size, kind=kind) == f"{BASE}/{taken}/aB-c_1.jpg"


def test_original_is_what_comes_without_a_size():
    assert IMAGES.url("/a.jpg") == f"{BASE}/original/a.jpg"


@pytest.mark.parametrize("kind", [None, "poster", "face"])
def test_no_path_no_address(kind):
    assert IMAGES.url(None, "w500", kind=kind) is None


@pytest.mark.parametrize("path", ["/a.svg", "/a.SVG"])
def test_an_svg_is_there_as_original_only(path):
    assert IMAGES.url(path, "w300", kind="logo") == f"{BASE}/w300/a.png"
    assert IMAGES.url(path) == f"{BASE}/original{path}"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.jpg", "with the slash at its beginning"),
        ("", "with the slash at its beginning"),
        ("https://image.tmdb.org/t/p/w500/a.jpg", "a whole URL"),
        ("/https://secure.gravatar.com/avatar/eb5f.jpg", "a whole URL"),
        ("/../3/configuration", "give a value of poster_path"),
        ("/..", "give a value of poster_path"),
        ("/a..jpg", "give a value of poster_path"),
        ("//evil.example/a.jpg", "give a value of poster_path"),
        ("/w500/a.jpg", "give a value of poster_path"),
        ("/a.jpg?x=1", "give a value of poster_path"),
        ("/a b.jpg", "give a value of poster_path"),
        ("/a.jpg\n", "give a value of poster_path"),
        (b"/a.jpg", "give a value of poster_path"),
        (5, "give a value of poster_path"),
    ],
)
def test_paths_that_are_none(path, message):
    with pytest.raises(ValidationError, match=message):
        IMAGES.url(path, "w500")


@pytest.mark.parametrize("size", ["big", "", "500", "w0", "w", "w-5", "W500", "w500 ", "d500", 500, None])
def test_sizes_that_are_none(size):
    with pytest.raises(ValidationError, match="use one of w92, w185, w300, original"):
        IMAGES.url("/a.jpg", size, kind="still")


def test_a_height_where_only_widths_are():
    with pytest.raises(ValidationError, match="use one of w300, w780, w1280, original"):
        IMAGES.url("/a.jpg", "h632", kind="backdrop")


def test_the_sizes_of_all_kinds_are_named_without_a_kind():
    names = "h632, w45, w92, w154, w185, w300, w342, w500, w780, w1280, original"
    with pytest.raises(ValidationError, match=names):
        IMAGES.url("/a.jpg", "big")


def test_kinds_that_are_none():
    with pytest.raises(ValidationError, match="use one of backdrop, logo, poster, profile, still"):
        IMAGES.url("/a.jpg", "w500", kind="face")


def test_a_configuration_that_lacks_something():
    without = replace(IMAGES, poster_sizes=[], secure_base_url=None)
    with pytest.raises(ResponseError, match="where images are"):
        without.url("/a.jpg", "w500")
    without = replace(IMAGES, poster_sizes=["original"])
    with pytest.raises(ResponseError, match="no sizes"):
        without.url("/a.jpg", "w500", kind="poster")
    assert without.url("/a.jpg", kind="poster") == f"{BASE}/original/a.jpg"


def test_the_recorded_configuration(recorded_dir):
    document = json.loads((recorded_dir / "openapi.json").read_text())
    answer = document["paths"]["/3/configuration"]["get"]["responses"]["200"]["content"]["application/json"]
    (example,) = answer["examples"].values()
    images = decode(example["value"].encode(), ConfigurationDetails).images
    assert images == IMAGES


@pytest.mark.parametrize("kind", [Blocking, Asynchronous])
def test_the_configuration_is_asked_for_once(tmdb_sandbox, kind):
    driven = kind(
        token=TOKEN, base_url=tmdb_sandbox.base_url, retries=FAST, requests_per_second=None, verify=CONTEXT
    )
    try:
        assert not tmdb_sandbox.requests
        for size in ("w500", "w342"):
            address = driven.do(lambda client, size=size: client.images.url("/a.jpg", size, kind="poster"))
            assert address == f"{BASE}/{size}/a.jpg"
        configuration = driven.do(lambda client: client.images.configuration())
        assert configuration.url("/a.jpg", "w45") == f"{BASE}/w45/a.jpg"
        assert [seen.path for seen in tmdb_sandbox.requests] == ["/3/configuration"]
    finally:
        driven.stop()


def test_what_needs_no_configuration_asks_for_none(server, driver):
    driven = driver()
    assert driven.do(lambda client: client.images.url(None, "w500")) is None
    with pytest.raises(ValidationError):
        driven.do(lambda client: client.images.url("a.jpg", "w500"))
    assert not server.requests


def test_a_failure_is_not_kept(server, driver):
    answers = [503, {"images": None, "change_keys": ["x"]}, {"images": SIZES}]
    listing = serve(server, lambda number: answers.pop(0), CONFIGURATION)
    driven = driver(retries=0)
    for error in (ServerError, ResponseError):
        with pytest.raises(error):
            driven.do(lambda client: client.images.url("/a.jpg", "w500"))
    assert driven.do(lambda client: client.images.url("/a.jpg", "w500")) == f"{BASE}/w500/a.jpg"
    assert len(listing.asked) == 3


def test_threads_ask_once(server):
    listing = serve(server, lambda number: {"images": SIZES}, CONFIGURATION)
    start = threading.Barrier(20)
    found: list[str] = []
    with TMDBClient(
        TOKEN, base_url=server.url + "/3", requests_per_second=None, retries=0, verify=CONTEXT
    ) as client:

        def ask() -> None:
            start.wait(10)
            found.append(client.images.url("/a.jpg", "w500"))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [f"{BASE}/w500/a.jpg"] * 20
    assert len(listing.asked) == 1


@coroutine_test
async def test_tasks_ask_once_also_when_the_first_is_cancelled(server):
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def answer(connection: Any, seen: Any) -> None:
        if len(server.requests) == 1:
            loop.call_soon_threadsafe(held.set)
            await connection.hang()
        else:
            connection.respond(json.dumps({"images": SIZES}).encode())

    server.scripts[CONFIGURATION] = answer
    async with AsyncTMDBClient(
        TOKEN, base_url=server.url + "/3", requests_per_second=None, retries=0, verify=CONTEXT
    ) as client:
        first = asyncio.ensure_future(client.images.url("/a.jpg", "w500"))
        await held.wait()
        others = [asyncio.ensure_future(client.images.url("/a.jpg", "w500")) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [f"{BASE}/w500/a.jpg"] * 20
        assert first.cancelled()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["en", None], "en,null"),
        (("pt-BR", "null", None, "pt-BR"), "pt-BR,null"),
        ("en, null", "en,null"),
        ({"fr", None, "en"}, "en,fr,null"),
        ([None], "null"),
    ],
)
def test_languages_of_images_and_videos(server, driver, given, sent):
    serve(server, lambda number: {"id": 550, "posters": []}, "/3/movie/550/images")
    serve(server, lambda number: {"id": 1396, "results": []}, "/3/tv/1396/videos")
    driven = driver()
    driven.do(lambda client: client.movies.images(550, include_image_language=given))
    driven.do(lambda client: client.tv.videos(1396, include_video_language=given))
    queries = [seen.query for seen in server.requests]
    assert queries == [{"include_image_language": sent}, {"include_video_language": sent}]


@pytest.mark.parametrize("given", [["en", ""], ["en", 5], 5, "en,,null", [["en"]]])
def test_languages_that_are_none(server, driver, given):
    driven = driver()
    with pytest.raises(ValidationError, match="include_image_language"):
        driven.do(lambda client: client.movies.images(550, include_image_language=given))
    assert not server.requests


def test_none_in_another_list_is_refused(server, driver):
    driven = driver()
    with pytest.raises(ValidationError, match="with_genres"):
        driven.do(lambda client: client.discover.movie(with_genres=[18, None]))
    assert not server.requests
