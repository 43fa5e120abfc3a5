"""Summaries of runs: what may be said of an error, few rows, retention, and reading back."""

import stat
from dataclasses import replace

import pytest

from pipelines.errors import BadInput, DiskFull
from pipelines.settings import Settings
from pipelines.warehouse import run_summary
from pipelines.warehouse.run_summary import RunSummary, TableDone


def made(number: int = 1, **more) -> RunSummary:
    plain = RunSummary(f"2026010{number}T000000-a", "nightly", "s", "e", 2.0, "done", 0, f"done: {number}")
    return replace(plain, **more)


def test_a_summary_reads_back_as_it_was(tmp_path):
    settings = Settings(tmp_path)
    kept = made(tables={"staging.person": TableDone(None, 1, 2, 0.5)}, gates={"all": 41, "closed": 3, "waived": 0})
    path = run_summary.write(settings, kept)
    assert run_summary.latest(settings) == (kept,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_oldest_go_and_the_newest_come_first(tmp_path):
    settings = Settings(tmp_path, keep_summaries=3)
    for number in range(1, 7):
        run_summary.write(settings, made(number))
    assert [one.verdict for one in run_summary.latest(settings, 9)] == ["done: 6", "done: 5", "done: 4"]
    assert [one.verdict for one in run_summary.latest(settings)] == ["done: 6"]


@pytest.mark.parametrize("damage", ["", "{", '{"run_id": 1}', "[]"])
def test_a_damaged_summary_is_passed_over(tmp_path, damage):
    settings = Settings(tmp_path)
    run_summary.write(settings, made(1))
    (settings.runs / "20270101T000000-b.json").write_text(damage)
    assert run_summary.latest(settings) == (made(1),)


def test_nothing_on_record(tmp_path):
    assert run_summary.latest(Settings(tmp_path)) == ()


@pytest.mark.parametrize(("rows", "shown"), [(0, 0), (1, None), (10, None), (11, 11), (5_000, 5_000)])
def test_few_rows_are_left_out(rows, shown):
    assert run_summary.shown(rows, 11) == shown


def test_only_what_is_ours_or_the_systems_is_repeated():
    assert run_summary.failure_words(BadInput("labs.csv: no rows")) == "labs.csv: no rows"
    assert run_summary.failure_words(DiskFull("home: full")) == "home: full"
    assert "denied" in run_summary.failure_words(PermissionError(13, "denied"))
    said = run_summary.failure_words(ValueError("could not convert 'Jane Roe' to a number"))
    assert "Jane" not in said and "ValueError" in said
