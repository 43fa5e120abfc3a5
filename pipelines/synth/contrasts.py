"""Contrasts of two arms with Monte-Carlo standard errors: means, risks with competing death, hazard ratios.

Here: the estimators, alike for counterfactual arms (nobody is lost) and for what is observed (people are lost). Not
here: who is in an arm (`studies`, `observed`), how people live (`mechanism`).

Definitions. Time is cut into steps of 28 days; a horizon of 1, 3, 5 or 10 years is 13, 39, 65 or 130 steps. Risk is the
cumulative incidence with death as competing event (Aalen and Johansen 1978) on those steps; the people lost within a
step count half. The hazard ratio is the marginal, cause-specific one: the Cox model with treatment as its only
covariate, Breslow's ties, time in steps, follow-up ended at the horizon. Standard errors leave out one hundredth of the
people at a time (delete-a-group jackknife); a person who is in both arms is left out of both, so the luck the arms
share is accounted for. Ratios have theirs on the log scale.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth.mechanism.people import STEP_DAYS

GROUPS = 100
HORIZON_STEPS = {1: 13, 3: 39, 5: 65, 10: 130}
_STEPS = max(HORIZON_STEPS.values())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its Monte-Carlo standard error; None where the people do not give one."""

    value: float | None
    standard_error: float | None

    def as_json(self) -> dict[str, float | None]:
        """Six significant digits each."""
        return {"value": _six(self.value), "standard_error": _six(self.standard_error)}


def _six(number: float | None) -> float | None:
    return None if number is None else float(f"{round(number, 12):.6g}")


def group_of(person: np.ndarray) -> np.ndarray:
    """[n] jackknife group of each person, from the person number alone."""
    return np.asarray(person) % GROUPS


def jackknife(replicates: np.ndarray) -> Estimate:
    """The estimate and its standard error from [1 + GROUPS] values: all people, then all but one group each."""
    value, rest = float(replicates[0]), replicates[1:]
    if not np.isfinite(replicates).all():
        return Estimate(value if np.isfinite(value) else None, None)
    spread = np.square(rest - rest.mean()).sum() * (GROUPS - 1) / GROUPS
    return Estimate(value, float(np.sqrt(spread)))


def _leave_one_out(by_group: np.ndarray) -> np.ndarray:
    """[GROUPS, …] sums to [1 + GROUPS, …] sums of all, and of all but each group."""
    total = by_group.sum(axis=0, keepdims=True)
    return np.concatenate([total, total - by_group])


def means(values: np.ndarray, person: np.ndarray) -> np.ndarray:
    """[1 + GROUPS] means of the values that are not nan: the mean among those alive and measured."""
    known, group = ~np.isnan(values), group_of(person)
    sums = np.bincount(group[known], weights=values[known], minlength=GROUPS)
    counts = np.bincount(group[known], minlength=GROUPS)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _leave_one_out(sums) / _leave_one_out(counts)


@dataclass(frozen=True, slots=True)
class Tally:
    """First events, deaths without one and losses by 28-day step, and people at the start; [1 + GROUPS, steps]."""

    events: np.ndarray
    deaths: np.ndarray
    lost: np.ndarray
    people: np.ndarray  # [1 + GROUPS, 1]

    def at_risk(self) -> np.ndarray:
        """[1 + GROUPS, steps] people at risk in each step, those lost within it by half."""
        gone = self.events + self.deaths + self.lost
        return self.people - np.cumsum(gone, axis=1) + gone - 0.5 * self.lost


