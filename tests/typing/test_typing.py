"""The declared types hold under ``mypy --strict``."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed (extra lint)")
def test_executors():
    # Errors of the package itself are those of the lint run; here it is what a user's code sees.
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--warn-unused-ignores"]
    run = subprocess.run(
        [
            *command,
            "--config-file=",
            "--cache-dir",
            str(ROOT / ".mypy_cache" / "user"),
            str(HERE / "executors.py"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.startswith("Success"), run.stdout + run.stderr
