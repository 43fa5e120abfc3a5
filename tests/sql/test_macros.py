"""The macros of the published files on tiny tables: what they ask, what they leave out, and that nothing captures a name."""

import datetime as dt
import math

import pytest

MIN_CELL = {"ref.run_setting": "setting_code | value_text\nmin_cell | 11"}
EFFECT = "study_id | contrast | outcome | population | estimator | scale | estimate | ci_low | ci_high | gate_status"


def test_effects_are_those_of_one_study(ask):
    rows = f"""{EFFECT}
        a | x vs y | bmd | men | aipw | % | 1 | 0 | 2 | open
        b | x vs y | bmd | men | aipw | % | 5 | 4 | 6 | open
        a | x vs y | bmd | men | iptw | % |  |  |  | closed"""
    found = ask({"mart.effect_estimate": rows}, "select estimator, estimate, gate_status from effects('a')")
    assert found == [("aipw", 1, "open"), ("iptw", None, "closed")]


def test_risks_stand_in_percent_and_as_ratios(ask):
    rows = f"""{EFFECT}
        a | x vs y | hip | women | risk_difference | difference of risks | 0.02 | -0.01 | 0.05 | open
        a | x vs y | hip | women | log_risk_ratio | difference of log risks | 0.6931471805599453 | 0 | 1 | open
        a | x vs y | hip | women | log_hazard_ratio | log hazard ratio | -0.6931471805599453 | -1 | 0 | open
        a | x vs y | hip | women | log_risk_ratio_holm | difference of log risks | 0.7 | -3 | 3 | open
        a | x vs y | hip | women | days_lost | difference of mean days lost to the outcome | 9 | 8 | 10 | open
        a | x vs y | spine | women | risk_difference | difference of risks |  |  |  | closed
        a | per unit | death | men | survey_cox_standardised | risk difference in percent | 3 | 1 | 5 | open
        a | per unit | death | men | survey_cox | log hazard ratio | 0 | -1 | 1 | open
        a | x vs y | pain | men | marginal_structural_model | difference of risks | 0.1 | 0 | 1 | open"""
    asked = "select population, outcome, risk_difference_pct, risk_difference_ci_low_pct, risk_ratio, hazard_ratio, gate_status"
    found = ask({"mart.effect_estimate": rows}, f"{asked} from risks('a')")
    assert found[0] == ("men", "death", 3, 1, None, 1, "open")
    assert found[1][:2] == ("women", "hip") and found[1][-1] == "open"
    assert found[1][2:6] == pytest.approx((2, -1, 2, 0.5))
    assert found[2] == ("women", "spine", None, None, None, None, "closed")
    assert len(found) == 3, "one row a comparison, and risks of symptoms by dose are no arms"


def test_risks_over_time_are_one_curve_whatever_the_horizon(ask):
    key = "study_id | contrast | outcome | population | arm_code | follow_up_days | risk_pct | n_at_risk | gate_status"
    rows = f"""{key}
        s | a vs b, 36 months, cohort c | stroke | women | a | 547 | 2.5 | 77 | open
        s | a vs b, 12 months, cohort c | stroke | women | a | 91 |  | 88 | open
        s | a vs b, 12 months, cohort c | stroke | women | a | 0 | 0 | 99 | open
        t | a vs b, 12 months, cohort c | stroke | women | a | 0 | 0 | 55 | open"""
    asked = "select arms, follow_up_days, risk_pct, n_at_risk from risks_over_time('s')"
    found = ask({"mart.cumulative_incidence": rows}, asked)
    pair = "a vs b, cohort c"
    assert found == [(pair, 0, 0, 99), (pair, 91, None, 88), (pair, 547, 2.5, 77)]


