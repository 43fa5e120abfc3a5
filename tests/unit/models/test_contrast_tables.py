"""From features to gate to estimates: an open gate answers, a closed one has no number, and the order is diagnostics first."""

import numpy as np
import polars as pl
import pytest

from pipelines.models import contrast_tables, control_null, control_tables, propensity_model
from pipelines.models.contrast_frame import contrast_frame
from pipelines.models.point_treatment import estimate, prepare
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.warehouse.step import read_csv

STUDY = "ai_vs_tamoxifen"
FACTS = RunFacts("run", "omop", (STUDY,), "white_female", 11, "simulated")
ANSWERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "n_effective")
EFFECT = -3.0


def inputs(n: int, apart: float = 0.4, seed: int = 1) -> dict[str, pl.LazyFrame]:
    """n women with a bone density, half of them on an inhibitor; `apart` is how much age decides."""
    rng = np.random.default_rng(seed)
    age = rng.normal(65, 8, n)
    treated = rng.random(n) < 1 / (1 + np.exp(-apart * (age - 65) / 8))
    change = EFFECT * treated - 0.1 * (age - 65) + rng.normal(0, 3, n)
    seen = rng.random(n) < 0.6
    values = pl.DataFrame(
        {
            "study_id": STUDY,
            "contrast_number": 1,
            "person_id": np.arange(n),
            "trial_number": 1,
            "is_target": treated,
            "strategy_code": pl.Series([None] * n, dtype=pl.String),
            "strategy_days": pl.Series([None] * n, dtype=pl.Int64),
            "followed_days": 1916,
            "baseline_value": rng.normal(1, 0.1, n),
            "is_followed": True,
            "is_dead": False,
            "is_censored": False,
            "change": pl.Series(change),
        }
    ).with_columns(pl.when(pl.Series(seen)).then(pl.col("change")).alias("change"))
    covariates = pl.DataFrame({"person_id": np.arange(n), "age_years": age, "smoker": rng.random(n) < 0.2}).unpivot(
        ["age_years", "smoker"], index="person_id", variable_name="covariate_code"
    )
    covariates = covariates.with_columns(pl.lit(STUDY).alias("study_id"), pl.lit(1, pl.Int64).alias("trial_number"))
    given = {
        "features.outcome_value": values.lazy(),
        "features.covariate": covariates.with_columns(pl.col("value").cast(pl.Float64)).lazy(),
        **{name: listed(name) for name in ("ref.continuous_outcome", "ref.negative_control")},
    }
    return modelled(given)


def listed(table: str) -> pl.LazyFrame:
    """A code list as it is."""
    return read_csv(sql_root() / "ref" / f"{table.removeprefix('ref.')}.csv", CONTRACTS[table])


