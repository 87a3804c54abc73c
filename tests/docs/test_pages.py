"""Blocks of the other pages and of the README: each is run, by this module or by another test, or says why not.

Settings are read, clients and spiders ask a sandbox, statements are answered by a database, commands are run in a
copy of the example project. What commands print is compared, numbers excepted.
"""

from __future__ import annotations

import ast
import asyncio
import datetime
import linecache
import logging
import re
import shutil
import sqlite3
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import CO_COROUTINE
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from scrapy.settings import Settings, default_settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, crawl, settings_of
from tests.docs.test_guides import DOCS, ROOT, Block, Reader, blocks, pattern_of
from tests.storage.library import LIBRARY, store
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient, TMDBSpider
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.models import MovieDetails, PersonDetails
from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox
from tmdbfusion_scrapy.settings import SETTINGS, TMDBSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]

CLIENT_PAGES = ["README.md", "client.md", "observability.md", "sandbox.md", "transport.md"]
SPIDER_PAGES = [
    "README.md",
    "index.md",
    "crawling.md",
    "images.md",
    "mirroring.md",
    "observability.md",
    "progress.md",
]
COMMAND_PAGES = [
    "index.md",
    "commands.md",
    "images.md",
    "mirroring.md",
    "queries.md",
    "report.md",
    "sources.md",
]

