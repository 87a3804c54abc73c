"""Credits of a generated movie, and the people in them."""

from __future__ import annotations

from typing import Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.reference import JOBS

# One number for catalogues of any size: a movie does not depend on how many others there are.
_PEOPLE = 60_000
_DEPARTMENTS = tuple(JOBS)
_CREW_JOBS = tuple((department, job) for department, jobs in JOBS.items() for job in jobs)


def credits_of(seed: int, movie_id: int) -> dict[str, Any]:
    """About 33 cast and 20 crew entries: with the details some 16 KB, as a well-known movie has on TMDB.

    Args:
        seed: Seed of the catalogue.
        movie_id: The movie.
    """
    draws = Draws("credits", seed, movie_id)
    cast = []
    for order in range(draws.between(22, 44)):
        person = _person(seed, draws.between(1, _PEOPLE), "Acting")
        person["cast_id"] = order + 2
        person["character"] = words.person_name(draws) if draws.chance(0.97) else ""
        person["credit_id"] = draws.identifier()
        person["order"] = order
        cast.append(person)
    crew = []
    for position in range(draws.between(12, 28)):
        # A director first: every movie has one.
        department, job = _CREW_JOBS[0] if position == 0 else draws.pick(_CREW_JOBS)
        person = _person(seed, draws.between(1, _PEOPLE), department)
        person["credit_id"] = draws.identifier()
        person["department"] = department
        person["job"] = job
        crew.append(person)
    return {"cast": cast, "crew": crew}


def _person(seed: int, person_id: int, department: str) -> dict[str, Any]:
    """What credits say of a person; the same person is the same in every movie but for the department."""
    draws = Draws("person", seed, person_id)
    name = words.person_name(draws)
    return {
        "adult": False,
        "gender": draws.below(3),
        "id": person_id,
        "known_for_department": department if draws.chance(0.8) else draws.pick(_DEPARTMENTS),
        "name": name,
        "original_name": name,
        "popularity": round(0.1 + 30 * draws.unit() ** 6, 4),
        "profile_path": None if draws.chance(0.35) else draws.image(),
    }
