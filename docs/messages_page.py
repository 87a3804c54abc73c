"""The page of the messages: what is raised and logged of mistakes and faults, read out of the source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markup import table

import tmdbfusion_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = Path(tmdbfusion_scrapy.__file__).parent

RAISED = {"ConfigurationError", "ValidationError", "NotConfigured", "UsageError"}
"""Exceptions of which the message is for the user."""

LOGGED = {"warning": "WARNING", "error": "ERROR", "exception": "ERROR"}
"""Methods of a logger, and their level."""

AREAS = {
    "Settings": ("settings", "base_urls", "credentials"),
    "Arguments of spiders": ("sources",),
    "Arguments of calls": ("api", "models", "items"),
    "Clients": ("client", "transport", "rate_limit", "rate_store", "shared_rate", "retrying"),
    "Crawls": ("crawling",),
    "Database": ("storage", "stores"),
    "Images": ("images",),
    "Feeds": ("feeds",),
    "Metrics, traces, logs": ("monitoring",),
    "Many machines": ("distributed",),
    "Commands": ("commands", "browse"),
    "Sandbox": ("sandbox",),
}
"""Sections, and the modules and packages whose messages stand in them."""


_HEAD = """# Messages

Messages about settings, arguments, files and variables, and warnings and errors in the log of a crawl. A word
between angle brackets stands for a value. What TMDB answers is in [errors](errors.md).

A `ConfigurationError` ends a crawl before its first request, or is raised as a client is made; a `ValidationError`
is raised by the call that has the argument; a `UsageError` ends a command with status 2, and `status 1` a command
or a monitor of Spidermon's; `WARNING` and `ERROR` are lines of the log.
"""


@dataclass(frozen=True, order=True)
class Message:
    """A message with names in place of values.

    Args:
        text: Its text; a value stands as ``<name>``.
        kind: Name of the exception, or the level of the log line.
        module: Path of its module below the package.
        line: Number of its line there.
    """

    text: str
    kind: str
    module: str
    line: int

    @property
    def area(self) -> str:
        """The section that it stands in."""
        top = self.module.split("/", 1)[0].removesuffix(".py")
        return next((title for title, tops in AREAS.items() if top in tops), "Other")


def messages() -> list[Message]:
    """Return all messages, each text once in each section."""
    found: dict[tuple[str, str], Message] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        for message in _messages_of(tree, module):
            found.setdefault((message.area, message.text), message)
    return sorted(found.values())


def messages_page() -> str:
    """All messages."""
    sections: dict[str, list[Message]] = defaultdict(list)
    for message in messages():
        sections[message.area].append(message)
    parts = [_HEAD]
    for title in (*AREAS, "Other"):
        if title in sections:
            rows = [(_cell(message.text), message.kind) for message in sections[title]]
            parts.append(f"## {title}\n\n" + table(("Message", "Kind"), rows))
    return "\n".join(parts)


def _cell(text: str) -> str:
    """A message in a cell of a table, where it is code."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _messages_of(tree: ast.Module, module: str) -> Iterator[Message]:
    """Yield the messages of a module."""
    constants = _assigned(tree.body)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        variables = {**constants, **_assigned([function])}
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            kind = _kind(node)
            if kind is None:
                continue
            for text in _texts(node.args[0], node.args[1:], variables):
                said = re.sub(r"\s+", " ", text).strip()
                # Of another message, which stands where it is made, there is only its name.
                if said and not re.fullmatch(r"(<[^<>]+>|[\s:.,])+", said):
                    yield Message(said, kind, module, node.lineno)


def _kind(call: ast.Call) -> str | None:
    """Return the exception or level of a call that makes a message; ``None`` for any other."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id if function.id in RAISED else None
    if isinstance(function, ast.Attribute):
        owner = ast.unparse(function.value)
        if owner.endswith("logger") and function.attr in LOGGED:
            return LOGGED[function.attr]
        if owner == "self":
            return {"fail": "status 1", "refuse": "UsageError", "_warn_once": "WARNING"}.get(function.attr)
    return None


def _assigned(body: Sequence[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name in a function, or in a module outside of functions."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in (inner for statement in body for inner in _walk(statement)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id].append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = found[node.target.id]
            found[node.target.id] = [*before, *(ast.BinOp(one, ast.Add(), node.value) for one in before)]
    return found


def _walk(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield what is in a function, or the statement of a module that is none."""
    is_assignment = isinstance(statement, ast.Assign | ast.AugAssign)
    is_function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
    yield from ast.walk(statement) if is_function else [statement] if is_assignment else []


def _texts(
    node: ast.expr, arguments: Sequence[ast.expr], variables: dict[str, list[ast.expr]], depth: int = 0
) -> list[str]:
    """Return the texts that an expression can be, with names in place of values."""
    if isinstance(node, ast.Constant):
        text = str(node.value)
        values = iter(arguments)
        return [
            re.sub(r"%(?:\.\d+)?[a-zA-Z]", lambda _: f"<{_name(next(values, None))}>", text).replace(
                "%%", "%"
            )
        ]
    if isinstance(node, ast.JoinedStr):
        parts = [[""]]
        for value in node.values:
            inner = value.value if isinstance(value, ast.FormattedValue) else value
            parts.append(_inner(inner, variables, depth))
        return _joined(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_texts(side, arguments, variables, depth) for side in (node.left, node.right)])
    if isinstance(node, ast.IfExp):
        return [
            text for side in (node.body, node.orelse) for text in _texts(side, arguments, variables, depth)
        ]
    if isinstance(node, ast.Name) and depth < 3:
        texts = [
            text
            for value in variables.get(node.id, ())
            if _is_text(value)
            for text in _texts(value, arguments, variables, depth + 1)
        ]
        if texts:
            return texts
    return [f"<{_name(node)}>"]


def _inner(node: ast.expr, variables: dict[str, list[ast.expr]], depth: int) -> list[str]:
    """Return the texts of a value inside a text: in words where it is made of words itself, else its name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Name) and any(map(_is_text, variables.get(node.id, ()))):
        return _texts(node, (), variables, depth + 1)
    if isinstance(node, ast.IfExp) and all(_is_text(side) for side in (node.body, node.orelse)):
        return _texts(node, (), variables, depth)
    return [f"<{_name(node)}>"]


def _is_text(node: ast.expr) -> bool:
    """Return whether an expression is a text that stands in the source."""
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) and _is_text(node.right)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _joined(parts: list[list[str]]) -> list[str]:
    """Return every way to put texts together."""
    whole = [""]
    for choices in parts:
        whole = [before + choice for before in whole for choice in dict.fromkeys(choices)]
    return whole


def _name(node: ast.expr | None) -> str:
    """Return a name for a value."""
    if node is None:
        return "value"
    if isinstance(node, ast.Name):
        return node.id.strip("_").lower()
    if isinstance(node, ast.Attribute):
        return "class" if node.attr == "__name__" else node.attr.strip("_").lower()
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and node.args:
            return _name(node.args[0])
        return _name(node.args[0]) if node.args else _name(node.func)
    if isinstance(node, ast.Subscript | ast.Starred | ast.Await):
        return _name(node.value)
    if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        return _name(node.generators[0].iter)
    if isinstance(node, ast.BinOp):
        return _name(node.left)
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    if isinstance(node, ast.IfExp):
        return _name(node.body)
    return "value"
