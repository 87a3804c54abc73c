"""The reference pages of the catalogue: an index, and a page of each namespace."""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING, Any

from markup import anchor, code, plain, table, type_text, wrapped

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

All {count} operations of TMDB's OpenAPI document ({address}),
each of them in three places:

```python
client.movies.details(550)  # TMDBClient: the record
await client.movies.details(550)  # AsyncTMDBClient: the record
self.tmdb.movies.details(550, callback=self.parse)  # in a TMDBSpider: a scrapy.Request
```

In a spider a call also takes `callback`, `errback`, `priority`, `meta`, `cb_kwargs`, `headers`, `flags` and
`dont_filter`; the callback finds the record in `response.record`.

What the catalogue does not know is reached by `client.request("GET", "movie/550/new_thing", params={{...}})`, and
in a spider by `self.tmdb.request("GET", "movie/550/new_thing", params={{...}}, callback=self.parse)`. Its answer
is plain JSON. Session ids, tokens and passwords belong into `params` or `json` there, under TMDB's names: then
nothing shows them.

`help(client.movies.details)` shows what stands here.

`tmdbfusion_scrapy.api.OPERATIONS` has the endpoints by TMDB's operationIds, and
`python -m tmdbfusion_scrapy.api.openapi [PATH_OR_URL]` reports how they differ from the document that TMDB
publishes now, or from any other.

## Parameters

Those of the path come first and may be given by position; all others are given by name. They have TMDB's names,
with an underscore for a dot: `air_date.gte` is `air_date_gte`. At run time it is taken under both names, but type
checkers know the underscore alone: they refuse `**{{"air_date.gte": ...}}`.

What is not given is not sent, and TMDB's own default holds. A client can hold `language`, `region`, `languages`,
`session_id` and `guest_session_id` for all its calls, and the settings of a crawl those that
[settings](settings.md) names. `language=""` or `region=""` in a call is TMDB's own default, whatever the client
holds.

A list is sent as text joined by commas, a date as YYYY-MM-DD, a boolean in lower case. Numbers, dates and booleans
(`true`, `false`) may be given as text. What is not of its type is a `ValidationError`. So is a `language` that is
not ISO 639-1 with or without a country, and a `region` that is not ISO 3166-1. An empty list is one, too, for a
filter by no values would be no filter; only `append_to_response` takes it.

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

TOC = """
```{toctree}
:hidden:
:glob:

endpoints/*
```
"""

REFUSALS = {
    parameters.check_id: "below 1 or no whole number",
    parameters.check_number: "below 0 or no whole number",
    parameters.check_page: f"not 1 to {LAST_PAGE}",
    parameters.check_date: "no date",
    parameters.check_rating: "not 0.5 to 10 in steps of 0.5",
    parameters.check_appends: "not names of parts",
    parameters.check_media_languages: "not languages",
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
    return head + table(("Namespace", "Endpoints", "What it has"), rows) + TOC


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
        f"\n## {endpoint.name}\n\n`{endpoint.method} /{endpoint.path}`\n([TMDB's page]({reference}))\n\n",
        f"{text}\n\n",
        f"```python\n{usage(endpoint, type_text(model))}\n```\n\n",
    ]
    if endpoint.parameters:
        hints = typing.get_type_hints(endpoint.function)
        rows = [
            (
                code(p.name),
                code(type_text(hints[p.name])),
                default_of(p),
                place_of(p),
                meaning(p, described[p.name]),
            )
            for p in endpoint.parameters.values()
        ]
        parts.append(table(("Parameter", "Type", "Default", "Sent in", "Meaning"), rows) + "\n")
    returned = type_text(model, lambda name: f"../records.md{anchor(name)}")
    parts.append(f"Returns {returned}.\n")
    raised = list(raises(endpoint))
    if raised:
        parts.append(
            "\nRaises, besides the usual errors:\n\n" + "".join(wrapped(f"- {text}", "  ") for text in raised)
        )
    return "".join(parts)


