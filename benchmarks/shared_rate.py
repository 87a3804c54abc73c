"""The rate of several processes behind one address that share it, against a server that allows 40 a second.

    python benchmarks/shared_rate.py postgresql://postgres@127.0.0.1/postgres
    python benchmarks/shared_rate.py sqlite:////var/tmp/rate.db --processes 4 --seconds 30
    python benchmarks/shared_rate.py postgresql://postgres@127.0.0.1/postgres --episodes 30

Each process is an ``AsyncTMDBClient`` with 24 calls at a time. ``--episodes`` refuses a request now and then, and
counts what is sent until the pause is over; else it is the steady rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox import ThreadedSandbox

LIMIT = 40
RATE = 38.0
CALLS = 24


@dataclass(frozen=True)
class Run:
    """What the server saw, and what it took the processes."""

    arrived: list[float]
    refused: int
    each: list[int]
    cpu: list[float]

    @property
    def steady(self) -> float:
        """Requests a second in the middle 70% of the time."""
        first, last = self.arrived[0], self.arrived[-1]
        begin, end = first + 0.15 * (last - first), first + 0.85 * (last - first)
        return (bisect_left(self.arrived, end) - bisect_left(self.arrived, begin)) / (end - begin)

    @property
    def busiest(self) -> int:
        """Most requests in any one second."""
        return max(bisect_left(self.arrived, at + 1.0) - number for number, at in enumerate(self.arrived))


async def call(url: str, seconds: float, shared: dict[str, Any]) -> tuple[int, float]:
    """Call as long as it is time; return the number of calls and the CPU seconds."""
    from tmdbfusion_scrapy import AsyncTMDBClient

    count = 0
    async with AsyncTMDBClient(
        "benchmark", base_url=url, requests_per_second=RATE, retries=5, **shared
    ) as client:

        async def work(end: float) -> None:
            nonlocal count
            while time.monotonic() < end:
                await client.movies.details(1 + count % 100)
                count += 1

        begun = time.process_time()
        end = time.monotonic() + seconds
        await asyncio.gather(*(work(end) for _ in range(CALLS)))
        return count, time.process_time() - begun


def cpu_of_a_token(store: str, seconds: float) -> tuple[float, float]:
    """Return the CPU milliseconds that a token takes from the store and from the process alone."""
    from tmdbfusion_scrapy.rate_limit import InProcessState, RateLimit, RateLimiter, RateLimitState
    from tmdbfusion_scrapy.rate_store import check_shared_limit
    from tmdbfusion_scrapy.shared_rate import shared_rate

    limit = check_shared_limit(("key", "store"), f"cpu {time.time()}", store)
    assert limit is not None  # noqa: S101 - both are given

    async def take(state: RateLimitState) -> float:
        limiter = RateLimiter(RateLimit(RATE), state)
        count = 0

        async def work(end: float) -> None:
            nonlocal count
            while time.monotonic() < end:
                await limiter.acquire()
                count += 1

        begun, end = time.process_time(), time.monotonic() + seconds
        await asyncio.gather(*(work(end) for _ in range(CALLS)))
        limiter.close()
        return (time.process_time() - begun) / count * 1000

    shared = asyncio.run(take(shared_rate(limit, "https://api.themoviedb.org/3")))
    return shared, asyncio.run(take(InProcessState()))


def start(sandbox: ThreadedSandbox, number: int, seconds: float, store: str | None) -> list[Any]:
    """Start processes that share a rate, or none where there is no store."""
    shared = {} if store is None else {"rate_limit_key": f"run {time.time()}", "rate_limit_store": store}
    given = json.dumps([sandbox.base_url, seconds, shared])
    return [
        subprocess.Popen([sys.executable, __file__, "--calls", given], stdout=subprocess.PIPE, text=True)
        for _ in range(number)
    ]


def measure(number: int, seconds: float, store: str | None) -> Run:
    """Run processes and return what the server saw."""
    from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

    with ThreadedSandbox(
        SandboxOptions(movies=500, gaps=0, rate_limit=LIMIT, keep_requests=100_000)
    ) as sandbox:
        running = start(sandbox, number, seconds, store)
        ended = [json.loads(process.communicate()[0]) for process in running]
        by_path = sandbox.state()["requests"]["by_path"]["GET /3/movie/{id}"]
        arrived = sorted(request.received_at for request in sandbox.requests)
    return Run(arrived, by_path.get("429", 0), [count for count, _ in ended], [cpu for _, cpu in ended])


def episodes(number: int, count: int, store: str) -> list[int]:
    """Refuse a request some times, and return the requests that came after each until the pause was over."""
    from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

    # A pause of two seconds and the time for the next one.
    every = 4.0
    with ThreadedSandbox(SandboxOptions(movies=500, gaps=0, keep_requests=100_000)) as sandbox:
        running = start(sandbox, number, count * every + 4, store)
        while len(sandbox.requests) < 50:
            time.sleep(0.01)
        slipped = []
        for _ in range(count):
            begun = len(sandbox.requests)
            sandbox.fail_next(429, headers={"Retry-After": "2"})
            time.sleep(every)
            arrived = [request.received_at for request in list(sandbox.requests)[begun:]]
            longest = max(range(1, len(arrived)), key=lambda at: arrived[at] - arrived[at - 1])
            # The next request is the refused one.
            slipped.append(longest - 1)
        for process in running:
            process.communicate()
    return slipped


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", nargs="?", help="URL of the store")
    parser.add_argument("--processes", type=int, action="append", help="default: 2 and 4")
    parser.add_argument("--seconds", type=float, default=30.0, help="default: %(default)s")
    parser.add_argument("--episodes", type=int, help="refuse so many requests, and count what follows")
    parser.add_argument("--unshared", action="store_true", help="also without a store")
    parser.add_argument("--calls", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.calls:
        print(json.dumps(asyncio.run(call(*json.loads(arguments.calls)))))
        return
    if not arguments.store:
        parser.error("name a store, such as postgresql://postgres@127.0.0.1/postgres")
    if arguments.episodes:
        for number in arguments.processes or (2, 4):
            slipped = episodes(number, arguments.episodes, arguments.store)
            print(
                f"{number} processes, {len(slipped)} times 429: sent until the pause was over: at most "
                f"{max(slipped)}, on average {sum(slipped) / len(slipped):.2f}, more than one for each other "
                f"process {sum(each > number - 1 for each in slipped)} times",
                flush=True,
            )
        return
    shared, alone = cpu_of_a_token(arguments.store, arguments.seconds / 3)
    print(f"CPU of a token: {shared:.2f} ms from the store, {alone:.2f} ms in the process alone\n")
    print("| processes | store | steady requests/s | of what is set | busiest second | 429s | of each |")
    print("|---:|---|---:|---:|---:|---:|---|", flush=True)
    for number in arguments.processes or (2, 4):
        for store in (arguments.store, None) if arguments.unshared else (arguments.store,):
            run = measure(number, arguments.seconds, store)
            kind = "none" if store is None else store.partition(":")[0]
            print(
                f"| {number} | {kind} | {run.steady:.1f} | {run.steady / RATE:.1%} | {run.busiest} "
                f"| {run.refused} | {', '.join(map(str, run.each))} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
