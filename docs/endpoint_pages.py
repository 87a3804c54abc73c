"""The reference pages of the catalogue: an index, and a page of each namespace."""

from __future__ import annotations

import inspect
import re
import textwrap
import typing
from typing import TYPE_CHECKING, Any

from markup import WIDTH, anchor, code, plain, table, type_text

from tmdbfusion_scrapy.api import NAMESPACES, OPERATIONS, Endpoint, parameters
from tmdbfusion_scrapy.api.catalogue import endpoints_of, load_namespace
from tmdbfusion_scrapy.api.openapi import ADDRESS
from tmdbfusion_scrapy.api.parameters import MAX_CHANGE_DAYS, SECRET_PARAMETERS
from tmdbfusion_scrapy.models.paging import LAST_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.api.parameters import Parameter

AnyEndpoint = Endpoint[..., Any]

INDEX = """\
# Endpoints

All {count} operations of [TMDB's OpenAPI document]({address}), each of them in three places:

```python
client.movies.details(550)                              # TMDBClient: the record
await client.movies.details(550)                        # AsyncTMDBClient: the record
self.tmdb.movies.details(550, callback=self.parse)      # in a TMDBSpider: a scrapy.Request
```

In a spider a call also takes `callback`, `errback`, `priority`, `meta`, `cb_kwargs`, `headers`, `flags` and
`dont_filter`; the callback finds the record in `response.record`. What the catalogue does not know is reached by
`client.request("GET", "movie/550/new_thing", params={{...}})`.

`tmdbfusion_scrapy.api.OPERATIONS` has the endpoints by TMDB's operationIds, and
`python -m tmdbfusion_scrapy.api.openapi [PATH_OR_URL]` reports how they differ from the document that TMDB
publishes now, or from any other.

## Parameters

Those of the path come first and may be given by position; all others are given by name. They have TMDB's names, with
an underscore for a dot: `air_date.gte` is `air_date_gte`, and at run time it is taken under both names. What is not
given is not sent, and TMDB's own default holds. `language`, `region`, `languages`, `session_id` and
`guest_session_id` may be held by the client for all its calls.

A list is sent as text joined by commas, a date as YYYY-MM-DD, a boolean in lower case.

## Errors

Every endpoint raises these ([errors](errors.md) has the codes); in a spider they go to the errback, but for those
that come before any request, which the call itself raises:

| Error | When |
| --- | --- |
| `AuthenticationError` | the token or key is not accepted |
| `PermissionDeniedError` | it is, but not for this |
| `RateLimitError` | too many requests, and the retries are spent |
| `ServerError` | TMDB or the way to it failed, and the retries are spent; a time-out |
| `ResponseError` | the body is not the JSON it should be, and the retries are spent |
| `ValidationError` | TMDB refuses the arguments, or would: then there is no request |
| `TypeError` | an argument is unknown or missing |

What an endpoint raises besides these, and what it checks before any request, stands with it.

## Namespaces

"""

USUAL = "What holds for all endpoints, the usual errors among it, is in [endpoints](../endpoints.md)."

REFUSALS = {
    parameters.check_id: "below 1 or no whole number",
    parameters.check_number: "below 0 or no whole number",
    parameters.check_page: f"not 1 to {LAST_PAGE}",
    parameters.check_date: "no date",
    parameters.check_rating: "not 0.5 to 10 in steps of 0.5",
    parameters.check_secret: "empty or no text",
    parameters.check_appends: "not names of parts",
}
"""What is refused before any request, by the check of a parameter."""


def pages() -> Iterator[tuple[str, str]]:
    """Names and texts of the pages."""
    yield "endpoints.md", index_page()
    for name in NAMESPACES:
        yield f"endpoints/{name}.md", namespace_page(name)


def index_page() -> str:
    """What holds for all endpoints, and the namespaces."""
    rows = []
    for name in NAMESPACES:
        about = first_paragraph(load_namespace(name))
        rows.append((f"[{name}](endpoints/{name}.md)", str(len(list(endpoints_of(name)))), about))
    head = INDEX.format(count=len(OPERATIONS), address=ADDRESS)
    return head + table(("Namespace", "Endpoints", "What it has"), rows)


def namespace_page(name: str) -> str:
    """All endpoints of a namespace."""
    endpoints = sorted(endpoints_of(name), key=lambda endpoint: endpoint.name)
    rows = [
        (f"[{e.name}]({anchor(e.name)})", code(f"{e.method} /{e.path}"), first_paragraph(e.function))
        for e in endpoints
    ]
    parts = [
        f"# {name}\n\n{plain(inspect.getdoc(load_namespace(name)) or '')}\n\n{USUAL}\n\n",
        table(("Endpoint", "Request", "What it gives"), rows),
        *map(endpoint_section, endpoints),
    ]
    return "".join(parts)


