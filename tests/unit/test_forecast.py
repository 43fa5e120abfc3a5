"""Forecast of a night: seconds from past runs, and what the lines say of canned numbers."""

from dataclasses import replace

from pipelines.forecast import Forecast, TableForecast, lines, seconds_by_table
from pipelines.warehouse.disk_budget import DiskBudget
from pipelines.warehouse.run_summary import RunSummary, TableDone

PLAIN = RunSummary("r", "nightly", "s", "e", 100.0, "done", 0, "done")


def run(**tables: TableDone) -> RunSummary:
    return replace(PLAIN, tables={name.replace("_", ".", 1): done for name, done in tables.items()})


def test_seconds_of_a_table_are_those_of_all_its_files():
    past = (
        run(staging_person=TableDone(50, 1, 3, 2.0)),
        run(staging_person=TableDone(50, 4, 0, 10.0)),
        run(staging_person=TableDone(50, 4, 0, 30.0)),
        run(staging_person=TableDone(50, 0, 4, 0.01)),
    )
    assert seconds_by_table(past) == {"staging.person": 10.0}


def test_one_file_of_a_hundred_says_nothing_of_the_others():
    assert seconds_by_table((run(staging_person=TableDone(50, 1, 99, 2.0)),)) == {}


def test_least_and_most():
    tables = (
        TableForecast("staging.person", 2, 0, 4, 10.0),
        TableForecast("mart.claim", 0, 1, 1, 3.0),
        TableForecast("mart.new", 1, 0, 1, None),
    )
    told = Forecast(("raw.flat_lab labs.csv",), tables, 20.0, DiskBudget(9.0, 2.0, "why"))
    assert told.seconds == (25.0, 28.0)
    said = "\n".join(lines(told))
    assert "1 files would be landed" in said and "raw.flat_lab labs.csv" in said
    assert "2 tables would be computed, 1 more if" in said
    assert "2 of 4 files, about 5.0 s" in said and "1 of 1 files perhaps, about 3.0 s" in said
    assert "time: 25 to 28 s (20 s of it besides tables); 1 tables never timed" in said
    assert "9.0 GB free, 2.0 GB asked for: enough" in said
