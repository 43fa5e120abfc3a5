"""Men on testosterone whose clinicians dose by estradiol: arrays as `RegimeFrame` holds them, and the truth under any regime.

High estradiol brings a dose, a dose lowers estradiol, both move bone and events: a dose looks kinder than it is. People leave
by estradiol and dose, are scanned by covariates and dose; some tests are missing, low ones known only to be low. Nothing is
fitted here.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.dosing_rule import STEP_MG
from pipelines.models.g_formula import History, Rule
from pipelines.models.regime_frame import RegimeFrame

PERIODS, BEFORE_SCAN = 8, 7
LIMIT = np.log(14.0)
#: of a dose, before one that a follower may have counts as never given
_MOST_DRAWS = 300
NAMES = ("bone", "gynecomastia", "fracture")


@dataclass(frozen=True, slots=True)
class Lives:
    """[n]: covariates x [n, 2], log estradiol at zero, doses (steps) and log estradiol [n, 8], bone [n], events [n, 8, 2]."""

    x: np.ndarray
    e2_at_zero: np.ndarray
    dose: np.ndarray
    e2: np.ndarray
    bone: np.ndarray
    event: np.ndarray


def chance(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-log_odds))


def dosed(last: np.ndarray, before: np.ndarray, x: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """[n] steps a clinician gives after a test and the dose before, by covariates [n, 2] and uniforms [n, 4]."""
    starts = (before == 0) & (luck[:, 0] < chance(-2.2 + 2.0 * (last - np.log(40)) + 0.4 * x[:, 1]))
    first = np.where(luck[:, 1] < 0.5, 2, np.where(luck[:, 1] < 0.8, 4, 14))
    step = (luck[:, 2] < chance(4.0 * (last - np.log(32)))).astype(float) - (
        luck[:, 2] > 1 - chance(4.0 * (np.log(18) - last))
    )
    return np.where(starts, first, np.where(before > 0, np.clip(before + step, 0, 14), 0))


def forgiven(asked: np.ndarray, last: np.ndarray, before: np.ndarray, x: np.ndarray, rng) -> np.ndarray:
    """[n] steps as clinicians give them to those who count as followers; what is asked where nobody ever gives such a dose."""
    own, open_ = asked.copy(), np.arange(asked.size)
    for _ in range(_MOST_DRAWS):
        drawn = dosed(last[open_], before[open_], x[open_], rng.random((open_.size, 4)))
        aim = asked[open_]
        is_kept = (np.abs(drawn - aim) <= np.maximum(1, 0.2 * aim)) & ((drawn > 0) == (aim > 0))
        own[open_[is_kept]] = drawn[is_kept]
        open_ = open_[~is_kept]
    return own


def lives(seed: int, n: int, rule: Rule | None = None, forgives: bool = False, own_sd: float = 0.0) -> Lives:
    """Everybody to the end; no rule: as clinicians do.

    `forgives`: doses within what followers may be off, as clinicians give; `own_sd`: what sets anyone's estradiol apart for good.
    """
    rng = np.random.default_rng([seed, 84])
    own_level = own_sd * np.random.default_rng([seed, 86]).normal(size=n)
    x = rng.normal(size=(n, 2))
    e2_at_zero = np.log(30) + rng.gamma(2.0, 0.18, size=n)
    asked, dose, e2 = (np.full((n, PERIODS), np.nan) for _ in range(3))
    event = np.zeros((n, PERIODS, 2), dtype=bool)
    last, before, bone = e2_at_zero, np.zeros(n), -0.4 + 0.5 * x[:, 0]
    for t in range(PERIODS):
        luck = rng.random((n, 4))
        own = dosed(last, before, x, luck)
        if rule is not None:
            asked[:, t] = rule(History({"e2": e2_at_zero}, {"e2": e2, "dose": asked}, t))
            own = forgiven(asked[:, t], last, before, x, rng) if forgives else asked[:, t]
        dose[:, t] = own
        mg = STEP_MG * own
        level = (
            0.45 * e2_at_zero + 0.25 * last + 0.3 * np.log(36) - 0.12 * (mg > 0) - 0.28 * np.log1p(mg) + 0.05 * x[:, 0]
        )
        level = level + own_level + 0.18 * rng.normal(size=n)
        e2[:, t] = level
        for number, odds in enumerate(
            (-4.2 + 1.6 * (last - np.log(30)), -4.6 - 1.0 * (last - np.log(30)) + 0.3 * x[:, 0])
        ):
            event[:, t, number] = rng.random(n) < chance(odds)
        if t < BEFORE_SCAN:
            bone = bone + (2.4 * (level - np.log(30)) - 0.25 * (mg > 0)) / BEFORE_SCAN
        last, before = level, own
    return Lives(x, e2_at_zero, dose, e2, bone + 1.2 * rng.normal(size=n), event)


def frame(seed: int, n: int, share_tested: float = 0.85, own_sd: float = 0.0) -> RegimeFrame:
    """What records show of them."""
    whole = lives(seed, n, own_sd=own_sd)
    rng = np.random.default_rng([seed, 85])
    # Who leaves is told by the test before: one that nobody made tells nothing.
    before_it = np.column_stack([whole.e2_at_zero, whole.e2[:, :-1]])
    stays = rng.random((n, PERIODS)) < chance(3.2 - 0.8 * (before_it - np.log(30)) - 0.3 * (whole.dose > 0))
    present = np.logical_and.accumulate(stays, axis=1)
    tested = present & (rng.random((n, PERIODS)) < share_tested)
    low = np.where(whole.e2 < LIMIT, -np.inf, whole.e2)
    high = np.maximum(whole.e2, LIMIT)
    seen = rng.random(n) < chance(0.2 + 0.5 * whole.x[:, 0] + 0.4 * (whole.dose[:, 3] > 0))
    before = np.zeros_like(whole.event)
    before[:, 1:] = np.logical_or.accumulate(whole.event, axis=1)[:, :-1]
    return RegimeFrame(
        NAMES,
        pl.DataFrame(whole.x, schema=["x0", "x1"]),
        whole.x,
        whole.e2_at_zero,
        np.where(present, STEP_MG * whole.dose, np.nan),
        np.where(tested, low, np.nan),
        np.where(tested, high, np.nan),
        present,
        np.where(seen, whole.bone, np.nan),
        whole.event & present[:, :, None] & ~before,
        present[:, :, None] & ~before,
        BEFORE_SCAN,
    )


def truth(
    rule: Rule, window: tuple[float, float], blocks: int, size: int, forgives: bool = False, own_sd: float = 0.0
) -> np.ndarray:
    """[4] bone, risk of either event in %, share of tests in the window in %, everybody following the rule."""
    found = []
    for block in range(blocks):
        one = lives(10_000 + block, size, rule, forgives, own_sd)
        inside = (one.e2 >= np.log(window[0])) & (one.e2 < np.log(window[1]))
        found.append([one.bone.mean(), *(100 * one.event.any(axis=1).mean(axis=0)), 100 * inside.mean()])
    return np.mean(found, axis=0)


def bone_by_estradiol(rule: Rule, cut: float, blocks: int, size: int) -> np.ndarray:
    """[2] bone of those below, and of those at or above, a log estradiol at time zero, everybody following the rule."""
    found = []
    for block in range(blocks):
        one = lives(10_000 + block, size, rule)
        found.append([one.bone[one.e2_at_zero < cut].mean(), one.bone[one.e2_at_zero >= cut].mean()])
    return np.mean(found, axis=0)
