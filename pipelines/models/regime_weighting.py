"""Regimes of dosing by weights: bone of those who kept to a regime, each weighed by the inverse of the chance to be one of them.

The check beside the g-formula (`regime`), with other models: of doses, of staying and of scans, none of estradiol or bone.
Everybody is a clone of every regime and is censored where the dose leaves it (`dosing_rule.course`); clones that are left
stand for all. Not here: what a regime is, and rows of tables (`regime_tables`).

Sources: Robins, Orellana and Rotnitzky (2008), Stat Med 27:4678; Cain et al. (2010), Int J Biostat 6(2):18.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.models.dosing_rule import STEP_MG, Course, course, dose_levels, last_known, tested_before
from pipelines.models.errors import NotEstimable
from pipelines.models.g_formula import History, Rule
from pipelines.models.inference import resampled_rows
from pipelines.models.logistic import fit_logistic
from pipelines.models.marginal_structural import PENALTY
from pipelines.models.point_treatment import MOST_WEIGHT
from pipelines.models.regime import RegimeMeans
from pipelines.models.regime_frame import RegimeFrame
from pipelines.models.weighting import kish_effective_number

#: people who kept to a regime and were scanned, below which there is no check
_LEAST_SEEN = 10


@dataclass(frozen=True, slots=True, eq=False)
class KeeperWeights:
    """Weights of the clones of one regime.

    Attributes:
        values: [n] 0 for who left the regime, was lost or was not scanned; the others have mean 1 before any is cut.
        is_cut: [n] whose weight was cut to `MOST_WEIGHT`.
        largest: before any was cut.
    """

    values: np.ndarray
    is_cut: np.ndarray
    largest: float

    @property
    def n_seen(self) -> int:
        """People whose bone is told."""
        return int(np.count_nonzero(self.values))

    @property
    def n_effective(self) -> float:
        """Kish number of them."""
        return kish_effective_number(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class WeightedRegime:
    """Mean change of bone (%) under a regime with its replicates, and the weights of all people behind the mean."""

    means: RegimeMeans
    weights: KeeperWeights


def apart(check: WeightedRegime, primary: RegimeMeans) -> RegimeMeans:
    """The check less the primary under one regime, resample by resample."""
    return RegimeMeans(check.means.mean - primary.mean, check.means.replicates - primary.replicates)


def weighted_regimes(
    frame: RegimeFrame, regimes: Mapping[str, Callable[[int], Rule]], seed: int, n_resamples: int
) -> dict[str, WeightedRegime]:
    """Weighted mean of bone under every regime whose weights can be fitted, by its name; the others are left out.

    Args:
        frame: who is in it.
        regimes: name to the rule of a resample, as of `regime.regime_means`.
        seed: of the resamples, which are those of `regime.regime_means` with the same seed.
        n_resamples: at least 2. One in which a regime has no weights is NaN among its replicates.
    """
    whole = _weighted(frame, regimes, 0)
    person = np.arange(frame.n)
    again: list[dict[str, float]] = []
    for draw in range(1, n_resamples + 1):
        rows = frame.taken(resampled_rows(person, seed, draw))
        again.append({name: _mean(rows, each) for name, each in _weighted(rows, regimes, draw).items()})
    return {
        name: WeightedRegime(
            RegimeMeans(_mean(frame, each), np.array([told.get(name, np.nan) for told in again])), each
        )
        for name, each in whole.items()
    }


def keeper_weights(frame: RegimeFrame, rule: Rule, scanned: np.ndarray | None = None) -> KeeperWeights:
    """Inverse chances to stay, to keep to a regime and to be scanned, each given the history so far.

    Weights are told in units of their mean among those seen: the mean of bone needs no other, and a regime that few begin
    would else have none below the cut.

    Args:
        frame: who is in it.
        rule: of the regime.
        scanned: [n] chances of `scan_chances`, which are the same for all regimes; None: computed here.

    Raises:
        NotEstimable: fewer than 10 kept to it and were scanned, or a chance cannot be fitted.
    """
    chance = scan_chances(frame) if scanned is None else scanned
    followed = course(frame, rule)
    is_seen = followed.is_kept[:, -1] & frame.is_seen
    if is_seen.sum() < _LEAST_SEEN:
        raise NotEstimable(f"fewer than {_LEAST_SEEN} kept to the regime and were scanned")
    chance = chance * _keeping(frame, followed)
    raw = np.zeros(frame.n)
    raw[is_seen] = 1.0 / chance[is_seen]
    raw /= raw[is_seen].mean()
    return KeeperWeights(np.minimum(raw, MOST_WEIGHT), raw > MOST_WEIGHT, float(raw.max()))


def scan_chances(frame: RegimeFrame) -> np.ndarray:
    """[n] chance to be scanned of those present until then, given covariates, doses and tests, whatever they followed; else 1.

    Raises:
        NotEstimable: nobody was scanned, or it cannot be fitted.
    """
    n_periods = frame.n_before_scan
    asked = np.asarray(frame.is_present[:, :n_periods].all(axis=1))
    mg = STEP_MG * dose_levels(frame)[:, :n_periods]
    last = last_known(History({"e2": frame.e2_at_zero}, {"e2": frame.middle()}, n_periods))
    columns = (frame.design, frame.e2_at_zero, last, (mg > 0).mean(axis=1), np.log1p(mg).mean(axis=1))
    return _chances("scanned", np.column_stack(columns), asked, frame.is_seen)


def _weighted(frame: RegimeFrame, regimes: Mapping[str, Callable[[int], Rule]], draw: int) -> dict[str, KeeperWeights]:
    found: dict[str, KeeperWeights] = {}
    try:
        scanned = scan_chances(frame)
    except NotEstimable:
        return found
    for name, rule in regimes.items():
        try:
            found[name] = keeper_weights(frame, rule(draw), scanned)
        except NotEstimable:
            continue  # a check that does not exist is left out, the primary is not
    return found


def _mean(frame: RegimeFrame, weights: KeeperWeights) -> float:
    return float(np.average(np.where(weights.values > 0, frame.change, 0.0), weights=weights.values))


def _keeping(frame: RegimeFrame, followed: Course) -> np.ndarray:
    """[n] product over periods of the chances to stay and then to keep to the regime, of those who did.

    The first period has models of its own: to begin a dose is not to go on with it.
    """
    n, n_periods = followed.asked.shape
    before = np.column_stack([np.ones(n, dtype=bool), followed.is_kept[:, :-1]])
    stays = frame.is_present[:, :n_periods]
    history, move = _terms(frame, followed)
    total = np.ones(n)
    for periods in (slice(0, 1), slice(1, n_periods)):
        asked, stayed, kept = (each[:, periods].ravel() for each in (before, stays, followed.is_kept))
        own = [each[:, periods].reshape(asked.size, each.shape[2]) for each in (history, move)]
        chance = _chances("still present", own[0], asked, stayed)
        chance = chance * _chances("still on the regime", np.hstack(own), asked & stayed, kept)
        total *= chance.reshape(n, -1).prod(axis=1)
    return total


def _terms(frame: RegimeFrame, followed: Course) -> tuple[np.ndarray, np.ndarray]:
    """[n, P, p] what tells who stays: tests and doses so far, covariates; and [n, P, q] how far the dose before lies off."""
    n, n_periods = followed.asked.shape
    levels, e2 = dose_levels(frame).astype(np.float64), frame.middle()
    history, move = [], []
    for period in range(n_periods):
        so_far = History({"e2": frame.e2_at_zero}, {"e2": e2, "dose": levels}, period)
        last, is_old, before = last_known(so_far), ~tested_before(so_far), so_far.before("dose", 0.0)
        mg = STEP_MG * before
        told = (last, last**2, is_old, is_old * last, mg > 0, np.log1p(mg), np.full(n, period), frame.e2_at_zero)
        history.append(np.column_stack([*told, frame.design]))
        asked, tolerated = followed.asked[:, period], followed.tolerated[:, period]
        over, under = (np.maximum(sign * (before - asked), 0.0) / tolerated for sign in (1, -1))
        # Who goes on as before leaves the regime where that is too far off: it takes a move to keep to it.
        move.append(np.column_stack([over, under, over * last, under * last, over > 1, under > 1, asked > 0]))
    return np.stack(history, axis=1), np.stack(move, axis=1)


def _chances(what: str, design: np.ndarray, asked: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """[m] chance of what could happen to those asked; 1 for the others, and where it happened to all."""
    chance = np.ones(asked.size)
    if happened[asked].all():
        return chance
    if not happened[asked].any():
        raise NotEstimable(f"nobody was {what}")
    chance[asked] = fit_logistic(design[asked], happened[asked], PENALTY).probabilities
    return chance
