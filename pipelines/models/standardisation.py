"""Outcome regression averaged over a population (standardisation, the parametric g-formula of a point treatment)."""

import numpy as np

from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.least_squares import coefficients, triangle


def standardised_contrast(
    outcome: np.ndarray,
    design: np.ndarray,
    design_target: np.ndarray,
    design_comparator: np.ndarray,
    treated: np.ndarray,
    is_observed: np.ndarray | None = None,
    person_id: np.ndarray | None = None,
) -> ContrastEstimate:
    """Least squares among those observed; predictions for everybody in either arm, averaged, and their difference.

    The standard error counts both the regression (robust to unequal variance) and who happens to be in the population.

    Args:
        outcome: [n]; not read where not observed.
        design: [n, p] terms of arm and covariates as they are, without intercept.
        design_target, design_comparator: [n, p] the same terms with everybody in the target, or comparator, arm.
        treated: [n] true for the target arm.
        is_observed: [n]; None where everybody is.
        person_id: [n] for clustering; None where every row is a person.

    Raises:
        NotEstimable: collinear terms, or an arm without an observed outcome.

    Source: Hernan and Robins (2020), Causal Inference: What If, chapter 13; stacked estimating equations as there.
    """
    n = outcome.size
    seen = np.ones(n, dtype=bool) if is_observed is None else is_observed
    if not ((seen & treated).any() and (seen & ~treated).any()):
        raise NotEstimable("an arm has nobody with an outcome")
    actual, if_target, if_comparator = (
        np.column_stack([np.ones(n), part]) for part in (design, design_target, design_comparator)
    )
    scale = np.abs(actual[seen]).max(axis=0)
    if not np.all(scale > 0):
        raise NotEstimable(
            "a term of the outcome regression is 0 for everybody", (np.flatnonzero(scale == 0) - 1).tolist()
        )
    fitted, inverse = _least_squares(actual[seen] / scale, outcome[seen])
    residual = np.zeros(n)
    residual[seen] = outcome[seen] - actual[seen] / scale @ fitted
    predicted = [part / scale @ fitted for part in (if_target, if_comparator)]
    means = (float(predicted[0].mean()), float(predicted[1].mean()))
    moved = (if_target - if_comparator).mean(axis=0) / scale
    influence = predicted[0] - predicted[1] - (means[0] - means[1])
    influence = influence + n * (actual / scale @ (inverse @ moved)) * residual
    sizes = (int((seen & treated).sum()), int((seen & ~treated).sum()))
    return normal_contrast(means, influence, person_id, sizes, float(seen.sum()))


def _least_squares(terms: np.ndarray, outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and (X'X)^-1."""
    r = triangle(terms)
    size = np.abs(np.diag(r))
    if size.min() <= 1e-10 * size.max():
        raise NotEstimable(
            "terms of the outcome regression are collinear", (np.flatnonzero(size <= 1e-10 * size.max()) - 1).tolist()
        )
    inverse_r = np.linalg.inv(r)
    return coefficients(terms, outcome, inverse_r), inverse_r @ inverse_r.T
