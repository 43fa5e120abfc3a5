"""From rules and estimates to the ledger: who may speak, closed gates, missing pieces, simulated people and their truth."""

import polars as pl
import pytest

from pipelines.models.claim_table import claim
from pipelines.run_facts import EvidenceSource, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials import claim_rows
from pipelines.trials.claim_rule import claim_rules

CLINICAL = ("ai_vs_tamoxifen", "trt_ai_addon", "hpg_response", "ai_cardiovascular")
SURGERY = "aromatase_inhibitor vs none, 24 months, cohort surgery"
NUMBERS = ("estimate", "ci_low", "ci_high", "confidence_pct", "p_value")
Row = dict[str, object]


def facts(evidence: EvidenceSource, studies: tuple[str, ...] = CLINICAL) -> RunFacts:
    return RunFacts("run", "nhanes" if evidence == "public_survey" else "omop", studies, "white_female", 11, evidence)


def estimate(study: str, contrast: str, outcome: str, value: float | None, **more: object) -> Row:
    """A row of models.effect_estimate with an open gate; an error of 0.5 unless said."""
    row: Row = {
        "study_id": study,
        "contrast": contrast,
        "outcome": outcome,
        "population": "postmenopausal_women",
        "estimator": "clone_censor_weight",
        "evidence_source": "real",
        "scale": "mean difference of percent change",
        "estimate": value,
        "se": 0.5,
        "gate_status": "open",
    }
    return row | more


def bone(site: str, value: float | None, contrast: str = SURGERY, **more: object) -> Row:
    return estimate("ai_vs_tamoxifen", contrast, f"{site}_bmd_change_pct", value, **more)


def ledger(
    rows: list[Row], run: RunFacts, truth: list[Row] | None = None, bends: list[Row] | None = None
) -> dict[tuple[str, str], Row]:
    """The claims, by claim and part."""

    def frame(name: str, content: list[Row]) -> pl.LazyFrame:
        return pl.DataFrame(content, schema=CONTRACTS[name].empty().schema).lazy()

    found = claim(
        {
            "ref.claim": claim_rows.rows_of(claim_rules()).lazy(),
            "models.effect_estimate": frame("models.effect_estimate", rows),
            "models.threshold": frame("models.threshold", bends or []),
            "raw.planted_truth": frame("raw.planted_truth", truth or []),
        },
        run,
    ).collect()
    CONTRACTS["models.claim"].schema.validate(found, cast=True)
    return {(row["claim_id"], row["part_code"]): row for row in found.to_dicts()}


def is_empty(row: Row) -> bool:
    return all(row[name] is None for name in NUMBERS)


def test_every_rule_has_a_row_and_without_estimates_nothing_is_answered():
    found = ledger([], facts("real"))
    assert len(found) == claim_rows.rows_of(claim_rules()).height
    assert {row["verdict"] for row in found.values()} == {"not_answerable"}
    assert all(is_empty(row) and row["why"] and row["rules_hash"] == claim_rules().rules_hash for row in found.values())
    assert found["H11", "heart_failure"]["why"] == "ai_cardiovascular made no such estimate in this run"
    assert found["H8", "men_ctx"]["why"] == "bone_turnover is not part of this run; it needs clinical records"
    assert found["H7", "men_survey"]["why"] == "nhanes_e2_bmd is not part of this run; it needs a survey of the public"
    assert found["H23", "steady_state"]["why"].startswith("no record holds a measured concentration")
    assert found["H1", "women_spine"]["why"] == "ai_vs_tamoxifen made no such estimate in this run"
    assert (found["H1", "women_spine"]["study_id"], found["H8", "men_ctx"]["study_id"]) == ("ai_vs_tamoxifen", None)


def test_two_parts_of_a_family_by_hand():
    # z of the spine -2.8 / 0.5, of the hip -0.2 / 0.5: levels 0.025 and 0.05; limits -2.8 -+ 2.2414 * 0.5, -0.2 -+ 1.96 * 0.5.
    found = ledger([bone("lumbar_spine", -2.8), bone("total_hip", -0.2)], facts("real"))
    spine, hip = found["H1", "women_spine"], found["H1", "women_hip"]
    assert (spine["ci_low"], spine["ci_high"]) == pytest.approx((-3.9207014, -1.6792986))
    assert (spine["confidence_pct"], hip["confidence_pct"]) == pytest.approx((97.5, 95.0))
    assert (hip["ci_low"], hip["ci_high"]) == pytest.approx((-1.179982, 0.779982))
    assert spine["verdict"] == hip["verdict"] == spine["claim_verdict"] == "contradicted"
    assert spine["why"] == "the interval lies wholly below 2 on the side claimed"
    assert (spine["truth"], spine["recovery"]) == (None, None)


