"""Covariates of clinical studies: windows, the rule of the day itself, what is missing, and nothing from after time zero."""

import datetime as dt
import random

import pytest

TABLE = "features.covariate"
TRIAL = (
    "study_id | person_id | trial_number | cohort_code | arm_code | index_on | end_reason\n"
    "s | 1 | {} | c | a | 2020-06-15 | horizon"
)
PERSON = "person_id | sex_code | age_years | race_ethnicity_code | entered_on\n1 | female | 60 | white | 2015-06-16"
PERIOD = "person_id | span_number | starts_on | ends_on | basis_code\n1 | 1 | 2018-06-15 | 2022-12-31 | enrolment"
EVENT = "person_id | phenotype_code | event_on | certainty_code | is_new_event | is_possible_event"
DRUG = (
    "person_id | record_number | ingredient | drug_class | route_code | record_type | status_code | started_on"
    " | is_compounded"
)
SOURCE = "source_id | ingredient | is_compounded | evidence_code"
LAB = "person_id | specimen_id | analyte_code | value | is_censored | drawn_on"
OBSERVED = "person_id | record_number | reading_number | observation_code | value | observed_on"


@pytest.fixture
def known(run_sql):
    """Covariates of the one person at 15 June 2020, by code: value, or the reason why there is none."""

    def run(codes: str = "", trial: int = 1, period: str = PERIOD, **tables: str) -> dict[str, float | str]:
        asked = "\n".join(f"s | {code}" for code in codes.split())
        inputs = {
            "cohort.trial_person": TRIAL.format(trial),
            "ref.study_covariate": f"study_id | covariate_code\n{asked}",
            "staging.person": PERSON,
            "staging.observation_period": period,
        }
        rows = run_sql(TABLE, inputs | {name.replace("__", "."): text for name, text in tables.items()})
        assert {row["trial_number"] for row in rows} == {trial}
        assert all(row["is_missing"] == (row["value"] is None) == (row["missing_reason"] is not None) for row in rows)
        return {row["covariate_code"]: row["missing_reason"] if row["is_missing"] else row["value"] for row in rows}

    return run


def test_who_it_is(known):
    """60 at 16 June 2015 and 1,826 days on: 60 + 1826 / 365.25 = 64.99932 years; 731 days from 15 June 2018 to 2020."""
    found = known("age_years calendar_year is_female race_ethnicity days_observed_before", trial=3)
    assert found.pop("age_years") == pytest.approx(64.99932, abs=1e-5)
    assert found == {"calendar_year": 2020, "is_female": 1, "race_ethnicity": 3, "days_observed_before": 731}


@pytest.mark.parametrize(
    ("day", "value"), [("2020-06-15", 1), ("2020-06-16", 0), ("2018-06-16", 1), ("2018-06-15", 0), ("2020-06-14", 1)]
)
def test_diagnoses_of_the_day_count_and_the_window_ends_with_its_last_day(known, day, value):
    """730 days before 15 June 2020 is 16 June 2018."""
    event = f"{EVENT}\n1 | any_fracture | {day} | elsewhere | false | false"
    assert known("any_fracture_730d", features__clinical_event=event) == {"any_fracture_730d": value}


def test_ever_looks_at_everything_and_counts_count_new_events(known):
    events = (
        f"{EVENT}\n1 | any_fracture | 1990-01-01 | definite | true | true\n1 | any_fracture | 1990-01-09 | definite | false"
        " | false\n1 | any_fracture | 2019-01-01 | definite | true | true\n1 | any_fracture | 2021-01-01 | definite | true | true"
    )
    found = known("ever_any_fracture fractures_before", features__clinical_event=events)
    assert found == {"ever_any_fracture": 1, "fractures_before": 2}


def test_charlson(known):
    """Diabetes (1) gives way to its complications (2), cancer (2) to metastasis (6); heart failure 1: 9 in all."""
    codes = ("diabetes", "diabetes_complicated", "cancer", "metastatic", "heart_failure")
    lines = "\n".join(f"1 | charlson_{code} | 2019-01-01 | definite | true | true" for code in codes)
    assert known("charlson_score", features__clinical_event=f"{EVENT}\n{lines}") == {"charlson_score": 9}
    assert known("charlson_score") == {"charlson_score": 0}


