"""The mortality study on small made frames: the gate, refusals, bookkeeping, and independence of row order."""

import math
import runpy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.models.e2_bmd_exposure import exposure_model
from pipelines.models.e2_bmd_sample import survey_design
from pipelines.models.errors import NotEstimable
from pipelines.models.mortality import diagnose, estimate
from pipelines.models.mortality_sample import checked_mortality_frame, mortality_sample
from pipelines.models.mortality_spec import Exposure, MortalitySpec

E2 = Exposure("estradiol", ("simulated",), 60.0)
T_SCORE = Exposure("femoral_neck_t_score", ("simulated",), 60.0)
SPEC = MortalitySpec("simulated", seed=5, exposures=(E2, T_SCORE), n_imputations=20, populations=("men",))


@pytest.fixture(scope="module")
def frame(root) -> pl.DataFrame:
    world = runpy.run_path(str(root / "tests" / "recovery" / "simulated_mortality.py"))
    return world["simulated_mortality"](seed=4, people_per_psu=40)[0]


@pytest.fixture(scope="module")
def by_e2(frame):
    return estimate(frame, SPEC, E2, "men")


def statuses(frame, exposure=E2, spec=SPEC) -> dict[str, str]:
    return {each.diagnostic: each.status for each in diagnose(frame, spec, exposure, "men")}


def sample_of(frame, exposure=E2, spec=SPEC):
    ordered = checked_mortality_frame(frame)
    return mortality_sample(ordered, survey_design(ordered), spec, exposure, "men")


def test_row_order_changes_nothing_at_all(frame, by_e2):
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    assert estimate(shuffled, SPEC, E2, "men") == by_e2
    assert diagnose(shuffled, SPEC, E2, "men") == diagnose(frame, SPEC, E2, "men")
    assert estimate(shuffled, SPEC, T_SCORE, "men") == estimate(frame, SPEC, T_SCORE, "men")


def test_the_seed_changes_the_draws_but_hardly_the_answer(frame, by_e2):
    other = estimate(frame, replace(SPEC, seed=6), E2, "men").log_hazard_ratio
    assert 0 < abs(other.estimate - by_e2.log_hazard_ratio.estimate) < 0.5 * other.standard_error


def test_result_adds_up(frame, by_e2):
    eligible = frame.filter(pl.col("population") == "men", pl.col("age_years") >= 40)
    assert (by_e2.n, by_e2.n_events) == (eligible.height, eligible["died"].sum())
    assert by_e2.n_censored == eligible.filter(pl.col("e2_lo_pg_ml") < pl.col("e2_hi_pg_ml")).height
    assert by_e2.risk_difference.estimate == pytest.approx(by_e2.risk_high - by_e2.risk_low)
    assert 0 < by_e2.low < by_e2.high
    assert by_e2.is_low_below_lloq
    assert by_e2.design_df == 15
    # Fewer people with the higher estradiol die, by ratio and by risk.
    assert by_e2.log_hazard_ratio.estimate < 0 > by_e2.risk_difference.estimate
    assert by_e2.n_parameters == 1 + len(sample_of(frame).covariate_names)
    score = estimate(frame, SPEC, T_SCORE, "men")
    assert (score.n_imputations, score.n_censored, score.log_hazard_ratio.df) == (0, 0, 15)
    assert score.log_hazard_ratio.fraction_missing_information is None


def test_men_are_not_read_for_women(frame):
    women = frame.with_columns(population=pl.lit("postmenopausal_women"))
    found = {each.diagnostic: each for each in diagnose(women, SPEC, E2, "men")}
    assert found["unweighted_n"].value == 0
    assert found["relative_standard_error"].status == found["censored_share"].status == "not_evaluated"
    with pytest.raises(NotEstimable, match="no complete respondent in men"):
        estimate(women, SPEC, E2, "men")
    with pytest.raises(BadInput, match="no population 'postmenopausal_women'"):
        estimate(women, SPEC, E2, "postmenopausal_women")


