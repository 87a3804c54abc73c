"""Images of a crawl: what is stored where, what is asked for, and what it costs the crawl."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy import Request, Spider, signals
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.exceptions import DontCloseSpider
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.patience import with_more_time
from tests.transport.server import hang, in_turn, redirect, reset_early, truncate
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.images import TMDBImagesPipeline, pipeline
from tmdbfusion_scrapy.images.choice import ImageFile
from tmdbfusion_scrapy.images.store import AtomicFilesStore, ImageShelf
from tmdbfusion_scrapy.models.images import Image, Images
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import TVDetails

ROOT = Path(__file__).parents[2]


def jpeg(text):
    return b"\xff\xd8\xff\xe0" + text.encode() + b"\xff\xd9"


def serving(body, content_type="image/jpeg", status="200 OK"):
    async def serve(connection, seen):
        connection.respond(body, status=status, headers=f"Content-Type: {content_type}\r\n")

    return serve


def movie(movie_id=550, poster="/a.jpg", **fields):
    return MovieDetails(id=movie_id, title="A", poster_path=poster, **fields)


class ItemsSpider(TMDBSpider):
    name = "items"

    def __init__(self, items=(), **kwargs):
        super().__init__(**kwargs)
        self.items = items

    async def start(self):
        for item in self.items:
            yield item


@pytest.fixture
def image_server(raw_server):
    """Serves ``/t/p/<size>/<a, b or c>.jpg``."""
    for size in ("w342", "w500", "w780", "w1280", "h632", "original"):
        for name in "abc":
            raw_server.scripts[f"/t/p/{size}/{name}.jpg"] = serving(jpeg(f"{size} {name}"))
    return raw_server


def targets(server):
    return sorted(seen.target for seen in server.requests)


def image_settings(server, api_url="http://127.0.0.1:1/3", *, database=False, **settings):
    """Settings of a crawl with images; without a database it takes half the time."""
    pipelines = {} if database else {"tmdbfusion_scrapy.storage.SQLPipeline": None}
    given = {
        "TMDB_IMAGES": ["poster"],
        "TMDB_IMAGES_URL": f"{server.url}/t/p",
        "TMDB_IMAGES_REQUESTS_PER_SECOND": 0,
        "IMAGES_STORE": "images",
        "RETRY_TIMES": 0,
    }
    pipelines |= settings.pop("ITEM_PIPELINES", {})
    return settings_of(api_url, ITEM_PIPELINES=pipelines, **{**given, **settings})


def stored(store="images"):
    """What lies in the store, but for the sources."""
    files = (path for path in Path(store).rglob("*") if path.is_file() and path.suffix != ".source")
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in files}


def in_store(path, content=None):
    """A path in the store; with a content it is made a file before there is a store."""
    file = Path("images", path)
    if content is not None:
        file.parent.mkdir()
        file.write_text(content)
    return file


@coroutine_test
async def test_images_of_records_by_kind_id_and_size(image_server):
    items = [
        movie(backdrop_path="/b.jpg"),
        TVDetails(id=550, poster_path="/c.jpg"),
        PersonDetails(id=7, profile_path="/a.jpg"),
        movie(2, None),
        {"no": "record"},
    ]
    sizes = {"poster": ["w500", "original"], "backdrop": "w1280", "profile": "h632"}
    ended = await crawl(ItemsSpider, image_settings(image_server, TMDB_IMAGES=sizes), items=items)
    assert ended.items == items
    assert stored() == {
        "movies/550/w500.jpg": jpeg("w500 a"),
        "movies/550/original.jpg": jpeg("original a"),
        "movies/550/backdrop-w1280.jpg": jpeg("w1280 b"),
        "tv_shows/550/w500.jpg": jpeg("w500 c"),
        "tv_shows/550/original.jpg": jpeg("original c"),
        "people/7/h632.jpg": jpeg("h632 a"),
    }
    stats = ended.stats
    assert stats["tmdb/images/request_count"] == stats["tmdb/images/response_status_count/200"] == 6
    assert stats["tmdb/images/stored_count/poster"] == 4
    assert stats["tmdb/images/stored_count/backdrop"] == stats["tmdb/images/stored_count/profile"] == 1
    assert stats["tmdb/images/stored_bytes"] == sum(map(len, stored().values()))
    assert stats["file_status_count/downloaded"] == stats["file_count"] == 6
    assert stats["tmdb/images/connections_opened"] == image_server.accepted
    assert not [name for name in stats if name.startswith("tmdb/images/failed_count")]


@coroutine_test
async def test_nothing_is_fetched_without_the_setting(image_server):
    ended = await crawl(ItemsSpider, image_settings(image_server, TMDB_IMAGES=None), items=[movie()])
    assert image_server.requests == []
    assert ended.crawler.get_item_pipeline(TMDBImagesPipeline) is None


@coroutine_test
async def test_the_second_run_asks_for_what_has_changed_only(image_server):
    settings = image_settings(image_server)
    await crawl(ItemsSpider, settings, items=[movie(1), movie(2)])
    image_server.requests.clear()
    ended = await crawl(ItemsSpider, settings, items=[movie(1), movie(2)])
    assert image_server.requests == []
    assert ended.stats["tmdb/images/known_count"] == ended.stats["file_status_count/uptodate"] == 2
    assert "tmdb/images/request_count" not in ended.stats
    await crawl(ItemsSpider, settings, items=[movie(1), movie(2, "/b.jpg")])
    assert targets(image_server) == ["/t/p/w500/b.jpg"]
    assert stored() == {"movies/1/w500.jpg": jpeg("w500 a"), "movies/2/w500.jpg": jpeg("w500 b")}
    # Back again, and one that somebody has removed.
    in_store("movies/1/w500.jpg").unlink()
    image_server.requests.clear()
    await crawl(ItemsSpider, settings, items=[movie(1), movie(2)])
    assert targets(image_server) == ["/t/p/w500/a.jpg"] * 2
    assert stored() == {"movies/1/w500.jpg": jpeg("w500 a"), "movies/2/w500.jpg": jpeg("w500 a")}


@coroutine_test
async def test_a_record_that_comes_twice_costs_one_request(image_server):
    ended = await crawl(ItemsSpider, image_settings(image_server), items=[movie(), movie(), movie()])
    assert targets(image_server) == ["/t/p/w500/a.jpg"]
    assert ended.stats["tmdb/images/known_count"] == 2


@coroutine_test
async def test_the_later_of_two_images_for_one_place_stays(image_server):
    image_server.scripts["/t/p/w500/a.jpg"] = in_turn(reset_early, serving(jpeg("w500 a")))
    settings = image_settings(image_server, RETRY_TIMES=1)
    await crawl(ItemsSpider, settings, items=[movie(), movie(poster="/b.jpg")])
    assert stored() == {"movies/550/w500.jpg": jpeg("w500 b")}


async def half(connection, seen):
    connection.respond(jpeg("x")[:-2], headers="Content-Type: image/jpeg\r\n")


FAULTS = {
    "truncated": (truncate, "ServerError", None),
    "reset": (reset_early, "ServerError", None),
    "html": (serving(b"<html>busy</html>", "text/html"), "ResponseError", 200),
    "html as an image": (serving(b"<html>busy</html>"), "ResponseError", 200),
    "image as html": (serving(jpeg("x"), "text/html"), "ResponseError", 200),
    "empty": (serving(b""), "ResponseError", 200),
    "broken off": (half, "ResponseError", 200),
    "503": (serving(b"", status="503 Busy"), "ServerError", 503),
    "429": (serving(b"", "text/plain\r\nRetry-After: 0", "429 Slow"), "RateLimitError", 429),
    "206": (serving(jpeg("x"), status="206 Partial"), "ResponseError", 206),
}


@pytest.mark.parametrize(("script", "error", "status"), FAULTS.values(), ids=FAULTS)
@coroutine_test
async def test_what_is_no_whole_image_is_not_stored_but_on_record(
    image_server, caplog, script, error, status
):
    image_server.scripts["/t/p/w500/a.jpg"] = script
    settings = image_settings(image_server, database=True, RETRY_TIMES=1)
    ended = await crawl(ItemsSpider, settings, items=[movie(1), movie(2, "/b.jpg")])
    assert stored() == {"movies/2/w500.jpg": jpeg("w500 b")}
    url = f"{image_server.url}/t/p/w500/a.jpg"
    assert failure_rows() == [("movies", "1", url, error, None, None, 2)]
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert status is None or message.startswith(f"HTTP {status}: ")
    assert ended.stats[f"tmdb/images/failed_count/{error}"] == ended.stats["tmdb/images/retry_count"] == 1
    assert [line for line in caplog.messages if line.startswith(f"No image from {url}: ")]


@coroutine_test
async def test_when_the_image_is_there_the_failure_is_over(image_server):
    image_server.scripts["/t/p/w500/a.jpg"] = in_turn(half, serving(jpeg("w500 a")))
    settings = image_settings(image_server, database=True)
    await crawl(ItemsSpider, settings, items=[movie()])
    assert len(failure_rows()) == 1
    await crawl(ItemsSpider, settings, items=[movie()])
    assert stored() == {"movies/550/w500.jpg": jpeg("w500 a")}
    assert failure_rows() == []


@pytest.mark.parametrize("script", [serving(b"", status="404 Not Found"), redirect], ids=["404", "redirect"])
@coroutine_test
async def test_what_will_not_come_is_asked_for_once(image_server, script):
    image_server.scripts["/t/p/w500/a.jpg"] = script
    settings = image_settings(image_server, database=True, RETRY_TIMES=3)
    ended = await crawl(ItemsSpider, settings, items=[movie()])
    assert targets(image_server) == ["/t/p/w500/a.jpg"]
    assert stored() == {}
    ((kind, key, path, _, *status, attempts),) = failure_rows()
    assert (kind, key, path, attempts) == ("movies", "550", f"{image_server.url}/t/p/w500/a.jpg", 1)
    # Of this kind and id a 404 would tell that the movie is gone.
    assert status == [None, None]
    assert "tmdb/images/retry_count" not in ended.stats


@coroutine_test
async def test_a_path_that_is_none_of_tmdbs_is_not_asked_for(image_server):
    item = movie(poster="/https://elsewhere.example/../../x\0.jpg\0")
    ended = await crawl(ItemsSpider, image_settings(image_server), items=[item])
    assert image_server.requests == []
    assert ended.stats["tmdb/images/failed_count/ValidationError"] == 1
    assert stored() == {}


@pytest.mark.parametrize("script", [serving(b"", status="503 Busy"), reset_early, truncate, half])
@coroutine_test
async def test_what_fails_once_is_tried_again(image_server, script):
    image_server.scripts["/t/p/w500/a.jpg"] = in_turn(script, serving(jpeg("w500 a")))
    ended = await crawl(ItemsSpider, image_settings(image_server, RETRY_TIMES=2), items=[movie()])
    assert stored() == {"movies/550/w500.jpg": jpeg("w500 a")}
    assert ended.stats["tmdb/images/retry_count"] == 1
    assert "tmdb/images/failed_count/ResponseError" not in ended.stats
    assert "tmdb/images/failed_count/ServerError" not in ended.stats


@pytest.mark.parametrize("credentials", [{}, {"TMDB_ACCESS_TOKEN": None, "TMDB_API_KEY": "0" * 31 + "f"}])
@coroutine_test
async def test_no_credentials_go_to_the_images_and_no_tokens_are_taken_from_the_api(
    image_server, credentials
):
    image_server.scripts["/3/movie/550"] = serving(
        json.dumps({"id": 550, "title": "A", "poster_path": "/a.jpg"}).encode(), "application/json"
    )
    throttled = in_turn(serving(b"", status="429 Slow"), serving(jpeg("w500 a")))
    image_server.scripts["/t/p/w500/a.jpg"] = throttled
    # As a project may have it that crawls without this package as well.
    headers = {"Authorization": f"Bearer {TOKEN}"} if not credentials else {}
    credentials = {**credentials, "DEFAULT_REQUEST_HEADERS": headers}
    settings = image_settings(image_server, f"{image_server.url}/3", RETRY_TIMES=2, **credentials)
    ended = await crawl(MoviesSpider, settings, ids=[550])
    api, *for_images = image_server.requests
    secret = credentials.get("TMDB_API_KEY", TOKEN)
    assert secret in str(api)
    assert len(for_images) == 2
    for seen in for_images:
        assert secret not in str(seen)
        assert seen.header("Authorization") is None
        assert seen.header("Cookie") is None
        assert seen.target == "/t/p/w500/a.jpg"
    # A connection of another pool, though the host is the same.
    assert api.connection not in {seen.connection for seen in for_images}
    stats = ended.stats
    assert stats["tmdb/request_count"] == stats["tmdb/pool/connections_opened"] == 1
    assert stats["tmdb/images/request_count"] == 2
    assert stats["tmdb/images/pause_count"] == 1
    assert stats["tmdb/rate_limit/pause_count"] == 0
    assert stats["tmdb/images/response_status_count/429"] == 1
    assert "tmdb/response_status_count/429" not in stats
    assert stored() == {"movies/550/w500.jpg": jpeg("w500 a")}


@coroutine_test
async def test_images_hold_up_neither_their_records_nor_the_api(image_server):
    """None of the images comes before all of the records have."""
    ids = range(1, 31)
    for number in ids:
        body = json.dumps({"id": number, "title": "A", "poster_path": f"/{number}.jpg"}).encode()
        image_server.scripts[f"/3/movie/{number}"] = serving(body, "application/json")

        async def wait(connection, seen):
            await connection.server.gate.wait()
            connection.respond(jpeg("x"), headers="Content-Type: image/jpeg\r\n")

        image_server.scripts[f"/t/p/w500/{number}.jpg"] = wait

    class OpeningSpider(MoviesSpider):
        name = "opening"

        def parse(self, response):
            yield from super().parse(response)
            if len(self.responses) == len(ids):
                image_server.open_gate()

    settings = image_settings(
        image_server, f"{image_server.url}/3", CONCURRENT_REQUESTS=2, TMDB_IMAGES_MAX_CONNECTIONS=3
    )
    ended = await crawl(OpeningSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    assert len(stored()) == len(ids)
    # Of each pool no more than it may have.
    assert ended.stats["tmdb/images/connections_opened"] == 3
    assert ended.stats["tmdb/pool/connections_opened"] <= 2
    assert image_server.max_open <= 5


@coroutine_test
async def test_the_rate_of_the_images(image_server):
    settings = image_settings(image_server, TMDB_IMAGES_REQUESTS_PER_SECOND=20)
    started = asyncio.get_running_loop().time()
    ended = await crawl(ItemsSpider, settings, items=[movie(number) for number in range(1, 11)])
    assert asyncio.get_running_loop().time() - started >= 9 / 20 - 0.1
    assert ended.stats["tmdb/images/requests_per_second"] == 20
    assert len(stored()) == 10


@coroutine_test
async def test_the_crawl_waits_when_too_many_images_do(image_server, monkeypatch):
    monkeypatch.setattr(pipeline, "MAX_WAITING", 2)
    waiting = []

    class CountingPipeline(TMDBImagesPipeline):
        async def process_item(self, item, spider=None):
            await super().process_item(item)
            waiting.append(len(self._tasks))
            return item

    settings = image_settings(image_server, ITEM_PIPELINES={CountingPipeline: 950})
    await crawl(ItemsSpider, settings, items=[movie(number) for number in range(1, 21)])
    assert len(waiting) == len(stored()) == 20
    assert max(waiting) <= 2


@coroutine_test
async def test_the_spider_stays_open_for_images_that_have_no_room_yet(image_server, monkeypatch):
    monkeypatch.setattr(pipeline, "MAX_WAITING", 2)
    wanted = [movie(number) for number in range(1, 21)]
    open_until = []

    class AskedSpider(ItemsSpider):
        """Asks at every turn of the loop whether it would be closed."""

        name = "asked"

        async def start(self):
            self.asking = asyncio.ensure_future(self.ask())
            async for item in super().start():
                yield item

        async def ask(self):
            for begins_or_stays in (self.begins, self.stays):
                while begins_or_stays():  # noqa: ASYNC110 - every turn is what is asked about
                    await asyncio.sleep(0)
            open_until.append(self.crawler.stats.get_value("item_scraped_count"))

        def begins(self):
            return not self.crawler.stats.get_value("item_scraped_count")

        def stays(self):
            signal = signals.spider_idle
            sent = self.crawler.signals.send_catch_log(signal, spider=self, dont_log=DontCloseSpider)
            return any(isinstance(getattr(result, "value", None), DontCloseSpider) for _, result in sent)

    await crawl(AskedSpider, image_settings(image_server), items=wanted)
    assert open_until == [len(wanted)]
    assert len(stored()) == len(wanted)


class StoppedSpider(ItemsSpider):
    """Is stopped when the first images are being downloaded."""

    name = "stopped"
    server = None

    async def start(self):
        self.stopping = asyncio.ensure_future(self.stop())
        # Of a callback: Scrapy waits for ever for an item of start() that waits when the spider is closed.
        yield Request("data:,", self.parse)

    def parse(self, response):
        yield from self.items

    async def stop(self):
        await self.server.received(2)
        closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))
        await asyncio.sleep(0.05)
        self.server.open_gate()
        await closing


@pytest.mark.parametrize("most", [1000, 3])
@coroutine_test
async def test_a_stop_ends_what_was_begun_and_puts_the_rest_on_record(image_server, monkeypatch, most):
    monkeypatch.setattr(pipeline, "MAX_WAITING", most)

    async def wait(connection, seen):
        await connection.server.gate.wait()
        connection.respond(jpeg("x"))

    items = [movie(number, f"/{number}.jpg") for number in range(1, 8)]
    for item in items:
        image_server.scripts[f"/t/p/w500{item.poster_path}"] = wait
    settings = image_settings(image_server, database=True, TMDB_IMAGES_MAX_CONNECTIONS=2)
    ended = await crawl(StoppedSpider, settings, finish_reason="stopped", items=items, server=image_server)
    assert len(image_server.requests) == 2
    assert list(stored().values()) == [jpeg("x")] * 2
    lost = failure_rows()
    assert [(row[0], row[3], row[-1]) for row in lost] == [("movies", "Stopped", 0)] * 5
    assert {path.split("/")[1] for path in stored()} | {row[1] for row in lost} == set("1234567")
    assert ended.stats["tmdb/images/failed_count/Stopped"] == 5


@coroutine_test
async def test_a_store_that_takes_nothing_is_no_end_of_the_crawl(image_server):
    in_store("movies", content="no folder")
    settings = image_settings(image_server, database=True)
    ended = await crawl(ItemsSpider, settings, items=[movie(), PersonDetails(id=1)])
    assert ended.stats["tmdb/images/failed_count/StorageError"] == 1
    assert [row[:4] for row in failure_rows()] == [
        ("movies", "550", f"{image_server.url}/t/p/w500/a.jpg", "StorageError")
    ]
    assert list(in_store(".parts").iterdir()) == []


KILLED = """
import resource, signal, sys
sys.path.insert(0, {root!r})
from scrapy.crawler import AsyncCrawlerProcess
from tests.crawling.test_images import ItemsSpider, movie

