"""Stands in for Scrapy's build backend, see ``tests.conformance.sdist``."""
