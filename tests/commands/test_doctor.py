"""``scrapy tmdb-doctor``, each check with what is wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from sqlalchemy import update

from tests.crawling.test_project import copy_of_the_project, environment
from tests.storage.database_access import sqlite_url
from tests.transport.certificates import make_contexts
from tests.transport.proxy import proxying
from tests.transport.resolver import V4, V6, Names, black_hole
from tests.transport.server import running
from tmdbfusion_scrapy.monitoring.checks import disk_result
from tmdbfusion_scrapy.storage.database import VERSION, reopen_database
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_schema

SUCCESS = b'{"success": true, "status_code": 1, "status_message": "Success."}'
V3_KEY = "0123456789abcdef" * 2
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ0ZXN0In0.c2lnbmF0dXJl"


@pytest.fixture
def sandbox(tmdb_sandbox_factory):
    """One on the day that it is: exports have the day in their names."""
    return tmdb_sandbox_factory(today=None)


@pytest.fixture
def doctor(scrapy_command, sandbox):
    """Runs the command on the sandbox; the results by name, those of the last host where there are several."""

    def examine(*arguments, **settings):
        urls = {} if "TMDB_API_URLS" in settings else {"TMDB_API_URL": sandbox.base_url}
        urls |= {"TMDB_EXPORTS_URL": sandbox.exports_url, "TMDB_IMAGES_URL": sandbox.images_url}
        finished = scrapy_command("tmdb-doctor", "--json", *arguments, **{**urls, **settings})
        report = json.loads(finished.out)
        found = {check["name"]: check for check in report["checks"]}
        statuses = [check["status"] for check in report["checks"]]
        assert finished.status == (1 if "problem" in statuses else 0)
        assert (report["problems"], report["warnings"]) == tuple(map(statuses.count, ("problem", "warning")))
        for check in report["checks"]:
            assert (check["status"] == "ok") == (check["fix"] is None)
            assert check.keys() == {"name", "status", "text", "fix", "facts"}
        return {**found, "all": report}

    return examine


def api(status="200 OK", body=SUCCESS, headers=""):
    """A server's answer."""

    async def script(connection, seen):
        connection.respond(b"" if seen.method == "HEAD" else body, status=status, headers=headers)

    return script


@pytest.fixture
def server():
    with running() as server:
        server.scripts["/3/authentication"] = api()
        yield server


def test_all_is_well(doctor, sandbox):
    found = doctor(TMDB_ACCESS_TOKEN=V4_TOKEN)
    assert [check["name"] for check in found["all"]["checks"]] == [
        *("target", "token", "proxy", "dns", "ipv4", "ipv6", "tls", "api", "latency", "clock"),
        *("exports", "images", "speed", "database", "disk"),
    ]
    assert found["all"]["status"] == "ok"
    assert "the sandbox at" in found["target"]["text"]
    token = {"kind": "v4_token", "source": "the setting TMDB_ACCESS_TOKEN", "accepted": True}
    assert found["token"]["facts"] == token
    assert found["latency"]["facts"]["requests"] == 5
    assert found["clock"]["facts"]["offset_seconds"] in (-1, 0, 1)
    assert found["speed"]["facts"]["requests_per_second"] == 35
    assert found["database"]["facts"] == {"url": "sqlite:///tmdb.db", "product": "SQLite", "schema": None}
    assert found["disk"]["facts"]["free_bytes"] > 0
    assert V4_TOKEN not in json.dumps(found)
    # Nothing is made, and no more is asked than is needed.
    assert len(sandbox.requests) < 12


def test_the_report_for_people(scrapy_command, sandbox, tmp_path):
    urls = {"TMDB_API_URL": sandbox.base_url, "TMDB_EXPORTS_URL": "http://127.0.0.1:1/p"}
    finished = scrapy_command("tmdb-doctor", TMDB_IMAGES_URL="http://127.0.0.1:1/t", **urls)
    assert (finished.status, finished.errors) == (0, "")
    # A path is not broken.
    assert all(len(line) <= 80 or len(line.split()) == 1 for line in finished.lines)
    assert finished.lines[0].startswith("ok       target    the sandbox at http://127.0.0.1:")
    assert finished.lines[-1] == "0 problems, 2 warnings."
    fixes = [line for line in finished.lines if "->" in line]
    assert len(fixes) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_is_refused(doctor, tmdb_sandbox_factory):
    url = tmdb_sandbox_factory(token="another").base_url
    found = doctor(TMDB_API_URL=url)
    assert found["token"]["status"] == "problem"
    assert "refused: Invalid API key" in found["token"]["text"]
    # It does not look like one either.
    assert "three parts with dots" in found["token"]["fix"]
    assert found["api"]["status"] == "ok"
    assert found["all"]["problems"] == 1
    found = doctor(TMDB_API_URL=url, TMDB_ACCESS_TOKEN=V3_KEY)
    assert found["token"]["facts"]["kind"] == "v3_key"
    assert "three parts" not in found["token"]["fix"]


