"""What regimes of dosing beside testosterone would do to everybody: parametric g-formula (`g_formula`) by period.

A period begins with the action on a test: the dose answers the test before, estradiol answers the dose, outcomes answer both.
Not here: what a regime is (`dosing_rule`), who is in it (`regime_frame`), rows of tables (`regime_tables`).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from pipelines.domain.randomness import generator
from pipelines.models.censored import fit_censored
from pipelines.models.dosing_rule import N_LEVELS, STEP_MG, dose_levels, last_known, tested_before
from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import (
    GFormulaFit,
    Histories,
    History,
    Model,
    Panel,
    Rule,
    Step,
    fit_g_formula,
    fit_outcome,
    histories,
    natural_course,
    outcome_means,
)
from pipelines.models.inference import Z975, resampled_rows
from pipelines.models.marginal_structural import PENALTY
from pipelines.models.multinomial import MultinomialFit
from pipelines.models.regime_frame import RegimeFrame
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.steady_linear import Linear
from pipelines.models.truncated_normal import draw_between

#: classes of dose, in steps, whose chances the natural course models: none, to 1, to 2, to 3.5 mg a week, more
_CLASSES = np.array([1, 3, 5, 8])
#: people simulated at least, so that chance of the simulation adds little to that of the sample
_LEAST_SIMULATED = 10_000
WINDOW = "time_in_window_pct"


@dataclass(frozen=True, slots=True, eq=False)
class RegimeMeans:
    """Mean outcome under a regime in the population, and its replicates [b] over resamples of people (NaN: no estimate)."""

    mean: float
    replicates: np.ndarray


@dataclass(frozen=True, slots=True)
class RegimeContrast:
    """A regime less the reference: normal interval by the standard error over resamples of people."""

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Models of estradiol (`fit`) and of every outcome that has one, and the people they were fitted to at time zero."""

    fit: GFormulaFit
    models: Mapping[str, Model]
    outcomes: Mapping[str, Linear | MultinomialFit]
    baseline: Mapping[str, np.ndarray]

    def expected(self, lived: Histories) -> dict[str, np.ndarray]:
        """[m] by outcome: expected change of bone, chance of an event by the end, both in %."""
        return {
            name: outcome_means(self.models[name], own, lived)[:, -1] * (1.0 if isinstance(own, Linear) else 100.0)
            for name, own in self.outcomes.items()
        }


def completed(frame: RegimeFrame, seed: int, draw: int) -> np.ndarray:
    """[n, T] log estradiol with one proper draw for each censored test; NaN where none was made.

    Tobit regression on dose, estradiol at time zero and of the tests on either side, covariates, and the outcome where it was
    seen. One draw a resample of people, everything fitted anew, carries the imputation into the standard error (Schomaker and
    Heumann 2018).

    Raises:
        NotEstimable: censored tests and no fit to draw them from.
    """
    tested = frame.is_present & ~np.isnan(frame.e2_high)
    low, high = frame.e2_low[tested], frame.e2_high[tested]
    exact = low == high
    e2 = np.full(frame.e2_high.shape, np.nan)
    if exact.all():
        e2[tested] = high
        return e2
    person = np.nonzero(tested)[0]
    mg = np.nan_to_num(frame.mg_per_week)[tested]
    seen = np.isfinite(frame.change)
    x = np.column_stack([
        np.ones(person.size), mg > 0, np.log1p(mg), frame.e2_at_zero[person], _beside(frame)[tested],
        frame.design[person], seen[person], np.where(seen, frame.change, 0.0)[person],
    ]).astype(np.float64)  # fmt: skip
    x = x[:, np.r_[True, x[:, 1:].std(axis=0) > 0]]
    fit = fit_censored(x, low, high)
    mean, sigma = (x @ fit.coefficients)[~exact], np.exp(fit.log_sigma)
    # Open at both ends: a uniform of 0 or 1 would be an infinite draw.
    uniforms = np.clip(generator(seed, "censored estradiol of a regime", draw).random(mean.size), 1e-12, 1 - 1e-12)
    drawn = high.copy()
    drawn[~exact] = mean + sigma * draw_between((low[~exact] - mean) / sigma, (high[~exact] - mean) / sigma, uniforms)
    e2[tested] = drawn
    return e2