# The kernel ends the process in the middle of the write that goes beyond.
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
process = AsyncCrawlerProcess({settings!r})
process.crawl(ItemsSpider, items=[movie(poster="/large.jpg")])
process.start()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="the system has no limit for the size of files")
@coroutine_test
async def test_a_process_that_is_killed_while_it_writes_leaves_no_half_of_an_image(image_server):
    large = jpeg("x" * 3_000_000)
    image_server.scripts["/t/p/w500/large.jpg"] = serving(large)
    settings = image_settings(image_server)
    await crawl(ItemsSpider, settings, items=[movie()])
    script = KILLED.format(root=str(ROOT), settings={**settings, "TWISTED_REACTOR_ENABLED": True})
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == -signal.SIGXFSZ, done.stderr
    (part,) = in_store(".parts").iterdir()
    assert 0 < part.stat().st_size < len(large)
    assert in_store("movies/550/w500.jpg").read_bytes() == jpeg("w500 a")
    # The part is another crawl's as far as this one can tell, until it is old.
    await crawl(ItemsSpider, settings, items=[movie(poster="/large.jpg")])
    assert part.exists()
    assert in_store("movies/550/w500.jpg").read_bytes() == large
    os.utime(part, (0, 0))
    await crawl(ItemsSpider, settings, items=[])
    assert not part.exists()


