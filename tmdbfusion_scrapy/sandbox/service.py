"""TMDB's answer to a request, its limits and faults, and the counts of all that was seen; without any network."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.faults import IMAGE_FAULTS, FailureQueue, RandomFaults
from tmdbfusion_scrapy.sandbox.files import Exports, download, missing, picture
from tmdbfusion_scrapy.sandbox.http import (
    RESET,
    PreparedReply,
    Response,
    TMDBFailure,
    json_reply,
    status_reply,
)
from tmdbfusion_scrapy.sandbox.lists import Lists, page_number
from tmdbfusion_scrapy.sandbox.movies import KNOWN, KNOWN_IMDB_ID, GeneratedMovies
from tmdbfusion_scrapy.sandbox.parts import ENTITIES, Entities
from tmdbfusion_scrapy.sandbox.people import GeneratedPeople
from tmdbfusion_scrapy.sandbox.population import Churn
from tmdbfusion_scrapy.sandbox.replay import SECRETS, RecordedAnswers, ReplayedMovies
from tmdbfusion_scrapy.sandbox.series import GeneratedSeries
from tmdbfusion_scrapy.sandbox.words import REFERENCE

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tmdbfusion_scrapy.sandbox.faults import Failure
    from tmdbfusion_scrapy.sandbox.http import Answer, RecordedRequest
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.population import Clock
    from tmdbfusion_scrapy.sandbox.records import Catalogue


_MAX_APPENDED = 20
_RATING = re.compile(r"(movie|tv)/\d+/rating", re.ASCII)
# What follows the id of a record: nothing, a season, or an episode.
_IS_RECORD = re.compile(r"(season/[^/]+(/[^/]+/[^/]+)?)?")
# What IMDb's ids of a kind begin with, and the number that TMDB's id is added to.
_IMDB_IDS = {"movie": ("tt", 90_000_000), "tv": ("tt", 80_000_000), "person": ("nm", 20_000_000)}
_FOUND = ("movie_results", "person_results", "tv_results", "tv_episode_results", "tv_season_results")
_PAGED_PARTS = frozenset({"lists", "recommendations", "reviews", "similar", "tagged_images"})


class World:
    """Movies, series, people, and the companies, networks, keywords and collections that they name."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        seed, gaps, people = options.seed, options.gaps, options.people
        churn = Churn(options.daily_changed, options.daily_new, options.daily_gone)
        self.movies = GeneratedMovies(options.movies, seed, gaps, people, clock, churn)
        self.series = GeneratedSeries(options.series, seed, gaps, people, clock, churn)
        works = {"movie": self.movies, "tv": self.series}
        self.people = GeneratedPeople(people, seed, gaps, works, clock, churn)
        self.entities = Entities(seed, self.movies.last_id, self.movies.summary)
        self.catalogues: dict[str, Catalogue] = {**works, "person": self.people}


