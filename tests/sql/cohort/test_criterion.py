"""Eligibility rules one by one; what is unknown is not met."""

import pytest

TABLE = "cohort.criterion"
SCAN = "person_id | site_code | is_valid | imputation_number"


def is_met(run_sql, rule: str, **inputs: str) -> bool:
    """The verdict of one rule about person 1, an examined woman of 61 where the inputs do not say otherwise."""
    standard = {
        "ref.study": "study_id | minimum_age_years | arm_rule\ns | 40 | sex",
        "ref.study_criterion": f"study_id | cohort_code | step_number | criterion_code | label\ns | survey | 1 | {rule} | text",
        "staging.person": "person_id | sex_code | age_years\n1 | female | 61",
        "staging.survey_design": "person_id | cycle_label | is_examined | examination_weight\n1 | H | true | 9000",
    }
    (row,) = run_sql(TABLE, standard | {name.replace("__", "."): text for name, text in inputs.items()})
    assert row["criterion_code"] == rule
    return row["is_met"]


@pytest.mark.parametrize(
    ("examined", "weight", "met"),
    [("true", "9000", True), ("true", "0", False), ("false", "0", False), ("", "", False)],
)
def test_examined(run_sql, examined, weight, met):
    design = f"person_id | cycle_label | is_examined | examination_weight\n1 | 2013-2014 | {examined} | {weight}"
    assert is_met(run_sql, "examined", staging__survey_design=design) is met


@pytest.mark.parametrize(("age", "met"), [("40", True), ("39", False), ("", False)])
def test_minimum_age(run_sql, age, met):
    person = f"person_id | sex_code | age_years\n1 | male | {age}"
    assert is_met(run_sql, "minimum_age", staging__person=person) is met


@pytest.mark.parametrize(
    ("sex", "status", "met"),
    [
        ("male", "", True),
        ("female", "postmenopausal", True),
        ("female", "premenopausal", False),
        ("female", "unknown", False),
        ("female", "", False),
    ],
)
def test_man_or_postmenopausal_woman(run_sql, sex, status, met):
    inputs = {"staging__person": f"person_id | sex_code | age_years\n1 | {sex} | 61"}
    if status:
        inputs["features__menopausal_status"] = f"person_id | status_code\n1 | {status}"
    assert is_met(run_sql, "man_or_postmenopausal_woman", **inputs) is met


@pytest.mark.parametrize(
    ("rule", "hormone", "axis", "met"),
    [
        ("no_current_sex_hormone", "false", "true", True),
        ("no_current_sex_hormone", "true", "false", False),
        ("no_current_sex_hormone", "", "false", False),
        ("no_current_estrogen_axis_drug", "true", "false", True),
        ("no_current_estrogen_axis_drug", "false", "", False),
        ("no_drug_on_estrogen_axis", "false", "false", True),
        ("no_drug_on_estrogen_axis", "false", "true", False),
        ("no_drug_on_estrogen_axis", "false", "", False),
        ("no_drug_on_estrogen_axis", "", "false", False),
    ],
)
def test_hormones_unknown_is_not_met(run_sql, rule, hormone, axis, met):
    use = f"person_id | is_current_sex_hormone | is_current_estrogen_axis_drug\n1 | {hormone} | {axis}"
    assert is_met(run_sql, rule, features__hormone_use=use) is met


def test_pregnant_is_out_and_a_woman_of_61_who_was_not_asked_is_in(run_sql):
    assert is_met(run_sql, "not_pregnant", features__hormone_use="person_id | is_pregnant\n1 | true") is False
    assert is_met(run_sql, "not_pregnant", features__hormone_use="person_id | is_pregnant\n1 | false") is True
    assert is_met(run_sql, "not_pregnant", features__hormone_use="person_id | is_pregnant\n1 |") is True


@pytest.mark.parametrize(("assay", "met"), [("lc_ms_ms", True), ("immunoassay", False), ("", False)])
def test_e2_by_lc_ms_ms(run_sql, assay, met):
    text = f"person_id | window_code | assay_class\n1 | single_draw | {assay}" if assay else "person_id\n2"
    assert is_met(run_sql, "e2_by_lc_ms_ms", features__e2_exposure=text) is met


