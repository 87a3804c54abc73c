"""The clients: TMDB's API without Scrapy."""

from tmdbfusion_scrapy.client.clients import AsyncTMDBClient, TMDBClient

__all__ = ["AsyncTMDBClient", "TMDBClient"]