def test_a_part_without_an_answer_keeps_the_claim_open():
    rows = [bone("lumbar_spine", 4.0), bone("total_hip", 4.0)]
    found = ledger(rows, facts("real"))
    assert [found["H1", part]["verdict"] for part in ("women_spine", "women_hip", "men_spine")] == [
        *("supported", "supported", "not_answerable")
    ]
    assert {found["H1", part]["claim_verdict"] for part in ("women_spine", "men_spine")} == {"inconclusive"}


def test_a_closed_gate_names_its_diagnostic_and_shows_no_number():
    reason = "equipoise fail; observed_share_smaller not_evaluated"
    row = bone("lumbar_spine", None, se=None, gate_status="closed", gate_reason=reason)
    found = ledger([row], facts("real"))["H1", "women_spine"]
    assert (found["verdict"], found["why"]) == ("not_answerable", f"gate closed: {reason}")
    assert is_empty(found)


@pytest.mark.parametrize("broken", [{"se": None}, {"se": 0.0}, {"estimate": None}])
def test_an_estimate_without_an_error_is_no_answer(broken):
    found = ledger([bone("lumbar_spine", 4.0, **broken)], facts("real"))["H1", "women_spine"]
    assert (found["verdict"], found["why"], is_empty(found)) == (
        "not_answerable",
        "the estimate has no standard error",
        True,
    )


def test_sensitivity_analyses_and_other_evidence_do_not_speak():
    rows = [bone("lumbar_spine", 4.0, estimator="iptw"), bone("total_hip", 4.0, evidence_source="simulated")]
    found = ledger(rows, facts("real"))
    assert {found["H1", part]["verdict"] for part in ("women_spine", "women_hip")} == {"not_answerable"}
    assert {row["evidence_source"] for row in found.values()} == {"real"}


def test_a_survey_never_speaks_to_dosing_even_where_an_estimate_is_given():
    survey = facts("public_survey", ("nhanes_e2_bmd", *CLINICAL))
    rows = [bone("lumbar_spine", 4.0, evidence_source="public_survey")]
    found = ledger(rows, survey)["H1", "women_spine"]
    assert (found["verdict"], found["why"]) == ("not_answerable", "a survey of the public says nothing about dosing")
    assert is_empty(found)


def per_doubling(value: float, evidence: str, error: float = 0.006) -> Row:
    common = {"population": "men", "estimator": "linear_log2_e2_mi", "scale": "g/cm2", "se": error, "df": 15.0}
    row = estimate("nhanes_e2_bmd", "estradiol, per doubling", "femoral_neck_bmd_g_cm2", value)
    return row | common | {"evidence_source": evidence}


def test_a_survey_speaks_to_an_association_with_its_own_degrees_of_freedom():
    found = ledger([per_doubling(0.02, "public_survey")], facts("public_survey", ("nhanes_e2_bmd",)))[
        "H7", "men_survey"
    ]
    assert found["ci_high"] == pytest.approx(0.02 + 2.131449546 * 0.006)
    assert (found["verdict"], found["claim_verdict"]) == ("contradicted", "contradicted")


def test_no_effect_is_judged_by_equivalence():
    words = "testosterone_and_inhibitor vs testosterone, 12 months, cohort co_start"
    common = {"population": "men", "estimator": "aipw"}
    for value, error, verdict in ((0.1, 0.3, "supported"), (-2.0, 0.3, "contradicted"), (-0.8, 0.3, "inconclusive")):
        row = estimate("trt_ai_addon", words, "lumbar_spine_bmd_change_pct", value, se=error) | common
        found = ledger([row], facts("real"))["H28", "men_spine"]
        assert (found["verdict"], found["confidence_pct"]) == (verdict, pytest.approx(90.0))


TRUTH: list[Row] = [
    {
        "truth_study": "ai_vs_tamoxifen",
        "truth_contrast": "aromatase_inhibitor vs none",
        "truth_figure": "lumbar_spine_24_months",
        "value": -2.6,
        "standard_error": 0.05,
    },
    {
        "truth_study": "ai_vs_tamoxifen",
        "truth_contrast": "aromatase_inhibitor vs none",
        "truth_figure": "total_hip_24_months",
        "value": 2.01,
        "standard_error": 0.05,
    },
    {
        "truth_study": "parameters/e2_threshold",
        "truth_contrast": "",
        "truth_figure": "men",
        "value": 13.5,
        "standard_error": 0.0,
    },
]