@pytest.mark.parametrize(
    ("site", "hip_or_spine", "neck"),
    [
        ("femoral_neck", True, True),
        ("total_hip", True, False),
        ("lumbar_spine", True, False),
        ("whole_body", False, False),
    ],
)
def test_valid_scans(run_sql, site, hip_or_spine, neck):
    text = f"{SCAN}\n1 | {site} | true | 0"
    assert is_met(run_sql, "valid_hip_or_spine_scan", staging__dxa_scan=text) is hip_or_spine
    assert is_met(run_sql, "valid_femoral_neck_scan", staging__dxa_scan=text) is neck


@pytest.mark.parametrize(("valid", "imputation"), [("false", 0), ("true", 1)])
def test_scans_that_do_not_count(run_sql, valid, imputation):
    text = f"{SCAN}\n1 | femoral_neck | {valid} | {imputation}"
    assert is_met(run_sql, "valid_femoral_neck_scan", staging__dxa_scan=text) is False


@pytest.mark.parametrize(
    ("assay", "site", "met"),
    [
        ("lc_ms_ms", "total_hip", True),
        ("immunoassay", "femoral_neck", True),
        ("immunoassay", "total_hip", False),
    ],
)
def test_e2_or_femoral_neck_scan(run_sql, assay, site, met):
    inputs = {
        "features__e2_exposure": f"person_id | window_code | assay_class\n1 | single_draw | {assay}",
        "staging__dxa_scan": f"{SCAN}\n1 | {site} | true | 0",
    }
    assert is_met(run_sql, "e2_or_femoral_neck_scan", **inputs) is met


@pytest.mark.parametrize(
    ("person", "basis", "met"), [(1, "examination", True), (1, "interview", False), (2, "examination", False)]
)
def test_linked_from_the_examination(run_sql, person, basis, met):
    """Months since the interview alone do not say when the examination was."""
    span = f"person_id | span_number | basis_code | length_days\n{person} | 1 | {basis} | 2000"
    assert is_met(run_sql, "linked_to_deaths", staging__observation_period=span) is met


@pytest.mark.parametrize(
    ("race", "answers", "met"),
    [
        ("non_hispanic_white", {"body_mass_index": 27, "smoked_100_cigarettes": 2}, True),
        ("non_hispanic_white", {"body_mass_index": 27, "smoked_100_cigarettes": 1, "smokes_now": 3}, True),
        ("non_hispanic_white", {"body_mass_index": 27, "smoked_100_cigarettes": 1}, False),
        ("non_hispanic_white", {"smoked_100_cigarettes": 2}, False),
        ("", {"body_mass_index": 27, "smoked_100_cigarettes": 2}, False),
        ("non_hispanic_white", {}, False),
    ],
)
def test_covariates_known(run_sql, race, answers, met):
    person = f"person_id | sex_code | age_years | race_ethnicity_code\n1 | female | 61 | {race}"
    observed = "\n".join(f"1 | {code} | 1 | {value}" for code, value in answers.items())
    text = f"person_id | observation_code | reading_number | value\n{observed}"
    assert is_met(run_sql, "covariates_known", staging__person=person, staging__observation=text) is met


def test_a_rule_that_sql_does_not_know_is_never_met(run_sql):
    assert is_met(run_sql, "no_such_rule") is False


@pytest.mark.parametrize(("cycle", "people"), [("2013-2014", [1]), ("", [1, 2]), ("1999-2000", [])])
def test_asked_of_everybody_in_the_cycles_of_the_study(run_sql, cycle, people):
    rows = run_sql(
        TABLE,
        {
            "ref.study": "study_id | minimum_age_years\ns | 40",
            "ref.study_criterion": "study_id | cohort_code | step_number | criterion_code\ns | survey | 1 | examined",
            "ref.study_cycle": f"study_id | cycle_label\ns | {cycle}" if cycle else "study_id | cycle_label",
            "staging.person": "person_id | sex_code\n1 | female\n2 | male",
            "staging.survey_design": "person_id | cycle_label\n1 | 2013-2014\n2 | 2011-2012",
        },
    )
    assert [row["person_id"] for row in rows] == people
