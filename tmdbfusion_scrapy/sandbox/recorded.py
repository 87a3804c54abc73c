"""Recorded exchanges and bodies as answers: a folder with ``exchanges/``, or ``bodies/`` and its ``INDEX.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tmdbfusion_scrapy.sandbox.catalogue import MOVIE_PARTS
from tmdbfusion_scrapy.sandbox.replayed import ReplayError
from tmdbfusion_scrapy.sandbox.statuses import JSON_HEADERS, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# The body is serialised anew and sent by another connection: what described the old ones must go.
_DROPPED_HEADERS = frozenset(
    {
        "connection", "content-encoding", "content-length", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_SECRETS = frozenset({"api_key", "session_id", "guest_session_id"})
_INDEX_ROW = re.compile(
    r"^\| (bodies/\S+) \| (GET) /3/(\S+)( \+append\S*)? \|[^|]*\| (\d{3}) \|", re.MULTILINE
)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class _Exchange:
    method: str
    path: str
    query: dict[str, str]
    recorded_at: float
    reply: Reply


@dataclass(frozen=True)
class _Body:
    path: re.Pattern[str]
    appended: bool
    status: int
    content: Any


class RecordedAnswers:
    """What folders of recordings answer.

    Args:
        folders: Folders that hold ``exchanges/``, or ``bodies/`` with an ``INDEX.md`` beside it, or both.

    Raises:
        ReplayError: A folder holds neither, or a file in it cannot be read.
    """

    def __init__(self, folders: tuple[Path, ...]) -> None:
        exchanges: list[_Exchange] = []
        self._bodies: list[_Body] = []
        for folder in folders:
            found = [_exchange(path) for path in sorted((folder / "exchanges").glob("*.json"))]
            bodies = list(_bodies(folder)) if (folder / "INDEX.md").is_file() else []
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

    def exact(self, method: str, path: str, query: Mapping[str, str]) -> Reply | None:
        """The exchange with this path and query; secrets and the order of parameters do not count."""
        return self._exact.get(_key(method, path, query))

    def near(self, method: str, path: str, query: Mapping[str, str]) -> Reply | None:
        """The exchange of this path whose query is most like the given one, else a recorded body of this path."""
        candidates = self._same_path.get((method, path))
        if candidates:
            wanted = set(_relevant(query))
            return max(candidates, key=lambda item: -len(wanted ^ set(_relevant(item.query)))).reply
        appended = query.get("append_to_response", "")
        matching = [body for body in self._bodies if body.path.fullmatch(path)]
        if method != "GET" or not matching:
            return None
        body = next((item for item in matching if item.appended == bool(appended)), matching[0])
        content = body.content
        if body.appended and isinstance(content, dict):
            asked = appended.split(",")
            content = {key: value for key, value in content.items() if key not in MOVIE_PARTS or key in asked}
        return Reply(body.status, JSON_HEADERS, msgspec.json.encode(content))


def _relevant(query: Mapping[str, str]) -> list[tuple[str, str]]:
    """The parameters that choose an answer, sorted."""
    return sorted((name, value) for name, value in query.items() if name not in _SECRETS)


def _key(method: str, path: str, query: Mapping[str, str]) -> tuple[Any, ...]:
    """What two equal requests share."""
    return (method, path, *_relevant(query))


def _load(path: Path) -> Any:
    """The JSON of a file."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReplayError(f"replay: cannot read {path}: {error}") from error


def _exchange(path: Path) -> _Exchange:
    """One recorded exchange."""
    recorded = _load(path)
    try:
        url = urlsplit(recorded["request"]["url"])
        response = recorded["response"]
        return _Exchange(
            method=recorded["request"]["method"].upper(),
            path=url.path.removeprefix("/3").strip("/"),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            recorded_at=_moment(recorded.get("recorded_at")),
            reply=Reply(
                int(response["status"]), tuple(_headers(response["headers"])), _serialised(recorded["body"])
            ),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReplayError(f"replay: {path} is not a recorded exchange: {error!r}") from error


def _headers(recorded: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The recorded headers that still hold, one pair a value."""
    for name, value in recorded.items():
        if name.lower() not in _DROPPED_HEADERS:
            for single in value if isinstance(value, list) else [value]:
                yield name, str(single)


def _serialised(body: Any) -> bytes:
    """A recorded body: text as it is, JSON values written anew."""
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def _moment(raw: Any) -> float:
    """Seconds since the epoch of an HTTP date, 0 for what is none."""
    try:
        return parsedate_to_datetime(raw).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _bodies(folder: Path) -> Iterable[_Body]:
    """The bodies that a folder's index lists."""
    for file, _, template, appended, status in _INDEX_ROW.findall((folder / "INDEX.md").read_text("utf-8")):
        content = _load(folder / file)
        yield _Body(_pattern(template, content), bool(appended), int(status), content)


def _pattern(template: str, content: Any) -> re.Pattern[str]:
    """The paths that a body answers.

    A placeholder takes the body's own value (``season_number``), the only one takes the body's ``id``. One that
    the body does not tell takes any value.
    """
    fields = content if isinstance(content, dict) else {}
    names = _PLACEHOLDER.findall(template)
    pattern = ""
    for position, piece in enumerate(_PLACEHOLDER.split(template)):
        if position % 2 == 0:
            pattern += re.escape(piece)
            continue
        value = fields.get(piece)
        if value is None and len(names) == 1:
            value = fields.get("id")
        pattern += "[^/]+" if value is None else re.escape(str(value))
    return re.compile(pattern)
