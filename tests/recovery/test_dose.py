"""Doses of aromatase inhibitors read from a realistic mess, against what the simulator prescribed: by days on the drug."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters
from pipelines.warehouse.store import Store

c = pl.col
TABLE = "features.drug_supply"
DOUBTFUL = (
    "sig_ambiguous",
    "sig_range",
    "sig_as_needed",
    "sig_titration",
    "sig_stop",
    "sig_with_injection",
    "sig_as_directed",
)
QUALITY = ("plain", "doubtful", "none", "slip")


@pytest.fixture(scope="module")
def supplies(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Supplies of inhibitors: cover_days, dose read, dose prescribed (true), and where the dose came from."""
    folder: Path = tmp_path_factory.mktemp("dose")
    write_population(
        Request(folder / "simulated", 1000, 12, "real", "parquet", processes=1), load_parameters(None), simulate
    )
    settings = Settings(
        home=folder / "home", source="omop", folder=str(folder / "simulated" / "omop"), threads=1, memory_gb=2
    )
    needed = {TABLE, *plan.upstream(TABLE)}
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    store = Store(settings)
    truth = pl.scan_parquet(folder / "simulated" / "dose" / "*.parquet").select("drug_exposure_id", true="mg_per_week")
    truth = truth.join(quality_of_instruction(folder / "simulated"), on="drug_exposure_id", how="left")
    native = store.scan("raw.omop_drug_exposure").select("source_file", "source_row", "drug_exposure_id")
    fills = (
        store.scan("staging.drug_exposure")
        .filter(c("drug_class") == "aromatase_inhibitor", c("record_type") != "order")
        .join(native, on=("source_file", "source_row"))
        .join(truth, on="drug_exposure_id")
        .group_by("person_id", "ingredient", supplied_on="started_on")
        .agg(c("true").mean(), quality=pl.col("quality").max())
    )
    read = store.scan(TABLE).filter(c("drug_class") == "aromatase_inhibitor", c("cover_days") > 0)
    return read.join(fills, on=("person_id", "ingredient", "supplied_on")).filter(c("true") > 0).collect()


def quality_of_instruction(folder: Path) -> pl.LazyFrame:
    """drug_exposure_id and what its instruction was written like: 0 plain, 1 doubtful, 2 none, 3 a slip of the pen."""
    planted = [
        pl.scan_parquet(path).filter(table="drug_exposure").select(drug_exposure_id="row_id", trap=pl.lit(path.stem))
        for path in sorted((folder / "planted").glob("sig_*.parquet"))
    ]
    traps = pl.concat(planted).group_by("drug_exposure_id").agg("trap")
    rows = pl.scan_parquet(folder / "omop" / "drug_exposure" / "*.parquet").select("drug_exposure_id", "sig")
    trap = c("trap").fill_null([])
    slip, doubtful = (
        trap.list.contains("sig_daily_for_weekly"),
        trap.list.set_intersection(list(DOUBTFUL)).list.len() > 0,
    )
    value = pl.when(slip).then(3).when(c("sig").is_null()).then(2).when(doubtful).then(1).otherwise(0)
    return rows.join(traps, on="drug_exposure_id", how="left").select("drug_exposure_id", quality=value)


def errors(rows: pl.DataFrame) -> pl.DataFrame:
    """cover_days and relative error of rows whose dose was read."""
    return rows.filter(c("dose_mg_per_week").is_not_null()).select(
        "cover_days", error=(c("dose_mg_per_week") / c("true")).log().abs()
    )


def percentile_by_days(found: pl.DataFrame, share: float) -> float:
    ordered = found.sort("error")
    covered = ordered["cover_days"].cum_sum() / ordered["cover_days"].sum()
    return float(ordered.filter(covered >= share)["error"][0])


def test_nine_days_in_ten_have_the_dose_within_a_tenth(supplies):
    inside = errors(supplies).filter(c("error") <= np.log(1.1))["cover_days"].sum()
    assert supplies["cover_days"].sum() > 100_000
    assert inside >= 0.90 * supplies["cover_days"].sum()


@pytest.mark.parametrize(("source", "worst"), [("sig", 0.0), ("quantity", np.log(1.1))])
def test_error_by_where_the_dose_came_from(supplies, source, worst):
    """95 of 100 days: exact by the instruction, within a tenth by quantity over days of supply."""
    found = errors(supplies.filter(c("dose_source") == source))
    assert found.height > 500
    assert percentile_by_days(found, 0.95) <= worst + 1e-9


def test_what_was_not_read_has_no_dose_instead_of_a_guess(supplies):
    unread = supplies.filter(c("dose_source") == "not_recorded")
    assert unread.height > 50
    assert unread["dose_mg_per_week"].null_count() == unread.height


def by_quality(supplies: pl.DataFrame) -> dict[str, dict[str, float]]:
    """By quality of the instruction: days, share of them with a dose, and within a tenth, 95th percentile of the error."""
    found = {}
    for number, name in enumerate(QUALITY):
        rows = supplies.filter(quality=number)
        days, read = rows["cover_days"].sum(), errors(rows)
        within = read.filter(c("error") <= np.log(1.1) + 1e-9)["cover_days"].sum()
        found[name] = {
            "days": days,
            "read": read["cover_days"].sum() / max(days, 1),
            "within_a_tenth": within / max(days, 1),
            "error_95": np.expm1(percentile_by_days(read, 0.95)) if read.height else float("nan"),
        }
    return found


@pytest.mark.parametrize(
    ("quality", "read", "worst"), [("plain", 0.99, 1e-9), ("doubtful", 0.25, 0.1), ("none", 0.9, 0.1)]
)
def test_error_by_quality_of_the_instruction(supplies, quality, read, worst):
    """What is doubtful mostly stays without a dose; without an instruction quantity over days of supply tells it."""
    found = by_quality(supplies)[quality]
    assert found["days"] > 5_000
    assert found["read"] >= read
    assert found["error_95"] <= worst
    assert found["within_a_tenth"] >= 0.94 * found["read"]
