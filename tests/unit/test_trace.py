"""An error nobody expected: a line without values, a trace for the owner alone, and the modes of what a home keeps."""

import os
import stat
from pathlib import Path

import pytest

from assets import cli
from assets.job import prepare_instance
from pipelines import command_line
from pipelines.settings import Settings, load


@pytest.fixture
def ended(monkeypatch, capsys):
    """Runs `trabecula` with a command that fails so, in this process: exit status and what it said."""

    def leave(status: int) -> None:
        raise SystemExit(status)

    def run(error: Exception, home: Path) -> tuple[int, str]:
        def app() -> None:
            command_line.home_of(home)
            raise error

        monkeypatch.setattr(cli, "app", app)
        monkeypatch.setattr(cli, "_leave", leave)
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr().err

    return run


@pytest.fixture
def home(tmp_path) -> Path:
    Settings(tmp_path / "home").write()
    return tmp_path / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_error_nobody_expected_quotes_no_value(ended, home):
    status, said = ended(ValueError("could not convert 'Jane Roe'"), home)
    (kept,) = (home / "dagster").glob("trace-*.txt")
    assert status == 1 and said.count("\n") == 1
    assert "Jane" not in said and "unexpected ValueError" in said and str(kept) in said
    assert "Jane Roe" in kept.read_text() and "Traceback" in kept.read_text()
    assert (mode(kept), mode(kept.parent)) == (0o600, 0o700)


def test_only_the_latest_traces_are_kept(ended, home):
    (home / "dagster").mkdir(mode=0o700)
    for number in range(25):
        (home / "dagster" / f"trace-20200101T0000{number:02d}.txt").write_text("old")
    ended(ValueError("Jane Roe"), home)
    kept = sorted((home / "dagster").glob("trace-*.txt"))
    assert len(kept) == 20 and "Jane Roe" in kept[-1].read_text()


def test_what_the_system_says_is_passed_on(ended, tmp_path):
    _, said = ended(PermissionError(13, "Permission denied", "labs.csv"), tmp_path)
    assert "Permission denied: 'labs.csv'" in said


@pytest.mark.parametrize("mistyped", ["no", "."])
def test_what_is_no_home_is_not_made_one_for_a_trace(ended, tmp_path, mistyped):
    _, said = ended(KeyError("Jane Roe"), tmp_path / mistyped)
    assert "unexpected KeyError" in said and "raised in test_trace.py" in said and "Jane" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_cannot_be_kept_is_told(ended, home):
    (home / "dagster").write_text("no folder")
    status, said = ended(ValueError("Jane Roe"), home)
    assert status == 1 and "could not be kept" in said and "Jane" not in said


def test_modes_under_an_open_umask(tmp_path):
    before = os.umask(0o022)
    try:
        settings = Settings(tmp_path / "home")
        settings.write()
        prepare_instance(settings)
        plain = mode(settings.file)
        load(settings.home, notice_webhook="https://hooks.example/secret").write()
    finally:
        os.umask(before)
    assert (plain, mode(settings.file), mode(settings.dagster_home)) == (0o640, 0o600, 0o700)
