"""Measured outcomes at a horizon: which baseline, which reading, which series, and who is followed until the window."""

import datetime as dt
import math

import pytest

TABLE = "features.outcome_value"
ZERO = dt.date(2018, 1, 1)
SCAN = "person_id | scan_id | site_code | side_code | imputation_number | is_valid | bmd_g_cm2 | series_id | scanned_on"
DRAW = "person_id | analyte_code | value | is_censored | assay_class | drawn_on"
PERSON = "study_id | person_id | trial_number | cohort_code | arm_code | index_on | end_on | end_reason | strategy_code"
CONTRAST = "study_id | contrast_number | cohort_code | target_code | comparator_code | outcome_code | horizon_days | window_days"


def on(days: int) -> dt.date:
    return ZERO + dt.timedelta(days)


def scan(days: int, bmd: float, series: str = "s", valid: str = "true", side: str = "left") -> str:
    return f"1 | {days} {series} {bmd} | total_hip | {side} | 0 | {valid} | {bmd} | {series} | {on(days)}"


@pytest.fixture
def value(run_sql):
    def run(*scans, arm="drug", strategy="", end=1900, reason="horizon", draws=(), outcome="total_hip_bmd_change_pct"):
        lines = [f"1 | lh | {v} | {is_censored} | {assay} | {on(days)}" for days, v, is_censored, assay in draws]
        return run_sql(TABLE, {
            "cohort.trial_person": f"{PERSON}\ns | 1 | 1 | c | {arm} | {ZERO} | {on(end)} | {reason} | {strategy}",
            "ref.study_contrast": f"{CONTRAST}\ns | 1 | c | drug | other | {outcome} | 730 | 90",
            "staging.dxa_scan": "\n".join((SCAN, *scans)),
            "staging.lab_result": "\n".join((DRAW, *lines)),
        })  # fmt: skip

    return run


def test_last_baseline_and_the_scan_nearest_to_the_horizon(value, only):
    row = only(value(scan(-300, 0.80), scan(-10, 0.90), scan(0, 1.0), scan(650, 0.5), scan(700, 0.97), scan(800, 0.5)))
    assert (row["baseline_on"], row["baseline_value"]) == (ZERO, 1.0)
    assert (row["outcome_on"], row["outcome_days"], row["outcome_value"]) == (on(700), 700, 0.97)
    assert row["change"] == pytest.approx(100 * math.log(0.97))
    assert (row["is_target"], row["is_followed"], row["is_dead"], row["is_censored"]) == (True, True, False, False)
    assert (row["study_id"], row["contrast_number"], row["trial_number"], row["index_on"]) == ("s", 1, 1, ZERO)


def test_scans_of_a_day_are_averaged_and_invalid_ones_left_out(value, only):
    row = only(value(scan(-1, 1.0), scan(730, 0.94), scan(730, 0.98), scan(730, 0.10, valid="false")))
    assert row["outcome_value"] == pytest.approx(0.96)


def test_another_device_or_side_is_no_follow_up_and_no_baseline_is_nobody(value, only):
    row = only(value(scan(-1, 1.0), scan(730, 0.9, series="t"), scan(731, 0.9, side="right")))
    assert (row["outcome_on"], row["change"], row["is_followed"]) == (None, None, True)
    assert value(scan(730, 0.9)) == []
    assert value(scan(-366, 1.0), scan(730, 0.9)) == [], "a baseline of more than a year ago is none"


def test_of_two_series_the_one_that_was_measured_again(value, only):
    row = only(value(scan(-1, 1.0, series="new"), scan(-50, 0.8, series="old"), scan(740, 0.76, series="old")))
    assert (row["baseline_value"], row["outcome_value"]) == (0.8, 0.76)


def test_nothing_outside_the_window_or_after_follow_up(value, only):
    assert only(value(scan(-1, 1.0), scan(639, 0.9), scan(821, 0.9)))["change"] is None
    row = only(value(scan(-1, 1.0), scan(730, 0.9), end=700))
    assert (row["change"], row["is_followed"]) == (None, True)


@pytest.mark.parametrize(("end", "reason", "dead"), [(639, "death", True), (639, "observation_ended", False)])
def test_who_left_before_the_window_was_not_followed(value, only, end, reason, dead):
    row = only(value(scan(-1, 1.0), end=end, reason=reason))
    assert (row["is_followed"], row["is_dead"]) == (False, dead)


@pytest.mark.parametrize(
    ("end", "reason", "deviated"),
    [(639, "stopped", True), (640, "stopped", False), (639, "cancer", False), (639, "horizon", False)],
)
def test_who_deviated_before_the_window_is_told_apart_from_who_was_lost(run_sql, only, end, reason, deviated):
    row = only(run_sql(TABLE, {
        "cohort.trial_person": f"{PERSON}\ns | 1 | 1 | c | drug | {ZERO} | {on(end)} | {reason} | ",
        "ref.study_contrast": f"{CONTRAST}\ns | 1 | c | drug | other | total_hip_bmd_change_pct | 730 | 90",
        "ref.study_censor": """study_id | cohort_code | reason_code | is_deviation
            s | c | stopped | true
            s | c | cancer | false
            s | other | horizon | true""",
        "staging.dxa_scan": f"{SCAN}\n{scan(-1, 1.0)}",
    }))  # fmt: skip
    assert (row["is_deviated"], row["is_followed"], row["is_dead"]) == (deviated, end >= 640, False)