def _beside(frame: RegimeFrame) -> np.ndarray:
    """[n, T, 4] the test before and the test after each period as read, and whether either lay below its limit.

    Where none came after, the one before stands in for it.
    """
    read, below = frame.middle(), np.isneginf(frame.e2_low)
    known = ~np.isnan(frame.e2_high)
    n, n_periods = read.shape
    found = np.empty((n, n_periods, 4))
    value, censored = frame.e2_at_zero, np.zeros(n, dtype=bool)
    for period in range(n_periods):
        found[:, period, 0], found[:, period, 1] = value, censored
        value = np.where(known[:, period], read[:, period], value)
        censored = np.where(known[:, period], below[:, period], censored)
    after, was_below, has_after = np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for period in range(n_periods - 1, -1, -1):
        found[:, period, 2] = np.where(has_after, after, found[:, period, 0])
        found[:, period, 3] = np.where(has_after, was_below, found[:, period, 1])
        after = np.where(known[:, period], read[:, period], after)
        was_below = np.where(known[:, period], below[:, period], was_below)
        has_after |= known[:, period]
    return found


def regime_means(
    frame: RegimeFrame,
    regimes: Mapping[str, Callable[[int], Rule]],
    window: tuple[float, float],
    seed: int,
    n_resamples: int,
) -> dict[tuple[str, str], RegimeMeans]:
    """Mean of every outcome under every regime: change in % at the horizon, risks by it in %, share of tests in the window in %.

    By name of the regime, for a stratum `within` it, and outcome; a resample with nobody of a stratum has no estimate there.

    Args:
        frame: who is in it.
        regimes: name to the rule of a resample (0: all people); one with a change-point has another in each.
        window: pg/mL, from the first to below the second.
        seed: of resamples and histories.
        n_resamples: at least 2.

    Raises:
        NotEstimable: estradiol cannot be modelled in the whole frame, or in more than a tenth of resamples.
    """
    person = np.arange(frame.n)
    whole = _means(frame, regimes, window, seed, 0)
    again: list[dict[tuple[str, str], float]] = []
    for draw in range(1, n_resamples + 1):
        try:
            again.append(_means(frame.taken(resampled_rows(person, seed, draw)), regimes, window, seed, draw))
        except NotEstimable:
            again.append({})  # a place is kept: other estimators are compared resample by resample
    n_failed = sum(not each for each in again)
    if n_failed > n_resamples / 10:
        raise NotEstimable(f"{n_failed} of {n_resamples} resamples of people had no estimate")
    return {key: RegimeMeans(mean, np.array([each.get(key, np.nan) for each in again])) for key, mean in whole.items()}


def contrast(target: RegimeMeans, reference: RegimeMeans) -> RegimeContrast:
    """A regime less the reference.

    Raises:
        NotEstimable: more than a tenth of the resamples had no estimate.
    """
    gaps = target.replicates - reference.replicates
    known = gaps[np.isfinite(gaps)]
    if known.size < max(2, 0.9 * gaps.size):
        raise NotEstimable(f"{gaps.size - known.size} of {gaps.size} resamples of people had no estimate")
    estimate, error = target.mean - reference.mean, float(known.std(ddof=1))
    p_value = float(2 * ndtr(-abs(estimate) / error)) if error > 0 else float("nan")
    return RegimeContrast(estimate, error, estimate - Z975 * error, estimate + Z975 * error, p_value)


