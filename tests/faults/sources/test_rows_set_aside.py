"""Rows that cannot be used, in one drop of all forms: each is set aside by rule, counted, and nothing of the rest is lost."""

import runpy
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
small_home = runpy.run_path(str(HERE / "small_home.py"))
rows = runpy.run_path(str(HERE / "bad_rows.py"))
SET_ASIDE, HARMLESS = rows["SET_ASIDE"], rows["HARMLESS"]
DAY_FIRST = """
[[table]]
name = "day_first"
kind = "lab"
files = "us_*"
columns = { person = "id", name_text = "test", value_text = "value", unit_text = "unit", drawn_on = "day" }
dates = { drawn_on = "%d/%m/%Y" }
[[table]]
name = "aged"
kind = "person"
files = "aged*"
columns = { person = "id", sex_text = "sex", age_years = "age", age_on = "seen" }
"""


@pytest.fixture(scope="module")
def landed(published_home, tmp_path_factory):
    """One drop with every form landed and staged in a copy of the published home: its tables, and published bytes."""
    base = tmp_path_factory.mktemp("aside")
    home = small_home["copy"](published_home, base)
    folder = small_home["write_drop"](base / "drop")
    (folder / "mapping.toml").write_text(small_home["MAPPING"] + DAY_FIRST)
    for name, content, *_ in (*SET_ASIDE.values(), *HARMLESS.values()):
        (folder / name).write_bytes(content)
    before = small_home["digest"](home.builds)
    wanted = ("staging.conservation", "staging.quarantine")
    needed = set(wanted).union(*(plan.upstream(table) for table in wanted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRABECULA_KEY", "a-key-for-tests-and-nothing-else")
        with Run(replace(home, folder=str(folder))) as run:
            run.land()
            for step in plan.steps():
                if step.table in needed:
                    run.step(step)
    assert small_home["digest"](home.builds) == before, "what was published stays byte for byte"
    return {table: Store(home).scan(table).collect() for table in (*wanted, "staging.person")}


def account(landed, name):
    """The line of one file in the account of rows."""
    found = landed["staging.conservation"].filter(pl.col("source_file") == name)
    assert found.height == 1, found
    return found.row(0, named=True)


def quarantine(landed, name):
    found = landed["staging.quarantine"].filter(pl.col("source_file") == name)
    return found.sort("source_row")


@pytest.mark.parametrize("form", SET_ASIDE)
def test_a_row_that_cannot_be_used_is_set_aside_with_file_row_and_rule(landed, form):
    name, _, rows_in, staged, rules = SET_ASIDE[form]
    aside = quarantine(landed, name)
    assert dict(aside.select("source_row", "rule_code").iter_rows()) == rules
    counted = account(landed, name)
    assert counted["is_balanced"]
    assert (counted["rows_in"], counted["rows_staged"], counted["rows_quarantined"]) == (rows_in, staged, len(rules))


@pytest.mark.parametrize("form", HARMLESS)
def test_a_file_that_only_looks_odd_is_read_whole(landed, form):
    name, _, rows_in, staged = HARMLESS[form]
    assert quarantine(landed, name).is_empty()
    counted = account(landed, name)
    assert counted["is_balanced"]
    assert (counted["rows_in"], counted["rows_staged"]) == (rows_in, staged)


def test_an_age_that_cannot_be_is_no_age(landed):
    aged = landed["staging.person"].filter(pl.col("source_file") == "aged.csv").sort("source_row")
    assert aged["age_years"].to_list() == [None, 50.0]


def test_every_reason_says_what_is_wrong_and_repeats_no_value(landed):
    reasons = landed["staging.quarantine"]["reason"].unique()
    assert reasons.str.len_chars().min() > 15
    told = " ".join(reasons)
    for value in ("furlong", "wing", "osteopenic", "14.2", "1e400", "2019", "x99", "99999"):
        assert value not in told


def test_nothing_is_lost(landed):
    """Rows of all files together are what became of them, and the good drop is staged as it was."""
    counted = landed["staging.conservation"]
    assert counted["is_balanced"].all()
    names = {name for name, *_ in (*SET_ASIDE.values(), *HARMLESS.values())}
    assert names < set(counted["source_file"])
    good = counted.filter(pl.col("source_file").is_in(["people.csv", "labs.csv", "dxa.csv", "drugs.csv"]))
    assert (good["rows_in"] == good["rows_staged"]).all()
    assert good["rows_in"].sum() == 12 + 12 + 12 + 6
