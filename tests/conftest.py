"""What every test gets: no TMDB settings from outside, an empty working directory, a rate limit of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tmdbfusion_scrapy.rate_limit import forget_shared_states

AUTHORITY = Path(__file__).parent / "authority.pem"
RECORDED_DIR = os.environ.get("TMDB_RECORDED_DIR")

# The tests start a hundred processes: modules are compiled once, not in each of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


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


@pytest.fixture
def recorded_dir() -> Path:
    """Folder of real TMDB data: ``movies-3000.jsonl.gz`` and ``recorded/``; the test skips without it."""
    if not RECORDED_DIR:
        pytest.skip("TMDB_RECORDED_DIR is not set: TMDB's content may not be shipped with the project")
    return Path(RECORDED_DIR)