def largest_natural_gap(frame: RegimeFrame, seed: int) -> float:
    """Largest gap between simulated and observed mean of estradiol, or share of a class of dose, in any period, in SDs.

    In the natural course estradiol, dose and covariates tell whether a dose rises, falls or stays; how far it moves, given its
    direction and the class before, is drawn from what was seen.

    Raises:
        NotEstimable: a model cannot be fitted.
    """
    here = frame.is_present
    group = np.searchsorted(_CLASSES, dose_levels(frame), side="right")
    n_groups = _CLASSES.size + 1
    seen = [group[here & (group == each)].size for each in range(n_groups)]
    if seen[0] == 0 or not any(seen[1:]):
        raise NotEstimable("nobody goes without an inhibitor, or everybody does")
    amounts = np.array([
        STEP_MG * dose_levels(frame)[here & (group == each)].mean() if seen[each] else 0.0 for each in range(n_groups)
    ])  # fmt: skip
    before = np.column_stack([np.zeros(frame.n, dtype=group.dtype), group[:, :-1]])
    move = np.where(group > before, 1, np.where(group < before, 2, 0))
    natural = _Terms(frame, amounts)
    panel = natural.panel(group, completed(frame, seed, 0), frame.outcome(frame.names[0]))
    panel = replace(panel, series={"move": move.astype(np.float64), **panel.series})
    n_moves = 3 if np.any(move[here] == 2) else 2
    steps = (
        Step("move", "categorical", natural.move, n_moves),
        Step("dose", "categorical", natural.move, n_groups),
        Step("e2", "normal", natural.estradiol, fits=tested_before, is_steady=True),
    )
    model = Model(steps, "dose", "mean", natural.move, PENALTY)
    fit = fit_g_formula(panel, model, with_treatment=False, with_outcome=False)
    course = _as_seen(before[here], move[here], group[here], seed)
    gaps = natural_course(fit, panel, seed, _copies(frame), course)
    return max(abs(gap.standardised_gap) for gap in gaps if np.isfinite(gap.standardised_gap))


def _as_seen(before: np.ndarray, move: np.ndarray, group: np.ndarray, seed: int) -> Rule:
    """The class of dose after a move, drawn from those that were seen after this move from the class before."""
    seen = {
        (int(b), int(m)): np.sort(group[(before == b) & (move == m)]) for b, m in set(zip(before, move, strict=True))
    }

    def rule(history: History) -> np.ndarray:
        was, moved = history.before("dose", 0.0).astype(np.int64), history.now("move").astype(np.int64)
        uniforms = generator(seed, "class of dose in the natural course", history.period).random(was.size)
        now = was.astype(np.float64)
        for (b, m), classes in seen.items():
            rows = (was == b) & (moved == m)
            now[rows] = classes[(uniforms[rows] * classes.size).astype(np.int64)]
        return now

    return rule


@dataclass(frozen=True, eq=False)
class _Terms:
    """Terms of every model, for doses in categories of `amounts` mg a week."""

    frame: RegimeFrame
    amounts: np.ndarray

    @cached_property
    def knots(self) -> np.ndarray:
        """Of log estradiol: 10th, 50th and 90th percentile of the tests, which the outcome does not tell."""
        return np.quantile(self.frame.middle()[self.frame.is_present & ~np.isnan(self.frame.e2_high)], [0.1, 0.5, 0.9])

    def panel(self, dose: np.ndarray, e2: np.ndarray, outcome: tuple[np.ndarray, np.ndarray]) -> Panel:
        frame = self.frame
        baseline = {"e2": frame.e2_at_zero} | {f"x{number}": column for number, column in enumerate(frame.design.T)}
        series = {"dose": dose.astype(np.float64), "e2": e2}
        return Panel(baseline, series, frame.is_present, *outcome, np.arange(frame.n))

    def model(self, kind: str) -> Model:
        steps = (
            Step("dose", "categorical", self.move, self.amounts.size),
            Step("e2", "normal", self.estradiol, fits=tested_before, is_steady=True),
        )
        if kind == "mean":
            return Model(steps, "dose", "mean", self._bone(), PENALTY)
        return Model(steps, "dose", "hazard", self.event, PENALTY, tested_before)

    def covariates(self, history: History) -> np.ndarray:
        columns = (history.baseline[f"x{number}"] for number in range(self.frame.design.shape[1]))
        return np.column_stack([history.baseline["e2"], *columns])

    def _last(self, history: History) -> np.ndarray:
        """The last test; an older one than that of the period before tells less, and has a slope of its own."""
        last = last_known(history)
        if not self.has_missed:
            return last[:, None]
        is_old = ~tested_before(history)
        return np.column_stack([last, is_old, is_old * last])

    @cached_property
    def has_missed(self) -> bool:
        """Whether anybody present made no test in some period but the last."""
        here = self.frame.is_present[:, 1:]
        return bool(np.any(here & np.isnan(self.frame.e2_high[:, :-1])))

    def _mg(self, category: np.ndarray) -> np.ndarray:
        return self.amounts[category.astype(np.int64)]

    def _taken(self, mg: np.ndarray) -> np.ndarray:
        return np.column_stack([mg > 0, np.log1p(mg)])

    def move(self, history: History) -> np.ndarray:
        before = self._mg(history.before("dose", 0.0))
        is_first = np.full(history.baseline["e2"].size, float(history.period == 0))
        return np.column_stack([self._taken(before), self._last(history), is_first, self.covariates(history)])

    def estradiol(self, history: History) -> np.ndarray:
        now, before = self._mg(history.now("dose")), self._mg(history.before("dose", 0.0))
        return np.column_stack([self._taken(now), self._taken(before), last_known(history), self.covariates(history)])

    def event(self, history: History) -> np.ndarray:
        mg = self._mg(history.now("dose"))
        return np.column_stack([self._taken(mg), last_known(history), self.covariates(history)])

    def _bone(self) -> Callable[[History], np.ndarray]:
        knots, n_periods = self.knots, self.frame.n_before_scan

        def terms(history: History) -> np.ndarray:
            e2, mean_e2, mean_dose = history.baseline["e2"], 0.0, 0.0
            for period in range(n_periods):
                own = history.series["e2"][:, period]
                e2 = np.where(np.isfinite(own), own, e2)
                mean_e2 = mean_e2 + restricted_cubic_spline(e2, knots) / n_periods
                mean_dose = mean_dose + self._taken(self._mg(history.series["dose"][:, period])) / n_periods
            return np.column_stack([mean_e2, mean_dose, self.covariates(history)])

        return terms


