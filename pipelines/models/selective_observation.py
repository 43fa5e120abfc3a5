"""What if those not measured differ from those measured? A contrast moved by a stated strength of selection.

The primary analysis takes people not measured to be like those measured with the same covariates at time zero. Bone is scanned
for a reason, though: who loses it, is. Nothing in the data tells how strongly, so the strength is stated and the answer shown.
Weights for what is known stand in `observation`; here is only what is not.
"""

from typing import Final

import numpy as np

from pipelines.models.augmented import AugmentedEstimate
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.observation import Stage

#: odds of being measured, times this with each unit lost. The first is what the simulated clinics do
#: (`monitoring.scan_per_percent_loss` of `synth/truth.toml`, itself an assumption), the second twice as strong
ODDS_PER_UNIT: Final = (1.15, 1.3)
#: predicted outcomes at which the shift is computed; between them it is a straight line
_POINTS: Final = 50


def selective_contrast(
    found: AugmentedEstimate,
    outcome: np.ndarray,
    treated: np.ndarray,
    measured: Stage,
    person_id: np.ndarray,
    odds_per_unit: float,
) -> ContrastEstimate:
    """The contrast if, with the same covariates, the odds of being measured rise so much with each unit of the outcome below 0.

    A gain of any size is as good as no change: nobody is scanned less for it. Outcomes y of those not measured are then
    distributed as those measured, tilted by exp(log(odds) min(y, 0)). Residuals e of the cross-fitted outcome regression are
    taken to spread alike whatever the prediction m, so that who is not measured and has m is moved by
    E(e exp(g min(m + e, 0))) / E(exp(g min(m + e, 0))) - E(e). Lost to follow-up stays as in the primary analysis.

    Args:
        found: the primary analysis of the same rows.
        outcome: [n]; not read where not measured.
        treated: [n] true for the target arm.
        measured: the last stage: asked are those still followed.
        person_id: [n] integers.
        odds_per_unit: above 0; 1 gives the primary answer.

    Source: Scharfstein, Rotnitzky, Robins (1999), JASA 94:1096 (selection bias functions); Franks, D'Amour, Feller (2020),
    JASA 115:1730 (exponential tilt).
    """
    n, strength = treated.size, float(np.log(odds_per_unit))
    means, influence = [], found.contrast.influence.copy()
    arms = (
        (1.0, treated, found.propensity, found.outcome_target, found.contrast.mean_target),
        (-1.0, ~treated, 1.0 - found.propensity, found.outcome_comparator, found.contrast.mean_comparator),
    )
    for sign, arm, own, predicted, mean in arms:
        seen, asked = arm & measured.passed, arm & measured.asked
        weight = np.where(asked, 1.0 / own, 0.0)
        missed = np.where(measured.passed, 0.0, weight)
        shift, by_residual = _shifts(outcome[seen] - predicted[seen], predicted, missed, strength)
        moved = float(missed @ shift / weight.sum())
        means.append(mean + moved)
        influence[seen] += sign * n * by_residual / weight.sum()
        influence += sign * n / weight.sum() * (missed * shift - weight * moved)
    told = found.contrast
    sizes = (told.n_target, told.n_comparator)
    return normal_contrast((means[0], means[1]), influence, person_id, sizes, told.n_effective)


def _shifts(
    residual: np.ndarray, predicted: np.ndarray, missed: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """[n] how far who has this prediction is moved, and [seen] what each residual adds to the sum of it over those missed.

    Args:
        residual: [seen].
        predicted: [n].
        missed: [n] weights of those not measured, 0 for everybody else.
        strength: log odds per unit lost.
    """
    points = np.linspace(predicted.min(), predicted.max(), _POINTS)
    power = strength * np.minimum(points[:, None] + residual, 0.0)
    # A common factor cancels; without it a large residual would overflow.
    tilt = np.exp(power - power.max(axis=1, keepdims=True))
    tilt /= tilt.sum(axis=1, keepdims=True)
    tilted, plain = tilt @ residual, residual.mean()
    # Those missed, shared between the two points beside each: then their sum is one of points.
    step = (points[-1] - points[0]) / (_POINTS - 1)
    place = (predicted - points[0]) / step if step > 0 else np.zeros(predicted.size)
    below = np.minimum(place.astype(np.int64), _POINTS - 2)
    along = place - below
    at = np.bincount(below, missed * (1.0 - along), _POINTS) + np.bincount(below + 1, missed * along, _POINTS)
    by_residual = at @ (tilt * (residual - tilted[:, None])) - at.sum() * (residual - plain) / residual.size
    return (1.0 - along) * tilted[below] + along * tilted[below + 1] - plain, by_residual
