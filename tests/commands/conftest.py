"""The commands, run as ``scrapy`` runs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.cmdline import execute
from scrapy.settings import Settings

from tests.storage.conftest import (  # noqa: F401 - fixtures
    database_with_tables,
    postgres_with_tables,
    sqlite_database,
    sqlite_with_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "eyJhbGciOiJIUzI1NiJ9.token-of-the-tests"


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    status: int
    out: str
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def scrapy_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Runs a command: ``scrapy_command("tmdb-plan", "movies", TMDB_API_URL=...)``; the last are settings."""

    def run(*arguments: str, **settings: Any) -> Finished:
        values = {"SPIDER_MODULES": ["tests.commands.spiders"], "TMDB_ACCESS_TOKEN": TOKEN, **settings}

        def command() -> int:
            with pytest.raises(SystemExit) as ended:
                execute(["scrapy", *arguments], Settings(values))
            code = ended.value.code
            assert isinstance(code, int)
            return code

        capsys.readouterr()
        # A command runs an event loop of its own, and the test run has one in this thread.
        with ThreadPoolExecutor(1) as pool:
            status = pool.submit(command).result()
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        return Finished(status, said.out, said.err)

    return run
