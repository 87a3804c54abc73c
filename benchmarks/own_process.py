"""Scripts that run in a process of their own, and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run_script(
    script: Path, *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a script in a process of its own and return the last line that it prints, which is JSON.

    Args:
        script: The script.
        arguments: Its arguments.
        cwd: The folder that it runs in, by default this one.
        environment: Variables that are added to those of this process.
    """
    done = subprocess.run(
        [sys.executable, str(script.resolve()), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise SystemExit(
            f"{script.name} {' '.join(arguments[:1])} ended with status {done.returncode}\n{done.stderr}"
        )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
