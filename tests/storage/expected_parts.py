"""What the parts that several kinds of documents have leave in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.storage.expected_rows import ODD, placed, readable

if TYPE_CHECKING:
    from tests.storage.expected_rows import Expected, Row

IMAGE_TYPES = {
    "posters": "poster",
    "backdrops": "backdrop",
    "logos": "logo",
    "profiles": "profile",
    "stills": "still",
}


def expect_title(expected: Expected, owner: str, title: Row, *, keywords: str, titles: str) -> None:
    """What movies and series have in common."""
    expect_linked(expected, owner, title, "genres", "genres", "genre_id")
    expect_linked(expected, owner, title, "companies", "production_companies", "company_id")
    expect_linked(expected, owner, title, "production_countries", "production_countries", "iso_3166_1")
    expect_linked(expected, owner, title, "spoken_languages", "spoken_languages", "iso_639_1")
    countries = as_elements(title.get("origin_country"), "iso_3166_1")
    expect_linked(expected, owner, title | {"list": countries}, "origin_countries", "list", "iso_3166_1")
    words = (title.get("keywords") or {}).get(keywords, [])
    expect_linked(expected, owner, title | {"list": words}, "keywords", "list", "keyword_id")
    expected.links(
        f"{owner}_alternative_titles",
        [
            {f"{owner}_id": title["id"], "position": place, **one}
            for place, one in placed((title.get("alternative_titles") or {}).get(titles))
        ],
    )
    expect_parts(expected, owner, title)


def as_elements(codes: list[Any] | None, key: str) -> list[Any]:
    """Codes in the form of elements that say no more than their code."""
    return [code if code is ODD else {key: code} for code in codes or ()]


_NAMED = {
    "genre_id": "genres",
    "company_id": "companies",
    "network_id": "networks",
    "keyword_id": "keywords",
    "iso_3166_1": "countries",
    "iso_639_1": "languages",
}


def expect_linked(expected: Expected, owner: str, record: Row, suffix: str, name: str, column: str) -> None:
    """A list of what has a table of its own."""
    key = "id" if column.endswith("_id") else column
    elements = placed(record.get(name))
    for _, element in elements:
        expected.mention(_NAMED[column], element, key=key)
    expected.links(
        f"{owner}_{suffix}",
        [
            {f"{owner}_id": record["id"], column: element[key], "position": place}
            for place, element in elements
        ],
    )


def expect_parts(expected: Expected, owner: str, record: Row) -> None:
    """The parts that several kinds have."""
    of = {f"{owner}_id": record["id"]}
    together = record.get("aggregate_credits") or record.get("credits") or {}
    if owner != "person":
        expect_cast(expected, owner, record, together.get("cast", []))
        expect_crew(expected, owner, record, together.get("crew", []))
    images = record.get("images") or {}
    expected.links(
        f"{owner}_images",
        [
            {**of, "image_type": image_type, **image}
            for name, image_type in IMAGE_TYPES.items()
            for image in readable(images.get(name))
        ],
    )
    expected.links(
        f"{owner}_videos",
        [{**of, **video} for video in readable((record.get("videos") or {}).get("results"))],
    )
    rows = []
    for one in readable((record.get("translations") or {}).get("translations")):
        codes = {"iso_639_1": one["iso_639_1"] or "", "iso_3166_1": one["iso_3166_1"] or ""}
        rows.append({**of, **codes, "language": one["english_name"], **one["data"]})
    expected.links(f"{owner}_translations", rows)
    expected.links(
        f"{owner}_external_ids",
        [
            {**of, "source": name.removesuffix("_id"), "external_id": str(value)}
            for name, value in (record.get("external_ids") or {}).items()
            if name != "id" and value not in (None, "", 0)
        ],
    )
    rows = []
    for country, offers in ((record.get("watch/providers") or {}).get("results") or {}).items():
        for offer, providers in offers.items():
            for provider in readable(providers) if isinstance(providers, list) else []:
                named = {
                    "id": provider["provider_id"],
                    "name": provider["provider_name"],
                    "logo_path": provider["logo_path"],
                }
                expected.mention("watch_providers", named)
                names = ("provider_id", "display_priority")
                rows.append(
                    {**of, "iso_3166_1": country, "offer": offer} | {name: provider[name] for name in names}
                )
    expected.links(f"{owner}_watch_providers", rows)


def expect_cast(expected: Expected, owner: str, record: Row, members: list[Row], table: str = "") -> None:
    """A cast; of a whole series a row for each role."""
    rows = []
    for member in readable(members):
        expected.mention("people", member)
        for role in readable(member.get("roles", [member])):
            row = {
                f"{owner}_id": record["id"],
                "person_id": member["id"],
                "credit_id": role["credit_id"],
                "character": role.get("character") or member.get("character_name"),
                "position": member.get("order"),
            }
            if role.get("character") == "":
                row["character"] = member.get("character_name") or ""
            rows.append(row | {name: role[name] for name in ("cast_id", "episode_count") if name in role})
    expected.links(table or f"{owner}_cast", rows)


def expect_crew(expected: Expected, owner: str, record: Row, members: list[Row]) -> None:
    """A crew; of a whole series a row for each job."""
    rows = []
    for member in readable(members):
        expected.mention("people", member)
        for job in readable(member.get("jobs", [member])):
            row = {
                f"{owner}_id": record["id"],
                "person_id": member["id"],
                "credit_id": job["credit_id"],
                "department": member["department"],
                "job": job["job"],
            }
            rows.append(row | {name: job[name] for name in ("episode_count",) if name in job})
    expected.links(f"{owner}_crew", rows)
