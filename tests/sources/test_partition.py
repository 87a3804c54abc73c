"""Discover in parts."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.sources.discover import FIRST_DAY, LANGUAGES, Part, whole, within

pytestmark = pytest.mark.once

TODAY = date(2026, 6, 1)
PAGE = 20
DATE_NAMES = ["primary_release_date", "first_air_date"]


class Catalogue:
    """Movies as (date, votes, language), counted as TMDB counts them."""

    def __init__(self, movies):
        self.movies = Counter(movies)
        self.asked = 0
        self.found = Counter()
        self.unread = 0

    def matching(self, filters, date_name="primary_release_date"):
        """The movies that the filters let through, by the names of the endpoint's parameters."""
        first = filters.get(f"{date_name}_gte", date.min)
        last = filters.get(f"{date_name}_lte", date.max)
        least = filters.get("vote_count_gte", 0)
        most = filters.get("vote_count_lte", 10**12)
        languages = filters.get("with_original_language")
        chosen = None if languages is None else set(languages.split("|"))
        return {
            movie: number
            for movie, number in self.movies.items()
            if first <= movie[0] <= last
            and least <= movie[1] <= most
            and (chosen is None or movie[2] in chosen)
        }

    def crawl(self, part, most):
        """Read a part, or its parts, with at most so many results for one."""
        self.asked += 1
        matching = self.matching(part.filters("primary_release_date"))
        total = sum(matching.values())
        if total > most:
            smaller = part.split()
            if smaller is not None:
                for each in smaller:
                    self.crawl(each, most)
                return
            self.unread += total - most
        self.found.update(matching)


def any_movie(dice):
    day = date(1860, 1, 1) + timedelta(days=int(dice.triangular(0, 80_000, 60_000)))
    if dice.random() < 0.4:
        day = day.replace(month=1, day=1)
    votes = 0 if dice.random() < 0.6 else int(dice.paretovariate(0.4)) % 40_000
    return day, votes, dice.choice(LANGUAGES[: 1 + int(dice.expovariate(0.2))])


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_disjoint_and_make_up_the_whole(seed):
    dice = random.Random(seed)
    catalogue = Catalogue(any_movie(dice) for _ in range(400))
    most = dice.choice([1, 7, 50])
    catalogue.crawl(whole(TODAY), most)
    assert catalogue.found == catalogue.movies
    # No part is for less than a day, a number of votes and a language; all days outside are one with the nearest.
    alike = Counter()
    for (day, votes, language), number in catalogue.movies.items():
        alike[min(max(day, FIRST_DAY), whole(TODAY).end), votes, language] += number
    assert catalogue.unread == sum(max(0, number - most) for number in alike.values())


def test_what_cannot_be_split_is_unread():
    day = date(2020, 1, 1)
    catalogue = Catalogue({(day, 0, "en"): 130, (day, 0, "fr"): 70, (day, 3, "en"): 90, (day, 0, "??"): 5})
    catalogue.crawl(whole(TODAY), most=100)
    assert catalogue.unread == 30
    assert catalogue.movies - catalogue.found == {(day, 0, "??"): 5}


def test_splitting_ends_at_a_day_a_number_of_votes_and_a_language():
    dice = random.Random(1)
    for _ in range(200):
        part = whole(TODAY)
        for _ in range(200):
            smaller = part.split()
            if smaller is None:
                break
            part = dice.choice(smaller)
        assert part.start == part.end
        assert part.least_votes == (part.least_votes if part.most_votes is None else part.most_votes)
        assert len(part.languages) == 1


