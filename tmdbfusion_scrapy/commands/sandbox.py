"""``scrapy tmdb-sandbox``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from tmdbfusion_scrapy.commands.command import TMDBCommand

if TYPE_CHECKING:
    import argparse


class SandboxCommand(TMDBCommand):
    """Runs the sandbox, as ``python -m tmdbfusion_scrapy.sandbox`` does."""

    name = "tmdb-sandbox"
    summary = "Serve an invented TMDB on loopback, for trials and tests"
    description = "A TMDB-compatible server on loopback. Prints its base URL when it listens. Ctrl-C ends it."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        from tmdbfusion_scrapy.sandbox.__main__ import add_arguments

        super().add_options(parser)
        add_arguments(parser)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        from tmdbfusion_scrapy.sandbox.__main__ import options_of, run
        from tmdbfusion_scrapy.sandbox.server import Sandbox

        try:
            sandbox = Sandbox(options_of(opts))
        except ValueError as error:
            raise UsageError(str(error), print_help=False) from None
        self.exitcode = run(sandbox, f"scrapy {self.name}", exit_with_parent=opts.exit_with_parent)
