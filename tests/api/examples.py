"""A server on loopback that answers each operation with the example of TMDB's own OpenAPI document.

It takes the call that `call_values` describes and no other: method, path, query, body and token are compared, and
what differs is answered with TMDB's error 5 that says so.
"""

from __future__ import annotations

import datetime
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tmdbfusion_scrapy.api.differences import INTENDED, Difference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

TOKEN = "eyJhbGciOiJIUzI1NiJ9.token-of-the-tests"

MOST_APPENDS = 20

EMPTY_EXAMPLES = {"movie-recommendations": '{"page": 1, "results": [], "total_pages": 1, "total_results": 0}'}
"""What stands for examples that are ``{}``: TMDB sends no answer of the kind, and one is refused."""


@dataclass(frozen=True)
class Example:
    """An operation of the document: what a plausible call of it gives, and the text of its answer."""

    operation_id: str
    method: str
    path: str
    values: Mapping[str, Any]
    """Values of the parameters by TMDB's names, without those of headers."""
    places: Mapping[str, str]
    body: Mapping[str, Any] | None
    answer: str
    parts: Mapping[str, str]
    """Answers by the names that ``append_to_response`` has for them."""

    @property
    def url_path(self) -> str:
        return re.sub(r"{(\w+)}", lambda match: str(self.values[match.group(1)]), self.path)

    @property
    def query(self) -> dict[str, str]:
        """What must arrive, but for ``append_to_response``."""
        return {
            name: written(value)
            for name, value in self.values.items()
            if self.places[name] == "query" and name != "append_to_response"
        }


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_examples(folder: Path) -> dict[str, Example]:
    """The examples of the document by their operationIds."""
    document = json.loads((folder / "openapi.json").read_text())
    operations = {
        declared["operationId"]: (method.upper(), path, declared)
        for path, methods in document["paths"].items()
        for method, declared in methods.items()
    }
    answers = {(method, path): answer_of(declared) for method, path, declared in operations.values()}
    made = {}
    for name, (method, path, declared) in operations.items():
        parameters = [p for p in declared.get("parameters", ()) if p["in"] != "header"]
        below = {
            other.removeprefix(f"{path}/"): answer
            for (verb, other), answer in answers.items()
            if verb == "GET" and other.startswith(f"{path}/") and "{" not in other.removeprefix(path)
        }
        if "append_to_response" not in {p["name"] for p in parameters}:
            below = {}
        made[name] = Example(
            operation_id=name,
            method=method,
            path=path,
            values={
                p["name"]: told_by(answers[method, path], path, p["name"])
                or plausible(name, p, i, list(below))
                for i, p in enumerate(parameters)
            },
            places={p["name"]: p["in"] for p in parameters},
            body=body_of(declared),
            answer=answers[method, path],
            parts=below,
        )
    return made


def answer_of(declared: dict[str, Any]) -> str:
    """The text of the example of HTTP 200; most are JSON in a string, a few are JSON."""
    (example,) = declared["responses"]["200"]["content"]["application/json"]["examples"].values()
    value = example["value"]
    return EMPTY_EXAMPLES.get(declared["operationId"]) or (
        value if isinstance(value, str) else json.dumps(value)
    )


def told_by(answer: str, path: str, name: str) -> Any:
    """The page or id that an example is of, ``None`` where it does not tell: another is not what was asked for."""
    told = json.loads(answer)
    if name == "page":
        return told.get("page", 1)
    *_, before, last = ("", *path.split("/"))
    if last == f"{{{name}}}" and name.endswith("_id"):
        return told.get("id")
    if name == "series_id" and before in ("season", "episode"):
        return next(
            (episode["show_id"] for episode in told.get("episodes", [told]) if "show_id" in episode), None
        )
    return told.get(name) if before in ("season", "episode") else None


def body_of(declared: dict[str, Any]) -> dict[str, Any] | None:
    if "requestBody" not in declared:
        return None
    (example,) = declared["requestBody"]["content"]["application/json"]["examples"].values()
    body: dict[str, Any] = example["value"]
    return body