def test_simulated_people_have_no_verdict_but_recovery():
    rows = [
        bone(site, value, evidence_source="simulated") for site, value in (("lumbar_spine", -2.8), ("total_hip", -2.0))
    ]
    found = ledger(rows, facts("simulated"), TRUTH)
    spine, hip, threshold = found["H1", "women_spine"], found["H1", "women_hip"], found["H5", "men"]
    assert {row["verdict"] for row in found.values()} == {row["claim_verdict"] for row in found.values()} == {None}
    assert (spine["recovery"], spine["truth"]) == ("recovered", -2.6)
    assert spine["why"].endswith("the claim does not hold in truth")
    # The truth is within its own error of the smallest effect of interest.
    assert (hip["recovery"], hip["truth"]) == (None, 2.01)
    assert "too near" in hip["why"]
    # The run did not ask it: not missed. Asked and without an answer: missed.
    assert (threshold["recovery"], threshold["truth"]) == (None, 13.5)
    asked = ledger([], facts("simulated", ("e2_threshold",)), TRUTH)["H5", "men"]
    assert (asked["recovery"], asked["truth"]) == ("missed", 13.5)
    assert found["H3", "spine_24"]["recovery"] is None
    assert "does not tell" in found["H3", "spine_24"]["why"]


def test_a_verdict_against_the_truth_is_a_false_alarm():
    found = ledger([bone("lumbar_spine", 4.0, evidence_source="simulated")], facts("simulated"), TRUTH)
    assert found["H1", "women_spine"]["recovery"] == "false_alarm"


def test_without_its_truth_a_simulated_drop_has_neither():
    found = ledger([bone("lumbar_spine", 4.0, evidence_source="simulated")], facts("simulated"))["H1", "women_spine"]
    assert (found["verdict"], found["recovery"]) == (None, None)
    assert found["why"].endswith("the data came without their truth")


def test_the_truth_moves_no_number():
    rows = [bone("lumbar_spine", -2.8, evidence_source="simulated")]
    with_truth, without = (ledger(rows, facts("simulated"), truth)["H1", "women_spine"] for truth in (TRUTH, None))
    assert [with_truth[name] for name in NUMBERS] == [without[name] for name in NUMBERS]


def bend(**more: object) -> Row:
    """The change-point of men, with an open gate."""
    row: Row = {
        "study_id": "e2_threshold",
        "contrast": "mean estradiol between scans, cohort men, per doubling",
        "outcome": "lumbar_spine_bmd_change_pct",
        "population": "men",
        "analysis": "primary",
        "evidence_source": "real",
        "answer": "kink",
        "place_pg_ml": 13.0,
        "ci_low_pg_ml": 11.0,
        "ci_high_pg_ml": 14.5,
        "is_open_low": False,
        "is_open_high": False,
        "is_empty": False,
        "p_value": 0.001,
        "gate_status": "open",
    }
    return row | more


OPEN_BELOW: Row = {"ci_low_pg_ml": None, "is_open_low": True}
EMPTY: Row = {"ci_low_pg_ml": None, "ci_high_pg_ml": None, "is_empty": True}
NO_PLACE: Row = {"place_pg_ml": None, "is_open_low": None, "is_open_high": None, "is_empty": None}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "contradicted"),  # 20 pg/mL is named: 15 to 25
        ({"place_pg_ml": 19.0, "ci_low_pg_ml": 16.0, "ci_high_pg_ml": 23.0}, "supported"),
        ({"ci_high_pg_ml": 16.0}, "inconclusive"),
        (OPEN_BELOW, "contradicted"),
        (OPEN_BELOW | {"ci_high_pg_ml": 20.0}, "inconclusive"),
        (EMPTY, "inconclusive"),
        (EMPTY | NO_PLACE | {"answer": "no_kink"}, "inconclusive"),
    ],
)
def test_a_threshold_is_judged_by_the_change_point(changed, verdict):
    run = facts("real", ("e2_threshold",))
    found = ledger([], run, bends=[bend(**changed), bend(analysis="lc_ms_ms_only", ci_high_pg_ml=99.0)])["H5", "men"]
    assert (found["verdict"], found["estimate"]) == (verdict, changed.get("place_pg_ml", 13.0))
    assert (found["scale"], found["confidence_pct"]) == ("pg/mL", None if found["estimate"] is None else 95.0)


def test_a_change_point_without_an_answer_says_why():
    run = facts("real", ("e2_threshold",))
    none = EMPTY | NO_PLACE | {"answer": "not_answerable", "why": "60 % are not measured", "p_value": None}
    found = ledger([], run, bends=[bend(**none)])["H5", "men"]
    assert (found["verdict"], found["why"], is_empty(found)) == ("not_answerable", "60 % are not measured", True)
    closed = bend(**none) | {"gate_status": "closed", "gate_reason": "support_ratio fail"}
    found = ledger([], run, bends=[closed])["H5", "men"]
    assert (found["verdict"], found["why"]) == ("not_answerable", "gate closed: support_ratio fail")