def test_a_key_of_the_environment(doctor, monkeypatch):
    monkeypatch.setenv("TMDB_API_KEY", V3_KEY)
    found = doctor(TMDB_ACCESS_TOKEN=None)
    assert found["token"]["facts"] == {
        "kind": "v3_key",
        "source": "the environment variable TMDB_API_KEY",
        "accepted": True,
    }
    assert V3_KEY not in json.dumps(found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no TMDB token"),
        ({"TMDB_API_KEY": V4_TOKEN}, "TMDB_API_KEY is not a v3 API key"),
        ({"TMDB_ACCESS_TOKEN": "two words"}, "TMDB_ACCESS_TOKEN is malformed"),
    ],
)
def test_all_else_is_checked_without_a_token(doctor, sandbox, given, words):
    found = doctor(**{"TMDB_ACCESS_TOKEN": None, **given})
    assert found["token"]["status"] == "problem"
    assert words in found["token"]["text"]
    assert "https://www.themoviedb.org/settings/api" in found["token"]["fix"]
    assert {name for name, check in found.items() if name != "all" and check["status"] != "ok"} == {"token"}
    assert {"api", "latency", "clock", "speed", "database"} <= found.keys()
    # Nothing is sent in the token's place.
    for request in sandbox.requests:
        assert "authorization" not in request.headers
        assert "api_key" not in dict(request.query)


def test_a_setting_that_cannot_be_used(doctor):
    found = doctor(CONCURRENT_REQUESTS=-1)
    assert found["settings"]["text"] == "CONCURRENT_REQUESTS is -1"
    assert found["settings"]["fix"] == "set it to 0 or more"
    assert {"token", "database", "disk"} <= found.keys()
    assert "api" not in found


def test_the_add_on_is_off(doctor):
    assert doctor(TMDB_ENABLED=False)["speed"]["fix"] == "set TMDB_ENABLED = True"
    assert doctor("plain")["speed"]["status"] == "warning"
    found = doctor("plain", TMDB_ACCESS_TOKEN=None)
    assert (found["token"]["status"], found["api"]["status"]) == ("problem", "ok")
    assert "settings" not in found


def test_a_spider_that_is_not_there(scrapy_command):
    finished = scrapy_command("tmdb-doctor", "nobody")
    assert finished.status == 1
    assert "there is no spider 'nobody' here" in finished.errors
    assert scrapy_command("tmdb-doctor", "--jsn").status == 2


