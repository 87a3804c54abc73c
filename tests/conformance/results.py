"""From pytest's reports to a comparison; nothing here runs anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Excuse:
    """A failure that says nothing against our handler.

    Attributes:
        test: Pattern of class and test.
        error: Part of the error's first line; another error in the same test is a failure.
        reason: Why the test does not apply.
    """

    test: str
    error: str
    reason: str


EXCUSES = (
    Excuse(
        "*::test_download_has_correct_response_headers",
        "missing expected header Content-Encoding",
        "asks that a body stays packed; what is TMDB's is unpacked by the handler, whatever its type and label",
    ),
    Excuse(
        "*::test_download_is_not_automatically_gzip_decoded",
        "Content-Encoding",
        "asks that a body stays packed; what is TMDB's is unpacked by the handler, whatever its type and label",
    ),
    Excuse(
        "TestMitmProxy::test_proxy*",
        "AssertionError",
        "asks a loopback server through a proxy of the environment, which TMDB's loopback servers never are",
    ),
    Excuse(
        "*::test_download_with_maxsize_very_large_file",
        "assert 'Received 2048 bytes",
        "asks for the size of the pieces in which Scrapy's own handler reads",
    ),
    Excuse(
        "*::test_unsupported_bindaddress",
        "not supported by HttpxDownloadHandler",
        "asks for the name HttpxDownloadHandler in a log line",
    ),
    Excuse(
        "*::test_unsupported_proxy",
        "Cannot connect to the proxy",
        "asks that proxies are not supported; here they are",
    ),
    Excuse(
        "*::test_download_with_proxy*",
        "assert b'http://example.com/' == b'http://example.com'",
        "asks for a URL without a path as it stands; a slash follows it, as RFC 9112 section 3.2.1 wants",
    ),
    Excuse(
        "*::test_download_with_proxy_https_timeout",
        "needs Python 3.11",
        "https through an https:// proxy needs Python 3.11",
    ),
)

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

    def joined(self, other: Results) -> Results:
        """Return these results and those of other tests."""
        return Results(
            self.passed | other.passed, {**self.failed, **other.failed}, {**self.skipped, **other.skipped}
        )


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


def excuse(results: Results, excuses: Iterable[Excuse]) -> Results:
    """Return the results with failures that have an excuse among what does not apply."""
    excused = {
        name: excuse.reason
        for name, error in results.failed.items()
        for excuse in excuses
        if fnmatchcase(name, excuse.test) and excuse.error in error
    }
    failed = {name: error for name, error in results.failed.items() if name not in excused}
    return Results(set(results.passed), failed, {**results.skipped, **excused})


def with_absent(results: Results, reference: Results) -> Results:
    """Return the results with what the reference tests outside of classes, where it is named."""
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


def _first_line(element: ET.Element) -> str:
    message = element.get("message", "") or (element.text or "")
    return (message.strip() or "no message").splitlines()[0]
