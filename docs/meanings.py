"""What the tables and columns of the database mean: for the reference page and for datasette's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, Table

OWNERS = {
    "movie": ("movies", "a movie"),
    "tv_show": ("tv_shows", "a series"),
    "season": ("seasons", "a season"),
    "episode": ("episodes", "an episode"),
    "person": ("people", "a person"),
    "collection": ("collections", "a collection"),
    "company": ("companies", "a company"),
    "network": ("networks", "a network"),
}
"""What link tables belong to, by the beginning of their names: its table, and one of it in words."""

TABLES = {
    "movies": "Movies that were fetched, and those that only another record names.",
    "tv_shows": "Series that were fetched, and those that only another record names.",
    "seasons": "Seasons of series; 0 is the one of specials.",
    "episodes": "Episodes.",
    "people": "People that were fetched, and those that only another record names.",
    "collections": "Collections of movies, such as a trilogy.",
    "companies": "Production companies.",
    "networks": "Networks and services that series were made for.",
    "keywords": "Words for what a movie or series is about.",
    "genres": "Genres of movies and series.",
    "countries": "Countries that a record names.",
    "languages": "Languages that a record names.",
    "watch_providers": "Services where titles can be watched, by JustWatch.",
    "tmdb_failures": "Calls that failed for good, and records that the database did not take.",
    "tmdb_watermarks": "How far lists of TMDB were read, such as its list of changes.",
    "tmdb_runs": "Crawls with a plan, one for each command: the same command goes on where it ended.",
    "tmdb_frontier": "What a crawl is to fetch.",
    "tmdb_run_samples": "The course of a run: its counts and state at 300 moments at most.",
    "tmdb_schema": "The version of these tables, in one row.",
}

LINK_TABLES = {
    "genres": "The genres of {}.",
    "companies": "The companies that made {}.",
    "networks": "The networks of {}.",
    "production_countries": "The countries where {} was made.",
    "origin_countries": "The countries where {} comes from.",
    "languages": "The languages that TMDB lists for {}.",
    "spoken_languages": "The languages spoken in {}.",
    "episode_run_times": "How long the episodes of {} are.",
    "keywords": "The keywords of {}.",
    "cast": "Who plays whom in {}.",
    "guest_stars": "Who plays whom as a guest in {}.",
    "crew": "Who does what for {}.",
    "created_by": "Who created {}.",
    "images": "The images of {}.",
    "videos": "Trailers and other videos of {}.",
    "translations": "The texts of {} by language. An empty text is one that TMDB does not have.",
    "external_ids": "The ids of {} on other sites.",
    "alternative_titles": "Other titles of {} by country.",
    "watch_providers": "Where {} can be watched, by country. The data is JustWatch's.",
    "release_dates": "The releases of {} by country, with the age rating.",
    "content_ratings": "The age ratings of {} by country.",
    "also_known_as": "Other names of {}.",
}
"""What link tables hold, by the end of their names."""

_IMAGE = "Path of {}; before it goes https://image.tmdb.org/t/p/ and a size such as w500"

COLUMN_TEXTS = {
    "": "",
    "id": "TMDB's id",
    "fetched_at": "When the record was fetched, in UTC; NULL in a row that only another record names",
    "deleted_at": "When TMDB first answered that it has no such record any more, in UTC",
    "etag": "ETag of the response, after a digest of the call; see TMDB_CONDITIONAL",
    "text_languages": 'The language of each text as JSON, such as {"title": "fr-FR", "overview": "en-US"}; '
    "see TMDB_LANGUAGES",
    "raw": "The whole response, appended parts too: in SQLite byte for byte, in PostgreSQL the same values",
    "title": "Title in the language that was asked for",
    "name": "Name in the language that was asked for",
    "original_title": "Title in the original language",
    "original_name": "Name in the original language",
    "original_language": "ISO 639-1 code of the original language",
    "overview": "What it is about",
    "tagline": "Line of its advertising",
    "homepage": "Address of its own site",
    "status": "How far it is, such as Released, In Production or Ended",
    "popularity": "TMDB's measure of how much it is looked at these days",
    "vote_average": "Mean vote of TMDB's users, 0 to 10; 0 without votes",
    "vote_count": "Votes of TMDB's users",
    "adult": "Whether it is for adults only",
    "softcore": "Whether it is softcore",
    "video": "Whether it is a video, such as a recording or a compilation, and no movie",
    "runtime": "Minutes",
    "minutes": "Minutes",
    "budget": "US dollars; 0 where TMDB does not know",
    "revenue": "US dollars; 0 where TMDB does not know",
    "release_date": "Day of the first release",
    "imdb_id": "IMDb's id",
    "poster_path": _IMAGE.format("the poster"),
    "backdrop_path": _IMAGE.format("the backdrop"),
    "profile_path": _IMAGE.format("the portrait"),
    "still_path": _IMAGE.format("the still"),
    "logo_path": _IMAGE.format("the logo"),
    "file_path": _IMAGE.format("the image"),
    "belongs_to_collection_id": "The collection it is part of",
    "parent_company_id": "The company it belongs to",
    "origin_country": "ISO 3166-1 code of the country it is from",
    "headquarters": "Where it is",
    "description": "What it is",
    "known_for_department": "Department of most of the work, such as Acting or Directing",
    "gender": "0 not set, 1 female, 2 male, 3 non-binary",
    "birthday": "Day of birth",
    "deathday": "Day of death",
    "place_of_birth": "Place of birth",
    "biography": "Biography",
    "first_air_date": "Day of the first episode",
    "last_air_date": "Day of the last episode so far",
    "air_date": "Day of the first broadcast",
    "in_production": "Whether more is being made",
    "number_of_seasons": "Seasons without the specials",
    "number_of_episodes": "Episodes without the specials",
    "season_number": "Number of the season; 0 for specials",
    "episode_number": "Number in the season",
    "episode_count": "Number of episodes",
    "episode_type": "Such as standard, mid_season or finale",
    "production_code": "The producer's own number",
    "english_name": "Name in English",
    "iso_3166_1": "ISO 3166-1 code of the country",
    "iso_639_1": "ISO 639-1 code of the language",
    "position": "Place in TMDB's list, from 0",
    "credit_id": "TMDB's id of the credit",
    "character": "Who is played",
    "cast_id": "TMDB's older id of the credit",
    "department": "Department, such as Directing",
    "job": "Job, such as Director",
    "image_type": "poster, backdrop, logo, profile or still",
    "width": "Pixels",
    "height": "Pixels",
    "aspect_ratio": "Width by height",
    "site": "Site of the video, such as YouTube",
    "key": "Id of the video on that site",
    "official": "Whether the makers published it",
    "size": "Lines of the picture, such as 1080",
    "published_at": "When it was published, in UTC",
    "language": "Name of the language in English",
    "source": "The other site: imdb, wikidata, tvdb, facebook and so on",
    "external_id": "The id on that site",
    "offer": "How it is offered: flatrate (a subscription), rent, buy, ads or free",
    "display_priority": "Place in which the service is shown, from 0",
    "certification": "Age rating by the country's own rules; empty where there is none",
    "note": "Note on the release, such as the festival",
    "rating": "Age rating by the country's own rules",
    "kind": "The table it was meant for; empty for calls outside the catalogue",
    "path": "Path of the call, such as /movie/550; no secret is in it",
    "error": "Name of the error class, such as NotFoundError",
    "status_code": "HTTP status; NULL where no response came",
    "tmdb_code": "TMDB's own code of the error",
    "message": "What went wrong",
    "attempts": "How often the last crawl tried",
    "retryable": "Whether the same call may work later",
    "tried_at": "When it was last tried, in UTC",
    "value": "How far it was read, such as a day",
    "set_at": "When that was known, in UTC",
    "spider": "Name of the spider",
    "arguments": "Its arguments, as JSON",
    "started_at": "When it was first started, in UTC",
    "listed": "How many records were listed, those that were stored already too; NULL before that is known",
    "vanished": "Whether a list that had the record has it no more",
    "since": "What was stored from then on is not fetched again, in UTC; NULL for whatever is stored",
    "upto": "The watermark to set when nothing is left to do",
    "export": "The daily export that it was planned from, without its day",
    "export_size": "How many lines that export has",
    "coverage": "What a crawl of discover in parts found, as JSON: expected, in_parts, found, duplicates, unread",
    "planned_at": "When all that it wants was known, in UTC; NULL before",
    "finished_at": "When nothing was left to do, in UTC; NULL before",
    "version": "Version of the tables",
    "people.imdb_id": "IMDb's id of the person",
    "people.homepage": "Address of the person's own site",
    "people.popularity": "TMDB's measure of how much the person is looked at these days",
    "people.adult": "Whether the person is known for films for adults",
    "tv_shows.type": "Such as Scripted, Miniseries or Reality",
    "genres.name": "Name in the language that was asked for last",
    "countries.name": "Name in English",
    "languages.name": "Name in the language itself",
    "watch_providers.name": "Name of the service",
    "tmdb_failures.id": "TMDB's id of the record; NULL for calls that name none",
    "tmdb_watermarks.name": "What was read, such as movie/changes",
    "movie_release_dates.release_date": "When it was released, in UTC",
    "movie_release_dates.type": "1 premiere, 2 theatrical (limited), 3 theatrical, 4 digital, 5 physical, 6 TV",
    "movie_release_dates.iso_639_1": "ISO 639-1 code of the language of the release; often empty",
    "tmdb_runs.id": "Number of the crawl",
    "tmdb_runs.language": "Languages that texts were asked for in, best first; empty for TMDB's own choice",
    "tmdb_runs.kind": "Table of its records, such as movies",
    "tmdb_run_samples.process": "Number of the process in its run, from 0",
    "tmdb_run_samples.number": "Number of the sample in its process, from 0; they are thinned out",
    "tmdb_run_samples.at": "When the sample was taken",
    "tmdb_run_samples.elapsed": "Seconds since the process began to crawl; counts are since then",
    "tmdb_run_samples.wanted": "Records to fetch, as far as was known",
    "tmdb_run_samples.done": "Records that came, had not changed, are gone or failed",
    "tmdb_run_samples.stored": "Records that the database had",
    "tmdb_run_samples.unchanged": "Records that had not changed",
    "tmdb_run_samples.gone": "Calls for what TMDB does not have",
    "tmdb_run_samples.failed": "Calls and records that failed for good",
    "tmdb_run_samples.requests": "Requests sent, retries included",
    "tmdb_run_samples.bytes": "Bytes of all bodies as they were sent",
    "tmdb_run_samples.retries": "Retries",
    "tmdb_run_samples.rate_limited": "Responses with status 429",
    "tmdb_run_samples.pauses": "Pauses of all requests",
    "tmdb_run_samples.responses": "Responses by HTTP status, as JSON",
    "tmdb_run_samples.failures": "Failed calls by name of the error, as JSON",
    "tmdb_run_samples.drift": "Values of the wrong type by field, as JSON",
    "tmdb_run_samples.rate_limit": "Requests a second that are set; 0 for no limit",
    "tmdb_run_samples.rate_now": "Requests a second that were allowed; 0 for no limit",
    "tmdb_run_samples.paused_for": "Seconds until the pause was over",
    "tmdb_run_samples.connections_active": "Connections in use",
    "tmdb_run_samples.connections_open": "Connections that were open",
    "tmdb_run_samples.connections_most": "The limit of connections; NULL for none",
    "tmdb_run_samples.waiting": "Requests that waited for a connection or for the rate limit",
    "tmdb_run_samples.retries_waiting": "Retries that were not due",
    "tmdb_run_samples.latency_p50": "Median of the seconds to an answer",
    "tmdb_run_samples.latency_p95": "95th percentile of the seconds to an answer",
    "tmdb_run_samples.latency_p99": "99th percentile of the seconds to an answer",
    "tmdb_run_samples.memory": "Bytes of memory of the process",
    "tmdb_run_samples.limited_by": "What kept the crawl from being faster, such as rate or database",
    "tmdb_frontier.position": "Place in the order of fetching",
    "person_also_known_as.name": "Another name",
    "*_videos.id": "TMDB's id of the video",
    "*_videos.name": "Name of the video",
    "*_videos.type": "Such as Trailer, Teaser or Clip",
    "*_cast.position": "Place in the credits, from 0: TMDB's order",
    "*_guest_stars.position": "Place in the credits, from 0: TMDB's order",
    "*_cast.episode_count": "Episodes with this credit; NULL where only the newest season's cast was asked for",
    "*_crew.episode_count": "Episodes with this credit; NULL where only the newest season's crew was asked for",
    "*_translations.iso_3166_1": "ISO 3166-1 code of the country whose language it is; empty for none",
    "*_translations.title": "Title in this language",
    "*_translations.name": "Name in this language",
    "*_alternative_titles.title": "Another title",
    "*_alternative_titles.type": "What kind of title, such as working title; often empty",
    "*_images.iso_639_1": "ISO 639-1 code of the language of the text on it; NULL for none",
    "*_images.iso_3166_1": "ISO 3166-1 code of the country it is for",
}
"""What columns mean: by name, or by ``*_kind.column`` in all link tables of one kind, or by ``table.column``.

