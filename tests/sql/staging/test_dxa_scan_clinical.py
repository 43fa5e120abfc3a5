"""Series, standardised density, flags and validity of clinical scans."""

import pytest

from pipelines.domain.standardised_bmd import standardised_bmd_mg_cm2

TABLE = "staging.dxa_scan"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950"
CELLS = {
    "person_id": 1, "source_file": "dxa", "record_number": 1, "source_id": "flat", "drop_id": "d", "drop_sequence": 1,
    "site_text": "total hip", "side_text": "left", "unit_text": "g/cm2", "manufacturer_text": "HOLOGIC",
    "model_text": "Discovery A", "software_text": "13.4", "device_id": "D1", "scanned_on": "2020-03-01",
}  # fmt: skip
SPINE = {"site_text": "AP Spine", "side_text": "", "vertebrae_text": "L1-L4"}


def scans(run_sql, *rows: dict) -> list[dict]:
    raw = [CELLS | {"source_row": number} | row for number, row in enumerate(rows, start=1)]
    found = run_sql(TABLE, {"staging.person": PERSON, "raw.flat_dxa": raw})
    return sorted(found, key=lambda row: row["source_row"])


@pytest.mark.parametrize("maker", ["HOLOGIC", "GE Lunar", "LUNAR", "Norland"])
@pytest.mark.parametrize(
    ("site", "code"), [("total hip", "total_hip"), ("neck", "femoral_neck"), ("AP spine", "lumbar_spine")]
)
def test_standardised_density_is_that_of_hui_and_lu(run_sql, only, maker, site, code):
    row = only(scans(run_sql, {"site_text": site, "bmd_text": "0.9", "manufacturer_text": maker}))
    expected = standardised_bmd_mg_cm2(0.9, row["manufacturer"], code)
    assert row["sbmd_mg_cm2"] == pytest.approx(float(expected))


def test_golden_standardised_density_of_the_spine(run_sql, only):
    """Hui 1997: a Hologic reading of 0.972 is 1043.6 mg/cm2 by construction."""
    assert only(scans(run_sql, SPINE | {"bmd_text": "0.972"}))["sbmd_mg_cm2"] == pytest.approx(1043.6)


def test_maker_is_told_by_the_model_where_it_is_not_named(run_sql, only):
    row = only(scans(run_sql, {"bmd_text": "0.9", "manufacturer_text": "", "model_text": "Lunar iDXA"}))
    assert row["manufacturer"] == "lunar"


def test_series_split_at_device_software_vertebrae_and_side(run_sql):
    rows = scans(
        run_sql,
        {"bmd_text": "0.90"},
        {"bmd_text": "0.91", "software_text": "14.0", "scanned_on": "2021-03-01"},
        {"bmd_text": "0.91", "device_id": "D2", "scanned_on": "2022-03-01"},
        {"bmd_text": "0.91", "device_id": "", "scanned_on": "2023-03-01"},
        {"bmd_text": "0.91", "side_text": "", "scanned_on": "2024-03-01"},
        SPINE | {"bmd_text": "1.01", "scanned_on": "2020-03-01"},
        SPINE | {"bmd_text": "1.02", "scanned_on": "2021-03-01", "vertebrae_text": "L2-L4"},
    )
    assert [row["series_id"] for row in rows] == [
        "D1/13.4", "D1/14.0", "D2/13.4", None, None, "D1/13.4/L1-L4", "D1/13.4/L2-L4",
    ]  # fmt: skip
    assert (rows[3]["flags"], rows[4]["flags"]) == ("device_unknown", "side_unknown")
    assert [row["n_vertebrae"] for row in rows[5:]] == [4, 3]


def test_one_vertebra_is_no_lumbar_spine(run_sql, only):
    row = only(scans(run_sql, SPINE | {"bmd_text": "1.1", "vertebrae_text": "L3"}))
    assert (row["is_valid"], row["invalid_reason"], row["sbmd_mg_cm2"]) == (False, "one_vertebra", None)


def test_what_the_source_calls_invalid_is(run_sql, only):
    row = only(scans(run_sql, {"bmd_text": "0.9", "valid_text": "N"}))
    assert (row["is_valid"], row["invalid_reason"], row["bmd_g_cm2"]) == (False, "source_says_invalid", 0.9)


