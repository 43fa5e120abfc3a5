"""Weights of periods by hand: who stays stands for who is lost, from the end of the half-year on; clones, edges, nobody."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.models.arm_risk import risk_contrasts, risk_ratios
from pipelines.models.clone_frame import CloneFrame, grace_course
from pipelines.models.clone_weighting import NOTHING, Decision
from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.errors import NotEstimable
from pipelines.models.point_treatment import prepare
from pipelines.models.risk_contrast import (
    ArmSizes,
    PreparedRisk,
    alikeness_of,
    cloned,
    detectable_ratio,
    is_reached,
    rows_of,
    sizes,
)
from pipelines.models.risk_frame import EventCourse, RiskFrame
from pipelines.models.risk_weighting import LOSS_DAYS, pair_periods, weighted_rows

N = 400


def pair(treated: np.ndarray, x: np.ndarray | None = None) -> ContrastFrame:
    n = treated.size
    none = np.zeros(n, dtype=bool)
    covariates = pl.DataFrame({"x": np.tile([0.0, 1.0], n // 2) if x is None else x})
    return ContrastFrame(np.arange(n), treated, covariates, np.full(n, np.nan), (), none, none, "risk", float("nan"))


def course(followed: np.ndarray, event: np.ndarray | None = None, exit_: np.ndarray | None = None) -> EventCourse:
    n = followed.size
    happened = np.zeros(n, dtype=np.int64) if event is None else event
    leave = followed if exit_ is None else exit_
    return EventCourse(np.ones(n, bool), leave, happened, followed, np.zeros(n, bool), leave, happened)


def halves() -> np.ndarray:
    """Arms that x does not tell: half of either x in either arm."""
    return np.tile([True, True, False, False], N // 4)


def test_who_stays_stands_for_who_is_lost_from_the_end_of_the_half_year_on() -> None:
    followed = np.full(N, 730.0)
    lost = np.arange(N) % 20 < 4  # a fifth of either arm and either x
    followed[lost] = 100.0
    found = pair_periods(prepare(pair(halves())), course(followed), 730.0, penalty=1000.0)
    assert found.edges == pytest.approx([0, LOSS_DAYS, 2 * LOSS_DAYS, 3 * LOSS_DAYS, 730.0])
    arm = found.target
    stayed = arm.is_in & ~lost
    assert arm.weights[arm.is_in, 0] == pytest.approx(2.0, rel=1e-3)
    assert arm.weights[stayed, 1] == pytest.approx(2.0 / 0.8, rel=1e-3)
    assert (arm.weights[stayed, 1:] == arm.weights[stayed, 1:2]).all()
    assert not arm.weights[~arm.is_in].any()


def test_rows_end_where_follow_up_ends_and_whoever_is_not_at_risk_carries_corrections_alone() -> None:
    followed = np.full(N, 730.0)
    exit_ = followed.copy()
    exit_[0], event = 200.0, np.zeros(N, dtype=np.int64)
    event[0] = 1
    asked = course(followed, event, exit_)
    at_risk = np.ones(N, dtype=bool)
    at_risk[3] = False
    rows = weighted_rows(pair_periods(prepare(pair(halves())), asked, 730.0), replace(asked, is_at_risk=at_risk))
    own = rows.place == 0
    assert rows.rows.entry[own].tolist() == [0.0, LOSS_DAYS] and rows.rows.exit[own].tolist() == [LOSS_DAYS, 200.0]
    assert rows.rows.event[own].tolist() == [0, 1]
    assert rows.rows.weights[rows.place == 3].tolist() == [0.0]
    assert set(rows.place) == set(range(N))
    counted = sizes(rows, 365.0)
    assert counted.at_risk == (N // 2, N // 2 - 1) and counted.events == (1, 0)
    assert is_reached(rows, 730.0) and not is_reached(rows, 731.0)


def test_nobody_at_risk_in_an_arm_is_refused() -> None:
    treated, asked = halves(), course(np.full(N, 730.0))
    periods = pair_periods(prepare(pair(treated)), asked, 730.0)
    with pytest.raises(NotEstimable, match="at risk"):
        weighted_rows(periods, replace(asked, is_at_risk=treated))
    frame = pair(treated)
    shut = replace(asked, is_at_risk=treated)
    prepared = PreparedRisk(RiskFrame(frame, None, {"e": shut}), prepare(frame))
    with pytest.raises(NotEstimable, match="at risk"):
        alikeness_of(prepared, "e")
    with pytest.raises(NotEstimable, match="no follow-up"):
        rows_of(prepared, "another", periods)


@pytest.mark.parametrize(("horizon", "n_periods"), [(30.0, 1), (LOSS_DAYS, 1), (LOSS_DAYS * 1.4, 1), (365.0, 2)])
def test_the_last_period_takes_in_what_would_be_less_than_half_of_one(horizon: float, n_periods: int) -> None:
    found = pair_periods(prepare(pair(halves())), course(np.full(N, 730.0)), horizon)
    assert found.edges.size - 1 == n_periods and found.edges[-1] == horizon


def test_clones_of_who_began_stand_for_who_never_does() -> None:
    """Half begin, evenly over x: from the end of the grace period on each stands for two."""
    days = np.where(np.arange(N) % 4 < 2, 10.0, np.nan)
    followed = np.full(N, 730.0)
    rows = pl.DataFrame({"strategy_days": days, "followed_days": followed}).with_columns(
        pl.col("strategy_days").fill_nan(None)
    )
    rows = rows.with_columns(strategy_code=pl.when(pl.col("strategy_days").is_not_null()).then(pl.lit("begin")))
    given = grace_course(rows, {"begin": 0}, 183, 6)
    frame = pair(~np.isnan(days))
    clones = CloneFrame(frame, given, 0, NOTHING, days, 183)
    asked = course(followed)
    found = pair_periods(cloned(RiskFrame(frame, clones, {"e": asked}), 1000.0), asked, 730.0)
    begun = ~np.isnan(days)
    last = found.edges.size - 2
    assert found.target.weights[begun, last] == pytest.approx(2.0, rel=1e-3)
    assert (found.target.kept_until[~begun] == 183.5).all() and np.isinf(found.target.kept_until[begun]).all()
    assert (found.comparator.kept_until[begun] == 9.5).all() and np.isinf(found.comparator.kept_until[~begun]).all()
    # All who begin do so in the first interval: from its middle on those who do not stand for them.
    assert found.comparator.weights[~begun, 0] == pytest.approx(1.0)
    assert found.comparator.weights[~begun, 1] == pytest.approx(2.0, rel=1e-3)


def test_the_risk_of_one_arm_asks_nothing_of_the_models_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections of both arms together are the sum of each by itself, and of one alone only its own decisions are asked."""
    rng = np.random.default_rng(8)
    treated, x = rng.random(N) < 0.5, rng.normal(size=N)
    followed = np.minimum(np.ceil(rng.exponential(700, N)), 1500.0)
    weighted = pair_periods(prepare(pair(treated, x)), course(followed), 730.0)
    rows = weighted_rows(weighted, course(followed))
    gradient = rng.normal(size=rows.is_target.size)
    asked, ask = [], Decision.correction_by_row
    monkeypatch.setattr(Decision, "correction_by_row", lambda self, *given: asked.append(self) or ask(self, *given))
    of_target = rows.correction(np.where(rows.is_target, gradient, 0.0))
    assert asked and asked == list(weighted.target.decisions)
    of_comparator = rows.correction(np.where(rows.is_target, 0.0, gradient))
    assert asked == [*weighted.target.decisions, *weighted.comparator.decisions]
    assert rows.correction(gradient) == pytest.approx(of_target + of_comparator, rel=1e-9, abs=1e-12)
    assert np.abs(of_target).max() > 0 and np.abs(of_comparator).max() > 0


