"""Change of bone density by arm: it ends at the estimate, stays behind no closed gate, and each year is judged by itself."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import bmd_trajectory, contrast_tables
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

here = Path(__file__)
made = runpy.run_path(str(here.with_name("test_contrast_tables.py")))
cloned = runpy.run_path(str(here.with_name("test_clone_tables.py")))
FACTS, STUDY = made["FACTS"], catalogue()[made["STUDY"]]
CONTRAST = STUDY.contrast[0]
ARMS = ["aromatase_inhibitor", "tamoxifen"]
#: change in the first year of the comparator, and what the target loses besides
FIRST, BESIDES = -1.0, -1.5
NUMBERS = ("change_pct", "se_pct", "ci_low_pct", "ci_high_pct", "n_arm", "n_observed", "n_observed_other")


def scanned(tables: dict[str, pl.LazyFrame], share: float, target: str = "is_target") -> dict[str, pl.LazyFrame]:
    """The tables with scans at the end of the first year of a share of the people, older women having lost more."""
    rng = np.random.default_rng(7)
    age = tables["features.covariate"].filter(covariate_code="age_years").select("person_id", age=pl.col("value") - 65)
    values = tables["features.outcome_value"].join(age, on="person_id").sort("person_id").collect()
    noise = pl.Series(rng.normal(0, 2, values.height))
    change = FIRST + BESIDES * pl.col(target).cast(pl.Float64) - 0.1 * pl.col("age") + noise
    by_year = values.select(
        *("study_id", "contrast_number", "person_id", "trial_number"),
        year_number=pl.lit(1, pl.Int64),
        change_pct=change,
    ).filter(pl.Series(rng.random(values.height) < share))
    return tables | {"features.bmd_by_year": by_year.lazy()}


def estimated(tables: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    judged = contrast_tables.diagnostics(tables, FACTS)
    return contrast_tables.effect_estimates(tables | {"models.diagnostic": judged}, FACTS).collect().lazy()


def course(tables: dict[str, pl.LazyFrame], estimates: pl.LazyFrame) -> pl.DataFrame:
    found = bmd_trajectory.bmd_trajectory(tables | {"models.effect_estimate": estimates}, FACTS).collect()
    CONTRACTS["models.bmd_trajectory"].schema.validate(found, cast=True)
    return found.sort("contrast", "outcome", "follow_up_days", "arm_code")


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.LazyFrame]:
    return scanned(made["inputs"](1500), 0.4)


@pytest.fixture(scope="module")
def estimates(tables) -> pl.LazyFrame:
    return estimated(tables)


@pytest.fixture(scope="module")
def found(tables, estimates) -> pl.DataFrame:
    return course(tables, estimates)


def test_the_two_last_means_are_those_behind_the_estimate(found, estimates) -> None:
    (answer,) = estimates.filter(estimator="aipw", gate_status="open").collect().to_dicts()
    target, comparator = found.filter(follow_up_days=730).to_dicts()
    assert [row["arm_code"] for row in (target, comparator)] == ARMS
    assert target["change_pct"] - comparator["change_pct"] == pytest.approx(answer["estimate"], abs=1e-9)
    assert (target["n_observed"], comparator["n_observed"]) == (answer["n_target"], answer["n_comparator"])
    assert (target["n_observed_other"], comparator["n_observed_other"]) == (answer["n_comparator"], answer["n_target"])
    assert target["n_arm"] + comparator["n_arm"] == 1500
    for row in (target, comparator):
        assert row["ci_high_pct"] - row["ci_low_pct"] == pytest.approx(2 * 1.959964 * row["se_pct"], rel=1e-5)
    # Of each arm a simple mean of as many has about this error.
    assert target["se_pct"] == pytest.approx(3 / np.sqrt(target["n_observed"]), rel=0.35)
    assert set(found["contrast"]) == {answer["contrast"]}


def test_the_first_year_is_that_of_its_own_scans(found, tables) -> None:
    target, comparator = found.filter(follow_up_days=365).to_dicts()
    assert target["change_pct"] == pytest.approx(FIRST + BESIDES, abs=4 * target["se_pct"])
    assert comparator["change_pct"] == pytest.approx(FIRST, abs=4 * comparator["se_pct"])
    scans = tables["features.bmd_by_year"].collect().height
    assert target["n_observed"] + comparator["n_observed"] == scans != 0
    assert (target["gate_status"], target["gate_reason"]) == ("open", None)


def test_no_day_stands_behind_a_closed_gate(tables, estimates) -> None:
    shut = estimates.with_columns(estimate=pl.lit(None, pl.Float64))
    closed = estimates.with_columns(gate_status=pl.lit("closed"))
    for told in (shut, closed, estimates.filter(pl.col("estimator") != "aipw")):
        assert course(tables, told).is_empty()


def test_a_year_with_too_few_scans_has_a_reason_and_no_number(estimates, tables) -> None:
    few = scanned(tables, 0.04)
    first = course(few, estimates).filter(follow_up_days=365)
    assert first["gate_status"].to_list() == ["closed"] * 2
    assert all("outcomes_smaller_arm fail" in reason for reason in first["gate_reason"])
    assert first.select(NUMBERS).null_count().sum_horizontal()[0] == 2 * len(NUMBERS)
    none = course(tables | {"features.bmd_by_year": tables["features.bmd_by_year"].limit(0)}, estimates)
    assert none.filter(follow_up_days=365)["gate_status"].to_list() == ["closed"] * 2
    assert none.filter(follow_up_days=730)["change_pct"].null_count() == 0


def test_a_waiver_is_for_its_own_day(tables, estimates) -> None:
    told = estimates.with_columns(gate_status=pl.lit("waived"), gate_reason=pl.lit("a pilot"))
    found = course(tables, told)
    assert found["gate_status"].to_list() == ["open", "open", "waived", "waived"]
    assert found["gate_reason"].to_list() == [None, None, "a pilot", "a pilot"]


def test_who_was_lost_before_the_window_is_not_followed(tables) -> None:
    values = tables["features.outcome_value"].with_columns(
        followed_days=pl.when(pl.col("person_id") < 100)
        .then(274)
        .when(pl.col("person_id") < 200)
        .then(275)
        .otherwise(1916)
    )
    scans = bmd_trajectory.year_scans(tables | {"features.outcome_value": values}, STUDY, CONTRAST, 1)
    assert scans.is_followed[:100].sum() == 0 and scans.is_followed[100:].all()
    unknown = values.with_columns(followed_days=pl.lit(None, pl.Int64))
    scans = bmd_trajectory.year_scans(tables | {"features.outcome_value": unknown}, STUDY, CONTRAST, 1)
    assert not scans.is_followed.any()


def test_a_question_owns_the_years_after_the_horizon_before_its_own() -> None:
    years = {
        (study, each.words, each.outcome): bmd_trajectory.owned_years(catalogue()[study], each)
        for study in ("ai_vs_tamoxifen", "trt_ai_addon")
        for each in catalogue()[study].contrast
    }
    pair, spine = "aromatase_inhibitor vs tamoxifen, {} months, cohort active_comparator", "lumbar_spine_bmd_change_pct"
    assert years["ai_vs_tamoxifen", pair.format(24), spine] == (1,)
    assert years["ai_vs_tamoxifen", pair.format(60), spine] == (3, 4)
    assert years["ai_vs_tamoxifen", "tamoxifen vs none, 24 months, cohort surgery", spine] == (1,)
    assert years["trt_ai_addon", "add vs not, 24 months, cohort add_on", spine] == ()
    assert [bmd_trajectory.year_days(year) for year in (1, 2, 3, 4, 5)] == [365, 731, 1096, 1461, 1826]
    graced = next(each for each in STUDY.contrast if each.grace_intervals)
    assert bmd_trajectory.owned_years(STUDY, graced.model_copy(update={"window_days": 182})) == ()


def test_by_clones_every_year_has_weights_of_its_own() -> None:
    tables = scanned(cloned["given"](2000), 0.5)
    estimates = estimated(tables)
    (answer,) = estimates.filter(gate_status="open").collect().to_dicts()
    found = course(tables, estimates)
    last = found.filter(follow_up_days=730).to_dicts()
    assert [row["arm_code"] for row in last] == ["aromatase_inhibitor", "none"]
    assert last[0]["change_pct"] - last[1]["change_pct"] == pytest.approx(answer["estimate"], abs=1e-9)
    first = found.filter(follow_up_days=365).to_dicts()
    assert [row["gate_status"] for row in first] == ["open", "open"]
    assert first[1]["change_pct"] == pytest.approx(FIRST, abs=4 * first[1]["se_pct"])
    assert first[0]["change_pct"] == pytest.approx(FIRST + BESIDES, abs=4 * first[0]["se_pct"] + 0.3)
