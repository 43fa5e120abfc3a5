"""The manners of the command line: examples in every help, a bar at a terminal only, JSON where a program would read."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from assets.cli import app
from pipelines import progress

WORK = """
from pipelines import progress
with progress.shown(2, "work") as bar:
    for part in ("one", "two"):
        progress.current().say(f"{part} is [done]")
        progress.current().step(part, total=2)
"""


def commands() -> dict[str, object]:
    """Every command by its words, groups taken apart."""
    found: dict[str, object] = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {each}": one for each, one in inner.items()} if inner else {name: command}
    return found


@pytest.mark.parametrize("words", commands())
def test_every_help_has_an_example_of_itself(words: str) -> None:
    shown = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"trabecula {words}" in shown.output, shown.output
    assert "Example: " in shown.output
    assert "\x1b" not in shown.output


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).output


def environment(root: Path) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "PYTHONPATH": str(root), "TERM": "xterm"}


def test_piped_work_says_lines_and_no_control_code(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, check=True, env=environment(root))
    assert done.stdout == b""
    assert done.stderr == b"one is [done]\ntwo is [done]\n"


def test_at_a_terminal_there_is_a_bar_and_every_line_stays(root: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", WORK], stderr=theirs, env=environment(root)) as work:
        os.close(theirs)
        seen, deadline = b"", time.monotonic() + 120
        while time.monotonic() < deadline and select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            seen += part
    os.close(ours)
    assert work.returncode == 0
    assert b"one is [done]" in seen and b"two is [done]" in seen
    assert b"\x1b[" in seen and b"2/2" in seen


def test_without_a_bar_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress.current().say("landed")
    assert capsys.readouterr() == ("", "landed\n")


def test_doctor_answers_as_json_with_the_same_status(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path), "--json"])
    findings = json.loads(told.output)
    assert findings and all(set(each) >= {"subject", "is_fine", "what", "remedy"} for each in findings)
    assert told.exit_code == (0 if all(each["is_fine"] for each in findings) else 1)


def test_check_answers_as_json_and_null_is_null(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "warehouse.duckdb") as made:
        made.execute(
            "create schema mart; create table mart.quality_result as select 'a.b.c' as check_id, 'a.b' as table_name, 'all' as "
            "stratum, 'critical' as severity, 'pass' as status, null::bigint as n_violated, 90 as n_evaluated, 'asks' as note"
        )
    told = CliRunner().invoke(app, ["check", "--home", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output) == [
        {
            "check_id": "a.b.c",
            "stratum": "all",
            "severity": "critical",
            "status": "pass",
            "n_violated": None,
            "n_evaluated": 90,
            "note": "asks",
        }
    ]
