"""The command line, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

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
        rest, errors = child.communicate(timeout=10)
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
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_arguments_give_a_message_and_status_2(arguments, message, capsys):
    from tmdbfusion_scrapy.sandbox.command import main

    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_bad_argument_as_a_user_sees_it():
    run = subprocess.run(
        [*COMMAND, "--host", "10.0.0.1"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "host must be a loopback address" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_port_that_is_taken(tmdb_sandbox):
    port = tmdb_sandbox.base_url.rsplit(":", 1)[1].partition("/")[0]
    run = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 1
    assert f"port {port}" in run.stderr
    assert "Traceback" not in run.stderr


def test_it_ends_when_standard_input_closes():
    with start("--exit-with-parent", "--movies", "30", stdin=subprocess.PIPE) as child:
        assert child.stdout.readline().startswith("http://127.0.0.1:")
        child.stdin.close()
        assert child.wait(timeout=10) == 0


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
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid, base_url = parent.stdout.readline().split()
        assert httpx.get(f"{base_url}/configuration?api_key=t", trust_env=False).status_code == 200
        parent.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base_url}/configuration?api_key=t", trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.05)
    os.kill(int(pid), signal.SIGKILL)
    pytest.fail("the sandbox outlived its parent")
