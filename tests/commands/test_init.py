"""``scrapy tmdb-init``, and the project that it makes, run as its users run it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.crawling.crawls import rows
from tests.crawling.test_project import environment
from tmdbfusion_scrapy.commands.init import project_files

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def run(folder, *command, **variables):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A new project, made outside of any other; its folder, and what the command said."""
    folder = tmp_path_factory.mktemp("init")
    finished = run(folder, "scrapy", "tmdb-init", "my_movies")
    assert finished.returncode == 0, finished.stdout
    return folder / "my_movies", finished.stdout


def test_the_command_names_what_comes_next(project):
    folder, said = project
    assert [line.strip() for line in said.splitlines() if line.startswith("  ")] == [
        "cd my_movies",
        "scrapy crawl movies",
        "scrapy tmdb-query grossing",
        "export TMDB_ACCESS_TOKEN=...",
        "scrapy tmdb-doctor",
        "python -m pytest",
    ]
    assert str(folder) in said
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "README.md",
        ".gitignore",
        "scrapy.cfg",
        "pyproject.toml",
        "my_movies/__init__.py",
        "my_movies/settings.py",
        "my_movies/pipelines.py",
        "my_movies/spiders/__init__.py",
        "my_movies/spiders/movies.py",
        "tests/test_movies.py",
    }


def test_the_crawl_runs_at_once_without_a_token(project, tmp_path):
    folder = shutil.copytree(project[0], tmp_path / "copy")
    finished = run(folder, "scrapy", "crawl", "movies", "-s", "TMDB_REQUESTS_PER_SECOND=0")
    assert finished.returncode == 0, finished.stdout
    (warning,) = [line for line in finished.stdout.splitlines() if "] WARNING: " in line]
    assert "sandbox" in warning
    assert "TMDB_ACCESS_TOKEN" in warning
    assert not re.search("Enabled|Overridden|Dumping", finished.stdout)
    assert "[my_movies.pipelines] INFO: Rated " in finished.stdout
    assert "Stored 120 movies in sqlite:///tmdb.db" in finished.stdout
    assert rows("SELECT count(*) FROM movies", folder / "tmdb.db") == [(120,)]


def test_its_own_tests_pass(project):
    # Plugins that are installed for our own tests take a second.
    without = [
        part for name in ("hypothesispytest", "twisted", "pytest_httpx") for part in ("-p", f"no:{name}")
    ]
    finished = run(project[0], "pytest", "-q", "-p", "no:cacheprovider", *without)
    assert finished.returncode == 0, finished.stdout
    assert "3 passed" in finished.stdout


def test_ruff_finds_nothing_in_it(project):
    pytest.importorskip("ruff", reason="ruff is an extra for the linters")
    chosen = "E,F,W,I,UP,B,SIM,C4,D1,D2,D4,RUF,PTH,RET,N"
    for arguments in (["check", "--select", chosen, "--ignore", "D203,D213"], ["format", "--check"]):
        finished = run(project[0], "ruff", *arguments, "--isolated", "--no-cache", ".")
        assert finished.returncode == 0, finished.stdout


def test_scrapy_lint_finds_nothing_in_it(project):
    lint = Path(sys.executable).with_name("scrapy-lint")
    if not lint.exists():
        pytest.skip("scrapy-lint is an extra for the linters")
    finished = subprocess.run(
        [lint], cwd=project[0], capture_output=True, text=True, timeout=300, check=False
    )
    assert (finished.returncode, finished.stdout) == (0, "")


def test_no_file_is_overwritten(scrapy_command, tmp_path):
    (tmp_path / "my_movies").mkdir()
    (tmp_path / "my_movies" / "README.md").write_text("mine")
    finished = scrapy_command("tmdb-init", "my_movies")
    assert finished.status == 1
    assert "my_movies is there already: choose another name" in finished.errors
    assert [path.name for path in (tmp_path / "my_movies").iterdir()] == ["README.md"]
    assert (tmp_path / "my_movies" / "README.md").read_text() == "mine"
    (tmp_path / "a_file").write_text("mine")
    assert scrapy_command("tmdb-init", "a_file").status == 1
    assert (tmp_path / "a_file").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the name of the project is missing"),
        (["My Movies"], "use small letters"),
        (["../movies"], "use small letters"),
        (["1movies"], "use small letters"),
        (["class"], "a word of Python"),
        (["json"], "a Python module has this name"),
        (["scrapy"], "a Python module has this name"),
        (["tests"], "a Python module has this name"),
        (["one", "two"], "unrecognized arguments"),
        (["--force", "one"], "unrecognized arguments"),
    ],
)
def test_bad_names_are_refused(scrapy_command, tmp_path, arguments, words):
    finished = scrapy_command("tmdb-init", *arguments)
    assert finished.status == 2
    assert words in finished.errors
    assert list(tmp_path.iterdir()) == []


def test_the_template_is_in_wheel_and_sdist(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "tmdbfusion_scrapy",
        source / "tmdbfusion_scrapy",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    code = "from setuptools.build_meta import *; print(build_sdist('..')); print(build_wheel('..'))"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
    (sdist,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    template = ROOT / "tmdbfusion_scrapy" / "templates"
    wanted = {str(path.relative_to(ROOT)) for path in template.rglob("*") if path.is_file()}
    assert len(wanted) == len(list(project_files("any")))
    assert wanted <= in_sdist
    assert wanted <= in_wheel