def test_bone_density_over_time_is_one_course_whatever_the_horizon(ask):
    key = "study_id | contrast | outcome | population | arm_code | follow_up_days"
    rows = f"""{key} | change_pct | n_observed | gate_status | gate_reason
        s | a vs b, 60 months, cohort c | spine | women | a | 1096 |  |  | closed | too few
        s | a vs b, 24 months, cohort c | spine | women | a | 730 | -3.5 | 77 | open |
        s | a vs b, 24 months, cohort c | spine | women | a | 365 | -2 |  | open |
        t | a vs b, 24 months, cohort c | spine | women | a | 365 | -1 | 55 | open |"""
    found = ask(
        {"mart.bmd_trajectory": rows},
        "select arms, follow_up_days, change_pct, n_observed, gate_reason from bmd_trajectory('s')",
    )
    pair = "a vs b, cohort c"
    assert found == [(pair, 365, -2, None, None), (pair, 730, -3.5, 77, None), (pair, 1096, None, None, "too few")]


def test_claims_come_by_their_number(ask):
    rows = "claim_id | part_code | verdict\nH10 | a | supported\nH2 | b | inconclusive\nH2 | a | contradicted"
    found = ask({"mart.claim": rows}, "select claim_id, part_code, verdict from claims()")
    assert found == [("H2", "a", "contradicted"), ("H2", "b", "inconclusive"), ("H10", "a", "supported")]


def test_failures_come_by_their_gravity_and_what_passed_does_not(ask):
    rows = """check_id | table_name | stratum | severity | status
        b | t | all | warning | fail
        a | t | all | info | fail
        c | t | all | critical | could_not_evaluate
        d | t | all | critical | pass
        e | t | all | critical | not_applicable"""
    found = ask({"mart.quality_result": rows}, "select check_id from quality_failures()")
    assert found == [("c",), ("b",), ("a",)]


def test_drift_leaves_out_what_did_not_move(ask):
    rows = """study_id | contrast | outcome | population | estimator | cause | estimate_change_se
        a | x | o | p | e1 | none | 0
        a | x | o | p | e2 | input | -2
        a | x | o | p | e3 | code | 1
        a | x | o | p | e4 | first |"""
    assert ask({"mart.evidence_drift": rows}, "select estimator from drift()") == [("e2",), ("e3",)]


def test_the_least_balanced_covariate_comes_first(ask):
    rows = """study_id | contrast | outcome | population | covariate | smd_after
        a | x | o | p | age | 0.01
        a | x | o | p | bmi | -0.2
        a | x | o | p | rare |"""
    assert ask({"mart.covariate_balance": rows}, "select covariate from balance('a')") == [
        ("bmi",),
        ("age",),
        ("rare",),
    ]


def test_controls_are_ratios(ask):
    rows = """study_id | contrast | population | control_code | scale | estimate
        a | x | p | acne | log ratio of risks | 0
        a | x | p | wart | log ratio of risks |
        a | x | p | sodium | SD of the change within an arm | 0.2"""
    found = ask({"mart.negative_control": rows}, "select control_code, risk_ratio from controls('a')")
    assert found == [("acne", 1), ("wart", None)]
    found = ask({"mart.negative_control": rows}, "select control_code, estimate from measured_controls('a')")
    assert found == [("sodium", 0.2)]


@pytest.mark.parametrize(
    ("sex", "value", "band"),
    [
        ("male", "0", "severe"),
        ("male", "9.999", "severe"),
        ("male", "10", "low"),
        ("male", "20", "target"),
        ("male", "30", "raised"),
        ("male", "40", "high"),
        ("male", "4000", "high"),
        ("female", "4.9", "severe"),
        ("female", "5", "low"),
        ("female", "10", "target"),
        ("female", "21", "raised"),
        ("female", "30", "high"),
        ("male", "-1", None),
        ("male", "null", None),
        ("male", "'nan'::double", None),
        ("male", "'infinity'::double", None),
        ("unknown", "3", None),
    ],
)
def test_band_of_an_estradiol(ask, sex, value, band):
    assert ask({}, f"select e2_band('{sex}', {value})") == [(band,)]


