"""A second generator: the published data-generating process of Havercroft and Didelez (2012), for tests of estimators.

Here: their algorithm and nothing of ours: this module shares no code, no random stream and no parameter with the rest of
`synth`, so an estimator that recovers both truths was not tuned to one simulator. Not here: estimators.

Source: Havercroft WG, Didelez V. Simulating from marginal structural models with time-dependent confounding. Statistics
in Medicine 2012;31:4190-4206, section 5 (emulating the Swiss HIV Cohort Study); steps and constants checked against three
independent public implementations (the repositories mspreafico/PosViolMSM and clancia/msm-simul-oncol among them).

The process. Time is discrete, 0 … K; every `kappa` steps is a check-up.
U_0 ~ U(0, 1) general health; U_t = U_{t-1} + N(0, 0.05²), kept inside [0, 1].
L_0 = F⁻¹(U_0) + N(0, 20²), F the gamma distribution of shape 3 and scale 154 (CD4 cells per microlitre).
At a check-up L_t = max(0, L_{t-1} + 150 A_{t-kappa}(1 - A_{t-kappa-1}) + N(100(U_t - 2), 50²)); else L_t = L_{t-1}.
At a check-up logit P(A_t = 1) = theta_0 + theta_1 t + theta_2 (L_t - 500) while untreated; treatment never stops.
The marginal structural model for the hazard under "start treatment at T*":
logit h_t = gamma_0 + gamma_1 ((1 - A_t) t + A_t T*) + gamma_2 A_t + gamma_3 A_t (t - T*).
Death in step t + 1 as soon as the survival of that model, prod(1 - h), falls to 1 - U_0 or below. So U_0 confounds: it
drives L, hence A, and it is the quantile of the time of death; yet the causal parameters are gamma exactly.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import gamma as gamma_distribution


@dataclass(frozen=True, slots=True)
class Setting:
    """Constants of the process; the defaults are those of the paper.

    Attributes:
        steps: K, the last time point; there are K + 1.
        check_up: kappa, steps between check-ups, at least 1.
        hazard: gamma, intercept, time untreated, treatment, time since treatment (log odds).
        treatment: theta, intercept, time, L - 500 (log odds).
    """

    steps: int = 40
    check_up: int = 5
    hazard: tuple[float, float, float, float] = (-3.0, 0.05, -1.5, 0.1)
    treatment: tuple[float, float, float] = (-0.405, 0.0205, -0.00405)

    def __post_init__(self) -> None:
        if self.steps < 0 or self.check_up < 1:
            raise ValueError("steps must be 0 or more and check_up 1 or more")


PAPER = Setting()


@dataclass(frozen=True, slots=True)
class PersonTime:
    """One row per person and time point survived to; arrays [r], sorted by person, then time."""

    person: np.ndarray
    time: np.ndarray
    cd4: np.ndarray  # L_t
    treated: np.ndarray  # A_t, 0 or 1
    treated_before: np.ndarray  # A_{t-1}, 0 at time 0
    start: np.ndarray  # T*, the time treatment began; K + 1 while untreated
    is_check_up: np.ndarray
    health: np.ndarray  # U_t, which no analysis may use
    died: np.ndarray  # 1 in the row after which the person dies

    def design(self) -> np.ndarray:
        """[r, 4] columns of the marginal structural model, in the order of `Setting.hazard`."""
        a, t = self.treated, self.time
        until, since = np.where(a == 1, self.start, t), np.where(a == 1, t - self.start, 0)
        return np.stack([np.ones(t.size), until, a, since], axis=1).astype(np.float64)


def simulate(people: int, seed: int, setting: Setting = PAPER, at_once: bool | None = None) -> PersonTime:
    """Draw people from the process.

    Args:
        people: how many, 0 or more.
        seed: the same seed gives the same people.
        setting: constants.
        at_once: everybody begins treatment at the first check-up, or nobody does then; later as it comes. None: as it comes.
    """
    rng = np.random.default_rng(seed)
    g0, g1, g2, g3 = setting.hazard
    first = rng.random(people)
    health = first.copy()
    cd4 = np.maximum(gamma_distribution.ppf(first, 3.0, scale=154.0) + rng.normal(0.0, 20.0, people), 0.0)
    treated, before = np.zeros(people, dtype=np.int64), np.zeros(people, dtype=np.int64)
    newly = np.zeros(people, dtype=np.int64)  # treatment began at the check-up before
    start = np.full(people, setting.steps + 1)
    survival, alive = np.ones(people), np.ones(people, dtype=bool)
    rows: list[tuple[np.ndarray, ...]] = []
    for t in range(setting.steps + 1):
        is_check_up = t % setting.check_up == 0
        if t > 0:
            health = np.clip(health + rng.normal(0.0, 0.05, people), 0.0, 1.0)
        if t > 0 and is_check_up:
            cd4 = np.maximum(cd4 + 150.0 * newly + rng.normal(100.0 * (health - 2.0), 50.0), 0.0)
        before = treated.copy()
        if is_check_up:
            chance = expit(setting.treatment[0] + setting.treatment[1] * t + setting.treatment[2] * (cd4 - 500.0))
            begins = (treated == 0) & (rng.random(people) < chance)
            if t == 0 and at_once is not None:
                begins = np.full(people, at_once)
            treated, newly = treated | begins, begins.astype(np.int64)
            start = np.where(begins, t, start)
        until, since = np.where(treated == 1, start, t), np.where(treated == 1, t - start, 0)
        survival = survival * (1.0 - expit(g0 + g1 * until + g2 * treated + g3 * since))
        died = survival <= 1.0 - first
        who = np.nonzero(alive)[0]
        rows.append((
            *(who, np.full(who.size, t), cd4[who], treated[who], before[who], start[who]),
            *(np.full(who.size, is_check_up), health[who], died[who].astype(np.int64)),
        ))  # fmt: skip
        alive &= ~died
    joined = [np.concatenate(column) for column in zip(*rows, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    return PersonTime(*(column[order] for column in joined))


def true_survival(start: int | None, setting: Setting = PAPER) -> np.ndarray:
    """[K + 1] probability of outliving each step if everybody started treatment at `start` (None: never)."""
    g0, g1, g2, g3 = setting.hazard
    t = np.arange(setting.steps + 1)
    treated = t >= start if start is not None else np.zeros(t.size, dtype=bool)
    until, since = (np.where(treated, start, t), np.where(treated, t - start, 0)) if start is not None else (t, 0 * t)
    return np.cumprod(1.0 - expit(g0 + g1 * until + g2 * treated + g3 * since))
