"""Effects by stratum as rows: open where trial and strata allow it, else closed without a number; nothing of the future."""

import datetime as dt
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import mart
from pipelines.models import contrast_tables, modifier_tables
from pipelines.models.contrast_frame import contrast_frame
from pipelines.models.effect_modification import UNKNOWN
from pipelines.models.modifier_frame import strata
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.trials.waiver import REQUIRED

beside = runpy.run_path(str(Path(__file__).with_name("test_contrast_tables.py")))
TRIAL, EFFECT = beside["STUDY"], beside["EFFECT"]
FACTS = RunFacts("run", "omop", ("ai_vs_tamoxifen", "modifiers"), "white_female", 11, "simulated")
SPINE, INDEX = "lumbar_spine_bmd_change_pct", dt.date(2020, 1, 1)
#: what the effect in the obese is more
PLANTED = 2.0
ANSWERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator", "n_effective")


def inputs(n: int = 2000, apart: float = 0.4, unknown: int = 0) -> dict[str, pl.LazyFrame]:
    """n women as in the tests of contrasts, with a body mass that changes the effect, a statin that does not, and genotypes."""
    given = beside["inputs"](n, apart)
    rng = np.random.default_rng(6)
    mass = rng.normal(28, 5, n)
    statin = (rng.random(n) < 0.3).astype(float)
    more = pl.DataFrame({"person_id": np.arange(n), "body_mass_index": mass, "drug_statin_365d": statin})
    more = more.unpivot(["body_mass_index", "drug_statin_365d"], index="person_id", variable_name="covariate_code")
    more = more.with_columns(pl.lit(TRIAL).alias("study_id"), pl.lit(1, pl.Int64).alias("trial_number"))
    is_left_out = (pl.col("covariate_code") == "body_mass_index") & (pl.col("person_id") < unknown)
    old = given["features.covariate"].collect()
    covariates = pl.concat([old, more.filter(~is_left_out).select(old.columns)])
    is_more = pl.Series(mass >= 30) & pl.col("is_target")
    values = given["features.outcome_value"].with_columns(
        pl.col("change") + PLANTED * is_more.cast(pl.Float64), index_on=pl.lit(INDEX)
    )
    given |= {"features.covariate": covariates.lazy(), "features.outcome_value": values}
    given["staging.observation"] = genotypes(rng.integers(0, 3, n // 2), INDEX).lazy()
    return beside["modelled"](given)


def genotypes(alleles: np.ndarray, observed_on: dt.date) -> pl.DataFrame:
    return pl.DataFrame({"person_id": np.arange(alleles.size), "value": alleles.astype(float)}).with_columns(
        pl.lit("cyp19a1_rs700518").alias("observation_code"), pl.lit(observed_on).alias("observed_on")
    )


def told(given: dict[str, pl.LazyFrame], facts: RunFacts = FACTS) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Diagnostics and estimates of the modifiers of the spine."""
    own = replace(facts, studies=tuple(name for name in facts.studies if name == TRIAL))
    of_trial = contrast_tables.diagnostics(given, own).collect()
    judged = modifier_tables.diagnostics(given, facts, of_trial).collect()
    everything = given | {"models.diagnostic": pl.concat([of_trial, judged]).lazy()}
    found = modifier_tables.effect_estimates(everything, facts).collect()
    is_spine = pl.col("contrast").str.contains(", 24 months, cohort active") & (pl.col("outcome") == SPINE)
    return judged.filter(is_spine), found.filter(is_spine)


def by(frame: pl.DataFrame, code: str) -> pl.DataFrame:
    return frame.filter(pl.col("contrast").str.ends_with(f", by {code}"))


@pytest.fixture(scope="module")
def answered() -> tuple[pl.DataFrame, pl.DataFrame]:
    return told(inputs())


def test_an_open_gate_tells_each_stratum_and_the_difference(answered: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    judged, found = answered
    own = by(found, "body_mass_index")
    assert own["estimator"].to_list() == [
        "interaction",
        "aipw, under 30 kg/m2",
        "aipw, 30 kg/m2 or more",
        "interaction_fdr",
    ]
    first, low, high, discovery = own.to_dicts()
    assert first["estimate"] == pytest.approx(high["estimate"] - low["estimate"], abs=1e-12)
    assert first["ci_low"] < PLANTED < first["ci_high"] and first["ci_low"] > 0
    assert low["ci_low"] < EFFECT < low["ci_high"]
    assert (first["gate_status"], first["horizon_months"], first["study_id"]) == ("open", 24.0, "modifiers")
    assert first["estimand"].endswith(": 30 kg/m2 or more less under 30 kg/m2")
    assert first["n_target"] == low["n_target"] + high["n_target"]
    assert discovery["p_value"] >= first["p_value"] and "over the 4 open interactions" in discovery["se_method"]
    told_again = found.filter(pl.col("estimator") == "interaction_fdr")
    excludes = (pl.col("ci_low") > 0) | (pl.col("ci_high") < 0)
    assert told_again.select((excludes == (pl.col("p_value") < 0.05)).all()).item()
    assert discovery["ci_high"] - discovery["ci_low"] >= first["ci_high"] - first["ci_low"]
    statin = by(found, "drug_statin_365d").row(0, named=True)
    assert statin["ci_low"] < 0 < statin["ci_high"]
    CONTRACTS["models.effect_estimate"].schema.validate(found, cast=True)
    CONTRACTS["models.diagnostic"].schema.validate(judged, cast=True)
    assert set(by(judged, "age_years")["diagnostic"]) >= set(REQUIRED["modifier"])


def test_strata_that_nobody_is_in_close_their_own_gate_alone(answered: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    judged, found = answered
    own = by(found, "drug_systemic_glucocorticoid_365d")
    (row,) = own.to_dicts()
    assert row["gate_status"] == "closed" and "people_in_stratum fail" in row["gate_reason"]
    assert [row[name] for name in ANSWERS] == [None] * len(ANSWERS)
    shut = by(judged, "drug_systemic_glucocorticoid_365d")
    assert shut.row(by_predicate=pl.col("diagnostic") == "known_share", named=True)["value"] == 0


@pytest.mark.parametrize(
    ("n", "apart", "studies", "why"),
    [
        (2000, 4.0, FACTS.studies, "the gate on which it rests is closed: "),
        (2000, 0.4, ("modifiers",), "ai_vs_tamoxifen is not part of this run"),
    ],
)
def test_where_the_trial_tells_nothing_no_part_of_it_is_told(n: int, apart: float, studies: tuple, why: str) -> None:
    judged, found = told(inputs(n, apart), replace(FACTS, studies=studies))
    gates = judged.filter(pl.col("diagnostic") == "trial_gate")
    assert set(gates["status"]) == {"fail" if TRIAL in studies else "not_evaluated"}
    assert set(judged.join(gates, on=judged.columns, how="anti")["status"]) == {"not_evaluated"}
    assert judged["rule"].str.contains(why).all()
    assert set(found["gate_status"]) == {"closed"} and found.height == 5
    assert found.select(ANSWERS).null_count().sum_horizontal().item() == 5 * len(ANSWERS)


def test_diagnostics_do_not_change_with_the_difference_in_outcome() -> None:
    given = inputs(1200)
    moved = given["features.outcome_value"].with_columns(pl.col("change") + 50.0 * pl.col("is_target").cast(pl.Float64))
    before, _ = told(given)
    after, _ = told(beside["modelled"](given | {"features.outcome_value": moved}))
    assert before.drop("value").equals(after.drop("value"))
    assert before["value"].fill_null(-1).to_list() == pytest.approx(after["value"].fill_null(-1).to_list(), abs=1e-9)


def test_a_genotype_counts_from_the_day_it_is_on_record_on() -> None:
    """The future randomised: what is typed after time zero moves nobody, what is typed on the day does."""
    given = inputs(400)
    study = catalogue()[TRIAL]
    contrast, modifier = study.contrast[0], catalogue()["modifiers"].modifier[2]
    frame = contrast_frame(given, study, contrast)
    alleles = np.array([0, 1, 2, 2])
    known = genotypes(alleles, INDEX)
    later = genotypes(np.array([2, 0, 0, 1, 2, 2]), INDEX + dt.timedelta(days=1))

    def placed(told_of: pl.DataFrame) -> list[int]:
        return strata(given | {"staging.observation": told_of.lazy()}, study, contrast, frame, modifier).tolist()

    assert placed(known)[:6] == [0, 0, 1, 1, UNKNOWN, UNKNOWN]
    assert placed(pl.concat([known, later])) == placed(known)
    assert set(placed(later)) == {UNKNOWN}
    disagreeing = genotypes(np.array([2]), INDEX - dt.timedelta(days=900))
    assert placed(pl.concat([known, disagreeing]))[0] == UNKNOWN
    undated = known.with_columns(pl.lit(None, pl.Date).alias("observed_on"))
    assert set(placed(undated)) == {UNKNOWN}


def test_sizes_that_would_tell_the_few_of_no_stratum_are_hidden() -> None:
    """Eight women have no body mass: the trial's number less those of the strata would tell how many were measured."""
    given = inputs(2000, unknown=8)
    judged, found = told(given)
    unplaced = by(judged, "body_mass_index").filter(pl.col("diagnostic").str.starts_with("n_unplaced"))
    few = dict(unplaced.select("diagnostic", "value").iter_rows())
    assert 0 < sum(few.values()) < 11
    shown = mart.effect_estimate(
        {"models.effect_estimate": found.lazy(), "models.diagnostic": judged.lazy()}, FACTS
    ).collect()
    for arm in ("target", "comparator"):
        is_hidden = by(shown, "body_mass_index")[f"n_{arm}"].is_null().all()
        assert is_hidden == (1 <= few[f"n_unplaced_{arm}"] <= 10)
    assert by(shown, "drug_statin_365d")["n_target"].is_not_null().all()
    assert shown["estimate"].to_list() == found["estimate"].to_list()
