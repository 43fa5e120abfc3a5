"""Fixtures of the fault campaigns: a script of this folder, run in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

WAIT_SECONDS = 4 * 3600


@pytest.fixture
def campaign(tmp_path: Path) -> Callable[..., dict]:
    """`campaign("killed.py", *arguments)`: what the script found; fails where it found a failure."""

    def run(script: str, *arguments: str) -> dict:
        found = tmp_path / "found.json"
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name(script), *arguments, "--json", found],
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return json.loads(found.read_text())

    return run
