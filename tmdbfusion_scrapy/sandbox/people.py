"""Credits of generated movies, series and episodes, and the people in them."""

from __future__ import annotations

from typing import Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.reference import JOBS

PEOPLE = 60_000
"""Highest id of a person: one number for catalogues of any size, so that a movie does not depend on the others."""

PERISHABLE = 8
"""Only people whose id is divisible by it may vanish; no credits name one of them."""

_DEPARTMENTS = tuple(JOBS)
_CREW_JOBS = tuple((department, job) for department, jobs in JOBS.items() for job in jobs)


def lasting_person(draws: Draws, people: int) -> int:
    """The id of a person who will not vanish."""
    item = draws.between(1, people)
    return item - 1 if item % PERISHABLE == 0 else item


def is_adult(person_id: int) -> bool:
    """Whether TMDB would call a person adult; they all are among the perishable ones."""
    return person_id % (PERISHABLE * 25) == 0


def person(seed: int, person_id: int) -> dict[str, Any]:
    """What credits say of a person; their popularity there is that of the first day."""
    draws = Draws("person", seed, person_id)
    name = words.person_name(draws)
    # Three in four act.
    department = "Acting" if draws.chance(0.75) else draws.pick(_DEPARTMENTS)
    return {
        "adult": is_adult(person_id),
        "gender": draws.below(3),
        "id": person_id,
        "known_for_department": department,
        "name": name,
        "original_name": name,
        "popularity": round(0.6 + 30 * draws.unit() ** 6, 4),
        "profile_path": None if draws.chance(0.35) else draws.image(),
    }


def actor(seed: int, draws: Draws, people: int, order: int) -> dict[str, Any]:
    """One entry of a cast."""
    return {
        **person(seed, lasting_person(draws, people)),
        "character": words.person_name(draws) if draws.chance(0.97) else "",
        "credit_id": draws.identifier(),
        "order": order,
    }


def crew_member(seed: int, draws: Draws, people: int, position: int) -> dict[str, Any]:
    """One entry of a crew; the one at position 0 directs."""
    department, job = _CREW_JOBS[0] if position == 0 else draws.pick(_CREW_JOBS)
    return {
        **person(seed, lasting_person(draws, people)),
        "credit_id": draws.identifier(),
        "department": department,
        "job": job,
    }


def movie_credits(seed: int, movie_id: int, people: int) -> dict[str, Any]:
    """About 33 cast and 20 crew entries: with the details some 16 KB, as a well-known movie has on TMDB.

    Args:
        seed: Seed of the catalogue.
        movie_id: The movie.
        people: Highest id of a person.
    """
    draws = Draws("credits", seed, movie_id)
    cast = [actor(seed, draws, people, order) for order in range(draws.between(22, 44))]
    for entry in cast:
        entry["cast_id"] = entry["order"] + 2
    crew = [crew_member(seed, draws, people, position) for position in range(draws.between(12, 28))]
    return {"cast": cast, "crew": crew}


def series_credits(seed: int, key: str, people: int) -> dict[str, Any]:
    """The credits of a series, a season or an episode: its regular cast and its crew.

    Args:
        seed: Seed of the catalogue.
        key: Names the record.
        people: Highest id of a person.
    """
    draws = Draws("tv credits", seed, key)
    return {
        "cast": [actor(seed, draws, people, order) for order in range(draws.between(4, 12))],
        "crew": [crew_member(seed, draws, people, position) for position in range(draws.between(2, 6))],
    }


def aggregated(credits_: dict[str, Any], episodes: int) -> dict[str, Any]:
    """The credits with roles and jobs in place of characters, as ``aggregate_credits`` has them."""
    cast = []
    for entry in credits_["cast"]:
        item = {key: value for key, value in entry.items() if key not in {"character", "credit_id"}}
        role = {
            "credit_id": entry["credit_id"],
            "character": entry["character"],
            "episode_count": episodes,
        }
        cast.append({**item, "roles": [role], "total_episode_count": episodes})
    crew = []
    for entry in credits_["crew"]:
        item = {key: value for key, value in entry.items() if key not in {"job", "credit_id"}}
        job = {"credit_id": entry["credit_id"], "job": entry["job"], "episode_count": episodes}
        crew.append({**item, "jobs": [job], "total_episode_count": episodes})
    return {"cast": cast, "crew": crew}
