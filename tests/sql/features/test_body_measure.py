"""Weight, composition and blood pressure of a day: means, categories at their edges, change since before the inhibitor."""

import datetime as dt

import pytest

TABLE = "features.body_measure"
START = dt.date(2020, 1, 1)
CODES = {"weight": "weight", "height": "height", "bmi": "body_mass_index", "waist": "waist", "fat": "fat_percent",
         "lean": "lean_mass", "vat": "visceral_fat_area", "sbp": "systolic_bp", "dbp": "diastolic_bp"}  # fmt: skip


@pytest.fixture
def days(run_sql):
    """Readings as (day from the first supply, name, value)."""

    def run(*readings, supplied=True, episodes=()):
        rows = [
            f"1 | {CODES[name]} | {n} | {value} | {START + dt.timedelta(day)}"
            for n, (day, name, value) in enumerate(readings, 1)
        ]
        supply = "person_id | ingredient | drug_class | supplied_on"
        return run_sql(TABLE, {
            "staging.observation": "\n".join(("person_id | observation_code | reading_number | value | observed_on", *rows)),
            "features.drug_supply": f"{supply}\n1 | anastrozole | aromatase_inhibitor | {START}" if supplied else supply,
            "features.dosing_episode": "\n".join(
                ("person_id | ingredient | drug_class | is_primary | starts_on | supply_ends_on", *episodes)
            ),
        })  # fmt: skip

    return run


def test_mean_of_the_readings_of_a_day(days, only):
    row = only(days((0, "sbp", 130), (0, "sbp", 126), (0, "sbp", 122), (0, "dbp", 80), (0, "dbp", 76), supplied=False))
    assert (row["systolic_mm_hg"], row["diastolic_mm_hg"], row["n_systolic"]) == (126, 78, 3)
    assert (row["pressure_code"], row["days_since_inhibitor_start"]) == ("elevated", None)


@pytest.mark.parametrize(
    ("sbp", "dbp", "category"),
    [(119, 79, "normal"), (120, 79, "elevated"), (129, 79, "elevated"), (129, 80, "stage_1"), (130, 70, "stage_1"),
     (139, 89, "stage_1"), (140, 70, "stage_2"), (110, 90, "stage_2")],
)  # fmt: skip
def test_categories_of_acc_and_aha_2017(days, only, sbp, dbp, category):
    assert only(days((0, "sbp", sbp), (0, "dbp", dbp)))["pressure_code"] == category


def test_one_pressure_alone_has_no_category(days, only):
    assert only(days((0, "sbp", 150)))["pressure_code"] is None


def test_body_mass_index_from_the_last_height(days):
    """80 kg at 1.75 m: 26.12; a given index stands."""
    rows = days((0, "height", 175), (10, "weight", 80), (20, "weight", 80), (20, "bmi", 27))
    assert [row["body_mass_index"] for row in rows] == [None, pytest.approx(26.122, abs=1e-3), 27]
    assert [row["height_cm"] for row in rows] == [175, 175, 175]
    assert days((0, "weight", 80), (10, "height", 175))[0]["body_mass_index"] is None


def test_change_since_before_the_first_supply(days):
    before = [
        (-200, "weight", 70),
        (-10, "weight", 80),
        (0, "fat", 30),
        (-5, "lean", 50),
        (-5, "vat", 100),
        (-3, "sbp", 120),
    ]
    row = days(*before, (100, "weight", 84), (100, "fat", 33), (100, "lean", 49), (100, "vat", 110), (100, "sbp", 124))[
        -1
    ]
    assert row["weight_change_pct"] == pytest.approx(5)
    assert (row["fat_change"], row["lean_change_kg"], row["visceral_fat_change_cm2"]) == (3, -1, 10)
    assert (row["systolic_change_mm_hg"], row["days_since_inhibitor_start"]) == (4, 100)
    old = days((-366, "weight", 70), (100, "weight", 84))
    assert [row["weight_change_pct"] for row in old] == [None, None]
    assert days((-10, "weight", 70), (0, "weight", 80))[-1]["weight_change_pct"] is None


def test_weight_above_the_lowest_of_90_days(days):
    rows = days((0, "weight", 82), (30, "weight", 80), (60, "weight", 81), (120, "weight", 83), (300, "weight", 90))
    assert [row["weight_gain_kg"] for row in rows] == [None, -2, 1, 3, None]


@pytest.mark.parametrize(
    ("drug", "end", "expected"),
    [("ace_inhibitor", 0, True), ("thiazide", 0, True), ("ace_inhibitor", -1, False), ("statin", 0, False)],
)
def test_on_a_drug_that_lowers_pressure(days, only, drug, end, expected):
    episode = f"1 | x | {drug} | true | 2019-06-01 | {START + dt.timedelta(end)}"
    assert only(days((0, "sbp", 120), episodes=[episode]))["is_on_antihypertensive"] is expected
