"""Make docs/images/datasette.png anew: movies of the sandbox in a browser, as scrapy tmdb-browse shows them.

python docs/datasette_screenshot.py    # takes Chromium, and pip install -e '.[browse]'; some 20 seconds
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "datasette.png"
IMAGES = ["-s", "TMDB_IMAGES=poster", "-s", "IMAGES_STORE=images"]
SIZE = "1240,1150"


def main() -> int:
    """Crawl, serve, take the picture."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("there is no Chromium on this machine: install it")
        return 1
    scrapy = [sys.executable, "-m", "scrapy"]
    with tempfile.TemporaryDirectory() as folder:
        project = shutil.copytree(
            ROOT / "example_project", Path(folder, "project"), ignore=shutil.ignore_patterns("*.db*")
        )
        subprocess.run([*scrapy, "crawl", "tmdb_movies", "-L", "ERROR", *IMAGES], cwd=project, check=True)  # noqa: S603
        command = [*scrapy, "tmdb-browse", "--no-open", "--port", "0", *IMAGES]
        with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as browse:  # noqa: S603
            try:
                assert browse.stderr is not None  # noqa: S101 - for mypy
                address = next(
                    filter(None, (re.search(r"running on (http://\S+)", n) for n in browse.stderr))
                )
                picture = [
                    *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                    *(f"--user-data-dir={folder}/profile", f"--window-size={SIZE}"),
                    *(f"--screenshot={PICTURE}", f"{address[1]}/tmdb/movies"),
                ]
                subprocess.run(picture, check=True, capture_output=True)  # noqa: S603
            finally:
                browse.terminate()
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