def test_the_gate_opens_and_a_score_is_never_censored(frame):
    assert set(statuses(frame).values()) == {"pass"}
    of_score = statuses(frame, T_SCORE)
    assert of_score.pop("censored_share") == of_score.pop("imputation_model_converged") == "not_applicable"
    assert set(of_score.values()) == {"pass"}


def test_ten_deaths_a_parameter_to_the_death(frame):
    """With one death less than ten a parameter the gate is closed; what it tells is a whole number."""
    sample = sample_of(frame)
    needed = 10 * sample.n_parameters
    ids = sample.person_id[sample.rows.event > 0]
    for n_dead, status in ((needed, "pass"), (needed - 1, "fail")):
        spared = frame.with_columns(died=pl.col("died") & ~pl.col("person_id").is_in(ids[n_dead:].tolist()))
        (found,) = [d for d in diagnose(spared, SPEC, T_SCORE, "men") if d.diagnostic == "events_per_parameter"]
        assert (found.status, found.value) == (status, math.floor(n_dead / sample.n_parameters))


def test_without_deaths_the_gate_is_closed_and_nothing_is_estimated(frame):
    immortal = frame.with_columns(died=pl.lit(value=False), months=pl.lit(72.0))
    found = statuses(immortal)
    assert found["events_per_parameter"] == "fail"
    assert found["relative_standard_error"] == "not_evaluated"
    with pytest.raises(NotEstimable):
        estimate(immortal, SPEC, T_SCORE, "men")


def test_people_lost_before_the_horizon_close_the_gate(frame):
    lost = pl.col("person_id") % 10 == 0
    left = frame.with_columns(
        died=pl.when(lost).then(pl.lit(value=False)).otherwise("died"),
        months=pl.when(lost).then(12.0).otherwise("months"),
    )
    assert statuses(left)["followed_share"] == "fail"


def test_too_many_below_the_limit(frame):
    raised = frame.with_columns(e2_lo_pg_ml=pl.lit(0.0), e2_hi_pg_ml=pl.max_horizontal("e2_hi_pg_ml", pl.lit(9.0)))
    assert statuses(raised)["censored_share"] == "fail"


def test_the_gate_does_not_look_at_the_association(frame):
    """Estradiol dealt out anew changes no diagnostic but those of estradiol itself."""
    rng = np.random.default_rng(8)
    own = frame["femoral_neck_t_score"].to_numpy()
    dealt = frame.with_columns(femoral_neck_t_score=pl.Series(rng.permutation(own)))
    assert diagnose(dealt, SPEC, T_SCORE, "men") == diagnose(frame, SPEC, T_SCORE, "men")


def test_people_whose_follow_up_is_unknown_are_no_survivors(frame):
    unknown = pl.col("person_id") % 7 == 0
    blanked = frame.with_columns(pl.when(~unknown).then(pl.col(name)).alias(name) for name in ("months", "died"))
    assert sample_of(blanked).person_id.size == (sample_of(frame).person_id % 7 != 0).sum()


def test_the_imputation_model_holds_death_and_its_hazard(frame):
    names = exposure_model(sample_of(frame)).names
    assert {"died", "cumulative_hazard"} <= set(names)
    terms = sample_of(frame).outcome_terms
    dead = terms["died"] == 1
    assert dead.sum() == sample_of(frame).n_events
    # Nelson-Aalen by hand at the first time of death.
    exits, events = sample_of(frame).rows.exit, sample_of(frame).rows.event
    first = exits[events > 0].min()
    by_hand = ((exits == first) & (events > 0)).sum() / (exits >= first).sum()
    assert terms["cumulative_hazard"][(exits == first) & dead] == pytest.approx(by_hand)