def first_paragraph(documented: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return plain((inspect.getdoc(documented) or "").split("\n\n", 1)[0].replace("\n", " "))


def endpoint_section(endpoint: AnyEndpoint) -> str:
    """One endpoint."""
    text, described = split_docstring(endpoint)
    model = typing.get_type_hints(endpoint.function)["return"]
    reference = f"https://developer.themoviedb.org/reference/{endpoint.operation_id}"
    parts = [
        f"\n## {endpoint.name}\n\n`{endpoint.method} /{endpoint.path}` ([TMDB's page]({reference}))\n\n{text}\n\n",
        f"```python\n{usage(endpoint, type_text(model))}\n```\n\n",
    ]
    if endpoint.parameters:
        hints = typing.get_type_hints(endpoint.function)
        rows = [
            (code(p.name), code(type_text(hints[p.name])), default_of(p), place_of(p), described[p.name])
            for p in endpoint.parameters.values()
        ]
        parts.append(table(("Parameter", "Type", "Default", "Sent in", "Meaning"), rows) + "\n")
    returned = type_text(model, lambda name: f"../records.md{anchor(name)}")
    parts.append(f"Returns {returned}.\n")
    raised = list(raises(endpoint))
    if raised:
        parts.append("\nRaises, besides the usual errors:\n\n" + "".join(map(bullet, raised)))
    return "".join(parts)


def bullet(text: str) -> str:
    """One item of a list, wrapped."""
    return (
        textwrap.fill(
            f"- {text}", WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        + "\n"
    )


def split_docstring(endpoint: AnyEndpoint) -> tuple[str, Mapping[str, str]]:
    """What a docstring says of the endpoint, and of each parameter."""
    text, _, arguments = (inspect.getdoc(endpoint.function) or "").partition("\nArgs:\n")
    text = re.sub(r"\n*https://developer\.themoviedb\.org/reference/[\w-]+\n*", "\n\n", text).strip()
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", arguments, re.MULTILINE)
    return plain(text), {name: plain(re.sub(r"\s+", " ", about)) for name, about in found}


def usage(endpoint: AnyEndpoint, model: str) -> str:
    """A call by each executor, with what it must be given."""
    given = [
        p.name if p.place == "path" else f"{p.name}=..." for p in endpoint.parameters.values() if p.required
    ]
    if len(given) < len(endpoint.parameters):
        given.append("...")
    call = f"{endpoint.namespace}.{endpoint.name}"
    lines = (
        (f"client.{call}({', '.join(given)})", model),
        (f"await client.{call}({', '.join(given)})", model),
        (
            f"self.tmdb.{call}({', '.join([*given[:-1], *filter(is_given, given[-1:]), 'callback=...'])})",
            "Request",
        ),
    )
    width = max(len(line) for line, _ in lines)
    return "\n".join(f"{line:{width}}  # {result}" for line, result in lines)


def is_given(text: str) -> bool:
    """Whether an argument is more than the dots that stand for the optional ones."""
    return text != "..."


def default_of(parameter: Parameter) -> str:
    """What holds where a call does not give a parameter; TMDB's own default where this is empty."""
    if parameter.required:
        return "required"
    return "" if parameter.default is None else code(parameter.default)


def place_of(parameter: Parameter) -> str:
    """Where a parameter is sent, and under which name if it has another one at TMDB."""
    if parameter.name == "languages":
        return "query, as `language`"
    return parameter.place if parameter.key == parameter.name else f"{parameter.place}, as `{parameter.key}`"


def raises(endpoint: AnyEndpoint) -> Iterator[str]:
    """What an endpoint raises besides the usual errors."""
    refused = [
        f"`{p.name}` is {REFUSALS[p.checked]}" for p in endpoint.parameters.values() if p.checked in REFUSALS
    ]
    refused += [f"`{p.name}` is none of its values" for p in endpoint.parameters.values() if p.choices]
    refused += [
        f"`{p.name}` is empty, `.` or `..`"
        for p in endpoint.parameters.values()
        if p.place == "path" and p.checked is None and not p.choices
    ]
    refused += [
        f"neither the call nor the client has a `{p.name}`"
        for p in endpoint.parameters.values()
        if p.place == "path" and not p.required and p.default is None
    ]
    if "start_date" in endpoint.parameters:
        refused.append(f"`start_date` to `end_date` are more than {MAX_CHANGE_DAYS} days")
    if "languages" in endpoint.parameters:
        refused.append("`languages` has what is no language, or is given together with `language`")
    if refused:
        yield "`ValidationError` before any request: " + "; ".join(refused) + "."
    if any(
        p.place == "path" and not p.choices and p.name not in SECRET_PARAMETERS
        for p in endpoint.parameters.values()
    ):
        yield "`NotFoundError`: TMDB has nothing under this id."
    if SECRET_PARAMETERS & endpoint.parameters.keys():
        yield "`AuthenticationError` or `PermissionDeniedError`: the session or token is none, or not for this."
