"""What many replications say of an estimator whose truth is known: coverage, bias in SDs, mean standard error over SD.

Loaded by the recovery tests of engines; knows no estimator and no world.
"""

from typing import NamedTuple

import numpy as np

Z975 = 1.959963984540054


class Bands(NamedTuple):
    """What a sound estimator keeps within."""

    coverage: tuple[float, float]
    bias: float
    ratio: tuple[float, float]


#: 99.8 % binomial band of 95 % coverage for 100 and 1,000 replications; bias and ratio likewise wide for 100
FEW = Bands((0.87, 1.0), 0.35, (0.8, 1.2))
MANY = Bands((0.927, 0.970), 0.15, (0.9, 1.1))


class Found(NamedTuple):
    """Figures of one estimator in one world."""

    coverage: float
    bias: float
    ratio: float

    def lies_within(self, bands: Bands) -> bool:
        return (
            bands.coverage[0] <= self.coverage <= bands.coverage[1]
            and abs(self.bias) <= bands.bias
            and bands.ratio[0] <= self.ratio <= bands.ratio[1]
        )


def summarised(estimates: list[float], errors: list[float], truth: float) -> Found:
    """Figures of normal 95 % intervals."""
    estimate, error = np.array(estimates), np.array(errors)
    covered = np.abs(estimate - truth) <= Z975 * error
    spread = estimate.std(ddof=1)
    return Found(float(covered.mean()), float((estimate.mean() - truth) / spread), float(error.mean() / spread))
