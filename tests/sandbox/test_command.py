"""The command line, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime

import httpx
import pytest

from tmdbfusion_scrapy.sandbox import SandboxProcess

COMMAND = [sys.executable, "-m", "tmdbfusion_scrapy.sandbox"]


def start(*arguments, **options):
    options = {"stdin": subprocess.DEVNULL, **options}
    return subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_base_url_and_ends_with_status_0_on_a_signal(number):
    with start(
        "--movies", "30", "--token", "t", "--latency", "1ms", "--faults", "500=0.0", "--rate-limit", "9"
    ) as child:
        base_url = child.stdout.readline().strip()
        assert httpx.get(f"{base_url}/movie/1?api_key=t", trust_env=False).json()["id"] == 1
        assert httpx.get(f"{base_url}/movie/1?api_key=x", trust_env=False).status_code == 401
        child.send_signal(number)
        rest, errors = child.communicate(timeout=300)
    assert (child.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "host must be a loopback address"),
        (["--port", "x"], "--port: invalid int value"),
        (["--port", "70000"], "port must be between 0 and 65535"),
        (["--movies", "-5"], "movies must be between"),
        (["--replay", "nowhere.jsonl"], "nowhere.jsonl does not exist"),
        (["--latency", "50"], "--latency: '50' is no duration: write 50ms or 0.5s"),
        (["--faults", "nonsense=0.1"], "--faults: unknown fault 'nonsense'"),
        (["--faults", "500"], "'500': a probability is missing"),
        (["--faults", "500=much"], "'much' is no probability"),
        (["--faults", "500=0.9,reset=0.9"], "add up to 1.8"),
        (["--rate-limit", "0"], "rate_limit must be at least 1"),
        (["--token", ""], "token must not be empty"),
        (["--series", "0"], "series must be between"),
        (["--people", "0"], "people must be between"),
        (["--today", "tomorrow"], "--today: 'tomorrow' is no day: write 2026-11-22 or 2026-11-22T05:00"),
        (["--today", "2026-05-31"], "today must not be before 2026-06-01"),
        (["--daily-changed", "0.6"], "daily_changed must be between 0 and 0.5"),
        (["--daily-gone", "-1"], "daily_gone must be between 0 and 0.5"),
        (["--exports-missing", "500"], "--exports-missing: invalid choice"),
        (["--etag", "no"], "--etag: invalid choice"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_arguments_give_a_message_and_status_2(arguments, message, capsys):
    from tmdbfusion_scrapy.sandbox.__main__ import main

    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_day_and_how_much_moves():
    from argparse import ArgumentParser

    from tmdbfusion_scrapy.sandbox.__main__ import add_arguments, options_of

    parser = ArgumentParser()
    add_arguments(parser)
    assert options_of(parser.parse_args([])).today is None
    options = options_of(
        parser.parse_args(
            [
                *("--movies", "7", "--series", "8", "--people", "9", "--today", "2026-11-22"),
                *("--daily-changed", "0.1", "--daily-new", "0.2", "--daily-gone", "0.3"),
                *("--exports-missing", "404", "--etag", "304"),
            ]
        )
    )
    assert (options.movies, options.series, options.people) == (7, 8, 9)
    assert (options.daily_changed, options.daily_new, options.daily_gone) == (0.1, 0.2, 0.3)
    assert (options.today, options.exports_missing, options.etag) == (date(2026, 11, 22), 404, "304")
    at_five = options_of(parser.parse_args(["--today", "2026-11-22T05:00"])).today
    assert at_five == datetime(2026, 11, 22, 5)


def test_a_process_tells_where_its_files_are_and_moves_its_day():
    with SandboxProcess(["--movies", "30", "--today", "2026-11-22"]) as sandbox:
        address = f"{sandbox.exports_url}/movie_ids_11_22_2026.json.gz"
        assert httpx.get(address, trust_env=False).status_code == 200
        tomorrow = address.replace("11_22", "11_23")
        assert httpx.get(tomorrow, trust_env=False).status_code == 403
        sandbox.advance(days=1)
        assert httpx.get(tomorrow, trust_env=False).status_code == 200
        with pytest.raises(OSError, match="400"):
            sandbox.advance(days=-1)
        assert httpx.get(f"{sandbox.images_url}/w92/a.png", trust_env=False).status_code == 200
    assert sandbox.exports_url == sandbox.images_url == ""
    with pytest.raises(OSError, match="does not run"):
        sandbox.advance(days=1)


def test_a_bad_argument_as_a_user_sees_it():
    run = subprocess.run(
        [*COMMAND, "--host", "10.0.0.1"], capture_output=True, text=True, timeout=300, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "host must be a loopback address" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_port_that_is_taken(tmdb_sandbox):
    port = tmdb_sandbox.base_url.rsplit(":", 1)[1].partition("/")[0]
    run = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1
    assert f"port {port}" in run.stderr
    assert "Traceback" not in run.stderr


def test_it_ends_when_standard_input_closes():
    with start("--exit-with-parent", "--movies", "30", stdin=subprocess.PIPE) as child:
        assert child.stdout.readline().startswith("http://127.0.0.1:")
        child.stdin.close()
        assert child.wait(timeout=300) == 0


def test_it_outlives_a_closed_standard_input_unless_told_otherwise():
    with start("--movies", "30", stdin=subprocess.PIPE) as child:
        base_url = child.stdout.readline().strip()
        child.stdin.close()
        time.sleep(0.2)
        assert httpx.get(f"{base_url}/movie/1?api_key=t", trust_env=False).status_code == 200
        child.terminate()


def test_it_ends_when_its_parent_is_killed():
    # The child of the child has no pipe on its standard input: only its parent's end tells.
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({[*COMMAND, '--port', '0', '--exit-with-parent']!r}, stdin=subprocess.DEVNULL,"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, child.stdout.readline(), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid, base_url = parent.stdout.readline().split()
        assert httpx.get(f"{base_url}/configuration?api_key=t", trust_env=False).status_code == 200
        parent.kill()
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base_url}/configuration?api_key=t", trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.05)
    os.kill(int(pid), signal.SIGKILL)
    pytest.fail("the sandbox outlived its parent")