@pytest.mark.parametrize(("strategy", "is_target"), [("drug", True), ("other", False), ("third", None), ("", None)])
def test_an_open_arm_is_the_strategy_begun(value, strategy, is_target):
    rows = value(scan(-1, 1.0), arm="open", strategy=strategy)
    assert [row["is_target"] for row in rows] == ([] if is_target is None else [is_target])


def test_a_laboratory_outcome_is_a_ratio_within_a_class_of_assay(value, only):
    draws = [(-5, 4.0, "false", "immunoassay"), (720, 8.0, "false", "immunoassay"), (730, 1.0, "false", "lc_ms_ms")]
    row = only(value(draws=draws, outcome="lh_iu_l"))
    assert row["change"] == pytest.approx(math.log(2))
    censored = only(value(draws=[draws[0], (730, 0.1, "true", "immunoassay")], outcome="lh_iu_l"))
    assert (censored["is_censored"], censored["change"], censored["outcome_value"]) == (True, None, None)
    assert censored["outcome_on"] == on(730)


def test_pressure_and_resistance_are_read_from_their_features(run_sql, only):
    given = {
        "cohort.trial_person": f"{PERSON}\ns | 1 | 1 | c | drug | {ZERO} | {on(1900)} | horizon | ",
        "features.body_measure": (
            f"person_id | measured_on | systolic_mm_hg | fat_pct | lean_kg\n1 | {on(-9)} | 130 | 30 | 50\n"
            f"1 | {on(700)} | 142 | 33 | 49"
        ),
        "features.lipid_metabolic": f"person_id | drawn_on | homa_ir\n1 | {on(-9)} | 2.0\n1 | {on(700)} | 3.0",
    }
    for outcome, change in (
        *(("systolic_bp_mm_hg", 12.0), ("body_fat_pct", 3.0), ("lean_mass_kg", -1.0)),
        ("homa_ir", math.log(1.5)),
    ):
        contrast = f"{CONTRAST}\ns | 1 | c | drug | other | {outcome} | 730 | 90"
        row = only(run_sql(TABLE, given | {"ref.study_contrast": contrast}))
        assert row["change"] == pytest.approx(change)


@pytest.mark.parametrize(
    ("fasting", "morning", "counts"), [("true", "true", 2), ("false", "true", 0), ("", "true", 0), ("true", "false", 0)]
)
def test_collagen_fragments_count_fasting_in_the_morning_only(run_sql, fasting, morning, counts):
    head = f"{DRAW} | is_fasting | is_morning"
    rows = run_sql(TABLE, {
        "cohort.trial_person": f"{PERSON}\ns | 1 | 1 | c | drug | {ZERO} | {on(1900)} | horizon | ",
        "ref.study_contrast": "\n".join((CONTRAST, *(
            f"s | {n} | c | drug | other | {outcome} | 730 | 90" for n, outcome in ((1, "ctx_pg_ml"), (2, "p1np_ug_l"))
        ))),
        "staging.lab_result": "\n".join((head, *(
            f"1 | {analyte} | {value} | false | routine | {on(days)} | {fasting} | {morning}"
            for analyte in ("ctx", "p1np") for days, value in ((-9, 400), (700, 200))
        ))),
    })  # fmt: skip
    assert {row["contrast_number"]: row["change"] for row in rows if row["change"]} == pytest.approx(
        ({1: math.log(0.5)} if counts else {}) | {2: math.log(0.5)}
    )


def test_a_contrast_by_clones_keeps_everybody_with_what_was_begun_when(run_sql):
    people = [
        f"s | 1 | 1 | c | open | {ZERO} | {on(1900)} | horizon | drug | {on(40)}",
        f"s | 2 | 1 | c | open | {ZERO} | {on(1900)} | horizon | third | {on(0)}",
        f"s | 3 | 1 | c | open | {ZERO} | {on(60)} | death |  | ",
        f"s | 4 | 1 | c | open | {ZERO} | {on(1900)} | horizon | none | ",
    ]
    scans = [f"{who} | {who} | total_hip | left | 0 | true | 1 | s | {on(-1)}" for who in (1, 2, 3, 4)]

    asked = "s | 1 | c | drug | none | total_hip_bmd_change_pct | 730 | 90"

    def rows(is_cloned: str) -> dict:
        found = run_sql(TABLE, {
            "cohort.trial_person": "\n".join((f"{PERSON} | strategy_on", *people)),
            "ref.study_contrast": f"{CONTRAST} | is_cloned\n{asked} | {is_cloned}",
            "staging.dxa_scan": "\n".join((SCAN, *scans)),
        })  # fmt: skip
        return {row["person_id"]: row for row in found}

    cloned = rows("true")
    assert {who: (row["strategy_code"], row["strategy_days"], row["followed_days"]) for who, row in cloned.items()} == {
        1: ("drug", 40, 1900),
        2: ("third", 0, 1900),
        3: (None, None, 60),
        4: ("none", None, 1900),
    }
    assert [cloned[who]["is_target"] for who in (1, 2, 3, 4)] == [True, False, False, False]
    assert (cloned[3]["is_dead"], cloned[3]["is_followed"]) == (True, False)
    as_seen = rows("false")
    assert sorted(as_seen) == [1, 4], "without clones only who was seen to be in an arm is in it"
    assert as_seen[1]["strategy_code"] is None
