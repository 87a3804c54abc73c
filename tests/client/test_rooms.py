"""What works without Scrapy does not load Scrapy."""

from __future__ import annotations

import subprocess
import sys

PURE = (
    "exceptions",
    "settings",
    "items",
    "stores",
    "sources",
    "transport",
    "rate_limit",
    "retrying",
    "credentials",
    "api",
    "models",
    "client",
)


CODE = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(f"tmdbfusion_scrapy.{module}")
    print(module, sorted({name.partition(".")[0] for name in sys.modules} & {"scrapy", "twisted"}))
"""


def test_pure_modules_load_neither_scrapy_nor_twisted():
    run = subprocess.run([sys.executable, "-c", CODE, *PURE], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [f"{module} []" for module in PURE]