def split_docstring(endpoint: AnyEndpoint) -> tuple[str, Mapping[str, str]]:
    """What a docstring says of the endpoint, and of each parameter."""
    text, _, arguments = (inspect.getdoc(endpoint.function) or "").partition("\nArgs:\n")
    text = re.sub(r"\n*https://developer\.themoviedb\.org/reference/[\w-]+\n*", "\n\n", text).strip()
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", arguments, re.MULTILINE)
    return plain(text), {name: plain(re.sub(r"\s+", " ", about)) for name, about in found}


def usage(endpoint: AnyEndpoint, model: str) -> str:
    """A call by each executor, with what it must be given."""
    of_path = [p.name for p in endpoint.parameters.values() if p.required and p.place == "path"]
    named = [f"{p.name}=..." for p in endpoint.parameters.values() if p.required and p.place != "path"]
    rest = ["..."] if len(of_path) + len(named) < len(endpoint.parameters) else []
    if len(", ".join(named)) > 40:
        named, rest = [], ["..."]
    call = f"{endpoint.namespace}.{endpoint.name}"
    given = ", ".join([*of_path, *named, *rest])
    in_spider = ", ".join([*of_path, *named, "callback=..."])
    return (
        f"client.{call}({given})  # {model}\n"
        f"await client.{call}({given})  # {model}\n"
        f"self.tmdb.{call}({in_spider})  # Request"
    )


def default_of(parameter: Parameter) -> str:
    """What holds where a call does not give a parameter; TMDB's own default where this is empty."""
    if parameter.required:
        return "required"
    return "" if parameter.default is None else code(parameter.default)


def meaning(parameter: Parameter, described: str) -> str:
    """What a parameter is, and its values where TMDB knows only some."""
    choices = ", ".join(map(code, parameter.choices))
    return f"{described} One of {choices}." if choices else described


def place_of(parameter: Parameter) -> str:
    """Where a parameter is sent, and under which name if it has another one at TMDB."""
    if parameter.name == "languages":
        return "query, as `language`"
    return parameter.place if parameter.key == parameter.name else f"{parameter.place}, as `{parameter.key}`"


def refusals(parameter: Parameter) -> Iterator[str]:
    """What of a parameter is refused before any request."""
    if parameter.checked in REFUSALS:
        yield REFUSALS[parameter.checked]
    elif parameter.choices:
        yield "none of the values"
    elif parameter.place == "path" and parameter.checked is None:
        yield "empty, `.` or `..`"
    if parameter.place == "path" and not parameter.required and parameter.default is None:
        yield "given by neither the call nor the client"


def raises(endpoint: AnyEndpoint) -> Iterator[str]:
    """What an endpoint raises besides the usual errors."""
    grouped: dict[str, list[str]] = {}
    for parameter in endpoint.parameters.values():
        for reason in refusals(parameter):
            grouped.setdefault(reason, []).append(code(parameter.name))
    refused = [f"{', '.join(names)} {reason}" for reason, names in grouped.items()]
    if "start_date" in endpoint.parameters:
        refused.append(f"`start_date` to `end_date` more than {MAX_CHANGE_DAYS} days")
    if "languages" in endpoint.parameters:
        refused.append("`languages` with what is no language, or together with `language`")
    if "append_to_response" in endpoint.parameters and "session_id" in endpoint.parameters:
        refused.append("a session without the part `account_states`")
    if refused:
        yield "`ValidationError` before any request, for " + "; ".join(refused) + "."
    # To a search for an id of another site TMDB answers with empty lists.
    if endpoint.namespace != "find" and any(
        p.place == "path" and not p.choices and p.name not in SECRET_PARAMETERS
        for p in endpoint.parameters.values()
    ):
        yield "`NotFoundError`: TMDB has nothing under this id."
    if SECRET_PARAMETERS & endpoint.parameters.keys():
        yield "`AuthenticationError` or `PermissionDeniedError`: the session or token is none, or not for this."