class Service:
    """Answers requests below ``/3/`` from a generated or a replayed catalogue and recorded exchanges."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        files = tuple(path for path in options.replay if path.is_file())
        folders = tuple(path for path in options.replay if not path.is_file())
        self.clock = clock
        self._recorded = RecordedAnswers(folders)
        self.world = None if options.replay else World(options, clock)
        self.catalogues: dict[str, Catalogue] = {} if self.world is None else self.world.catalogues
        if files:
            self.catalogues = {"movie": ReplayedMovies(files)}
        self._lists = Lists(self.catalogues)
        self._cache_bytes = options.cache_bytes
        self._held = 0
        self._replies: OrderedDict[tuple[Any, ...], PreparedReply] = OrderedDict()
        self.is_slow = self._lists.is_slow

    def ids(self, kind: str) -> list[int]:
        """Return the ids of all movies, series (``tv``) or people (``person``) of today, ascending."""
        catalogue = self.catalogues.get(kind)
        return [] if catalogue is None else [facts.id for facts in catalogue.facts()]

    def ready(self, request: RecordedRequest, path: str) -> tuple[tuple[Any, ...], PreparedReply | None]:
        """Return the key that requests with the same answer share, and the answer if it is still in memory."""
        asked = sorted(item for item in request.query.items() if item[0] not in SECRETS)
        key = (self.clock.today(), request.method, path, *asked)
        found = self._replies.get(key)
        if found is not None:
            self._replies.move_to_end(key)
        return key, found

    def keep(self, key: tuple[Any, ...], reply: Response) -> PreparedReply:
        """Make an answer ready to send, and keep it; the least recently used go when memory runs out."""
        prepared = PreparedReply(reply)
        if reply.status == 200 and key not in self._replies:
            self._replies[key] = prepared
            self._held += prepared.size
            while self._held > self._cache_bytes:
                self._held -= self._replies.popitem(last=False)[1].size
        return prepared

    def answer(self, method: str, path: str, query: Query) -> Response:
        """Return the answer to a request."""
        method = "GET" if method == "HEAD" else method
        try:
            return (
                self._recorded.exact(method, path, query)
                or (self._from_catalogues(path, query) if method == "GET" else None)
                or self._recorded.near(method, path, query)
                or _fixed(method, path)
            )
        except TMDBFailure as error:
            return status_reply(error.args[0])

    def _from_catalogues(self, path: str, query: Query) -> Response | None:
        listed = self._lists.answer(path, query)
        if listed is not None:
            return json_reply(listed, max_age=600)
        kind, _, tail = path.partition("/")
        if kind == "find" and tail and self.world is not None:
            return json_reply(self._found(tail, query))
        number, _, part = tail.partition("/")
        catalogue = self.catalogues.get(kind)
        if tail == "latest" and catalogue is not None and (latest := catalogue.latest()) is not None:
            return self._reply(kind, latest, "", {})
        is_id = number.isascii() and number.isdecimal() and len(number) <= 18
        return self._reply(kind, int(number), part, query) if is_id else None

    def _found(self, external_id: str, query: Query) -> dict[str, Any]:
        """Return the records with an id of IMDb; by ids of other sites none is found."""
        found: dict[str, Any] = {name: [] for name in _FOUND}
        number = external_id[2:]
        if query.get("external_source") != "imdb_id" or not (number.isascii() and number.isdecimal()):
            return found
        for kind, (prefix, first) in _IMDB_IDS.items():
            item = KNOWN if external_id == KNOWN_IMDB_ID else int(number[:18]) - first
            ids = self._body(kind, item, "external_ids", {}) if external_id.startswith(prefix) else None
            if ids is not None and ids["imdb_id"] == external_id:
                record = self.catalogues[kind].summary(item, query.get("language") or "en-US")
                found[f"{kind}_results"] = [{**(record or {}), "media_type": kind}]
        return found

    def _reply(self, kind: str, item: int, part: str, query: Query) -> Response | None:
        """Return a record or a part of one, with the parts that were asked for; unknown ones are left out."""
        names = []
        if _IS_RECORD.fullmatch(part):
            names = [name.strip() for name in query.get("append_to_response", "").split(",") if name.strip()]
        if len(names) > _MAX_APPENDED:
            raise TMDBFailure(27)
        if not _PAGED_PARTS.isdisjoint((part, *names)):
            page_number(query)
        body = self._body(kind, item, part, query)
        if body is None:
            return None
        for name in names:
            found = self._body(kind, item, f"{part}/{name}".strip("/"), query)
            if found is not None:
                # TMDB sends a part without its id, except by itself.
                body[name] = {key: value for key, value in found.items() if key != "id"}
        return json_reply(body)

    def _body(self, kind: str, item: int, part: str, query: Query) -> dict[str, Any] | None:
        catalogue = self.catalogues.get(kind)
        if self.world is not None and kind in ENTITIES:
            return self.world.entities.answer(kind, item, part, query)
        if catalogue is None:
            return None
        if not part:
            return catalogue.details(item, query.get("language") or "en-US")
        if kind == "tv" and part.startswith("season/") and self.world is not None:
            return self.world.series.within(item, part.split("/")[1:], query)
        content = catalogue.part(item, part, query)
        return content if content is None or part == "changes" else {"id": item, **content}


def _fixed(method: str, path: str) -> Response:
    """Return the answers that do not depend on the catalogue, and the errors."""
    if _RATING.fullmatch(path) and method in {"POST", "DELETE"}:
        return status_reply(1, http_status=201) if method == "POST" else status_reply(13)
    if method != "GET":
        raise TMDBFailure(42)
    if path == "authentication":
        return status_reply(1)
    if path in REFERENCE:
        return json_reply(REFERENCE[path])
    raise TMDBFailure(34)


# The version at the start of a path is no id.
_NUMBER_SEGMENT = re.compile(r"(?<=[^/]/)\d+(?=/|$)")


@dataclass(frozen=True)
class ConnectionCounts:
    """Connections as the server sees them: open now, the most at once, and all there were."""

    open: int
    max_open: int
    total: int


class Traffic:
    """Counters and the newest requests."""

    def __init__(self, keep: int) -> None:
        self._lock = Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=keep)
        self._open = 0
        self._connection_number = 0
        self._reset()

    def _reset(self) -> None:
        """Set back what is counted; what is open stays open."""
        self._answered: Counter[tuple[str, int | str]] = Counter()
        self._last_second: deque[float] = deque()
        self._seen = self._in_flight = self._max_in_flight = self._max_per_second = 0
        self._connections = self._max_open = self._open

    def connected(self) -> int:
        """Count a new connection and return its number."""
        with self._lock:
            self._open += 1
            self._connections += 1
            self._connection_number += 1
            self._max_open = max(self._max_open, self._open)
            return self._connection_number

    def disconnected(self) -> None:
        with self._lock:
            self._open -= 1

    def arrived(self, request: RecordedRequest) -> int:
        """Count a request, keep it, and return its number."""
        now = request.received_at
        with self._lock:
            self._seen += 1
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            window = _last_second(self._last_second, now)
            window.append(now)
            self._max_per_second = max(self._max_per_second, len(window))
            request.number = self._seen
            self._requests.append(request)
            return self._seen

    def answered(self, method: str, path: str, outcome: int | str) -> None:
        """Count an answer by its status, or by the fault that stood in for one."""
        pattern = _NUMBER_SEGMENT.sub("{id}", path)
        with self._lock:
            self._answered[f"{method} {pattern}", outcome] += 1

    def finished(self) -> None:
        """Count a request as no longer in flight."""
        with self._lock:
            # clear() may have come between its arrival and its end.
            self._in_flight = max(0, self._in_flight - 1)

    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def connections(self) -> ConnectionCounts:
        with self._lock:
            return ConnectionCounts(self._open, self._max_open, self._connections)

    def clear(self) -> None:
        """Forget the requests and start counting anew."""
        with self._lock:
            self._requests.clear()
            self._reset()

    def state(self) -> dict[str, Any]:
        """Return all counters as a JSON value."""
        with self._lock:
            by_path: dict[str, dict[str, int]] = {}
            for (pattern, outcome), count in sorted(self._answered.items(), key=str):
                by_path.setdefault(pattern, {})[str(outcome)] = count
            return {
                "requests": {
                    "total": self._seen, "in_flight": self._in_flight, "max_in_flight": self._max_in_flight,
                    "max_per_second": self._max_per_second, "by_path": by_path,
                },
                "connections": {"open": self._open, "max_open": self._max_open, "total": self._connections},
            }  # fmt: skip


class RateLimit:
    """Counts the requests of each client address in the last second."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._passed: dict[str, deque[float]] = {}

    def admits(self, client: str, now: float) -> bool:
        """Tell whether a request may pass; one that may not does not count."""
        if self.limit is None:
            return True
        window = _last_second(self._passed.setdefault(client, deque()), now)
        if len(window) >= self.limit:
            return False
        window.append(now)
        return True


