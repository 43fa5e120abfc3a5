"""What the scripts in pandas and in Polars share, for it is neither: the stock of a drug, and propensity with scikit-learn.

Covariates come as arrays by name, NaN where missing. Splines, indicators, weights and differences are those of
docs/methods/point_treatment.md, written anew; the fit is scikit-learn's, to its maximum.
"""

import numpy as np

from pipelines.models.spline import restricted_cubic_spline
from pipelines.trials.study import catalogue

STUDY = "hpg_response"
PENALTIES, MOST_TRIED, WORTH = (1.0, 10.0, 100.0, 1000.0), 50_000, 1e-4
NOMINAL = "race_ethnicity"


def stocks(group: list[int], day: list[int], supply: list[int], cap: list[float]) -> list[int]:
    """Days at hand on the day of each supply; rows of a group follow each other by day."""
    found, at_hand, before = [], 0, None
    for row, own in enumerate(group):
        if own != before:
            at_hand, before = 0, own
        else:
            at_hand = max(0, min(int(cap[row]), at_hand + supply[row - 1] - (day[row] - day[row - 1])))
        found.append(at_hand)
    return found


def questions() -> list[tuple[int, dict[str, str], tuple[str, ...]]]:
    """Number, columns that name it, and covariates left out, of each contrast of the study."""
    study = catalogue()[STUDY]
    return [
        (
            study.contrast_number(each),
            {"study_id": study.id, "contrast": each.words, "outcome": each.outcome, "population": each.population},
            each.exclude,
        )
        for each in study.contrast
        if each.grace_intervals is None
    ]


def propensity(key: dict, covariates: dict[str, np.ndarray], treated: np.ndarray) -> tuple[list[dict], list[dict]]:
    """Rows of `models.propensity_model` and of `models.covariate_balance`; none where an arm is empty."""
    from sklearn.linear_model import LogisticRegression

    if not treated.any() or treated.all():
        return [], []
    names, matrix = design(covariates)
    best = None
    for penalty in PENALTIES if treated.size <= MOST_TRIED else PENALTIES[:1]:
        fit = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-10, max_iter=200).fit(matrix, treated)
        chance = fit.predict_proba(matrix)[:, 1]
        weights = np.minimum(np.where(treated, 1 / chance, 1 / (1 - chance)), 50.0)
        rows = balance(covariates, treated, weights)
        judged = [r["smd_after"] for r in rows if min(r["n_known_target"], r["n_known_comparator"]) >= 10]
        apart = float(np.mean(np.square(judged))) if judged else 0.0
        if best is None or apart < best[0] - WORTH:
            best = apart, penalty, fit, rows
    _, penalty, fit, rows = best
    values = [float(fit.intercept_[0]), *fit.coef_[0].tolist()]
    told = key | {"penalty": penalty, "n_people": treated.size}
    model = [told | {"term": t, "coefficient": v} for t, v in zip(["intercept", *names], values, strict=True)]
    sizes = {"n_target": int(treated.sum()), "n_comparator": int((~treated).sum())}
    return model, [key | sizes | row for row in rows]


def design(covariates: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Splines, levels and indicators, standardised; rare, constant and repeated columns left out."""
    columns: dict[str, np.ndarray] = {}
    for name, given in covariates.items():
        missing = np.isnan(given)
        known = given[~missing]
        if name == NOMINAL:
            columns |= {f"{name}: {level:g}": (given == level).astype(float) for level in np.unique(known)}
        else:
            filled = np.where(missing, known.mean(), given) if known.size else np.zeros(given.size)
            columns[name] = filled
            knots = np.quantile(known, (0.05, 0.35, 0.65, 0.95)) if known.size else np.zeros(4)
            if np.unique(known).size >= 10 and np.all(np.diff(knots) > 1e-9 * (knots[-1] - knots[0])):
                basis = restricted_cubic_spline(filled, knots)
                columns |= {f"{name}: curve {n}": basis[:, n] for n in range(1, basis.shape[1])}
        if missing.any():
            columns[f"{name}: missing"] = missing.astype(float)
    names, kept = [], []
    for name, values in columns.items():
        if values.std() > 0 and np.count_nonzero(values != np.median(values)) >= 10:
            names.append(name)
            kept.append((values - values.mean()) / values.std())
    # A column that those before it tell is left out.
    base, stays = np.zeros((treated_size(kept), len(kept))), []
    for place, values in enumerate(kept):
        rest = values - base[:, : len(stays)] @ (base[:, : len(stays)].T @ values)
        rest -= base[:, : len(stays)] @ (base[:, : len(stays)].T @ rest)
        if rest @ rest > 1e-7 * values.size:
            base[:, len(stays)] = rest / np.sqrt(rest @ rest)
            stays.append(place)
    return [names[place] for place in stays], np.column_stack([kept[place] for place in stays])


def treated_size(columns: list[np.ndarray]) -> int:
    return columns[0].size if columns else 0


def balance(covariates: dict[str, np.ndarray], treated: np.ndarray, weights: np.ndarray) -> list[dict]:
    """Means, standardised differences before and after, and ratio of variances of every covariate."""
    rows = []
    for name, given in covariates.items():
        missing = np.isnan(given)
        known = given[~missing]
        if name == NOMINAL:
            terms = {f"{name}: {v:g}": np.where(missing, np.nan, given == v) for v in np.unique(known)}
        else:
            terms = {name: given}
        if missing.any():
            terms[f"{name}: missing"] = missing.astype(float)
        for term, values in terms.items():
            told = np.isfinite(values)
            arms = [treated & told, ~treated & told]
            row = {"covariate": term, "n_known_target": int(arms[0].sum()), "n_known_comparator": int(arms[1].sum())}
            if not (arms[0].any() and arms[1].any()):
                rows.append(row | {"smd_before": 0.0, "smd_after": 0.0})
                continue
            means = [values[arm].mean() for arm in arms]
            spread = np.sqrt((values[arms[0]].var() + values[arms[1]].var()) / 2)
            after = [np.average(values[arm], weights=weights[arm]) for arm in arms]
            spreads = [
                np.average((values[arm] - mean) ** 2, weights=weights[arm])
                for arm, mean in zip(arms, after, strict=True)
            ]
            is_scale = term == name and np.unique(known).size > 2 and all(np.ptp(values[arm]) > 0 for arm in arms)
            rows.append(
                row
                | {
                    "mean_target": means[0],
                    "mean_comparator": means[1],
                    "smd_before": standardised(means[0] - means[1], spread),
                    "smd_after": standardised(after[0] - after[1], spread),
                    "variance_ratio": spreads[0] / spreads[1] if is_scale else np.nan,
                }
            )
    return rows


def standardised(gap: float, spread: float) -> float:
    return 0.0 if abs(gap) < 1e-12 else gap / spread if spread > 0 else float(np.sign(gap) * np.inf)
