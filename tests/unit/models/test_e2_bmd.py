"""The estradiol and BMD study on small made frames: the gate, refusals, bookkeeping, and independence of row order."""

import math
import runpy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.models.e2_bmd import diagnose, estimate
from pipelines.models.e2_bmd_exposure import exposure_model
from pipelines.models.e2_bmd_sample import analysis_sample, checked_frame, survey_design
from pipelines.models.e2_bmd_spec import E2BmdSpec
from pipelines.models.errors import NotEstimable

OUTCOME = "femoral_neck_bmd_g_cm2"
SPEC = E2BmdSpec(seed=7, n_imputations=20, populations=("men",), outcomes=(OUTCOME,))


@pytest.fixture(scope="module")
def simulated(root):
    return runpy.run_path(str(root / "tests" / "recovery" / "simulated_survey.py"))["simulated_survey"]


@pytest.fixture(scope="module")
def frame(simulated) -> pl.DataFrame:
    return simulated(seed=12, people_per_psu=30)


@pytest.fixture(scope="module")
def result(frame):
    return estimate(frame, SPEC, "men", OUTCOME)


def statuses(frame, spec=SPEC) -> dict[str, str]:
    return {d.diagnostic: d.status for d in diagnose(frame, spec)}


def sample_of(frame, spec=SPEC):
    ordered = checked_frame(frame, spec)
    return analysis_sample(ordered, survey_design(ordered), spec, "men", OUTCOME)


def test_row_order_changes_nothing_at_all(frame, result):
    for seed in (1, 2):
        shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
        assert estimate(shuffled, SPEC, "men", OUTCOME) == result
        assert diagnose(shuffled, SPEC) == diagnose(frame, SPEC)


def test_the_seed_changes_the_draws_but_hardly_the_answer(frame, result):
    other = estimate(frame, replace(SPEC, seed=8), "men", OUTCOME)
    difference = abs(other.per_doubling.estimate - result.per_doubling.estimate)
    assert 0 < difference < 0.5 * result.per_doubling.standard_error
    assert other.comparisons == result.comparisons


def test_respondents_of_no_population_matter_through_the_design_alone(frame, result):
    """Their values are never read: blanking them changes nothing."""
    outside = pl.col("population").is_null()
    blank = [OUTCOME, "bmi_kg_m2", "age_years", "e2_lo_pg_ml", "e2_hi_pg_ml", "testosterone_ng_dl", "is_current_smoker"]
    blanked = frame.with_columns(pl.when(outside).then(None).otherwise(pl.col(name)).alias(name) for name in blank)
    assert estimate(blanked, SPEC, "men", OUTCOME) == result


def test_result_adds_up(frame, result):
    attrition = result.attrition
    losses = attrition.n_without_e2 + attrition.n_without_outcome + attrition.n_without_covariates
    assert attrition.n_population - losses == attrition.n_analyzed == result.n
    eligible = frame.filter(pl.col("population") == "men", pl.col("age_years") >= 40)
    assert result.n == eligible.height
    assert result.n_censored == eligible.filter(pl.col("e2_lo_pg_ml") < pl.col("e2_hi_pg_ml")).height
    assert result.design_df == 15
    assert 0 < result.n_effective < result.n
    assert result.fraction_missing_information == result.per_doubling.fraction_missing_information
    assert 0 < result.fraction_missing_information < 1
    assert result.association.df_numerator == 3
    assert result.nonlinearity.df_numerator == 2
    assert 0 < result.per_doubling.df < 15


