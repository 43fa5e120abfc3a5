"""Questionnaires against a cut-off, against before the inhibitor, and against estradiol."""

import datetime as dt

import pytest

TABLE = "features.assessment"
START = dt.date(2020, 1, 1)


def on(days: int) -> dt.date:
    return START + dt.timedelta(days)


@pytest.fixture
def assessed(run_sql):
    """Values as (name, day, value), draws as (day, band); days from the first supply."""

    def run(*values, sex="male", draws=(), supplied=True):
        supply = "person_id | ingredient | drug_class | supplied_on"
        rows = [f"1 | {name} | {n} | {value} | {on(day)}" for n, (name, day, value) in enumerate(values, 1)]
        return run_sql(TABLE, {
            "staging.observation": "\n".join(("person_id | observation_code | reading_number | value | observed_on", *rows)),
            "staging.person": f"person_id | sex_code\n1 | {sex}",
            "features.drug_supply": f"{supply}\n1 | anastrozole | aromatase_inhibitor | {START}" if supplied else supply,
            "features.steroid_panel": "\n".join((
                "person_id | specimen_id | drawn_on | e2_lo_pg_ml | e2_band_code",
                *(f"1 | {day} | {on(day)} | 1 | {band}" for day, band in draws),
            )),
        })  # fmt: skip

    return run


@pytest.mark.parametrize(
    ("name", "value", "sex", "beyond"),
    [
        ("phq9_score", 9, "male", False), ("phq9_score", 10, "male", True), ("facit_fatigue_score", 35, "female", False),
        ("facit_fatigue_score", 34, "female", True), ("moca_score", 26, "male", False), ("moca_score", 25, "male", True),
        ("insomnia_severity_score", 15, "female", True), ("alcohol_drinks_per_week", 8, "female", True),
        ("alcohol_drinks_per_week", 14, "male", False), ("trabecular_bone_score", 1.23, "female", True),
        ("reactive_hyperaemia_index", 1.7, "male", False), ("libido_score", 1, "male", None), ("iief_score", 5, "male", None),
    ],
)  # fmt: skip
def test_cut_offs(assessed, only, name, value, sex, beyond):
    assert only(assessed((name, 10, value), sex=sex))["is_beyond"] is beyond


def test_change_and_whether_people_notice_it(assessed):
    """Five points of PHQ-9; of FACIT three, and downwards."""
    rows = assessed(("phq9_score", -20, 4), ("phq9_score", 0, 6), ("phq9_score", 90, 11), ("phq9_score", 180, 10))
    assert [(row["change"], row["is_real_change"]) for row in rows] == [
        (None, None),
        (None, None),
        (5, True),
        (4, False),
    ]
    rows = assessed(("facit_fatigue_score", 0, 40), ("facit_fatigue_score", 90, 37), ("facit_fatigue_score", 180, 44))
    assert [(row["change"], row["is_real_change"]) for row in rows[1:]] == [(-3, True), (4, False)]
    assert assessed(("moca_score", 0, 28), ("moca_score", 90, 20))[1]["is_real_change"] is None
    assert assessed(("phq9_score", -366, 4), ("phq9_score", 90, 11))[1]["change"] is None
    assert assessed(("phq9_score", 90, 11), supplied=False)[0]["days_since_inhibitor_start"] is None


@pytest.mark.parametrize(
    ("score", "band", "code"),
    [(12, "target", "symptoms_in_target"), (12, "severe", "symptoms_outside_target"), (3, "target", "none_in_target"),
     (3, "high", "none_outside_target"), (12, "", None)],
)  # fmt: skip
def test_person_and_laboratory(assessed, only, score, band, code):
    row = only(assessed(("phq9_score", 100, score), draws=[(50, band)]))
    assert (row["discordance_code"], row["days_since_e2"], row["e2_band_code"]) == (code, 50, band or None)


def test_a_draw_is_carried_90_days_and_never_backwards(assessed, only):
    for day, since in ((10, 90), (9, None), (100, 0), (101, None)):
        assert only(assessed(("phq9_score", 100, 3), draws=[(day, "low")]))["days_since_e2"] == since


def test_tests_of_function_are_no_symptoms_and_two_of_a_day_are_averaged(assessed, only):
    row = only(assessed(("grip_strength", 100, 20), ("grip_strength", 100, 24), draws=[(100, "low")]))
    assert (row["value"], row["is_beyond"], row["discordance_code"]) == (22, True, None)


def test_other_observations_are_none(assessed):
    assert assessed(("weight", 10, 80)) == []
