"""Settings: the add-on does the rest.

Without a token SandboxWithoutToken crawls the bundled sandbox, whose movies are invented. Take it out and set
TMDB_ACCESS_TOKEN in the environment for a project of your own.
"""

BOT_NAME = "example_project"
SPIDER_MODULES = ["example_project.spiders"]
# The exit status of scrapy crawl tells what became of the crawl.
COMMANDS_MODULE = "tmdbfusion_scrapy.commands.crawl"

ADDONS = {
    "tmdbfusion_scrapy.sandbox.SandboxWithoutToken": 400,
    "tmdbfusion_scrapy.Addon": 500,
}
# Known before add-ons are loaded: scrapy crawl tmdb_movies -O movies.parquet
FEED_EXPORTERS = {"parquet": "tmdbfusion_scrapy.feeds.ParquetItemExporter"}
FEED_EXPORT_ENCODING = "utf-8"
LOG_LEVEL = "INFO"

# For other hosts, as scrapy startproject has it. TMDB's slot has neither a delay nor a robots.txt: its limit is
# TMDB_REQUESTS_PER_SECOND.
USER_AGENT = "example_project (+https://www.themoviedb.org)"
ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1
DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 8}}