def test_curve_stays_between_the_percentiles_and_is_zero_at_the_reference(frame, result):
    e2 = np.array([point.e2_pg_ml for point in result.curve])
    assert len(e2) == SPEC.n_curve_points
    assert np.all(np.diff(e2) > 0)
    assert e2[0] == pytest.approx(result.knots_e2_pg_ml[0])
    assert e2[-1] == pytest.approx(result.knots_e2_pg_ml[-1])
    sample = sample_of(frame)
    e2_known, share = np.exp(sample.log_e2_upper), sample.weight / sample.weight.sum()
    # The median lies above the limit, so it is the same in every imputation.
    assert share[e2_known < result.reference_e2_pg_ml * 0.999999].sum() < 0.5
    assert share[e2_known <= result.reference_e2_pg_ml * 1.000001].sum() >= 0.5
    at_reference = np.interp(result.reference_e2_pg_ml, e2, [point.difference_g_cm2 for point in result.curve])
    assert at_reference == pytest.approx(0, abs=2e-4)
    for point in result.curve:
        assert point.ci_low < point.difference_g_cm2 < point.ci_high
        assert point.is_below_lloq == (point.e2_pg_ml < 4.0)
    assert {point.is_below_lloq for point in result.curve} == {True, False}


def test_marks_outside_the_curve_are_left_out_with_a_note(frame):
    spec = replace(SPEC, reference_marks_pg_ml=(5.0, 500.0))
    result = estimate(frame, spec, "men", OUTCOME)
    assert [mark.e2_pg_ml for mark in result.marks] == [pytest.approx(5.0)]
    assert any("500 pg/mL" in note for note in result.notes)


def test_comparisons_are_labelled_and_differ_from_the_answer(result):
    methods = {comparison.method: comparison for comparison in result.comparisons}
    assert set(methods) == {"substitution_lloq_over_sqrt2", "complete_case_measured_only"}
    assert all(comparison.is_comparison_only for comparison in result.comparisons)
    substituted, measured = methods["substitution_lloq_over_sqrt2"], methods["complete_case_measured_only"]
    assert substituted.n == result.n
    assert measured.n == result.n - result.n_censored
    estimates = {result.per_doubling.estimate, substituted.per_doubling.estimate, measured.per_doubling.estimate}
    assert len(estimates) == 3


def test_a_mass_point_that_swallows_a_knot_is_refused(frame):
    """Censored values handed over as if measured at the limit: two knots coincide, and no curve is drawn."""
    mass_point = frame.with_columns(e2_lo_pg_ml=pl.col("e2_hi_pg_ml"))
    with pytest.raises(NotEstimable, match="percentiles of estradiol coincide"):
        estimate(mass_point, SPEC, "men", OUTCOME)


def test_without_censoring_all_three_agree(simulated):
    result = estimate(simulated(seed=12, people_per_psu=30, lloq_pg_ml=1e-9), SPEC, "men", OUTCOME)
    assert result.n_censored == 0
    assert result.per_doubling.relative_increase == pytest.approx(0, abs=1e-20)
    for comparison in result.comparisons:
        assert comparison.per_doubling.estimate == pytest.approx(result.per_doubling.estimate)
        assert comparison.per_doubling.standard_error == pytest.approx(result.per_doubling.standard_error)


def test_the_gate_passes_here_with_value_and_threshold(frame):
    diagnostics = {d.diagnostic: d for d in diagnose(frame, SPEC)}
    assert {d.status for d in diagnostics.values()} == {"pass"}
    assert (diagnostics["design_df"].value, diagnostics["design_df"].threshold) == (15, 8)
    sample = sample_of(frame)
    assert diagnostics["unweighted_n"].value == sample.outcome.size
    weighted = np.average(sample.is_censored, weights=sample.weight)
    assert diagnostics["censored_share"].value == pytest.approx(max(weighted, sample.is_censored.mean()))


def test_the_gate_does_not_see_the_association(frame):
    """Measured E2 handed around at random among the measured: another association, the same gate."""
    measured = frame.filter(pl.col("e2_lo_pg_ml") == pl.col("e2_hi_pg_ml"))
    order = np.random.default_rng(0).permutation(measured.height)
    mixed = measured.with_columns(
        e2_lo_pg_ml=measured["e2_lo_pg_ml"][order], e2_hi_pg_ml=measured["e2_hi_pg_ml"][order]
    )
    others = frame.filter(pl.col("e2_lo_pg_ml") != pl.col("e2_hi_pg_ml"))
    assert diagnose(pl.concat([mixed, others]), SPEC) == diagnose(frame, SPEC)


