"""Were part of the recorded events false: the log ratio that would then be seen, from risks and a published predictive value.

Every event is taken as recorded, and false records as coming alike in both arms, as often as the predictive value says of the
comparator. Sensitivities that are alike in both arms do not move a ratio. Corrections in general: `misclassified_outcome`.
"""

import numpy as np

from pipelines.models.arm_risk import RatioEstimate, RiskContrast
from pipelines.models.errors import NotEstimable
from pipelines.models.misclassified_outcome import Accuracy, ArmCounts, corrected_risks


def without_false_records(risk: RiskContrast, predictive_value: float) -> RatioEstimate:
    """Ratio of true risks.

    Args:
        risk: as recorded.
        predictive_value: share of recorded events that are true, above 0 and below 1.

    Raises:
        NotEstimable: an arm has fewer events than false ones would be, or none.
        ValueError: a predictive value that is not inside 0 to 1.

    Source: Rogan and Gladen (1978), Am J Epidemiol 107:71; errors by the delta method, the rate of false records taken as known
    and the arms as independent, which is wide for clones.
    """
    from scipy.special import ndtr

    from pipelines.models.inference import Z975

    if not 0 < predictive_value < 1:
        raise ValueError("a predictive value lies inside 0 to 1")
    target, comparator = risk.target, risk.comparator
    if not min(target.value, comparator.value) > 0:
        raise NotEstimable("an arm has no event: there is no ratio of risks")
    false = (1 - predictive_value) * comparator.value / (1 - predictive_value * comparator.value)
    counts = ArmCounts(target.value, 1.0, comparator.value, 1.0)
    found = corrected_risks(counts, Accuracy(sensitivity=1.0, specificity=1 - false))
    error = float(
        np.hypot(target.standard_error / (target.value - false), comparator.standard_error / (comparator.value - false))
    )
    middle = float(np.log(found.risk_ratio))
    low, high = (float(np.exp(middle + side * Z975 * error)) for side in (-1, 1))
    p_value = float(2 * ndtr(-abs(middle) / error)) if error > 0 else float("nan")
    return RatioEstimate(found.risk_ratio, error, low, high, p_value)