def tally(day: np.ndarray, death: np.ndarray, last: np.ndarray | float, person: np.ndarray) -> Tally:
    """Count first events by step.

    Args:
        day: [n] days after time zero of the first event, large when never; nan who is not at risk at time zero.
        death: [n] days after time zero, large when alive.
        last: [n] or one number, days after time zero at which observation ends, exclusive.
        person: [n] person numbers, for the jackknife.
    """
    keep = ~np.isnan(day)
    last = np.broadcast_to(last, day.shape)[keep]
    day, death, group = day[keep], death[keep], group_of(person)[keep]
    stop = np.minimum(np.minimum(day, death), last)
    step = np.minimum(np.floor(stop / STEP_DAYS), _STEPS).astype(np.int64)
    is_event = (day <= death) & (day < last)
    is_death = ~is_event & (death < last)
    index = group * (_STEPS + 1) + step

    def count(which: np.ndarray) -> np.ndarray:
        flat = np.bincount(index[which], minlength=GROUPS * (_STEPS + 1)).astype(np.float64)
        return _leave_one_out(flat.reshape(GROUPS, _STEPS + 1)[:, :_STEPS])

    people = _leave_one_out(np.bincount(group, minlength=GROUPS).astype(np.float64)[:, None])
    return Tally(count(is_event), count(is_death), count(~is_event & ~is_death), people)


def risks(counts: Tally, years: int) -> np.ndarray:
    """[1 + GROUPS] cumulative incidence of the event, death competing."""
    steps = HORIZON_STEPS[years]
    at_risk = counts.at_risk()[:, :steps]
    with np.errstate(invalid="ignore", divide="ignore"):
        event = np.where(at_risk > 0.0, counts.events[:, :steps] / at_risk, 0.0)
        death = np.where(at_risk > 0.0, counts.deaths[:, :steps] / at_risk, 0.0)
    free = np.cumprod(1.0 - event - death, axis=1)
    before = np.concatenate([np.ones((free.shape[0], 1)), free[:, :-1]], axis=1)
    risk = (before * event).sum(axis=1)
    return np.where(counts.people[:, 0] > 0.0, risk, np.nan)


def log_hazard_ratios(arm: Tally, other: Tally, years: int) -> np.ndarray:
    """[1 + GROUPS] log hazard ratio of an arm against another; nan where one of them has no event."""
    steps = HORIZON_STEPS[years]
    d1, d0 = arm.events[:, :steps], other.events[:, :steps]
    y1, y0 = arm.at_risk()[:, :steps], other.at_risk()[:, :steps]
    total, treated = d1 + d0, d1.sum(axis=1)
    beta = np.zeros(treated.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(50):  # Newton: the score falls in beta
            share = y1 * np.exp(beta)[:, None]
            share = np.where(share + y0 > 0.0, share / (share + y0), 0.0)
            score = treated - (total * share).sum(axis=1)
            information = (total * share * (1.0 - share)).sum(axis=1)
            move = np.clip(np.where(information > 0.0, score / information, 0.0), -1.0, 1.0)
            beta += move
            if np.abs(move).max(initial=0.0) < 1e-10:
                break
    return np.where((treated > 0.0) & (d0.sum(axis=1) > 0.0), beta, np.nan)


def _logged(ratio: Estimate) -> dict[str, float | None]:
    """A ratio estimated on the log scale."""
    value = None if ratio.value is None else float(np.exp(ratio.value))
    return {"value": _six(value), "log_standard_error": _six(ratio.standard_error)}


def event_contrast(arm: Tally, other: Tally, years: int) -> dict[str, object]:
    """Risks in both arms, their difference and ratio, and the hazard ratio, at one horizon."""
    one, zero = risks(arm, years), risks(other, years)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(one) - np.log(zero)
    return {
        "risk": jackknife(one).as_json(),
        "risk_reference": jackknife(zero).as_json(),
        "risk_difference": jackknife(one - zero).as_json(),
        "risk_ratio": _logged(jackknife(ratio)),
        "hazard_ratio": _logged(jackknife(log_hazard_ratios(arm, other, years))),
    }


def mean_contrast(arm: np.ndarray, other: np.ndarray) -> dict[str, object]:
    """Means of both arms and their difference, from [1 + GROUPS] replicates."""
    return {
        "mean": jackknife(arm).as_json(),
        "mean_reference": jackknife(other).as_json(),
        "difference": jackknife(arm - other).as_json(),
    }
