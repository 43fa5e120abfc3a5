"""From follow-up to gate to risks: an open gate answers and is calibrated, a closed one has no number, controls come first."""

from functools import cache

import numpy as np
import polars as pl
import pytest

from pipelines.models import contrast_tables, control_tables, propensity_model, risk_tables
from pipelines.models.risk_family import HOLM, holm_rows
from pipelines.models.risk_interaction import ADDITIVE, MULTIPLICATIVE
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue
from pipelines.warehouse.step import read_csv

STUDY = "ai_cardiovascular"
FACTS = RunFacts("run", "omop", (STUDY,), "white_female", 11, "simulated")
NUMBERS = ("estimate", "ci_low", "ci_high", "se", "p_value", "calibrated_estimate", "e_value", "events_target")
MAIN = "aromatase_inhibitor vs tamoxifen, 60 months, cohort active_comparator"
#: log hazard ratio of inhibitor against tamoxifen: thromboembolism is the positive control
HEART, THROMBOSIS = 0.5, -0.9
_YEAR = 365.25


def person_rows(n: int, cohort: str, seed: int, first: int) -> tuple[pl.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    age, hidden = rng.normal(65, 8, n), rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(-0.4 * (age - 65) / 8 - 0.7 * hidden))
    follow = np.floor(np.minimum(rng.exponential(12 * _YEAR, n), 3652)).astype(np.int64)
    people = pl.DataFrame(
        {
            "study_id": STUDY,
            "person_id": np.arange(first, first + n),
            "trial_number": 1,
            "cohort_code": cohort,
            "arm_code": np.where(treated, "aromatase_inhibitor", "tamoxifen"),
            "strategy_code": pl.Series([None] * n, dtype=pl.String),
            "strategy_days": pl.Series([None] * n, dtype=pl.Int64),
            "followed_days": follow,
            "is_dead": rng.random(n) < 0.1,
            "age": age,
        }
    )
    return people, treated, hidden, age


