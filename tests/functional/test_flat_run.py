"""A flat drop by the command line: run, exit status 2 on bad input with the published data untouched."""

import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]
StateSeen = Callable[[Path], tuple[str, str]]
small_home = runpy.run_path(str(Path(__file__).parents[1] / "faults" / "sources" / "small_home.py"))


def test_a_flat_drop_runs_and_a_bad_one_changes_nothing(
    call: Call, state_seen: StateSeen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")
    folder, home = small_home["write_drop"](tmp_path / "drop"), tmp_path / "home"
    asked = ("run", "--source", "flat", "--input", folder, "--home", home, "--study", "bone_turnover")
    first = call(*asked)
    assert first.returncode == 0, first.stderr[-3000:]
    assert first.stdout.startswith("done: build ")
    told = call("query", "select count_if(is_balanced), count(*) from staging.conservation", "--home", home)
    assert told.stdout.count("4") >= 2, told.stdout
    before = state_seen(home)
    (folder / "labs.csv").write_bytes(b"%PDF-1.7\n")
    refused = call(*asked)
    assert refused.returncode == 2
    assert "labs.csv: not a table but a PDF: deliver the table itself" in refused.stderr
    assert state_seen(home) == before
