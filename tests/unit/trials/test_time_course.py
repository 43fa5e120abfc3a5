"""Study files that ask for a time course of estradiol: what is refused, and how results are named."""

from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials.claim_rule import estimated
from pipelines.trials.study import catalogue, folder, read
from pipelines.trials.time_course import T90, TIME_COURSE
from pipelines.trials.waiver import REQUIRED, closing_diagnostics

STUDY = catalogue()["e2_pkpd"]
FIRST = '[[time_course]]\ncohort = "men"\npopulation = "men"'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (FIRST, FIRST.replace('cohort = "men"', 'cohort = "boys"'), "there is no cohort boys"),
        ("days = [1, 7, 14, 28]", "days = [1, 7, 14, 30]", "Input should be 1, 7, 14 or 28"),
        ("days = [1, 7, 14, 28]", "days = [7, 1]", "in rising order, none twice"),
        ("days = [1, 7, 14, 28]", "days = []", "at least 1 item"),
        ("before_days = 365", "before_days = 0", "greater than or equal to 1"),
        ("before_days = 365", "before_days = 365\nafter_days = 3", "after_days: Extra inputs are not permitted"),
        ('    "estradiol_fall_plateau_pct",\n', "", "estradiol_fall_plateau_pct is no outcome of the study"),
        ('"estradiol_t90_days"]', '"estradiol_t95_days"]', "estradiol_t95_days"),
        ("follow_up_days = 84", "follow_up_days = 20", "the first weeks lie beyond the follow-up of 20 days"),
        ('drugs = ["aromatase_inhibitor"]', 'drugs = ["tamoxifen"]', "does not begin with the first supply"),
        ("minimum_people_first_week = 20", "minimum_people_first_week = 19", "loosens the profile"),
        ("maximum_censored_share = 0.5", "maximum_censored_share = 0.6", "loosens the profile"),
        ("maximum_unknown_assay_share = 0.5\n", "", "must name"),
        (FIRST, f"{FIRST}\nbefore_days = 100\ndays = [1, 7, 14, 28]\n\n{FIRST}", "the same one occurs twice"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (folder() / "e2_pkpd.toml").read_text()
    assert old in text, old
    path = tmp_path / "e2_pkpd.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=said):
        read(path)


def test_men_and_women_before_and_after_menopause_are_apart() -> None:
    assert [each.population for each in STUDY.time_course] == ["men", "postmenopausal_women", "premenopausal_women"]
    assert set(STUDY.diagnostics) == set(TIME_COURSE)


def test_results_are_named_by_cohort_and_day() -> None:
    men = STUDY.time_course[0]
    assert men.words == "within person since the first supply, cohort men"
    assert men.outcomes == (
        *(f"estradiol_fall_day_{day}_pct" for day in (1, 7, 14, 28)),
        *("estradiol_fall_plateau_pct", "estradiol_t90_days"),
    )
    assert [men.day_of(each) for each in men.outcomes] == [1, 7, 14, 28, float("inf"), None]
    assert (men.words, T90, "men", None) in list(estimated(STUDY))
    closing = closing_diagnostics(time_courses=STUDY.time_course)
    assert len(closing) == 18 and set(closing.values()) == {REQUIRED["time_course"]}


def test_a_question_of_one_study_leaves_the_hash_of_others_alone() -> None:
    """Frozen before the kind of question was there."""
    assert catalogue()["ai_dose_response"].protocol_hash == "9f871a1a054c9d71"
