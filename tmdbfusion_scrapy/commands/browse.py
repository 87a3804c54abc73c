"""``scrapy tmdb-browse``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand
from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    import argparse

_PORT = 8001


class BrowseCommand(TMDBCommand):
    """Shows ``TMDB_DATABASE_URL`` in a browser, with datasette."""

    name = "tmdb-browse"
    summary = "Look at the crawl's database in a browser"
    description = (
        "Serve TMDB_DATABASE_URL, an SQLite file, with datasette on this machine, and open it in a browser: "
        "tables, queries, images. The database is only read; a crawl may write meanwhile. Ctrl-C ends it."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--port", metavar="N", type=int, help=f"TCP port (default: {_PORT}, or a free one)"
        )
        parser.add_argument("--no-open", action="store_true", help="open no browser, only say the address")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        is_port = opts.port is None or 0 <= opts.port <= 65535
        self.refuse(f"--port {opts.port}: use a number from 0 to 65535", where=not is_port)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        from tmdbfusion_scrapy.browse import Browsing, browse, database_file
        from tmdbfusion_scrapy.commands.project import database_url, images_folder
        from tmdbfusion_scrapy.settings import settings_of

        settings = self.project_settings
        browsing = Browsing(
            database_file(database_url(settings)),
            settings_of(settings).images_url,
            images_folder(settings),
            _free_port(opts.port),
            not opts.no_open,
        )
        self.say([f"{browsing.database} is at {browsing.address}; Ctrl-C ends it."])
        self.exitcode = browse(browsing)


def _free_port(wanted: int | None) -> int:
    """Return the port that is wanted; a free one for 0, and where none is wanted and the default is taken."""
    for port in (_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                reason = error.strerror
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError(f"--port {wanted}: {reason}; leave it out for a free one")