def _last_second(window: deque[float], now: float) -> deque[float]:
    """Return moments without those that are a second ago or longer."""
    while window and window[0] <= now - 1.0:
        window.popleft()
    return window


EXPORTS_PATH = "/p/exports"
IMAGES_PATH = "/t/p"


class Responder:
    """Answers the requests of a running sandbox.

    ``stopping`` ends waits of requests that are never answered, ``worker`` does what takes long; the server sets
    both when it starts. ``rate_limit`` may change at any time.
    """

    def __init__(self, options: SandboxOptions, service: Service, traffic: Traffic) -> None:
        self._options = options
        self._service = service
        self._traffic = traffic
        entities = None if service.world is None else service.world.entities
        self.exports = Exports(service.catalogues, entities, service.clock)
        self.failures = FailureQueue()
        self._random_faults = RandomFaults(options.faults, options.seed)
        self.rate_limit = RateLimit(options.rate_limit)
        self.stopping = asyncio.Event()
        self.worker: Executor | None = None

    def respond(self, request: RecordedRequest, number: int) -> Answer:
        """Choose between the good answer and all others."""
        of_api = not request.path.startswith((f"{EXPORTS_PATH}/", f"{IMAGES_PATH}/"))
        # Exports and images are on other hosts at TMDB, without token and rate limit.
        if of_api and not self.rate_limit.admits(request.remote, request.received_at):
            return self._finished(request, self._over_limit())
        path = request.path.removeprefix("/3/").strip("/")
        failing = self.failures.take(path) or self._random_faults.choose(number)
        if failing is not None and failing.is_status:
            reply = failing.status_response(self._options.retry_after or 1)
            return self._finished(request, PreparedReply(reply))
        if failing is not None and failing.fault in {"timeout", "reset"}:
            self._traffic.answered(request.method, request.path, failing.fault)
            return RESET if failing.fault == "reset" else self._silence
        if not of_api:
            return self._download(request, failing)
        is_authorised = self._is_authorised(request)
        if not is_authorised or not request.path.startswith("/3/"):
            reply = status_reply(34 if is_authorised else 7)
            return self._finished(request, PreparedReply(reply), failing)
        key, ready = self._service.ready(request, path)
        if ready is None:
            answer = partial(self._service.answer, request.method, path, request.query)
            if self._service.is_slow(path):

                async def later() -> Response:
                    reply = await asyncio.get_running_loop().run_in_executor(self.worker, answer)
                    return self._finished(request, self._service.keep(key, reply), failing)

                return later
            ready = self._service.keep(key, answer())
        return self._finished(request, ready, failing)

    async def _silence(self) -> Response:
        """Wait until the client leaves or the sandbox stops."""
        await self.stopping.wait()
        return RESET

    def _finished(
        self, request: RecordedRequest, good: PreparedReply, failing: Failure | None = None
    ) -> Response:
        if failing is not None:
            return self._counted(
                request, failing.spoiled(good, self._options.large_body_bytes), failing.fault
            )
        return self._counted(request, good.response(request, conditional=self._options.etag == "304"))

    def _counted(self, request: RecordedRequest, response: Response, fault: str | None = None) -> Response:
        """Return an answer that is counted before the client can see it."""
        self._traffic.answered(request.method, request.path, fault or response.status)
        return response

    def _download(self, request: RecordedRequest, failing: Failure | None) -> Answer:
        fault = None if failing is None else failing.fault
        readable = request.method in {"GET", "HEAD"}
        if request.path.startswith(f"{IMAGES_PATH}/"):
            found = picture(request.path.removeprefix(f"{IMAGES_PATH}/")) if readable else None
            image = Response(404) if found is None else Response(200, [("Content-Type", found[0])], found[1])
            if found is not None and failing is not None and fault in IMAGE_FAULTS:
                image = failing.spoiled(PreparedReply(image), self._options.large_body_bytes)
            return self._counted(request, image)
        named = self.exports.named(request.path.removeprefix(f"{EXPORTS_PATH}/")) if readable else None
        if named is None:
            return self._counted(request, missing(self._options.exports_missing))

        async def later() -> Response:
            file = await asyncio.get_running_loop().run_in_executor(self.worker, self.exports.file, *named)
            return self._counted(request, download(file, request, fault))

        return later

    def _is_authorised(self, request: RecordedRequest) -> bool:
        """Tell whether the request carries a bearer token or an api_key that is accepted."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        credential = token.strip() if scheme.lower() == "bearer" else ""
        credential = credential or request.query.get("api_key", "")
        if not credential or credential == "invalid":
            return False
        return self._options.token is None or credential == self._options.token

    def _over_limit(self) -> PreparedReply:
        """Return the 429 of a client that is too fast; bare, because TMDB announces no Retry-After."""
        limit = self.rate_limit.limit or 0
        reply = status_reply(
            25, message=f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
        )
        if self._options.retry_after is not None:
            reply = replace(reply, headers=(*reply.headers, ("Retry-After", str(self._options.retry_after))))
        return PreparedReply(reply)
