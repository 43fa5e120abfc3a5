"""Kind of treatment from the drugs that make it."""

import datetime as dt

import pytest

TABLE = "features.protocol"
HEADER = "person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on | discontinued_on | has_pellet"
CLASSES = {
    "anastrozole": "aromatase_inhibitor", "testosterone": "androgen", "tamoxifen": "serm", "clomiphene": "ovulation_inducer",
    "gonadorelin": "gonadorelin", "atorvastatin": "statin",
}  # fmt: skip


def episode(drug: str, start: str, end: str, *, stop: bool = True, primary: bool = True, pellet: bool = False) -> str:
    after = dt.date.fromisoformat(end) + dt.timedelta(1)
    return f"1 | {drug} | {CLASSES[drug]} | {primary} | {start} | {end} | {after if stop else ''} | {pellet}"


def intervals(run_sql, *episodes: str, sex="male", conditions: str = "") -> list[tuple]:
    inputs = {
        "features.dosing_episode": "\n".join((HEADER, *episodes)),
        "staging.person": f"person_id | sex_code\n1 | {sex}",
    }
    if conditions:
        header = "person_id | condition_code | vocabulary_code | is_present | recorded_on"
        inputs["staging.condition"] = f"{header}\n{conditions}"
    return [(str(r["starts_on"]), str(r["ends_on"]), r["protocol_code"]) for r in run_sql(TABLE, inputs)]


def test_an_inhibitor_added_to_testosterone_splits_the_time(run_sql):
    found = intervals(
        run_sql, episode("testosterone", "2020-01-01", "2020-12-31"), episode("anastrozole", "2020-04-01", "2020-06-30")
    )
    assert found == [
        ("2020-01-01", "2020-03-31", "male_testosterone"),
        ("2020-04-01", "2020-06-30", "male_testosterone_ai"),
        ("2020-07-01", "2020-12-31", "male_testosterone"),
    ]


def test_a_day_without_any_is_no_interval(run_sql):
    found = intervals(
        run_sql,
        episode("testosterone", "2020-01-01", "2020-01-31"),
        episode("testosterone", "2020-06-01", "2020-06-30"),
    )
    assert [row[:2] for row in found] == [("2020-01-01", "2020-01-31"), ("2020-06-01", "2020-06-30")]


@pytest.mark.parametrize(
    ("drugs", "sex", "code"),
    [
        (("testosterone",), "female", "female_testosterone"),
        (("testosterone", "anastrozole"), "female", "female_testosterone_ai"),
        (("testosterone", "gonadorelin"), "male", "male_testosterone"),
        (("clomiphene",), "male", "fertility"),
        (("tamoxifen", "gonadorelin", "anastrozole"), "male", "fertility"),
        (("tamoxifen",), "female", "other"),
        (("anastrozole",), "male", "other"),
        (("anastrozole",), "female", "other"),
    ],
)
def test_drugs_and_sex(run_sql, drugs, sex, code):
    found = intervals(run_sql, *(episode(drug, "2020-01-01", "2020-03-31") for drug in drugs), sex=sex)
    assert found == [("2020-01-01", "2020-03-31", code)]


@pytest.mark.parametrize(
    ("start", "code"), [("2020-07-01", "restart"), ("2021-12-30", "restart"), ("2022-01-01", "fertility")]
)
def test_a_restart_follows_testosterone_within_two_years(run_sql, start, code):
    end = f"{int(start[:4]) + 1}-01-31"
    found = intervals(run_sql, episode("testosterone", "2019-01-01", "2019-12-30"), episode("clomiphene", start, end))
    assert found[-1] == (start, end, code)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1 | C50.919 | icd10cm | true | 2019-12-01", "adjuvant"),
        ("1 | Z85.3 | icd10cm | true | 2010-01-01", "adjuvant"),
        ("1 | C50.919 | icd10cm | true | 2020-03-31", "adjuvant"),
        ("1 | C50.919 | icd10cm | true | 2020-04-01", "other"),
        ("1 | C50.919 | icd10cm | false | 2019-12-01", "other"),
        ("1 | C61 | icd10cm | true | 2019-12-01", "other"),
    ],
)
def test_breast_cancer_by_90_days_after_the_first_fill(run_sql, row, code):
    found = intervals(run_sql, episode("anastrozole", "2020-01-01", "2020-12-31"), sex="female", conditions=row)
    assert found[0][2] == code


def test_other_gaps_and_other_drugs_make_nothing(run_sql):
    assert intervals(run_sql, episode("anastrozole", "2020-01-01", "2020-03-31", primary=False)) == []
    assert intervals(run_sql, episode("atorvastatin", "2020-01-01", "2020-03-31")) == []


def test_an_end_not_seen_lasts_as_long_as_the_stock(run_sql):
    assert intervals(run_sql, episode("testosterone", "2020-01-01", "2020-03-31", stop=False))[0][1] == "2020-03-31"


def test_pellets_and_the_time_since_testosterone_are_told(run_sql):
    rows = run_sql(TABLE, {
        "features.dosing_episode": "\n".join((
            HEADER, episode("testosterone", "2020-01-01", "2020-01-31", pellet=True),
            episode("clomiphene", "2020-02-11", "2020-03-31"),
        )),
        "staging.person": "person_id | sex_code\n1 | male",
    })  # fmt: skip
    assert [(r["has_pellet"], r["days_since_testosterone"]) for r in rows] == [(True, None), (False, 10)]


DRUG_OF = {
    "is_on_inhibitor": "anastrozole", "is_on_testosterone": "testosterone", "is_on_tamoxifen": "tamoxifen",
    "is_on_ovulation_inducer": "clomiphene", "is_on_gonadotropin": "gonadorelin",
}  # fmt: skip


@pytest.mark.parametrize("flag", DRUG_OF)
def test_each_drug_sets_its_own_flag(run_sql, only, flag):
    drug = DRUG_OF[flag]
    row = only(
        run_sql(
            TABLE,
            {
                "features.dosing_episode": f"{HEADER}\n{episode(drug, '2020-01-01', '2020-03-01')}",
                "staging.person": "person_id | sex_code\n1 | male",
            },
        )
    )
    assert {name for name in DRUG_OF if row[name]} == {flag}


def test_intervals_are_numbered_in_order(run_sql):
    rows = run_sql(TABLE, {
        "features.dosing_episode": "\n".join((
            HEADER, episode("testosterone", "2020-06-01", "2020-06-30"), episode("testosterone", "2020-01-01", "2020-01-31"),
        )),
        "staging.person": "person_id | sex_code\n1 | male",
    })  # fmt: skip
    assert [(row["interval_number"], str(row["starts_on"])) for row in rows] == [(1, "2020-01-01"), (2, "2020-06-01")]
