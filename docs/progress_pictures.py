"""Makes docs/images/progress.svg and summary.svg, and the texts of docs/progress.md, by a crawl of the sandbox.

python docs/progress_pictures.py
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tmdbfusion_scrapy.sandbox import SandboxProcess

DOCS = Path(__file__).parent
COLUMNS = 100
ARGUMENTS = ("-a", "source=export", "-a", "limit=500")
LOG = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[")
TOP = re.compile(r"\r\x1b\[\d+A")


def crawl_in_a_terminal() -> str:
    """Return all that a crawl writes to a terminal."""
    sandbox = SandboxProcess(
        ["--movies", "2000", "--seed", "1", "--latency", "80ms", "--faults", "429=0.004,500=0.02"]
    )
    sandbox.start()
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(DOCS.parent / "example_project", project)
        urls = {"TMDB_API_URL": sandbox.base_url, "TMDB_EXPORTS_URL": sandbox.exports_url}
        settings = [part for name, url in urls.items() for part in ("-s", f"{name}={url}")]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "scrapy", "crawl", "tmdb_movies", *ARGUMENTS, *settings],
            cwd=project,
            env={**os.environ, "TMDB_ACCESS_TOKEN": "sandbox", "TERM": "xterm-256color", "LANG": "C.UTF-8"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        output = b""
        while piece := _read(ours):
            output += piece
        process.wait()
    sandbox.stop()
    return output.decode()


def _read(terminal: int) -> bytes:
    """Return what comes next; nothing at the end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def pictures(output: str) -> tuple[Text, Text]:
    """Return the log with the block below it in the midst of the crawl, and the end."""
    frames = TOP.split(output)
    seen = [number for number, frame in enumerate(frames) if re.search(r" [5-9]\d%", frame)]
    number = seen[0]
    before = _lines("\n".join(frames[:number]))
    log = [line for line in before if LOG.match(line)]
    block = [line for line in _lines(frames[number]) if not LOG.match(line)]
    progress = "\n".join([*log, *block])
    end = output[output.rindex("tmdb_movies: ") :]
    start = output[: output.rindex("tmdb_movies: ")].rpartition("\n")[2]
    return Text.from_ansi(progress), Text.from_ansi((start + end.rstrip()).replace("\r", ""))


def _lines(output: str) -> list[str]:
    """Return the lines with their colours, without what moves the cursor."""
    shown = re.sub(r"\x1b\[[\d;]*[KJA]", "", output).replace("\r", "")
    return [line for line in shown.split("\n") if line.strip()]


def write(text: Text, name: str, title: str) -> str:
    """Write a picture, and return its text."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(text, overflow="fold")
    plain = console.export_text(clear=False, styles=False)
    svg = console.export_svg(title=title, unique_id=name)
    # Nothing is loaded from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (DOCS / "images" / f"{name}.svg").write_text(svg, encoding="utf-8")
    return "\n".join(line.rstrip() for line in plain.rstrip().splitlines())


def main() -> None:
    """Make pictures and texts."""
    progress, summary = pictures(crawl_in_a_terminal())
    page = DOCS / "progress.md"
    text = page.read_text(encoding="utf-8")
    for picture, name in ((progress, "progress"), (summary, "summary")):
        shown = write(picture, name, f"scrapy crawl tmdb_movies {' '.join(ARGUMENTS)}")
        fence = f"<!-- {name} -->\n```text\n"
        before, _, rest = text.partition(fence)
        text = f"{before}{fence}{shown}\n```\n{rest.partition('```' + chr(10))[2]}"
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
