"""One odd value, wherever it stands: all that can be read is stored, as another reading of the JSON says."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.storage.database_access import clear, failed_call, movie
from tests.storage.expected_documents import expect
from tests.storage.expected_rows import ODD, Expected, differences, dump
from tests.storage.stored_records import cast, credit, listed, made, member, part, rows, show, store
from tests.storage.stored_records import season as season_of
from tests.storage.whole_documents import WHOLE
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.companies import CollectionDetails
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import TVDetails
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.rows import LeftOut

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

MODELS: dict[str, Any] = {
    "movies": MovieDetails,
    "tv_shows": TVDetails,
    "people": PersonDetails,
    "collections": CollectionDetails,
}

Path = tuple[Any, ...]

ODD_VALUES: tuple[Any, ...] = (None, "odd", "7", 7, 0.5, True, {"odd": 1}, ["odd"])

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T.*)?")


def leaves(value: Any, path: Path = ()) -> list[Path]:
    """The places of all single values."""
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, inner in entries for leaf in leaves(inner, (*path, key))]
    return [path]


def lists(value: Any, path: Path = ()) -> list[Path]:
    """The places of all lists."""
    found = [path] if isinstance(value, list) else []
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return found + [inner for key, part_of in entries for inner in lists(part_of, (*path, key))]


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def reading(odd: Any, sample: Any) -> Any:
    """What an odd value can only mean where a value such as the sample is due; ``ODD`` for nothing."""
    if odd is None:
        return None
    if isinstance(sample, dict | list):
        return ODD
    if isinstance(sample, bool):
        return odd if isinstance(odd, bool) else ODD
    if isinstance(sample, int | float):
        if isinstance(odd, str) and odd.isdecimal():
            odd = int(odd)
        if isinstance(odd, bool) or not isinstance(odd, int | float):
            return ODD
        return ODD if isinstance(sample, int) and odd != int(odd) else odd
    if _DATE.fullmatch(sample):
        return ODD
    if isinstance(odd, str):
        return odd
    return str(odd) if isinstance(odd, int | float) and not isinstance(odd, bool) else ODD


@dataclass(frozen=True)
class Oddity:
    """One odd value in a document.

    Args:
        kind: The document's.
        path: Where it is.
        value: What stands there.
        is_added: Whether it is one more element of a list, and not in the place of a value.
    """

    kind: str
    path: Path
    value: Any
    is_added: bool

    def document(self) -> Any:
        """The document with it."""
        return self._changed(self.value)

    def reading(self) -> tuple[Any, bool]:
        """What can be read of that document, and whether something could not."""
        is_in_list = isinstance(self.path[-1], int)
        read = ODD if self.is_added else reading(self.value, at(WHOLE[self.kind], self.path))
        is_lost = read is ODD or (is_in_list and read is None)
        return self._changed((ODD if is_in_list else None) if is_lost else read), is_lost

    def _changed(self, value: Any) -> Any:
        document = copy.deepcopy(WHOLE[self.kind])
        *way, key = self.path
        if self.is_added:
            at(document, tuple(way)).insert(key, value)
        else:
            at(document, tuple(way))[key] = value
        return document


def odd_leaves(kind: str) -> list[Oddity]:
    """An odd value in the place of each single value."""
    document = WHOLE[kind]
    return [
        Oddity(kind, path, value, is_added=False)
        for path in leaves(document)
        # null has no type to be wrong, and by its id a record, by its number a season is asked for.
        if at(document, path) is not None and path != ("id",)
        if not (path[0].startswith("season/") and path[1:] == ("season_number",))
        for value in ODD_VALUES
    ]


def odd_elements(kind: str) -> list[Oddity]:
    """An element that cannot be read at each place of each list."""
    return [
        Oddity(kind, (*path, place), value, is_added=True)
        for path in lists(WHOLE[kind])
        for elements in [at(WHOLE[kind], path)]
        if elements
        for place in range(len(elements) + 1)
        for value in ODD_VALUES
        if reading(value, elements[0]) in (ODD, None)
    ]


ODDITIES = {kind: (odd_leaves(kind), odd_elements(kind)) for kind in WHOLE}


@st.composite
def oddities(draw: st.DrawFn) -> Oddity:
    return draw(st.sampled_from(draw(st.sampled_from(ODDITIES[draw(st.sampled_from(sorted(WHOLE)))]))))


def check(engine: Engine, odd: Oddity) -> None:
    """Store a document alone, and over the one that it was made of."""
    kind, document = odd.kind, odd.document()
    clean, is_lost = odd.reading()
    expected = Expected()
    expect(expected, kind, clean)
    expected.tables[kind][clean["id"]]["raw"] = document
    tables = {table: there for table, there in expected.tables.items() if there}
    record = decode(json.dumps(document).encode(), MODELS[kind])
    clear(engine)
    result = store(engine, record)
    assert (result.refused, result.fitted) == ([], [])
    assert differences(tables, dump(engine)) == []
    clear(engine)
    store(engine, decode(json.dumps(WHOLE[kind]).encode(), MODELS[kind]))
    before = dump(engine)
    result = store(engine, record)
    after = dump(engine)
    for table, wanted in tables.items():
        assert wanted.keys() <= after[table].keys()
        if len(metadata.tables[table].primary_key) > 1:
            # What a person's credits do not say of a movie's cast, the movie may have said.
            is_shared = kind == "people" and table.endswith(("_cast", "_crew"))
            kept = before.get(table, {}) if is_shared else {}
            assert {key: after[table][key] for key in wanted} == {
                key: {**kept.get(key, {}), **row} for key, row in wanted.items()
            }
    if is_lost:
        assert result.left_out
        assert [table for table, there in before.items() if not there.keys() <= after[table].keys()] == []


def check_many(engine: Engine, number: int) -> None:
    """Check some documents, the same ones each time."""

    # Not around the test itself, which pytest-twisted calls in a way of its own.
    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(odd=oddities())
    def check_one(odd: Oddity) -> None:
        check(engine, odd)

    check_one()


def test_what_can_be_read_is_stored(engine: Engine) -> None:
    # A server takes a second for each.
    check_many(engine, 24 if engine.dialect.name == "sqlite" else 6)


def test_a_country_without_a_code_and_dates_is_counted(engine: Engine) -> None:
    check(engine, Oddity("movies", ("release_dates", "results", 1), {"odd": 1}, is_added=True))


@pytest.mark.slow
def test_what_can_be_read_is_stored_wherever_the_odd_value_is(engine: Engine) -> None:
    check_many(engine, 1000 if engine.dialect.name == "sqlite" else 60)


def test_the_ids_elsewhere_of_a_series_with_one_in_quotes(engine: Engine) -> None:
    ids = {"imdb_id": "tt1", "tvdb_id": "81189", "wikidata_id": "Q1"}
    result = store(engine, show(1, external_ids=ids))
    query = "SELECT source, external_id FROM tv_show_external_ids ORDER BY source"
    assert rows(engine, query) == [("imdb", "tt1"), ("tvdb", "81189"), ("wikidata", "Q1")]
    assert result.left_out == {}
    # It was read as a whole, so what is gone is gone.
    store(engine, show(1, external_ids={"tvdb_id": "81189"}))
    assert rows(engine, query) == [("tvdb", "81189")]


def test_one_null_in_a_cast_costs_that_one(engine: Engine) -> None:
    store(engine, movie(1, credits=cast(member(1, "c1"), member(2, "c2"))))
    result = store(engine, movie(1, credits=cast(member(3, "c3"), None, member(4, "c4"))))
    assert rows(engine, "SELECT credit_id FROM movie_cast ORDER BY 1") == [
        (credit_id,) for credit_id in ("c1", "c2", "c3", "c4")
    ]
    assert result.left_out == {"Credits.cast": LeftOut("movies 1")}
    store(engine, movie(1, credits=cast(member(4, "c4"))))
    assert rows(engine, "SELECT credit_id FROM movie_cast") == [("c4",)]


def test_places_are_those_of_the_list_that_tmdb_sent(engine: Engine) -> None:
    store(
        engine, movie(1, origin_country=["FR", "IT", "DE"]), made(PersonDetails, 2, also_known_as=["a", "b"])
    )
    store(
        engine, movie(1, origin_country=["US", None, "DE"]), made(PersonDetails, 2, also_known_as=[{}, "c"])
    )
    query = "SELECT iso_3166_1, position FROM movie_origin_countries ORDER BY position, iso_3166_1"
    assert rows(engine, query) == [("FR", 0), ("US", 0), ("IT", 1), ("DE", 2)]
    assert rows(engine, "SELECT position, name FROM person_also_known_as ORDER BY 1") == [(0, "a"), (1, "c")]


def test_an_odd_episode_costs_another_one_nothing(engine: Engine) -> None:
    crew = [member(2, "c2", job="Editor")]

    def season(first: Any) -> Any:
        episodes = [part(100, crew=first), part(101, 2, crew=crew)]
        return show(1, seasons=[listed(10, 1)], **{"season/1": {"season_number": 1, "episodes": episodes}})

    store(engine, season([member(3, "c3", job="Editor"), member(4, "c4", job="Writer")]))
    crew = []
    store(engine, season([None, member(3, "c3", job="Editor")]))
    assert rows(engine, "SELECT episode_id, credit_id FROM episode_crew ORDER BY 2") == [
        (100, "c3"),
        (100, "c4"),
    ]


def test_members_without_an_id_are_counted(engine: Engine) -> None:
    people = cast(member(1, "c1"), {**member(2, "c2"), "id": None}, {**member(3, "c3"), "id": None})
    crew = [{**member(4, "c4", job="Editor"), "id": None}]
    result = store(engine, movie(1, credits={**people, "crew": crew}), movie(2, credits=people))
    assert rows(engine, "SELECT movie_id, credit_id FROM movie_cast ORDER BY 1") == [(1, "c1"), (2, "c1")]
    assert result.left_out == {
        "movie_cast.person_id": LeftOut("movies 1", 4),
        "movie_crew.person_id": LeftOut("movies 1"),
    }


@pytest.mark.parametrize(
    "seasons",
    [[listed(10, 2)], [{**listed(10, 1), "season_number": None}], [{**listed(10, 1), "id": None}], []],
    ids=["not listed", "listed without a number", "listed without an id", "nothing listed"],
)
def test_episodes_of_a_season_without_an_id_are_stored(engine: Engine, seasons: list[Any]) -> None:
    season = {"episodes": [part(100, crew=[member(2, "c2", job="Editor")]), {**part(101), "id": None}]}
    result = store(engine, show(1, seasons=seasons, **{"season/1": season}))
    assert rows(engine, "SELECT id, tv_show_id, season_id, name FROM episodes") == [
        (100, 1, None, "Episode 1")
    ]
    assert rows(engine, "SELECT credit_id FROM episode_crew") == [("c2",)]
    expected = [(10,)] if seasons and seasons[0]["id"] else []
    assert rows(engine, "SELECT id FROM seasons") == expected
    assert result.left_out["episodes.id"] == LeftOut("tv_shows 1")
    assert result.left_out["seasons.id"].first == "tv_shows 1"


def test_a_season_without_an_id_of_its_own_is_stored_with_that_of_the_list(engine: Engine) -> None:
    # What an episode says of itself is not what its season is of.
    season = {"season_number": 1, "name": "One", "episodes": [part(100, show_id=7)]}
    store(engine, show(1, seasons=[listed(10, 1)], **{"season/1": season}))
    assert rows(engine, "SELECT id, tv_show_id, name FROM seasons") == [(10, 1, "One")]


def test_what_is_added_to_a_cast_twice_in_a_batch_is_as_the_last_one_says(engine: Engine) -> None:
    def person(character: str, part_of: str) -> Any:
        return made(
            PersonDetails, 1, **{part_of: {"cast": [credit(5, "c", media_type="movie", character=character)]}}
        )

    first, second, last = (
        person("first", "movie_credits"),
        person("second", "combined_credits"),
        person("last", "movie_credits"),
    )
    query = "SELECT character FROM movie_cast"
    for batch in ([first, second, last], [first, last, second], [second, first], [first, second]):
        clear(engine)
        store(engine, *batch)
        together = rows(engine, query)
        clear(engine)
        for record in batch:
            store(engine, record)
        assert together == rows(engine, query)


def test_what_is_named_twice_in_a_batch_is_as_the_last_one_says(engine: Engine) -> None:
    of_person = made(PersonDetails, 1, movie_credits={"cast": [credit(5, "c", title="By the person")]})
    of_collection = made(CollectionDetails, 2, parts=[{"id": 5, "title": "By the collection"}])
    again = made(PersonDetails, 3, movie_credits={"cast": [credit(5, "d", title="By another")]})
    store(engine, of_person, of_collection, again)
    query = "SELECT title, belongs_to_collection_id FROM movies"
    assert rows(engine, query) == [("By another", 2)]
    clear(engine)
    store(engine, of_person, again, of_collection)
    assert rows(engine, query) == [("By the collection", 2)]


@pytest.mark.parametrize("key", [2**31, 2**62])
def test_ids_of_64_bits(engine: Engine, key: int) -> None:
    fields = {"genres": [{"id": key, "name": "G"}], "belongs_to_collection": {"id": key, "name": "C"}}
    result = store(
        engine,
        movie(key, credits=cast(member(key, "c1")), **fields),
        made(PersonDetails, key, movie_credits={"cast": [credit(key, "c1")]}),
        show(key, seasons=[listed(key, 1)], **{"season/1": {"season_number": 1, "episodes": [part(key)]}}),
    )
    assert (result.refused, result.fitted) == ([], [])
    assert rows(engine, "SELECT movie_id, person_id FROM movie_cast") == [(key, key)]
    assert rows(engine, "SELECT movie_id, genre_id FROM movie_genres") == [(key, key)]
    assert rows(engine, "SELECT id, season_id, tv_show_id FROM episodes") == [(key, key, 1)]
    assert rows(engine, "SELECT id, belongs_to_collection_id FROM movies") == [(key, key)]


@pytest.mark.parametrize("came", ["sent", "unchanged"])
def test_a_series_that_is_gone_takes_its_seasons_and_episodes_along(engine: Engine, came: str) -> None:
    for key in (1, 2):
        of_show = {"season/1": {"season_number": 1, "episodes": [part(key * 100, show_id=key)]}}
        store(engine, show(key, seasons=[listed(key * 10, 1)], **of_show))
    store(engine, failed_call(1, kind="tv_shows", path="/tv/1"))
    for table, key in (("tv_shows", 1), ("seasons", 10), ("episodes", 100)):
        query = f"SELECT id FROM {table} WHERE deleted_at IS NOT NULL"  # noqa: S608 - a table of ours
        assert rows(engine, query) == [(key,)]
    if came == "sent":
        store(engine, show(1, seasons=[listed(10, 1)]))
    else:
        with engine.begin() as connection:
            connection.execute(text("UPDATE tv_shows SET etag = 'a b'"))
        store(engine, UnchangedRecord("tv_shows", 1, "a b"))
    for table in ("tv_shows", "seasons", "episodes"):
        assert rows(engine, f"SELECT id FROM {table} WHERE deleted_at IS NOT NULL") == []  # noqa: S608


def test_a_guest_without_a_character_has_an_empty_one(engine: Engine) -> None:
    guests = [{**member(1, "g1"), "character": ""}, {**member(2, "g2"), "character": None}]
    store(engine, season_of(10, 1, (part(100, guest_stars=guests),)))
    assert rows(engine, "SELECT character FROM episode_guest_stars ORDER BY credit_id") == [("",), (None,)]
