"""Storing movies: what it costs, and what it does to the event loop and to a crawl, side by side in one run.

    python benchmarks/storage.py --postgresql-url postgresql://user@host/database --plot docs/images/storage.svg
    python benchmarks/storage.py --only sides --records 2000 --rounds 1

20,000 movies of 20 KB with 72 related rows each, made up. ``sides``: the SQL pipeline on SQLite and PostgreSQL,
new movies and then the same again, with other popularities and votes and in each tenth another cast and keywords;
against a pipeline that commits each item, against feeds, and against ``json.dumps``. ``loop``: how late the event
loop wakes that the records come from. ``crawl``: a crawl at full speed with and without the pipeline.

Of PostgreSQL the tables are in a schema of their own, which is dropped at the end. Its server's CPU is not
counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from bar_plot import Bar, write_bars
from crawl import run_side
from loopback import running_server
from own_process import run_script
from storage_documents import movies
from storage_loop import CASES
from storage_sides import EACH, OURS, SIDES, needs_postgresql

from tmdbfusion_scrapy.storage.database import parse_database_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PARTS = ("sides", "loop", "crawl")
CRAWLS = ("add-on", "add-on+sqlite", "add-on+postgresql")
CORES = {"one": (), "any": ("--unbound",)}
"""Whether the crawl and its writer share a core, or go where the system lets them, beside the server."""
SCHEMA = "tmdb_benchmark"
ONE_STORAGE = Path(__file__).with_name("one_storage.py")
STORAGE_LOOP = Path(__file__).with_name("storage_loop.py")

Run = dict[str, Any]


@contextmanager
def empty_schema(url: str) -> Iterator[str]:
    """Make a schema in a database of PostgreSQL; yields a URL with which tables are made in it."""
    parsed = parse_database_url(url)
    engine = sqlalchemy.create_engine(parsed)

    def drop() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    drop()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    try:
        inside = parsed.update_query_dict({"options": f"-csearch_path={SCHEMA}"})
        yield inside.render_as_string(hide_password=False)
    finally:
        drop()
        engine.dispose()


def table(columns: Sequence[str]) -> None:
    """Print the head of a table."""
    print(f"\n| {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) - 1)}")


def row(cells: Sequence[str]) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def compare_sides(options: argparse.Namespace) -> None:
    """Run all sides in turn; print medians, and how the rates compare."""
    sides = [side for side in options.sides if options.postgresql_url or not needs_postgresql(side)]
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            count = min(options.records, options.slow_records) if side in EACH else options.records
            if needs_postgresql(side):
                with empty_schema(options.postgresql_url) as url:
                    runs[side].append(
                        run_script(ONE_STORAGE, side, f"--count={count}", f"--postgresql-url={url}")
                    )
            else:
                runs[side].append(run_script(ONE_STORAGE, side, f"--count={count}"))
    print(
        f"{options.records:,} movies ({options.slow_records:,} with a commit each), "
        f"median of {options.rounds} rounds"
    )
    table(
        [
            "side",
            "new/s",
            "CPU ms each",
            "again/s",
            "CPU ms each",
            "x a commit each: new",
            "again",
            "MB after the first 2,000",
            "MB at the end",
        ]
    )
    bars: dict[str, list[Bar]] = {"insert": [], "upsert": []}
    for side, found in runs.items():
        cells = [side]
        for action in ("insert", "upsert"):
            if action in found[0]:
                rate = median(found, action, "per_second")
                cells += [f"{rate:,.0f}", f"{median(found, action, 'cpu_ms'):.2f}"]
                bars[action].append(Bar(side, rate, is_ours=side in OURS))
            else:
                cells += ["", ""]
        other = f"{side}, a commit each"
        for action in ("insert", "upsert"):
            if other in runs:
                ratios = [
                    ours[action]["per_second"] / theirs[action]["per_second"]
                    for ours, theirs in zip(found, runs[other], strict=True)
                ]
                cells.append(f"{statistics.median(ratios):.1f}")
            else:
                cells.append("")
        last = "upsert" if "upsert" in found[0] else "insert"
        cells += [f"{median(found, 'insert', 'first_mb'):.0f}", f"{median(found, last, 'last_mb'):.0f}"]
        row(cells)
    if options.plot is not None:
        write_bars(
            options.plot,
            [("New movies a second", bars["insert"]), ("The same movies again, a second", bars["upsert"])],
        )


def median(found: list[Run], action: str, name: str) -> float:
    """The median of the rounds."""
    return float(statistics.median(run[action][name] for run in found))


def watch_loop(options: argparse.Namespace) -> None:
    """Print how late the event loop wakes while records are stored, and without."""
    table(
        [
            "case",
            "database",
            "records/s",
            "cores",
            "without: cores",
            "late ms p99",
            "longest",
            "without: p99",
            "longest",
            "a turn p99",
            "longest",
        ]
    )
    for case in options.cases:
        for database in ("sqlite", "postgresql"):
            rounds = [f"--case={case}", f"--seconds={options.seconds}", f"--rounds={options.rounds}"]
            if database == "sqlite":
                with tempfile.TemporaryDirectory() as folder:
                    run = run_script(STORAGE_LOOP, f"sqlite:///{folder}/tmdb.db", *rounds)
            elif options.postgresql_url:
                with empty_schema(options.postgresql_url) as url:
                    run = run_script(STORAGE_LOOP, url, *rounds)
            else:
                continue
            late, turn, without = run["with"]["late"], run["with"]["turn"], run["without"]["late"]
            row(
                [
                    case,
                    database,
                    f"{run['per_second']:,.0f}",
                    f"{run['cpu']['with']:.3f}",
                    f"{run['cpu']['without']:.3f}",
                    f"{late['p99']:.1f}",
                    f"{late['longest']:.1f}",
                    f"{without['p99']:.1f}",
                    f"{without['longest']:.1f}",
                    f"{turn['p99']:.1f}",
                    f"{turn['longest']:.1f}",
                ]
            )


def compare_crawls(options: argparse.Namespace) -> None:
    """Crawl the movies with and without storage; print requests a second."""
    sides = [side for side in CRAWLS if options.postgresql_url or side != "add-on+postgresql"]
    count = options.crawled
    runs: dict[tuple[str, str], list[Run]] = {(side, cores): [] for cores in CORES for side in sides}
    documents = b"\n".join(movies(0, count + 1))
    with running_server(documents, kind="lines") as origin:
        for _ in range(options.rounds):
            for (side, cores), found in runs.items():
                crawl = (side, origin, Path(os.devnull), count, 64, 0, *CORES[cores])
                if side != "add-on+postgresql":
                    found.append(run_side(*crawl))
                    continue
                with empty_schema(options.postgresql_url) as url:
                    os.environ["BENCHMARK_DATABASE_URL"] = url
                    found.append(run_side(*crawl))
    table(["crawl", "cores", "requests/s", "of the crawl without", "CPU ms", "most MB"])
    for (side, cores), found in runs.items():
        rates = [run["requests_per_second"] for run in found]
        pairs = zip(found, runs["add-on", cores], strict=True)
        share = statistics.median(
            run["requests_per_second"] / without["requests_per_second"] for run, without in pairs
        )
        row(
            [
                side,
                cores,
                f"{statistics.median(rates):,.0f}",
                f"{share:.2f}",
                f"{statistics.median(run['cpu_ms'] for run in found):.2f}",
                f"{statistics.median(run['max_mb'] for run in found):.0f}",
            ]
        )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000, help="movies (default: %(default)s)")
    parser.add_argument(
        "--slow-records", type=int, default=2000, help="of these with a commit each (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--postgresql-url", default="", help="without it, PostgreSQL is left out")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, metavar="SIDE")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument(
        "--seconds", type=float, default=10, help="of each side of a case of the loop, a round"
    )
    parser.add_argument("--crawled", type=int, default=4000, help="movies of a crawl (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="SVG file of the sides")
    options = parser.parse_args()
    names = ("sqlalchemy", "psycopg", "pyarrow", "scrapy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs; {versions}")
    if "sides" in options.only:
        compare_sides(options)
    if "loop" in options.only:
        watch_loop(options)
    if "crawl" in options.only:
        compare_crawls(options)


if __name__ == "__main__":
    main()
