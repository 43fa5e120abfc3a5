"""Study files that ask along a scale: what is refused, and what stays as it was for studies that do not ask."""

from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials import cohort_rows
from pipelines.trials.study import catalogue, folder, read

CURVE_FIRST = '[[curve]]\ncohort = "men"\npopulation = "men"\noutcome = "lumbar_spine_bmd_change_pct"'


@pytest.mark.parametrize(
    ("study", "old", "new", "said"),
    [
        ("e2_threshold", CURVE_FIRST, CURVE_FIRST.replace('cohort = "men"', 'cohort = "x"'), "there is no cohort x"),
        (
            "e2_threshold",
            CURVE_FIRST,
            CURVE_FIRST.replace("lumbar_spine", "femoral_neck"),
            "is no outcome of the study",
        ),
        ("e2_threshold", CURVE_FIRST, CURVE_FIRST.replace("lumbar_spine", "total_hip"), "the same one occurs twice"),
        ("e2_threshold", "minimum_days = 365", "minimum_days = 90", "greater than or equal to 180"),
        ("e2_threshold", "minimum_days = 365", "minimum_days = 2000", "beyond the follow-up of 1826 days"),
        (
            "e2_threshold",
            'imputed_by = ["testosterone_ng_dl"]',
            'imputed_by = ["height"]',
            "is no covariate of the study",
        ),
        ("e2_threshold", "longest_chain = 9600", "longest_chain = 96000", "less than or equal to 20000"),
        ("e2_threshold", 'exposure = "estradiol"', 'exposure = "testosterone"', "'estradiol'"),
        ("e2_threshold", "maximum_censored_share = 0.5", "maximum_censored_share = 0.6", "loosens the profile"),
        ("e2_threshold", "minimum_support_ratio = 1.5\n", "", "must name"),
        (
            "ai_dose_response",
            "edges = [0, 1, 2, 3.5]",
            "edges = [0, 2, 1, 3.5]",
            "one fewer than categories, and rising",
        ),
        ("ai_dose_response", "edges = [0, 1, 2, 3.5]", "edges = [0, 1, 2]", "one fewer than categories, and rising"),
        ("ai_dose_response", 'reference = "none"', 'reference = "zero"', "the reference must be one of them"),
        ("ai_dose_response", "lag_days = 182", "lag_days = 700", "no period is left whose dose counts"),
        ("ai_dose_response", "horizon_days = 730", "horizon_days = 800", "ends after the follow-up of 820 days"),
        (
            "ai_dose_response",
            'exposure = "mg_per_week"\ndrugs = ["anastrozole"]',
            'exposure = "mg_per_week"\ndrugs = ["aromatase_inhibitor"]',
            "milligrams of different drugs are not added",
        ),
        ("ai_dose_response", 'cohorts = ["adherence"]', 'cohorts = ["nobody"]', "there is no cohort nobody"),
        (
            "ai_dose_response",
            "minimum_pairs_per_category = 100",
            "minimum_pairs_per_category = 99",
            "loosens the profile",
        ),
        ("titration_policy", 'cohort = "men_on', 'cohort = "women_on', "there is no cohort women_on_testosterone"),
        ("titration_policy", '"stop_below_20",', '"no_inhibitor",', "the reference is not one of them"),
        ("titration_policy", '"stop_below_20",', '"stop_below_30",', "titrate_to_20_30"),
        ("titration_policy", "window_low = 20", "window_low = 40", "must lie below window_high"),
        ("titration_policy", "window_days = 90", "window_days = 700", "no period ends before the window"),
        ("titration_policy", "horizon_days = 730", "horizon_days = 760", "ends after the follow-up of 820 days"),
        ("titration_policy", 'events = ["any_fracture"', 'events = ["hip_fracture"', "is no outcome of the study"),
        ("titration_policy", "minimum_events = 20", "minimum_events = 10", "loosens the profile"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(tmp_path: Path, study: str, old: str, new: str, said: str) -> None:
    text = (folder() / f"{study}.toml").read_text()
    assert old in text
    path = tmp_path / f"{study}.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=said):
        read(path)


def test_periods_of_a_dose_end_with_the_lag_and_before_the_window() -> None:
    men, _ = catalogue()["ai_dose_response"].dose
    # 640 days before the window opens, and 548 days whose dose counts, in periods of 91.
    assert (men.n_periods, men.n_exposed, men.horizon_months) == (7, 6, 24.0)
    assert men.contrasts[0] == "up_to_1_mg vs none, kept up, 24 months"
    assert men.contrasts[-1] == "slope a mg per week, kept up, 24 months"


def test_outcomes_of_doses_are_asked_for_after_those_of_contrasts() -> None:
    study = catalogue()["ai_dose_response"]
    rows = cohort_rows.contrasts([study])
    assert [(row["contrast_number"], row["cohort_code"], row["is_cloned"]) for row in rows] == [
        (1, "men_on_testosterone", True),
        (2, "men_without_inhibitor", True),
        (3, "adherence", True),
    ]
    assert [study.dose_numbers(dose) for dose in study.dose] == [(1, 2), (3,)]


def test_the_hash_of_a_study_that_does_not_ask_is_what_it_was() -> None:
    """Frozen before curves, doses and who is due could be asked for."""
    study = catalogue()["ai_vs_tamoxifen"]
    contrasts = tuple(each.model_copy(update={"due": None}) for each in study.contrast)
    unasked = study.model_copy(update={"negative_controls": (), "contrast": contrasts})
    assert unasked.protocol_hash == "75b6265cec9eb31a" != catalogue()["ai_vs_tamoxifen"].protocol_hash
    assert catalogue()["nhanes_e2_bmd"].protocol_hash == "9030c084b3db6f71"


def test_bone_of_a_policy_is_asked_for_once_and_periods_run_from_action_to_action() -> None:
    study = catalogue()["titration_policy"]
    (policy,) = study.policy
    # (730 - 14) and (640 - 14) days in periods of 84.
    assert (policy.n_periods, policy.n_before_scan, policy.horizon_months) == (8, 7, 24.0)
    assert policy.contrast("stop_below_20") == "stop_below_20 vs no_inhibitor, 24 months"
    (row,) = cohort_rows.contrasts([study])
    assert (row["contrast_number"], row["cohort_code"], row["is_cloned"]) == (1, "men_on_testosterone", True)
    assert study.policy_number(policy) == 1
