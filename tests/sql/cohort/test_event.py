"""Dated events that studies ask for, and use as it was known by each supply; hand-calculated."""

import datetime as dt

import pytest

TABLE = "cohort.event"
SET = "set_code | kind_code | code"
SUPPLY = "person_id | ingredient | supplied_on | drug_class | supply_days | dose_mg_per_week"


def test_a_class_or_an_ingredient_names_a_drug_and_a_day_is_one_event(run_sql):
    """Anastrozole of 30 and letrozole of 60 days on one day are one event of the class, run out after the longer."""
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | drug | aromatase_inhibitor\nb | drug | letrozole",
            "features.drug_supply": f"""{SUPPLY}
                1 | anastrozole | 2020-01-01 | aromatase_inhibitor | 30 | 7
                1 | letrozole   | 2020-01-01 | aromatase_inhibitor | 60 | 17.5
                1 | tamoxifen   | 2020-01-01 | serm                | 60 | 140""",
        },
    )
    assert [(r["set_code"], r["event_on"], r["stock_until_on"]) for r in rows] == [
        ("a", dt.date(2020, 1, 1), dt.date(2020, 3, 1)),
        ("b", dt.date(2020, 1, 1), dt.date(2020, 3, 1)),
    ]


def test_use_goes_on_over_90_days_without_stock_and_not_over_91(run_sql):
    """30 days from 1 January run out on the 31st. 90 days later, 30 April, is still the same use; a day later is not."""
    for second, first_of_use in (("2020-04-30", "2020-01-01"), ("2020-05-01", "2020-05-01")):
        rows = run_sql(
            TABLE,
            {
                "ref.study_set": f"{SET}\na | drug | anastrozole",
                "features.drug_supply": f"""{SUPPLY}
                    1 | anastrozole | 2020-01-01 | aromatase_inhibitor | 30 | 7
                    1 | anastrozole | {second}   | aromatase_inhibitor | 30 | 7""",
            },
        )
        assert rows[1]["use_from_on"] == dt.date.fromisoformat(first_of_use)


def test_an_early_supply_does_not_shorten_use(run_sql):
    """90 days from 1 January run to 31 March, whatever 10 days bought on 2 January say."""
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | drug | anastrozole",
            "features.drug_supply": f"""{SUPPLY}
                1 | anastrozole | 2020-01-01 | aromatase_inhibitor | 90 | 7
                1 | anastrozole | 2020-01-02 | aromatase_inhibitor | 10 | 7""",
        },
    )
    assert [r["use_until_on"] for r in rows] == [dt.date(2020, 3, 31)] * 2
    assert [r["stock_until_on"] for r in rows] == [dt.date(2020, 3, 31), dt.date(2020, 1, 12)]


@pytest.mark.parametrize(
    ("vocabulary", "code", "present", "found"),
    [
        ("icd10cm", "C50.919", "true", True),
        ("icd10cm", "C50.919", "false", False),
        ("icd10cm", "C51.9", "true", False),
        ("icd9cm", "174.9", "true", True),
        ("snomed", "254837009", "true", True),
        ("snomed", "2548370091", "true", False),
        ("ambiguous", "174.9", "true", False),
    ],
)
def test_icd_codes_stand_for_all_below_them_and_snomed_codes_for_themselves(run_sql, vocabulary, code, present, found):
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | condition | breast_cancer",
            "staging.condition": f"""person_id | vocabulary_code | condition_code | is_present | recorded_on
                1 | {vocabulary} | {code} | {present} | 2020-01-01""",
        },
    )
    assert bool(rows) is found


def test_a_receptor_told_as_a_diagnosis_is_an_observation_too(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | observation | er_status",
            "staging.observation": "person_id | observation_code | value | observed_on\n1 | er_status | 1 | 2020-01-01",
            "staging.condition": """person_id | vocabulary_code | condition_code | is_present | recorded_on
                2 | icd10cm | Z17.1 | true | 2020-02-01
                3 | icd10cm | Z17.0 | true | 2020-03-01""",
        },
    )
    assert [(r["person_id"], r["value_lo"]) for r in rows] == [(1, 1), (2, 0), (3, 1)]


def test_results_are_ranges_of_what_is_sure(run_sql):
    """A result below 20 lies between 0 and 20, one above 4300 has no upper end, two of a day span both."""
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | analyte | estradiol",
            "staging.lab_result": """person_id | analyte_code | specimen_id | value | operator | drawn_on
                1 | estradiol | a | 20   | < | 2020-01-01
                1 | estradiol | b | 4300 | > | 2020-01-02
                1 | estradiol | c | 30   | = | 2020-01-03
                1 | estradiol | d | 40   | = | 2020-01-03
                1 | estradiol | e |      | = | 2020-01-04
                1 | estradiol | f | 50   | = |""",
        },
    )
    assert [(r["value_lo"], r["value_hi"]) for r in rows] == [(0, 20), (4300, None), (30, 40)]


def test_imputed_and_invalid_scans_are_no_scans(run_sql):
    rows = run_sql(
        TABLE,
        {
            "ref.study_set": f"{SET}\na | site | lumbar_spine",
            "staging.dxa_scan": """person_id | site_code | bmd_g_cm2 | is_valid | imputation_number | scanned_on
                1 | lumbar_spine | 0.9 | true  | 0 | 2020-01-01
                1 | lumbar_spine | 0.9 | false | 0 | 2020-01-02
                1 | lumbar_spine | 0.9 | true  | 1 | 2020-01-03
                1 | total_hip    | 0.9 | true  | 0 | 2020-01-04""",
        },
    )
    assert [r["event_on"] for r in rows] == [dt.date(2020, 1, 1)]
