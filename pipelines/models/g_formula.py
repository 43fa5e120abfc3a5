"""Parametric g-formula: what would have happened under a rule of treatment, by simulating histories period by period.

Every variable of a period has a model given the history so far; treatment follows its own model (natural course) or a rule,
which may look at the history (titrate, stop). The outcome is a mean at the end or a chance of an event in each period. Not
here: which rules are asked for, and what a variable means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.domain.randomness import generator
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Bootstrap, person_bootstrap
from pipelines.models.multinomial import MultinomialFit, fit_multinomial
from pipelines.models.steady_linear import Linear, fit_linear, fit_ridge

Kind = Literal["normal", "categorical"]
#: share of the penalty that a mean bears: enough for terms that nobody has, too little to move a curve
_OF_MEANS = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What is known of people [n] at one moment of a period: baseline values, and series [n, T] up to here.

    Entries of later periods, and of variables later in the order of this period, must not be read; in simulations they are
    NaN, so that reading them is an error and not a leak.
    """

    baseline: Mapping[str, np.ndarray]
    series: Mapping[str, np.ndarray]
    period: int

    def now(self, name: str) -> np.ndarray:
        """[n] value of this period."""
        return self.series[name][:, self.period]

    def before(self, name: str, start: np.ndarray | float, lag: int = 1) -> np.ndarray:
        """[n] value `lag` periods ago, `start` before the first period."""
        if self.period >= lag:
            return self.series[name][:, self.period - lag]
        n = next(iter(self.series.values())).shape[0]
        return np.broadcast_to(np.asarray(start, dtype=np.float64), (n,))

    def up_to_now(self, name: str) -> np.ndarray:
        """[n, period + 1] values to this period."""
        return self.series[name][:, : self.period + 1]


Terms = Callable[[History], np.ndarray]
#: the category of treatment of everybody [n] from their history
Rule = Callable[[History], np.ndarray]