@pytest.fixture
def secured(tmp_path_factory, monkeypatch):
    """Makes servers over TLS: the URL of their API, and the path of the certificate."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    started = []

    def start(days=1):
        folder = tmp_path_factory.mktemp("tls")
        context = running(make_contexts(folder, days=days).server)
        server = context.__enter__()
        started.append(context)
        server.scripts["/3/authentication"] = api()
        return server, folder / "certificate.pem"

    yield start
    for context in started:
        context.__exit__(None, None, None)


def test_a_certificate_that_nobody_knows(doctor, secured, monkeypatch):
    server, path = secured(days=100)
    url = f"{server.url}/3"
    found = doctor(TMDB_API_URL=url)
    assert found["tls"]["status"] == "problem"
    assert found["tls"]["facts"]["issuer"] == "localhost"
    assert found["tls"]["facts"]["self_signed"]
    assert "SSL_CERT_FILE" in found["tls"]["fix"]
    assert found["api"]["fix"] == "see tls"
    assert found["ipv4"]["status"] == "ok"
    # Its look at the certificate showed the server no token.
    assert [seen.header("Authorization") for seen in server.requests] == [None]
    found = doctor(TMDB_API_URL=url, TMDB_VERIFY_TLS=False)
    assert found["tls"]["status"] == "warning"
    assert "any certificate is taken" in found["tls"]["text"]
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    found = doctor(TMDB_API_URL=url)
    assert found["tls"]["status"] == found["api"]["status"] == "ok"
    assert found["tls"]["facts"]["days_left"] in (99, 100)
    assert found["tls"]["facts"]["protocol"] == "TLSv1.3"


def test_a_certificate_that_ends(doctor, secured, monkeypatch):
    server, path = secured(days=3.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    found = doctor(TMDB_API_URL=f"{server.url}/3")
    assert (found["tls"]["status"], found["tls"]["facts"]["days_left"]) == ("warning", 3)
    server, path = secured(days=-3.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    found = doctor(TMDB_API_URL=f"{server.url}/3")
    assert found["tls"]["status"] == found["api"]["status"] == "problem"
    assert "expired" in found["tls"]["text"]
    assert "ended 3 days ago" in found["tls"]["text"]


PASSWORD = "a-password-of-the-tests"


def test_a_proxy_that_refuses(doctor, secured):
    server, _ = secured()
    settings = {"TMDB_API_URL": f"{server.url}/3", "TMDB_VERIFY_TLS": False}
    with proxying(credentials=f"user:{PASSWORD}") as proxy:
        found = doctor(TMDB_PROXY=f"http://user:{PASSWORD}@{proxy.address}", **settings)
        assert found["proxy"]["status"] == "ok"
        assert found["proxy"]["facts"] == {"proxy": f"http://{proxy.address}", "source": "TMDB_PROXY"}
        assert "the proxy" in found["dns"]["text"]
        assert found["api"]["status"] == "ok"
        assert PASSWORD not in json.dumps(found)
        found = doctor(TMDB_PROXY=f"http://user:wrong{PASSWORD}@{proxy.address}", **settings)
        assert found["proxy"]["status"] == found["api"]["status"] == "problem"
        assert "407" in found["proxy"]["text"]
        assert "user name and password in TMDB_PROXY" in found["proxy"]["fix"]
        assert PASSWORD not in json.dumps(found)
    found = doctor(TMDB_PROXY=f"http://user:{PASSWORD}@127.0.0.1:1", **settings)
    assert "Connection refused" in found["proxy"]["text"]
    assert found["proxy"]["status"] == found["ipv4"]["status"] == "problem"


def test_a_proxy_of_the_environment(doctor, secured, monkeypatch):
    server, _ = secured()
    with proxying(credentials=f"user:{PASSWORD}", leads_to=("127.0.0.1", server.ports[0])) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:{PASSWORD}@{proxy.address}")
        monkeypatch.delenv("no_proxy", raising=False)
        urls = {
            "TMDB_API_URL": "https://api.example.test/3",
            "TMDB_IMAGES_URL": "https://image.example.test/t",
        }
        found = doctor(TMDB_VERIFY_TLS=False, **urls)
        assert found["proxy"]["text"] == f"http://{proxy.address} of the environment variable https_proxy"
        assert found["api"]["status"] == found["images"]["status"] == "ok"
        assert {head.split()[1] for head in proxy.heads} == {"api.example.test:443", "image.example.test:443"}
    assert PASSWORD not in json.dumps(found)


def test_a_proxy_that_cannot_be_one(doctor, monkeypatch):
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    found = doctor(TMDB_API_URL="https://api.example.test/3")
    assert found["proxy"]["status"] == "problem"
    assert "https_proxy" in found["proxy"]["text"]
    assert {"database", "disk"} <= found.keys()


def test_tls_settings_that_cannot_be_used(doctor):
    found = doctor(DOWNLOADER_CLIENT_TLS_CIPHERS="none")
    assert found["settings"]["status"] == "problem"
    assert "cipher" in found["settings"]["text"].lower()


def test_a_name_that_does_not_exist(doctor, monkeypatch):
    Names(monkeypatch, {"nowhere.example": []})
    found = doctor(TMDB_API_URL="https://nowhere.example/3")
    assert found["dns"]["status"] == found["api"]["status"] == "problem"
    assert "Name or service not known" in found["dns"]["text"]
    assert "TMDB_API_URLS" in found["api"]["fix"]
    assert found["token"]["status"] == "warning"
    assert not {"ipv4", "ipv6", "tls", "latency", "clock"} & found.keys()


def test_a_resolver_that_does_not_answer(doctor, monkeypatch):
    asked = threading.Event()
    real = socket.getaddrinfo

    def wait(host, *rest, **named):
        if host != "silent.example":
            return real(host, *rest, **named)
        asked.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    found = doctor(TMDB_API_URL="https://silent.example/3")
    asked.set()
    assert "no answer in 4 s" in found["dns"]["text"]
    assert found["dns"]["status"] == "problem"


def test_another_host_stands_in(doctor, sandbox, monkeypatch):
    Names(monkeypatch, {"nowhere.example": []})
    found = doctor(TMDB_API_URLS=f"https://nowhere.example/3,{sandbox.base_url}")
    assert found["all"]["status"] == "warning"
    of_api = [(c["status"], c["facts"]["url"]) for c in found["all"]["checks"] if c["name"] == "api"]
    assert of_api == [("warning", "https://nowhere.example/3"), ("ok", sandbox.base_url)]
    assert found["token"]["facts"]["accepted"]
    assert {"latency", "clock"} <= found.keys()


def test_ipv6_that_leads_nowhere(doctor, secured, monkeypatch):
    server, _ = secured()
    names = {"both.example": [V6, V4], "four.example": [V4], "six.example": [V6]}
    Names(monkeypatch, names)
    port = server.ports[0]

    def examine(host, **settings):
        return doctor(TMDB_API_URL=f"https://{host}:{port}/3", TMDB_VERIFY_TLS=False, **settings)

    found = examine("both.example")
    assert found["dns"]["facts"]["ipv6"] == ["::1"]
    assert (found["ipv4"]["status"], found["ipv6"]["status"]) == ("ok", "warning")
    assert "TMDB_IP_FAMILY = ipv4" in found["ipv6"]["fix"]
    assert found["api"]["status"] == "ok"
    assert examine("both.example", TMDB_IP_FAMILY="ipv4")["ipv6"]["text"].startswith("not used")
    found = examine("both.example", TMDB_IP_FAMILY="ipv6")
    assert found["ipv6"]["status"] == found["api"]["status"] == "problem"
    found = examine("four.example")
    assert (found["ipv6"]["status"], found["ipv6"]["text"]) == ("ok", "four.example has no IPv6 address")
    found = examine("four.example", TMDB_IP_FAMILY="ipv6")
    assert found["ipv6"]["status"] == "problem"
    assert "unset TMDB_IP_FAMILY" in found["ipv6"]["fix"]
    assert examine("six.example")["ipv6"]["status"] == "problem"


def test_nothing_answers(doctor):
    with black_hole() as port:
        found = doctor(
            TMDB_API_URL=f"http://127.0.0.1:{port}/3",
            TMDB_EXPORTS_URL=f"http://127.0.0.1:{port}/p",
            TMDB_IMAGES_URL=f"http://127.0.0.1:{port}/t",
            TMDB_DATABASE_URL=f"postgresql://user:{PASSWORD}@127.0.0.1:{port}/tmdb",
        )
    assert found["api"]["status"] == found["ipv4"]["status"] == found["database"]["status"] == "problem"
    assert "no answer in" in found["ipv4"]["text"]
    assert found["exports"]["status"] == found["images"]["status"] == "warning"
    assert PASSWORD not in json.dumps(found)


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (
            api(body=b"<html>Please log in</html>", headers="Content-Type: text/html\r\n"),
            "problem",
            "not as TMDB",
        ),
        (api("503 Service Unavailable", b""), "problem", "fails"),
        (api("429 Too Many Requests", b""), "warning", "too many requests"),
        (api("302 Found", b"", "Location: https://login.example/\r\n"), "problem", "redirect"),
    ],
    ids=["login-page", "503", "429", "redirect"],
)
def test_answers_that_are_not_good(doctor, server, answer, status, words):
    server.scripts["/3/authentication"] = answer
    found = doctor(TMDB_API_URL=f"{server.url}/3")
    assert found["api"]["status"] == status
    assert words in found["api"]["text"]
    assert found["token"]["status"] == "warning"
    assert "a server on this machine" in found["target"]["text"]


@pytest.mark.parametrize(
    ("offset", "age", "status", "words"),
    [
        (timedelta(minutes=-5), 0, "warning", "5 minutes ahead of"),
        (timedelta(minutes=5), 0, "warning", "5 minutes behind"),
        (timedelta(hours=3), 0, "problem", "3 hours behind"),
        # A cache kept it for five minutes.
        (timedelta(minutes=-5), 300, "ok", "agrees"),
    ],
)
def test_the_clock_is_off(doctor, server, offset, age, status, words):
    date = format_datetime(datetime.now(timezone.utc) + offset, usegmt=True)
    server.scripts["/3/authentication"] = api(headers=f"Date: {date}\r\nAge: {age}\r\n")
    found = doctor(TMDB_API_URL=f"{server.url}/3")
    assert found["clock"]["status"] == status
    assert words in found["clock"]["text"]


def test_hosts_of_exports_and_images(doctor, sandbox):
    found = doctor(TMDB_EXPORTS_URL=f"{sandbox.exports_url}/none", TMDB_IMAGES_URL="http://127.0.0.1:1/t")
    assert found["exports"]["status"] == found["images"]["status"] == "warning"
    assert found["exports"]["facts"]["status"] == 403
    assert "only -a source=export needs it" in found["exports"]["fix"]
    found = doctor(TMDB_IMAGES_URL="http://127.0.0.1:1/t", TMDB_IMAGES="poster", IMAGES_STORE="images")
    assert found["images"]["status"] == "problem"


def test_what_the_settings_amount_to(doctor, tmdb_sandbox_factory):
    found = doctor(CONCURRENT_REQUESTS_PER_DOMAIN=1)
    assert found["speed"]["status"] == "warning"
    assert found["speed"]["fix"] == 'set DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 8}}'
    # The settings are good for TMDB, but not for answers that take so long.
    slow = tmdb_sandbox_factory(latency=0.4).base_url
    found = doctor(TMDB_API_URL=slow, DOWNLOAD_SLOTS={"tmdb": {"concurrency": 4}})
    assert found["speed"]["status"] == "warning"
    assert found["speed"]["facts"]["possible_per_second"] <= 10
    assert "4 connections" in found["speed"]["text"]
    assert found["latency"]["facts"]["median_seconds"] >= 0.4
    assert doctor(TMDB_REQUESTS_PER_SECOND=0)["speed"]["text"].startswith("as fast as TMDB answers")


def test_a_database_that_is_there(doctor, database_with_tables):
    found = doctor(TMDB_DATABASE_URL=database_with_tables)
    assert found["database"]["status"] == "ok"
    assert found["database"]["facts"]["schema"] == VERSION
    assert found["database"]["facts"]["product"].split()[0] in ("SQLite", "PostgreSQL")


@pytest.mark.parametrize(("version", "words"), [(VERSION + 1, "newer"), (VERSION - 1, "older")])
def test_a_database_of_another_version(doctor, database_with_tables, version, words):
    engine = reopen_database(database_with_tables)
    with engine.begin() as connection:
        connection.execute(update(tmdb_schema).values(version=version))
    engine.dispose()
    found = doctor(TMDB_DATABASE_URL=database_with_tables)
    assert found["database"]["status"] == "problem"
    assert words in found["database"]["text"]
    assert "ame another database" in found["database"]["fix"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///nowhere/tmdb.db", "there is no directory"),
        ("oracle://host/x", "not supported"),
        ("", "TMDB_DATABASE_URL is empty"),
    ],
)
def test_a_database_that_cannot_be(doctor, url, words):
    found = doctor(TMDB_DATABASE_URL=url)
    assert found["database"]["status"] == "problem"
    assert words in found["database"]["text"]


def test_a_postgresql_that_does_not_run(doctor):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = doctor(TMDB_DATABASE_URL=f"postgresql://user:{PASSWORD}@127.0.0.1:{port}/tmdb")
    assert found["database"]["status"] == "problem"
    assert "that the server runs" in found["database"]["fix"]
    assert PASSWORD not in json.dumps(found)


def test_a_file_that_is_no_database(doctor, tmp_path):
    (tmp_path / "text.db").write_text("no database at all, but long enough to be taken for one" * 20)
    found = doctor(TMDB_DATABASE_URL=sqlite_url(tmp_path / "text.db"))
    assert found["database"]["status"] == "problem"
    assert "not a database" in found["database"]["text"]


def test_no_database_is_wanted(doctor):
    found = doctor(ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None})
    assert found["database"]["text"] == "none: SQLPipeline is turned off"


@pytest.mark.parametrize(("free", "status"), [(3e9, "ok"), (1e9, "warning"), (1e8, "problem")])
def test_a_disk_that_is_full(free, status):
    found = disk_result("/data", int(free))
    assert found.status == status
    assert (found.fix is None) == (status == "ok")
    assert disk_result("/data", int(free), warning=0, problem=0).status == "ok"


def test_the_example_project_without_a_token(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    finished = subprocess.run(
        [sys.executable, "-m", "scrapy", "tmdb-doctor", "--json"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    (warning,) = [check for check in report["checks"] if check["status"] != "ok"]
    assert warning["name"] == "target"
    assert "no token is set, so the bundled sandbox at http://127.0.0.1:" in warning["text"]
    assert "TMDB_ACCESS_TOKEN" in warning["fix"]
    assert not list(project.glob("tmdb.db*"))
