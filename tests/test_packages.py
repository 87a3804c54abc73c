"""Which package knows which: by its imports, those inside functions counted."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "tmdbfusion_scrapy"
ROOT = Path(__file__).parents[1] / PACKAGE

ABOVE = {
    "client": set(),
    "crawling": set(),
    "storage": set(),
    "feeds": set(),
    "images": {"crawling", "storage"},
    "browse": {"storage"},
    "monitoring": {"client", "crawling", "storage", "feeds", "images"},
    "distributed": {"crawling", "storage"},
    "commands": {
        *(
            "client",
            "crawling",
            "distributed",
            "storage",
            "feeds",
            "images",
            "browse",
            "monitoring",
            "sandbox",
        ),
    },
}
"""What stands above the ground, and what each may know besides the ground."""

ALONE = {"sandbox": {"api", "models"}}
"""What may know only so much."""

FREE = {"client": {"scrapy", "twisted"}, "crawling": {"sqlalchemy"}, "feeds": {"twisted", "sqlalchemy"}}
"""Libraries that a package does without; the ground does without all of them."""

LIBRARIES = {"scrapy", "twisted", "sqlalchemy"}


def imports(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the modules that are imported, and those of them that are imported for their types alone."""
    found, for_types = set(), set()
    checks = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    typed = {id(node) for check in checks for part in check.body for node in ast.walk(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module]
            if node.module == PACKAGE:
                names = [f"{PACKAGE}.{alias.name}" for alias in node.names]
        else:
            continue
        (for_types if id(node) in typed else found).update(names)
    return found, for_types


@cache
def rooms() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return for each package or module at the top the others that it knows, and the libraries that it loads."""
    known: dict[str, set[str]] = defaultdict(set)
    libraries: dict[str, set[str]] = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        at_run_time, for_types = imports(ast.parse(path.read_text(encoding="utf-8")))
        libraries[room].update({name.partition(".")[0] for name in at_run_time} & LIBRARIES)
        inside = {name.split(".")[1] for name in at_run_time | for_types if name.startswith(f"{PACKAGE}.")}
        known[room].update(inside - {room})
    return known, libraries


ROOMS = {
    path.name.removesuffix(".py")
    for path in ROOT.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
}
GROUND = ROOMS - ABOVE.keys() - ALONE.keys() - {"__init__"}


def test_the_packages_are_found() -> None:
    assert {"api", "models", "transport", "sources", "items", "stores", "settings"} <= GROUND
    known, loaded = rooms()
    assert {"client", "crawling", "storage", "feeds", "images", "commands"} <= known.keys() == ROOMS
    assert "scrapy" in loaded["crawling"]
    assert "sqlalchemy" in loaded["storage"]


@pytest.mark.parametrize("room", sorted(ROOMS - {"__init__"}))
def test_a_package_knows_only_what_stands_below_it(room: str) -> None:
    may = ALONE[room] if room in ALONE else GROUND | ABOVE.get(room, set())
    known, _ = rooms()
    assert known[room] - may == set()


@pytest.mark.parametrize("room", sorted(GROUND | FREE.keys()))
def test_what_does_without_a_library_does_not_import_it(room: str) -> None:
    _, loaded = rooms()
    assert loaded[room] & FREE.get(room, LIBRARIES) == set()


def test_no_two_packages_know_each_other() -> None:
    known, _ = rooms()

    def reached(room: str, seen: set[str]) -> set[str]:
        for other in known.get(room, set()) - seen:
            seen.add(other)
            reached(other, seen)
        return seen

    assert [room for room in known if room in reached(room, set())] == []
