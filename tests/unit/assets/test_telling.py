"""How the end of a run is told: the summary, the notice, other attempts, and a run that never ends."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from assets.job import PAUSES, again_if_passing
from assets.telling import NIGHTLY, done, note_events, telling
from pipelines.errors import BadInput, BlockedByCheck, Busy, DamagedRecord
from pipelines.settings import Settings
from pipelines.warehouse.run_summary import TableDone, latest

WAIT_SECONDS = 60
OVERDUE = """
import sys, time
from dataclasses import replace
from pathlib import Path
from assets.telling import telling
from pipelines.settings import Settings

with telling(Settings(Path(sys.argv[1]), most_hours=0.5 / 3600), "nightly"):
    time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home that exists, whose notices are kept in a file."""
    script = tmp_path / "keep.py"
    script.write_text(f"import sys; open({str(tmp_path / 'notices')!r}, 'a').write(sys.stdin.read())\n")
    made = Settings(tmp_path / "home", notice_command=f"{sys.executable} {script}")
    made.write()
    return made


def notices(settings: Settings) -> list[dict]:
    file = settings.home.parent / "notices"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_good_end_is_on_record_and_nobody_is_woken(settings):
    with telling(settings, NIGHTLY) as account:
        account.verdict = "done: build b, 3 of 41 gates closed, 0 rows quarantined"
        account.hashes["input"] = "abc"
    (summary,) = latest(settings)
    assert (summary.status, summary.exit_status, summary.failure) == ("done", 0, None)
    assert summary.verdict == account.verdict and summary.kind == NIGHTLY
    assert summary.hashes["input"] == "abc" and len(summary.hashes["lock"]) == 16
    assert summary.disk["free"] > 0 and summary.peak_memory_mib > 0
    assert notices(settings) == []


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadInput("labs.csv: no rows: truncated"), "refused", "labs.csv: no rows: truncated"),
        (BlockedByCheck("staging.person breaks its contract"), "stopped", "staging.person breaks its contract"),
        (KeyboardInterrupt(), "stopped", "unexpected KeyboardInterrupt"),
        (ValueError("'Jane Roe' is no number"), "stopped", "unexpected ValueError"),
    ],
)
def test_a_bad_end_is_on_record_and_told(settings, error, status, said):
    with pytest.raises(type(error)), telling(settings, NIGHTLY):
        raise error
    (summary,) = latest(settings)
    (notice,) = notices(settings)
    assert summary.status == status and said in summary.failure and "Jane" not in summary.failure
    assert summary.verdict.startswith(f"{status}: {said}")
    assert notice["text"].endswith(summary.verdict)
    assert notice["summary"] == str(settings.runs / f"{summary.run_id}.json")


@pytest.mark.parametrize(("rows", "said"), [(0, "0"), (3, "fewer than 11"), (1_108, "1,108")])
def test_the_verdict_counts_quarantined_rows_as_the_summary_does(settings, rows, said):
    file = settings.data / "staging" / "quarantine" / "whole.parquet"
    file.parent.mkdir(parents=True)
    pl.DataFrame({"source_row": range(rows)}, {"source_row": pl.Int64}).write_parquet(file)
    with telling(settings, NIGHTLY) as account:
        account.facts["build_id"], account.gates = "b", {"all": 4, "closed": 3, "waived": 0}
        account.verdict = done(account)
    (summary,) = latest(settings)
    assert summary.verdict.endswith(f" closed, {said} rows quarantined")
    assert summary.rows_quarantined == (rows if rows != 3 else None)


def materialized(table: str, **facts: object) -> SimpleNamespace:
    """The event of a table that was brought up to date, as far as it is read."""
    held = {"dagster/row_count": 500, "files_computed": 1, "files_current": 0, "seconds": 2.0} | facts
    metadata = {name: SimpleNamespace(value=value) for name, value in held.items()}
    made = SimpleNamespace(asset_key=SimpleNamespace(path=table.split(".")), metadata=metadata)
    data = SimpleNamespace(materialization=made)
    return SimpleNamespace(is_step_materialization=True, step_materialization_data=data, event_type_value="")


def test_steps_of_people_and_across_people_are_timed_apart(settings):
    events = [
        materialized("staging.person", files_computed=4, files_merged=3, seconds=1.25),
        materialized("staging.lab_result", seconds=2.5),
        materialized("mart.claim", seconds=4.0),
    ]
    with telling(settings, NIGHTLY) as account:
        note_events(account, "run", events)
    (summary,) = latest(settings)
    assert (summary.seconds_of_people, summary.seconds_across_people) == (3.75, 4.0)
    assert summary.tables["staging.person"] == TableDone(500, 4, 0, 1.25, files_merged=3)
    assert summary.tables["mart.claim"].files_merged == 0


def test_whoever_runs_by_hand_gets_no_notice(settings):
    with pytest.raises(BadInput), telling(settings, "run"):
        raise BadInput("no")
    assert latest(settings)[0].exit_status == 2
    assert notices(settings) == []


def test_a_notice_that_fails_changes_nothing(tmp_path, capsys):
    settings = Settings(tmp_path, notice_on="always", notice_command="false")
    settings.write()
    with telling(settings, NIGHTLY) as account:
        account.verdict = "done"
    assert latest(settings)[0].exit_status == 0
    assert "the notice by command was not sent: exit status 1" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_changes_nothing_and_is_told(settings, capsys):
    settings.runs.write_text("no folder")
    with pytest.raises(BlockedByCheck), telling(settings, NIGHTLY):
        raise BlockedByCheck("stopped here")
    assert "could not be written" in capsys.readouterr().err
    assert notices(settings)[0]["summary"] is None


def test_a_refusal_makes_no_home(tmp_path):
    with pytest.raises(BadInput), telling(Settings(tmp_path / "mistyped"), "run"):
        raise BadInput("no")
    assert not (tmp_path / "mistyped").exists()


def test_a_run_that_never_ends_is_ended_and_told(settings):
    done = subprocess.run(
        [sys.executable, "-c", OVERDUE, str(settings.home)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "most_hours" in done.stderr
    assert "took longer than" in latest(settings)[0].failure


class Attempts:
    """An attempt that fails so often, and the pauses that were made."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.pauses = list(errors), []

    def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.mark.parametrize(
    ("errors", "pauses"),
    [
        ((), []),
        ((Busy("in use"), Busy("in use")), list(PAUSES[:2])),
        ((DamagedRecord("gone"),), [0.0]),
        ((DamagedRecord("gone"), Busy("in use")), [0.0, PAUSES[1]]),
    ],
)
def test_what_passes_is_tried_again(settings, errors, pauses):
    attempts = Attempts(*errors)
    with telling(settings, NIGHTLY) as account:
        account.verdict = again_if_passing(attempts, account, attempts.pauses.append)
    assert attempts.pauses == pauses
    assert latest(settings)[0].attempts == len(errors) + 1


@pytest.mark.parametrize("error", [BadInput("no"), BlockedByCheck("no"), ValueError("no")])
def test_what_stays_is_not_tried_again(settings, error):
    attempts = Attempts(error)
    with pytest.raises(type(error)), telling(settings, "run") as account:
        again_if_passing(attempts, account, attempts.pauses.append)
    assert attempts.pauses == []


def test_it_is_given_up_in_the_end(settings):
    attempts = Attempts(*[Busy("in use")] * 9)
    with pytest.raises(Busy), telling(settings, "run") as account:
        again_if_passing(attempts, account, attempts.pauses.append)
    assert attempts.pauses == list(PAUSES)
    assert latest(settings)[0].attempts == len(PAUSES) + 1
