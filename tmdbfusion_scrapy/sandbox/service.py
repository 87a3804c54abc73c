"""From a request to TMDB's answer, without any network."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from functools import cached_property
from hashlib import md5
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.catalogue import MOVIE_PARTS, summary
from tmdbfusion_scrapy.sandbox.filters import PAGE_SIZE, Discover, discover, page_number, preset
from tmdbfusion_scrapy.sandbox.generated import GeneratedCatalogue
from tmdbfusion_scrapy.sandbox.index import MovieIndex
from tmdbfusion_scrapy.sandbox.recorded import RecordedAnswers
from tmdbfusion_scrapy.sandbox.reference import REFERENCE
from tmdbfusion_scrapy.sandbox.replayed import ReplayedCatalogue
from tmdbfusion_scrapy.sandbox.statuses import JSON_HEADERS, Reply, TMDBFailure, status_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.sandbox.catalogue import Catalogue
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions

MAX_APPENDED = 20
_LISTS = frozenset({"popular", "top_rated", "now_playing", "upcoming"})
_PAGED_PARTS = frozenset({"lists", "recommendations", "reviews", "similar"})
# They say who asks, not what is asked for.
_NOT_IN_KEY = frozenset({"api_key", "session_id", "guest_session_id"})


class Service:
    """Answers requests below ``/3/`` from a generated or a replayed catalogue and recorded exchanges.

    Args:
        options: Which movies to serve, and how much memory ready bodies may take.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    def __init__(self, options: SandboxOptions) -> None:
        files = tuple(path for path in options.replay if path.is_file())
        folders = tuple(path for path in options.replay if not path.is_file())
        self._recorded = RecordedAnswers(folders)
        self._catalogue: Catalogue | None = None
        if files:
            self._catalogue = ReplayedCatalogue(files)
        elif not folders:
            self._catalogue = GeneratedCatalogue(options.movies, options.seed, options.gaps)
        self._cache = _ReplyCache(options.cache_bytes)

    @cached_property
    def index(self) -> MovieIndex:
        """The index over the catalogue, built at the first list: about 0.1 s for 10,000 movies."""
        catalogue = self._catalogue
        if catalogue is None:
            return MovieIndex((), str)

        def title(movie_id: int) -> str:
            return str((catalogue.details(movie_id, "en-US") or {}).get("title") or "")

        return MovieIndex(catalogue.facts(), title)

    def movie_ids(self) -> list[int]:
        """The ids of all movies, ascending."""
        return [] if self._catalogue is None else [facts.id for facts in self._catalogue.facts()]

    @staticmethod
    def key(method: str, path: str, query: Mapping[str, str]) -> tuple[Any, ...]:
        """What requests with the same answer share."""
        return (method, path, *sorted(item for item in query.items() if item[0] not in _NOT_IN_KEY))

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
        """Whether an answer may need the index, which is built and searched off the event loop."""
        head, _, tail = path.partition("/")
        return head == "discover" or (head == "movie" and (tail in _LISTS or tail == "latest"))

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
                or self._from_catalogue(method, path, query)
                or self._recorded.near(method, path, query)
                or self._fixed(method, path)
            )
        except TMDBFailure as error:
            return status_reply(error.code)

    def _from_catalogue(self, method: str, path: str, query: Mapping[str, str]) -> Reply | None:
        """The answer for a movie or a list of movies; None where the catalogue has none."""
        if self._catalogue is None or method != "GET":
            return None
        head, _, tail = path.partition("/")
        if path == "discover/movie":
            page = page_number(query)
            return self._list(self._catalogue, discover(query), page, query, {})
        if head != "movie" or not tail:
            return None
        if tail in _LISTS:
            page = page_number(query)
            found, extra = preset(tail, self._catalogue.today())
            return self._list(self._catalogue, found, page, query, extra)
        if tail == "latest":
            last = self.index.last_id()
            return None if last is None else self._movie(self._catalogue, last, {})
        number, _, part = tail.partition("/")
        if not (number.isascii() and number.isdecimal()) or len(number) > 18:
            return None
        movie_id = int(number)
        if not part:
            return self._movie(self._catalogue, movie_id, query)
        if part in _PAGED_PARTS:
            page_number(query)
        content = self._catalogue.part(movie_id, part, query) if part in MOVIE_PARTS else None
        return None if content is None else _json_reply({"id": movie_id, **content})

    def _movie(self, catalogue: Catalogue, movie_id: int, query: Mapping[str, str]) -> Reply | None:
        """A movie's details with the parts that were asked for; unknown parts are left out without a word."""
        names = [name.strip() for name in query.get("append_to_response", "").split(",") if name.strip()]
        if len(names) > MAX_APPENDED:
            raise TMDBFailure(27)
        if not _PAGED_PARTS.isdisjoint(names):
            page_number(query)
        body = catalogue.details(movie_id, query.get("language") or "en-US")
        if body is None:
            return None
        for name in names:
            part = catalogue.part(movie_id, name, query)
            if part is not None:
                body[name] = part
        return _json_reply(body)

    def _list(
        self,
        catalogue: Catalogue,
        query: Discover,
        page: int,
        asked: Mapping[str, str],
        extra: Mapping[str, Any],
    ) -> Reply:
        """One page of a list. ``total_pages`` may be above the 500 that can be fetched, as TMDB's is."""
        ids = self.index.matching(query)
        language = asked.get("language") or "en-US"
        first = (page - 1) * PAGE_SIZE
        results = [
            summary(catalogue.details(item, language) or {}) for item in ids[first : first + PAGE_SIZE]
        ]
        pages = -(-len(ids) // PAGE_SIZE)
        return _json_reply(
            {**extra, "page": page, "results": results, "total_pages": pages, "total_results": len(ids)},
            max_age=600,
        )

    @staticmethod
    def _fixed(method: str, path: str) -> Reply:
        """What does not depend on the catalogue, and the errors."""
        parts = path.split("/")
        if len(parts) == 3 and parts[0] == "movie" and parts[1].isdecimal() and parts[2] == "rating":
            if method == "POST":
                return status_reply(1, http_status=201)
            if method == "DELETE":
                return status_reply(13)
        if method != "GET":
            raise TMDBFailure(42)
        if path == "authentication":
            return status_reply(1)
        if path in REFERENCE:
            return _json_reply(REFERENCE[path])
        raise TMDBFailure(34)


def _json_reply(content: Any, max_age: int | None = None) -> Reply:
    """A 200 with the headers that TMDB sends with it."""
    body = msgspec.json.encode(content)
    digest = md5(body, usedforsecurity=False)
    # TMDB sends the time that is left in its own cache, at most 8 h: another number for each body.
    age = max_age or 2_400 + int.from_bytes(digest.digest()[:4], "big") % 26_400
    cache_headers = (("Cache-Control", f"public, max-age={age}"), ("ETag", f'W/"{digest.hexdigest()}"'))
    return Reply(200, (*JSON_HEADERS, *cache_headers), body)


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
