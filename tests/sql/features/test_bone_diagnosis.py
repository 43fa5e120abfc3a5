"""Osteopenia and osteoporosis by code and by scan, side by side."""

import datetime as dt

import pytest

TABLE = "features.bone_diagnosis"
ENTRY = dt.date(2015, 1, 1)


def on(days: int) -> dt.date:
    return ENTRY + dt.timedelta(days)


@pytest.fixture
def diagnoses(run_sql):
    def run(codes=(), scans=(), entered=True):
        events = [f"1 | {name} | {on(day)} | {certainty}" for name, day, certainty in codes]
        bands = [
            f"1 | {site} | left | d | {day}{site} | {on(day)} | {kind} | {band}" for day, site, kind, band in scans
        ]
        rows = run_sql(TABLE, {
            "features.clinical_event": "\n".join(("person_id | phenotype_code | event_on | certainty_code", *events)),
            "features.bmd_change": "\n".join((
                "person_id | site_code | side_code | device_id | scan_id | first_scanned_on | first_score_kind | first_band",
                *bands,
            )),
            "staging.observation_period": "person_id | span_number | starts_on" + (f"\n1 | 1 | {ENTRY}" if entered else ""),
        })  # fmt: skip
        return {row["diagnosis_code"]: row for row in rows}

    return run


def test_a_scan_and_a_code_after_it(diagnoses):
    found = diagnoses(
        codes=[("osteoporosis", 410, "definite"), ("osteoporosis", 900, "definite")],
        scans=[
            (10, "total_hip", "T", "normal"),
            (400, "total_hip", "T", "osteopenia"),
            (400, "lumbar_spine", "T", "osteoporosis"),
        ],
    )
    porosis, penia = found["osteoporosis"], found["osteopenia"]
    assert (porosis["coded_on"], porosis["measured_on"], porosis["code_lag_days"]) == (on(410), on(400), 10)
    assert (porosis["is_incident_by_scan"], porosis["is_incident_by_code"]) == (True, True)
    assert (penia["coded_on"], penia["measured_on"], penia["first_scored_on"]) == (None, on(400), on(10))
    assert penia["is_incident_by_code"] is None


def test_low_on_the_first_scan_is_not_incident_and_osteoporosis_is_osteopenia_too(diagnoses):
    found = diagnoses(scans=[(10, "femoral_neck", "T", "osteoporosis"), (400, "femoral_neck", "T", "normal")])
    assert {name: row["is_incident_by_scan"] for name, row in found.items()} == {
        "osteopenia": False,
        "osteoporosis": False,
    }
    assert found["osteoporosis"]["measured_on"] == on(10)


def test_z_scores_and_history_diagnose_nothing(diagnoses):
    assert diagnoses(scans=[(10, "total_hip", "Z", "below_expected_range")]) == {}
    assert diagnoses(codes=[("osteoporosis", 10, "history"), ("falls", 10, "definite")]) == {}


@pytest.mark.parametrize(("day", "entered", "expected"), [(365, True, True), (364, True, False), (800, False, None)])
def test_a_year_before_the_first_code_must_have_been_seen(diagnoses, day, entered, expected):
    row = diagnoses(codes=[("osteopenia", day, "possible")], entered=entered)["osteopenia"]
    assert row["is_incident_by_code"] is expected
    assert (row["measured_on"], row["is_incident_by_scan"], row["code_lag_days"]) == (None, None, None)
