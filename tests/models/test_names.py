"""Every record by its name alone: ``from tmdbfusion_scrapy.models import MovieDetails``."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

from tmdbfusion_scrapy import models
from tmdbfusion_scrapy.models import Record


def records() -> dict[str, Any]:
    """The record classes of all modules."""
    found = {}
    for info in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{info.name}")
        found.update({name: value for name, value in vars(module).items() if is_record(value, module)})
    return found


def is_record(value: Any, module: Any) -> bool:
    """Whether something is a record class that a module defines."""
    return (
        isinstance(value, type)
        and issubclass(value, Record)
        and dataclasses.is_dataclass(value)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    )


def test_every_record_has_its_name():
    found = records()
    assert len(found) > 140
    assert {*found, "Record", "decode"} == set(models.__all__)
    for name, record in found.items():
        assert getattr(models, name) is record
        assert name in dir(models)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(inspect.getsource(models))
    imported = {
        (str(node.module), alias.asname)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    wanted = {(record.__module__, name) for name, record in records().items()}
    places = {(models.Record.__module__, "Record"), (models.decode.__module__, "decode")}
    assert imported == wanted | places


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match="has no attribute 'MovieDetail'"):
        models.MovieDetail  # noqa: B018
    with pytest.raises(ImportError):
        from tmdbfusion_scrapy.models import MovieDetail  # noqa: F401


def test_a_module_is_loaded_when_a_record_of_it_is_asked_for():
    program = (
        "import sys; from tmdbfusion_scrapy.models import MovieDetails; "
        "print(MovieDetails.__module__, 'tmdbfusion_scrapy.models.tv' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["tmdbfusion_scrapy.models.movies", "False"]