class MemoryStore:
    """A store as Scrapy's remote ones are: it tells of a file its MD5 and when it came."""

    files: dict[str, bytes] = {}  # noqa: RUF012

    def __init__(self, uri):
        self.uri = uri

    def persist_file(self, path, buf, info, meta=None, headers=None):
        self.files[path] = buf.getvalue()

    def stat_file(self, path, info):
        checksum = hashlib.md5(self.files[path], usedforsecurity=False).hexdigest()
        return {"checksum": checksum, "last_modified": 1.0}


class MemoryImagesPipeline(TMDBImagesPipeline):
    STORE_SCHEMES = {**TMDBImagesPipeline.STORE_SCHEMES, "memory": MemoryStore}  # noqa: RUF012


@coroutine_test
async def test_other_stores_know_what_they_have_as_well(image_server):
    MemoryStore.files = {}
    pipelines = {MemoryImagesPipeline: 950}
    settings = image_settings(image_server, IMAGES_STORE="memory://x", ITEM_PIPELINES=pipelines)
    await crawl(ItemsSpider, settings, items=[movie(1), movie(2)])
    image_server.requests.clear()
    ended = await crawl(ItemsSpider, settings, items=[movie(1), movie(2, "/b.jpg")])
    assert targets(image_server) == ["/t/p/w500/b.jpg"]
    assert ended.stats["tmdb/images/known_count"] == 1
    assert MemoryStore.files["movies/2/w500.jpg"] == jpeg("w500 b")
    del MemoryStore.files["movies/1/w500.jpg"]
    await crawl(ItemsSpider, settings, items=[movie(1)])
    assert MemoryStore.files["movies/1/w500.jpg"] == jpeg("w500 a")


