"""Estradiol as bounds."""

import math

import pytest

TABLE = "features.e2_exposure"
HEADER = "person_id | specimen_id | analyte_code | assay_class | value | is_censored | lloq"


def windows(run_sql, *rows: str) -> list[dict]:
    return run_sql(TABLE, {"staging.lab_result": "\n".join((HEADER, *rows))})


def test_censored_lies_between_0_and_the_limit(run_sql, only):
    found = only(windows(run_sql, "1 | H.tst | estradiol | lc_ms_ms | 2.994 | true | 2.994"))
    assert (found["e2_lo_pg_ml"], found["e2_hi_pg_ml"], found["lloq_pg_ml"]) == (0, 2.994, 2.994)
    assert found["e2_fill_pg_ml"] == pytest.approx(2.994 / math.sqrt(2))
    assert round(found["e2_fill_pg_ml"], 3) == 2.117
    assert (found["window_code"], found["n_draws"], found["n_uncensored"], found["censored_share"]) == (
        "single_draw",
        1,
        0,
        1,
    )


def test_uncensored_is_a_point(run_sql, only):
    found = only(windows(run_sql, "1 | H.tst | estradiol | lc_ms_ms | 24 | false | 2.994"))
    assert found["e2_lo_pg_ml"] == found["e2_hi_pg_ml"] == found["e2_fill_pg_ml"] == 24
    assert found["t_e2_ratio"] is None


@pytest.mark.parametrize(
    ("e2", "testosterone", "ratio"), [("false", "false", 20), ("true", "false", None), ("false", "true", None)]
)
def test_ratio_only_where_both_are_uncensored(run_sql, only, e2, testosterone, ratio):
    found = only(
        windows(
            run_sql,
            f"1 | H.tst | estradiol | lc_ms_ms | 25 | {e2} | 2.994",
            f"1 | H.tst | testosterone | lc_ms_ms | 500 | {testosterone} | 0.75",
        )
    )
    assert found["t_e2_ratio"] == ratio


def test_testosterone_of_another_specimen_is_no_companion(run_sql, only):
    found = only(
        windows(
            run_sql,
            "1 | H.tst | estradiol | lc_ms_ms | 25 | false | ",
            "1 | X | testosterone | lc_ms_ms | 500 | false |",
        )
    )
    assert (found["testosterone_ng_dl"], found["t_e2_ratio"]) == (None, None)


def test_assay_classes_are_never_mixed(run_sql):
    found = windows(
        run_sql, "1 | a | estradiol | lc_ms_ms | 10 | false | 2.994", "1 | b | estradiol | immunoassay | 40 | false | 5"
    )
    assert {r["assay_class"]: (r["n_draws"], r["e2_hi_pg_ml"]) for r in found} == {
        "lc_ms_ms": (1, 10),
        "immunoassay": (1, 40),
    }


def test_two_draws_average_bounds_and_count_the_censored(run_sql, only):
    found = only(
        windows(
            run_sql,
            "1 | a | estradiol | lc_ms_ms | 3 | true | 3",
            "1 | b | estradiol | lc_ms_ms | 9 | false | 3",
            "1 | b | testosterone | lc_ms_ms | 300 | false |",
        )
    )
    assert (found["window_code"], found["n_draws"], found["n_uncensored"], found["censored_share"]) == (
        "episode",
        2,
        1,
        0.5,
    )
    assert (found["e2_lo_pg_ml"], found["e2_hi_pg_ml"], found["t_e2_ratio"]) == (4.5, 6, None)


def test_a_result_without_a_value_is_no_draw(run_sql):
    assert (
        windows(run_sql, "1 | a | estradiol | lc_ms_ms | | true |", "2 | a | testosterone | lc_ms_ms | 500 | false |")
        == []
    )
