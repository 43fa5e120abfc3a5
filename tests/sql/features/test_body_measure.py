"""Body measures of a day: means, body mass index, categories of pressure at their edges, change and weight gain."""

import pytest

TABLE = "features.body_measure"
HEADER = "person_id | observation_code | value | observed_on"
SUPPLY = "person_id | inhibitor_from_on | baseline_from_on\n1 | 2020-06-01 | 2019-06-02"
EPISODE = "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on"
DAY = "2020-01-01"


def told(code: str, value: float, day=DAY) -> str:
    return f"1 | {code} | {value} | {day}"


@pytest.fixture
def days(run_sql):
    def run(*lines, supply="", episodes=()):
        inputs = {
            "staging.observation": "\n".join((HEADER, *lines)),
            "features.dosing_episode": "\n".join((EPISODE, *episodes)),
        }
        return run_sql(TABLE, inputs | ({"features.first_inhibitor": supply} if supply else {}))

    return run


def test_means_of_a_day_and_body_mass_index(days, only):
    """81 kg at 1.80 m: 81 / 3.24 = 25 kg/m2."""
    row = only(days(told("weight", 80), told("weight", 82), told("height", 180), told("waist", 95)))
    assert (row["weight_kg"], row["height_cm"], row["waist_cm"]) == (81, 180, 95)
    assert row["body_mass_index"] == pytest.approx(25)


def test_the_index_as_given_stands(days, only):
    assert only(days(told("weight", 81), told("height", 180), told("body_mass_index", 26)))["body_mass_index"] == 26


def test_height_is_the_last_known_by_the_day(days):
    rows = days(
        told("weight", 81, "2019-01-01"),
        told("height", 180, "2019-06-01"),
        told("weight", 81),
        told("height", 178, "2020-06-01"),
    )
    assert [r["height_cm"] for r in rows] == [None, 180, 180, 178]
    assert [r["body_mass_index"] for r in rows] == [None, None, pytest.approx(25), None]


@pytest.mark.parametrize(
    ("systolic", "diastolic", "code"),
    [
        (119, 79, "normal"), (120, 79, "elevated"), (129, 79, "elevated"), (130, 79, "stage_1"), (119, 80, "stage_1"),
        (139, 89, "stage_1"), (140, 79, "stage_2"), (119, 90, "stage_2"),
    ],
)  # fmt: skip
def test_categories_of_pressure(days, only, systolic, diastolic, code):
    """Whelton 2018, Hypertension 71:e13 (ACC and AHA 2017): edges 120, 130, 140 and 80, 90 mmHg."""
    row = only(days(told("systolic_bp", systolic), told("diastolic_bp", diastolic)))
    assert (row["pressure_code"], row["n_systolic"]) == (code, 1)


def test_pressure_is_judged_by_the_means_of_the_day_and_needs_both(days, only):
    row = only(days(told("systolic_bp", 142), told("systolic_bp", 134), told("diastolic_bp", 70)))
    assert (row["systolic_mm_hg"], row["n_systolic"], row["pressure_code"]) == (138, 2, "stage_1")
    assert only(days(told("systolic_bp", 150)))["pressure_code"] is None
    assert only(days(told("diastolic_bp", 95)))["n_systolic"] == 0


def test_change_is_against_the_last_value_before_the_first_supply(days):
    rows = days(
        told("weight", 70, "2019-01-01"),
        told("weight", 80, "2020-05-01"),
        told("fat_percent", 30, "2020-06-01"),
        told("lean_mass", 50, "2020-06-01"),
        told("visceral_fat_area", 100, "2020-06-01"),
        told("systolic_bp", 120, "2020-06-01"),
        told("weight", 84, "2020-09-01"),
        told("fat_percent", 33, "2020-09-01"),
        told("lean_mass", 48, "2020-09-01"),
        told("visceral_fat_area", 110, "2020-09-01"),
        told("systolic_bp", 128, "2020-09-01"),
        supply=SUPPLY,
    )
    columns = ("weight_change_pct", "fat_change", "lean_change_kg", "visceral_fat_change_cm2", "systolic_change_mm_hg")
    assert [rows[-1][c] for c in columns] == [pytest.approx(5), 3, -2, 10, 8]
    assert [r["days_since_inhibitor_start"] for r in rows] == [-517, -31, 0, 92]
    assert all(r[c] is None for r in rows[:-1] for c in columns)


@pytest.mark.parametrize(("day", "change"), [("2019-06-01", None), ("2019-06-02", 10)])
def test_a_value_of_more_than_a_year_before_is_no_baseline(days, day, change):
    """2019-06-02 lies 365 days before 2020-06-01, 29 February between."""
    rows = days(told("weight", 70, day), told("weight", 77, "2020-09-01"), supply=SUPPLY)
    assert rows[-1]["weight_change_pct"] == (None if change is None else pytest.approx(change))


def test_without_an_inhibitor_there_is_no_change(days):
    rows = days(told("weight", 70, "2019-12-01"), told("weight", 77))
    assert [(r["weight_change_pct"], r["days_since_inhibitor_start"]) for r in rows] == [(None, None)] * 2


def test_weight_above_the_lowest_of_ninety_days(days):
    """2020-03-31 is 90 days after the first of January; a day later that one is too old, and the 81 of February is left."""
    lines = (told("weight", 80), told("weight", 81, "2020-02-01"))
    assert days(*lines, told("weight", 83, "2020-03-31"))[-1]["weight_gain_kg"] == 3
    assert days(*lines, told("weight", 83, "2020-04-01"))[-1]["weight_gain_kg"] == 2
    assert [r["weight_gain_kg"] for r in days(*lines)] == [None, 1]


@pytest.mark.parametrize(
    ("drug_class", "ends", "is_on"),
    [("ace_inhibitor", DAY, True), ("thiazide", "2019-12-31", False), ("statin", DAY, False)],
)
def test_on_a_drug_for_blood_pressure(days, only, drug_class, ends, is_on):
    episode = f"1 | x | {drug_class} | 90 | 1 | true | 2019-12-01 | {ends}"
    assert only(days(told("systolic_bp", 120), episodes=[episode]))["is_on_antihypertensive"] is is_on


def test_undated_and_other_observations_are_no_rows(days):
    assert days(told("weight", 80, ""), told("phq9_score", 4)) == []


def test_composition_and_pressure_are_means_of_the_day(days, only):
    """20 and 22 % fat: 21; 55 and 57 kg lean: 56; 90 and 110 cm2 of visceral fat: 100; 78 and 82 mmHg: 80."""
    pairs = {"fat_percent": (20, 22), "lean_mass": (55, 57), "visceral_fat_area": (90, 110), "diastolic_bp": (78, 82)}
    row = only(days(*(told(code, value) for code, values in pairs.items() for value in values)))
    found = [row[c] for c in ("fat_pct", "lean_kg", "visceral_fat_cm2", "diastolic_mm_hg", "systolic_mm_hg")]
    assert found == [21, 56, 100, 80, None]


def test_it_says_on_which_day(days, only):
    assert str(only(days(told("weight", 80)))["measured_on"]) == DAY
