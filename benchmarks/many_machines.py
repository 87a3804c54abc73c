"""Workers of one run on several machines: their rate, and what is lost when one of them fails.

    python benchmarks/many_machines.py rate --workers 1 --workers 2 --workers 4
    python benchmarks/many_machines.py rate --workers 4 --one-address
    python benchmarks/many_machines.py faults --times 5
    python benchmarks/many_machines.py faults --fault kill-all --fault link-down

As root on Linux a machine is a network namespace with an address of its own, behind a bridge; elsewhere, or with
``--loopback``, a process with a loopback address of its own, whose link cannot go down. The server is the sandbox,
which limits each address; PostgreSQL is one that is started for this, beside it.

``rate`` prints the answers a second in the middle 70% of the time; ``faults`` what became of the records when a
worker, all of them, the database or a link failed in the middle of a run. ``--one-address`` puts all workers
behind one address, with ``TMDB_RATE_LIMIT_KEY``.

A machine that is too small for four workers at 40 requests a second is asked for less: ``--limit 20``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BRIDGE, NETWORK = "tmdbbridge", "10.231.77"
HEARTBEAT = 15
"""Seconds: longer than the database is away, shorter than a link is down or a worker hangs."""
SPIDER = "tmdb_movies"
SPIDERS = f'''
from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class Movies(TMDBSourceSpider):
    name = "{SPIDER}"
    details_operation = "movie-details"
'''


class Machine:
    """A place where a worker runs: a network namespace, or an address of loopback.

    Args:
        number: From 0.
        port: Port of the server.
        is_real: Whether it is a namespace.
    """

    def __init__(self, number: int, port: int, *, is_real: bool) -> None:
        self.is_real = is_real
        self.name = f"tmdbmachine{number}"
        self.address = f"{NETWORK}.{10 + number}" if is_real else f"127.0.0.{10 + number}"
        self.host = f"{NETWORK}.1" if is_real else "127.0.0.1"
        self.url = f"http://127.0.0.1:{port}/3"
        self._link = f"tmdbveth{number}"
        self._forwarders: list[subprocess.Popen[str]] = []
        if is_real:
            run("ip", "netns", "add", self.name)
            run("ip", "link", "add", self._link, "type", "veth", "peer", "eth0", "netns", self.name)
            run("ip", "link", "set", self._link, "master", BRIDGE, "up")
            inside = ("ip", "-n", self.name)
            run(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
            run(*inside, "link", "set", "eth0", "up")
            run(*inside, "link", "set", "lo", "up")
            # The sandbox listens on loopback alone, and a token goes in plain http to loopback only. It knows the
            # machine by an address of loopback.
            near = self._forward([], self.host, f"127.0.0.1:{port}", f"127.0.0.{10 + number}")
            far = self._forward(self.command, "127.0.0.1", f"{self.host}:{near}", self.address)
            self.url = f"http://127.0.0.1:{far}/3"

    @property
    def command(self) -> list[str]:
        """The beginning of each command on it."""
        return ["ip", "netns", "exec", self.name] if self.is_real else []

    def set_link(self, state: str) -> None:
        """Set the link ``up`` or ``down``."""
        run("ip", "link", "set", self._link, state)

    def close(self) -> None:
        """Take it away."""
        for forwarder in self._forwarders:
            forwarder.kill()
            forwarder.wait()
        if self.is_real:
            run("ip", "netns", "del", self.name)

    def _forward(self, before: list[str], *arguments: str) -> int:
        """Start a forwarder and return its port."""
        forwarder = subprocess.Popen(
            [*before, sys.executable, __file__, "forward", *arguments], stdout=subprocess.PIPE, text=True
        )
        self._forwarders.append(forwarder)
        assert forwarder.stdout is not None  # noqa: S101 - a pipe
        return int(forwarder.stdout.readline())


def run(*command: str) -> None:
    """Run a command that must work."""
    subprocess.run(command, check=True, capture_output=True)


async def forward(listen: str, target: str, source: str) -> None:
    """Carry what comes to a port of an address to another one, from a third."""
    host, _, port = target.rpartition(":")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead, back = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, back), carry(ahead, writer))

    server = await asyncio.start_server(accept, listen, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Postgres:
    """A server of its own, that all machines reach."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._user:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("", 0))
            self.port: int = free.getsockname()[1]
        self._call("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {NETWORK}.0/24 trust\n")
        self.start()

    def url(self, host: str) -> str:
        """URL of the database as a machine sees it."""
        return f"postgresql://postgres@{host}:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=* -c fsync=off -k {self._folder}"
        self._call("pg_ctl", "-w", "-t", "120", "-l", str(self._folder / "log"), "-o", options, "start")

    def kill(self) -> None:
        """Kill it, as a machine does that loses its power."""
        main = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for process in (main, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(1)

    def stop(self) -> None:
        """Stop it."""
        self._call("pg_ctl", "-w", "-m", "immediate", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._user, str(self._programs / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )


@dataclass
class Outcome:
    """What became of a run.

    Args:
        listed: Records of it.
        lost: Of these neither stored nor on record as failed.
        again: Records that were fetched more often than once, counted each further time.
        false_failures: Rows of ``tmdb_failures``, and ``deleted_at``, of records that are stored.
        finished: Runs that are finished.
        watermarks: Times that the watermark was set.
        refused: Answers 429.
        rate: Answers a second in the middle 70% of the time.
        busiest: Most requests of an address in any one second.
        seconds: From the first request to the last.
    """

    listed: int
    lost: int
    again: int
    false_failures: int
    finished: int
    watermarks: int
    refused: int
    rate: float
    busiest: int
    seconds: float


@dataclass
class Fleet:
    """Machines, the server and the database, for one run.

    Args:
        sandbox: The server.
        postgres: The database.
        machines: Where workers run.
        folder: A project.
        settings: Settings of all workers.
        workers: Workers that were started, by the number of the machine.
    """

    sandbox: ThreadedSandbox
    postgres: Postgres
    machines: list[Machine]
    folder: Path
    settings: dict[str, str]
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def scrapy(self, *arguments: str, **settings: str) -> list[str]:
        """Return a command of Scrapy's."""
        given = {**self.settings, **settings}
        return [
            *(sys.executable, "-m", "scrapy", *arguments),
            *(part for name, value in given.items() for part in ("-s", f"{name}={value}")),
        ]

    def enqueue(self) -> str:
        """Enqueue the run."""
        ended = subprocess.run(
            self.scrapy(
                *("tmdb-enqueue", SPIDER, "-a", "source=export"),
                TMDB_API_URL=self.sandbox.base_url,
                TMDB_EXPORTS_URL=self.sandbox.exports_url,
                TMDB_DATABASE_URL=self.postgres.url("127.0.0.1"),
            ),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise SystemExit(f"tmdb-enqueue ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def start(self, number: int, *, clock: str = "") -> None:
        """Start the worker of a machine, with its clock put forward or back."""
        machine = self.machines[number]
        address = {} if machine.is_real else {"DOWNLOAD_BIND_ADDRESS": machine.address}
        command = self.scrapy(
            "tmdb-worker",
            TMDB_API_URL=machine.url,
            TMDB_DATABASE_URL=self.postgres.url(machine.host),
            LOG_FILE=str(self.folder / f"worker{number}.log"),
            LOG_FILE_APPEND="True",
            **address,
        )
        before = ["faketime", "-f", clock] if clock else []
        self.workers[number] = subprocess.Popen(
            [*machine.command, *before, *command],
            cwd=self.folder,
            env={**environment(), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signal(self, number: int, which: signal.Signals) -> None:
        """Send a signal to the worker of a machine."""
        # "ip netns exec" becomes the command, faketime has a child: the whole group is meant.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.workers[number].pid, which)
        if which is signal.SIGKILL:
            self.workers[number].wait()

    def wait_for_requests(self, count: int, seconds: float = 180) -> None:
        """Wait until the server has seen so many."""
        until = time.monotonic() + seconds
        while len(self.sandbox.requests) < count and time.monotonic() < until:
            time.sleep(0.05)

    def wait(self, seconds: float) -> None:
        """Wait until all workers have ended."""
        until = time.monotonic() + seconds
        for worker in self.workers.values():
            try:
                worker.wait(max(1.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                print("a worker did not come to its end", file=sys.stderr)

    def outcome(self) -> Outcome:
        """Look at the server and the database."""
        movies = [seen for seen in self.sandbox.requests if seen.path.startswith("/3/movie/")]
        arrived = [seen.received_at for seen in movies]
        first, last = (arrived[0], arrived[-1]) if arrived else (0.0, 0.0)
        begin, end = first + 0.15 * (last - first), first + 0.85 * (last - first)
        by_path = self.sandbox.state()["requests"]["by_path"].get("GET /3/movie/{id}", {})
        busiest = 0
        for address in {seen.remote for seen in movies}:
            own = [seen.received_at for seen in movies if seen.remote == address]
            busiest = max(busiest, *(bisect_left(own, at + 1.0) - place for place, at in enumerate(own)))
        asked = Counter(seen.path for seen in movies)
        refused = by_path.get("429", 0)
        with psycopg.connect(self.postgres.url("127.0.0.1"), autocommit=True) as connection:

            def number(query: str) -> int:
                ((found,),) = connection.execute(query.encode())
                return int(found or 0)

            stored = number("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL")
            failures = number("SELECT count(*) FROM tmdb_failures")
            return Outcome(
                listed=(listed := number("SELECT max(listed) FROM tmdb_runs")),
                lost=listed - stored - failures,
                # What was refused had to be asked for again.
                again=sum(count - 1 for count in asked.values()) - refused,
                false_failures=number(
                    "SELECT count(*) FROM tmdb_failures JOIN movies ON CAST(movies.id AS text) = tmdb_failures.id "
                    "WHERE fetched_at IS NOT NULL"
                )
                + number("SELECT count(*) FROM movies WHERE deleted_at IS NOT NULL"),
                finished=number("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NOT NULL"),
                watermarks=number(
                    "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'tmdb_watermarks'"
                ),
                refused=refused,
                rate=(bisect_left(arrived, end) - bisect_left(arrived, begin)) / (end - begin or 1.0),
                busiest=busiest,
                seconds=last - first,
            )


def environment() -> dict[str, str]:
    """Return the environment of each command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TMDB_")}
    return {**kept, "TMDB_ACCESS_TOKEN": "benchmark"}


@contextlib.contextmanager
def fleet(workers: int, records: int, options: argparse.Namespace) -> Iterator[Fleet]:
    """Machines, server and database, gone at the end."""
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="tmdb-machines-"))
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("project", "database"):
            (folder / part).mkdir()
        (folder / "project" / "scrapy.cfg").write_text("[settings]\ndefault = machines\n")
        (folder / "project" / "machines.py").write_text(
            'SPIDER_MODULES = ["spiders"]\nADDONS = {"tmdbfusion_scrapy.Addon": 500}\n'
            f"TMDB_JOB_HEARTBEAT = {HEARTBEAT}\nTMDB_PROGRESS = 'off'\n"
        )
        (folder / "project" / "spiders.py").write_text(SPIDERS)
        is_real = not options.loopback
        if is_real:
            run("ip", "link", "add", BRIDGE, "type", "bridge")
            stack.callback(run, "ip", "link", "del", BRIDGE)
            run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
            run("ip", "link", "set", BRIDGE, "up")
        one = getattr(options, "one_address", False)
        sandbox = stack.enter_context(
            ThreadedSandbox(
                SandboxOptions(
                    movies=records,
                    gaps=0,
                    rate_limit=options.limit,
                    keep_requests=records * 10,
                )
            )
        )
        port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])
        machines = []
        for number in range(1 if one else workers):
            machines.append(Machine(number, port, is_real=is_real))
            stack.callback(machines[-1].close)
        postgres = Postgres(folder / "database")
        stack.callback(postgres.stop)
        settings = {"TMDB_REQUESTS_PER_SECOND": str(options.limit * 0.95)}
        if one:
            settings["TMDB_RATE_LIMIT_KEY"] = machines[0].address
        made = Fleet(sandbox, postgres, machines * workers if one else machines, folder / "project", settings)

        def end() -> None:
            for number, worker in made.workers.items():
                if worker.poll() is None:
                    made.signal(number, signal.SIGKILL)
            if options.logs:
                for log in made.folder.glob("*.log"):
                    shutil.copy(log, options.logs)

        stack.callback(end)
        yield made


def rate(workers: int, options: argparse.Namespace) -> Outcome:
    """Run so many workers to the end of a run."""
    addresses = 1 if options.one_address else workers
    with fleet(workers, int(options.seconds * options.limit * addresses), options) as made:
        made.enqueue()
        for number in range(workers):
            made.start(number)
        made.wait(options.seconds * 4 + 120)
        return made.outcome()


def kill_one(made: Fleet) -> None:
    """Kill a worker; the other one takes up what it had."""
    made.signal(0, signal.SIGKILL)


def kill_all(made: Fleet) -> None:
    """Kill all workers, and start them again."""
    for number in made.workers:
        made.signal(number, signal.SIGKILL)
    for number in made.workers:
        made.start(number)


def kill_postgres(made: Fleet) -> None:
    """Kill the database; it is back after ten seconds."""
    made.postgres.kill()
    time.sleep(10)
    made.postgres.start()


def hang(made: Fleet) -> None:
    """Stop a worker for longer than a heartbeat; then it goes on."""
    made.signal(0, signal.SIGSTOP)
    time.sleep(HEARTBEAT + 10)
    made.signal(0, signal.SIGCONT)


def link_down(made: Fleet) -> None:
    """Take the link of a worker down for 20 seconds."""
    made.machines[0].set_link("down")
    time.sleep(20)
    made.machines[0].set_link("up")


def enqueue_twice(made: Fleet) -> None:
    """Enqueue the same run again."""
    made.enqueue()


def terminate(made: Fleet) -> None:
    """End all workers with SIGTERM, and start them again."""
    for number in made.workers:
        made.signal(number, signal.SIGTERM)
    for worker in made.workers.values():
        worker.wait(60)
    for number in made.workers:
        made.start(number)


def nothing(made: Fleet) -> None:
    """Do nothing: the clocks differ from the beginning."""


FAULTS: dict[str, Callable[[Fleet], None]] = {
    "kill-one": kill_one,
    "kill-all": kill_all,
    "kill-postgres": kill_postgres,
    "hang": hang,
    "link-down": link_down,
    "enqueue-twice": enqueue_twice,
    "sigterm": terminate,
    "clock-behind": nothing,
    "clock-ahead": nothing,
}
CLOCKS = {"clock-behind": "-120s", "clock-ahead": "+120s"}


def fault(name: str, options: argparse.Namespace) -> Outcome:
    """Run two workers, and let something fail when a quarter is done."""
    records = int(options.seconds * options.limit * 2)
    with fleet(2, records, options) as made:
        made.enqueue()
        for number in range(2):
            made.start(number, clock=CLOCKS.get(name, "") if number == 0 else "")
        made.wait_for_requests(records // 4)
        FAULTS[name](made)
        made.wait(options.seconds * 4 + 180)
        return made.outcome()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    of_rate = commands.add_parser("rate", help="the rate of several workers")
    of_rate.add_argument("--workers", type=int, action="append", help="default: 1, 2 and 4")
    of_rate.add_argument(
        "--one-address", action="store_true", help="all behind one address, and sharing a rate"
    )
    of_faults = commands.add_parser("faults", help="what becomes of a run when something fails")
    of_faults.add_argument("--fault", choices=FAULTS, action="append", help="default: all")
    of_faults.add_argument("--times", type=int, default=1, help="default: %(default)s")
    for one in (of_rate, of_faults):
        one.add_argument(
            "--limit", type=int, default=40, help="of an address a second (default: %(default)s)"
        )
        one.add_argument("--seconds", type=float, default=30.0, help="of a run, about (default: %(default)s)")
        one.add_argument("--loopback", action="store_true", help="without namespaces")
        one.add_argument("--logs", type=Path, help="folder for the logs of the workers")
    commands.add_parser("forward").add_argument("addresses", nargs=3)
    options = parser.parse_args()
    if options.command == "forward":
        asyncio.run(forward(*options.addresses))
        return
    # What was made is taken away then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.geteuid() != 0 or not shutil.which("ip"):
        options.loopback = True
    place = "processes with a loopback address each" if options.loopback else "network namespaces"
    print(f"Machines are {place}. An address may make {options.limit} requests a second")
    print(f"TMDB_REQUESTS_PER_SECOND is {options.limit * 0.95:g}\n")
    if options.command == "rate":
        print(
            "| workers | addresses | requests/s | of what is set | busiest second | fetched again | 429s | lost |"
        )
        print("|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        for workers in options.workers or (1, 2, 4):
            found = rate(workers, options)
            addresses = 1 if options.one_address else workers
            print(
                f"| {workers} | {addresses} | {found.rate:.1f} "
                f"| {found.rate / addresses / options.limit / 0.95:.1%} | {found.busiest} | {found.again} "
                f"| {found.refused} | {found.lost} |",
                flush=True,
            )
        return
    print(
        "| fault | records | lost | fetched again | false failures | finished | watermark | 429s | seconds |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in options.fault or FAULTS:
        if name == "link-down" and options.loopback:
            continue
        for _ in range(options.times):
            found = fault(name, options)
            print(
                f"| {name} | {found.listed} | {found.lost} | {found.again} | {found.false_failures} "
                f"| {found.finished} | {found.watermarks} | {found.refused} | {found.seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
