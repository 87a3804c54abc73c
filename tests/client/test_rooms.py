"""What works without Scrapy does not load Scrapy."""

from __future__ import annotations

import subprocess
import sys

import pytest

PURE = (
    "exceptions",
    "settings",
    "items",
    "stores",
    "sources",
    "transport",
    "pacing",
    "retrying",
    "credentials",
    "api",
    "models",
    "client",
)


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_load_neither_scrapy_nor_twisted(module):
    code = (
        f"import sys, tmdbfusion_scrapy.{module}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'scrapy', 'twisted'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
