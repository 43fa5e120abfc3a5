"""Studies of hazards as rows: keys, closed gates without numbers, words, and follow-up as the warehouse keeps it."""

import runpy

import numpy as np
import polars as pl
import pytest

from pipelines.models import mortality_tables
from pipelines.models.mortality import estimate
from pipelines.models.study_frame import MONTH_DAYS, named_for_analysis, survey_frame, with_follow_up
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

STUDY = "nhanes_mortality"
FACTS = RunFacts("run", "nhanes", (STUDY, "nhanes_e2_bmd"), "white_female", 11, "public_survey")


def table(name: str, frame: pl.DataFrame) -> pl.LazyFrame:
    """The columns of the contract, those that the frame lacks empty."""
    schema = CONTRACTS[name].empty().schema
    absent = [
        pl.lit(None, dtype=dtype).alias(column) for column, dtype in schema.items() if column not in frame.columns
    ]
    return frame.with_columns(absent).select(pl.col(column).cast(dtype) for column, dtype in schema.items()).lazy()


@pytest.fixture(scope="module")
def people(root) -> pl.DataFrame:
    """Simulated people of 2013-2014, the last of whom are not linked."""
    world = runpy.run_path(str(root / "tests" / "recovery" / "simulated_mortality.py"))
    frame = world["simulated_mortality"](seed=4, people_per_psu=40)[0]
    unlinked = pl.col("person_id") % 50 == 0
    return frame.with_columns(
        pl.when(pl.col("population").is_not_null() & (pl.col("age_years") >= 40) & ~unlinked).then("population"),
        pl.when(~unlinked).then("months").alias("months"),
        pl.when(~unlinked).then("died").alias("died"),
    )


@pytest.fixture(scope="module")
def inputs(people) -> dict[str, pl.LazyFrame]:
    linked = people.filter(pl.col("months").is_not_null())
    facts = {"age_years": "age_years", "body_mass_index": "bmi_kg_m2", "race_ethnicity": "race_ethnicity_code"}
    facts |= {"current_smoker": "is_current_smoker", "testosterone_ng_dl": "testosterone_ng_dl"}
    covariates = pl.concat(
        people.select(
            "person_id", study_id=pl.lit(STUDY), covariate_code=pl.lit(code), value=pl.col(column).cast(float)
        )
        for code, column in facts.items()
    )
    length = (pl.col("months") * MONTH_DAYS).alias("length_days")
    spans = linked.select("person_id", length, span_number=1, basis_code=pl.lit("examination"))
    since_interview = people.filter(pl.col("months").is_null()).select(
        "person_id", span_number=1, basis_code=pl.lit("interview"), length_days=pl.lit(900.0)
    )
    tables = {
        "staging.survey_design": people.select(
            "person_id",
            "stratum_code",
            "psu_code",
            cycle_label=pl.lit("2013-2014"),
            cycle_code=pl.lit("H"),
            cycle_years=2.0,
            is_examined=True,
            examination_weight=pl.col("exam_weight"),
        ),
        "cohort.trial_person": people.filter(pl.col("population").is_not_null()).select(
            "person_id", study_id=pl.lit(STUDY), arm_code=pl.col("population")
        ),
        "features.bmd_change": people.select(
            "person_id",
            site_code=pl.lit("femoral_neck"),
            scan_id=pl.lit("H.femur"),
            first_bmd_g_cm2=pl.lit(0.8),
            first_t_score=pl.col("femoral_neck_t_score"),
        ),
        "features.e2_exposure": people.select(
            "person_id", "e2_lo_pg_ml", "e2_hi_pg_ml", assay_class=pl.lit("lc_ms_ms"), lloq_pg_ml=4.0
        ),
        "features.covariate": covariates,
        "staging.observation_period": pl.concat([spans, since_interview], how="diagonal"),
        "staging.death": linked.filter("died").select("person_id"),
        "staging.person": people.select("person_id", is_age_top_coded=pl.lit(value=False)),
    }
    return {name: table(name, frame) for name, frame in tables.items()}


@pytest.fixture(scope="module")
def judged(inputs) -> pl.DataFrame:
    return mortality_tables.diagnostics(inputs, FACTS).collect()


@pytest.fixture(scope="module")
def answered(inputs, judged) -> pl.DataFrame:
    return mortality_tables.effect_estimates(inputs | {"models.diagnostic": judged.lazy()}, FACTS).collect()


