"""Parts of collections, companies and networks."""

from __future__ import annotations

import json

import pytest

from tests.client.driving import TOKEN
from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, rows, settings_of
from tests.distributed.spiders import Collections, Companies, Keywords, Networks
from tmdbfusion_scrapy import TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.companies import CompanyDetails

IDS = ",".join(map(str, range(1, 6)))


@pytest.mark.parametrize(
    ("spider", "parts", "one"),
    [
        (Collections, ("images", "translations"), "collection"),
        (Companies, ("images", "alternative_names", "movies"), "company"),
        (Networks, ("images", "alternative_names"), "network"),
    ],
)
@coroutine_test
async def test_they_come_with_their_record_and_are_stored(tmdb_sandbox, spider, parts, one):
    settings = settings_of(tmdb_sandbox.base_url)
    ended = await crawl(spider, settings, ids=IDS, append=",".join(parts))
    assert len(tmdb_sandbox.requests) == len(ended.items) == 5
    images = set()
    for record in ended.items:
        assert [part for part in parts if getattr(record, part) is None] == []
        assert (record.missing_parts, dict(record.extras), record.drift) == ((), {}, ())
        for image_type in ("poster", "backdrop", "logo"):
            found = getattr(record.images, f"{image_type}s", ())
            images |= {(record.id, image_type, image.file_path, image.width) for image in found}
    assert images
    columns = f"{one}_id, image_type, file_path, width"
    assert set(rows(f"SELECT {columns} FROM {one}_images")) == images  # noqa: S608
    stored = rows(f"SELECT id, raw FROM {spider.kind()} WHERE fetched_at IS NOT NULL")  # noqa: S608
    assert all(json.loads(raw).keys() >= set(parts) for _, raw in stored)
    assert len(stored) == 5
    # Without parts nothing is taken away.
    await crawl(spider, settings, ids=IDS)
    assert set(rows(f"SELECT {columns} FROM {one}_images")) == images  # noqa: S608


def test_where_nothing_is_appended_it_is_said():
    with pytest.raises(ConfigurationError, match="TMDB appends nothing to keywords"):
        Keywords.plan_of({"ids": "1", "append": "images"})
    assert Companies.plan_of({"ids": "1", "append": "images"}).append == ("images",)


def test_the_client(tmdb_sandbox):
    with TMDBClient(TOKEN, base_url=tmdb_sandbox.base_url) as client:
        collection = client.collections.details(
            1, append_to_response=["images", "translations"], include_image_language=["en", None]
        )
        assert tmdb_sandbox.requests[-1].query["include_image_language"] == "en,null"
        company = client.companies.details(1, append_to_response="movies,images,alternative_names")
        network = client.networks.details(1, append_to_response="images")
    assert collection.images is not None
    assert collection.translations is not None
    assert company.movies is not None
    assert company.movies.results[0].title
    assert network.images is not None
    assert network.alternative_names is None


def test_a_recorded_company(recorded_dir):
    body = (recorded_dir / "recorded" / "bodies-2025-26" / "company-details__015.json").read_bytes()
    company = decode(body, CompanyDetails)
    assert company.movies is not None
    assert (company.movies.total_pages, company.movies.results[0].title) == (83, "Fight Club")
    assert company.images is not None
    assert company.images.logos[0].file_type == ".png"
    assert company.alternative_names is not None
    assert company.alternative_names.results[0].name == "Twentieth Century Fox Film Corporation"
    assert (dict(company.extras), company.drift) == ({}, ())
