"""States of the axis, and what an inhibitor did to LH and FSH."""

import math

import pytest

TABLE = "features.hpg_axis"
LAB = "person_id | specimen_id | analyte_code | value | operator | drawn_on"
EPISODE = "person_id | ingredient | drug_class | gap_days | episode_number | is_primary | starts_on | supply_ends_on"
SUPPLY = "person_id | inhibitor_from_on | baseline_from_on\n1 | 2020-06-01 | 2019-06-02"


def axis(run_sql, *labs: str, sex="male", episodes=(), supply=""):
    inputs = {
        "staging.person": f"person_id | sex_code\n1 | {sex}",
        "staging.lab_result": "\n".join((LAB, *labs)),
        "features.dosing_episode": "\n".join((EPISODE, *episodes)),
    }
    return run_sql(TABLE, inputs | ({"features.first_inhibitor": supply} if supply else {}))


def lab(analyte: str, value: float, operator="=", day="2020-01-01", specimen="a") -> str:
    return f"1 | {specimen} | {analyte} | {value} | {operator} | {day}"


def on(drug: str, drug_class: str) -> str:
    return f"1 | {drug} | {drug_class} | 90 | 1 | true | 2019-12-01 | 2020-02-01"


@pytest.mark.parametrize(
    ("testosterone", "lh", "code"),
    [
        (302.8, 9.4, "eugonadal"),
        (302.7, 9.4, "secondary"),
        (302.8, 9.5, "compensated"),
        (302.7, 9.5, "primary"),
    ],
)
def test_states_of_men(run_sql, only, testosterone, lh, code):
    assert only(axis(run_sql, lab("testosterone", testosterone), lab("lh", lh)))["axis_code"] == code


def test_women_have_no_state(run_sql, only):
    assert only(axis(run_sql, lab("testosterone", 30), lab("lh", 40), sex="female"))["axis_code"] is None


def test_a_result_missing_leaves_it_open(run_sql, only):
    row = only(axis(run_sql, lab("testosterone", 500)))
    assert (row["axis_code"], row["lh_lo_iu_l"], row["testosterone_hi_ng_dl"]) == (None, None, 500)


def test_below_a_limit_both_ends_have_to_agree(run_sql, only):
    assert only(axis(run_sql, lab("testosterone", 20, "<"), lab("lh", 0.2, "<")))["axis_code"] == "secondary"
    row = only(axis(run_sql, lab("testosterone", 400, "<"), lab("lh", 5)))
    assert (row["axis_code"], row["testosterone_lo_ng_dl"]) == (None, 0)


@pytest.mark.parametrize(
    ("lh", "operator", "code"),
    [(0.1, "<", "suppressed"), (0.9, "=", "suppressed"), (1, "=", "not_suppressed"), (2, "<", None)],
)
def test_on_testosterone_lh_alone_decides(run_sql, only, lh, operator, code):
    row = only(
        axis(run_sql, lab("testosterone", 900), lab("lh", lh, operator), episodes=[on("testosterone", "androgen")])
    )
    assert (row["axis_code"], row["is_on_testosterone"]) == (code, True)


def test_a_stimulated_axis_has_no_state(run_sql, only):
    row = only(axis(run_sql, lab("testosterone", 500), lab("lh", 12), episodes=[on("clomiphene", "ovulation_inducer")]))
    assert (row["axis_code"], row["is_on_stimulation"]) == (None, True)


def test_rise_of_lh_since_before_the_inhibitor(run_sql):
    rows = axis(
        run_sql,
        lab("lh", 4, day="2020-01-01"),
        lab("fsh", 6, day="2020-05-01", specimen="c"),
        lab("lh", 5, day="2020-06-01", specimen="b"),
        lab("lh", 10, day="2020-09-01", specimen="d"),
        lab("fsh", 3, day="2020-09-01", specimen="d"),
        lab("lh", 0.2, "<", day="2020-10-01", specimen="e"),
        supply=SUPPLY,
    )
    by_day = {str(row["drawn_on"]): row for row in rows}
    assert by_day["2020-09-01"]["lh_log_ratio"] == pytest.approx(math.log(2))
    assert by_day["2020-09-01"]["fsh_log_ratio"] == pytest.approx(math.log(0.5))
    assert by_day["2020-09-01"]["days_since_inhibitor_start"] == 92
    assert [by_day[d]["lh_log_ratio"] for d in ("2020-01-01", "2020-06-01", "2020-10-01")] == [None, None, None]


def test_shbg_alone_is_no_row(run_sql):
    assert axis(run_sql, lab("shbg", 40)) == []


def test_bounds_of_a_day(run_sql, only):
    """Below 2 is 0 to 2, above 60 has no upper bound; SHBG as measured."""
    row = only(axis(run_sql, lab("lh", 2, "<"), lab("fsh", 60, ">"), lab("shbg", 30)))
    assert (row["lh_lo_iu_l"], row["lh_hi_iu_l"]) == (0, 2)
    assert (row["fsh_lo_iu_l"], row["fsh_hi_iu_l"], row["shbg_nmol_l"]) == (60, None, 30)


def test_a_result_above_its_limit_leaves_the_day_without_an_upper_bound(run_sql, only):
    """1,500 and above, and 1,000 measured: at least 1,250 on average, at most nobody knows."""
    row = only(axis(run_sql, lab("testosterone", 1500, ">"), lab("testosterone", 1000, specimen="b")))
    assert (row["testosterone_lo_ng_dl"], row["testosterone_hi_ng_dl"]) == (1250, None)


@pytest.mark.parametrize(("day", "taken"), [("2020-02-01", True), ("2020-02-02", False)])
def test_on_an_inhibitor_up_to_the_last_day_of_supply(run_sql, only, day, taken):
    row = only(axis(run_sql, lab("lh", 5, day=day), episodes=(on("anastrozole", "aromatase_inhibitor"),)))
    assert (row["is_on_inhibitor"], row["is_on_testosterone"]) == (taken, False)


def test_bounds_of_fsh(run_sql, only):
    row = only(axis(run_sql, lab("testosterone", 500), lab("fsh", 0.3, "<")))
    assert (row["fsh_lo_iu_l"], row["fsh_hi_iu_l"]) == (0, 0.3)
