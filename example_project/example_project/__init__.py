"""A Scrapy project that crawls TMDB."""