@pytest.mark.parametrize(
    ("spine_change", "hip_change", "is_suspect"),
    [(6.0, -2.0, True), (5.0, -2.0, False), (6.0, -1.0, False), (-6.0, 2.0, False)],
)
def test_a_spine_that_rises_while_the_hip_falls(run_sql, spine_change, hip_change, is_suspect):
    later = {"scanned_on": "2022-03-01"}
    rows = scans(
        run_sql,
        SPINE | {"bmd_text": "1.0"},
        {"bmd_text": "0.8"},
        SPINE | later | {"bmd_text": str(1.0 * (1 + spine_change / 100))},
        later | {"bmd_text": str(0.8 * (1 + hip_change / 100))},
    )
    assert [row["is_artefact_suspect"] for row in rows] == [False, False, is_suspect, False]
    assert (rows[2]["flags"] == "spine_up_hip_down") is is_suspect


@pytest.mark.parametrize(("area", "is_flagged"), [("35.0", False), ("36.0", False), ("36.1", True), ("33.9", True)])
def test_area_drawn_differently(run_sql, area, is_flagged):
    rows = scans(
        run_sql,
        {"bmd_text": "0.9", "area_text": "35.0"},
        {"bmd_text": "0.9", "area_text": area, "scanned_on": "2022-03-01"},
    )
    flags = ["area_changes_after", "area_change"] if is_flagged else [None, None]
    assert [row["flags"] for row in rows] == flags


def test_area_drawn_differently_once_puts_its_scan_and_both_neighbours_in_doubt(run_sql):
    areas = ["35.0", "35.2", "37.5", "35.1"]
    rows = scans(
        run_sql,
        *(
            {"bmd_text": "0.9", "area_text": area, "scanned_on": f"202{n}-03-01"}
            for n, area in enumerate(areas, start=1)
        ),
    )
    assert [row["flags"] for row in rows] == [
        None,
        "area_changes_after",
        "area_change,area_changes_after",
        "area_change",
    ]


def test_a_vertebra_that_stands_out_from_its_neighbours(run_sql):
    """Hologic means .925 1.028 1.084 1.116, SD .110: L3 two SD above, the others at the mean."""
    levels = {"L1": 0.925, "L2": 1.028, "L3": 1.304, "L4": 1.116}
    rows = scans(
        run_sql,
        *({"site_text": name, "side_text": "", "bmd_text": str(bmd), "scan_id": "s"} for name, bmd in levels.items()),
        SPINE | {"bmd_text": "1.1", "scan_id": "s"},
    )
    assert [row["flags"] for row in rows] == [None, None, "differs_from_neighbours", None, "outlying_l3"]
    assert all(row["is_valid"] for row in rows)


@pytest.mark.parametrize(
    ("raised", "flagged"), [(("L4",), "outlying_l4"), (("L1", "L2"), None), (("L2",), "outlying_l2"), ((), None)]
)
def test_only_what_differs_from_all_its_neighbours_stands_out(run_sql, raised, flagged):
    levels = {"L1": 0.925, "L2": 1.028, "L3": 1.084, "L4": 1.116}
    rows = scans(
        run_sql,
        *(
            {"site_text": name, "side_text": "", "bmd_text": str(bmd + 0.22 * (name in raised)), "scan_id": "s"}
            for name, bmd in levels.items()
        ),
        SPINE | {"bmd_text": "1.1", "scan_id": "s"},
    )
    assert rows[-1]["flags"] == flagged


def test_repeats_of_a_day_are_scans_of_their_own(run_sql):
    rows = scans(run_sql, {"bmd_text": "0.90", "record_id": "1"}, {"bmd_text": "0.91", "record_id": "2"})
    assert [(row["scan_id"], row["flags"]) for row in rows] == [
        ("2020-03-01.D1", None),
        ("2020-03-01.D1#2", "same_day_repeat"),
    ]


def test_survey_scans_keep_no_series_and_get_standardised_density(run_sql, only):
    text = "person_id | cycle_code | DXASPNST | DXXOSBMD\n1 | H | 1 | 0.972"
    rows = run_sql(TABLE, {"staging.person": PERSON, "raw.nhanes_dxxspn": text})
    spine = only([row for row in rows if row["site_code"] == "lumbar_spine"])
    assert (spine["series_id"], spine["vertebrae_code"], spine["flags"]) == (None, "L1-L4", None)
    assert (spine["manufacturer"], spine["sbmd_mg_cm2"]) == ("hologic", pytest.approx(1043.6))
