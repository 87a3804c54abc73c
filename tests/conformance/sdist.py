"""Fetch Scrapy's sdist, and lay out what its suite needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import scrapy

HERE = Path(__file__).parent

OURS = "tests/test_downloader_handler_tmdb.py"
"""Where the suite's module for our handler goes among Scrapy's tests."""

_NEEDED = ("priority",)
"""Modules that the suite's servers need beyond our extra ``test``: Twisted speaks HTTP/2 with it."""

_KEPT = ("tests", "conftest.py", "pyproject.toml")
"""What is unpacked; without the package, so that the one that is installed is tested."""


class CannotRunError(Exception):
    """The suite cannot be run here; the message says why."""


def fetch(folder: Path) -> Path:
    """Download the sdist of the Scrapy that is installed, and return its path.

    Before pip hands over an sdist, it asks the project's build backend for metadata, and would install that
    backend first. ``backend/`` has one that reads what is in the sdist.
    """
    version = scrapy.__version__
    _pip(
        ["download", "--no-deps", "--no-binary=scrapy", "--no-build-isolation", f"--dest={folder}"],
        f"scrapy=={version}",
        problem=f"the sdist of Scrapy {version} cannot be had",
        PYTHONPATH=str(HERE / "backend"),
    )
    found = [*folder.glob("[sS]crapy-*.tar.gz")]
    if not found:
        raise CannotRunError(f"pip left no sdist of Scrapy {version}")
    return found[0]


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack the suite and add our module to it; return the folder to run it in.

    Raises:
        CannotRunError: The sdist has no such suite.
    """
    with tarfile.open(sdist) as archive:
        members = [
            member
            for member in archive
            if (parts := Path(member.name).parts)
            and len(parts) > 1
            and parts[1] in _KEPT
            and ".." not in parts
        ]
        if not members:
            raise CannotRunError(f"{sdist.name} holds no tests")
        # The filter is not in the first releases of Python 3.10.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, members=members, **safely)  # type: ignore[arg-type]  # noqa: S202
        top = folder / Path(members[0].name).parts[0]
    if not (top / "tests/test_downloader_handler_httpx.py").exists():
        raise CannotRunError(
            f"{sdist.name} has no conformance suite for download handlers (tests/test_downloader_handler_httpx.py)"
        )
    shutil.copy(HERE / "suite.py", top / OURS)
    return top


def add_missing(folder: Path) -> list[str]:
    """Install what the suite needs and is not there into a folder of its own, and return its names."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        _pip(
            ["install", "--quiet", "--no-deps", f"--target={folder}"],
            *missing,
            problem=f"{', '.join(missing)} cannot be had, which the suite's servers need",
        )
    return missing


def _pip(options: list[str], *packages: str, problem: str, **environment: str) -> None:
    """Run pip, and say what its failing means."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *options, *packages],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    if done.returncode:
        last = (done.stderr.strip() or "pip says nothing").splitlines()[-1]
        raise CannotRunError(f"{problem}: {last}")