The narrower one counts. The empty name is for columns whose reference says it.
"""


def table_meaning(table: Table) -> str:
    """What a table holds, in a sentence or two.

    Raises:
        LookupError: Nothing here says it.
    """
    if table.name in TABLES:
        return TABLES[table.name]
    owner, kind = split_name(table)
    if kind not in LINK_TABLES:
        raise LookupError(f"nothing says what the table {table.name} is: add {kind} to docs/meanings.py")
    return LINK_TABLES[kind].format(OWNERS[owner][1])


def column_meaning(column: Column[Any]) -> str:
    """What a column holds, without a full stop; empty where its reference says it.

    Raises:
        LookupError: Nothing here says it.
    """
    return COLUMN_TEXTS[column_place(column)]


def column_place(column: Column[Any]) -> str:
    """Where the meaning of a column is in :data:`COLUMN_TEXTS`."""
    table = column.table
    places = [f"{table.name}.{column.name}", column.name]
    if table.name not in TABLES:
        places.insert(1, f"*_{split_name(table)[1]}.{column.name}")
    for place in places:
        if place in COLUMN_TEXTS:
            return place
    if column.foreign_keys:
        return ""
    raise LookupError(f"nothing says what {table.name}.{column.name} is: add it to docs/meanings.py")


def check_meanings(tables: Iterable[Table]) -> None:
    """Check that every table and column has a meaning here, and that every meaning has its table or column.

    Raises:
        LookupError: The message names all that is missing, or too much.
    """
    faults = []
    used = {""}
    for table in tables:
        try:
            table_meaning(table)
            used.add(table.name if table.name in TABLES else split_name(table)[1])
        except LookupError as error:
            faults.append(str(error))
            continue
        for column in table.columns:
            try:
                used.add(column_place(column))
            except LookupError as error:
                faults.append(str(error))
    unused = (TABLES | LINK_TABLES | COLUMN_TEXTS).keys() - used
    faults += [f"there is no {name}: take it out of docs/meanings.py" for name in sorted(unused)]
    if faults:
        raise LookupError("; ".join(faults))


def split_name(table: Table) -> tuple[str, str]:
    """Whose link table it is and of what kind: ``("tv_show", "genres")``."""
    for owner in OWNERS:
        if table.name.startswith(f"{owner}_"):
            return owner, table.name.removeprefix(f"{owner}_")
    raise LookupError(f"nothing says what the table {table.name} is: add it to docs/meanings.py")
