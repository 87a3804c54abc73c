"""The script around Scrapy's conformance suite; the suite itself runs in the test marked slow."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.conformance.__main__ import AIOHTTP, HTTPX, TMDB, main, report
from tests.conformance.results import (
    EXCUSES,
    ITS_OWN,
    Excuse,
    Results,
    compare,
    details,
    excuse,
    read_report,
    table,
    with_absent,
)
from tests.conformance.sdist import OURS, CannotRunError, unpack

REPORT = """\
<testsuites><testsuite>
<testcase classname="tests.test_x.TestHttp" name="test_download" time="0.1"/>
<testcase classname="tests.test_x.TestHttp" name="test_broken">
  <failure message="AssertionError: assert 1 == 2&#10;  + where">trace</failure></testcase>
<testcase classname="tests.test_x.TestHttp" name="test_no_server"><error message="failed on setup"/></testcase>
<testcase classname="tests.test_x.TestHttp" name="test_http2[a]"><skipped message="HTTP/2 only"/></testcase>
<testcase classname="tests.test_x" name="test_its_limits"/>
</testsuite></testsuites>
"""


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    return read_report(path)


def test_a_report_is_read(results):
    assert results.passed == {"TestHttp::test_download", "test_its_limits"}
    assert results.failed == {
        "TestHttp::test_broken": "AssertionError: assert 1 == 2",
        "TestHttp::test_no_server": "failed on setup",
    }
    assert results.skipped == {"TestHttp::test_http2[a]": "HTTP/2 only"}


def test_a_test_that_fails_at_its_end_has_failed(tmp_path):
    path = tmp_path / "report.xml"
    case = '<testcase classname="tests.test_x.TestHttp" name="test_a">{}</testcase>'
    at_its_end = case.format('<error message="left open"/>')
    path.write_text(f"<testsuite>{case.format('')}{at_its_end}</testsuite>")
    results = read_report(path)
    assert not results.passed
    assert results.failed == {"TestHttp::test_a": "left open"}


def test_results_of_two_runs_are_joined(results):
    other = Results({"A::a"}, {"A::b": "error"}, {"A::c": "reason"})
    joined = results.joined(other)
    assert joined.passed == results.passed | {"A::a"}
    assert joined.failed == {**results.failed, "A::b": "error"}
    assert joined.skipped == {**results.skipped, "A::c": "reason"}


def test_an_excuse_is_for_one_error(results):
    excused = excuse(results, [Excuse("*::test_broken", "assert 1 == 2", "two is not one")])
    assert excused.failed.keys() == {"TestHttp::test_no_server"}
    assert excused.skipped["TestHttp::test_broken"] == "two is not one"
    assert excuse(results, [Excuse("*::test_broken", "TimeoutError", "")]).failed == results.failed
    assert excuse(results, [Excuse("TestHttps::*", "", "")]).failed == results.failed


def test_what_passes_needs_no_excuse(results):
    excused = excuse(results, [Excuse("*", "", "anything")])
    assert excused.passed == results.passed
    assert not excused.failed


def test_the_references_own_functions_do_not_apply(results):
    assert with_absent(Results(), results).skipped == {"test_its_limits": ITS_OWN}


@pytest.mark.parametrize(
    ("passed", "skipped", "is_enough"),
    [
        ({"A::a", "A::b"}, {}, True),
        ({"A::a", "A::c"}, {}, True),
        ({"A::a"}, {}, False),
        ({"A::a"}, {"A::b": "does not apply"}, True),
        (set(), {"A::b": "does not apply"}, False),
    ],
)
def test_ours_must_pass_no_fewer(passed, skipped, is_enough):
    ours = Results(passed=passed, skipped=skipped)
    reference = Results(passed={"A::a", "A::b"})
    assert compare(ours, reference).is_enough is is_enough
    assert report({TMDB: ours, HTTPX: reference}) == (0 if is_enough else 1)


def test_a_comparison_names_the_differences():
    ours = Results(passed={"A::a", "A::c"}, failed={"A::b": "error"})
    found = compare(ours, Results(passed={"A::a", "A::b"}, skipped={"A::c": "not supported"}))
    assert (found.ours, found.reference, found.lost, found.gained) == (2, 2, ["A::b"], ["A::c"])


def test_what_is_printed(results, capsys):
    assert table({"ours": results}).splitlines()[1].split() == ["ours", "2", "2", "1"]
    printed = details(results).splitlines()
    assert printed[0] == "  failed  TestHttp::test_broken: AssertionError: assert 1 == 2"
    assert printed[-1].split() == ["n.", "a.", "1", "HTTP/2", "only"]
    report({TMDB: results, HTTPX: results, AIOHTTP: Results()})
    printed = capsys.readouterr().out
    assert "AiohttpDownloadHandler\n  this Scrapy has no test module for it" in printed
    assert "2 tests fail on both" in printed


def sdist_with(tmp_path, *names):
    path = tmp_path / "scrapy-9.9.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_an_sdist_is_unpacked_without_the_package(tmp_path):
    names = ["scrapy-9.9/tests/test_downloader_handler_httpx.py", "scrapy-9.9/conftest.py"]
    sdist = sdist_with(tmp_path, *names, "scrapy-9.9/scrapy/__init__.py", "scrapy-9.9/tests/../../escaped.py")
    top = unpack(sdist, tmp_path / "out")
    files = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
    assert files == {"tests/test_downloader_handler_httpx.py", "conftest.py", OURS}


@pytest.mark.parametrize("names", [[], ["scrapy-9.9/tests/test_crawl.py"]])
def test_an_sdist_without_the_suite(tmp_path, names, capsys):
    sdist = sdist_with(tmp_path, *names)
    with pytest.raises(
        CannotRunError, match=r"scrapy-9\.9\.tar\.gz (holds no tests|has no conformance suite)"
    ):
        unpack(sdist, tmp_path / "out")
    assert main(["--sdist", str(sdist)]) == 2
    assert "Not run: scrapy-9.9.tar.gz h" in capsys.readouterr().out


def test_each_excuse_has_its_reason():
    assert all(excuse.test and excuse.error and excuse.reason for excuse in EXCUSES)
