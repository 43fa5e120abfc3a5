"""Values of observations: numbers in the unit of the code list, answers as numbers, refusals with a reason."""

import pytest

VIEW = "source.observation_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950"
FLAT = "person_id | record_number | record_id | code | name_text | value_text | unit_text | observed_on"
OMOP = (
    "person_id | observation_id | observation_concept_id | observation_source_value | value_as_number | value_as_string"
    " | value_as_concept_id | observation_date"
)


def flat(run_sql, code: str, value: str, unit: str = "", name: str = "") -> dict:
    text = f"{FLAT}\n1 | 1 | a | {code} | {name} | {value} | {unit} | 2020-01-05"
    (row,) = run_sql(VIEW, {"staging.person": PERSON, "raw.flat_observation": text})
    return row


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("29463-7", "70", "kg", 70),
        ("29463-7", "70,5", "KG", 70.5),
        ("29463-7", "154.3", "lb", 154.3 * 0.45359237),
        ("44261-6", "12", "", 12),
        ("trab-rs700518", "2", "", 2),
        ("trab-ttta-longer", "11", "", 11),
        ("72166-2", "Former smoker", "", 1),
        ("72166-2", "never", "", 0),
        ("266919005", "", "", 0),
    ],
)
def test_values(run_sql, code, value, unit, expected):
    row = flat(run_sql, code, value, unit)
    assert (row["disposition"], row["reason"]) == ("staged", None)
    assert row["value"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("code", "value", "unit", "disposition", "reason"),
    [
        ("29463-7", "70", "", "quarantined", "unit_unknown"),
        ("29463-7", "70", "furlong", "quarantined", "unit_unknown"),
        ("29463-7", "heavy", "kg", "quarantined", "value_unreadable"),
        ("29463-7", "", "kg", "quarantined", "no_value"),
        ("29463-7", "1200", "kg", "quarantined", "value_impossible"),
        ("72166-2", "sometimes on Sundays", "", "quarantined", "value_unreadable"),
        ("44261-6", "99", "", "quarantined", "value_impossible"),
        ("no-such", "1", "", "out_of_scope", "code_not_listed"),
        ("", "1", "", "quarantined", "no_code"),
    ],
)
def test_what_is_no_value_says_why(run_sql, code, value, unit, disposition, reason):
    row = flat(run_sql, code, value, unit)
    assert (row["disposition"], row["reason"]) == (disposition, reason)


def test_vital_signs_of_the_measurement_table_come_here_and_scans_do_not(run_sql):
    header = (
        "person_id | measurement_id | measurement_concept_id | value_as_number | unit_source_value | measurement_date"
    )
    text = f"{header}\n1 | 5 | 3025315 | 70 | kg | 2020-01-05\n1 | 6 | 3051938 | 0.9 | g/cm2 | 2020-01-05"
    (row,) = run_sql(VIEW, {"staging.person": PERSON, "raw.omop_measurement": text})
    assert (row["observation_code"], row["value"], row["record_id"]) == ("weight", 70, "measurement 5")


def test_an_answer_may_be_a_concept(run_sql, only):
    text = f"{OMOP}\n1 | 5 | 43054909 | | | | 45879404 | 2020-01-05"
    row = only(run_sql(VIEW, {"staging.person": PERSON, "raw.omop_observation": text}))
    assert (row["observation_code"], row["value"], row["disposition"]) == ("smoking_status", 0, "staged")


@pytest.mark.parametrize(("answer", "value"), [("parent", 1), ("Mother", 1), ("no", 0)])
def test_family_history_may_name_the_relative(run_sql, answer, value):
    row = flat(run_sql, "trab-family-osteoporosis", answer, "")
    assert (row["observation_code"], row["value"], row["reason"]) == ("family_osteoporosis", value, None)


@pytest.mark.parametrize(
    ("answer", "value", "reason"), [("no", 0, None), ("Yes", 1, None), ("9", None, "value_unreadable")]
)
def test_who_does_not_smoke_now_may_have_smoked(run_sql, only, answer, value, reason):
    """Current smoker, yes or no, is a known answer of its own; it is no smoking status."""
    text = (
        "person_id | source_id | drop_id | drop_sequence | record_number | name_text | value_text | observed_on\n"
        f"1 | flat | d | 1 | 1 | Current smoker | {answer} | 2020-01-05"
    )
    row = only(run_sql(VIEW, {"staging.person": PERSON, "raw.flat_observation": text}))
    assert (row["observation_code"], row["value"], row["reason"]) == ("current_smoker", value, reason)


def test_one_id_in_two_tables_is_two_records(run_sql):
    measurement = (
        "person_id | measurement_id | measurement_concept_id | value_as_number | unit_source_value | measurement_date\n"
        "1 | 5 | 3025315 | 70 | kg | 2020-01-05"
    )
    observation = f"{OMOP}\n1 | 5 | 43054909 | | | never | | 2020-01-05"
    rows = run_sql(
        VIEW, {"staging.person": PERSON, "raw.omop_measurement": measurement, "raw.omop_observation": observation}
    )
    assert [row["disposition"] for row in rows] == ["staged", "staged"]
