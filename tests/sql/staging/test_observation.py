"""Body measures, blood pressure and answers; what was not told is no row."""

import pytest

TABLE = "staging.observation"


def observations(run_sql, **raw: str) -> dict[tuple[str, int], float]:
    inputs = {f"raw.nhanes_{name}": text for name, text in raw.items()}
    rows = run_sql(TABLE, {"staging.person": "person_id | sex_code\n1 | female", **inputs})
    return {(row["observation_code"], row["reading_number"]): row["value"] for row in rows}


def test_diastolic_of_0_is_no_pressure(run_sql):
    found = observations(run_sql, bpx="person_id | BPXSY1 | BPXDI1 | BPXSY2 | BPXDI2\n1 | 150 | 0 | 148 | 62")
    assert found == {("systolic_bp", 1): 150, ("systolic_bp", 2): 148, ("diastolic_bp", 2): 62}


@pytest.mark.parametrize("answer", ["7", "9", ""])
def test_refused_and_unknown_are_no_row(run_sql, answer):
    rhq = f"person_id | RHQ031 | RHD280 | RHQ305 | RHQ540\n1 | {answer} | {answer} | {answer} | {answer}"
    smq = f"person_id | SMQ020 | SMQ040\n1 | {answer} | {answer}"
    assert observations(run_sql, rhq=rhq, smq=smq) == {}


@pytest.mark.parametrize("reason", [1, 2, 3, 7, 9])
def test_reason_for_no_periods_keeps_its_code(run_sql, reason):
    """Code 7 of RHD043 is menopause, where 7 is 'refused' in a yes/no question."""
    assert observations(run_sql, rhq=f"person_id | RHD043\n1 | {reason}") == {("no_menses_reason", 1): reason}


@pytest.mark.parametrize("reason", [77, 99])
def test_reason_refused_or_unknown_is_no_row(run_sql, reason):
    assert observations(run_sql, rhq=f"person_id | RHD043\n1 | {reason}") == {}


def test_pregnancy_that_cannot_be_told_is_no_row(run_sql):
    assert observations(run_sql, demo="person_id | RIDEXPRG\n1 | 3") == {}
    assert observations(run_sql, demo="person_id | RIDEXPRG\n1 | 1") == {("pregnant", 1): 1}


def test_smoking_now_not_at_all_is_an_answer(run_sql):
    found = observations(run_sql, smq="person_id | SMQ020 | SMQ040\n1 | 1 | 3")
    assert found == {("smoked_100_cigarettes", 1): 1, ("smokes_now", 1): 3}


def test_body_measures_carry_their_unit(run_sql, only):
    inputs = {"staging.person": "person_id | sex_code\n1 | female", "raw.nhanes_bmx": "person_id | BMXBMI\n1 | 27.4"}
    row = only(run_sql(TABLE, inputs))
    assert (row["observation_code"], row["value"], row["unit_code"]) == ("body_mass_index", 27.4, "kg/m2")


@pytest.mark.parametrize(
    ("use", "name", "expected"), [("1", "LETROZOLE", 1), ("2", "", 2), ("1", "55555", None), ("7", "", None)]
)
def test_inventory_is_answered_by_a_known_drug_or_by_none_taken(run_sql, use, name, expected):
    found = observations(run_sql, rxq_rx=f"person_id | RXDUSE | RXDDRUG\n1 | {use} | {name}")
    assert found.get(("takes_prescription", 1)) == expected