def test_a_woman_before_menopause_has_no_band(ask):
    statuses = (
        "select e2_band('female', 3, status := status_code) from (values ('premenopausal'), ('unknown'), (null), "
    )
    assert ask({}, f"{statuses} ('postmenopausal')) as people(status_code)") == [(None,), (None,), (None,), ("severe",)]
    assert ask({}, "select e2_band('male', 3, status := 'unknown')") == [("severe",)]


def test_columns_named_like_those_inside_the_macro_are_the_callers(ask):
    own = "select count(*), count_if(e2_band(sex_code, from_pg_ml, status := status_code) = band_code) from ref.e2_band"
    assert ask({}, own) == [(10, 10)]
    assert ask({}, "select max(e2_band(sex_code, below_pg_ml)) from ref.e2_band where band_code = 'low'") == [
        ("target",)
    ]


@pytest.mark.parametrize(
    ("dose", "band"),
    [
        *(
            ("null", None),
            ("-1", None),
            ("0", "none"),
            ("0.25", "up to 1"),
            ("1", "up to 1"),
            ("1.01", "over 1 up to 2"),
        ),
        *(("3.5", "over 2 up to 3.5"), ("7", "over 3.5"), ("'nan'::double", None)),
    ],
)
def test_band_of_a_dose(ask, dose, band):
    assert ask({}, f"select dose_band({dose})") == [(band,)]


def test_edges_of_doses_are_the_callers(ask):
    assert ask({}, "select dose_band(5, edges := [17.5]), dose_band(18, edges := [17.5])") == [
        ("up to 17.5", "over 17.5")
    ]
    assert ask({}, "select dose_band(5, edges := [6, 3])") == [("over 3 up to 6",)]


PAIR = (
    "person_id | site_code | side_code | device_id | scan_id | first_scanned_on | second_scanned_on | interval_days"
    " | annualised_pct"
)
USE = "person_id | ingredient | interval_number | starts_on | ends_on | dose_mg_per_week"


def pairs(people, change, site="total_hip", scan="one"):
    """A pair of scans, 365 days apart, for each person."""
    return [f"{p} | {site} | left | d | {scan} | 2020-01-01 | 2020-12-31 | 365 | {change}" for p in people]


def asked_of(ask, scans, uses, query, sexes=None):
    people = sorted({int(line.split("|")[0]) for line in scans})
    return ask(
        {
            **MIN_CELL,
            "staging.person": "\n".join(
                ["person_id | sex_code", *(f"{p} | {(sexes or {}).get(p, 'male')}" for p in people)]
            ),
            "features.bmd_change": "\n".join([PAIR, *scans]),
            "features.ai_exposure": "\n".join([USE, *uses]),
        },
        query,
    )


ALL_YEAR = "2020-01-01 | 2020-12-31"
BONE = "select sex_code, dose_band, n_people, n_pairs, mean_dose_mg_per_week, mean_change_pct_per_year, is_suppressed from "


def test_bone_by_dose(ask):
    never, full, few, half = range(12), range(20, 31), range(40, 50), range(60, 71)
    scans = [
        *pairs(never, -1),
        *pairs(full, -3),
        *pairs(few, -9),
        *pairs(half, -2),
        *pairs(range(80, 92), -50, site="lumbar_spine"),
    ]
    uses = [
        *(f"{p} | anastrozole | 1 | {ALL_YEAR} | 7" for p in full),
        *(f"{p} | anastrozole | 1 | {ALL_YEAR} | 2" for p in few),
        # 73 of 365 days before the later scan, then stock ends: a fifth of 3.5 mg.
        *(f"{p} | anastrozole | 1 | 2019-06-01 | 2020-03-13 | 3.5" for p in half),
    ]
    found = asked_of(ask, scans, uses, BONE + "bmd_change_by_dose('total_hip')")
    assert [row[1] for row in found] == ["none", "up to 1", "over 1 up to 2", "over 3.5"]
    assert found[0] == ("male", "none", 12, 12, 0, -1, False)
    assert found[1][:4] == ("male", "up to 1", 11, 11)
    assert found[1][4:6] == pytest.approx((3.5 * 73 / 365, -2))
    assert found[2] == ("male", "over 1 up to 2", None, None, None, None, True), "ten people are not told"
    assert found[3] == ("male", "over 3.5", 11, 11, 7, -3, False)


