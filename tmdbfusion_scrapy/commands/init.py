"""``scrapy tmdb-init``."""

from __future__ import annotations

import keyword
import re
import shlex
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.commands.command import TMDBCommand, paragraph
from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from importlib.abc import Traversable

_SUFFIX = ".tmpl"
_NAMES = {"package": "{name}", "gitignore.tmpl": ".gitignore"}
"""Names in the template that stand for others."""

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TAKEN = frozenset({"test", "tests", "spiders", "settings"})
"""Names that a package cannot have beside the project's other folders, or that mislead."""


class InitCommand(TMDBCommand):
    """Makes a project that crawls TMDB, from the template of the package."""

    name = "tmdb-init"
    most_arguments = 1
    usage = "<name>"
    summary = "Make a project that crawls TMDB: spider, pipeline, settings, tests"
    description = (
        "Make a project in a new folder of the name: settings with comments, a spider, a pipeline, tests with "
        "the sandbox, a README. It runs at once, without a token on the bundled sandbox. A folder that is "
        "there already is refused, and nothing is overwritten."
    )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        self.refuse("the name of the project is missing", where=not args)
        fault = _fault_of(args[0])
        self.refuse(f"{args[0]!r} cannot be the name of a project: {fault}", where=fault)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        name = args[0]
        folder = Path(name)
        try:
            folder.mkdir()
            for path, text in project_files(name):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
        except FileExistsError:
            raise ConfigurationError(
                f"{folder.absolute()} is there already: choose another name, or go to another folder"
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"{folder.absolute()} cannot be made: {error}; remove it, and go to a folder that is writable"
            ) from error
        self.say(_next_steps(name, folder))


def project_files(
    name: str, folder: Traversable | None = None, prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the files of a new project of a name, out of a folder of the template: the path, and the text."""
    folder = folder or files("tmdbfusion_scrapy") / "templates" / "project"
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        path = prefix + _NAMES.get(entry.name, entry.name.removesuffix(_SUFFIX)).format(name=name)
        if entry.is_dir():
            yield from project_files(name, entry, f"{path}/")
        elif entry.name.endswith(_SUFFIX):
            yield path, Template(entry.read_text(encoding="utf-8")).substitute(name=name)


def _fault_of(name: str) -> str | None:
    """Return why a name is of no use, ``None`` for a good one."""
    if not _NAME.fullmatch(name):
        return "use small letters, digits and _, a letter first, such as my_movies"
    if keyword.iskeyword(name):
        return "it is a word of Python"
    if name in _TAKEN or name in sys.stdlib_module_names or _is_installed(name):
        return "a Python module has this name, choose another"
    return None


def _is_installed(name: str) -> bool:
    """Return whether a module of this name can be imported, from elsewhere than this folder."""
    found: Any = find_spec(name)
    if found is None:
        return False
    places = [found.origin, *(found.submodule_search_locations or ())]
    here = Path.cwd() / name
    return not any(place is not None and here in (Path(place), *Path(place).parents) for place in places)


def _next_steps(name: str, folder: Path) -> Iterator[str]:
    """Yield the lines that end the command."""
    yield f"The project {name} is in {folder.absolute()}. Next:\n"
    yield f"  cd {shlex.quote(str(folder))}"
    yield "  scrapy crawl movies"
    yield "  scrapy tmdb-query grossing\n"
    yield paragraph(
        "The crawl stores 120 movies in tmdb.db: invented ones of the bundled sandbox, until a token is set "
        "(https://www.themoviedb.org/settings/api). README.md says more:"
    )
    yield "\n  export TMDB_ACCESS_TOKEN=..."
    yield "  scrapy tmdb-doctor"
    yield f"  {'' if find_spec('pytest') else 'pip install pytest && '}python -m pytest"
