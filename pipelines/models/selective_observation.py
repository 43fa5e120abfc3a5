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

#: odds of being measured, times this with each unit that the outcome is lower. The first is what the simulated clinics do
#: (`monitoring.scan_per_percent_loss` of `synth/truth.toml`, itself an assumption), the second twice as strong
ODDS_PER_UNIT: Final = (1.15, 1.3)


def selective_contrast(
    found: AugmentedEstimate,
    outcome: np.ndarray,
    treated: np.ndarray,
    measured: Stage,
    person_id: np.ndarray,
    odds_per_unit: float,
) -> ContrastEstimate:
    """The contrast if, with the same covariates, the odds of being measured rise so much with each unit that the outcome falls.

    Outcomes of those not measured are then distributed as those measured, tilted by exp(log(odds) y). Residuals of the
    cross-fitted outcome regression are taken to spread alike whatever the covariates, so that every mean of people not measured
    moves by as much: E(e exp(g e)) / E(exp(g e)) - E(e). Lost to follow-up stays as in the primary analysis.

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
        residual = np.where(seen, outcome - predicted, 0.0)
        power = strength * residual
        # A common factor cancels; without it a large residual would overflow.
        tilt = np.where(seen, np.exp(power - power[seen].max()), 0.0)
        tilted, plain = float(tilt @ residual / tilt.sum()), float(residual[seen].mean())
        weight = np.where(asked, 1.0 / own, 0.0)
        share = float(weight[~measured.passed].sum() / weight.sum())
        moved = n / tilt.sum() * tilt * (residual - tilted) - n / seen.sum() * np.where(seen, residual - plain, 0.0)
        shared = n / weight.sum() * weight * (~measured.passed - share)
        means.append(mean + share * (tilted - plain))
        influence += sign * (share * moved + (tilted - plain) * shared)
    told = found.contrast
    sizes = (told.n_target, told.n_comparator)
    return normal_contrast((means[0], means[1]), influence, person_id, sizes, told.n_effective)
