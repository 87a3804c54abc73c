"""TMDB's answer to a request, without any network."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.files import Exports
from tmdbfusion_scrapy.sandbox.http import PreparedReply, TMDBFailure, json_reply, status_reply
from tmdbfusion_scrapy.sandbox.lists import Lists, page_number
from tmdbfusion_scrapy.sandbox.movies import KNOWN, KNOWN_IMDB_ID, GeneratedMovies
from tmdbfusion_scrapy.sandbox.parts import ENTITIES, Entities
from tmdbfusion_scrapy.sandbox.people import GeneratedPeople
from tmdbfusion_scrapy.sandbox.population import Churn
from tmdbfusion_scrapy.sandbox.replay import SECRETS, RecordedAnswers, ReplayedMovies
from tmdbfusion_scrapy.sandbox.series import GeneratedSeries
from tmdbfusion_scrapy.sandbox.words import REFERENCE

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox.http import Response
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
    """Answers requests below ``/3/`` from a generated or a replayed catalogue and recorded exchanges.

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
            self.catalogues = {"movie": ReplayedMovies(files)}
        elif not folders:
            self.world = World(options, clock)
            self.catalogues = self.world.catalogues
        self._lists = Lists(self.catalogues)
        self._cache_bytes = options.cache_bytes
        self._held = 0
        self._replies: OrderedDict[tuple[Any, ...], PreparedReply] = OrderedDict()
        self.is_slow = self._lists.is_slow

    def ids(self, kind: str) -> list[int]:
        """Return the ids of all movies, series (``tv``) or people (``person``) of today, ascending."""
        catalogue = self.catalogues.get(kind)
        return [] if catalogue is None else [facts.id for facts in catalogue.facts()]

    def exports(self) -> Exports:
        """Return the daily exports of what is served."""
        return Exports(self.catalogues, None if self.world is None else self.world.entities, self._clock)

    def key(self, method: str, path: str, query: Query) -> tuple[Any, ...]:
        """Return the key that requests with the same answer share."""
        asked = sorted(item for item in query.items() if item[0] not in SECRETS)
        return (self._clock.today(), method, path, *asked)

    def ready(self, key: tuple[Any, ...]) -> PreparedReply | None:
        """Return the answer of a request that was asked before and is still in memory."""
        found = self._replies.get(key)
        if found is not None:
            self._replies.move_to_end(key)
        return found

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
            return status_reply(error.code)

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
        if not (number.isascii() and number.isdecimal()) or len(number) > 18:
            return None
        return self._reply(kind, int(number), part, query)

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
        names = _appended(query) if _IS_RECORD.fullmatch(part) else []
        if part in _PAGED_PARTS:
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
        if catalogue is None:
            known = self.world is not None and kind in ENTITIES
            return self.world.entities.answer(kind, item, part, query) if known and self.world else None
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


def _appended(query: Query) -> list[str]:
    """Return the names in append_to_response; raises TMDB's code 27 for more than 20."""
    names = [name.strip() for name in query.get("append_to_response", "").split(",") if name.strip()]
    if len(names) > _MAX_APPENDED:
        raise TMDBFailure(27)
    if not _PAGED_PARTS.isdisjoint(names):
        page_number(query)
    return names
