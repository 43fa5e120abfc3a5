"""The journal of runs: who is under way, who ended without a word, and that each is told by one alone."""

import os
import subprocess
import sys

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import run_journal, run_summary
from pipelines.warehouse.run_journal import Begun, Journal
from pipelines.warehouse.run_summary import RunSummary

BEGUN = Begun("20260101T020000-a", "nightly", "2026-01-01T02:00:00+00:00", 1)


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path)


def lose(settings: Settings, begun: Begun = BEGUN) -> None:
    """As a process does that is killed: what it held is held no more."""
    os.close(Journal(settings, begun)._held)


def test_a_run_is_under_way_until_it_is_closed(settings):
    assert run_journal.under_way(settings) == ()
    journal = Journal(settings, BEGUN)
    assert (run_journal.under_way(settings), run_journal.lost(settings)) == ((BEGUN,), ())
    journal.note("4f", {"lock": "ab"})
    (noted,) = run_journal.under_way(settings)
    assert (noted.dagster_run_id, noted.hashes, noted.run_id) == ("4f", {"lock": "ab"}, BEGUN.run_id)
    journal.close()
    assert (run_journal.under_way(settings), run_journal.lost(settings)) == ((), ())


def test_a_run_under_way_is_no_summary(settings):
    Journal(settings, BEGUN)
    assert run_summary.latest(settings) == ()


def test_another_process_sees_who_lives(settings):
    code = (
        "import sys; from pathlib import Path; from pipelines.settings import Settings; "
        "from pipelines.warehouse import run_journal as j; s = Settings(Path(sys.argv[1])); "
        "print(len(j.under_way(s)), len(j.lost(s)))"
    )
    journal = Journal(settings, BEGUN)

    def seen() -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(settings.home)], capture_output=True, text=True, check=True
        ).stdout

    assert seen() == "1 0\n"
    os.close(journal._held)
    assert seen() == "0 1\n"


def test_a_lost_run_is_taken_by_one_alone(settings):
    lose(settings)
    assert run_journal.lost(settings) == (BEGUN,)
    with run_journal.taken(settings, BEGUN) as first, run_journal.taken(settings, BEGUN) as second:
        assert (first, second) == (True, False)
    assert run_journal.lost(settings) == ()
    with run_journal.taken(settings, BEGUN) as late:
        assert not late


def test_who_lives_cannot_be_taken(settings):
    Journal(settings, BEGUN)
    with run_journal.taken(settings, BEGUN) as is_ours:
        assert not is_ours
    assert run_journal.under_way(settings) == (BEGUN,)


def test_a_run_that_was_killed_after_its_summary_is_not_told_again(settings):
    lose(settings)
    run_summary.write(settings, RunSummary(BEGUN.run_id, "nightly", "s", "e", 1.0, "done", 0, "done"))
    with run_journal.taken(settings, BEGUN) as is_ours:
        assert not is_ours
    assert run_journal.lost(settings) == ()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"run_id": 1}'])
def test_a_damaged_file_still_tells_that_there_was_a_run(settings, damage):
    settings.runs.mkdir()
    (settings.runs / "20260101T020000-b.running").write_text(damage)
    (begun,) = run_journal.lost(settings)
    assert (begun.run_id, begun.status) == ("20260101T020000-b", "running") and begun.started.tzinfo