def test_ratios_alone_are_those_of_the_whole_contrast() -> None:
    rng = np.random.default_rng(5)
    treated, x = rng.random(N) < 0.5, rng.normal(size=N)
    time = np.ceil(rng.exponential(900, N))
    followed = np.minimum(np.ceil(rng.exponential(1500, N)), 1500.0)
    asked = course(followed, (time <= followed).astype(np.int64), np.minimum(time, followed))
    rows = weighted_rows(pair_periods(prepare(pair(treated, x)), asked, 730.0), asked)
    given = (rows.rows, rows.is_target, [365.0, 730.0], 1, rows.person_id, rows.correction)
    whole, alone = risk_contrasts(*given), risk_ratios(*given)
    for one, other in zip(whole, alone, strict=True):
        assert one.ratio is not None and other is not None
        assert other.estimate == pytest.approx(one.ratio.estimate)
        assert other.log_standard_error == pytest.approx(one.ratio.log_standard_error)
    nothing = replace(asked, event=np.zeros(N, dtype=np.int64))
    none = weighted_rows(pair_periods(prepare(pair(treated, x)), nothing, 730.0), nothing)
    assert risk_ratios(none.rows, none.is_target, [365.0]) == (None,)


def test_detectable_ratio_by_hand() -> None:
    """Schoenfeld: 7.849 = (log ratio)^2 x events x share x (1 - share) for 5 % two-sided and 80 % power."""
    even = ArmSizes((500, 500), (40, 60), (0, 0), (500, 500))
    assert detectable_ratio(even) == pytest.approx(np.exp(np.sqrt(7.8489 / (100 * 0.25))), rel=1e-4)
    assert detectable_ratio(replace(even, events=(0, 0))) is None
