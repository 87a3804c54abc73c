"""The database in a browser, by datasette: its metadata, and a plugin that shows images."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import backend_of
from tmdbfusion_scrapy.storage.database import database_label, open_for_reading
from tmdbfusion_scrapy.storage.sqlite import SQLITE

METADATA = Path(__file__).with_name("metadata.yaml")
PLUGINS = Path(__file__).with_name("plugins")

TIME_LIMIT = 10_000
"""Milliseconds of a query; datasette's own limit, a second, is too short for all of a large database."""


@dataclass(frozen=True)
class Browsing:
    """Database file to be browsed, where its images are, the port on loopback, and whether a browser is opened."""

    database: Path
    images_url: str
    store: Path | None
    port: int
    opens: bool

    @property
    def address(self) -> str:
        """The page of the database, or the first page where its name would have to be encoded."""
        name = self.database.stem
        return f"http://127.0.0.1:{self.port}/{name if re.fullmatch('[A-Za-z0-9_-]+', name) else ''}"

    def metadata(self) -> dict[str, Any]:
        """Return the metadata for a database of this name."""
        # It comes with datasette.
        import yaml

        found: dict[str, Any] = yaml.safe_load(METADATA.read_text(encoding="utf-8"))
        told = found["databases"].pop("tmdb")
        name = self.address.rpartition("/")[2] or self.database.stem
        told["description_html"] = told["description_html"].replace('href="tmdb/', f'href="{name}/')
        images = {"url": self.images_url, "store": str(self.store) if self.store is not None else ""}
        return {**found, "databases": {self.database.stem: told}, "plugins": {"tmdb-images": images}}

    def command(self, metadata: Path) -> list[str]:
        """Return the command that serves it, with the metadata in a file."""
        command = [
            *(sys.executable, "-m", "datasette", "serve", str(self.database), "--host", "127.0.0.1"),
            *("--port", str(self.port), "--metadata", str(metadata), "--plugins-dir", str(PLUGINS)),
            *("--setting", "sql_time_limit_ms", str(TIME_LIMIT)),
        ]
        if self.store is not None:
            command += ["--static", f"tmdb-images:{self.store}"]
        return [*command, "--open"] if self.opens else command


def database_file(url: str) -> Path:
    """Return the file of a database that can be browsed, with datasette, which has to be installed."""
    engine = open_for_reading(url)
    try:
        if backend_of(engine) is not SQLITE:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={database_label(engine.url)}: datasette reads SQLite files only. Ask this "
                "database with scrapy tmdb-query, look at it with a program for PostgreSQL such as pgAdmin, or "
                "crawl into a file: -s TMDB_DATABASE_URL=sqlite:///tmdb.db"
            )
        with engine.connect() as connection:
            path = Path(connection.exec_driver_sql("PRAGMA database_list").first()[2])  # type: ignore[index]
    finally:
        engine.dispose()
    if importlib.util.find_spec("datasette") is None:
        raise ConfigurationError("datasette is not installed: pip install 'tmdbfusion-scrapy[browse]'")
    return path


def browse(browsing: Browsing) -> int:
    """Serve a database until Ctrl-C or a signal ends it; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="tmdb-browse-") as folder:
        metadata = Path(folder, "metadata.json")
        metadata.write_text(json.dumps(browsing.metadata()), encoding="utf-8")
        # To standard output goes a line for each request.
        server = subprocess.Popen(browsing.command(metadata), stdout=subprocess.DEVNULL)  # noqa: S603
        # SIGTERM ends the command as Ctrl-C does, so that the server does not outlive it.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        with server:
            try:
                return server.wait()
            except KeyboardInterrupt:
                # A terminal tells the server, too.
                return 0
            finally:
                server.terminate()
                signal.signal(signal.SIGTERM, before)
