"""Deviations in study files: what may be said, what is refused and in which line, and which rows SQL is given."""

from pathlib import Path

import pytest

from pipelines.trials import cohort_rows, deviation
from pipelines.trials.cohort import Cohort
from pipelines.trials.study import catalogue, folder

CLINICAL = {name: study for name, study in catalogue().items() if not study.is_survey}


def test_deviations_reach_sql_beside_what_censors():
    rows = [row for row in cohort_rows.censors([CLINICAL["trt_ai_addon"]]) if row["cohort_code"] == "add_on"]
    columns = ("reason_code", "rule_code", "set_code", "gap_days", "arm_code", "share")
    assert [tuple(row[column] for column in columns) for row in rows] == [
        ("inhibitor_stopped", "stops", "drug.aromatase_inhibitor", 90, "add", None),
        ("inhibitor_begun", "begins", "drug.aromatase_inhibitor", None, "not", None),
        ("testosterone_dose_changed", "dose_changes", "drug.testosterone", None, None, 0.25),
    ]
    assert all(row["is_deviation"] for row in rows)
    others = cohort_rows.censors(study for name, study in CLINICAL.items() if name != "trt_ai_addon")
    assert others and not any(row["is_deviation"] for row in others)


def test_a_cohort_without_deviations_stays_as_it_was_in_the_hash():
    dumped = CLINICAL["trt_ai_addon"].model_dump(mode="json")["cohort"]
    assert ["deviation" in cohort for cohort in dumped] == [False, True]


#: what is put in place of a line of the add-on, the line in which it is refused, and what is said
BAD_DEVIATIONS = {
    "unknown rule": (
        'rule = "begins"',
        'rule = "wanders"',
        "[[cohort.deviation]]",
        "'stops', 'begins', 'dose_changes'",
    ),
    "unknown drug": (
        'arm = "not"\ndrugs = ["aromatase_inhibitor"]',
        'arm = "not"\ndrugs = ["aromatase"]',
        'drugs = ["aromatase"]',
        "no drug aromatase in sql/ref/drug.csv",
    ),
    "no arm": ('arm = "not"\n', "", "[[cohort.deviation]]", "arm: Field required"),
    "unknown arm": ('arm = "not"', 'arm = "nobody"', 'arm = "nobody"', "there is no arm nobody"),
    "begins what the arm begins": (
        'arm = "not"',
        'arm = "add"',
        'arm = "add"',
        "add begins aromatase_inhibitor itself",
    ),
    "stops what the arm has not": (
        'arm = "add"',
        'arm = "not"',
        'arm = "not"',
        "not begins nothing of aromatase_inhibitor",
    ),
    "a change of nothing": ("share = 0.25", "share = 0", "share = 0", "greater than 0"),
    "a change of everything": ("share = 0.25", "share = 1", "share = 1", "less than 1"),
    "a change of the arm": ("share = 0.25", 'share = 0.25\narm = "add"', "arm =", "Extra inputs"),
    "doses of several drugs": (
        'drugs = ["testosterone"]\nshare',
        'drugs = ["aromatase_inhibitor"]\nshare',
        'drugs = ["aromatase_inhibitor"]',
        "adds milligrams of different drugs; name one",
    ),
    "a reason twice": (
        '"inhibitor_begun"',
        '"inhibitor_stopped"',
        "[[cohort.deviation]]",
        "inhibitor_stopped occurs twice",
    ),
    "a reason that is taken": ('"inhibitor_begun"', '"death"', 'reason = "death"', "death ends follow-up anyway"),
    "no grace period": (
        '[[cohort]]\ncode = "add_on"',
        """[[cohort.deviation]]
reason = "dose_changed"
rule = "dose_changes"
drugs = ["testosterone"]
share = 0.1

[[cohort]]
code = "add_on\"""",
        "[[contrast]]",
        "cohort co_start has deviations, which only clones are weighed for",
    ),
}


@pytest.mark.parametrize("kind", BAD_DEVIATIONS)
def test_a_bad_deviation_is_refused_with_its_line(tmp_path: Path, refused, kind: str):
    old, new, stands, said = BAD_DEVIATIONS[kind]
    text = (folder() / "trt_ai_addon.toml").read_text()
    assert text.count(old) == 1
    path = tmp_path / "trt_ai_addon.toml"
    path.write_text(text.replace(old, new))
    refused(path, stands, said)


def test_without_a_grace_period_there_is_nothing_to_deviate_from():
    told_at_time_zero = CLINICAL["ai_vs_tamoxifen"].cohort[0].model_dump(exclude_unset=True)
    change = {"reason": "x", "rule": "dose_changes", "drugs": ["tamoxifen"], "share": 0.1}
    with pytest.raises(ValueError, match=r"deviation\.0: is counted from the end of the grace period: name grace_days"):
        Cohort.model_validate(told_at_time_zero | {"deviation": [change]})


def test_risks_are_not_asked_of_a_cohort_with_deviations():
    study = CLINICAL["ai_fracture"]
    risk = next(each for each in study.risk if each.grace_intervals)
    change = deviation.DoseChange(reason="x", rule="dose_changes", drugs=("tamoxifen",), share=0.1)
    cohorts = tuple(each.model_copy(update={"deviation": (change,)}) for each in study.cohort)
    outcomes = (*study.outcomes.primary, *study.outcomes.secondary)
    assert risk.problem(study.cohort, outcomes, study.risk) == ""
    assert "has deviations: risks do not weigh for them" in risk.problem(cohorts, outcomes, study.risk)
