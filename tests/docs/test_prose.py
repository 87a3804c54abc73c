"""Prose of the README and of all pages: words of the field, short sentences, and first what a page is for."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]

INSTEAD = {
    "lane": "pool, or queue",
    "pacer": "rate limiter",
    "vault": "store of secrets",
    "outlook": "estimate",
    "survey": "status, or check",
    "waiting room": "queue",
    "mend": "repair, or correct",
    "mended": "repaired, or corrected",
    "dead letter": "failure on record",
    "tombstone": "deleted_at",
    "fan-out": "requests",
    "heed": "follow",
    "heeds": "follows",
    "reckon": "estimate",
    "reckons": "estimates",
    "spared": "saved",
    "spares": "saves",
    "utilize": "use",
    "leverage": "use",
    "seamless": "say what it does",
    "seamlessly": "say what it does",
    "blazing": "give the figure",
    "robust": "say against what",
    "powerful": "say what it does",
    "simply": "leave it out",
    "basically": "leave it out",
}
"""Words that are coined, or say nothing, and what to write instead."""

LONGEST = 40
"""Words of a sentence."""

WITHOUT_EXAMPLE = {
    "architecture.md": "it describes the source",
    "reference/messages.md": "it is a list of texts",
    "reference/tables.md": "queries.md has the examples",
}


def paragraphs(page: Path) -> list[str]:
    """The paragraphs and list items, without code, tables, directives and comments; headings with their ``#``."""
    text = re.sub(
        r"^(`{3,}|:{3,})[^\n]*\n.*?^\1`*$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    found: list[str] = []
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        item = re.match(r"\s*(?:[-*]|\d+\.|:)\s+", line)
        if item or not line.strip() or re.match(r"\s*[#|%!:]", line):
            found += [" ".join(lines)] if lines else []
            lines = [line[item.end() :]] if item else []
            if line.startswith("#"):
                found.append(line)
        else:
            lines.append(line.strip())
    return found


def sentences(paragraph: str) -> list[str]:
    plain = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", paragraph))
    return re.split(r"(?<=[.!?:;])\s+", plain)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_words_are_those_of_the_field() -> None:
    found = []
    for page in PAGES:
        text = " ".join(re.sub(r"`[^`]*`", "", paragraph) for paragraph in paragraphs(page))
        for word, instead in INSTEAD.items():
            if re.search(rf"\b{word}\b", text, re.IGNORECASE):
                found.append(f"{name_of(page)}: {word} (instead: {instead})")
    assert found == []


def test_sentences_are_short() -> None:
    said = [
        f"{name_of(page)}: {sentence}"
        for page in PAGES
        for paragraph in paragraphs(page)
        for sentence in sentences(paragraph)
        if len(sentence.split()) > LONGEST
    ]
    assert said == []


def test_a_page_says_first_what_it_is_for() -> None:
    silent = []
    for page in PAGES:
        title, first, *_ = paragraphs(page)
        assert re.match(r"# \S", title), name_of(page)
        # Before the first block, table or picture; those of endpoints are lists, of which a word or two is enough.
        begin = page.read_text("utf-8").partition("\n")[2].lstrip()
        if not re.match(r"(?!```)[\[\w`*]", begin) or len(first.split()) < (2 if MADE in page.parents else 6):
            silent.append(name_of(page))
    assert silent == []


def test_a_page_has_an_example() -> None:
    without = []
    for page in PAGES:
        text = page.read_text("utf-8")
        if "```" not in text and not re.search(r"`(?:python|scrapy) [^`]+`", text):
            without.append(name_of(page).removeprefix("docs/"))
    assert set(without) <= WITHOUT_EXAMPLE.keys()


def test_an_odd_page_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nOne two. Three `four five` six:\n\n- seven\n\n```text\neight\n```\n", "utf-8")
    assert paragraphs(page) == ["# Title", "One two. Three `four five` six:", "seven"]
    assert sentences("One two. Three `four five` six:") == ["One two.", "Three code six:"]