def frame_of(inputs) -> pl.DataFrame:
    study = catalogue()[STUDY]
    return with_follow_up(
        named_for_analysis(survey_frame(inputs, STUDY, ("2013-2014",)), study.covariates.codes), inputs
    )


def test_follow_up_is_that_of_the_examination(inputs, people):
    found = frame_of(inputs).sort("person_id")
    wanted = people.sort("person_id")
    assert found["months"].to_numpy() == pytest.approx(wanted["months"].to_numpy(), nan_ok=True)
    assert found["died"].to_list() == wanted["died"].to_list()
    assert found["femoral_neck_t_score"].to_list() == wanted["femoral_neck_t_score"].to_list()


def test_rows_keep_their_contracts_and_their_keys_are_unique(judged, answered):
    for name, frame in (("models.diagnostic", judged), ("models.effect_estimate", answered)):
        contract = CONTRACTS[name]
        contract.schema.validate(frame, cast=True)
        assert not frame.select(contract.key).is_duplicated().any()
    assert set(judged["study_id"]) == set(answered["study_id"]) == {STUDY}


def test_ratio_and_risk_are_judged_alike(judged):
    by_contrast = judged.filter(population="men").partition_by("contrast")
    assert len(by_contrast) == 2
    first, second = (each.drop("contrast").sort("diagnostic") for each in by_contrast)
    assert first.equals(second)


def test_the_cells_are_what_the_estimator_says(inputs, answered):
    study = catalogue()[STUDY]
    spec = mortality_tables.spec_of(study)
    result = estimate(frame_of(inputs), spec, spec.exposures[0], "men")
    ratio = answered.row(
        by_predicate=(pl.col("population") == "men") & (pl.col("estimator") == "survey_cox"), named=True
    )
    assert ratio["estimate"] == result.log_hazard_ratio.estimate
    assert (ratio["n_target"], ratio["events_target"]) == (result.n, result.n_events)
    assert (ratio["scale"], ratio["contrast"]) == ("log hazard ratio", "estradiol, per doubling")
    assert "Rubin" in ratio["se_method"]
    risk = answered.row(
        by_predicate=(pl.col("population") == "men") & (pl.col("estimator") == "survey_cox_standardised"), named=True
    )
    assert risk["estimate"] == pytest.approx(100 * (result.risk_high - result.risk_low))
    assert (risk["horizon_months"], risk["contrast"]) == (60.0, "estradiol, 75th against 25th percentile")
    assert f"{100 * result.risk_high:.1f} % at {result.high:.3g} pg/mL" in risk["estimand"]


def test_nobody_of_a_population_closes_its_gate_without_a_number(judged, answered):
    women = answered.filter(population="postmenopausal_women")
    assert set(women["gate_status"]) == {"closed"}
    assert women["estimate"].null_count() == women["n_target"].null_count() == women.height
    assert all("unweighted_n fail" in reason for reason in women["gate_reason"])


def test_a_failed_diagnostic_closes_both(inputs, judged):
    failed = judged.with_columns(
        pl.when(pl.col("diagnostic") == "design_df")
        .then(pl.lit("fail"))
        .otherwise(pl.col("status").cast(pl.String))
        .cast(judged.schema["status"])
        .alias("status")
    )
    found = mortality_tables.effect_estimates(inputs | {"models.diagnostic": failed.lazy()}, FACTS).collect()
    men = found.filter(population="men")
    assert set(men["estimator"]) == {"survey_cox", "survey_cox_standardised"}
    assert set(men["gate_status"]) == {"closed"}
    assert men["estimate"].null_count() == men.height


def test_a_cycle_that_is_not_there_has_no_rows(judged):
    """The frame holds nobody of 2005-2006, whose exposure is the T-score."""
    assert not judged["contrast"].str.contains("T-score").any()


def test_a_study_not_asked_for_has_no_rows(inputs):
    other = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")
    assert mortality_tables.diagnostics(inputs, other).collect().is_empty()


def test_it_says_association_and_never_effect():
    study = catalogue()[STUDY]
    assert "not effects" in study.question
    assert "effect" not in study.estimation["estimand"].lower()
    assert np.isfinite(mortality_tables.spec_of(study).seed)
