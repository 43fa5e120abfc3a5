"""Pairs of results within persons, around each quarter: which there are, what they hold, and what differs in them."""

import math

TABLE = "models.level_change"


def test_last_before_and_first_after_each_quarter(run_sql):
    """Results in quarters 1, 2 and 5: around 2 its neighbours, around 3 and 4 those at 2 and 5."""
    labs = """
        person_id | specimen_id | analyte_code | value | operator | lab_id | drawn_on
        1 | a | estradiol | 10 | = | one | 2015-01-01
        1 | b | estradiol | 20 | = | one | 2015-03-31
        1 | c | estradiol | 30 | = | one | 2015-04-01
        1 | d | estradiol | 60 | = | one | 2016-03-31
    """
    rows = run_sql(TABLE, {"staging.lab_result": labs})
    assert {(r["quantity"], r["item_code"], r["place_kind"], r["place_code"]) for r in rows} == {
        ("lab", "estradiol", "laboratory", "one")
    }
    first = (math.log(10) + math.log(20)) / 2
    expected = {
        4 * 2015 + 1: (math.log(60) - first, 4),
        4 * 2015 + 2: (math.log(60) - math.log(30), 3),
        4 * 2015 + 3: (math.log(60) - math.log(30), 3),
    }
    assert {r["quarter_number"]: r["sum_quarters_apart"] for r in rows} == {k: gap for k, (_, gap) in expected.items()}
    for row in rows:
        change, _ = expected[row["quarter_number"]]
        assert math.isclose(row["sum_log_change"], change)
        assert math.isclose(row["sum_square"], change**2)
        assert row["n_pairs"] == 1


def test_limits_undated_results_and_long_gaps_say_nothing(run_sql):
    labs = """
        person_id | specimen_id | analyte_code | value | operator | lab_id | drawn_on
        1 | a | estradiol | 10 | = | one | 2015-01-01
        1 | b | estradiol | 5  | < | one | 2015-06-01
        1 | c | estradiol | 9  | > | one | 2015-08-01
        1 | d | estradiol |    | = | one | 2015-09-01
        1 | e | estradiol | 9  | = | one |
        1 | f | estradiol | 10 | = | one | 2017-04-01
        2 | g | lh        | 10 | = | one | 2015-01-01
        2 | h | lh        | 10 | = | one | 2017-01-01
        3 | i | lh        | 10 | = | one | 2016-01-01
    """
    rows = run_sql(TABLE, {"staging.lab_result": labs})
    assert {r["item_code"] for r in rows} == {"lh"}
    assert [r["quarter_number"] - 4 * 2015 for r in rows] == [1, 2, 3, 4, 5, 6, 7]


def test_a_care_site_keeps_its_people_when_the_laboratory_is_replaced(run_sql):
    labs = """
        person_id|specimen_id|analyte_code|value|operator|lab_id|drawn_on|assay_class|source_unit|lloq|source_variable
        1 | a | estradiol | 10 | = | one | 2015-01-01 | immunoassay | pg/mL | 5 | E2
        1 | b | estradiol | 8  | = | two | 2015-07-01 | lc_ms_ms    | PG/ML | 1 | E3
        2 | c | estradiol | 10 | = | one | 2015-01-01 | immunoassay | pg/mL | 5 | E2
        2 | d | estradiol | 8  | = | one | 2015-07-01 | immunoassay | ng/L  |   | E2
    """
    sites = """
        person_id | care_site_id | drop_sequence
        1 | 6 | 1
        1 | 7 | 2
        2 | 7 | 1
    """
    rows = run_sql(TABLE, {"staging.lab_result": labs, "raw.omop_person": sites})
    found = {(r["place_kind"], r["place_code"]): r for r in rows}
    assert set(found) == {("laboratory", "one"), ("care_site", "care-site-7")}
    assert found["laboratory", "one"]["n_pairs"] == 1
    site = found["care_site", "care-site-7"]
    assert site["n_pairs"] == 2
    assert [site[f"n_other_{what}"] for what in ("place", "method", "code", "unit", "limit")] == [1, 1, 1, 1, 1]


def test_scans_by_site_and_side_on_one_device(run_sql):
    scans = """
        person_id | scan_id | site_code | side_code | imputation_number | bmd_g_cm2 | is_valid | device_id | software | scanned_on
        1 | a | total_hip | left  | 0 | 0.9 | true  | x | 1 | 2015-01-01
        1 | b | total_hip | left  | 0 | 0.8 | true  | x | 2 | 2015-07-01
        1 | b | total_hip | right | 0 | 0.8 | true  | x | 2 | 2016-01-01
        2 | c | total_hip | left  | 0 | 0.9 | true  | x | 1 | 2015-01-01
        2 | d | total_hip | left  | 0 | 0.8 | false | x | 1 | 2015-07-01
        3 | e | total_hip | left  | 0 | 0.9 | true  | x | 1 | 2015-01-01
        3 | f | total_hip | left  | 0 | 0.8 | true  | y | 1 | 2015-07-01
    """
    (row,) = run_sql(TABLE, {"staging.dxa_scan": scans})
    assert (row["place_kind"], row["place_code"], row["n_pairs"], row["n_other_code"]) == ("densitometer", "x", 1, 1)
    assert math.isclose(row["sum_log_change"], math.log(0.8 / 0.9))