def modelled(given: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """The same with propensities and negative controls, which come before every diagnostic."""
    given |= {propensity_model.TABLE: propensity_model.propensity_model(given, FACTS)}
    return given | {control_null.TABLE: control_tables.negative_control(given, FACTS)}


def estimated(given: dict[str, pl.LazyFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Diagnostics and estimates of the first contrast."""
    judged = contrast_tables.diagnostics(given, FACTS)
    found = contrast_tables.effect_estimates(given | {"models.diagnostic": judged}, FACTS).collect()
    spine = (pl.col("outcome") == "lumbar_spine_bmd_change_pct") & pl.col("contrast").str.contains(
        ", 24 months, cohort active"
    )
    return judged.collect().filter(spine), found.filter(spine)


def test_an_open_gate_answers_with_the_primary_and_six_sensitivity_estimates() -> None:
    judged, found = estimated(inputs(1500))
    assert judged.filter(~pl.col("status").is_in(["pass", "not_applicable"])).is_empty(), judged
    assert found["estimator"].to_list() == [
        "aipw", "iptw", "overlap_weights", "stratification", "matching", "selective_scans_15", "selective_scans_30",
    ]  # fmt: skip
    assert found["estimate"].to_list() == pytest.approx([EFFECT] * 7, abs=0.6)
    primary = found.row(0, named=True)
    assert primary["ci_low"] < EFFECT < primary["ci_high"]
    assert (primary["gate_status"], primary["evidence_source"], primary["horizon_months"]) == ("open", "simulated", 24)
    assert primary["n_target"] + primary["n_comparator"] == pytest.approx(900, abs=80)
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged, cast=True)


def test_where_weights_are_cut_the_answer_with_uncut_ones_stands_beside() -> None:
    study = catalogue()[STUDY]
    by_name = {}
    for apart in (0.4, 3.0):
        prepared = prepare(contrast_frame(inputs(3000, apart), study, study.contrast[0]))
        found = {each.estimator: each.estimate for each in estimate(prepared, seed=1)}
        assert ("iptw_uncut" in found) == (prepared.weights.n_truncated > 0) == (apart > 1)
        by_name |= found
    cut, uncut = by_name["iptw"], by_name["iptw_uncut"]
    assert cut.estimate != uncut.estimate and cut.standard_error < uncut.standard_error


@pytest.mark.parametrize(
    ("n", "apart", "reason"),
    [(60, 0.4, "outcomes_smaller_arm fail"), (1500, 4.0, "largest_covariate_correlation fail"), (3, 0.0, "")],
)
def test_a_closed_gate_has_null_in_every_column_that_tells(n: int, apart: float, reason: str) -> None:
    _, found = estimated(inputs(n, apart))
    (row,) = found.to_dicts()
    assert row["gate_status"] == "closed"
    assert reason in row["gate_reason"] and row["gate_reason"]
    assert [row[name] for name in ANSWERS] == [None] * len(ANSWERS)


def test_a_contrast_without_people_is_not_evaluated_and_closed() -> None:
    given = inputs(1500)
    judged = contrast_tables.diagnostics(given, FACTS).collect().filter(pl.col("outcome") == "total_hip_bmd_change_pct")
    assert set(judged["status"]) == {"not_evaluated"}
    found = contrast_tables.effect_estimates(given | {"models.diagnostic": judged.lazy()}, FACTS).collect()
    assert set(found.filter(pl.col("outcome") == "total_hip_bmd_change_pct")["gate_status"]) == {"closed"}
    nothing = judged.clear().lazy()
    found = contrast_tables.effect_estimates(given | {"models.diagnostic": nothing}, FACTS).collect()
    assert set(found["gate_reason"]) == {"no diagnostic was evaluated"}
    assert found["estimate"].null_count() == found.height


def test_diagnostics_do_not_change_with_the_difference_in_outcome() -> None:
    given = inputs(1500)
    told = given["features.outcome_value"]
    moved = told.with_columns(pl.col("change") + 50.0 * pl.col("is_target").cast(pl.Float64))
    again = modelled(given | {"features.outcome_value": moved})
    before = contrast_tables.diagnostics(given, FACTS).collect()
    after = contrast_tables.diagnostics(again, FACTS).collect()
    assert before.drop("value").equals(after.drop("value"))
    assert before["value"].fill_null(-1).to_list() == pytest.approx(after["value"].fill_null(-1).to_list(), abs=1e-9)


def test_balance_looks_at_every_covariate_and_preference_at_everybody() -> None:
    given = inputs(1500)
    balance = contrast_tables.covariate_balance(given, FACTS).collect()
    assert set(balance["covariate"]) == {"age_years", "smoker", "baseline_log"}
    age = balance.row(by_predicate=pl.col("covariate") == "age_years", named=True)
    assert age["smd_before"] > 0.25 > 0.1 > abs(age["smd_after"])
    CONTRACTS["models.covariate_balance"].schema.validate(balance, cast=True)
    scores = contrast_tables.propensity_score(given, FACTS).collect()
    assert scores["n"].sum() == 1500
    CONTRACTS["models.propensity_score"].schema.validate(scores, cast=True)


def test_covariates_of_the_arms_themselves_may_be_left_out() -> None:
    study = catalogue()[STUDY]
    contrast = study.contrast[0]
    without = study.model_copy(update={"contrast": (contrast.model_copy(update={"exclude": ("smoker",)}),)})
    frame = contrast_frame(inputs(50), without, without.contrast[0])
    assert frame.covariates.columns == ["baseline_log", "age_years"]
    assert frame.treated.size == 50