@pytest.mark.parametrize(
    ("day", "value"), [("2020-06-14", 1), ("2020-06-15", 0), ("2019-06-16", 1), ("2019-06-15", 0), ("2020-07-01", 0)]
)
def test_a_drug_started_on_the_day_does_not_count(known, day, value):
    drug = f"{DRUG}\n1 | 1 | atorvastatin | statin | oral | fill | completed | {day} | false"
    source = f"{SOURCE}\nnhanes | atorvastatin | false | fill"
    found = known("drug_statin_365d", staging__drug_exposure=drug, features__dispensing_source=source)
    assert found == {"drug_statin_365d": value}


@pytest.mark.parametrize(
    ("ingredient", "group", "route", "kind", "status", "code", "value"),
    [
        ("estradiol", "estrogen", "oral", "fill", "completed", "drug_oral_estrogen_365d", 1),
        ("estradiol", "estrogen", "vaginal", "fill", "completed", "drug_oral_estrogen_365d", 0),
        ("estradiol", "estrogen", "", "fill", "completed", "drug_oral_estrogen_365d", 0),
        ("estradiol", "estrogen", "", "fill", "completed", "drug_any_estrogen_365d", 1),
        ("prednisone", "glucocorticoid", "oral", "fill", "completed", "drug_systemic_glucocorticoid_365d", 1),
        ("budesonide", "glucocorticoid", "inhaled", "fill", "completed", "drug_systemic_glucocorticoid_365d", 0),
        ("lisinopril", "ace_inhibitor", "oral", "fill", "completed", "drug_antihypertensive_365d", 1),
        ("zoledronic acid", "bisphosphonate", "intravenous", "administered", "completed", "drug_any_bone_drug_365d", 1),
        ("raloxifene", "serm", "oral", "fill", "completed", "drug_any_bone_drug_365d", 1),
        ("tamoxifen", "serm", "oral", "fill", "completed", "drug_any_bone_drug_365d", 0),
        ("denosumab", "denosumab", "subcutaneous", "fill", "returned", "drug_denosumab_365d", 0),
        ("denosumab", "denosumab", "subcutaneous", "order", "active", "drug_denosumab_365d", 0),
    ],
)
def test_groups_of_drugs(known, ingredient, group, route, kind, status, code, value):
    drug = f"{DRUG}\n1 | 1 | {ingredient} | {group} | {route} | {kind} | {status} | 2020-01-01 | false"
    source = f"{SOURCE}\nnhanes | {ingredient} | false | fill"
    assert known(code, staging__drug_exposure=drug, features__dispensing_source=source) == {code: value}


def test_an_order_counts_where_no_fill_is_known(known):
    drug = f"{DRUG}\n1 | 1 | denosumab | denosumab | | order | active | 2020-01-01 | false"
    source = f"{SOURCE}\nnhanes | denosumab | false | order"
    found = known("drug_denosumab_365d", staging__drug_exposure=drug, features__dispensing_source=source)
    assert found == {"drug_denosumab_365d": 1}


def test_last_results(known):
    """The last day counts, its replicates are averaged, results of the day itself too; what comes later never."""
    labs = (
        f"{LAB}\n1 | a | calcium | 9.0 | false | 2020-01-01\n1 | b | calcium | 9.4 | false | 2020-06-15\n"
        "1 | c | calcium | 9.6 | false | 2020-06-15\n1 | d | calcium | 12 | false | 2020-06-16\n"
        "1 | e | estradiol | 30 | false | 2020-01-01\n1 | f | estradiol | 5 | true | 2020-02-01\n"
        "1 | g | psa | 1 | false | 2019-06-15"
    )
    found = known("calcium_mg_dl estradiol_pg_ml psa_ng_ml", staging__lab_result=labs)
    assert found == {"calcium_mg_dl": pytest.approx(9.5), "estradiol_pg_ml": "censored", "psa_ng_ml": "not_recorded"}


@pytest.mark.parametrize(("status", "smokes"), [(0, 0), (1, 0), (2, 1)])
def test_body_and_smoking(known, status, smokes):
    told = (
        f"{OBSERVED}\n1 | 1 | 1 | body_mass_index | 31 | 2019-01-01\n1 | 1 | 1 | body_mass_index | 27 | 2020-05-01\n"
        f"1 | 1 | 1 | smoking_status | {status} | 2016-01-01\n1 | 1 | 1 | body_mass_index | 22 | 2020-06-20"
    )
    found = known("body_mass_index current_smoker", staging__observation=told)
    assert found == {"body_mass_index": 27, "current_smoker": smokes}


