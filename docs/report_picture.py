"""Crawl the sandbox with faults, and take the picture of its report: docs/images/report.png. Needs Chromium.

python docs/report_picture.py
"""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

DOCS = Path(__file__).parent
FAULTS = {"503": 0.02, "429-retry-after": 0.0015, "string-numbers": 0.002}


def main() -> None:
    """Crawl, and take the picture."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("there is no Chromium on this machine to look with")
    options = SandboxOptions(today=datetime.date(2026, 6, 1), latency=0.03, faults=FAULTS, retry_after=1)
    with tempfile.TemporaryDirectory() as folder, ThreadedSandbox(options) as sandbox:
        settings = {
            "TMDB_API_URL": sandbox.base_url,
            "TMDB_REQUESTS_PER_SECOND": 120,
            "TMDB_REPORT": "report.html",
            "LOG_LEVEL": "ERROR",
        }
        command = [
            sys.executable,
            "-m",
            "scrapy",
            "crawl",
            "tmdb_movies",
            "-a",
            "list=popular",
            "-a",
            "pages=60",
        ]
        for name, value in settings.items():
            command += ["-s", f"{name}={value}"]
        project = {
            "SCRAPY_SETTINGS_MODULE": "example_project.settings",
            "PYTHONPATH": str(DOCS.parent / "example_project"),
            "TMDB_ACCESS_TOKEN": "sandbox",
        }
        subprocess.run(command, cwd=folder, env={**os.environ, **project}, check=True)  # noqa: S603 - our own
        subprocess.run(  # noqa: S603 - the same
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                "--window-size=1280,1560",
                f"--screenshot={DOCS / 'images' / 'report.png'}",
                f"file://{folder}/report.html",
            ],
            check=True,
        )


if __name__ == "__main__":
    main()
