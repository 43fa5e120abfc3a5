"""Contrasts by clones from features to estimates: days become intervals, everybody is cloned, a closed gate has no number."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import clone_treatment, contrast_tables, propensity_model
from pipelines.models.clone_frame import clone_frame, grace_course, strategy_numbers
from pipelines.models.clone_treatment import CLONES, UNCUT
from pipelines.models.clone_weighting import NOTHING, SEVERAL
from pipelines.models.propensity import PENALTIES
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

made = runpy.run_path(str(Path(__file__).with_name("test_contrast_tables.py")))
FACTS, STUDY = made["FACTS"], made["STUDY"]
study = catalogue()[STUDY]
CLONED = next(place for place, each in enumerate(study.contrast) if each.grace_intervals and each.comparator == "none")
TRUE_EFFECT = -3.0


def given(n: int, seed: int = 4) -> dict[str, pl.LazyFrame]:
    """The tables of a population in which older women begin an inhibitor sooner, and some die before they do."""
    rng = np.random.default_rng(seed)
    tables = made["inputs"](n, seed=seed)
    values = tables["features.outcome_value"].collect()
    age = (
        tables["features.covariate"]
        .filter(pl.col("covariate_code") == "age_years")
        .sort("person_id")
        .collect()["value"]
        .to_numpy()
    )
    days = rng.exponential(260 / np.exp(0.03 * (age - 65)), n).astype(np.int64)
    dies = np.where(rng.random(n) < 0.1, rng.integers(1, 184, n), 2000)
    begins = (days <= 183) & (days <= dies)
    kind = np.where(rng.random(n) < 0.2, "tamoxifen", "aromatase_inhibitor")
    code = np.where(begins, kind, np.where(dies >= 183, "none", ""))
    change = TRUE_EFFECT * (code == "aromatase_inhibitor") - 0.1 * (age - 65) + rng.normal(0, 3, n)
    followed = dies > 183
    seen = followed & (rng.random(n) < 0.7)
    columns = {
        "contrast_number": CLONED + 1,
        "is_target": code == "aromatase_inhibitor",
        "strategy_code": pl.Series([each or None for each in code]),
        "strategy_days": pl.Series([int(d) if b else None for d, b in zip(days, begins, strict=True)], dtype=pl.Int64),
        "followed_days": np.minimum(dies, 1916),
        "is_followed": followed,
        "change": pl.Series([float(c) if s else None for c, s in zip(change, seen, strict=True)]),
    }
    values = values.with_columns(
        **{name: pl.lit(v) if isinstance(v, int) else pl.Series(v) for name, v in columns.items()}
    ).with_columns(pl.col("contrast_number").cast(pl.Int64))
    tables |= {"features.outcome_value": values.lazy()}
    return made["modelled"](tables)


@pytest.fixture(scope="module")
def found() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Diagnostics, estimates and balance of 2,000 women."""
    tables = given(2000)
    judged = contrast_tables.diagnostics(tables, FACTS).collect()
    estimates = contrast_tables.effect_estimates(tables | {"models.diagnostic": judged.lazy()}, FACTS).collect()
    return judged, estimates, contrast_tables.covariate_balance(tables, FACTS).collect()


def test_days_become_intervals() -> None:
    cohort = next(each for each in study.cohort if each.code == "surgery")
    numbers = strategy_numbers(cohort)
    assert numbers == {"aromatase_inhibitor": 0, "tamoxifen": 1, "none": NOTHING}
    rows = pl.DataFrame(
        {
            "strategy_code": ["aromatase_inhibitor", "tamoxifen", "none", None, None, "aromatase_inhibitor"],
            "strategy_days": [0, 183, None, 40, None, -3],
            "followed_days": [700, 183, 183, 700, 182, 0],
        }
    )
    course = grace_course(rows, numbers, 183, 6)
    assert course.begun.tolist() == [0, 1, NOTHING, SEVERAL, NOTHING, 0]
    # 184 days in six intervals of 30.67: day 40 is in the second, the last day of the period in the last.
    assert course.begun_at.tolist() == [0, 5, 6, 1, 6, 0]
    assert course.ended_at.tolist() == [6, 6, 6, 6, 5, 0]


def test_an_open_gate_gives_the_effect_and_its_error(found: tuple[pl.DataFrame, ...]) -> None:
    judged, estimates, balance = found
    for table, rows in (("models.diagnostic", judged), ("models.effect_estimate", estimates)):
        CONTRACTS[table].schema.validate(rows, cast=True)
    (row,) = estimates.filter(gate_status="open").rows(named=True)
    assert (row["estimator"], row["outcome"]) == (CLONES, "lumbar_spine_bmd_change_pct")
    assert row["contrast"] == "aromatase_inhibitor vs none, 24 months, cohort surgery"
    assert row["ci_low"] < TRUE_EFFECT < row["ci_high"]
    assert 0.1 < row["se"] < 0.5
    mine = judged.filter(contrast=row["contrast"], outcome=row["outcome"])
    told = dict(mine.select("diagnostic", "value").iter_rows())
    status = dict(mine.select("diagnostic", "status").iter_rows())
    assert status["equipoise"] == status["largest_covariate_correlation"] == "not_applicable"
    assert told["n_observed_target"] == row["n_target"]
    assert told["kept_share_target"] == told["n_target"] / 2000
    assert balance["n_target"].unique().to_list() == [told["n_target"]]


def test_where_weights_are_cut_they_stand_uncut_beside(
    found: tuple[pl.DataFrame, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, (judged, whole, _) = given(2000), found
    monkeypatch.setattr(clone_treatment, "MOST_WEIGHT", 2.0)
    rows = contrast_tables.effect_estimates(tables | {"models.diagnostic": judged.lazy()}, FACTS).collect()
    opened = {row["estimator"]: row for row in rows.filter(gate_status="open").iter_rows(named=True)}
    (uncut,) = whole.filter(gate_status="open").rows(named=True)
    assert opened.keys() == {CLONES, UNCUT}
    assert opened[CLONES]["estimate"] != uncut["estimate"]
    for figure in ("estimate", "se", "ci_low", "ci_high", "p_value"):
        assert opened[UNCUT][figure] == pytest.approx(uncut[figure])


def test_a_closed_gate_names_clones_and_has_no_number(found: tuple[pl.DataFrame, ...]) -> None:
    _, estimates, _ = found
    shut = estimates.filter(pl.col("contrast").str.contains("surgery"), pl.col("gate_status") == "closed")
    assert shut["estimator"].unique().to_list() == [CLONES]
    assert shut.select("estimate", "se", "ci_low", "ci_high", "p_value").null_count().sum_horizontal().sum() == 5 * 5
    assert not shut["gate_reason"].is_null().any()


def test_there_is_no_propensity_of_clones() -> None:
    tables = given(300)
    model = tables[propensity_model.TABLE].filter(pl.col("contrast").str.contains("surgery")).collect()
    assert set(model["problem"]) == {propensity_model.NO_PROPENSITY, "an arm is empty"}
    kept = model.filter(pl.col("problem") == propensity_model.NO_PROPENSITY)
    assert kept["penalty"].is_in(PENALTIES).all() and kept["coefficient"].null_count() == kept.height
    assert contrast_tables.propensity_score(tables, FACTS).collect().is_empty()
    assert clone_frame(tables, study, study.contrast[CLONED]).course.begun.size == 300
    with pytest.raises(ValueError, match="no contrast by clones"):
        clone_frame(tables, study, study.contrast[0])