def test_bone_with_another_inhibitor_or_an_unknown_dose(ask):
    scans = [*pairs(range(11), -1), *pairs(range(20, 31), -5), *pairs(range(40, 51), -7)]
    uses = [
        *(f"{p} | letrozole | 1 | {ALL_YEAR} | 17.5" for p in range(20, 31)),
        *(f"{p} | anastrozole | 1 | {ALL_YEAR} |" for p in range(40, 51)),
        # Use that ended before the first scan is no use between them.
        *(f"{p} | letrozole | 1 | 2018-01-01 | 2019-12-31 | 17.5" for p in range(11)),
    ]
    found = asked_of(ask, scans, uses, BONE + "bmd_change_by_dose('total_hip')")
    assert found == [("male", "none", 11, 11, 0, -1, False), ("male", "not known", 11, 11, None, -7, False)]
    other = asked_of(ask, scans, uses, BONE + "bmd_change_by_dose('total_hip', drug := 'letrozole', edges := [17.5])")
    assert [row[1:3] for row in other] == [("none", 11), ("up to 17.5", 11)]


def test_each_person_counts_once_a_band_and_by_the_time_between_scans(ask):
    scans = pairs(range(11), -1)
    scans += [f"{p} | total_hip | left | d | two | 2020-12-31 | 2022-12-31 | 730 | -4" for p in range(11)]
    sexes = dict.fromkeys(range(11), "female")
    found = asked_of(ask, scans, [], BONE + "bmd_change_by_dose('total_hip')", sexes)
    assert found == [("female", "none", 11, 22, 0, pytest.approx(-3), False)]


DRAW = (
    "person_id | specimen_id | assay_class | ingredient | drawn_on | dose_mg_per_week | at_steady_state | comparison_code"
    " | remaining_lo_pct | remaining_hi_pct | remaining_predicted_pct"
)


def test_estradiol_by_dose_keeps_both_bounds(ask):
    def draw(person, low, high, day=dt.date(2020, 5, 1), steady="true", dose="7"):
        return f"{person} | {day} | lc_ms_ms | anastrozole | {day} | {dose} | {steady} | e2 | {low} | {high} | 15"

    drawn = [
        *(draw(p, 0, 20) for p in range(7)),
        *(draw(p, 10, 10) for p in range(7, 13)),
        draw(1, 90, 90, day=dt.date(2020, 4, 1)),
        draw(2, 90, 90, steady="false", day=dt.date(2020, 6, 1)),
        draw(3, "", "", day=dt.date(2020, 7, 1)),
        *(draw(p, 30, "", dose="1") for p in range(20, 31)),
        *(draw(p, 50, 50, dose="0.5") for p in range(40, 50)),
    ]
    tables = {**MIN_CELL, "features.ai_at_draw": "\n".join([DRAW, *drawn])}
    query = "select dose_band, n_people, median_remaining_from_pct, median_remaining_to_pct, median_predicted_pct, is_suppressed"
    found = ask(tables, f"{query} from e2_change_by_dose()")
    assert [row[0] for row in found] == ["up to 1", "over 3.5"]
    assert found[0] == ("up to 1", 21, 30, None, 15, False), "no upper bound of the median where most have none"
    assert found[1] == ("over 3.5", 13, 0, 20, 15, False), "the latest steady draw of each, evaluable ones alone"
    hidden = ask(tables, f"{query} from e2_change_by_dose(edges := [0.5, 1])")
    assert hidden[0] == ("up to 0.5", None, None, None, None, True)
    assert not math.isnan(hidden[1][2])