def plausible(operation: str, parameter: dict[str, Any], number: int, parts: list[str]) -> Any:
    """A value of the type that the document names, another one for each parameter."""
    name, schema = parameter["name"], parameter["schema"]
    kind = schema["type"]
    if name == "append_to_response":
        return parts
    if Difference(operation, name, "type", "integer", "string") in INTENDED:
        kind = "integer"
    if "enum" in schema:
        return schema["enum"][-1]
    if name.endswith(("_date", "_date.gte", "_date.lte")):
        is_last = name.startswith("end") or name.endswith("lte")
        return datetime.date(2026, 1, 1 + number % 7 + 7 * is_last)
    if kind == "string" and "year" in name:
        return str(1990 + number)
    if kind == "string":
        known = {"language": "fr-CA", "region": "FR", "query": "Amélie & co/50%?", "timezone": "Europe/Paris"}
        return known.get(
            name, f"a{number}b|{name}" if parameter["in"] == "query" else f"52fe4250c3a3684{number}"
        )
    return {
        "integer": 1990 + number if "year" in name else 101 + number,
        "number": 7.5 + number,
        "boolean": True,
    }[kind]


@dataclass(frozen=True)
class Received:
    """A request that arrived."""

    operation_id: str
    appends: tuple[str, ...]
    wrong: tuple[str, ...]


class _Server(ThreadingHTTPServer):
    # As many as connect at once: a connection that does not fit is reset.
    request_queue_size = 128


class ExamplesServer:
    """The server, running from ``__enter__`` to ``__exit__``."""

    def __init__(self, folder: Path) -> None:
        self.examples = load_examples(folder)
        self.received: list[Received] = []
        self._http = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/3"

    @property
    def wrong(self) -> list[Received]:
        return [one for one in self.received if one.wrong]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Status and text of the answer, after everything that arrived was compared."""
        url = urlsplit(target)
        example = next(
            (e for e in self.examples.values() if (e.method, e.url_path) == (method, unquote(url.path))), None
        )
        if example is None:
            self.received.append(Received("", (), (f"{method} {url.path} is no operation",)))
            return 404, refusal(34, f"{method} {url.path} is no operation")
        query = parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query))
        appends = tuple(",".join(value for name, value in query if name == "append_to_response").split(","))
        appends = tuple(filter(None, appends))
        wrong = tuple(differences(example, query, appends, headers, body))
        self.received.append(Received(example.operation_id, appends, wrong))
        if wrong:
            return 422, refusal(5, "; ".join(wrong))
        return 200, with_parts(example, appends)


def differences(
    example: Example,
    query: list[tuple[str, str]],
    appends: tuple[str, ...],
    headers: Mapping[str, str],
    body: bytes,
) -> Iterator[str]:
    """What is not as it should be in a request."""
    if headers.get("Authorization") != f"Bearer {TOKEN}":
        yield "the token is not there"
    arrived = sorted(pair for pair in query if pair[0] != "append_to_response")
    if arrived != sorted(example.query.items()):
        yield f"query is {arrived}, not {sorted(example.query.items())}"
    if len(appends) > MOST_APPENDS or len(set(appends)) < len(appends) or set(appends) - example.parts.keys():
        yield f"append_to_response is {appends}"
    sent = json.loads(body) if body else None
    if sent != example.body:
        yield f"body is {sent}, not {example.body}"
    if body and not headers.get("Content-Type", "").startswith("application/json"):
        yield f"Content-Type is {headers.get('Content-Type')}"


def with_parts(example: Example, appends: tuple[str, ...]) -> str:
    """The example's own text, with the examples of the parts as TMDB adds them."""
    if not appends:
        return example.answer
    parts = ",".join(f"{json.dumps(name)}:{example.parts[name]}" for name in appends)
    return f"{example.answer.rstrip().removesuffix('}')},{parts}}}"


def refusal(code: int, message: str) -> str:
    return json.dumps({"success": False, "status_code": code, "status_message": message})


def _handler(server: ExamplesServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True
        wbufsize = -1

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = server.answer(self.command, self.path, self.headers, body)
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_DELETE = respond  # noqa: N815 - the names of http.server

        def log_message(self, *args: Any) -> None:
            """Keep the output of the tests clean."""

    return Handler
