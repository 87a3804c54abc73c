"""Sphinx builds the site: ``sphinx-build -W docs docs/_build``."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tmdbfusion_scrapy.version import __version__

project = "tmdbfusion-scrapy"
author = "The tmdbfusion-scrapy authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_parser", "sphinx_scrapy"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "tmdbfusion-scrapy"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

scrapy_intersphinx_enable = ["pytest", "scrapy-lint", "spidermon"]
# Inventories of other sites are fetched; where there is no network their links stay plain text.
if os.environ.get("DOCS_OFFLINE"):
    intersphinx_mapping: dict[str, tuple[str, None]] = {}
    scrapy_intersphinx_disable = ["python", "scrapy"]
    scrapy_intersphinx_enable = []
