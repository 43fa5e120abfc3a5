"""What leaves as results: closed gates stay empty, and no number of people tells few, not even by subtraction."""

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.models.survey_association import PRIMARY

Rows = list[dict[str, Any]]
Leaving = Callable[..., Rows]


def estimates(n: int, measured_only: int) -> Rows:
    common = {
        "study_id": "s",
        "contrast": "c",
        "outcome": "o",
        "population": "men",
        "gate_status": "open",
        "estimate": 0.1,
    }
    return [
        common | {"estimator": PRIMARY, "n_target": n},
        common | {"estimator": "lloq_over_sqrt2", "n_target": n},
        common | {"estimator": "measured_only", "n_target": measured_only},
    ]


@pytest.mark.parametrize(
    ("measured", "shown"), [(95, None), (90, None), (89, 89), (100, 100), (11, 11), (10, None)]
)  # fmt: skip
def test_sizes_of_two_estimators_tell_no_small_gap(leaving, measured, shown):
    rows = {
        row["estimator"]: row for row in leaving("effect_estimate", "models.effect_estimate", estimates(100, measured))
    }
    assert rows[PRIMARY]["n_target"] == rows["lloq_over_sqrt2"]["n_target"] == 100
    assert rows["measured_only"]["n_target"] == shown
    assert rows["measured_only"]["estimate"] == 0.1


def test_small_samples_do_not_leave(leaving):
    rows = leaving("effect_estimate", "models.effect_estimate", estimates(9, 4))
    assert [row["n_target"] for row in rows] == [None] * 3


def test_closed_gate_stays_empty(leaving):
    closed = {"study_id": "s", "contrast": "c", "outcome": "o", "population": "men", "estimator": PRIMARY}
    (row,) = leaving(
        "effect_estimate",
        "models.effect_estimate",
        [closed | {"gate_status": "closed", "gate_reason": "design_df fail"}],
    )
    told = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_effective", "calibrated_estimate")
    assert [row[name] for name in told] == [None] * len(told)
    assert (row["gate_status"], row["gate_reason"], row["run_id"]) == ("closed", "design_df fail", "run")


CONTRAST = {"study_id": "s", "contrast": "a vs b, 24 months", "outcome": "o", "population": "women"}


@pytest.mark.parametrize(("in_arm", "shown"), [(100, 100), (101, None), (110, None), (111, 100), (None, 100)])
def test_people_of_an_arm_without_an_outcome_are_not_told_by_subtraction(leaving, in_arm, shown):
    row = CONTRAST | {"estimator": "aipw", "gate_status": "open", "estimate": 1.0, "n_target": 100, "n_comparator": 90}
    counts = (
        [] if in_arm is None else [CONTRAST | {"diagnostic": "n_target", "value": in_arm, "status": "not_applicable"}]
    )
    (found,) = leaving("effect_estimate", "models.effect_estimate", [row], models__diagnostic=counts)
    assert (found["n_target"], found["n_comparator"], found["estimate"]) == (shown, 90, 1.0)


def test_a_sensitivity_analysis_of_nearly_the_same_people_tells_no_difference(leaving):
    common = CONTRAST | {"gate_status": "open", "n_comparator": 90}
    rows = leaving(
        "effect_estimate",
        "models.effect_estimate",
        [common | {"estimator": "aipw", "n_target": 100}, common | {"estimator": "matching", "n_target": 95}],
    )
    assert {row["estimator"]: row["n_target"] for row in rows} == {"aipw": 100, "matching": None}


@pytest.mark.parametrize(("events", "shown"), [(7, None), (11, 11), (50, 50), (95, None), (100, None), (0, None)])
def test_events_of_few_and_events_that_few_escaped_are_hidden(leaving, events, shown):
    row = CONTRAST | {"gate_status": "open", "estimator": "parametric_g_formula", "n_target": 100, "n_comparator": 5}
    (found,) = leaving(
        "effect_estimate", "models.effect_estimate", [row | {"events_target": events, "events_comparator": 3}]
    )
    assert (found["events_target"], found["events_comparator"]) == (shown, None)


@pytest.mark.parametrize("name", ["regime_followers", "events", "pairs_in_category", "effective_n"])
def test_few_people_behind_a_diagnostic_are_not_told(leaving, name):
    (few,) = leaving(
        "diagnostic", "models.diagnostic", [CONTRAST | {"diagnostic": name, "value": 3.0, "status": "fail"}]
    )
    assert (few["value"], few["is_suppressed"]) == (None, True)
    (many,) = leaving(
        "diagnostic", "models.diagnostic", [CONTRAST | {"diagnostic": name, "value": 248.0, "status": "pass"}]
    )
    assert (many["value"], many["is_suppressed"]) == (250.0, False)