@pytest.mark.parametrize(("value", "verdict"), [(1.4, "supported"), (0.4, "contradicted"), (-1.4, "contradicted")])
def test_over_suppression_is_judged_by_women_under_an_inhibitor_alone(value, verdict):
    """Bone is lost faster where estradiol is lower: the change rises with a doubling, by 1 % a year or more."""
    on_inhibitor = "postmenopausal_women_on_inhibitor"
    run = facts("real", ("e2_threshold",))
    untreated, hers = (
        estimate(
            "e2_threshold",
            f"mean estradiol between scans, cohort {cohort}, per doubling",
            "lumbar_spine_bmd_change_pct",
            number,
            se=0.1,
        )
        | {"population": cohort, "estimator": "linear_log2_mean_e2_mi"}
        for cohort, number in (("postmenopausal_women", 1.4), (on_inhibitor, value))
    )
    found = ledger([untreated, hers], run)["H2", "women"]
    assert (found["verdict"], found["estimate"], found["population"]) == (verdict, value, on_inhibitor)
    assert found["estimand"].startswith("Association, no effect: ") and "per doubling" in found["estimand"]
    silent = ledger([untreated], run)
    assert silent["H2", "women"]["why"] == "e2_threshold made no such estimate in this run"
    assert silent["H2", "men"]["why"].startswith("no study relates")


def test_a_dose_is_judged_as_slope_and_as_equivalence():
    run = facts("real", ("ai_dose_response",))
    common = {"population": "men_on_testosterone", "estimator": "marginal_structural_model"}
    rows = [
        estimate("ai_dose_response", words, "lumbar_spine_bmd_change_pct", value, se=0.1) | common
        for words, value in (
            ("slope a mg per week, kept up, 24 months", -0.9),
            ("up_to_1_mg vs none, kept up, 24 months", -0.2),
        )
    ]
    found = ledger(rows, run)
    assert found["H4", "men_graded"]["delta"] == pytest.approx(2 / 3.5)
    assert {found["H4", part]["verdict"] for part in ("men_graded", "men_low_dose")} == {"supported"}
    assert found["H4", "men_graded"]["claim_verdict"] == "supported"


def test_claims_about_events_are_judged_by_the_ratio_and_told_why_a_gate_is_closed():
    contrast = "aromatase_inhibitor vs tamoxifen, 60 months, cohort active_comparator"

    def heart(value: float | None, estimator: str, scale: str, **more: object) -> Row:
        return estimate("ai_cardiovascular", contrast, "heart_failure", value, estimator=estimator, scale=scale, **more)

    difference = heart(0.9, "risk_difference", "difference of risks", se=0.1)
    ratio = heart(0.3, "log_risk_ratio", "difference of log risks", se=0.05)
    for rows in ([difference, ratio], [ratio, difference]):
        told = ledger(rows, facts("real"))["H11", "heart_failure"]
        assert (told["estimate"], told["verdict"]) == (0.3, "supported")
    alone = ledger([difference], facts("real"))["H11", "heart_failure"]
    assert alone["verdict"] == "not_answerable" and is_empty(alone)
    shut = heart(None, "risk_difference", "difference of risks", se=None, gate_status="closed", gate_reason="ease fail")
    assert ledger([shut], facts("real"))["H11", "heart_failure"]["why"] == "gate closed: ease fail"


FALL = ("e2_pkpd", "within person since the first supply, cohort men", "estradiol_t90_days")


def course(value: float | None, low: float | None, high: float | None, **more: object) -> Row:
    men: Row = {"population": "men", "estimator": "nonlinear_mixed_censored", "ci_low": low, "ci_high": high}
    return estimate(*FALL, value, **(men | {"scale": "days since the first supply"} | more))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(2.6, 4.4, "supported"), (1.1, 1.9, "contradicted"), (2.0, 4.4, "inconclusive"), (4.0, 9.0, "inconclusive")],
)
def test_a_level_is_judged_by_its_interval_beside_holm(low: float, high: float, verdict: str):
    run = facts("real", ("e2_pkpd",))
    found = ledger([course(3.4, low, high)], run)["H24", "time_course"]
    assert (found["verdict"], found["estimate"], found["ci_low"], found["ci_high"]) == (verdict, 3.4, low, high)
    assert (found["confidence_pct"], found["delta"], found["named_low"], found["named_high"]) == (95.0, None, 3.0, 4.0)


def test_a_time_that_is_not_bounded_answers_no_claim():
    run = facts("real", ("e2_pkpd",))
    why = "not estimable: the time to 90 % of the fall is not bounded below"
    closed = course(None, None, None, se=None, gate_status="closed", gate_reason=why)
    found = ledger([closed], run)["H24", "time_course"]
    assert (found["verdict"], found["why"], is_empty(found)) == ("not_answerable", f"gate closed: {why}", True)