def test_the_gate_closes_on_each_failing(frame):
    few = frame.with_columns(pl.when(pl.int_range(pl.len()) % 60 == 0).then(pl.col("population")))
    assert statuses(few)["unweighted_n"] == "fail"
    heavy = frame.with_columns(exam_weight=pl.when(pl.int_range(pl.len()) == 400).then(1e9).otherwise("exam_weight"))
    heavy = heavy.with_columns(population=pl.lit("men"), age_years=pl.lit(60.0))
    assert statuses(heavy)["kish_effective_n"] == "fail"
    assert statuses(heavy)["unweighted_n"] == "pass"
    narrow = frame.with_columns(pl.when(pl.col("stratum_code") < 106).then(pl.col("population")))
    assert statuses(narrow)["design_df"] == "fail"
    hidden = frame.with_columns(e2_lo_pg_ml=pl.lit(0.0), e2_hi_pg_ml=pl.lit(500.0))
    assert statuses(hidden)["censored_share"] == "fail"
    assert statuses(hidden)["imputation_model_converged"] == "fail"


def test_a_category_below_the_limit_as_a_whole_closes_the_gate_and_is_named(frame):
    lower = pl.when(pl.col("race_ethnicity_code") == 6).then(0.0).otherwise("e2_lo_pg_ml")
    upper = pl.when(pl.col("race_ethnicity_code") == 6).then(4.0).otherwise("e2_hi_pg_ml")
    hidden = frame.with_columns(e2_lo_pg_ml=lower, e2_hi_pg_ml=upper)
    diagnostic = diagnose(hidden, SPEC)[-1]
    assert (diagnostic.diagnostic, diagnostic.status) == ("imputation_model_converged", "fail")
    assert "race_ethnicity_6" in diagnostic.note


def test_an_absent_population_is_not_evaluated_and_cannot_be_estimated(frame):
    spec = replace(SPEC, populations=("men", "postmenopausal_women"))
    absent = {d.diagnostic: d for d in diagnose(frame, spec) if d.population == "postmenopausal_women"}
    assert absent["unweighted_n"].status == "fail"
    not_evaluated = {"relative_standard_error", "censored_share", "imputation_model_converged"}
    assert {name for name, d in absent.items() if d.status == "not_evaluated"} == not_evaluated
    assert all(absent[name].value is None and absent[name].note for name in not_evaluated)
    with pytest.raises(NotEstimable, match="no complete respondent"):
        estimate(frame, spec, "postmenopausal_women", OUTCOME)
    with pytest.raises(BadInput, match="no population"):
        estimate(frame, SPEC, "postmenopausal_women", OUTCOME)


def test_a_missing_covariate_is_counted_not_guessed(frame, result):
    every_tenth = pl.int_range(pl.len()) % 10 == 0
    holed = frame.with_columns(bmi_kg_m2=pl.when(every_tenth).then(math.nan).otherwise("bmi_kg_m2"))
    attrition = estimate(holed, SPEC, "men", OUTCOME).attrition
    assert attrition.n_without_covariates == result.n - attrition.n_analyzed > 0
    assert attrition.missing_covariate_share == pytest.approx(attrition.n_without_covariates / result.n)


def test_incomplete_testosterone_leaves_the_imputation_model_with_a_note(frame):
    assert "log_testosterone" in exposure_model(sample_of(frame)).names
    holed = frame.with_columns(
        testosterone_ng_dl=pl.when(pl.col("person_id") == pl.col("person_id").max())
        .then(None)
        .otherwise("testosterone_ng_dl"),
        population=pl.lit("men"),
        age_years=pl.lit(60.0) + pl.col("person_id") % 20,
    )
    sample = sample_of(holed)
    assert "log_testosterone" not in exposure_model(sample).names
    assert any("testosterone" in note for note in sample.notes)
    none_at_all = frame.with_columns(testosterone_ng_dl=pl.lit(None))
    assert "log_testosterone" not in exposure_model(sample_of(none_at_all)).names


