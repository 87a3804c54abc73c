"""Report of a run as one HTML file, which needs no network and no script."""

from __future__ import annotations

import os
from collections import Counter
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from tmdbfusion_scrapy.exceptions import printable
from tmdbfusion_scrapy.monitoring.charts import Line, bar_chart, count, duration, time_chart
from tmdbfusion_scrapy.monitoring.words import counted, size
from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tmdbfusion_scrapy.monitoring.run_report import FailureReason, RecordFigures, RunReport
    from tmdbfusion_scrapy.monitoring.series import Sample

_STYLE = Path(__file__).with_name("report.css")

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser itself sees to it that the page loads and runs nothing."""

_MOST_BARS = 15
_MOST_YEARS = 120
_LEAST_SECONDS = 0.05
_FINISHED = "finished"

_LIMITS = {
    "rate": "Rate limit",
    "connections": "All connections in use",
    "server": "TMDB slow, or asked to wait",
    "database": "Database",
    "process": "This process, with all of a core",
    None: "Nothing, or nothing that can be told",
}

TERMS = (
    "This product uses the TMDB API but is not endorsed or certified by TMDB. Without TMDB's agreement its data "
    "is not for commercial use, nor for training models, and none of it is kept for longer than six months."
)


def write_report(report: RunReport, path: Path) -> None:
    """Write the page of a report; the file is there as a whole or not at all.

    Args:
        report: The report.
        path: The file; one of this name is replaced.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(report_page(report))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def report_page(report: RunReport) -> bytes:
    """Return the page of a report, in UTF-8."""
    title = f"{report.spider}: report of a TMDB crawl"
    head = _element(
        "head",
        _element("meta", charset="utf-8"),
        _element("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        _element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _element("meta", name="color-scheme", content="light dark"),
        _element("meta", name="robots", content="noindex"),
        _element("title", title),
        _element("style", _STYLE.read_text(encoding="utf-8")),
    )
    main = _element(
        "main",
        _header(report),
        _tiles(report),
        *_course(report.samples),
        _answers(report.total),
        _failures(report),
        *(_records(figures) for figures in report.records),
        _drift(report.total.drift),
    )
    footer = _element(
        "footer",
        _element("p", TERMS),
        _element("p", f"Made by tmdbfusion-scrapy {__version__}. All times are UTC."),
    )
    page = _element("html", head, _element("body", main, footer), lang="en")
    text: bytes = etree.tostring(page, method="html", encoding="utf-8", doctype="<!doctype html>")
    return text


def _element(tag: str, *children: Any, **attributes: str | None) -> Any:
    """Return an element; texts are escaped where it is written, and have no control characters."""
    element = etree.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            element.set(name.rstrip("_"), printable(value))
    for child in children:
        if isinstance(child, str):
            text = printable(child)
            if len(element):
                element[-1].tail = (element[-1].tail or "") + text
            else:
                element.text = (element.text or "") + text
        elif child is not None:
            element.append(child)
    return element


def _section(title: str, *children: Any, note: str = "") -> Any:
    """Return a part of the page with a title."""
    return _element(
        "section", _element("h2", title), _element("p", note, class_="note") if note else None, *children
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, class_: str = "", caption: str = "") -> Any:
    """Return a table that can be moved to the side where it is too wide; numbers stand to the right."""

    def cell(value: Any) -> Any:
        if isinstance(value, int):
            return _element("td", count(value), class_="number")
        return _element("td", value)

    return _element(
        "div",
        _element(
            "table",
            _element("caption", caption) if caption else None,
            _element("thead", _element("tr", *(_element("th", name, scope="col") for name in head))),
            _element("tbody", *(_element("tr", *map(cell, row)) for row in rows)),
            class_=class_ or None,
        ),
        class_="wide-table",
        tabindex="0",
        role="region",
        **{"aria-label": caption or ", ".join(head)},
    )


def _bars(head: tuple[str, str], entries: Sequence[tuple[str, int]], whole: int, role: str = "first") -> Any:
    """Return a table of names and numbers, with a bar for each share of a whole."""
    rows = [(name, number, *_share(number, whole, role)) for name, number in entries]
    return _table((*head, "Share", ""), rows, class_="bars", caption=f"{head[1]} by {head[0].lower()}")


def _share(number: int, whole: int, role: str) -> tuple[str, Any]:
    """Return a share in percent, of which a small one is not nothing, and as a bar."""
    share = number / whole if whole else 0
    percent = "< 0.1%" if 0 < share < 0.001 else f"{100 * share:.1f}%"
    bar = _element("span", class_=f"bar {role}", style=f"width:{100 * min(share, 1):.1f}%")
    return percent, _element("span", bar, class_="track")


def _moment(moment: datetime) -> Any:
    """Return a moment."""
    return _element("time", f"{moment:%Y-%m-%d %H:%M:%S}", datetime=moment.isoformat())


def _header(report: RunReport) -> Any:
    """Return what was crawled, when, and how it ended."""
    arguments = " ".join(f"-a {name}={value}" for name, value in report.arguments.items())
    total = report.total
    is_good = report.finished_at is not None or report.reason == _FINISHED
    facts = [("Began", _moment(report.started_at))]
    if report.samples:
        facts.append(("Ended" if is_good else "Last seen", _moment(total.at)))
        facts.append(("Crawled for", duration(total.elapsed)))
    processes = len({sample.process for sample in report.samples})
    if processes > 1:
        facts.append(("Processes", count(processes)))
    if report.run_id is not None:
        facts.append(("Run", str(report.run_id)))
    if report.database:
        facts.append(("Database", report.database))
    return _element(
        "header",
        _element("p", "TMDB crawl report", class_="eyebrow"),
        _element("h1", report.spider),
        _element("p", report.source, class_="source") if report.source else None,
        _element("p", _element("code", f"scrapy crawl {report.spider} {arguments}".strip())),
        _element("p", _element("span", _state(report), class_=f"state {'good' if is_good else 'open'}")),
        _element(
            "dl", *(_element("div", _element("dt", name), _element("dd", value)) for name, value in facts)
        ),
    )


def _state(report: RunReport) -> str:
    """Return how the run ended, or that it did not."""
    if report.finished_at is not None or (report.run_id is None and report.reason == _FINISHED):
        return "Finished"
    if report.reason and report.reason != _FINISHED:
        return f"Not finished: {report.reason}"
    return "Not finished"


def _tiles(report: RunReport) -> Any:
    """Return the numbers that matter most."""
    total = report.total
    answers = sum(total.responses.values())
    rate = total.requests / total.elapsed if total.elapsed else 0.0
    tiles = [
        ("Records done", count(total.done), f"of {count(total.wanted)}" if total.wanted is not None else ""),
        ("Stored", count(total.stored), ""),
        ("Unchanged", count(total.unchanged), ""),
        ("Gone upstream", count(total.gone), "404"),
        ("Failed", count(total.failed), "for good"),
        ("Requests", count(total.requests), f"{count(answers)} answers"),
        ("Requests a second", count(rate), "on average"),
        ("Retries", count(total.retries), ""),
        ("Rate limited", count(total.rate_limited), f"429, {counted(total.pauses, 'pause')}"),
        ("Received", size(total.bytes), ""),
    ]
    if report.listed is not None:
        tiles.insert(0, ("Listed", count(report.listed), "by the source"))
    return _element(
        "ul",
        *(
            _element(
                "li",
                _element("span", name, class_="name"),
                _element("strong", value),
                _element("span", note, class_="detail") if note else None,
            )
            for name, value, note in tiles
        ),
        class_="tiles",
    )


def _course(samples: Sequence[Sample]) -> Iterator[Any]:
    """Yield what happened in the course of a run."""
    if len(samples) < 2:
        yield _section(
            "Course", note="The run has too few samples for a chart: it lasted for less than a second."
        )
        return
    begun = [after.elapsed for before, after in pairwise(samples) if before.process != after.process]
    note = "Over the time that was crawled."
    if begun:
        moments = ", ".join(map(duration, begun[:10])) + (" and so on" if len(begun) > 10 else "")
        note = f"Over the time that was crawled, without the breaks: another process went on after {moments}."
    yield _section("Course", _element("div", *_plots(samples), class_="charts"), note=note)
    thousandths: Counter[str] = Counter()
    for before, after in pairwise(samples):
        limit = _LIMITS.get(after.limited_by, str(after.limited_by))
        thousandths[limit] += round(1000 * (after.elapsed - before.elapsed))
    if total := thousandths.total():
        rows = [
            (name, duration(number / 1000), *_share(number, total, "third"))
            for name, number in thousandths.most_common()
        ]
        yield _section(
            "What kept it from being faster",
            _table(("Limited by", "Time", "Share", ""), rows, class_="bars", caption="Time by what limited"),
        )


def _plots(samples: Sequence[Sample]) -> Iterator[Any]:
    """Yield the charts of a run's course; ``None`` for one without a point, as latencies are without answers."""

    def line(name: str, role: str, value: Callable[[Sample], float | None], **options: bool) -> Line:
        points = [(sample.elapsed, value(sample)) for sample in samples]
        return Line(name, role, [(x, y) for x, y in points if y is not None], **options)

    rates, pauses = [], []
    for before, after in pairwise(samples):
        if (seconds := after.elapsed - before.elapsed) < _LEAST_SECONDS:
            continue
        answers = sum(after.responses.values()) - sum(before.responses.values())
        rates.append((after.elapsed, answers / seconds))
        if after.pauses > before.pauses:
            pauses.append((after.elapsed, answers / seconds))
    yield _figure(
        "throughput",
        "Answers a second",
        "Answers of TMDB a second, with the rate that was allowed, which a 429 lowers, and the pauses after one.",
        Line("Answers a second", "first", rates, is_filled=True),
        line("Rate allowed", "limit", lambda sample: sample.rate_now or None),
        Line("Pause", "marks", pauses, is_dotted=True),
    )
    yield _figure(
        "records",
        "Records",
        "Records that were done, those that the database had, and those to fetch as far as it was known.",
        line("Done", "first", lambda sample: sample.done, is_filled=True),
        line("Stored", "second", lambda sample: sample.stored or None),
        line("To fetch", "limit", lambda sample: sample.wanted),
    )
    yield _figure(
        "latency",
        "Seconds to an answer",
        "Percentiles of the seconds from sending a request to the head of its answer, of the last 1,024 answers.",
        line("Median", "first", lambda sample: sample.latency_p50),
        line("95%", "second", lambda sample: sample.latency_p95),
        line("99%", "third", lambda sample: sample.latency_p99),
        show=lambda seconds: f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s",
    )
    yield _figure(
        "connections",
        "Connections",
        "Connections in use, those that were open, and the limit.",
        line("In use", "first", lambda sample: sample.connections_active, is_filled=True),
        line("Open", "second", lambda sample: sample.connections_open),
        line("Limit", "limit", lambda sample: sample.connections_most),
    )
    yield _figure(
        "waiting",
        "Waiting",
        "Requests that waited for a connection or for the rate limit, and retries that were not due yet.",
        line("Requests", "first", lambda sample: sample.waiting),
        line("Retries", "second", lambda sample: sample.retries_waiting),
    )
    yield _figure(
        "retries",
        "Retries, 429s and failures",
        "Retries, answers with status 429, and calls that failed for good or whose record is gone, added up.",
        line("Retries", "first", lambda sample: sample.retries),
        line("429s", "second", lambda sample: sample.rate_limited),
        line("Failed or gone", "third", lambda sample: sample.failed + sample.gone),
    )
    memory = line("Memory", "first", lambda sample: sample.memory or None, is_filled=True)
    yield _figure("memory", "Memory", "Memory of the process.", memory, show=size)


def _figure(
    key: str, title: str, description: str, *lines: Line, show: Callable[[float], str] = count
) -> Any | None:
    """Return a chart with title, legend and numbers, which ``show`` writes; ``None`` where it has no point."""
    lines = tuple(line for line in lines if line.points)
    if not lines:
        return None
    values: dict[float, dict[str, str]] = {}
    for line in lines:
        for x, y in line.points:
            values.setdefault(x, {})[line.name] = show(y)
    rows = [(duration(x), *(values[x].get(line.name, "") for line in lines)) for x in sorted(values)]
    swatches = [_element("span", class_=f"swatch {line.role}", **{"aria-hidden": "true"}) for line in lines]
    legend = (_element("li", swatch, line.name) for swatch, line in zip(swatches, lines, strict=True))
    numbers = _table(("Time", *(line.name for line in lines)), rows, class_="series", caption=title)
    return _element(
        "figure",
        _element("h3", title),
        _element("ul", *legend, class_="legend"),
        *time_chart(key, title, description, lines, show),
        _element("figcaption", description),
        _element("details", _element("summary", "The numbers"), numbers),
    )


def _answers(total: Sample) -> Any:
    """Return the status codes."""
    answers = sum(total.responses.values())
    if not answers:
        return _section("Status codes", note="No answer came.")
    entries = [(_status(status), total.responses[status]) for status in sorted(total.responses)]
    note = f"{counted(total.requests, 'request')}, retries included, had {counted(answers, 'answer')}."
    if without := total.requests - answers:
        note += f" {count(without)} had none: the connection failed or was lost, or the crawl ended before."
    return _section("Status codes", _bars(("Status", "Answers"), entries, answers), note=note)


def _status(status: str) -> str:
    """Return a status code with its meaning."""
    try:
        return f"{status} {HTTPStatus(int(status)).phrase}"
    except ValueError:
        return status


def _failures(report: RunReport) -> Any:
    """Return what failed for good, by reason."""
    if not report.failures:
        return _section("Failures", note="No call of this run is on record as failed for good.")
    shown = sum(reason.count for reason in report.failures)
    note = f"{counted(report.failure_count, 'call')} failed for good"
    note += " and are on record in tmdb_failures." if report.database else "."
    if shown < report.failure_count:
        note += f" The most frequent reasons are shown, {count(shown)} of them."
    return _section("Failures", *map(_reason, report.failures), note=note)


def _reason(reason: FailureReason) -> Any:
    """Return failures that are alike, with examples."""
    status = _status(str(reason.status_code)) if reason.status_code is not None else "no answer"
    lasting = "may work later" if reason.retryable else "would fail again"
    return _element(
        "article",
        _element("h3", f"{reason.error}: {count(reason.count)}"),
        _element("p", f"{status} · {reason.kind.replace('_', ' ') or 'no kind'} · {lasting}", class_="note"),
        _element(
            "ul",
            *(
                _element("li", _element("code", example.path), f" {example.message}")
                for example in reason.examples
            ),
            class_="examples",
        ),
    )


def _records(figures: RecordFigures) -> Any:
    """Return what the records of a kind are like."""
    kind = figures.kind.replace("_", " ")
    note = f"{count(figures.count)} {kind} came in this run."
    if figures.looked_at < figures.count:
        note += f" The figures are of the newest {count(figures.looked_at)}."
    parts = []
    if figures.languages:
        entries = [(name or "none", number) for name, number in figures.languages[:_MOST_BARS]]
        if rest := figures.languages[_MOST_BARS:]:
            entries.append((f"{len(rest)} others", sum(number for _, number in rest)))
        name = figures.language_of.replace("_", " ")
        parts.append(
            _element(
                "div",
                _element("h3", f"By {name}"),
                _bars((name.capitalize(), "Records"), entries, figures.looked_at),
            )
        )
    missing = [(name, number) for name, number in figures.missing if number]
    table = _bars(("Field", "Records without it"), missing, figures.looked_at, "second") if missing else None
    nothing = _element("p", "Every field has a value in all records.", class_="note") if not missing else None
    parts.append(_element("div", _element("h3", "Missing fields"), table, nothing))
    years = _years(figures) if figures.years else None
    return _section(f"Data: {kind}", years, _element("div", *parts, class_="pair"), note=note)


def _years(figures: RecordFigures) -> Any:
    """Return the chart of the records by year; a year without one is there as well."""
    numbers = dict(figures.years)
    first, last = figures.years[0][0], figures.years[-1][0]
    # An odd date, of the year 1 or 9999, does not squeeze all others.
    first = max(first, last - _MOST_YEARS + 1) if last - first < 1000 else _start_of(figures.years)
    bars = [(str(year), numbers.get(year, 0)) for year in range(first, first + _MOST_YEARS) if year <= last]
    shown = sum(number for _, number in bars)
    name = figures.year_of.replace("_", " ")
    dated = sum(numbers.values())
    description = f"Records by the year of their {name}; {count(figures.looked_at - dated)} have none."
    if shown < dated:
        description += f" {count(dated - shown)} are of other years."
    table = _table(
        (name.capitalize(), "Records"), [(str(year), n) for year, n in figures.years], class_="series"
    )
    return _element(
        "figure",
        _element("h3", f"By {name}"),
        *bar_chart("years", f"Records by {name}", description, bars, labelled=_round_years(bars)),
        _element("figcaption", description),
        _element("details", _element("summary", "The numbers"), table),
    )


def _round_years(bars: Sequence[tuple[str, int]]) -> list[str]:
    """Return the years that have a label: the first one of a decade, or closer where there are few."""
    step = next((step for most, step in ((8, 1), (40, 5), (80, 10)) if len(bars) <= most), 20)
    return [year for year, _ in bars if int(year) % step == 0] or [bars[0][0]]


def _start_of(years: Sequence[tuple[int, int]]) -> int:
    """Return the first of the years that have the most records together."""
    return max(
        (year for year, _ in years),
        key=lambda first: sum(number for year, number in years if first <= year < first + _MOST_YEARS),
    )


def _drift(drift: Mapping[str, int]) -> Any:
    """Return the values of the wrong type, by field."""
    if not drift:
        return _section("Drift", note="Every value had the type that its field is documented with.")
    rows = sorted(drift.items(), key=lambda entry: (-entry[1], entry[0]))
    return _section(
        "Drift",
        _table(("Field", "Values"), rows, caption="Values of the wrong type"),
        note="Values of another type than their field is documented with. They cost the value, not the record.",
    )
