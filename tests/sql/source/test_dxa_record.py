"""What becomes of each densitometry row, and the density that is staged."""

import pytest

VIEW = "source.dxa_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950"
FLAT = "person_id | record_id | site_text | side_text | bmd_text | unit_text | scanned_on"
OMOP = (
    "person_id | measurement_id | measurement_concept_id | measurement_source_value | value_as_number"
    " | value_source_value | unit_source_value | measurement_date | measurement_event_id"
)


def flat(run_sql, *rows: str, header: str = FLAT, **more: str) -> list[dict]:
    numbered = [f"{row} | 1" for row in rows]
    inputs = {"staging.person": PERSON, "raw.flat_dxa": "\n".join((f"{header} | record_number", *numbered))}
    found = run_sql(VIEW, inputs | {name.replace("__", "."): text for name, text in more.items()})
    return sorted(found, key=lambda row: (row["source_file"], row["source_row"]))


def omop(run_sql, *rows: str, **more: str) -> list[dict]:
    inputs = {"staging.person": PERSON, "raw.omop_measurement": "\n".join((OMOP, *rows))}
    found = run_sql(VIEW, inputs | {name.replace("__", "."): text for name, text in more.items()})
    return sorted(found, key=lambda row: row["source_row"])


@pytest.mark.parametrize(
    ("bmd", "unit", "reason", "value"),
    [
        ("0.842", "g/cm2", None, 0.842),
        ("0,842", "g/cm²", None, 0.842),
        ("842", "mg/cm2", None, 0.842),
        ("0.842", "", None, 0.842),
        ("842", "", "bmd_impossible", 842.0),
        ("14.2", "g/cm2", "bmd_impossible", 14.2),
        ("-0.9", "g/cm2", "bmd_impossible", -0.9),
        ("0.19", "g/cm2", "bmd_impossible", 0.19),
        ("0.9", "kg/m2", "unit_unknown", None),
        ("n/a", "g/cm2", "value_unreadable", None),
        ("", "g/cm2", "no_value", None),
    ],
)
def test_values_and_units(run_sql, only, bmd, unit, reason, value):
    row = only(flat(run_sql, f"1 | a | total hip | left | {bmd} | {unit} | 2020-01-05"))
    assert (row["reason"], row["disposition"]) == (reason, "quarantined" if reason else "staged")
    assert row["bmd_g_cm2"] == (pytest.approx(value) if value is not None else None)


@pytest.mark.parametrize(
    ("change", "disposition", "reason"),
    [
        ({"site_text": "ear"}, "quarantined", "site_unknown"),
        ({"scanned_on": ""}, "quarantined", "date_missing"),
        ({"scanned_on": "1949-06-01"}, "quarantined", "before_birth"),
        ({"bmd_text": "", "t_score_text": "-2.1"}, "out_of_scope", "printed_score_only"),
        ({"status_text": "entered-in-error"}, "out_of_scope", "entered_in_error"),
        ({"status_text": "final"}, "staged", None),
    ],
)
def test_rows_that_are_no_scan(run_sql, only, change, disposition, reason):
    cells = {
        "person_id": "1", "site_text": "neck", "side_text": "L", "bmd_text": "0.7", "unit_text": "g/cm2",
        "t_score_text": "", "status_text": "", "scanned_on": "2020-01-05",
    } | change  # fmt: skip
    row = only(flat(run_sql, " | ".join(cells.values()), header=" | ".join(cells)))
    assert (row["disposition"], row["reason"]) == (disposition, reason)


def test_after_a_death_nobody_is_scanned(run_sql):
    death = "person_id | died_on\n1 | 2020-01-31"
    rows = flat(
        run_sql,
        "1 | a | neck | L | 0.7 | g/cm2 | 2020-03-01",
        "1 | b | neck | L | 0.7 | g/cm2 | 2020-03-02",
        staging__death=death,
    )
    assert [row["reason"] for row in rows] == [None, "after_death"]


def test_a_later_delivery_replaces_and_a_retraction_withdraws_only_what_came_before(run_sql):
    header = "person_id | source_file | source_row | drop_sequence | record_id | site_text | side_text | bmd_text | scanned_on"
    rows = flat(
        run_sql,
        "1 | first | 1 | 1 | a | neck | L | 0.70 | 2020-01-05",
        "1 | first | 2 | 1 | b | neck | L | 0.71 | 2020-02-05",
        "1 | second | 1 | 2 | a | neck | L | 0.72 | 2020-01-05",
        "1 | third | 1 | 3 | b | neck | L | 0.73 | 2020-02-05",
        header=header,
        raw__flat_retraction="person_id | source_file | drop_sequence | record_id | kind\n1 | r | 3 | a | dxa\n"
        "1 | r | 3 | b | dxa\n1 | r | 9 | b | lab",
    )
    found = {(row["source_file"], row["source_row"]): (row["disposition"], row["reason"]) for row in rows}
    assert found == {
        ("first", 1): ("duplicate", "superseded"),
        ("first", 2): ("duplicate", "superseded"),
        ("second", 1): ("out_of_scope", "retracted"),
        ("third", 1): ("staged", None),
    }


