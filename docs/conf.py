"""Sphinx builds the site: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from meta_page import meta_keys  # noqa: E402 - found by the path above
from scrapy.settings import default_settings  # noqa: E402

from tmdbfusion_scrapy.settings import SETTINGS  # noqa: E402
from tmdbfusion_scrapy.stats import STATS  # noqa: E402
from tmdbfusion_scrapy.version import __version__  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "tmdbfusion-scrapy"
author = "The tmdbfusion-scrapy authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_parser", "sphinx_scrapy"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "tmdbfusion-scrapy"
html_static_path = ["static"]
html_css_files = ["site.css"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

scrapy_intersphinx_enable = ["pytest", "scrapy-lint", "spidermon"]
# Inventories of other sites are fetched; where there is no network their links stay plain text.
if os.environ.get("DOCS_OFFLINE"):
    intersphinx_mapping: dict[str, tuple[str, None]] = {}
    scrapy_intersphinx_disable = ["python", "scrapy"]
    scrapy_intersphinx_enable = []

linkcheck_ignore = [r"http://(127\.0\.0\.1|localhost)"]
# Pages that are made by a script in the browser, or that refuse a program.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/", r"https://developer\.themoviedb\.org/"]
linkcheck_timeout = 20
linkcheck_retries = 2

META_KEYS = meta_keys()
# Those of Scrapy that its own pages do not describe.
nitpick_ignore_regex = [("setting", "(?!TMDB_).*")]


def role_of(text: str) -> str | None:
    """The role of what stands in code type: a setting, a stat, a meta key, or nothing to link to."""
    scrapys = hasattr(default_settings, text) and not os.environ.get("DOCS_OFFLINE")
    if text in SETTINGS or scrapys:
        return "setting"
    if text in STATS:
        return "stat"
    return "reqmeta" if text in META_KEYS else None


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Make links of the names in code type, as if each stood in its role."""
    if app.env.current_document.docname.startswith("reference/messages"):
        return
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        # Such as ``TMDB_CONDITIONAL = True``.
        name = text.partition("=")[0].strip()
        role = role_of(name)
        if role is None or isinstance(literal.parent, (nodes.reference, nodes.title, addnodes.pending_xref)):
            continue
        reference = addnodes.pending_xref(
            "",
            refdomain="std",
            reftype=role,
            reftarget=name,
            refexplicit=True,
            refwarn=True,
            refdoc=app.env.current_document.docname,
        )
        literal.replace_self(reference)
        reference += literal


def write_llms_full(app: Sphinx, error: Exception | None) -> None:
    """Write all pages into one file of Markdown, in the order of ``llms.txt``."""
    index = Path(app.outdir) / "llms.txt"
    if error is not None or not index.is_file():
        return
    pages = [
        Path(app.outdir) / name
        for name in re.findall(r"\]\(\S*?/latest/(\S+\.md)\)", index.read_text("utf-8"))
    ]
    whole = "\n\n---\n\n".join(page.read_text("utf-8").strip() for page in pages)
    (Path(app.outdir) / "llms-full.txt").write_text(f"{whole}\n", "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both."""
    app.connect("doctree-read", link_names)
    # After llms.txt has been written.
    app.connect("build-finished", write_llms_full, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