def test_numbers_of_people_behind_a_contrast_stay_and_shares_are_rounded(leaving):
    values = {"n_target": 57.0, "equipoise": 0.5432, "outcomes_smaller_arm": 57.0, "propensity_auc": 0.71234}
    rows = leaving(
        "diagnostic",
        "models.diagnostic",
        [CONTRAST | {"diagnostic": name, "value": value, "status": "pass"} for name, value in values.items()],
    )
    found = {row["diagnostic"]: row["value"] for row in rows}
    assert found == pytest.approx({"equipoise": 0.55, "outcomes_smaller_arm": 60.0, "propensity_auc": 0.71})
    few = [CONTRAST | {"diagnostic": "outcomes_smaller_arm", "value": 7.0, "status": "fail"}]
    (hidden,) = leaving("diagnostic", "models.diagnostic", few)
    assert (hidden["value"], hidden["is_suppressed"], hidden["status"]) == (None, True, "fail")


@pytest.mark.parametrize(
    ("changed", "is_hidden"),
    [
        ({}, False),
        ({"mean_target": 0.05}, True),
        ({"mean_comparator": 0.95}, True),
        ({"mean_target": 0.05, "is_presence": False}, False),
        ({"mean_target": 0.0}, False),
        ({"n_known_target": 95}, True),
        ({"n_known_comparator": 4}, True),
    ],
)
def test_balance_of_few_people_is_hidden(leaving, changed, is_hidden):
    row = CONTRAST | {
        "covariate": "statin",
        "mean_target": 0.4,
        "mean_comparator": 0.5,
        "smd_before": -0.2034,
        "smd_after": 0.0149,
        "variance_ratio": 1.13,
        **{f"{part}_{arm}": 100 for part in ("n", "n_known") for arm in ("target", "comparator")},
        "is_presence": True,
    }
    (found,) = leaving("covariate_balance", "models.covariate_balance", [row | changed])
    assert found["is_suppressed"] == is_hidden
    shown = [found[name] for name in ("smd_before", "smd_after", "variance_ratio")]
    assert shown == ([None] * 3 if is_hidden else pytest.approx([-0.2, 0.01, 1.15]))


def diagnostics(leaving: Leaving, n: int, share: float) -> dict[str, dict]:
    common = {"study_id": "s", "contrast": "c", "outcome": "o", "population": "men", "rule": "r", "status": "pass"}
    values = {"unweighted_n": n, "kish_effective_n": n * 0.7, "censored_share": share, "relative_standard_error": 0.2}
    rows = leaving(
        "diagnostic", "models.diagnostic", [common | {"diagnostic": k, "value": v} for k, v in values.items()]
    )
    return {row["diagnostic"]: row for row in rows}


@pytest.mark.parametrize(
    ("share", "is_shown"),
    [(0.05, False), (0.10, False), (0.11, True), (0.5, True), (0.0, True), (0.89, True), (0.95, False), (1.0, True)],
)
def test_share_tells_no_small_group_nor_its_complement(leaving, share, is_shown):
    """Of 100 people."""
    row = diagnostics(leaving, 100, share)["censored_share"]
    assert (row["value"] is not None) == is_shown
    assert row["is_suppressed"] == (not is_shown)
    assert row["status"] == "pass"


def test_sizes_in_diagnostics(leaving):
    few, many = diagnostics(leaving, 10, 0.0), diagnostics(leaving, 100, 0.0)
    assert (few["unweighted_n"]["value"], few["kish_effective_n"]["value"]) == (None, None)
    assert (many["unweighted_n"]["value"], many["unweighted_n"]["is_suppressed"]) == (100, False)
    assert few["relative_standard_error"]["value"] == 0.2


@pytest.mark.parametrize(
    "table",
    [
        "effect_estimate",
        "covariate_balance",
        "diagnostic",
        "dose_response",
        "bone_prevalence",
        "attrition",
        "change_point",
        "table_one",
        "e2_distribution",
        "measurement_count",
        "sig_coverage",
    ],
)
def test_nothing_in_nothing_out(leaving, table):
    source = {
        "attrition": "cohort.attrition",
        "measurement_count": "cohort.measurement_count",
        "sig_coverage": "cohort.sig_count",
        "table_one": "models.baseline",
    }
    assert leaving(table, source.get(table, f"models.{table}"), []) == []
