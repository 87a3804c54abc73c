"""``scrapy tmdb-browse``, with a real browser."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.crawling.test_project import copy_of_the_project, environment
from tests.storage.library import LIBRARY, VALE, movie, store
from tests.storage.test_datasette import BROWSER, Browser

STORED, REMOTE, CHANGED = "/stored.jpg", "/remote.jpg", "/changed.jpg"
ODD = '/x.jpg" onerror="alert(1)'
POSTERS = [
    movie(201, "With Stored Poster", VALE, popularity=90.0, poster_path=STORED),
    movie(202, "With Remote Poster", VALE, popularity=89.0, poster_path=REMOTE),
    movie(203, "With Changed Poster", VALE, popularity=88.0, poster_path=CHANGED),
    movie(204, "<b>Odd</b> Poster", VALE, popularity=87.0, poster_path=ODD),
    movie(205, "With Logo", VALE, popularity=86.0, images={"logos": [{"file_path": "/logo.svg"}]}),
]


def put(folder, key, file_path):
    """Put an image into the store, as the pipeline does."""
    place = folder / "movies" / str(key)
    place.mkdir(parents=True)
    (place / "w500.jpg").write_bytes(b"not looked at")
    (place / "w500.source").write_bytes(file_path.encode())


@contextmanager
def browsing(folder, *arguments):
    """Run the command; gives the address that it says, when the server runs."""
    command = [sys.executable, "-m", "scrapy", "tmdb-browse", "--no-open", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        log = ""
        for line in process.stdout:
            log += line
            if "running on" in line:
                break
        else:
            pytest.fail(f"it did not start: {log}")
        (address,) = re.findall(r"is at (http://\S+);", log)
        try:
            yield address
        finally:
            process.terminate()
            rest = process.communicate(timeout=300)[0]
        assert process.returncode == 0, rest
        assert "Traceback" not in log + rest


def images(page):
    """Titles and the addresses of the images beside them."""
    return {
        "".join(cell.css("::text").getall()).strip(): cell.css("img::attr(src)").get()
        for cell in page.css("td.col-title")
    }


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine to look with")
def test_posters_and_links_in_a_browser(tmp_path):
    pytest.importorskip("datasette", reason="datasette is not installed: nothing to look at")
    project = copy_of_the_project(tmp_path / "project")
    store(f"sqlite:///{project / 'my films.db'}", [*LIBRARY, *POSTERS])
    put(project / "pictures", 201, STORED)
    put(project / "pictures", 203, "/before.jpg")
    settings = {
        "TMDB_DATABASE_URL": "sqlite:///my films.db",
        "TMDB_IMAGES_URL": "http://127.0.0.1:9/t/p",
        "IMAGES_STORE": "pictures",
    }
    options = [part for setting in settings.items() for part in ("-s", "=".join(setting))]
    # Anywhere in the project.
    with browsing(project / "example_project" / "spiders", *options) as address:
        assert address.endswith("/")
        browser = Browser(address.rstrip("/"), tmp_path / "profile")
        home = browser.open("/")
        (database,) = home.css("h2 a::attr(href)").getall()
        page = browser.open(f"{database}/movies")
        found = images(page)
        assert found["With Stored Poster"] == "/tmdb-images/movies/201/w500.jpg"
        assert found["With Remote Poster"] == "http://127.0.0.1:9/t/p/w92/remote.jpg"
        assert found["With Changed Poster"] == "http://127.0.0.1:9/t/p/w92/changed.jpg"
        assert found["<b>Odd</b> Poster"].endswith('/w92/x.jpg" onerror="alert(1)')
        assert not page.css("[onerror]")
        assert found["The Tin Orbit"] is None
        assert page.css("td.col-poster_path img")
        (logo,) = browser.open(f"{database}/movie_images").css("td.col-file_path img::attr(src)").getall()
        assert logo == "http://127.0.0.1:9/t/p/original/logo.svg"
        # Links between tables, and the queries, under the name of the file.
        cast = browser.open(f"{database}/movie_cast")
        assert "Tom Hanks" in cast.css("td.col-person_id a::text").getall()
        assert len(browser.open(database).css("#queries + ul a")) == 10
        career = browser.rows(f"{database}/an_actor_s_career", "title")
        assert ("The Tin Orbit",) in career


def test_a_database_that_is_no_file(scrapy_command, postgres_with_tables):
    finished = scrapy_command("tmdb-browse", "--no-open", TMDB_DATABASE_URL=store_in(postgres_with_tables))
    assert finished.status == 1
    assert "datasette reads SQLite files only" in finished.errors
    assert "scrapy tmdb-query" in finished.errors


def test_no_database(scrapy_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finished = scrapy_command("tmdb-browse", "--no-open", TMDB_DATABASE_URL="sqlite:///none.db")
    assert finished.status == 1
    assert "there is no such file" in finished.errors


def test_a_port_that_is_taken(scrapy_command, sqlite_with_tables):
    pytest.importorskip("datasette", reason="datasette is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = scrapy_command(
            "tmdb-browse", "--port", port, TMDB_DATABASE_URL=store_in(sqlite_with_tables)
        )
    assert finished.status == 1
    assert f"--port {port}: " in finished.errors
    assert "leave it out for a free one" in finished.errors


def store_in(url):
    """Put the library into a database."""
    store(url, LIBRARY)
    return url
