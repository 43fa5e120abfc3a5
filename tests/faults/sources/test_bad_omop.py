"""OMOP folders that are bad: refused as a whole with file and remedy, or row by row with a rule; nothing is lost."""

import runpy
from pathlib import Path

import polars as pl
import pytest

from pipelines import plan
from pipelines.errors import BadInput
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
digest = runpy.run_path(str(HERE / "small_home.py"))["digest"]
cases = runpy.run_path(str(HERE / "bad_omop.py"))


def write(folder, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (cases["DROP"] | changed).items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.fixture(scope="module")
def landed_home(tmp_path_factory):
    """A home in which a good OMOP folder was landed; to be read only."""
    base = tmp_path_factory.mktemp("omop")
    settings = Settings(base / "home", "omop", str(write(base / "drop")), memory_gb=1.0, threads=1)
    with Run(settings) as run:
        run.land()
    return settings


@pytest.mark.parametrize("form", cases["REFUSED"])
def test_a_folder_that_cannot_be_read_is_refused(landed_home, tmp_path, form):
    name, content, says = cases["REFUSED"][form]
    settings = Settings(
        landed_home.home, "omop", str(write(tmp_path / "drop", **{name: content})), memory_gb=1.0, threads=1
    )
    before = digest(landed_home.home)
    with Run(settings) as run, pytest.raises(BadInput) as refused:
        run.land()
    assert refused.value.exit_status == 2
    for phrase in says:
        assert phrase in str(refused.value)
    for value in (cases["VALUE"], "Muster", "2020-03-04"):
        assert value not in str(refused.value)
    assert digest(landed_home.home) == before


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A folder with every bad row after a good one: its account and its quarantine."""
    base = tmp_path_factory.mktemp("rows")
    rows = "".join(f"{row}\n" for row, _ in cases["ROWS"].values())
    folder = write(base / "drop", **{"measurement.csv": cases["MEASUREMENT"] + rows})
    settings = Settings(base / "home", "omop", str(folder), memory_gb=1.0, threads=1)
    wanted = ("staging.conservation", "staging.quarantine")
    needed = set(wanted).union(*(plan.upstream(table) for table in wanted))
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    return {table: Store(settings).scan(table).collect() for table in wanted}


@pytest.mark.parametrize("form", cases["ROWS"])
def test_a_row_that_cannot_be_used_is_set_aside(staged, form):
    row = 2 + list(cases["ROWS"]).index(form)
    found = staged["staging.quarantine"].filter(pl.col("source_row") == row)
    assert found["source_file"].to_list() == ["measurement.csv"]
    assert found["rule_code"].to_list() == [cases["ROWS"][form][1]]
    assert len(found["reason"].item()) > 15


def test_nothing_is_lost(staged):
    account = staged["staging.conservation"].filter(pl.col("source_file") == "measurement.csv").row(0, named=True)
    assert account["is_balanced"]
    assert account["rows_in"] == 1 + len(cases["ROWS"])
    assert (account["rows_staged"], account["rows_quarantined"]) == (1, len(cases["ROWS"]))
