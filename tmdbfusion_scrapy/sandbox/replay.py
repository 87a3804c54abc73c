"""Replay: movie bodies of JSON Lines files as a catalogue, recorded exchanges and bodies as answers."""

from __future__ import annotations

import gzip
import re
import zlib
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tmdbfusion_scrapy.sandbox.http import JSON_HEADERS, Response
from tmdbfusion_scrapy.sandbox.movies import MOVIE_PARTS
from tmdbfusion_scrapy.sandbox.population import EPOCH
from tmdbfusion_scrapy.sandbox.records import Catalogue, Facts, genre_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tmdbfusion_scrapy.sandbox.parts import Query

SECRETS = frozenset({"api_key", "session_id", "guest_session_id"})
"""Parameters that say who asks, not what is asked for."""

# Movies newer than "today" are what makes a movie "upcoming".
_UPCOMING = timedelta(days=21)
# The body is serialised anew and sent by another connection: what described the old ones must go.
_DROPPED_HEADERS = frozenset(
    {
        "connection", "content-encoding", "content-length", "date", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_INDEX_ROW = re.compile(r"^\| (bodies/\S+) \| GET /3/(\S+)( \+append\S*)? \|[^|]*\| (\d{3}) \|", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class ReplayError(ValueError):
    """A replay file or folder that cannot be used; the message names it."""


class ReplayedMovies(Catalogue):
    """The movies of JSON Lines files, one body of ``movie/{id}`` a line, with appended parts or without.

    Lines are kept as bytes, so memory is about the size of the unpacked files. A later line replaces an earlier
    one with the same id.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._lines: dict[int, bytes] = {}
        newest = date.min + _UPCOMING
        for path in paths:
            try:
                with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
                    for number, line in enumerate(stream, 1):
                        if line.strip():
                            newest = max(newest, self._take(line.strip(), f"{path}, line {number}"))
            except (OSError, EOFError, zlib.error) as error:
                raise ReplayError(f"replay: cannot read {path}: {error}") from error
        self._today = min(EPOCH, newest - _UPCOMING) if newest > date.min + _UPCOMING else EPOCH

    def _take(self, line: bytes, place: str) -> date:
        """Take in one line; returns the release date, or the first of all days."""
        try:
            body = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ReplayError(f"replay: {place}: not JSON: {error}") from error
        item = body.get("id") if isinstance(body, dict) else None
        if not isinstance(item, int) or isinstance(item, bool) or item < 0:
            what = "a JSON object with a whole number as id is needed"
            raise ReplayError(f"replay: {place}: not a movie body: {what}")
        self._lines[item] = line
        return _released(body) or date.min

    def _bodies(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for item in sorted(self._lines):
            yield item, msgspec.json.decode(self._lines[item])

    def today(self) -> date:
        """Return the day three weeks before the newest release, so that "upcoming" has something to show."""
        return self._today

    def facts(self) -> Iterator[Facts]:
        for item, body in self._bodies():
            released = _released(body)
            yield Facts(
                id=item, adult=bool(body.get("adult")), popularity=_number(body.get("popularity")),
                vote_average=_number(body.get("vote_average")),
                vote_count=int(_number(body.get("vote_count"))), revenue=int(_number(body.get("revenue"))),
                day=released.toordinal() if released else 0, runtime=int(_number(body.get("runtime"))),
                genre_ids=tuple(genre_ids(body)), language=str(body.get("original_language") or ""),
            )  # fmt: skip

    def latest(self) -> int | None:
        return max(self._lines, default=None)

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:  # noqa: ARG002 - the same on all days
        for item, body in self._bodies():
            if bool(body.get("adult")) is adult:
                title = str(body.get("original_title") or body.get("title") or "")
                line = {"adult": adult, "id": item, "original_title": title}
                line |= {"popularity": _number(body.get("popularity")), "video": bool(body.get("video"))}
                yield msgspec.json.encode(line).decode() + "\n"

    def details(self, item: int, language: str) -> dict[str, Any] | None:  # noqa: ARG002 - one language only
        body = self._body(item)
        return body and {key: value for key, value in body.items() if key not in MOVIE_PARTS}

    def _body(self, item: int) -> dict[str, Any] | None:
        line = self._lines.get(item)
        return None if line is None else msgspec.json.decode(line, type=dict[str, Any])

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:  # noqa: ARG002
        part = (self._body(item) or {}).get(name) if name in MOVIE_PARTS else None
        return part if isinstance(part, dict) else None


def _released(body: Mapping[str, Any]) -> date | None:
    """Return the release date of a body, None where it is missing or odd."""
    try:
        return date.fromisoformat(body.get("release_date") or "")
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0


class _Exchange(NamedTuple):
    method: str
    path: str
    query: Query
    recorded_at: float
    reply: Response


class _Body(NamedTuple):
    path: re.Pattern[str]
    appended: bool
    status: int
    content: Any


class RecordedAnswers:
    """Answers of folders of recordings."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        exchanges: list[_Exchange] = []
        self._bodies: list[_Body] = []
        for folder in folders:
            found = [_exchange(path) for path in sorted((folder / "exchanges").glob("*.json"))]
            bodies = _bodies(folder) if (folder / "INDEX.md").is_file() else []
            if not found and not bodies:
                raise ReplayError(
                    f"replay: {folder} holds neither exchanges/*.json nor an INDEX.md that lists bodies/"
                )
            exchanges += found
            self._bodies += bodies
        # Later ones win in _exact; _same_path keeps all, the newest first.
        exchanges.sort(key=lambda exchange: exchange.recorded_at)
        self._exact = {_key(item.method, item.path, item.query): item.reply for item in exchanges}
        self._same_path: dict[tuple[str, str], list[_Exchange]] = {}
        for item in reversed(exchanges):
            self._same_path.setdefault((item.method, item.path), []).append(item)

    def exact(self, method: str, path: str, query: Query) -> Response | None:
        """Return the exchange with this path and query; secrets and the order of parameters do not count."""
        return self._exact.get(_key(method, path, query))

    def near(self, method: str, path: str, query: Query) -> Response | None:
        """Return the exchange of this path whose query is most like the given one, else a body of this path."""
        candidates = self._same_path.get((method, path))
        if candidates:
            asked = set(_relevant(query))
            return max(candidates, key=lambda item: -len(asked ^ set(_relevant(item.query)))).reply
        names = query.get("append_to_response", "")
        matching = [body for body in self._bodies if body.path.fullmatch(path)]
        if method != "GET" or not matching:
            return None
        body = next((item for item in matching if item.appended == bool(names)), matching[0])
        content = body.content
        if body.appended and isinstance(content, dict):
            left_out = {*MOVIE_PARTS} - {*names.split(",")}
            content = {key: value for key, value in content.items() if key not in left_out}
        return Response(body.status, JSON_HEADERS, msgspec.json.encode(content))


def _relevant(query: Query) -> list[tuple[str, str]]:
    """Return the parameters that choose an answer, sorted."""
    return sorted((name, value) for name, value in query.items() if name not in SECRETS)


def _key(method: str, path: str, query: Query) -> tuple[Any, ...]:
    return (method, path, *_relevant(query))


def _load(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReplayError(f"replay: cannot read {path}: {error}") from error


def _exchange(path: Path) -> _Exchange:
    recorded = _load(path)
    try:
        url = urlsplit(recorded["request"]["url"])
        response, body = recorded["response"], recorded["body"]
        headers = [
            (name, str(single))
            for name, value in response["headers"].items()
            if name.lower() not in _DROPPED_HEADERS
            for single in (value if isinstance(value, list) else [value])
        ]
        # A text as it is, JSON values written anew.
        content = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
        return _Exchange(
            method=recorded["request"]["method"].upper(),
            path=url.path.removeprefix("/3").strip("/"),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            recorded_at=_moment(recorded.get("recorded_at")),
            reply=Response(int(response["status"]), headers, content),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReplayError(f"replay: {path} is not a recorded exchange: {error!r}") from error


def _moment(raw: Any) -> float:
    """Return the seconds since the epoch of an HTTP date, 0 for what is none."""
    try:
        return parsedate_to_datetime(raw).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _bodies(folder: Path) -> list[_Body]:
    found = []
    for file, template, appended, status in _INDEX_ROW.findall((folder / "INDEX.md").read_text("utf-8")):
        content = _load(folder / file)
        found.append(_Body(_pattern(template, content), bool(appended), int(status), content))
    return found


def _pattern(template: str, content: Any) -> re.Pattern[str]:
    """Return the paths that a body answers.

    A placeholder takes the body's own value (``season_number``), the only one takes the body's ``id``. One that
    the body does not tell takes any value.
    """
    fields = content if isinstance(content, dict) else {}
    is_only = len(_PLACEHOLDER.findall(template)) == 1

    def taken(match: re.Match[str]) -> str:
        value = fields.get(match[1])
        if value is None and is_only:
            value = fields.get("id")
        return "[^/]+" if value is None else re.escape(str(value))

    return re.compile(_PLACEHOLDER.sub(taken, template))