def event_rows(people: pl.DataFrame, code: str, log_hazard: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    days = np.ceil(rng.exponential(size=people.height) / (np.exp(log_hazard) / _YEAR)).astype(np.int64)
    follow = people["followed_days"].to_numpy()
    happened = days <= follow
    return people.select("study_id", "person_id", "trial_number").with_columns(
        outcome_code=pl.lit(code),
        is_prevalent=pl.Series(rng.random(people.height) < 0.03),
        is_early_event=pl.lit(value=False),
        index_on=pl.date(2010, 1, 1),
        event_days=pl.when(pl.Series(happened)).then(pl.Series(days)),
        possible_event_on=pl.when(pl.Series(happened)).then(pl.date(2010, 1, 1) + pl.duration(days=pl.Series(days))),
        follow_up_days=people["followed_days"],
        end_reason=pl.when(people["is_dead"]).then(pl.lit("death")).otherwise(pl.lit("observation_ended")),
    )


@cache
def given(n: int = 1500, controls: int = 32, bias: float = 0.0, heart: float = HEART, thrombosis: float = THROMBOSIS):
    """Women with and without earlier disease; `bias` is how much a hidden trait moves every event, controls included."""
    codes = accepted()[:controls]
    parts, events = [], []
    for number, cohort in enumerate(("active_comparator", "active_comparator_history")):
        people, treated, hidden, age = person_rows(n, cohort, 3 + number, number * n)
        rng = np.random.default_rng(50 + number)
        base = np.log(0.05) + 0.03 * (age - 65) + bias * hidden
        effects = {"heart_failure": heart, "venous_thromboembolism": thrombosis} | dict.fromkeys(codes, 0.0)
        events += [event_rows(people, code, base + effect * treated, rng) for code, effect in effects.items()]
        parts.append(people)
    people = pl.concat(parts)
    days = pl.duration(days=pl.col("followed_days"))
    trial = people.select(
        *("study_id", "person_id", "trial_number", "cohort_code", "arm_code", "strategy_code"),
        index_on=pl.date(2010, 1, 1),
        strategy_on=pl.lit(None, pl.Date),
        end_on=pl.date(2010, 1, 1) + days,
        end_reason=pl.when(pl.col("is_dead")).then(pl.lit("death")).otherwise(pl.lit("observation_ended")),
    )
    covariates = people.select("study_id", "person_id", "trial_number", value="age").with_columns(
        covariate_code=pl.lit("age_years")
    )
    tables = {
        "cohort.trial_person": trial.lazy(),
        "features.covariate": covariates.lazy(),
        "features.outcome_event": pl.concat(events).lazy(),
        **{name: listed(name) for name in ("ref.negative_control", "ref.continuous_outcome", "ref.phenotype")},
    }
    tables[propensity_model.TABLE] = propensity_model.propensity_model(tables, FACTS)
    return tables | {control_tables.TABLE: control_tables.negative_control(tables, FACTS)}


def listed(name: str) -> pl.LazyFrame:
    return read_csv(sql_root() / "ref" / f"{name.split('.')[1]}.csv", CONTRACTS[name])


def accepted() -> tuple[str, ...]:
    return control_tables.accepted({"ref.negative_control": listed("ref.negative_control")})


def found(tables):
    judged = risk_tables.diagnostics(tables, FACTS)
    estimates = risk_tables.effect_estimates(tables | {"models.diagnostic": judged}, FACTS)
    return judged.collect(), estimates.collect()


@pytest.fixture(scope="module")
def unbiased():
    return found(given())


def of(frame: pl.DataFrame, words: str = MAIN, outcome: str = "heart_failure") -> pl.DataFrame:
    return frame.filter((pl.col("contrast") == words) & (pl.col("outcome") == outcome))


def test_an_open_gate_answers_and_the_truth_lies_within(unbiased) -> None:
    judged, estimates = unbiased
    assert of(judged).filter(~pl.col("status").is_in(["pass", "not_applicable"])).is_empty(), of(judged)
    rows = {row["estimator"]: row for row in of(estimates).iter_rows(named=True)}
    assert set(rows) == {
        *("risk_difference", "days_lost", "log_risk_ratio", "log_hazard_ratio"),
        "log_risk_ratio_without_false",
    }
    assert abs(rows["log_risk_ratio_without_false"]["estimate"]) > abs(rows["log_risk_ratio"]["estimate"])
    hazard = rows["log_hazard_ratio"]
    assert hazard["ci_low"] < HEART < hazard["ci_high"]
    ratio = rows["log_risk_ratio"]
    assert (
        ratio["ci_low"] > 0 and ratio["calibrated_ci_low"] < ratio["calibrated_estimate"] < ratio["calibrated_ci_high"]
    )
    assert ratio["calibrated_ci_high"] - ratio["calibrated_ci_low"] > ratio["ci_high"] - ratio["ci_low"]
    assert ratio["e_value"] > ratio["e_value_limit"] > 1 and ratio["horizon_months"] == 60
    assert rows["risk_difference"]["calibrated_estimate"] is None and ratio["events_target"] < ratio["n_target"]
    for name, frame in (("models.diagnostic", judged), ("models.effect_estimate", estimates)):
        CONTRACTS[name].schema.validate(frame, cast=True)


def test_outcomes_of_one_comparison_are_a_family_without_the_positive_control(unbiased) -> None:
    _, estimates = unbiased
    holm = estimates.filter(estimator=HOLM)
    assert "venous_thromboembolism" not in set(holm["outcome"])
    many = [dict(of(estimates).filter(estimator="log_risk_ratio").row(0, named=True), outcome=str(k)) for k in range(3)]
    for row, p in zip(many, (0.01, 0.03, 0.04), strict=True):
        row["p_value"] = p
    rows = holm_rows([catalogue()[STUDY]], many)
    assert [row["p_value"] for row in rows] == pytest.approx([0.03, 0.06, 0.06])
    widths = [(row["ci_high"] - row["ci_low"]) / (2 * row["se"]) for row in rows]
    # Levels 0.05/3, then that at which the second one is not rejected, 0.05/2, for all that follow.
    assert widths == pytest.approx([2.3940, 2.2414, 2.2414], abs=1e-3)
    assert all(row.get("calibrated_estimate") is None and row.get("e_value") is None for row in rows)


def test_the_same_weights_serve_arms_of_both_tables(unbiased) -> None:
    tables = given(800, controls=0)
    balance = contrast_tables.covariate_balance(tables, FACTS).collect()
    scores = contrast_tables.propensity_score(tables, FACTS).collect()
    pair = "aromatase_inhibitor vs tamoxifen, cohort active_comparator"
    assert set(balance["outcome"]) == {"any"} and pair in set(balance["contrast"])
    assert scores.filter(pl.col("contrast") == pair)["n"].sum() == 800


def test_hidden_confounding_shows_in_the_controls_and_calibration_takes_it_off() -> None:
    tables = given(bias=0.6, heart=0.0)
    controls = tables[control_tables.TABLE].collect().filter(pl.col("contrast") == MAIN)
    assert controls["estimate"].mean() > 0.15
    share = [
        controls.filter((pl.col(f"{prefix}ci_low") <= 0) & (pl.col(f"{prefix}ci_high") >= 0)).height / 32
        for prefix in ("", "calibrated_")
    ]
    assert share[0] < 0.8 < 0.87 <= share[1]
    CONTRACTS[control_tables.TABLE].schema.validate(controls, cast=True)
    judged = risk_tables.diagnostics(tables, FACTS).collect()
    ease = of(judged).filter(pl.col("diagnostic") == "ease")
    assert ease["value"][0] > 0.25 and ease["status"][0] == "fail"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"controls": 29}, "ease not_evaluated"),
        ({"controls": 0}, "negative_controls fail"),
        ({"thrombosis": 0.4}, "positive_control fail"),
    ],
)
def test_without_controls_or_against_the_positive_one_the_gate_is_shut(how, reason) -> None:
    _, estimates = found(given(**how))
    (row,) = of(estimates).to_dicts()
    assert row["gate_status"] == "closed" and reason in row["gate_reason"]
    assert [row[name] for name in NUMBERS] == [None] * len(NUMBERS)


