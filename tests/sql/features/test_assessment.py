"""Questionnaires and tests: every cut-off at its edge, change people notice, and symptoms beside estradiol."""

import pytest

TABLE = "features.assessment"
HEADER = "person_id | observation_code | value | observed_on"
PANEL = "person_id | specimen_id | drawn_on | e2_lo_pg_ml | e2_band_code"
SUPPLY = "person_id | inhibitor_from_on | baseline_from_on\n1 | 2020-06-01 | 2019-06-02"
DAY = "2020-01-01"


@pytest.fixture
def told(run_sql):
    """Rows of one person: tests as (code, value, day), draws as (day, lower bound, band)."""

    def run(*tests, draws=(), supply="", sex="male"):
        inputs = {
            "staging.person": f"person_id | sex_code\n1 | {sex}",
            "staging.observation": "\n".join((HEADER, *(f"1 | {c} | {value} | {day}" for c, value, day in tests))),
            "features.steroid_panel": "\n".join(
                (PANEL, *(f"1 | {n} | {d} | {lo} | {b}" for n, (d, lo, b) in enumerate(draws)))
            ),
        }
        return run_sql(TABLE, inputs | ({"features.first_inhibitor": supply} if supply else {}))

    return run


@pytest.mark.parametrize(
    ("code", "sex", "beyond", "within"),
    [
        ("phq9_score", "male", 10, 9),  # Kroenke 2001
        ("phq2_score", "male", 3, 2),  # Kroenke 2003
        ("gad7_score", "female", 10, 9),  # Spitzer 2006
        ("facit_fatigue_score", "female", 34, 35),  # Van Belle 2005
        ("bpi_worst_pain_score", "female", 4, 3),
        ("pain_severity_score", "male", 4, 3),
        ("moca_score", "male", 25, 26),  # Nasreddine 2005: 26 and more is normal
        ("insomnia_severity_score", "male", 15, 14),  # Bastien 2001
        ("alcohol_drinks_per_week", "male", 15, 14),  # NIAAA
        ("alcohol_drinks_per_week", "female", 8, 7),
        ("trabecular_bone_score", "female", 1.23, 1.24),  # McCloskey 2016
    ],
)
def test_cut_offs(told, only, code, sex, beyond, within):
    assert only(told((code, beyond, DAY), sex=sex))["is_beyond"] is True
    assert only(told((code, within, DAY), sex=sex))["is_beyond"] is False


@pytest.mark.parametrize(
    ("code", "sex", "edge", "worse"),
    [
        ("grip_strength", "male", 27, 26.9),  # Cruz-Jentoft 2019: below
        ("grip_strength", "female", 16, 15.9),
        ("reactive_hyperaemia_index", "male", 1.67, 1.66),  # Bonetti 2004: below
    ],
)
def test_cut_offs_that_are_told_as_below(told, only, code, sex, edge, worse):
    assert only(told((code, edge, DAY), sex=sex))["is_beyond"] is False
    assert only(told((code, worse, DAY), sex=sex))["is_beyond"] is True


@pytest.mark.parametrize("code", ["libido_score", "iief_score", "steps_per_day", "sf36_vitality_score"])
def test_without_a_cut_off_there_is_no_verdict(told, only, code):
    row = only(told((code, 5, DAY)))
    assert (row["is_beyond"], row["discordance_code"], row["value"]) == (None, None, 5)


@pytest.mark.parametrize(
    ("code", "before", "after", "is_real"),
    [
        ("phq9_score", 5, 10, True), ("phq9_score", 5, 9, False), ("phq9_score", 15, 5, False),
        ("gad7_score", 5, 9, True), ("gad7_score", 5, 8, False),
        ("facit_fatigue_score", 40, 37, True), ("facit_fatigue_score", 40, 38, False), ("facit_fatigue_score", 37, 45, False),
        ("sf36_vitality_score", 60, 55, True), ("sf36_vitality_score", 60, 56, False),
        ("bpi_worst_pain_score", 2, 4, True), ("bpi_worst_pain_score", 2, 3, False),
        ("insomnia_severity_score", 8, 14, True), ("insomnia_severity_score", 8, 13, False), ("libido_score", 9, 1, None),
    ],
)  # fmt: skip
def test_worse_by_what_people_notice(told, code, before, after, is_real):
    """PHQ-9 5 points (Kroenke 2012), GAD-7 4 (Toussaint 2020), FACIT 3 (Cella 2002), pain 2 (Farrar 2001), ISI 6 (Yang 2009)."""
    first, second = told((code, before, "2020-06-01"), (code, after, "2020-09-01"), supply=SUPPLY)
    assert (first["change"], first["is_real_change"], first["days_since_inhibitor_start"]) == (None, None, 0)
    assert (second["change"], second["is_real_change"], second["days_since_inhibitor_start"]) == (
        after - before,
        is_real,
        92,
    )


@pytest.mark.parametrize(("day", "change"), [("2019-06-01", None), ("2019-06-02", 4)])
def test_change_needs_a_value_of_the_year_before(told, day, change):
    rows = told(("phq9_score", 3, day), ("gad7_score", 1, "2020-05-01"), ("phq9_score", 7, "2020-09-01"), supply=SUPPLY)
    assert next(r for r in rows if str(r["observed_on"]) == "2020-09-01")["change"] == change


@pytest.mark.parametrize(
    ("value", "band", "code"),
    [
        (12, "target", "symptoms_in_target"), (12, "low", "symptoms_outside_target"), (3, "target", "none_in_target"),
        (3, "high", "none_outside_target"), (12, "", None),
    ],
)  # fmt: skip
def test_person_against_laboratory(told, only, value, band, code):
    row = only(told(("phq9_score", value, DAY), draws=[(DAY, 25, band)]))
    assert (row["discordance_code"], row["days_since_e2"]) == (code, 0)


def test_strength_and_habits_are_no_symptoms(told, only):
    assert only(told(("grip_strength", 20, DAY), draws=[(DAY, 25, "target")]))["discordance_code"] is None


@pytest.mark.parametrize(
    ("day", "days", "band"),
    [("2019-10-03", 90, "low"), ("2019-10-02", None, None), ("2020-01-02", None, None)],
)
def test_estradiol_is_carried_ninety_days_and_never_back(told, only, day, days, band):
    row = only(told(("phq9_score", 12, DAY), draws=[(day, 12, "low")]))
    assert (row["days_since_e2"], row["e2_band_code"]) == (days, band)


def test_two_draws_of_a_day_that_disagree_have_no_band(told, only):
    row = only(told(("phq9_score", 12, DAY), draws=[(DAY, 25, "target"), (DAY, 12, "low")]))
    assert (row["days_since_e2"], row["e2_band_code"], row["discordance_code"]) == (0, None, None)


def test_mean_of_the_day_and_no_undated(told, only):
    row = only(told(("phq9_score", 4, DAY), ("phq9_score", 6, DAY), ("phq9_score", 20, "")))
    assert (row["value"], row["system_code"]) == (5, "mood")
    assert told(("weight", 80, DAY)) == []


def test_the_unit_is_the_one_staged(run_sql, only):
    inputs = {
        "staging.person": "person_id | sex_code\n1 | male",
        "staging.observation": f"{HEADER} | unit_code\n1 | grip_strength | 30 | {DAY} | kg",
    }
    assert only(run_sql(TABLE, inputs))["unit_code"] == "kg"


def test_it_says_which_test_on_which_day(told, only):
    row = only(told(("phq9_score", 12, DAY)))
    assert (row["observation_code"], str(row["observed_on"]), row["value"]) == ("phq9_score", DAY, 12)
