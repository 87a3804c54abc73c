"""The declared types hold for type checkers in their strict modes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed (extra lint)")
def test_executors_under_mypy():
    # Errors of the package itself are those of the lint run; here it is what a user's code sees.
    ended = run(
        "mypy",
        *("--strict", "--follow-imports=silent", "--warn-unused-ignores", "--config-file="),
        *("--cache-dir", str(ROOT / ".mypy_cache" / "user")),
        str(HERE / "executors.py"),
    )
    assert ended.stdout.startswith("Success"), ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed (extra lint)")
def test_executors_under_pyright():
    ended = run("pyright", "--project", str(HERE), "--pythonpath", sys.executable)
    summary = re.search(r"^(\d+) errors?, (\d+) warnings?", ended.stdout, re.MULTILINE)
    if summary is None and ended.returncode == 1:
        # The package on PyPI fetches Node.js where there is none.
        pytest.skip(f"pyright cannot start here: {ended.stderr.strip().splitlines()[-1:]}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert summary is not None
    assert summary.groups() == ("0", "0"), ended.stdout
