"""The reference page of the records."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from typing import Any

from markup import anchor, code, plain, table, type_text, wrapped

from tmdbfusion_scrapy import models
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models import Record

HEAD = """\
# Records

What the [endpoints](endpoints.md) return: {count} dataclasses with TMDB's field names.

```python
from tmdbfusion_scrapy.models import MovieDetails  # and so on
```

{record}

The tables leave `| None` out of a type. A date that TMDB sends as an empty string is `None`.

| Record | What it is |
| --- | --- |
"""


def record_page() -> str:
    """All records, their fields and types."""
    records = dict(sorted(find_records().items(), key=lambda item: item[0].lower()))
    listed = "".join(
        f"| [{name}]({anchor(name)}) | {summary(record)} |\n" for name, record in records.items()
    )
    about = plain("\n\n".join((inspect.getdoc(Record) or "").split("\n\n")[1:]))
    head = HEAD.format(count=len(records), record=about)
    return head + listed + "".join(record_section(name, record) for name, record in records.items())


def find_records() -> dict[str, Any]:
    """The record classes by their names."""
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{info.name}")
        for name, value in vars(module).items():
            if is_record(value) and value.__module__ == module.__name__:
                if name in found:
                    raise ValueError(f"two records are called {name}")
                found[name] = value
    return found


def is_record(value: Any) -> bool:
    """Whether something is a record class, not just a base of some."""
    return isinstance(value, type) and issubclass(value, Record) and dataclasses.is_dataclass(value)


def summary(record: Any) -> str:
    """The first paragraph of a record's docstring, on one line."""
    return plain((inspect.getdoc(record) or "").split("\n\n", 1)[0].replace("\n", " "))


def record_section(name: str, record: Any) -> str:
    """One record."""
    hints = typing.get_type_hints(record)
    rows = [(code(f.name), type_text(hints[f.name], anchor)) for f in dataclasses.fields(record)]
    return f"\n## {name}\n\n{plain(inspect.getdoc(record) or '')}\n\n{returned_by(record)}" + table(
        ("Field", "Type"), rows
    )


def returned_by(record: Any) -> str:
    """The endpoints whose answer a record is, itself or as the items of a list."""
    links = []
    for endpoint in OPERATIONS.values():
        model = typing.get_type_hints(endpoint.function)["return"]
        if record is model or record in typing.get_args(model):
            text = f"{endpoint.namespace}.{endpoint.name}"
            links.append(f"[{text}](endpoints/{endpoint.namespace}.md{anchor(endpoint.name)})")
    return wrapped(f"Answer of {', '.join(sorted(links))}.") + "\n" if links else ""
