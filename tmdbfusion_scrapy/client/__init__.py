"""The clients: TMDB's API without Scrapy."""

from tmdbfusion_scrapy.client.asynchronous import AsyncTMDBClient
from tmdbfusion_scrapy.client.blocking import TMDBClient

__all__ = ["AsyncTMDBClient", "TMDBClient"]
