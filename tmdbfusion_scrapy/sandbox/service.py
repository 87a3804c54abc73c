"""From a request to TMDB's answer, without any network."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.catalogue import PARTS
from tmdbfusion_scrapy.sandbox.exports import Exports
from tmdbfusion_scrapy.sandbox.filters import page_number
from tmdbfusion_scrapy.sandbox.lists import Lists
from tmdbfusion_scrapy.sandbox.recorded import RecordedAnswers
from tmdbfusion_scrapy.sandbox.reference import REFERENCE
from tmdbfusion_scrapy.sandbox.replayed import ReplayedCatalogue
from tmdbfusion_scrapy.sandbox.statuses import Reply, TMDBFailure, json_reply, status_reply
from tmdbfusion_scrapy.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.sandbox.calendar import Clock
    from tmdbfusion_scrapy.sandbox.catalogue import Catalogue
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions

MAX_APPENDED = 20
_PAGED_PARTS = frozenset({"lists", "recommendations", "reviews", "similar", "tagged_images"})
_WITHOUT_ID = frozenset({"changes"})
# They say who asks, not what is asked for.
_NOT_IN_KEY = frozenset({"api_key", "session_id", "guest_session_id"})


class Service:
    """Answers requests below ``/3/`` from a generated or a replayed catalogue and recorded exchanges.

    Args:
        options: Which records to serve, and how much memory ready bodies may take.
        clock: Tells the day.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        files = tuple(path for path in options.replay if path.is_file())
        folders = tuple(path for path in options.replay if not path.is_file())
        self._clock = clock
        self._recorded = RecordedAnswers(folders)
        self.world: World | None = None
        self.catalogues: dict[str, Catalogue] = {}
        if files:
            self.catalogues = {"movie": ReplayedCatalogue(files)}
        elif not folders:
            self.world = World(options, clock)
            self.catalogues = self.world.catalogues
        self._lists = Lists(self.catalogues)
        self._cache = _ReplyCache(options.cache_bytes)

    def ids(self, kind: str) -> list[int]:
        """The ids of all movies, series (``tv``) or people (``person``) of today, ascending."""
        catalogue = self.catalogues.get(kind)
        return [] if catalogue is None else [facts.id for facts in catalogue.facts()]

    def exports(self) -> Exports:
        """The daily exports of what is served."""
        return Exports(self.catalogues, None if self.world is None else self.world.entities, self._clock)

    def key(self, method: str, path: str, query: Mapping[str, str]) -> tuple[Any, ...]:
        """What requests with the same answer share."""
        asked = sorted(item for item in query.items() if item[0] not in _NOT_IN_KEY)
        return (self._clock.today(), method, path, *asked)

    def ready(self, key: tuple[Any, ...]) -> PreparedReply | None:
        """The answer of a request that was asked before and is still in memory."""
        return self._cache.get(key)

    def keep(self, key: tuple[Any, ...], reply: Reply) -> PreparedReply:
        """Make an answer ready to send, and keep it if it may be asked for again."""
        prepared = PreparedReply(reply)
        if reply.status == 200:
            self._cache.put(key, prepared)
        return prepared

    @staticmethod
    def is_slow(path: str) -> bool:
        """Whether an answer may take long, so that it is made off the event loop."""
        return Lists.named_by(path) or path.endswith("/changes")

    def answer(self, method: str, path: str, query: Mapping[str, str]) -> Reply:
        """The answer to a request.

        Args:
            method: HTTP method; HEAD is answered as GET.
            path: Path below ``/3/``, without slashes at its ends.
            query: Query parameters.
        """
        method = "GET" if method == "HEAD" else method
        try:
            return (
                self._recorded.exact(method, path, query)
                or self._from_catalogues(method, path, query)
                or self._recorded.near(method, path, query)
                or self._fixed(method, path)
            )
        except TMDBFailure as error:
            return status_reply(error.code)

    def _from_catalogues(self, method: str, path: str, query: Mapping[str, str]) -> Reply | None:
        """The answer for a record or a list of records; None where there is none."""
        if not self.catalogues or method != "GET":
            return None
        listed = self._lists.answer(path, query)
        if listed is not None:
            return json_reply(listed, max_age=600)
        kind, _, tail = path.partition("/")
        world = self.world
        if world is not None and tail == "changes":
            changed = world.changes.answer(kind, query, self._clock.today())
            return None if changed is None else json_reply(changed, max_age=600)
        number, _, part = tail.partition("/")
        if kind in self.catalogues and tail == "latest":
            latest = self.catalogues[kind].latest()
            return None if latest is None else self._record(kind, latest, {})
        if not (number.isascii() and number.isdecimal()) or len(number) > 18:
            return None
        if kind not in self.catalogues:
            content = None if world is None else world.entity(kind, int(number), part, query)
            if world is not None and content is not None and not part:
                for name in _appended(query):
                    appended = world.entity(kind, int(number), name, query)
                    if appended is not None:
                        content[name] = {key: value for key, value in appended.items() if key != "id"}
        elif not part:
            return self._record(kind, int(number), query)
        elif world is not None and kind == "tv" and part.startswith("season/"):
            return self._within_series(world, int(number), part.split("/")[1:], query)
        else:
            content = self._part(kind, int(number), part, query)
            if content is not None and part not in _WITHOUT_ID:
                content = {"id": int(number), **content}
        return None if content is None else json_reply(content)

    def _part(self, kind: str, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part by itself, without ``id``."""
        if name in _PAGED_PARTS:
            page_number(query)
        return self.catalogues[kind].part(item, name, query) if name in PARTS[kind] else None

    def _record(self, kind: str, item: int, query: Mapping[str, str]) -> Reply | None:
        """A record with the parts that were asked for; unknown parts are left out without a word."""
        names = _appended(query)
        catalogue = self.catalogues[kind]
        body = catalogue.details(item, query.get("language") or "en-US")
        if body is None:
            return None
        for name in names:
            part = catalogue.part(item, name, query)
            if part is not None:
                body[name] = part
        return json_reply(body)

    @staticmethod
    def _within_series(world: World, item: int, path: list[str], query: Mapping[str, str]) -> Reply | None:
        """A season or an episode with the parts that were asked for, or a part of one."""
        body = world.series.within(item, path, query)
        if body is None:
            return None
        if len(path) in {1, 3}:
            for name in _appended(query):
                part = world.series.within(item, [*path, *name.split("/")], query)
                if part is not None:
                    body[name] = {key: value for key, value in part.items() if key != "id"}
        return json_reply(body)

    @staticmethod
    def _fixed(method: str, path: str) -> Reply:
        """What does not depend on the catalogue, and the errors."""
        parts = path.split("/")
        if len(parts) == 3 and parts[0] in {"movie", "tv"} and parts[1].isdecimal() and parts[2] == "rating":
            if method == "POST":
                return status_reply(1, http_status=201)
            if method == "DELETE":
                return status_reply(13)
        if method != "GET":
            raise TMDBFailure(42)
        if path == "authentication":
            return status_reply(1)
        if path in REFERENCE:
            return json_reply(REFERENCE[path])
        raise TMDBFailure(34)


def _appended(query: Mapping[str, str]) -> list[str]:
    """The names in append_to_response; raises TMDB's code 27 for more than 20."""
    names = [name.strip() for name in query.get("append_to_response", "").split(",") if name.strip()]
    if len(names) > MAX_APPENDED:
        raise TMDBFailure(27)
    if not _PAGED_PARTS.isdisjoint(names):
        page_number(query)
    return names


class PreparedReply:
    """A reply with what is computed from it once: the compressed body and the ETag."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.etag = next((value for name, value in reply.headers if name.lower() == "etag"), None)

    @cached_property
    def compressed(self) -> bytes:
        """The body under gzip, the same bytes each time."""
        return gzip.compress(self.reply.body, compresslevel=4, mtime=0)


class _ReplyCache:
    """The least recently used replies go when their bodies take more than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._replies: OrderedDict[tuple[Any, ...], PreparedReply] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> PreparedReply | None:
        found = self._replies.get(key)
        if found is not None:
            self._replies.move_to_end(key)
        return found

    def put(self, key: tuple[Any, ...], prepared: PreparedReply) -> None:
        if key in self._replies:
            return
        self._replies[key] = prepared
        self._held += _size(prepared)
        while self._held > self._limit:
            _, oldest = self._replies.popitem(last=False)
            self._held -= _size(oldest)


def _size(prepared: PreparedReply) -> int:
    """Bytes to reckon for a reply: its body, a third for the compressed one, and the objects around it."""
    return len(prepared.reply.body) * 4 // 3 + 1500