@coroutine_test
async def test_a_killed_change_is_made_good(image_server, tmp_path):
    """Killed between the image and its source, and then the old image is the one again."""
    store = AtomicFilesStore(tmp_path / "store")
    shelf = ImageShelf(store, None)
    await shelf.put("m/1.jpg", "/a.jpg", b"a", "image/jpeg", replaces=False)
    assert await shelf.holds("m/1.jpg", "/a.jpg") is True
    assert await shelf.holds("m/1.jpg", "/b.jpg") is False
    assert await shelf.holds("m/2.jpg", "/a.jpg") is None
    store.write = failing_at(store.write, 3)
    with pytest.raises(OSError, match="killed"):
        await shelf.put("m/1.jpg", "/b.jpg", b"b", "image/jpeg", replaces=True)
    assert await shelf.holds("m/1.jpg", "/a.jpg") is False


def failing_at(function, number):
    calls = []

    def call(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            raise OSError("killed")
        function(*arguments)

    return call


class OwnPipeline(TMDBImagesPipeline):
    """The logo of an item that is no record, in a place of its own."""

    def get_media_requests(self, item, info):
        if isinstance(item, dict):
            return [self.request_for(ImageFile("things", item["id"], "logo", "original", "/a.jpg"))]
        return super().get_media_requests(item, info)

    def file_path(self, request, response=None, info=None, *, item=None):
        if isinstance(item, dict):
            return f"{item['name']}.jpg"
        return super().file_path(request, response, info, item=item)


@coroutine_test
async def test_a_pipeline_of_ones_own_chooses_and_names(image_server):
    settings = image_settings(image_server, ITEM_PIPELINES={OwnPipeline: 950})
    await crawl(ItemsSpider, settings, items=[{"id": 1, "name": "mine"}, movie()])
    assert stored() == {"mine.jpg": jpeg("original a"), "movies/550/w500.jpg": jpeg("w500 a")}


@coroutine_test
async def test_languages_of_appended_images(image_server):
    posters = [
        Image(file_path="/a.jpg", iso_639_1="en"),
        Image(file_path="/b.jpg", iso_639_1="de"),
        Image(file_path="/c.jpg"),
    ]
    settings = image_settings(image_server, TMDB_IMAGES_LANGUAGES="fr,de,null")
    items = [movie(1, images=Images(posters=posters)), movie(2, images=Images(posters=posters[:1]))]
    await crawl(ItemsSpider, settings, items=items)
    assert stored() == {"movies/1/w500.jpg": jpeg("w500 b"), "movies/2/w500.jpg": jpeg("w500 a")}


@coroutine_test
async def test_other_requests_to_the_host_of_the_images_go_their_own_way(image_server):
    class PlainSpider(ItemsSpider):
        name = "plain"

        async def start(self):
            yield Request(f"{image_server.url}/t/p/w500/a.jpg", self.parse)

        def parse(self, response):
            yield {"body": response.body}

    ended = await crawl(PlainSpider, image_settings(image_server))
    assert ended.items == [{"body": jpeg("w500 a")}]
    assert "tmdb/images/request_count" not in ended.stats


@coroutine_test
async def test_without_the_database(image_server, tmp_path):
    image_server.scripts["/t/p/w500/b.jpg"] = serving(b"", status="404 Not Found")
    ended = await crawl(ItemsSpider, image_settings(image_server), items=[movie(1), movie(2, "/b.jpg")])
    assert list(stored()) == ["movies/1/w500.jpg"]
    assert ended.stats["tmdb/images/failed_count/NotFoundError"] == 1
    assert not list(tmp_path.glob("tmdb.db*"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"IMAGES_STORE": None}, "IMAGES_STORE"),
        ({"TMDB_IMAGES": "posters"}, "TMDB_IMAGES names 'posters'.*poster, backdrop"),
        ({"TMDB_IMAGES": '{"poster": "w501"}'}, "TMDB_IMAGES has 'w501' for poster.*w500"),
        ({"TMDB_IMAGES": {"poster": []}}, "TMDB_IMAGES"),
        ({"TMDB_IMAGES": "{poster"}, "TMDB_IMAGES.*JSON"),
        ({"TMDB_IMAGES": True}, "TMDB_IMAGES"),
        ({"TMDB_IMAGES_LANGUAGES": "german"}, "TMDB_IMAGES_LANGUAGES"),
        ({"TMDB_IMAGES_REQUESTS_PER_SECOND": "fast"}, "TMDB_IMAGES_REQUESTS_PER_SECOND"),
        ({"TMDB_IMAGES_MAX_CONNECTIONS": -1}, "TMDB_IMAGES_MAX_CONNECTIONS"),
        ({"TMDB_IMAGES_URL": "http://127.0.0.1:1/3/t/p"}, "TMDB_IMAGES_URL.*TMDB_API_URL"),
    ],
)
@coroutine_test
async def test_settings_of_no_use_end_the_crawl_before_it_begins(image_server, settings, message):
    runner = AsyncCrawlerRunner(Settings(image_settings(image_server, **settings)))
    with pytest.raises(ConfigurationError, match=message):
        await runner.crawl(ItemsSpider)