def test_the_same_row_twice_counts_once_and_two_rows_of_one_id_not_at_all(run_sql):
    same = "1 | a | neck | L | 0.70 | g/cm2 | 2020-01-05"
    nameless = "1 | | neck | R | 0.66 | g/cm2 | 2020-01-05"
    rows = flat(
        run_sql, same, same, nameless, nameless,
        "1 | c | neck | L | 0.70 | g/cm2 | 2020-02-05", "1 | c | neck | L | 0.75 | g/cm2 | 2020-02-05",
    )  # fmt: skip
    reasons = [row["reason"] for row in rows]
    assert sorted(reasons[:2], key=str) == [None, "repeated_row"]
    assert sorted(reasons[2:4], key=str) == [None, "repeated_row"]
    assert reasons[4:] == ["conflicting_id"] * 2


def test_omop_rows_with_area_score_and_densitometer(run_sql):
    device = [
        {"person_id": 1, "device_exposure_id": 77, "device_source_value": "GE Lunar|Prodigy|13.60", "provider_id": 30001,
         "source_file": "d", "source_row": 1, "source_id": "omop", "drop_id": "d", "drop_sequence": 1}
    ]  # fmt: skip
    base = {
        "person_id": 1, "source_file": "m", "source_id": "omop", "drop_id": "d", "drop_sequence": 1,
        "measurement_date": "2020-01-05", "measurement_event_id": 77,
    }  # fmt: skip
    rows = [
        base | {"source_row": 1, "measurement_id": 1, "measurement_concept_id": 3033804, "value_as_number": 1.05,
                "unit_source_value": "g/cm2", "measurement_source_value": "DXA|LS|L1,L2,L4|BMD|F"},
        base | {"source_row": 2, "measurement_id": 2, "measurement_concept_id": 2000000022, "value_as_number": 45.5,
                "unit_source_value": "cm2", "measurement_source_value": "DXA|LS|L1,L2,L4|AREA|F"},
        base | {"source_row": 3, "measurement_id": 3, "measurement_concept_id": 3049654, "value_as_number": -1.1,
                "unit_source_value": "{T-score}", "measurement_source_value": "DXA|LS|L1,L2,L4|T|F"},
        base | {"source_row": 4, "measurement_id": 4, "measurement_concept_id": 3051938, "value_as_number": 0.91,
                "unit_source_value": "g/cm2", "measurement_source_value": "DXA|TH|L|BMD|F"},
    ]  # fmt: skip
    inputs = {"staging.person": PERSON, "raw.omop_measurement": rows, "raw.omop_device_exposure": device}
    spine, area, score, hip = sorted(run_sql(VIEW, inputs), key=lambda row: row["source_row"])
    assert (spine["site_code"], spine["side_code"], spine["vertebrae_code"], spine["n_vertebrae"]) == (
        "lumbar_spine", "not_applicable", "L1,L2,L4", 3,
    )  # fmt: skip
    assert (spine["manufacturer"], spine["model"], spine["software"], spine["device_id"]) == (
        "lunar", "Prodigy", "13.60", "provider-30001",
    )  # fmt: skip
    assert (spine["area_cm2"], spine["disposition"], spine["scan_key"]) == (45.5, "staged", hip["scan_key"])
    assert (area["disposition"], area["reason"]) == ("out_of_scope", "scan_detail")
    assert (score["disposition"], score["reason"]) == ("out_of_scope", "printed_score_only")
    assert (hip["site_code"], hip["side_code"], hip["area_cm2"]) == ("total_hip", "left", None)


def test_a_score_without_a_value_is_no_value(run_sql, only):
    """GiBleed: 655 forearm T-scores with a date and nothing else."""
    row = only(omop(run_sql, "1 | 5 | 3049273 | 38265-5 | | | | 2020-01-05 |"))
    assert (row["disposition"], row["reason"]) == ("quarantined", "no_value")


def test_repeats_of_a_day_are_numbered(run_sql):
    rows = omop(
        run_sql,
        "1 | 10 | 3051938 | | 0.90 | | g/cm2 | 2020-01-05 |",
        "1 | 9 | 3051938 | | 0.91 | | g/cm2 | 2020-01-05 |",
        "1 | 11 | 3051938 | | 0.92 | | g/cm2 | 2021-01-05 |",
    )
    assert [(row["scan_key"], row["repeat_number"]) for row in rows] == [
        ("2020-01-05.device-unknown", 2), ("2020-01-05.device-unknown", 1), ("2021-01-05.device-unknown", 1),
    ]  # fmt: skip
