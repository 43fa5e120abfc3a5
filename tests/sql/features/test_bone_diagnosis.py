"""Osteopenia and osteoporosis by code and by scan, with the lag between them."""

import pytest

TABLE = "features.bone_diagnosis"
EVENT = "person_id | phenotype_code | event_on | certainty_code"
SCAN = "person_id | site_code | device_id | scan_id | first_scanned_on | first_score_kind | first_band"
PERIOD = "person_id | span_number | starts_on"


@pytest.fixture
def diagnoses(run_sql):
    """Rows by diagnosis: events as (phenotype, day, certainty), scans as (day, kind, band)."""

    def run(*, events=(), scans=(), since="2015-01-01"):
        inputs = {
            "features.clinical_event": "\n".join((EVENT, *(f"1 | {p} | {day} | {sure}" for p, day, sure in events))),
            "features.bmd_change": "\n".join(
                (
                    SCAN,
                    *(
                        f"1 | total_hip | d | {n} | {day} | {kind} | {band}"
                        for n, (day, kind, band) in enumerate(scans)
                    ),
                )
            ),
            "staging.observation_period": f"{PERIOD}\n1 | 1 | {since}",
        }
        return {row["diagnosis_code"]: row for row in run_sql(TABLE, inputs)}

    return run


def test_a_scan_of_osteoporosis_is_one_of_osteopenia_too(diagnoses):
    rows = diagnoses(scans=[("2018-01-01", "T", "osteoporosis")])
    assert {code: str(row["measured_on"]) for code, row in rows.items()} == {
        "osteopenia": "2018-01-01",
        "osteoporosis": "2018-01-01",
    }
    assert all(row["is_incident_by_scan"] is False and row["coded_on"] is None for row in rows.values())


def test_incident_where_an_earlier_scan_was_better(diagnoses):
    rows = diagnoses(
        scans=[("2016-01-01", "T", "normal"), ("2018-01-01", "T", "osteopenia"), ("2020-01-01", "T", "osteoporosis")]
    )
    assert [(str(rows[c]["measured_on"]), rows[c]["is_incident_by_scan"]) for c in ("osteopenia", "osteoporosis")] == [
        ("2018-01-01", True),
        ("2020-01-01", True),
    ]
    assert str(rows["osteopenia"]["first_scored_on"]) == "2016-01-01"


def test_a_z_score_is_no_diagnosis(diagnoses):
    assert diagnoses(scans=[("2018-01-01", "Z", "below_expected"), ("2019-01-01", "T", "normal")]) == {}


@pytest.mark.parametrize(("day", "lag"), [("2018-03-01", 59), ("2017-12-31", -1)])
def test_lag_from_the_scan_to_the_first_code(diagnoses, day, lag):
    events = [("osteoporosis", day, "definite"), ("osteoporosis", "2019-01-01", "definite")]
    row = diagnoses(events=events, scans=[("2018-01-01", "T", "osteoporosis")])["osteoporosis"]
    assert (row["code_lag_days"], str(row["coded_on"])) == (lag, day)


@pytest.mark.parametrize("certainty", ["history", "elsewhere"])
def test_codes_of_the_past_do_not_count(diagnoses, certainty):
    assert diagnoses(events=[("osteopenia", "2018-01-01", certainty)]) == {}


@pytest.mark.parametrize(
    ("since", "incident"), [("2017-01-01", True), ("2017-01-02", False), ("2018-06-01", False), ("", None)]
)
def test_incident_by_code_after_a_year_of_observation(diagnoses, since, incident):
    row = diagnoses(events=[("osteopenia", "2018-01-01", "definite")], since=since)["osteopenia"]
    assert (row["is_incident_by_code"], row["measured_on"], row["is_incident_by_scan"]) == (incident, None, None)


def test_undated_scans_are_left_out(diagnoses):
    assert diagnoses(scans=[("", "T", "osteoporosis")]) == {}
