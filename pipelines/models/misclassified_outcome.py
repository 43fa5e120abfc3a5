"""What risks of two arms would be had every event been recorded rightly: bias analysis by sensitivity and specificity.

Sensitivity and specificity come from outside (a validation study, a published algorithm), as numbers or as beta distributions.
Corrections that no true risk explains are refused. Not here: unmeasured confounders (`unmeasured`), error in an exposure
(`measurement_error`).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.randomness import generator
from pipelines.models.errors import NotEstimable

#: more draws than this without a possible correction: the priors do not agree with the data
MOST_IMPOSSIBLE = 0.1
#: a risk within this of 0 or 1 is 0 or 1: the recorded one equals that of false events but for the arithmetic
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Recorded events and people, or their weighted counts, of either arm."""

    events_target: float
    n_target: float
    events_comparator: float
    n_comparator: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Sensitivity and specificity of the recorded outcome in one arm, 0 to 1."""

    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True)
class AccuracyPrior:
    """Beta distributions (a, b) of sensitivity and specificity; of a validation study a is right + 1, b wrong + 1."""

    sensitivity: tuple[float, float]
    specificity: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CorrectedRisks:
    """Risks of either arm as they would be, and their contrasts."""

    risk_target: float
    risk_comparator: float
    risk_ratio: float
    risk_difference: float
    odds_ratio: float


@dataclass(frozen=True, slots=True)
class SimulationInterval:
    """Median and 2.5 and 97.5 % quantiles over draws; not a confidence interval: the prior is in it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ProbabilisticBias:
    """Contrasts over draws of sensitivity and specificity.

    Attributes:
        risk_ratio, risk_difference: with the chance error of the recorded risks.
        risk_ratio_bias_only, risk_difference_bias_only: with the recorded risks taken as exact.
        n_draws: draws used.
        n_impossible: draws that no true risk explains, left out.
    """

    risk_ratio: SimulationInterval
    risk_difference: SimulationInterval
    risk_ratio_bias_only: SimulationInterval
    risk_difference_bias_only: SimulationInterval
    n_draws: int
    n_impossible: int


def corrected_risks(counts: ArmCounts, target: Accuracy, comparator: Accuracy | None = None) -> CorrectedRisks:
    """True risk = (recorded - (1 - specificity)) / (sensitivity + specificity - 1), arm by arm.

    Args:
        counts: as recorded.
        target: accuracy in the target arm.
        comparator: in the comparator arm; None: the same (misclassification does not differ by arm).

    Raises:
        ValueError: counts or accuracies that cannot be.
        NotEstimable: the record says no more than chance, or a corrected risk lies outside 0 to 1, or is 0 where divided by.

    Source: Rogan and Gladen (1978), Am J Epidemiol 107:71; Lash, Fox and Fink (2009), Applying Quantitative Bias Analysis to
    Epidemiologic Data, chapter 6.
    """
    _checked(counts)
    other = target if comparator is None else comparator
    found = []
    for name, accuracy, risk in (
        ("target", target, counts.events_target / counts.n_target),
        ("comparator", other, counts.events_comparator / counts.n_comparator),
    ):
        if not (0 <= accuracy.sensitivity <= 1 and 0 <= accuracy.specificity <= 1):
            raise ValueError("sensitivity and specificity must lie from 0 to 1")
        if accuracy.sensitivity + accuracy.specificity <= 1:
            raise NotEstimable("with sensitivity and specificity that add up to 1 or less the record says nothing")
        true = _true_risk(risk, accuracy.sensitivity, accuracy.specificity)
        if not -_ROUNDING <= true <= 1 + _ROUNDING:
            raise NotEstimable(
                f"no true risk of the {name} arm gives the recorded {risk:.4g} with sensitivity {accuracy.sensitivity:g} and "
                f"specificity {accuracy.specificity:g}"
            )
        found.append(float(true))
    high, low = found
    if low < _ROUNDING or max(high, low) > 1 - _ROUNDING:
        raise NotEstimable("a corrected risk of 0 or 1 has no ratio")
    return CorrectedRisks(high, low, high / low, high - low, high * (1 - low) / (low * (1 - high)))