def fitted(frame: RegimeFrame, seed: int, draw: int) -> Fitted:
    """Every model but that of treatment, on people or a resample of them (`draw`).

    Raises:
        NotEstimable: estradiol cannot be modelled. An outcome seen too rarely is left out, the others are not.
    """
    terms = _Terms(frame, STEP_MG * np.arange(N_LEVELS))
    dose, e2 = dose_levels(frame), completed(frame, seed, draw)
    panels = {name: terms.panel(dose, e2, frame.outcome(name)) for name in frame.names}
    bone = frame.names[0]
    models = {name: terms.model("mean" if name == bone else "hazard") for name in frame.names}
    fit = fit_g_formula(panels[bone], models[bone], with_treatment=False, with_outcome=False)
    outcomes: dict[str, Linear | MultinomialFit] = {}
    for name in frame.names:
        with suppress(NotEstimable):
            outcomes[name] = fit_outcome(panels[name], models[name])
    return Fitted(fit, models, outcomes, panels[bone].baseline)


def _means(
    frame: RegimeFrame, regimes: Mapping[str, Callable[[int], Rule]], window: tuple[float, float], seed: int, draw: int
) -> dict[tuple[str, str], float]:
    models = fitted(frame, seed, draw)
    copies = _copies(frame)
    found: dict[tuple[str, str], float] = {}
    for name, rule in regimes.items():
        lived = histories(models.fit, models.baseline, rule(draw), seed + draw, copies)
        told = models.expected(lived) | {WINDOW: in_window(lived, window)}
        for group in ("", *frame.groups):
            rows = np.repeat(frame.inside(group), copies)
            if rows.any():
                found |= {(within(name, group), outcome): float(each[rows].mean()) for outcome, each in told.items()}
    return found


def _copies(frame: RegimeFrame) -> int:
    return -(-_LEAST_SIMULATED // frame.n)


def within(regime: str, group: str) -> str:
    """What a regime is called in a stratum; everybody, who has no name, is told by the regime alone."""
    return f"{regime}, {group}" if group else regime


def in_window(lived: Histories, window: tuple[float, float]) -> np.ndarray:
    """[m] share of each one's tests in the window, in %."""
    e2 = lived.series["e2"]
    return 100.0 * np.mean((e2 >= np.log(window[0])) & (e2 < np.log(window[1])), axis=1)