SANDBOX = "http://127.0.0.1:8390/3"
"""The sandbox's address on the pages."""


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that are to be run; it may say for all of a kind which test runs them."""
    text = page.read_text("utf-8")
    elsewhere = {kind for kind, _ in re.findall(r"^% all (\w+) run by: (\S+)$", text, re.MULTILINE)}
    return [block for block in blocks(page) if not block.not_run and block.kind not in elsewhere]


def is_settings(text: str) -> bool:
    """Whether a block assigns settings, and does nothing else."""
    body = [node for node in ast.parse(text).body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [node.targets[0] for node in body if isinstance(node, ast.Assign)]
    return len(names) == len(body) > 0 and all(
        isinstance(name, ast.Name) and name.id.isupper() for name in names
    )


def is_spiders(text: str) -> bool:
    """Whether a block is for a spider: a class of one, its methods, or lines of a method."""
    return bool(
        re.search(
            r"TMDBS\w*Spider\)|Pipeline\)|\bself\.|def parse_|^crawler\b|= crawler\.", text, re.MULTILINE
        )
    )


def kind_of(block: Block) -> str:
    """The way in which a block is run."""
    if block.kind != "python":
        return block.kind
    if is_settings(block.text):
        return "settings"
    return "spider" if is_spiders(block.text) else "client"


def test_every_block_is_run_or_says_why_not() -> None:
    runners = {
        "client": CLIENT_PAGES,
        "spider": SPIDER_PAGES,
        "bash": COMMAND_PAGES,
        "console": COMMAND_PAGES,
        "sql": ["crawling.md", "images.md"],
        "settings": [page.name for page in PAGES],
        "{toctree}": [page.name for page in PAGES],
    }
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    left = []
    for page in PAGES:
        text = page.read_text("utf-8")
        assert not re.search(r"\n\n`{3,}\n(?=\S)", text), f"{page.name}: a block without a kind"
        # The job that .ci/run does by itself.
        by_ci = [
            command
            for command in re.findall(r"<!-- command: (\w+) -->", text)
            if f"readme_command {command})" in ci
        ]
        commands = [block for block in blocks_of(page) if block.kind == "bash"][: len(by_ci)]
        left += [
            f"{page.name}: {block.kind}: {block.text[:60]}"
            for block in blocks_of(page)
            if block not in commands and page.name not in runners.get(kind_of(block), [])
        ]
    assert left == []


def test_the_tests_that_run_blocks_elsewhere_know_the_page() -> None:
    named = 0
    for page in PAGES:
        for test in re.findall(r"^% (?:all \w+ )?run by: (\S+)$", page.read_text("utf-8"), re.MULTILINE):
            assert page.name in (ROOT / test).read_text("utf-8"), f"{test} does not read {page.name}"
            named += 1
    assert named > 10


def test_settings_can_be_used() -> None:
    seen = set()
    for page in PAGES:
        for block in blocks_of(page):
            if kind_of(block) != "settings":
                continue
            names: dict[str, Any] = {}
            exec(block.text, names)  # noqa: S102 - of our documentation
            values = {name: value for name, value in names.items() if name.isupper()}
            for name in values:
                known = name in SETTINGS or hasattr(default_settings, name) or name.startswith("SPIDERMON_")
                assert known or name == "REMOTE_CONTROL_ENABLED", f"{page.name}: {name}"
            TMDBSettings.from_settings(Settings({"TMDB_ACCESS_TOKEN": TOKEN, **values}))
            seen |= values.keys()
    assert {"TMDB_API_URLS", "TMDB_IMAGES", "TMDB_METRICS_PORT", "ADDONS", "FEEDS"} <= seen


def run_code(text: str, names: dict[str, Any]) -> None:
    """Run lines of a page; ``await`` may stand in them."""
    code = compile(text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not code.co_flags & CO_COROUTINE:
        exec(code, names)  # noqa: S102 - of our documentation
        return

    async def run() -> None:
        await eval(code, names)  # noqa: S307 - the same
        await names["async_client"].aclose()

    asyncio.run(run())


@pytest.fixture(scope="module")
def movies() -> Iterator[ThreadedSandbox]:
    """A sandbox with the series that the pages name."""
    options = SandboxOptions(movies=1000, series=1500, gaps=0.0, today=datetime.date(2026, 6, 1))
    with ThreadedSandbox(options) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", CLIENT_PAGES)
def test_clients(name: str, movies: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_ACCESS_TOKEN", TOKEN)
    page = next(page for page in PAGES if page.name == name)
    url = movies.base_url
    call = {"base_url": url, "requests_per_second": 0}
    ours = {
        "TMDBClient": partial(TMDBClient, **call),
        "AsyncTMDBClient": partial(AsyncTMDBClient, **call),
        "token": TOKEN,
        "ids": movies.movie_ids[:3],
        "httpx": httpx,
        "handler": logging.NullHandler(),
        "movie": MovieDetails(id=1, poster_path="/p.jpg"),
        "person": PersonDetails(id=1, profile_path="/p.jpg"),
    }
    names: dict[str, Any] = dict(ours)
    ran = 0

    def run() -> None:
        nonlocal ran
        for block in blocks_of(page):
            if kind_of(block) != "client":
                continue
            text = block.text.replace(SANDBOX, url)
            text = re.sub(r"^from tmdbfusion_scrapy import .*\n", "", text, flags=re.MULTILINE)
            client = TMDBClient(TOKEN, **call)
            with client:
                names.update(ours, client=client, async_client=AsyncTMDBClient(TOKEN, **call))
                before = set(names)
                run_code(text, names)
                for test in sorted(set(names) - before):
                    if test.startswith("test_"):
                        movies.clear()
                        names[test](movies)
            ran += 1

    if name == "observability.md":
        pytest.importorskip("opentelemetry")
    # Not in the thread of the test run's event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()
    assert ran


def spider_of(text: str) -> tuple[type[Any], dict[str, Any]]:
    """The spider of a block, made of its class, its methods or its lines; and the names of the block."""
    names: dict[str, Any] = {"session_id": "s" * 40}
    tree = ast.parse(text)
    has_lines = any(isinstance(node, ast.Expr) for node in tree.body)
    if has_lines:
        lines = textwrap.indent(text.replace("crawler = ", ""), "    ")
        if "yield" in text:
            text = f"async def start(self):\n{lines}"
        else:
            head = "def parse_movie(self, response):\n    crawler = self.crawler"
            text = f"{head}\n{lines}\n    yield response.record"
    # Scrapy reads the source of callbacks.
    file = f"<page {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), names)  # noqa: S102 - of our documentation
    for value in names.values():
        if isinstance(value, type) and issubclass(value, TMDBSpider) and value.__module__ == "builtins":
            return value, names

    class Lines(TMDBSpider):
        name = "lines"

        async def start(self) -> Any:
            yield self.tmdb.movies.details(1, callback=self.parse_movie)

        def parse_movie(self, response: Any) -> Any:
            yield response.record

        parse_page = parse_new = parse_status = parse_show = parse_movie

    methods = {
        name: value
        for name, value in names.items()
        if callable(value) and name in ("start", "parse_movie", "parse_page")
    }
    return type("Page", (Lines,), methods), names


@coroutine_test
async def test_spiders(movies: ThreadedSandbox, tmp_path: Path) -> None:
    ran = 0
    for page in PAGES:
        for number, block in enumerate(blocks_of(page)):
            if kind_of(block) != "spider":
                continue
            spider, names = spider_of(block.text)
            settings = settings_of(
                movies.base_url,
                TMDB_IMAGES_URL=movies.images_url,
                TMDB_DATABASE_URL=f"sqlite:///{tmp_path}/{page.stem}{number}.db",
                TMDB_SESSION_ID="s" * 40,
                **(
                    {"ITEM_PIPELINES": names["ITEM_PIPELINES"], "IMAGES_STORE": str(tmp_path)}
                    if "ITEM_PIPELINES" in names
                    else {}
                ),
            )
            arguments = {"list": "popular", "limit": "5"} if issubclass(spider, TMDBSourceSpider) else {}
            ended = await crawl(spider, settings, errors=None, **arguments)
            assert ended.stats["tmdb/request_count"], block.text
            ran += 1
    assert ran >= len(SPIDER_PAGES)


def test_statements(tmp_path: Path) -> None:
    store(f"sqlite:///{tmp_path}/tmdb.db", LIBRARY)
    with sqlite3.connect(tmp_path / "tmdb.db") as database:
        statements = [block.text for block in blocks_of(DOCS / "images.md") if block.kind == "sql"]
        assert statements
        for statement in statements:
            database.execute(statement).fetchall()
    database.close()


def without_numbers(text: str) -> str:
    """A text of which numbers and their units do not count."""
    return re.sub(r"\b(seconds?|minutes?|hours?|[KMG]B)\b", "unit", re.sub(r"[\d,.]*\d", "1", text))


@pytest.fixture(scope="module")
def catalogue() -> Iterator[ThreadedSandbox]:
    """A small sandbox of today, which commands ask."""
    with ThreadedSandbox(SandboxOptions(movies=300, series=60, gaps=0.0, today=None)) as sandbox:
        yield sandbox


def project_for(sandbox: ThreadedSandbox, folder: Path) -> Reader:
    """A reader in a copy of the example project that asks a sandbox, with a rate limit that is never met."""
    project = folder / "example_project"
    ignored = shutil.ignore_patterns("*.db*", "__pycache__", ".scrapy")
    shutil.copytree(ROOT / "example_project", project, ignore=ignored)
    settings = {
        "TMDB_API_URL": sandbox.base_url,
        "TMDB_EXPORTS_URL": sandbox.exports_url,
        "TMDB_IMAGES_URL": sandbox.images_url,
        "TMDB_ACCESS_TOKEN": TOKEN,
        "TMDB_REQUESTS_PER_SECOND": 70,
        "TMDB_IMAGES_REQUESTS_PER_SECOND": 0,
    }
    with (project / "example_project" / "settings.py").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {value!r}\n" for name, value in settings.items())
    (project / "links.csv").write_text("movieId,imdbId,tmdbId\n1,0114709,86\n2,0113497,84\n", "utf-8")
    return Reader(project)


def prepare(command: str, reader: Reader, sandbox: ThreadedSandbox) -> None:
    """Do what the page takes for granted before a command."""
    if command.startswith("scrapy tmdb-plan tmdb_tv"):
        reader.run("scrapy crawl tmdb_tv -a source=list -a list=popular -a limit=20")
        # A run that is not finished, for the plan after this one.
        begun = "scrapy crawl tmdb_movies -a source=export -a append=credits,keywords"
        reader.run(f"{begun} -s CLOSESPIDER_ITEMCOUNT=30 || true")
    if command.startswith("scrapy tmdb-failures --limit"):
        crawl_ids = "scrapy crawl tmdb_movies -s RETRY_ENABLED=False -a ids"
        for fault, ids in (("reset", (1, 2)), ("500", (3, 4, 5)), ("404", (9999,))):
            for movie_id in ids:
                sandbox.fail_next(fault, path=f"movie/{movie_id}")
            reader.run(f"{crawl_ids}={','.join(map(str, ids))} || true")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMAND_PAGES)
def test_commands(name: str, catalogue: ThreadedSandbox, tmp_path: Path) -> None:
    reader = project_for(catalogue, tmp_path)
    a_while_ago = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=20)
    ran = 0
    for block in blocks_of(DOCS / name):
        text = block.text.replace("cd example_project\n", "").replace(
            "since=2026-11-01", f"since={a_while_ago}"
        )
        if block.kind == "bash":
            # Of a loop, once.
            reader.run(text.replace("-a source=export;", "-a source=export -a limit=20;"))
            ran += 1
        elif block.kind == "console":
            for command, printed in re.findall(r"^\$ ([^\n]+)\n((?:(?!\$ ).*\n?)*)", text, re.MULTILINE):
                prepare(command, reader, catalogue)
                reader.run(command)
                shown = without_numbers(printed.replace("/home/me", "..."))
                said = without_numbers(" ".join(reader.said.split()))
                assert re.search(pattern_of(shown), said), f"{command}\n{reader.said}"
                ran += 1
    assert ran