@dataclass(frozen=True, slots=True)
class Step:
    """A variable drawn in every period: its name, kind, and the terms [n, p] (no intercept) of its pooled model.

    A categorical variable holds integers 0 to `n_categories` - 1. A normal one is linear with one residual SD. `fits` tells
    which people [n] of a period fit its model, where not all that are known do: those whose history lacks what a rule will know.
    `is_steady`: what sets a person apart, given the terms, stays (a normal level of their own): who is high stays high, whatever
    one reading said.
    """

    name: str
    kind: Kind
    terms: Terms
    n_categories: int = 2
    fits: Callable[[History], np.ndarray] | None = None
    is_steady: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """Steps in the order in which they happen in a period, which of them is treatment, and the outcome's terms.

    outcome `mean`: a linear model of the outcome at the end, terms of the whole history; `hazard`: a pooled logistic model
    of the event in a period, terms of the history through that period, fitted to those of whom `outcome_fits` (as `fits` of a
    step). `penalty` is the ridge of logistic models (`multinomial`), for histories so rare that they would separate; a mean bears
    a thousandth of it, for covariates that nobody of those seen has.
    """

    steps: tuple[Step, ...]
    treatment: str
    outcome: Literal["mean", "hazard"]
    outcome_terms: Terms
    penalty: float = 0.0
    outcome_fits: Callable[[History], np.ndarray] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """People [n] in periods [T].

    Attributes:
        baseline: name to [n].
        series: name to [n, T]; not read where not present. NaN: not known, so that this row does not fit this variable
            (a person who leaves within the period).
        is_present: [n, T] in the period: alive, followed. Once false, false for good.
        outcome: [n] at the end (mean), or [n, T] 0 or 1, event in the period (hazard); not read where not seen.
        is_seen: of the outcome's shape.
        person_id: [n] integers.
    """

    baseline: Mapping[str, np.ndarray]
    series: Mapping[str, np.ndarray]
    is_present: np.ndarray
    outcome: np.ndarray
    is_seen: np.ndarray
    person_id: np.ndarray

    def taken(self, rows: np.ndarray) -> "Panel":
        """People by row number, with repeats."""
        return Panel(
            {name: values[rows] for name, values in self.baseline.items()},
            {name: values[rows] for name, values in self.series.items()},
            *(part[rows] for part in (self.is_present, self.outcome, self.is_seen, self.person_id)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class GFormulaFit:
    """All models, fitted: of each step in order, and of the outcome; None: treatment or outcome was left out."""

    model: Model
    steps: tuple[Linear | MultinomialFit | None, ...]
    outcome: Linear | MultinomialFit | None
    n_periods: int


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Simulated people [m]: `baseline` name to [m], `series` name to [m, T]."""

    baseline: Mapping[str, np.ndarray]
    series: Mapping[str, np.ndarray]

    @property
    def n_people(self) -> int:
        """m."""
        return next(iter(self.series.values())).shape[0]

    @property
    def n_periods(self) -> int:
        """T."""
        return next(iter(self.series.values())).shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A population under a rule.

    `mean`: of the outcome at the end, or risk of the event by the end; `risk` [T] by the end of each period (hazard, else
    empty); `series`: name to [m, T] simulated; `category_shares` [T, K] of treatment.
    """

    mean: float
    risk: np.ndarray
    series: Mapping[str, np.ndarray]
    category_shares: np.ndarray


@dataclass(frozen=True, slots=True)
class NaturalCourseGap:
    """Simulated less observed mean of a variable (or share of a category) in a period, and in SDs pooled of both."""

    name: str
    period: int
    simulated: float
    observed: float
    standardised_gap: float


def fit_g_formula(panel: Panel, model: Model, *, with_treatment: bool = True, with_outcome: bool = True) -> GFormulaFit:
    """Fit every model on the rows that are there: variables among those present, the outcome among those seen.

    Args:
        panel: people in periods.
        model: what is fitted.
        with_treatment: whether treatment has a model, which only its natural course needs.
        with_outcome: whether the outcome has one, which histories do not need.

    Raises:
        ValueError: treatment is not a categorical step, or somebody comes back.
        NotEstimable: a model cannot be fitted; the message names the variable.
    """
    named = {step.name: step for step in model.steps}
    if model.treatment not in named or named[model.treatment].kind != "categorical":
        raise ValueError("treatment must be one of the steps, and categorical")
    if np.any(panel.is_present[:, 1:] & ~panel.is_present[:, :-1]):
        raise ValueError("a person who is not present cannot come back")
    fits: list[Linear | MultinomialFit | None] = []
    for step in model.steps:
        if step.name == model.treatment and not with_treatment:
            fits.append(None)
            continue
        own = panel.series[step.name]
        rows = panel.is_present & np.isfinite(own) & _fitting(panel, step.fits)
        terms, values = _stacked(panel, step.terms, own, rows)
        # Period by period, as `_stacked` tells them.
        person = np.nonzero(rows.T)[1] if step.is_steady else None
        penalty = model.penalty if step.kind == "categorical" else 0.0
        fits.append(_fitted(step.name, step.kind, terms, values, step.n_categories, penalty, person))
    outcome = fit_outcome(panel, model) if with_outcome else None
    return GFormulaFit(model, tuple(fits), outcome, panel.is_present.shape[1])


def fit_outcome(panel: Panel, model: Model) -> Linear | MultinomialFit:
    """The model of the outcome alone: further outcomes of the same histories need no other.

    Raises:
        NotEstimable: it cannot be fitted.
    """
    if model.outcome == "hazard":
        rows = panel.is_seen & panel.is_present & _fitting(panel, model.outcome_fits)
        terms, values = _stacked(panel, model.outcome_terms, panel.outcome, rows)
        return _fitted("outcome", "categorical", terms, values, 2, model.penalty)
    last = History(panel.baseline, panel.series, panel.is_present.shape[1] - 1)
    rows = panel.is_seen & panel.is_present[:, -1]
    return _fitted(
        "outcome", "normal", model.outcome_terms(last)[rows], panel.outcome[rows], 2, model.penalty * _OF_MEANS
    )


def simulate(
    fit: GFormulaFit, baseline: Mapping[str, np.ndarray], rule: Rule | None, seed: int, copies: int = 1
) -> Simulated:
    """Histories of `copies` of everybody at baseline under a rule, and their outcome; None is the natural course.

    The same seed gives every rule the same chances, so that contrasts of rules carry little noise of their own.

    Raises:
        ValueError: a rule gives something other than categories of treatment; or a model that is needed was left out.
    """
    if fit.outcome is None:
        raise ValueError("the model of the outcome was left out")
    lived = histories(fit, baseline, rule, seed, copies)
    means = outcome_means(fit.model, fit.outcome, lived)
    risk = means.mean(axis=0) if isinstance(fit.outcome, MultinomialFit) else np.empty(0)
    k = next(step.n_categories for step in fit.model.steps if step.name == fit.model.treatment)
    shares = (lived.series[fit.model.treatment][:, :, None] == np.arange(k)).mean(axis=0)
    return Simulated(float(means[:, -1].mean()), risk, lived.series, shares)


def histories(
    fit: GFormulaFit, baseline: Mapping[str, np.ndarray], rule: Rule | None, seed: int, copies: int = 1
) -> Histories:
    """What `copies` of everybody at baseline go through under a rule, without any outcome; arguments as of `simulate`.

    Raises:
        ValueError: as `simulate`.
    """
    model = fit.model
    start = {name: np.repeat(values, copies) for name, values in baseline.items()}
    n = next(iter(start.values())).size
    series = {step.name: np.full((n, fit.n_periods), np.nan) for step in model.steps}
    for period in range(fit.n_periods):
        history = History(start, series, period)
        for number, (step, own) in enumerate(zip(model.steps, fit.steps, strict=True)):
            rng = generator(seed, f"g_formula, step {number}", period)
            if step.name == model.treatment and rule is not None:
                drawn = _by_rule(rule, history, step.n_categories)
            elif own is None:
                raise ValueError("no rule is given, and the model of treatment was left out")
            else:
                drawn = _drawn(own, step.terms(history), rng, n)
                if isinstance(own, Linear) and own.person_sd > 0:
                    for_good = generator(seed, f"g_formula, step {number}, people").standard_normal(n)
                    drawn = drawn + own.person_sd * for_good
            series[step.name][:, period] = drawn
    return Histories(start, series)


def outcome_means(model: Model, outcome: Linear | MultinomialFit, lived: Histories) -> np.ndarray:
    """[m, 1] expected outcome of each history at the end, or [m, T] chance of the event by the end of each period.

    Terms of a hazard see no later period: NaN stands there, as while the history was drawn.
    """
    last = lived.n_periods - 1
    if isinstance(outcome, Linear):
        return outcome.mean(model.outcome_terms(History(lived.baseline, lived.series, last)))[:, None]
    free, chances = np.ones(lived.n_people), []
    for period in range(lived.n_periods):
        so_far = {name: values.copy() for name, values in lived.series.items()}
        for values in so_far.values():
            values[:, period + 1 :] = np.nan
        free = free * outcome.predict(model.outcome_terms(History(lived.baseline, so_far, period)))[:, 0]
        chances.append(1.0 - free)
    return np.column_stack(chances)


def natural_course(
    fit: GFormulaFit, panel: Panel, seed: int, copies: int = 1, rule: Rule | None = None
) -> tuple[NaturalCourseGap, ...]:
    """Does the simulation reproduce what was seen? Means of every variable, period by period; a rule stands for the model of
    treatment where that was left out.

    Observed means are of those present: where leaving depends on the history they differ from the simulated ones, which are
    of everybody, though every model be right.
    """
    found = histories(fit, panel.baseline, rule, seed, copies)
    gaps = []
    for step in fit.model.steps:
        levels = range(1, step.n_categories) if step.kind == "categorical" else (None,)
        for period in range(fit.n_periods):
            own = panel.series[step.name][:, period]
            seen = own[panel.is_present[:, period] & np.isfinite(own)]
            for level in levels:
                ours = found.series[step.name][:, period]
                theirs = seen
                name = step.name
                if level is not None:
                    ours, theirs, name = ours == level, seen == level, f"{step.name}: {level}"
                gap = float(np.mean(ours) - np.mean(theirs))
                spread = float(np.sqrt((np.var(ours) + np.var(theirs)) / 2))
                relative = gap / spread if spread > 0 else float("nan")
                gaps.append(NaturalCourseGap(name, period, float(np.mean(ours)), float(np.mean(theirs)), relative))
    return tuple(gaps)


def rule_contrast(
    panel: Panel, model: Model, rule: Rule | None, reference: Rule | None, seed: int, copies: int
) -> float:
    """Mean outcome (or risk) under a rule less that under another, everything fitted anew."""
    fit = fit_g_formula(panel, model)
    return (
        simulate(fit, panel.baseline, rule, seed, copies).mean
        - simulate(fit, panel.baseline, reference, seed, copies).mean
    )


def bootstrapped_contrast(
    panel: Panel, model: Model, rule: Rule | None, reference: Rule | None, seed: int, copies: int, n_resamples: int
) -> tuple[float, Bootstrap]:
    """`rule_contrast`, with resamples of people in which every model is fitted anew."""

    def again(rows: np.ndarray) -> float:
        return rule_contrast(panel.taken(rows), model, rule, reference, seed, copies)

    estimate = rule_contrast(panel, model, rule, reference, seed, copies)
    return estimate, person_bootstrap(panel.person_id, again, n_resamples, seed)


def _fitting(panel: Panel, fits: Callable[[History], np.ndarray] | None) -> np.ndarray:
    """[n, T] (or a single True) whose history lets them fit a model."""
    if fits is None:
        return np.array(True)
    periods = range(panel.is_present.shape[1])
    return np.column_stack([fits(History(panel.baseline, panel.series, period)) for period in periods])


def _stacked(panel: Panel, terms: Terms, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Terms and values of all periods, of the rows asked for."""
    parts, told = [], []
    for period in range(rows.shape[1]):
        here = rows[:, period]
        if here.any():
            parts.append(terms(History(panel.baseline, panel.series, period))[here])
            told.append(values[here, period])
    if not parts:
        raise NotEstimable("nobody is present in any period")
    return np.concatenate(parts), np.concatenate(told)


def _fitted(
    name: str,
    kind: Kind,
    terms: np.ndarray,
    values: np.ndarray,
    k: int,
    penalty: float = 0.0,
    person: np.ndarray | None = None,
) -> Linear | MultinomialFit:
    if not (np.all(np.isfinite(terms)) and np.all(np.isfinite(values))):
        raise ValueError(f"{name}: a value that counts as known is missing")
    try:
        if kind == "categorical":
            return fit_multinomial(terms, values.astype(np.int64), k, penalty=penalty)
        return fit_linear(terms, values, person) if penalty == 0 else fit_ridge(terms, values, penalty)
    except NotEstimable as error:
        raise NotEstimable(f"{name}: {error}", error.columns) from error


def _drawn(own: Linear | MultinomialFit, terms: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    if isinstance(own, Linear):
        return own.mean(terms) + own.residual_sd * rng.standard_normal(n)
    ladder = np.cumsum(own.predict(terms), axis=1)[:, :-1]
    return (rng.random(n)[:, None] > ladder).sum(axis=1).astype(np.float64)


def _by_rule(rule: Rule, history: History, n_categories: int) -> np.ndarray:
    given = np.asarray(rule(history), dtype=np.float64)
    if not np.all(np.isin(given, np.arange(n_categories))):
        raise ValueError(f"a rule must give categories 0 to {n_categories - 1}, from what is known by then")
    return given
