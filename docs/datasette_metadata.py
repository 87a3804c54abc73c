"""The metadata file for datasette: what the tables mean, and the queries of the package."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from meanings import TABLES, column_meaning, split_name, table_meaning

from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.queries import shipped_queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Table

HEAD = """\
# Metadata for datasette 0.65, see docs/datasette.md. Made by docs/generate.py of the tables and the queries.
"""

DESCRIPTION = (
    "Movies, series and people, crawled with tmdbfusion-scrapy. This product uses the TMDB API but is not "
    "endorsed or certified by TMDB. Where to watch is JustWatch's data."
)

BEGINNING = ("movies", "tv_shows", "seasons", "episodes", "people", "collections", "tmdb_failures")
"""Tables that the page of the database begins with; below it lists all of them by name."""

STYLE = """
.column-descriptions { display: none }
.table .col-raw, .table .col-etag { display: none }
.table td { max-width: 20em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.table td.col-fetched_at, .table td.col-deleted_at { max-width: 7em }
.row td { vertical-align: top; max-width: 30em }
.row td.col-title, .row td.col-name { min-width: 12em }
.row td.col-overview, .row td.col-biography { min-width: 20em }
td img { display: inline-block; width: auto; height: 69px; vertical-align: middle; margin-right: 0.4em }
.row td.col-raw { display: block; width: 40em; max-width: none; height: 20em; overflow: auto }
"""
"""Style sheet of the pages.

The menu of a column has its description, so that the list of them need not fill the screen above the rows. The
document of a record is on the page of the record.
"""

TABLE_FACETS = {
    "movies": ["status", "original_language"],
    "tv_shows": ["status", "type", "original_language"],
    "episodes": ["episode_type"],
    "people": ["known_for_department", "gender"],
    "companies": ["origin_country"],
    "networks": ["origin_country"],
    "tmdb_failures": ["kind", "error", "retryable"],
}
LINK_FACETS = {
    "genres": ["genre_id"],
    "networks": ["network_id"],
    "spoken_languages": ["iso_639_1"],
    "origin_countries": ["iso_3166_1"],
    "production_countries": ["iso_3166_1"],
    "crew": ["department", "job"],
    "images": ["image_type", "iso_639_1"],
    "videos": ["type", "site"],
    "translations": ["iso_639_1"],
    "external_ids": ["source"],
    "watch_providers": ["iso_3166_1", "offer", "provider_id"],
    "release_dates": ["iso_3166_1", "type", "certification"],
    "content_ratings": ["iso_3166_1", "rating"],
}
"""Columns whose values datasette counts above a table, by the kind of link table."""

DESCENDING = {"movies": "popularity", "tv_shows": "popularity", "people": "popularity"} | {
    "tmdb_failures": "tried_at",
    "tmdb_runs": "started_at",
}
"""The column that a table is sorted by at first, greatest first."""

UNITS = {"runtime": "minute"}
HIDDEN = frozenset({"tmdb_schema", "tmdb_frontier"})


def datasette_metadata() -> str:
    """The file, as YAML."""
    document = {
        "title": "TMDB",
        "description": DESCRIPTION,
        "source": "The Movie Database (TMDB)",
        "source_url": "https://www.themoviedb.org",
        "extra_css_urls": [f"data:text/css,{quote(' '.join(STYLE.split()))}"],
        "databases": {
            # The name of the file without its ending.
            "tmdb": {
                "description_html": "Begin with "
                + ", ".join(f'<a href="tmdb/{name}">{name}</a>' for name in BEGINNING),
                "queries": dict(_questions()),
                "tables": {name: _table(metadata.tables[name]) for name in sorted(metadata.tables)},
            }
        },
    }
    return HEAD + "\n".join(_yaml(document)) + "\n"


def _questions() -> Iterator[tuple[str, dict[str, Any]]]:
    """The questions: their address, and what datasette is told of them."""
    for query in shipped_queries().values():
        defaults = "".join(f" An empty {name} stands for {value}." for name, value in query.values.items())
        yield (
            re.sub(r"[^a-z]+", "_", query.title.lower()),
            {
                "title": query.title,
                "description": query.about.replace("\n", " ").replace("`", "") + defaults,
                # datasette shows the answer at once, before anything is in the field of the value.
                "sql": query.with_parameters("COALESCE(NULLIF(:{name}, ''), '{value}')"),
                "hide_sql": True,
            },
        )


def _table(table: Table) -> dict[str, Any]:
    """What datasette is told of a table."""
    names = [column.name for column in table.columns]
    facets = (
        TABLE_FACETS.get(table.name, [])
        if table.name in TABLES
        else LINK_FACETS.get(split_name(table)[1], [])
    )
    told: dict[str, Any] = {
        "description": table_meaning(table),
        "columns": {column.name: text for column in table.columns if (text := column_meaning(column))},
        "facets": [name for name in facets if name in names],
        "facet_size": 8 if facets else None,
        "units": {name: unit for name, unit in UNITS.items() if name in names},
        "sort_desc": DESCENDING.get(table.name),
        "hidden": table.name in HIDDEN,
    }
    if table.name in TABLES and not table.name.startswith("tmdb_"):
        # Shown in place of the key where another table refers to it.
        told["label_column"] = "title" if "title" in names else "name"
    return {name: value for name, value in told.items() if value}


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Lines of YAML: mappings and long texts in blocks, everything else as JSON, which YAML reads."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield f"{indent}{name}:"
            yield from _yaml(inner, indent + "  ")
        elif isinstance(inner, str) and "\n" in inner:
            yield f"{indent}{name}: |-"
            yield from (f"{indent}  {line}".rstrip() for line in inner.split("\n"))
        else:
            yield f"{indent}{name}: {json.dumps(inner, ensure_ascii=False)}"