def test_1_200_000_movies_take_few_requests():
    dice = random.Random(3)
    movies = Counter()
    for year in range(1900, 2027):
        number = int(25_000 * 1.045 ** (year - 2026)) + 200
        # A third stands on the first of January, most of these without votes.
        movies[date(year, 1, 1), 0, "en"] += number // 6
        for language, share in (("fr", 0.03), ("es", 0.03), ("de", 0.02), ("xx", 0.01)):
            movies[date(year, 1, 1), 0, language] += int(number * share)
        for _ in range(60):
            day = date(year, 1, 1) + timedelta(days=dice.randrange(365))
            votes = int(dice.paretovariate(0.5)) - 1
            movies[day, votes, dice.choice(("en", "en", "fr", "ja"))] += number * 2 // 3 // 60
    # The two days that TMDB has the most of.
    movies[date(2024, 1, 1), 0, "en"] = 9_000
    movies[date(2024, 1, 1), 0, "pt"] = 30_000
    movies[date(2024, 1, 1), 0, "ja"] = 6_000
    total = sum(movies.values())
    movies[date(2025, 1, 1), 0, "en"] += max(0, 1_200_000 - total - 20_000)
    catalogue = Catalogue(movies)
    catalogue.crawl(whole(TODAY), most=500 * PAGE)
    assert sum(movies.values()) > 1_000_000
    assert catalogue.found == movies
    pages = sum(movies.values()) // PAGE
    assert catalogue.asked < pages / 50
    # No more than of the days that no filter can split.
    single = sum(max(0, number - 500 * PAGE) for number in movies.values())
    assert catalogue.unread == single > 0


@pytest.mark.parametrize("date_name", DATE_NAMES)
def test_tmdb_takes_the_filters(date_name):
    operation = "discover-movie" if date_name.startswith("primary") else "discover-tv"
    part = whole(TODAY)
    while part is not None:
        OPERATIONS[operation].call({}, page=1, sort_by=part.sort_by(date_name), **part.filters(date_name))
        smaller = part.split()
        part = smaller[0] if smaller else None


def test_the_outermost_parts_have_no_bound():
    first, second = whole(TODAY).split()
    assert set(first.filters("first_air_date")) == {"first_air_date_lte"}
    assert set(second.filters("first_air_date")) == {"first_air_date_gte"}
    for inner in (first.split()[1], second.split()[0]):
        assert set(inner.filters("first_air_date")) == {"first_air_date_gte", "first_air_date_lte"}
    # Without a bound there would be those without a date too.
    assert whole(TODAY).filters("first_air_date")


def test_a_days_records_are_sorted_by_their_titles():
    day = Part(TODAY, TODAY)
    assert [day.sort_by(name) for name in DATE_NAMES] == ["original_title.asc", "original_name.asc"]
    assert [whole(TODAY).sort_by(name) for name in DATE_NAMES] == [
        "primary_release_date.asc",
        "first_air_date.asc",
    ]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"primary_release_date_gte": "1990-05-01"},
        {"primary_release_date_lte": date(1990, 5, 1)},
        {"primary_release_date_gte": "1850-01-01", "primary_release_date_lte": "1999-12-31"},
        {"primary_release_date_gte": "2080-01-01"},
        {"primary_release_date_lte": "1865-01-01"},
        {"primary_release_date_gte": "2000-01-01", "primary_release_date_lte": "1999-01-01"},
        {"vote_count_gte": "2.5"},
        {"vote_count_gte": 1, "vote_count_lte": "3.9"},
        {"with_original_language": "fr|de|en|fr"},
        {"with_original_language": "en", "vote_count_lte": 0, "primary_release_date_gte": "1950-01-01"},
    ],
)
@pytest.mark.parametrize("most", [3, 60])
def test_the_filters_of_a_user_hold_in_every_part(filters, most):
    dice = random.Random(4)
    catalogue = Catalogue(any_movie(dice) for _ in range(300))
    asked = {
        name: date.fromisoformat(value)
        if name.startswith("primary") and isinstance(value, str)
        else float(value)
        if name.startswith("vote")
        else value
        for name, value in filters.items()
    }
    catalogue.crawl(within(whole(TODAY), filters, "primary_release_date"), most)
    assert catalogue.found == catalogue.matching(asked)


def test_languages_are_each_there_once():
    assert len(set(LANGUAGES)) == len(LANGUAGES) > 180
