"""From pytest's reports to a comparison; nothing here runs anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SLASH = "Scrapy 2.15 asks for a URL without a path as it stands; a slash follows it, as RFC 9112 3.2.1 wants"

NOT_OURS: Mapping[str, str] = {
    "*::test_download_with_maxsize_very_large_file": "names the 2048 bytes that Scrapy's handler reads at once",
    "*::test_unsupported_bindaddress": "asks for the name HttpxDownloadHandler in a log line",
    "*::test_unsupported_proxy": "asks that proxies are not supported; here they are",
    "TestHttp11Proxy::test_download_with_proxy*": _SLASH,
    "TestHttps11Proxy::test_download_with_proxy*": _SLASH,
}
"""Tests that may fail on our handler, as patterns of class and test, and why they do not apply to it."""

ITS_OWN = "tests the class HttpxDownloadHandler itself"


@dataclass
class Results:
    """What became of each test, by class and test: ``TestHttp::test_download``.

    Attributes:
        passed: The tests that passed.
        failed: Those that failed, with the error's first line.
        skipped: Those that do not apply, with the reason.
    """

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def read_report(path: Path) -> Results:
    """Read a report that pytest wrote with ``--junitxml``."""
    results = Results()
    for case in ET.parse(path).iter("testcase"):  # noqa: S314 - pytest's own
        # tests.test_downloader_handler_httpx.TestHttp: a function outside of classes has no third part.
        cls = case.get("classname", "").split(".")[2:]
        name = "::".join([*cls, case.get("name", "")])
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        skip = case.find("skipped")
        if problem is not None:
            results.failed[name] = _first_line(problem)
        elif skip is not None:
            results.skipped[name] = _first_line(skip)
        else:
            results.passed.add(name)
    # A test may have failed after it had passed.
    results.passed -= results.failed.keys()
    return results


def excuse(results: Results, reasons: Mapping[str, str]) -> Results:
    """Return the results with failures that have a reason among what does not apply."""
    excused = {name: reason for name in results.failed if (reason := _reason(name, reasons)) is not None}
    failed = {name: error for name, error in results.failed.items() if name not in excused}
    return Results(set(results.passed), failed, {**results.skipped, **excused})


def with_absent(results: Results, reference: Results) -> Results:
    """Return the results with the functions that the reference tests outside of classes: they test it by its name."""
    everything = reference.passed | reference.failed.keys() | reference.skipped.keys()
    absent = {name: ITS_OWN for name in everything if "::" not in name}
    return Results(set(results.passed), dict(results.failed), {**results.skipped, **absent})


@dataclass(frozen=True)
class Comparison:
    """Ours against the reference.

    Attributes:
        ours: How many tests ours passes.
        reference: How many of the tests that apply to ours the reference passes.
        lost: Those that the reference passes, and ours fails.
        gained: Those that ours passes, and the reference does not.
    """

    ours: int
    reference: int
    lost: list[str]
    gained: list[str]

    @property
    def is_enough(self) -> bool:
        """Whether ours passes no fewer."""
        return self.ours >= self.reference


def compare(ours: Results, reference: Results) -> Comparison:
    """Compare the tests that apply to ours."""
    applicable = reference.passed - ours.skipped.keys()
    return Comparison(
        ours=len(ours.passed),
        reference=len(applicable),
        lost=sorted(applicable - ours.passed),
        gained=sorted(ours.passed - reference.passed),
    )


def table(columns: Mapping[str, Results]) -> str:
    """Return the counts, a handler a line."""
    lines = [f"{'handler':<36}{'passed':>8}{'failed':>8}{'n. a.':>8}"]
    lines += [
        f"{name:<36}{len(results.passed):>8}{len(results.failed):>8}{len(results.skipped):>8}"
        for name, results in columns.items()
    ]
    return "\n".join(lines)


def details(results: Results) -> str:
    """Return the failures, and the reasons why tests do not apply."""
    lines = [f"  failed  {name}: {error}" for name, error in sorted(results.failed.items())]
    counted = Counter(results.skipped.values())
    lines += [f"  n. a.   {count:>3}  {reason}" for reason, count in counted.most_common()]
    return "\n".join(lines)


def _reason(name: str, reasons: Mapping[str, str]) -> str | None:
    """The reason for a test, by the first pattern that fits."""
    return next((reason for pattern, reason in reasons.items() if fnmatchcase(name, pattern)), None)


def _first_line(element: ET.Element) -> str:
    message = element.get("message", "") or (element.text or "")
    return (message.strip() or "no message").splitlines()[0]
