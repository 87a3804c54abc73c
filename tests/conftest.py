"""What every test gets: no TMDB settings from outside, an empty working directory, a rate limit of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tmdbfusion_scrapy.rate_limit import forget_shared_states

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
AUTHORITY = HERE / "authority.pem"
RECORDED_DIR = os.environ.get("TMDB_RECORDED_DIR")

# The tests run in several processes and start a hundred: modules are compiled once, not in each of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# Files of many processes, the longest first. With pytest-xdist these begin, so that no process has one to itself
# when all others have nothing left to do.
LONGEST = (
    "docs/test_guides.py",
    "docs/test_pages.py",
    "docs/test_examples.py",
    "crawling/test_killed.py",
    "storage/test_odd_values.py",
    "test_shared_rate.py",
    "distributed/test_failures.py",
    "distributed/test_workers.py",
    "crawling/test_job_directory.py",
    "monitoring/test_progress.py",
    "crawling/test_exit_status.py",
    "commands/test_init.py",
    "commands/test_prune.py",
    "crawling/test_known_urls.py",
    "storage/test_latest.py",
    "crawling/test_project.py",
    "crawling/test_speed.py",
    "crawling/test_untouched.py",
    "models/test_threads.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return what ``-n auto`` stands for: half as many again as processors, for many tests wait."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist take the files as they come, not by how many tests they have."""
    if getattr(config.option, "loadscopereorder", False):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files before the others, where several processes run the tests."""
    if hasattr(config, "workerinput"):
        places = {HERE / name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: gzip has the time in them, and each process must give the same names."""
    return argname if isinstance(val, bytes) and len(val) > 20 else None


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove ``TMDB_*`` variables, run in an empty directory, and end the pauses of the tests before."""
    forget_shared_states()
    for name in list(os.environ):
        if name.startswith("TMDB_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _one_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust a single authority: reading those of the system takes longer than a small crawl."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Name of a PostgreSQL database with all tables, for ``postgres_with_tables`` to copy."""
    from tests.storage.conftest import database_template

    with database_template() as name:
        yield name


@pytest.fixture
def recorded_dir() -> Path:
    """Folder of real TMDB data: ``movies-3000.jsonl.gz`` and ``recorded/``; the test skips without it."""
    if not RECORDED_DIR:
        pytest.skip("TMDB_RECORDED_DIR is not set: TMDB's content may not be shipped with the project")
    return Path(RECORDED_DIR)