def test_t_score_menopause_and_use_of_care(known):
    """White women of Looker 1998: total hip .942 (.122) g/cm2, so .698 is -2."""
    scans = (
        "person_id | site_code | side_code | scan_id | manufacturer | scanned_on | bmd_g_cm2 | is_valid | imputation_number\n"
        "1 | total_hip | left | a | hologic | 2019-01-01 | 0.759 | true | 0\n"
        "1 | total_hip | left | b | hologic | 2020-06-15 | 0.698 | true | 0\n"
        "1 | total_hip | left | c | hologic | 2020-06-15 | 0.400 | false | 0\n"
        "1 | total_hip | left | d | hologic | 2020-07-01 | 0.576 | true | 0"
    )
    declared = "setting_code | value_text\nbone_reference | white_female"
    status = (
        "person_id | period_number | known_on | known_until_on | status_code\n1 | 1 | | 2020-06-14 | premenopausal\n"
        "1 | 2 | 2020-06-15 | | postmenopausal"
    )
    visits = (
        "person_id | record_number | visit_code | starts_on\n1 | 1 | outpatient | 2020-06-14\n1 | 1 | outpatient | 2020-06-15\n"
        "1 | 1 | outpatient | 2019-06-16\n1 | 1 | outpatient | 2019-06-15\n1 | 1 | inpatient | 2020-01-01"
    )
    labs = (
        f"{LAB}\n1 | a | estradiol | 5 | true | 2020-06-05\n1 | b | estradiol | 5 | true | 2020-06-15\n"
        "1 | c | tsh | 5 | false | 2020-06-05"
    )
    found = known(
        "total_hip_t_score lumbar_spine_t_score is_postmenopausal visits_outpatient_365d visits_inpatient_365d e2_draws_365d"
        " lab_days_365d days_since_e2 days_since_dxa",
        staging__dxa_scan=scans, ref__run_setting=declared, features__menopausal_status=status, staging__visit=visits,
        staging__lab_result=labs,
    )  # fmt: skip
    assert found == {
        "total_hip_t_score": -2.0, "lumbar_spine_t_score": "not_recorded", "is_postmenopausal": 1, "visits_outpatient_365d": 2,
        "visits_inpatient_365d": 1, "e2_draws_365d": 1, "lab_days_365d": 1, "days_since_e2": 0, "days_since_dxa": 0,
    }  # fmt: skip


def test_nobody_looked(known):
    """Under no observation before time zero nothing can be told to be absent; what is recorded is there all the same."""
    found = known(
        "ever_diabetes ever_obesity drug_statin_365d", period=PERIOD.replace("2018-06-15", "2020-06-16"),
        features__clinical_event=f"{EVENT}\n1 | diabetes | 2019-01-01 | definite | true | true",
    )  # fmt: skip
    assert found == {"ever_diabetes": 1, "ever_obesity": "not_observed", "drug_statin_365d": "not_observed"}


def test_a_study_that_names_none_gets_all_and_an_unknown_one_says_so(known):
    assert len(known()) > 150
    assert known("no_such_covariate") == {"no_such_covariate": "not_defined"}


def test_nothing_after_time_zero_changes_a_covariate(known):
    """Records after time zero, drawn anew at random days, leave every covariate of the study as it is."""

    def after(seed: int) -> dict[str, str]:
        draw = random.Random(seed)

        def day() -> str:
            return str(dt.date(2020, 6, 16) + dt.timedelta(days=draw.randrange(900)))

        drug = f"1 | 1 | atorvastatin | statin | oral | fill | completed | {day()} | false"
        return {
            "features__clinical_event": f"{EVENT}\n1 | diabetes | 2019-01-01 | definite | true | true\n"
            f"1 | hip_fracture | {day()} | definite | true | true\n1 | any_fracture | {day()} | definite | true | true",
            "staging__lab_result": f"{LAB}\n1 | a | estradiol | 15 | false | 2020-06-05\n"
            f"1 | b | estradiol | 50 | false | {day()}",
            "staging__drug_exposure": f"{DRUG}\n{drug}",
            "features__dispensing_source": f"{SOURCE}\nnhanes | atorvastatin | false | fill",
            "staging__observation": f"{OBSERVED}\n1 | 1 | 1 | body_mass_index | 22 | {day()}",
            "staging__visit": f"person_id | record_number | visit_code | starts_on\n1 | 1 | inpatient | {day()}",
            "staging__symptom": f"person_id | record_number | symptom_code | recorded_on\n1 | 1 | fatigue | {day()}",
        }

    first = known(**after(1))
    assert first["ever_diabetes"] == 1
    assert first["estradiol_pg_ml"] == 15
    assert all(known(**after(seed)) == first for seed in (2, 3))