def test_comparisons_answer_only_where_deaths_suffice(frame, by_e2):
    found = {each.method: each for each in by_e2.comparisons}
    assert set(found) == {"after_late_from_months", "below_top_age", "lloq_over_sqrt2", "measured_only"}
    assert found["after_late_from_months"].n < by_e2.n
    # Nobody's age is at the ceiling here: the same people, the same answer.
    assert found["below_top_age"].log_hazard_ratio == by_e2.log_hazard_ratio
    sample = sample_of(frame)
    few = replace(SPEC, minimum_events_per_parameter=sample.n_events / sample.n_parameters - 1e-9)
    strict = {each.method: each for each in estimate(frame, few, E2, "men").comparisons}
    assert strict["lloq_over_sqrt2"].log_hazard_ratio is not None
    assert strict["after_late_from_months"].log_hazard_ratio is None
    assert "deaths a parameter" in strict["after_late_from_months"].note


def test_later_deaths_are_those_of_a_cohort_that_begins_later(frame):
    """Entry at 24 months is a clock set back by 24 months, for those still under observation."""
    found = {each.method: each for each in estimate(frame, SPEC, T_SCORE, "men").comparisons}
    later = frame.with_columns(
        months=pl.when(pl.col("months") > 24).then(pl.col("months") - 24),
        died=pl.when(pl.col("months") > 24).then("died"),
    )
    shorter = replace(SPEC, late_from_months=12.0)
    begun = estimate(
        later,
        replace(shorter, exposures=(replace(T_SCORE, horizon_months=36.0),)),
        replace(T_SCORE, horizon_months=36.0),
        "men",
    )
    assert found["after_late_from_months"].log_hazard_ratio.estimate == pytest.approx(begun.log_hazard_ratio.estimate)
    assert found["after_late_from_months"].log_hazard_ratio.standard_error == pytest.approx(
        begun.log_hazard_ratio.standard_error
    )


def test_age_at_the_ceiling_has_a_term_of_its_own(frame):
    topped = frame.with_columns(is_age_top_coded=pl.col("age_years") >= 75)
    assert "age_at_ceiling" in sample_of(topped).covariate_names
    assert "age_at_ceiling" not in sample_of(frame).covariate_names
    found = {each.method: each for each in estimate(topped, SPEC, T_SCORE, "men").comparisons}
    assert found["below_top_age"].n == sample_of(frame.filter(pl.col("age_years") < 75)).person_id.size


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (pl.lit(-1.0).alias("months"), "months are negative"),
        (pl.lit(None, pl.Boolean).alias("died"), "months are known and whether the person died is not"),
        (pl.lit(math.inf).alias("femoral_neck_t_score"), "a T-score is infinite"),
        (pl.lit("yes").alias("died"), "column died must be true or false"),
        (pl.lit(-1.0).alias("e2_lo_pg_ml"), "e2_lo_pg_ml is negative"),
    ],
)
def test_malformed_frames_are_refused(frame, change, problem):
    with pytest.raises(BadInput, match=problem):
        diagnose(frame.with_columns(change), SPEC, E2, "men")


def test_a_missing_column_is_named(frame):
    with pytest.raises(BadInput, match="column months is missing"):
        diagnose(frame.drop("months"), SPEC, E2, "men")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"n_imputations": 19}, "n_imputations"),
        ({"risk_percentiles": (75.0, 25.0)}, "risk_percentiles"),
        ({"risk_percentiles": (1.0, 75.0)}, "risk_percentiles"),
        ({"late_from_months": 60.0}, "late_from_months"),
        ({"exposures": ()}, "an exposure is needed"),
        ({"exposures": (E2, E2)}, "none twice"),
        ({"exposures": (replace(E2, cycles=()),)}, "without cycles"),
        ({"minimum_events_per_parameter": 9.0}, "10 deaths a parameter"),
        ({"minimum_followed_share": 0.9}, "followed share"),
        ({"maximum_censored_share": 0.6}, "censored share"),
        ({"minimum_design_df": 7}, "design df"),
    ],
)
def test_choices_may_not_be_looser_than_the_profile(change, problem):
    with pytest.raises(ValueError, match=problem):
        replace(SPEC, **change)
