"""Tutorials and how-to guides: files and commands work as printed, one after the other, and answer as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scrapy_program import programs

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = sorted(
    path for folder in ("tutorial", "how-to", "examples") for path in (DOCS / folder).glob("*.md")
)

BLOCK = re.compile(
    r"(?:^(?:% |<!-- )((?:not run|run by): [^\n]+?)(?: -->)?\n(?:<!-- [^\n]+ -->\n)?)?^(`{3,})([^\n]+)\n(.*?)^\2$",
    re.MULTILINE | re.DOTALL,
)
CAPTION = re.compile(r":caption: (.+)\n+")

NEEDS = {
    "first-crawl": ["matplotlib", "pandas"],
    "web-application": ["fastapi"],
    "data-sets": ["pyarrow", "pandas"],
}
"""What a guide has its reader install besides the package."""

LONG = {"own-spider", "own-storage", "test-your-spider", "mirror", "languages", "images", "upgrade"}
"""Guides of several crawls each."""


@dataclass(frozen=True)
class Block:
    """A block of a page: a file, commands, or what they print."""

    kind: str
    text: str
    not_run: str
    """Why it is not run here, or ``run by:`` and the test that runs it; else empty."""


def blocks(page: Path) -> list[Block]:
    found = []
    for reason, _, kind, text in BLOCK.findall(page.read_text("utf-8")):
        if kind.startswith("{literalinclude} "):
            # The file beside the page.
            name = kind.removeprefix("{literalinclude} ")
            text = f":caption: {name}\n\n{(page.parent / name).read_text('utf-8')}"  # noqa: PLW2901
        caption = CAPTION.match(text)
        if caption:
            found.append(Block(f"file {caption[1]}", text[caption.end() :], reason))
        else:
            found.append(Block(kind, text, reason))
    return found


def pattern_of(printed: str) -> str:
    """The pattern of an output; ``...`` stands for anything, and the number of spaces does not count."""
    words = " ".join(printed.split())
    return re.escape(words).replace(r"\.\.\.", ".*").replace(r"\ ", r"\s*")


class Reader:
    """Does what a page says in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        names = [name for name in os.environ if name.startswith(("TMDB_", "SCRAPY_", "COVERAGE_"))]
        self.environment = {name: value for name, value in os.environ.items() if name not in names}
        installed = str(Path(sys.executable).parent)
        self.environment["PATH"] = os.pathsep.join([programs(), installed, self.environment["PATH"]])
        self.environment["PYTHONPATH"] = str(ROOT)

    def write(self, name: str, text: str) -> None:
        # What belongs into the system is not tried.
        if not name.startswith("/"):
            (self.folder / name).write_text(text, "utf-8")

    def run(self, commands: str) -> None:
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f"{commands}\npwd > {self.folder}/.folder"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        where = Path((self.folder / ".folder").read_text("utf-8").strip())
        (self.folder / ".folder").unlink()
        self.folder = where
        self.said = done.stdout


def guide(page: Path) -> Any:
    return pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in LONG else [])


@pytest.mark.parametrize("page", [guide(page) for page in GUIDES])
def test_a_guide_works_as_printed(page: Path, tmp_path: Path) -> None:
    for module in NEEDS.get(page.stem, ()):
        pytest.importorskip(module)
    reader = Reader(tmp_path)
    for block in blocks(page):
        if block.not_run:
            continue
        if block.kind.startswith("file "):
            reader.write(block.kind.removeprefix("file "), block.text)
        elif block.kind == "bash":
            reader.run(block.text)
        elif block.kind == "text":
            assert re.search(pattern_of(block.text), " ".join(reader.said.split())), reader.said
        else:
            assert block.kind == "{toctree}", f"{block.kind} is neither run nor marked as not run"


def test_a_guide_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    with pytest.raises(AssertionError, match="boom"):
        reader.run("echo boom; false")
    reader.run("mkdir there; cd there; echo 3 movies")
    assert reader.folder == tmp_path / "there"
    assert re.search(pattern_of("...\n3  movies"), reader.said)
    assert not re.search(pattern_of("4 movies"), reader.said)