def probabilistic_correction(
    counts: ArmCounts,
    target: AccuracyPrior,
    comparator: AccuracyPrior | None = None,
    *,
    seed: int,
    n_draws: int = 20_000,
) -> ProbabilisticBias:
    """Draw sensitivity and specificity, and the recorded risks about what was recorded; correct; summarise.

    Recorded risks are drawn from Beta(events + 1/2, others + 1/2), so that chance is counted. Draws that no true risk explains
    are left out and counted: what is left is conditional on a possible correction.

    Args:
        counts: as recorded.
        target: prior in the target arm.
        comparator: in the comparator arm, drawn independently; None: the same draw serves both arms.
        seed: of the draws.
        n_draws: at least 100.

    Raises:
        ValueError: counts, priors or a number of draws that cannot be.
        NotEstimable: more than a tenth of the draws have no possible correction: priors and data disagree.

    Source: Fox, Lash and Greenland (2005), Int J Epidemiol 34:1370; Fox, MacLehose and Lash (2021), Applying Quantitative Bias
    Analysis to Epidemiologic Data, 2nd ed., chapter 8.
    """
    _checked(counts)
    if n_draws < 100:
        raise ValueError("a simulation interval needs 100 draws or more")
    drawn = {}
    for arm, prior in (("target", target), ("comparator", target if comparator is None else comparator)):
        if min(*prior.sensitivity, *prior.specificity) <= 0:
            raise ValueError("beta distributions must have parameters above 0")
        # One stream serves both arms where misclassification does not differ.
        purpose = "misclassified outcome " + ("shared" if comparator is None else arm)
        stream = generator(seed, purpose)
        drawn[arm] = stream.beta(*prior.sensitivity, n_draws), stream.beta(*prior.specificity, n_draws)
    chance = generator(seed, "misclassified outcome recorded")
    recorded = [
        chance.beta(events + 0.5, n - events + 0.5, n_draws)
        for events, n in ((counts.events_target, counts.n_target), (counts.events_comparator, counts.n_comparator))
    ]
    exact = counts.events_target / counts.n_target, counts.events_comparator / counts.n_comparator
    with_chance, possible = _contrasts(recorded, drawn)
    bias_only, possible_alone = _contrasts(list(exact), drawn)
    n_impossible = int((~possible).sum())
    if max(n_impossible, int((~possible_alone).sum())) > MOST_IMPOSSIBLE * n_draws:
        raise NotEstimable(
            f"{n_impossible} of {n_draws} draws of sensitivity and specificity have no true risk: priors and data disagree"
        )
    return ProbabilisticBias(
        *(_summary(each[possible]) for each in with_chance),
        *(_summary(each[possible_alone]) for each in bias_only),
        n_draws - n_impossible,
        n_impossible,
    )


def _contrasts(
    risks: list[np.ndarray] | list[float], drawn: dict[str, tuple[np.ndarray, np.ndarray]]
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Risk ratio and difference of each draw, and which draws are possible."""
    true, possible = [], np.ones(drawn["target"][0].size, dtype=bool)
    for risk, arm in zip(risks, ("target", "comparator"), strict=True):
        sensitivity, specificity = drawn[arm]
        informative = sensitivity + specificity > 1
        each = _true_risk(risk, np.where(informative, sensitivity, 1.0), np.where(informative, specificity, 1.0))
        possible &= informative & (each > 0) & (each <= 1)
        true.append(each)
    safe = np.where(possible, true[1], 1.0)
    return (true[0] / safe, true[0] - true[1]), possible


def _true_risk(
    recorded: np.ndarray | float, sensitivity: np.ndarray | float, specificity: np.ndarray | float
) -> np.ndarray | float:
    return (recorded - (1 - specificity)) / (sensitivity + specificity - 1)


def _summary(values: np.ndarray) -> SimulationInterval:
    low, median, high = np.quantile(values, [0.025, 0.5, 0.975])
    return SimulationInterval(float(median), float(low), float(high))


def _checked(counts: ArmCounts) -> None:
    for events, n in ((counts.events_target, counts.n_target), (counts.events_comparator, counts.n_comparator)):
        if not (np.isfinite(n) and n > 0 and 0 <= events <= n):
            raise ValueError("events must lie from 0 to the number of people, and there must be people")
