"""What a record looks like in a log line or a debugger."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models import MovieDetails, Page, Record, decode
from tmdbfusion_scrapy.models.account import GuestSession, RequestToken, Session
from tmdbfusion_scrapy.models.credits import Credits
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.reference import Country
from tmdbfusion_scrapy.models.tv import TVDetails

MOVIE = {
    "id": 550,
    "title": "Fight Club",
    "original_title": "FC",
    "overview": "Long.",
    "genres": [{"id": 18, "name": "Drama"}, {"id": 35}],
    "credits": {"cast": [{"id": 1, "name": "B"}] * 3, "crew": []},
}


def test_its_class_id_and_title_or_name():
    movie = decode(json.dumps(MOVIE).encode(), MovieDetails)
    assert repr(movie) == str(movie) == "MovieDetails(id=550, title='Fight Club')"
    assert repr(movie.genres) == "[Genre(id=18, name='Drama'), Genre(id=35)]"
    assert repr(movie.credits) == "Credits(cast=<3>)"
    assert repr(TVDetails(id=1, name="One", original_name="Un")) == "TVDetails(id=1, name='One')"
    assert repr(MovieDetails()) == "MovieDetails()"


def test_lists():
    page = Page[MovieListItem](page=2, total_pages=9, results=[MovieListItem(id=1)] * 20)
    assert repr(page) == "Page(page=2, results=<20>, total_pages=9)"
    countries = decode(json.dumps([{"english_name": name} for name in "ABCDE"]).encode(), list[Country])
    assert repr(countries[0]) == "Country(english_name='A')"
    assert repr(countries) == f"[{', '.join(map(repr, countries[:3]))}, ... 2 more]"
    assert repr(countries[:2]) == "[Country(english_name='A'), Country(english_name='B')]"


def test_a_long_title_is_cut():
    assert len(repr(MovieDetails(id=1, title="x" * 5000))) < 100


@pytest.mark.parametrize(
    "record",
    [
        Session(success=True, session_id="s3cret"),
        GuestSession(success=True, guest_session_id="s3cret"),
        RequestToken(success=True, request_token="s3cret"),
    ],
)
def test_no_secret(record):
    assert "s3cret" not in repr(record)
    assert repr(record).startswith(f"{type(record).__name__}(success=True")


def test_a_class_may_have_its_own():
    @dataclass
    class Mine(MovieDetails):
        def __repr__(self) -> str:
            return "mine"

    @dataclass
    class Yours(MovieDetails):
        seen: bool = False

    assert repr(Mine(id=1)) == "mine"
    assert repr(Yours(id=1, title="T", seen=True)) == "Yours(id=1, title='T')"


def test_all_of_it_is_there_when_asked_for():
    cast = decode(b'{"id": 1, "cast": [{"id": 2, "name": "B"}]}', Credits)
    assert dataclasses.asdict(cast)["cast"][0]["name"] == "B"
    assert vars(cast)["id"] == 1


def test_every_record_of_the_catalogue_is_short(recorded_dir):
    folder = recorded_dir / "recorded" / "bodies-2025-26"
    count = 0
    for line in (folder / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and cells[3] in OPERATIONS:
            record = decode((folder / cells[1]).read_bytes(), OPERATIONS[cells[3]].model)
            assert not isinstance(record, Record) or len(repr(record)) < 200
            count += 1
    assert count > 100