def test_a_horizon_that_nobody_reaches_leaves_the_others_their_estimate(unbiased) -> None:
    """Events and deaths may be known of many, and still nobody be followed so far: that question alone is not estimable."""
    judged, _ = unbiased
    tables = given()
    short = pl.col("follow_up_days").clip(upper_bound=3000)
    cut = tables["features.outcome_event"].with_columns(
        follow_up_days=short, event_days=pl.when(pl.col("event_days") <= short).then("event_days")
    )
    wide_open = judged.with_columns(status=pl.lit("pass")).lazy()
    told = risk_tables.effect_estimates(
        tables | {"features.outcome_event": cut, "models.diagnostic": wide_open}, FACTS
    ).collect()
    (far,) = of(told, MAIN.replace("60", "120")).to_dicts()
    assert far["gate_status"] == "closed" and far["gate_reason"].startswith("not estimable")
    assert of(told).filter(estimator="risk_difference")["estimate"][0] is not None


def test_a_positive_control_behind_a_shut_gate_tells_no_number() -> None:
    judged = risk_tables.diagnostics(given(controls=29), FACTS).collect()
    known = of(judged).filter(pl.col("diagnostic") == "positive_control")
    assert known["status"][0] == "not_evaluated" and known["value"][0] is None


def test_an_outcome_without_follow_up_is_not_evaluated(unbiased) -> None:
    judged, estimates = unbiased
    absent = of(judged, outcome="ischaemic_stroke")
    assert "not_evaluated" in set(absent["status"]) and set(
        of(estimates, outcome="ischaemic_stroke")["gate_status"]
    ) == {"closed"}


def test_effects_of_two_cohorts_differ_by_the_difference_of_their_estimates(unbiased) -> None:
    _, estimates = unbiased
    words = MAIN.replace("cohort active_comparator", "cohort active_comparator_history less active_comparator")
    rows = {row["estimator"]: row for row in of(estimates, words).iter_rows(named=True)}
    assert set(rows) == {ADDITIVE, MULTIPLICATIVE}
    history = MAIN.replace("active_comparator", "active_comparator_history")
    for name, parent in ((ADDITIVE, "risk_difference"), (MULTIPLICATIVE, "log_risk_ratio")):
        one, other = (of(estimates, each).filter(estimator=parent).row(0, named=True) for each in (history, MAIN))
        assert rows[name]["estimate"] == pytest.approx(one["estimate"] - other["estimate"])
        assert rows[name]["se"] == pytest.approx(np.hypot(one["se"], other["se"]))


def test_an_interaction_is_shut_where_one_gate_is_or_where_people_are_in_both() -> None:
    tables = given()
    trial = tables["cohort.trial_person"].collect()
    same = trial.with_columns(pl.col("person_id") % 1500)
    shared = tables | {"cohort.trial_person": same.lazy()}
    judged = risk_tables.diagnostics(shared, FACTS).collect()
    words = MAIN.replace("cohort active_comparator", "cohort active_comparator_history less active_comparator")
    told = of(judged, words)
    assert told.filter(diagnostic="shared_share")["status"][0] == "fail"


def test_diagnostics_do_not_change_with_the_effect_on_the_outcome(unbiased) -> None:
    """Only how many events there are in all may be known before the gate opens."""
    tables, (before, _) = given(), unbiased
    swapped = tables["features.outcome_event"].with_columns(
        event_days=pl.when((pl.col("outcome_code") == "heart_failure") & (pl.col("event_days") > 1))
        .then(pl.col("event_days") - 1)
        .otherwise("event_days")
    )
    after = risk_tables.diagnostics(tables | {"features.outcome_event": swapped.lazy()}, FACTS).collect()
    assert of(before).drop("value").equals(of(after).drop("value"))


def test_every_question_of_every_study_has_a_gate(unbiased) -> None:
    judged, estimates = unbiased
    asked = [(q.words, q.outcome) for risk in catalogue()[STUDY].risk for q in risk.questions]
    for frame in (judged, estimates):
        assert set(asked) <= set(frame.select("contrast", "outcome").iter_rows())


def test_few_events_in_an_arm_shut_the_gate_without_their_number_and_no_waiver_helps(unbiased) -> None:
    judged, _ = unbiased
    told = judged.filter(pl.col("diagnostic") == "events_in_each_arm")
    assert set(told["value"].drop_nulls()) == {1.0}
    few = told.filter(pl.col("value").is_null())
    assert few.height and set(few["status"]) == {"not_evaluated"}
