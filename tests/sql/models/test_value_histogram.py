"""Values are counted on a grid that never changes; limits are bins of their own, and what is no value is left out."""

TABLE = "models.value_histogram"


def test_results_by_laboratory_on_a_log_grid(run_sql):
    labs = """
        person_id | specimen_id | analyte_code | value | operator | lab_id
        1 | a | estradiol | 10   | = | one
        1 | b | estradiol | 10.1 | = | one
        2 | c | estradiol | 100  | = |
        2 | d | estradiol | 5    | < | one
        3 | e | estradiol | 900  | > | one
        3 | f | estradiol |      | = | one
        4 | g | estradiol | 0    | = | one
    """
    rows = run_sql(TABLE, {"staging.lab_result": labs})
    found = {(r["place_code"], r["bin_number"]): r["n"] for r in rows}
    assert {(r["quantity"], r["item_code"]) for r in rows} == {("lab", "estradiol")}
    assert found == {("one", 50): 2, ("not_recorded", 100): 1, ("one", -1000): 1, ("one", 1000): 1}


def test_bone_density_by_site_and_device_measured_and_valid_only(run_sql):
    scans = """
        person_id | scan_id | site_code | side_code | imputation_number | bmd_g_cm2 | is_valid | device_id
        1 | a | total_hip | left | 0 | 0.9  | true  | x
        1 | b | total_hip | left | 0 | 0.91 | true  | x
        2 | c | total_hip | left | 1 | 0.9  | true  | x
        2 | d | total_hip | left | 0 | 0.9  | false | x
        3 | e | total_hip | left | 0 |      | true  | x
    """
    rows = run_sql(TABLE, {"staging.dxa_scan": scans})
    assert [(r["quantity"], r["item_code"], r["place_code"], r["bin_number"], r["n"]) for r in rows] == [
        ("bmd", "total_hip", "x", 45, 2)
    ]


def test_doses_by_drug(run_sql):
    drugs = """
        person_id | source_row | record_number | ingredient | dose_mg_per_week
        1 | 1 | 1 | anastrozole | 7
        2 | 2 | 1 | anastrozole | 7
        3 | 3 | 1 | anastrozole |
        4 | 4 | 1 | anastrozole | 0
    """
    rows = run_sql(TABLE, {"staging.drug_exposure": drugs})
    assert [(r["item_code"], r["place_code"], r["bin_number"], r["n"]) for r in rows] == [
        ("anastrozole", "everywhere", 42, 2)
    ]