def test_imputation_model_holds_the_analysis_and_the_design(frame):
    names = exposure_model(sample_of(frame)).names
    expected = {"outcome", "age", "age_squared", "bmi", "current_smoker", "log_exam_weight", "race_ethnicity_4"}
    assert expected <= set(names)
    assert sum(name.startswith("stratum_") for name in names) == 14


def test_rare_categories_share_one_term(frame):
    rare = frame.with_columns(
        race_ethnicity_code=pl.when(pl.int_range(pl.len()) < 20).then(9).otherwise("race_ethnicity_code")
    )
    sample = sample_of(rare)
    assert "race_ethnicity_rare" in sample.covariate_names
    assert any("9 share one term" in note for note in sample.notes)


def test_people_without_weight_or_too_young_are_not_analyzed(frame, result):
    eligible = (pl.col("population") == "men") & (pl.col("age_years") >= 40)
    first = frame.with_row_index().filter(eligible)["index"][:5].to_list()
    index = pl.int_range(pl.len()).is_in(first)
    for nothing in (0.0, None):
        without = frame.with_columns(exam_weight=pl.when(index).then(nothing).otherwise("exam_weight"))
        assert sample_of(without).outcome.size == result.n - 5
    younger = frame.with_columns(age_years=pl.when(index).then(39.9).otherwise("age_years"))
    assert sample_of(younger).outcome.size == result.n - 5


def test_every_fault_of_the_frame_is_named_at_once(frame):
    broken = frame.with_columns(
        e2_lo_pg_ml=pl.when(pl.int_range(pl.len()) == 3).then(1e4).otherwise("e2_lo_pg_ml"),
        testosterone_ng_dl=pl.lit(0.0),
        stratum_code=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("stratum_code"),
        person_id=pl.lit(1),
    )
    with pytest.raises(BadInput) as error:
        diagnose(broken, SPEC)
    text = str(error.value)
    for fault in (
        "exceeds e2_hi_pg_ml in 1 rows",
        "testosterone_ng_dl is not positive",
        "stratum_code",
        "more than once",
    ):
        assert fault in text
    assert len(error.value.problems) == 4


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"e2_hi_pg_ml": pl.lit(None, dtype=pl.Float64)}, "one E2 bound is null"),
        ({"e2_lo_pg_ml": pl.lit(-1.0)}, "negative"),
        ({"exam_weight": pl.lit(math.inf)}, "infinite"),
        ({"exam_weight": pl.lit(-1.0)}, "weight is negative"),
        ({OUTCOME: pl.lit(0.0)}, "BMD value is not positive"),
        ({"is_current_smoker": pl.lit(1)}, "is_current_smoker must be true or false"),
        ({"person_id": pl.col("person_id").cast(pl.Float64)}, "person_id must be an integer"),
        ({"age_years": pl.lit("60")}, "age_years must be a number"),
        ({"psu_code": pl.lit(1)}, "single PSU"),
    ],
)
def test_refuses_a_malformed_frame(frame, columns, message):
    with pytest.raises(BadInput, match=message):
        diagnose(frame.with_columns(**columns), SPEC)


def test_refuses_a_frame_without_a_column(frame):
    with pytest.raises(BadInput, match="column bmi_kg_m2 is missing"):
        diagnose(frame.drop("bmi_kg_m2"), SPEC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_imputations": 19}, "at least 20"),
        ({"knot_percentiles": (5.0, 95.0)}, "three or four"),
        ({"knot_percentiles": (5.0, 25.0, 50.0, 75.0, 95.0)}, "three or four"),
        ({"knot_percentiles": (50.0, 5.0, 95.0)}, "increasing"),
        ({"curve_percentiles": (1.0, 95.0)}, "5th and 95th"),
        ({"minimum_n": 10}, "may not be below"),
        ({"maximum_censored_share": 0.6}, "may not exceed"),
    ],
)
def test_a_study_may_tighten_the_profile_but_not_loosen_it(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **change)
    assert replace(SPEC, minimum_n=100, maximum_censored_share=0.3).minimum_n == 100
