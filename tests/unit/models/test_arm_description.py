"""Table 1 of clinical arms: the people of the first comparison as they are, shares as whole people, no arm told twice."""

import polars as pl
import pytest

from pipelines import mart
from pipelines.models.arm_description import arm_rows
from pipelines.models.propensity_model import contrast_key
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

STUDY = catalogue()["ai_vs_tamoxifen"]
FIRST = STUDY.contrast[0]
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")


def balance(n_target: int = 1000, having: int = 300) -> pl.DataFrame:
    """The first comparison of the study, and one more of the same arms with other people."""
    found = []
    for contrast, people in ((FIRST, n_target), (STUDY.contrast[1], 7)):
        key = contrast_key(STUDY, contrast) | {"n_target": people, "n_comparator": 400, "evidence_source": "simulated"}
        share = {"mean_target": having / 990, "mean_comparator": 0.25, "is_presence": True}
        known = {"n_known_target": 990, "n_known_comparator": 400}
        found += [
            key | known | share | {"covariate": "current_smoker"},
            key
            | known
            | {"covariate": "age_years", "mean_target": 63.5, "mean_comparator": 61.0, "is_presence": False},
            key | known | share | {"covariate": "crp_mg_l: missing"},
            key | {"covariate": "albumin_g_dl", "n_known_target": 0, "n_known_comparator": 0, "is_presence": False},
        ]
    schema = CONTRACTS["models.covariate_balance"].empty().schema
    return pl.DataFrame([{n: row.get(n) for n in schema} for row in found], schema=schema)


def baseline(rows: pl.DataFrame) -> pl.DataFrame:
    schema = CONTRACTS["models.baseline"].empty().schema
    made = pl.DataFrame([{n: row.get(n) for n in schema} for row in arm_rows(STUDY, rows)], schema=schema)
    CONTRACTS["models.baseline"].schema.validate(made, cast=True)
    return made


def told(rows: pl.DataFrame) -> dict[tuple[str, str], dict]:
    made = mart.table_one({"models.baseline": baseline(rows).lazy()}, FACTS).collect()
    CONTRACTS["mart.table_one"].schema.validate(made, cast=True)
    own = made.filter(pl.col("arm_code").str.starts_with(FIRST.target))
    return {(row["characteristic"], row["level"]): row for row in own.to_dicts()}


def test_arms_are_named_with_their_cohort_and_each_is_described_once() -> None:
    found = baseline(balance())
    arms = {f"{arm}, cohort {FIRST.cohort}" for arm in (FIRST.target, FIRST.comparator)}
    assert set(found["arm_code"]) == arms and not found["is_weighted"].any()
    people = found.filter(characteristic="People", arm_code=f"{FIRST.target}, cohort {FIRST.cohort}")
    assert people["n"].to_list() == [1000]


def test_shares_are_whole_people_and_what_is_missing_is_no_row_of_its_own() -> None:
    found = baseline(balance()).filter(pl.col("arm_code").str.starts_with(FIRST.target))
    rows = {(row["characteristic"], row["level"]): row for row in found.to_dicts()}
    assert set(rows) == {("People", "all"), ("current_smoker", "yes"), ("current_smoker", "no"), ("age_years", "mean")}
    assert rows["current_smoker", "yes"]["n"] == 300 and rows["current_smoker", "no"]["n"] == 690
    assert rows["age_years", "mean"]["estimate"] == 63.5 and rows["age_years", "mean"]["n"] == 990


@pytest.mark.parametrize(("people", "share"), [(1100, 0.30), (1099, 0.30), (549, 0.30), (219, 0.3), (109, None)])
def test_a_share_leaves_in_steps_of_at_least_the_threshold(people: int, share: float | None) -> None:
    found = told(balance(people))["current_smoker", "yes"]
    assert found["estimate"] == (None if share is None else pytest.approx(share)) and found["n"] == 300


def test_few_with_a_level_or_few_unknown_hide_it_and_its_neighbour() -> None:
    few = told(balance(990, having=4))
    assert [few["current_smoker", level][name] for level in ("yes", "no") for name in ("n", "estimate")] == [None] * 4
    near = told(balance(995))
    assert near["age_years", "mean"]["n"] is None and near["age_years", "mean"]["estimate"] == 63.5
    assert near["current_smoker", "yes"]["n"] is None
