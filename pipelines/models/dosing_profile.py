"""What people with one pattern of covariates would have under each named regime: means, with what is sure and what is spread.

No ranking and no dose: who asks reads all outcomes side by side. Refused where people like these are too few to tell.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.domain.randomness import generator
from pipelines.models.design_matrix import design_matrix
from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import Rule, histories
from pipelines.models.inference import resampled_rows
from pipelines.models.regime import WINDOW, Fitted, fitted, in_window
from pipelines.models.regime_frame import RegimeFrame
from pipelines.models.steady_linear import Linear
from pipelines.models.weighting import kish_effective_number

#: rule of the protocol: below it nobody is told anything
LEAST_LOCAL = 50.0
#: rule of the protocol: covariates beyond these percentiles of the people are answered by the model alone
SUPPORT = (0.01, 0.99)
_COPIES = 1000
_LIMITS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class ProfileMean:
    """One outcome under one regime: mean, its 95 % interval over resamples of people, and where 95 % of such people would lie.

    Bone in % of change, events as a risk in %, the window as a share of tests in %. An event has no prediction interval.
    """

    regime: str
    outcome: str
    mean: float
    ci_low: float
    ci_high: float
    spread_low: float | None
    spread_high: float | None


def outside(frame: RegimeFrame, profile: Mapping[str, float], e2_pg_ml: float) -> tuple[str, ...]:
    """Covariates of a profile beyond the 1st or 99th percentile of the people."""
    values = {name: frame.covariates[name].cast(pl.Float64).drop_nulls().to_numpy() for name in profile}
    asked = dict(profile) | {"estradiol_pg_ml": e2_pg_ml}
    values["estradiol_pg_ml"] = np.exp(frame.e2_at_zero)
    beyond = []
    for name, value in asked.items():
        if values[name].size == 0:
            beyond.append(name)
            continue
        low, high = np.quantile(values[name], SUPPORT)
        if not low <= value <= high:
            beyond.append(name)
    return tuple(sorted(beyond))


def local_effective_number(frame: RegimeFrame, profile: Mapping[str, float], e2_pg_ml: float) -> float:
    """Kish number of people, each counted by how alike: exp(-d² / 2), d² the mean of squared distances in SDs (house rule)."""
    own, point = _standardised(frame, profile)
    e2 = frame.e2_at_zero
    gaps = np.column_stack([own - point, (e2 - np.log(e2_pg_ml)) / e2.std()])
    return kish_effective_number(np.exp(-0.5 * (gaps**2).mean(axis=1) * gaps.shape[1] ** 0.5))


def profile_means(
    frame: RegimeFrame,
    profile: Mapping[str, float],
    e2_pg_ml: float,
    regimes: Mapping[str, Callable[[int], Rule]],
    window: tuple[float, float],
    seed: int,
    n_resamples: int,
) -> tuple[ProfileMean, ...]:
    """Every outcome under every regime, in their order.

    Args:
        frame: the people whose records tell.
        profile: every covariate of the frame, by name.
        e2_pg_ml: estradiol of the test at time zero.
        regimes: name to the rule of a resample, as of `regime_means`.
        window: pg/mL.
        seed: of resamples and histories.
        n_resamples: at least 20, for the ends of the intervals.

    Raises:
        NotEstimable: no model in the whole frame, or in more than a tenth of the resamples.
    """
    own, point = _standardised(frame, profile)
    told = replace(frame, design=own)
    start = {"e2": np.full(_COPIES, np.log(e2_pg_ml))} | {
        f"x{number}": np.full(_COPIES, value) for number, value in enumerate(point)
    }
    whole = _told(fitted(told, seed, 0), start, regimes, window, seed, 0)
    again, n_failed = [], 0
    for draw in range(1, n_resamples + 1):
        try:
            rows = resampled_rows(np.arange(frame.n), seed, draw)
            again.append(_told(fitted(told.taken(rows), seed, draw), start, regimes, window, seed, draw))
        except NotEstimable:
            n_failed += 1
    if n_failed > n_resamples / 10:
        raise NotEstimable(f"{n_failed} of {n_resamples} resamples of people had no estimate")
    found = []
    for (regime, outcome), values in whole.items():
        others = [each[regime, outcome] for each in again if (regime, outcome) in each]
        if len(others) < 0.9 * n_resamples:
            continue
        ends = np.percentile([each.mean() for each in others], _LIMITS)
        is_event = outcome in frame.names[1:]
        spread = (
            (None, None) if is_event else tuple(float(end) for end in np.percentile(np.concatenate(others), _LIMITS))
        )
        found.append(ProfileMean(regime, outcome, float(values.mean()), float(ends[0]), float(ends[1]), *spread))
    return tuple(found)


def _standardised(frame: RegimeFrame, profile: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the people [n, p] and of the profile [p], centred and scaled alike."""
    asked = pl.DataFrame({name: [float(profile[name])] for name in frame.covariates.columns})
    both = pl.concat([frame.covariates.cast(pl.Float64), asked])
    nominal = tuple(name for name in ("race_ethnicity",) if name in both.columns)
    values = design_matrix(both, nominal, splines=False).values
    return values[:-1], values[-1]


def _told(
    models: Fitted,
    start: Mapping[str, np.ndarray],
    regimes: Mapping[str, Callable[[int], Rule]],
    window: tuple[float, float],
    seed: int,
    draw: int,
) -> dict[tuple[str, str], np.ndarray]:
    """[m] by regime and outcome, of people alike: bone with the spread about its mean, chances of events, shares of tests."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for name, rule in regimes.items():
        lived = histories(models.fit, start, rule(draw), seed + draw)
        for outcome, expected in models.expected(lived).items():
            own = models.outcomes[outcome]
            noise = 0.0
            if isinstance(own, Linear):
                raw = generator(seed, "spread of bone about its mean", draw).standard_normal(expected.size)
                noise = own.residual_sd * (raw - raw.mean())
            found[name, outcome] = expected + noise
        found[name, WINDOW] = in_window(lived, window)
    return found
