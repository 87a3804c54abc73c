"""The example project against a sandbox."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.monitoring.terminal import Terminal
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.sandbox import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def faulty_sandbox() -> Iterator[SandboxProcess]:
    """A sandbox that is overloaded now and then."""
    sandbox = SandboxProcess(["--movies", "400", "--seed", "3", "--faults", "429=0.01,500=0.05"])
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example project."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "example_project", folder, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a crawl."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "TMDB_ACCESS_TOKEN": "token-of-the-tests"}


@pytest.fixture
def command(faulty_sandbox: SandboxProcess) -> Callable[..., list[str]]:
    """Return the command of a crawl of the sandbox."""

    def make(*arguments: str, program: list[str] | None = None) -> list[str]:
        urls = {
            "TMDB_API_URL": faulty_sandbox.base_url,
            "TMDB_EXPORTS_URL": faulty_sandbox.exports_url,
            "TMDB_RETRY_MAX_DELAY": "1",
        }
        settings = [part for name, url in urls.items() for part in ("-s", f"{name}={url}")]
        return [*(program or scrapy_program()), "crawl", "tmdb_movies", *settings, *arguments]

    return make


@pytest.fixture
def terminal(
    project: Path, environment: dict[str, str], command: Callable[..., list[str]]
) -> Iterator[Callable[..., Terminal]]:
    """Return what runs a crawl in a terminal."""
    opened: list[Terminal] = []

    def run(
        *arguments: str, columns: int = 80, program: list[str] | None = None, **variables: Any
    ) -> Terminal:
        made = Terminal(program or command(*arguments), project, {**environment, **variables}, columns)
        opened.append(made)
        return made

    yield run
    for made in opened:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()
