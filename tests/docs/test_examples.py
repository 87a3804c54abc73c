"""The examples of docs/examples, run against the sandbox."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.scrapy_program import scrapy_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.sandbox import ThreadedSandbox

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PROGRAMS = Path(sys.executable).parent


def need(*modules: str) -> None:
    for module in modules:
        # Not imported: the examples run in processes of their own.
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'tmdbfusion-scrapy[test,examples]'")


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TMDB_", "DAGSTER_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A project as scrapy tmdb-init makes it, which crawls the sandbox."""
    done = run([*scrapy_program(), "tmdb-init", "films"], tmp_path)
    assert done.returncode == 0, done.stdout
    with (tmp_path / "films" / "films" / "settings.py").open("a") as settings:
        settings.write("\nTMDB_REQUESTS_PER_SECOND = 0\n")
    return tmp_path / "films"


def test_the_notebook_has_no_outputs() -> None:
    notebook = json.loads((EXAMPLES / "box_office.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
def test_the_notebook_draws_what_was_crawled(films: Path) -> None:
    need("nbclient", "ipykernel", "matplotlib", "pandas")
    done = run([*scrapy_program(), "crawl", "movies"], films)
    assert done.returncode == 0, done.stdout
    shutil.copy(EXAMPLES / "box_office.ipynb", films)
    done = run([str(PROGRAMS / "jupyter"), "execute", "--inplace", "box_office.ipynb"], films)
    assert done.returncode == 0, done.stdout
    cells = json.loads((films / "box_office.ipynb").read_text("utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    assert sum("image/png" in data for data in shown) == 2
    (best, top) = ["".join(data["text/plain"]) for data in shown if "text/html" in data]
    assert len(best.splitlines()) == 6
    assert re.search(r"^\d+ +20\d\d +\S.* \d+$", top, re.MULTILINE)
    assert (films / "box-office.png").stat().st_size > 5_000


@contextmanager
def served_by_uvicorn(sandbox: ThreadedSandbox) -> Iterator[httpx.Client]:
    """The application in a process of its own; it ends with status 0 when it is told to."""
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "streaming:app", "--port", "0"],
        cwd=EXAMPLES,
        env=environment(TMDB_API_URL=sandbox.base_url, TMDB_ACCESS_TOKEN="any", PYTHONDONTWRITEBYTECODE="1"),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            address = re.search(r"running on (http://\S+)", line)
            if address:
                break
        else:
            pytest.fail("".join(said))
        try:
            with httpx.Client(base_url=address[1], timeout=60, trust_env=False) as client:
                yield client
        finally:
            server.send_signal(signal.SIGINT)
            _, rest = server.communicate(timeout=60)
    assert "Traceback" not in rest
    assert "Application shutdown complete" in rest


def test_the_web_application_has_one_client_for_its_life(tmdb_sandbox: ThreadedSandbox) -> None:
    need("fastapi", "uvicorn")
    with served_by_uvicorn(tmdb_sandbox) as browser:
        found = browser.get("/streaming", params={"country": "US"}).json()
        assert found
        assert all(movie["services"] for movie in found)
        listed = browser.get("/movies/1/services").json()
        assert all(services for services in listed.values())
        assert browser.get("/movies/99999999/services").status_code == 404
        tmdb_sandbox.fail_next(503, times=3)
        assert browser.get("/movies/2/services").status_code == 503
        # A client for each request would have opened connections for each.
        assert tmdb_sandbox.connections.total <= 20
        assert tmdb_sandbox.connections.open > 0
        posters = [movie["poster"] for movie in found if movie["poster"]]
        configured = [request for request in tmdb_sandbox.requests if request.path == "/3/configuration"]
        assert posters
        assert len(configured) == 1
    assert tmdb_sandbox.connections.open == 0


def dagster_job(films: Path, command: str, tries: int = 1) -> subprocess.CompletedProcess[str]:
    home = films.parent / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    config = {"ops": {"movies": {"config": {"command": command, "tries": tries, "seconds_between": 0.0}}}}
    (home / "run.yaml").write_text(json.dumps(config))
    program = [str(PROGRAMS / "dagster"), "job", "execute", "-f", str(EXAMPLES / "daily_crawl.py")]
    return run(
        [*program, "-j", "daily_crawl", "-c", str(home / "run.yaml")],
        films.parent,
        FILMS=str(films),
        DAGSTER_HOME=str(home),
        PYTHONDONTWRITEBYTECODE="1",
    )


@pytest.mark.slow
def test_the_dagster_job_fails_where_records_are_missing(films: Path) -> None:
    need("dagster")
    cut_short = "crawl movies -a ids=1,2,3,4,5,6 -s CLOSESPIDER_ITEMCOUNT=1 -s CONCURRENT_REQUESTS=1"
    done = dagster_job(films, cut_short)
    assert done.returncode != 0
    assert "Records are missing" in done.stdout
    # The same command goes on, try by try.
    done = dagster_job(films, cut_short, tries=7)
    assert done.returncode == 0, done.stdout
    assert "scrapy crawl ended with status 3" in done.stdout
    with sqlite3.connect(films / "tmdb.db") as connection:
        assert connection.execute("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL").fetchone() == (
            6,
        )
    connection.close()
    done = dagster_job(films, "crawl movies -a ids=none", tries=3)
    assert done.returncode != 0
    assert "could not do its work (status 1)" in done.stdout
    assert done.stdout.count("scrapy crawl ended with status 1") == 1


WINNERS = """<html><body><table class="winners">
<thead><tr><th>Year</th><th>Award</th><th>Title</th></tr></thead><tbody>{rows}</tbody></table>{after}</body></html>"""


def winner(year: int, award: str, title: str, imdb_id: str | None = None) -> str:
    link = f'<a href="https://www.imdb.com/title/{imdb_id}/">{title}</a>' if imdb_id else title
    return f"<tr><td>{year}</td><td>{award}</td><td>{link}</td></tr>"


class Site(SimpleHTTPRequestHandler):
    """The festival's site, which notes what it is asked and with which headers."""

    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class has it
        pass


@contextmanager
def festival_site(folder: Path) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    asked: list[tuple[str, dict[str, str]]] = []
    handler = type("NotingSite", (Site,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_the_festival_is_joined_with_tmdb(films: Path, tmdb_sandbox: ThreadedSandbox) -> None:
    shutil.copy(EXAMPLES / "festival.py", films / "films" / "spiders")
    base = tmdb_sandbox.base_url
    with httpx.Client(
        base_url=f"{base}/", headers={"Authorization": "Bearer any"}, trust_env=False
    ) as client:
        details = [client.get(f"movie/{item}").json() for item in tmdb_sandbox.movie_ids[:40]]
    (first, second, *_) = [movie for movie in details if movie["imdb_id"]]
    (searched, *_) = [movie for movie in details if not movie["imdb_id"]]
    site = films.parent / "site"
    site.mkdir()
    rows = [
        winner(2025, "Best Movie", first["title"], first["imdb_id"]),
        winner(2025, "Best Director", first["title"], first["imdb_id"]),
        winner(2025, "Audience Award", "Nowhere at TMDB", "tt99999999"),
    ]
    after = '<a rel="next" href="2024.html">2024</a>'
    (site / "2025.html").write_text(WINNERS.format(rows="".join(rows), after=after))
    rows = [
        winner(2024, "Best Movie", second["title"], second["imdb_id"]),
        winner(2024, "Best Short", searched["title"]),
    ]
    (site / "2024.html").write_text(WINNERS.format(rows="".join(rows), after=""))
    (site / "robots.txt").write_text("User-agent: *\nAllow: /\n")
    tmdb_sandbox.clear()
    # The sandbox has no search.
    page = {"page": 1, "total_pages": 1, "total_results": 1, "results": [searched]}
    tmdb_sandbox.fail_next(200, path="search/movie", body=json.dumps(page).encode())
    with festival_site(site) as (address, asked):
        command = [*scrapy_program(), "crawl", "festival", "-a", f"page={address}/2025.html"]
        done = run(
            [*command, "-s", "DOWNLOAD_DELAY=0", "-s", f"TMDB_API_URL={base}"],
            films,
            TMDB_ACCESS_TOKEN="token-of-tmdb",
        )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout

    with (films / "winners.csv").open(encoding="utf-8", newline="") as lines:
        joined = {(row["year"], row["award"]): row for row in csv.DictReader(lines)}
    assert {key: row["tmdb_id"] for key, row in joined.items()} == {
        ("2025", "Best Movie"): str(first["id"]),
        ("2025", "Best Director"): str(first["id"]),
        ("2025", "Audience Award"): "",
        ("2024", "Best Movie"): str(second["id"]),
        ("2024", "Best Short"): str(searched["id"]),
    }
    assert float(joined["2024", "Best Movie"]["rating"]) == second["vote_average"]
    connection = sqlite3.connect(films / "tmdb.db")
    stored = {row[0] for row in connection.execute("SELECT id FROM movies WHERE fetched_at IS NOT NULL")}
    connection.close()
    assert stored == {first["id"], second["id"], searched["id"]}

    # The other site is asked as Scrapy does: by its robots.txt, its user agent, and without TMDB's token.
    assert [path for path, _ in asked] == ["/robots.txt", "/2025.html", "/2024.html"]
    for _, headers in asked:
        assert "authorization" not in headers
        assert headers["user-agent"].startswith("films ")
    assert {request.headers["authorization"] for request in tmdb_sandbox.requests} == {"Bearer token-of-tmdb"}
