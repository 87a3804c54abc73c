"""``python -m tests.conformance``, see the package's docstring."""

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
    NOT_OURS,
    Results,
    compare,
    details,
    excuse,
    read_report,
    table,
    with_absent,
)
from tests.conformance.sdist import OURS, CannotRunError, fetch, missing_modules, unpack

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

_TIMEOUT = 300
"""Seconds for one handler; it takes about 20."""


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
    extra = folder / "site"
    for name in missing_modules(extra):
        print(f"{name} is not installed: it is taken from {extra}, for this run")

    def run_one(name: str) -> Results | None:
        # A tree for each: the suite writes keys and certificates into it.
        top = unpack(sdist, folder / name.rsplit(maxsplit=1)[-1])
        if not (top / MODULES[name]).exists():
            return None
        return _run_pytest(top, MODULES[name], extra, internet=internet)

    with ThreadPoolExecutor(2) as pool:
        ran = dict(zip(MODULES, pool.map(run_one, MODULES), strict=True))
    results = {name: result for name, result in ran.items() if result is not None}
    results[TMDB] = with_absent(excuse(results[TMDB], NOT_OURS), results[HTTPX])
    return results


def report(results: dict[str, Results]) -> int:
    """Print the comparison; return the exit code."""
    print()
    print(table(results))
    print(
        *(f"{name}: this Scrapy has no test module for it" for name in MODULES if name not in results),
        sep="\n",
    )
    for name, result in results.items():
        print(f"\n{name}\n{details(result)}")
    found = compare(results[TMDB], results[HTTPX])
    print(f"\nOf the tests that apply to ours: {TMDB} passes {found.ours}, {HTTPX} {found.reference}.")
    for name in found.gained:
        print(f"  only ours passes     {name}")
    for name in found.lost:
        print(f"  only httpx's passes  {name}")
    return 0 if found.is_enough else 1


def _run_pytest(top: Path, module: str, extra: Path, *, internet: bool) -> Results:
    """Run one module of the suite in a process of its own."""
    written = top / "report.xml"
    command = [sys.executable, "-m", "pytest", module, f"--junitxml={written}", "-q"]
    # Only what the suite knows of; an unknown plugin's warnings are errors there.
    command += ["-p", "twisted", "-p", "no:cacheprovider"]
    # Marks and fixtures of the suite that its own set of plugins and versions takes without a word.
    command += ["-W", "ignore:Unknown pytest.mark.flaky", "-W", "ignore:Session-scoped fixtures"]
    if not internet:
        command += ["-m", "not requires_internet"]
    # The package of this checkout comes last, for its folder has another `tests`.
    checkout = Path(conformance.__file__).parents[2]
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
    if done.returncode not in (0, 1) or not written.exists():
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
