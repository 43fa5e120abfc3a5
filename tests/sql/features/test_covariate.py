"""Covariates at time zero; missing stays missing."""

import pytest

TABLE = "features.covariate"
COVARIATES = ("age_years", "race_ethnicity", "body_mass_index", "current_smoker", "testosterone_ng_dl")


def covariates(
    run_sql, person: str = "1 | female | 61 | non_hispanic_white", observed: str = "", labs: str = "", asked=COVARIATES
):
    rows = run_sql(
        TABLE,
        {
            "cohort.trial_person": "study_id | person_id | trial_number\ns | 1 | 1",
            "ref.study_covariate": "study_id | covariate_code\n" + "\n".join(f"s | {code}" for code in asked),
            "staging.person": f"person_id | sex_code | age_years | race_ethnicity_code\n{person}",
            "staging.observation": f"person_id | observation_code | reading_number | value\n{observed}",
            "staging.lab_result": f"person_id | specimen_id | analyte_code | value | is_censored\n{labs}",
        },
    )
    return {row["covariate_code"]: row["value"] for row in rows}


def test_all_known(run_sql):
    observed = "1 | body_mass_index | 1 | 27.5\n1 | smoked_100_cigarettes | 1 | 1\n1 | smokes_now | 1 | 2"
    found = covariates(run_sql, observed=observed, labs="1 | H.tst | testosterone | 21.5 | false")
    assert found == {
        "age_years": 61, "race_ethnicity": 3, "body_mass_index": 27.5, "current_smoker": 1, "testosterone_ng_dl": 21.5,
    }  # fmt: skip


def test_missing_stays_a_row_of_null(run_sql):
    assert covariates(run_sql, person="1 | female | | ") == dict.fromkeys(COVARIATES)


def test_censored_testosterone_is_missing_not_the_limit(run_sql):
    assert covariates(run_sql, labs="1 | H.tst | testosterone | 0.75 | true")["testosterone_ng_dl"] is None


@pytest.mark.parametrize(
    ("ever", "now", "smoker"), [(2, "", 0), (1, 1, 1), (1, 2, 1), (1, 3, 0), (1, "", None), ("", 1, 1), ("", "", None)]
)
def test_smoking(run_sql, ever, now, smoker):
    answers = [
        f"1 | {code} | 1 | {value}"
        for code, value in (("smoked_100_cigarettes", ever), ("smokes_now", now))
        if value != ""
    ]
    assert covariates(run_sql, observed="\n".join(answers))["current_smoker"] == smoker


def test_only_what_the_study_asks(run_sql):
    assert set(covariates(run_sql, asked=("age_years",))) == {"age_years"}


def test_it_says_for_which_study(run_sql):
    rows = run_sql(TABLE, {
        "cohort.trial_person": "study_id | person_id | trial_number\ns | 1 | 1",
        "ref.study_covariate": "study_id | covariate_code\ns | age_years\nt | age_years",
        "staging.person": "person_id | age_years\n1 | 61",
    })  # fmt: skip
    assert [(row["study_id"], row["covariate_code"]) for row in rows] == [("s", "age_years")]