class NoAddonSpider(Spider):
    name = "no_addon"

    async def start(self):
        yield {"a": 1}


@coroutine_test
async def test_the_pipeline_alone_says_what_it_needs(image_server):
    settings = image_settings(image_server, ITEM_PIPELINES={TMDBImagesPipeline: 950})
    # Not crawled: Scrapy 2.19 without a reactor leaves its own handlers open when a pipeline cannot be built.
    crawler = AsyncCrawlerRunner(Settings(settings)).create_crawler(NoAddonSpider)
    with pytest.raises(ConfigurationError, match="needs the add-on"):
        TMDBImagesPipeline.from_crawler(crawler)
    ended = await crawl(NoAddonSpider, {**settings, "TMDB_IMAGES": []})
    assert ended.crawler.get_item_pipeline(TMDBImagesPipeline) is None


@coroutine_test
async def test_the_stores_of_scrapy(image_server, tmp_path):
    settings = image_settings(image_server, IMAGES_STORE=None, FILES_STORE=tmp_path / "files")
    await crawl(ItemsSpider, settings, items=[movie()])
    assert list(stored(tmp_path / "files")) == ["movies/550/w500.jpg"]


@coroutine_test
@with_more_time
async def test_a_time_out_of_an_image_is_a_failure_of_that_image(image_server, tmp_path, monkeypatch, scale):
    folder = tmp_path / str(scale)
    folder.mkdir()
    monkeypatch.chdir(folder)
    image_server.scripts["/t/p/w500/a.jpg"] = hang
    settings = image_settings(image_server, database=True, DOWNLOAD_TIMEOUT=0.3 * scale)
    await crawl(ItemsSpider, settings, items=[movie(1), movie(2, "/b.jpg")])
    assert list(stored()) == ["movies/2/w500.jpg"]
    assert [row[3] for row in failure_rows()] == ["ServerError"]
