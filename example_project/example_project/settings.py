"""Settings: the add-on does the rest.

Without a token SandboxWithoutToken crawls the bundled sandbox, whose movies are invented. Take it out and set
TMDB_ACCESS_TOKEN in the environment for a project of your own.
"""

import logging

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
# How far the crawl is, and what came of it, is shown by the add-on (docs/progress.md). Scrapy's lists at the start
# and at the end are for LOG_LEVEL = "DEBUG"; TMDB_STATS_FILE = "stats.json" keeps the stats.
LOG_VERSIONS: list[str] = []
LOGSTATS_INTERVAL = 0


def dumps_to_debug(record: logging.LogRecord) -> bool:
    """Filter of Scrapy's loggers."""
    dumps = ("Overridden settings", "Enabled ", "Dumping Scrapy stats", "Telnet ", "Remote control ")
    if record.levelno == logging.INFO and str(record.msg).startswith(dumps):
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return True


for _name in (
    "crawler",
    "middleware",
    "addons",
    "statscollectors",
    "extensions.telnet",
    "extensions.remote_control",
):
    logging.getLogger(f"scrapy.{_name}").addFilter(dumps_to_debug)

# For other hosts, as scrapy startproject has it. TMDB's slot has neither a delay nor a robots.txt: its limit is
# TMDB_REQUESTS_PER_SECOND.
USER_AGENT = "example_project (+https://www.themoviedb.org)"
ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1
DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 8}}
