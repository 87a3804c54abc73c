"""``python -m tests.conformance``, see the package's docstring."""

# ruff: noqa: T201 - a command prints
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from tests import conformance
from tests.conformance.results import (
    EXCUSES,
    Results,
    compare,
    details,
    excuse,
    read_report,
    table,
    with_absent,
)
from tests.conformance.sdist import OURS, CannotRunError, add_missing, fetch, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

HTTPX = "Scrapy's HttpxDownloadHandler"
AIOHTTP = "Scrapy's AiohttpDownloadHandler"
TMDB = "TMDBDownloadHandler"

MODULES = {
    TMDB: OURS,
    HTTPX: "tests/test_downloader_handler_httpx.py",
    AIOHTTP: "tests/test_downloader_handler_aiohttp.py",
}

RUNS = (
    # Ours speaks HTTP/1.1 only.
    (TMDB, "not TestHttp2"),
    (HTTPX, "not TestHttp2"),
    (AIOHTTP, ""),
)
"""Handlers, and which of the tests to run, as pytest's ``-k``."""

_TIMEOUT = 300
"""Seconds for one run; it takes about 20."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and print what came of it; return the exit code."""
    options = _options(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            results = run(Path(folder), sdist=options.sdist, internet=options.internet)
    except CannotRunError as error:
        print(f"Not run: {error}.")
        return 2
    return report(results)


def run(folder: Path, *, sdist: Path | None = None, internet: bool = False) -> dict[str, Results]:
    """Run the suite on each handler that this Scrapy has.

    Args:
        folder: Where everything is put.
        sdist: Scrapy's sdist; downloaded if not given.
        internet: Whether tests run that ask books.toscrape.com.

    Raises:
        CannotRunError: Something that is needed is not there.
    """
    print(f"Scrapy {version('scrapy')}, {_installed('httpx2', 'httpx')}, aiohttp {version('aiohttp')}")
    sdist = sdist or fetch(folder)
    # A tree for each: the suite writes keys and certificates into it.
    trees = [unpack(sdist, folder / f"run-{number}") for number in range(len(RUNS))]
    extra = folder / "site"
    for name in add_missing(extra):
        print(f"{name} is not installed: it is taken from {extra}, for this run")

    def run_one(tree: Path, name: str, keyword: str) -> Results:
        if not (tree / MODULES[name]).exists():
            return Results()
        return _run_pytest(tree, MODULES[name], keyword, extra, internet=internet)

    results: dict[str, Results] = {}
    with ThreadPoolExecutor(3) as pool:
        for (name, _), ran in zip(RUNS, pool.map(run_one, trees, *zip(*RUNS, strict=True)), strict=True):
            results[name] = ran.joined(results.get(name, Results()))
    results[TMDB] = with_absent(excuse(results[TMDB], EXCUSES), results[HTTPX])
    return results


def report(results: dict[str, Results]) -> int:
    """Print the comparison; return the exit code."""
    print()
    print(table(results))
    for name, result in results.items():
        print(f"\n{name}\n{details(result) or '  this Scrapy has no test module for it'}")
    found = compare(results[TMDB], results[HTTPX])
    print(f"\nOf the tests that apply to ours: {TMDB} passes {found.ours}, {HTTPX} {found.reference}.")
    both = results[TMDB].failed.keys() & results[HTTPX].failed.keys()
    if both:
        print(
            f"  {len(both)} tests fail on both: the suite's servers may not suit the packages installed here."
        )
    for name in found.gained:
        print(f"  only ours passes     {name}")
    for name in found.lost:
        print(f"  only httpx's passes  {name}")
    return 0 if found.is_enough else 1


def _run_pytest(top: Path, module: str, keyword: str, extra: Path, *, internet: bool) -> Results:
    """Run tests of one module of the suite in a process of its own."""
    written = top / "report.xml"
    command = [sys.executable, "-m", "pytest", module, f"--junitxml={written}", "-q", "-k", keyword]
    # Only what the suite knows of; an unknown plugin's warnings are errors there.
    command += ["-p", "twisted", "-p", "no:cacheprovider"]
    # Marks and fixtures of the suite that its own set of plugins and versions takes without a word.
    command += ["-W", "ignore:Unknown pytest.mark.flaky", "-W", "ignore:Session-scoped fixtures"]
    if not internet:
        command += ["-m", "not requires_internet"]
    # The package of this checkout comes last, for its folder has another `tests`.
    checkout = Path(conformance.__file__).parents[2]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            cwd=top,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("TMDB_")},
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTEST_ADDOPTS": "",
                "PYTHONPATH": os.pathsep.join([str(top), str(extra), str(checkout)]),
            },
        )
    except subprocess.TimeoutExpired:
        raise CannotRunError(f"{module} did not end in {_TIMEOUT} seconds") from None
    # 5 tells that there is no such test: HTTP/2 is not in the oldest suites.
    if done.returncode not in (0, 1, 5) or not written.exists():
        raise CannotRunError(f"pytest stopped in {module}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return read_report(written)


def _installed(*names: str) -> str:
    """The first of some packages that is there, with its version."""
    for name in names:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    raise CannotRunError(f"none of {', '.join(names)} is installed")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=conformance.__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sdist", type=Path, help="Scrapy's sdist, instead of downloading it")
    parser.add_argument(
        "--internet", action="store_true", help="run the tests that ask books.toscrape.com, too"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
