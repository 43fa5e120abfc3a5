"""What becomes of a delivered row, whatever it is about: the rules that six record views share.

What only one of them decides (codes, units, products) is tested beside it.
"""

import pytest

PERSON = "person_id | sex_code | birth_year | source_id\n1 | female | 1950 | flat"
DELIVERED = [{"source_id": "flat", "latest_on": "2024-06-30"}]
# View: raw table, column of the day, kind of a retraction, cells of a good row, cells that make it another.
RECORDS = {
    "condition": ("flat_diagnosis", "recorded_on", "diagnosis", {"code": "M81.0"}, {"code": "M80.0"}),
    "drug": ("flat_prescription", "started_on", "prescription", {"drug_text": "anastrozole"}, {"drug_text": "letrozole"}),
    "dxa": (
        "flat_dxa", "scanned_on", "dxa",
        {"site_text": "neck", "side_text": "L", "bmd_text": "0.7", "unit_text": "g/cm2"}, {"bmd_text": "0.8"},
    ),
    "observation": (
        "flat_observation", "observed_on", "observation",
        {"code": "29463-7", "value_text": "70", "unit_text": "kg"}, {"value_text": "71"},
    ),
    "procedure": ("flat_procedure", "performed_on", "procedure", {"code": "77080", "code_system": "CPT"}, {"code": "77081"}),
    "visit": ("flat_visit", "starts_on", "visit", {"visit_type_text": "inpatient"}, {"visit_type_text": "emergency"}),
}  # fmt: skip


@pytest.fixture(params=sorted(RECORDS))
def records(request, run_sql):
    """Rows (day, record id, drop, further cells) of one view: their dispositions and reasons, in order."""
    table, day, kind, good, other = RECORDS[request.param]

    def fates(*rows: dict, retracted: tuple[int, str] | None = None, **more: object) -> list[tuple[str, str | None]]:
        raw = []
        for number, row in enumerate(rows, start=1):
            cells = {"day": "2020-03-01", "record_id": f"r{number}", "drop_sequence": 1} | row
            changed = other if cells.pop("is_other", False) else {}
            raw.append(
                {"person_id": 1, "source_id": "flat", "drop_id": "d", "source_file": f"f{cells['drop_sequence']}",
                 "source_row": number, "record_number": 1, day: cells.pop("day")} | good | changed | cells
            )  # fmt: skip
        inputs = {"staging.person": PERSON, f"raw.{table}": raw} | more
        if retracted:
            drop, record_id = retracted
            inputs["raw.flat_retraction"] = [
                {"person_id": 1, "source_id": "flat", "drop_id": "d", "drop_sequence": drop, "source_file": "r",
                 "source_row": 1, "record_number": 1, "record_id": record_id, "kind": kind}
            ]  # fmt: skip
        found = run_sql(f"source.{request.param}_record", inputs)
        return [(r["disposition"], r["reason"]) for r in sorted(found, key=lambda r: r["source_row"])]

    return fates


@pytest.mark.parametrize(
    ("day", "fate"),
    [
        ("2020-03-01", ("staged", None)),
        (None, ("quarantined", "date_missing")),
        ("1899-12-31", ("quarantined", "date_impossible")),
        ("1949-12-31", ("quarantined", "before_birth")),
        ("1950-01-01", ("staged", None)),
        ("2024-06-30", ("staged", None)),
        ("2024-07-01", ("quarantined", "date_in_future")),
    ],
)
def test_days(records, day, fate):
    assert records({"day": day}, **{"staging.latest_day": DELIVERED}) == [fate]


@pytest.mark.parametrize(
    ("span", "fate"),
    [
        ("2121-01-01 | 2123-12-31", ("staged", None)),
        ("2024-01-01 | 2025-03-01", ("quarantined", "date_in_future")),
        ("2010-01-01 | 9999-12-31", ("quarantined", "date_in_future")),
    ],
)
def test_a_calendar_that_was_shifted_is_no_future(records, span, fate):
    """MIMIC dates lie in the 22nd century; an open end is no shift."""
    spans = f"person_id | span_number | starts_on | ends_on\n1 | 1 | {span}"
    found = records({"day": "2122-05-05"}, **{"staging.latest_day": DELIVERED, "staging.observation_period": spans})
    assert found == [fate]


def test_a_month_after_death_is_the_last(records):
    death = "person_id | died_on\n1 | 2020-01-31"
    found = records({"day": "2020-03-01"}, {"day": "2020-03-02"}, **{"staging.death": death})
    assert found == [("staged", None), ("quarantined", "after_death")]


def test_the_same_row_twice_is_one(records):
    named = records({"record_id": "a"}, {"record_id": "a"})
    nameless = records({"record_id": None}, {"record_id": None})
    assert named == nameless == [("staged", None), ("duplicate", "repeated_row")]


def test_two_rows_of_one_id_that_differ_are_neither(records):
    assert records({"record_id": "a"}, {"record_id": "a", "is_other": True}) == [("quarantined", "conflicting_id")] * 2


def test_rows_without_an_id_that_differ_are_two(records):
    assert records({"record_id": None}, {"record_id": None, "is_other": True}) == [("staged", None)] * 2


def test_a_later_delivery_replaces(records):
    found = records({"record_id": "a"}, {"record_id": "a", "drop_sequence": 2, "is_other": True})
    assert found == [("duplicate", "superseded"), ("staged", None)]


@pytest.mark.parametrize(
    ("drop", "record_id", "fate"),
    [
        (2, "a", ("out_of_scope", "retracted")),
        (1, "a", ("staged", None)),
        (2, "b", ("staged", None)),
    ],
)
def test_a_retraction_withdraws_what_came_before_it(records, drop, record_id, fate):
    assert records({"record_id": "a"}, retracted=(drop, record_id)) == [fate]


@pytest.mark.parametrize("view", sorted(set(RECORDS) - {"visit", "drug"}))
def test_what_the_source_calls_an_error_is_out_of_scope(run_sql, only, view):
    table, day, _, good, _ = RECORDS[view]
    row = {"person_id": 1, "source_id": "flat", "drop_id": "d", "source_file": "f", "source_row": 1, "drop_sequence": 1,
           "record_number": 1, "record_id": "a", day: "2020-03-01", "status_text": "entered-in-error"} | good  # fmt: skip
    found = only(run_sql(f"source.{view}_record", {"staging.person": PERSON, f"raw.{table}": [row]}))
    assert (found["disposition"], found["reason"]) == ("out_of_scope", "entered_in_error")
