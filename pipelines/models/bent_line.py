"""Is there a kink, and where? A line in an exposure that may bend once: test that it bends, and where it may bend.

Existence by a score test that looks at every place at once. The interval holds every place that the same test, of a line
bent there against a further kink anywhere, does not refuse: it may have one end, no end, or be empty. Exposures may be
imputed, rows weighted, persons repeated. Not here: correction for error in the exposure.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipelines.domain.randomness import generator
from pipelines.models.errors import NotEstimable

Verdict = Literal["kink", "no_kink", "not_answerable"]
_COLLINEAR = 1e-10
#: a hinge of which less than this share is left beside the kink is the kink
_SAME_PLACE = 1e-4
#: principal directions of the scores from which their supremum is drawn; the rest is below 1e-4 of their variance
_MOST_DIRECTIONS = 20


@dataclass(frozen=True, slots=True)
class BentLineSpec:
    """How the search goes; the defaults are the primary analysis.

    `support`: quantiles of measured exposure between which is searched; `n_places`: places looked at; `level`: of the test
    of existence; `least_people` with exposures on either side of a place; `most_censored`: share of exposures not measured;
    `n_draws` of the test's reference distribution, from `seed`.
    """

    seed: int
    support: tuple[float, float] = (0.10, 0.90)
    n_places: int = 31
    level: float = 0.05
    least_people: int = 50
    most_censored: float = 0.5
    n_draws: int = 2000


@dataclass(frozen=True, slots=True, eq=False)
class BentLine:
    """The answer; NaN where a number was not asked for or does not exist.

    Attributes:
        verdict, reason: kink, no_kink (a straight line, maybe a flat one), or not_answerable and why.
        statistic, p_value: largest |standardised score| over the places, and of the test that the line does not bend.
        place: of the kink, unit of the exposure; NaN unless there is one.
        ci_low, ci_high: 95 % interval; -inf or inf where the places searched do not end it; NaN where empty.
        is_empty: no place searched is compatible with one kink there.
        slope_below, slope_above: per unit of exposure, with standard errors that know the place was estimated; without a
            kink both are the slope of the straight line.
        searched: the first and the last place.
    """

    verdict: Verdict
    reason: str
    statistic: float
    p_value: float
    place: float
    ci_low: float
    ci_high: float
    is_empty: bool
    slope_below: float
    slope_below_se: float
    slope_above: float
    slope_above_se: float
    searched: tuple[float, float]
    n_persons: int


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    y: np.ndarray
    exposures: np.ndarray
    covariates: np.ndarray
    weights: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    n_persons: int


def fit_bent_line(
    outcome: np.ndarray,
    exposure: np.ndarray,
    covariates: np.ndarray,
    spec: BentLineSpec,
    person_id: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    is_measured: np.ndarray | None = None,
) -> BentLine:
    """y = a + covariates b + g exposure + d max(exposure - place, 0) + error; is d 0, and which places are possible?

    Both tests are robust to unequal variance and count persons, not rows. Scores of imputed exposures are averaged, and
    their variance gets (1 + 1/m) of the variance between imputations (Rubin 1987).

    Args:
        outcome: [n].
        exposure: [n], or [m, n] imputations of it (log estradiol).
        covariates: [n, p] without intercept.
        spec: of the search.
        person_id: [n] for clustering; None where every row is a person.
        weights: [n] positive, as of inverse intensity; None: ones. They are taken as known.
        is_measured: [n] false where the exposure was imputed; the places lie between quantiles of the measured.

    Raises:
        ValueError: shapes that differ, or values that are not finite.
        NotEstimable: covariates and exposure that tell each other.

    Source: sup-score test: Davies (1987), Biometrika 74:33; Fong, Di and Permar (2015), Stat Med 34:1517. Interval by
    inverting a test whose size does not hang on how strong the kink is: Dufour (1997), Econometrica 65:1365.
    """
    data, measured = _checked(outcome, exposure, covariates, person_id, weights, is_measured)
    places, reason = _places(data, measured, spec)
    if places is None:
        return _answer("not_answerable", reason, data)
    statistic, p_value = _existence(data, places, spec)
    ends = (float(places[0]), float(places[-1]))
    if p_value > spec.level:
        (slope, _, _), errors = _slopes(data, None)
        found = _answer("no_kink", "", data, statistic, p_value, searched=ends)
        return _with_slopes(found, (slope, slope), (errors[0], errors[0]))
    place = _best_place(data, places)
    low, high = _interval(data, places, place, spec)
    (below, above, _), errors = _slopes(data, place)
    found = _answer("kink", "", data, statistic, p_value, place, (low, high), ends)
    return _with_slopes(found, (below, above), (errors[0], errors[1]))


def place_and_slopes(
    outcome: np.ndarray,
    exposure: np.ndarray,
    covariates: np.ndarray,
    spec: BentLineSpec,
    weights: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """Place, slope below and slope above of the best bent line, whether or not it bends; for resampling and error models.

    Raises:
        NotEstimable: no place to search.
    """
    data, measured = _checked(outcome, exposure, covariates, None, weights, None)
    places, reason = _places(data, measured, spec)
    if places is None:
        raise NotEstimable(reason)
    place = _best_place(data, places)
    (below, above, _), _ = _slopes(data, place)
    return place, below, above


def _answer(
    verdict: Verdict,
    reason: str,
    data: _Data,
    statistic: float = np.nan,
    p_value: float = np.nan,
    place: float = np.nan,
    interval: tuple[float, float] = (np.nan, np.nan),
    searched: tuple[float, float] = (np.nan, np.nan),
) -> BentLine:
    is_empty = verdict == "kink" and bool(np.isnan(interval[0]))
    nothing = float("nan")
    return BentLine(
        *(verdict, reason, statistic, p_value, place, *interval, is_empty),
        *(nothing, nothing, nothing, nothing, searched, data.n_persons),
    )


def _with_slopes(found: BentLine, slopes: tuple[float, float], errors: tuple[float, float]) -> BentLine:
    return replace(
        found, slope_below=slopes[0], slope_below_se=errors[0], slope_above=slopes[1], slope_above_se=errors[1]
    )


def _checked(
    outcome: np.ndarray,
    exposure: np.ndarray,
    covariates: np.ndarray,
    person_id: np.ndarray | None,
    weights: np.ndarray | None,
    is_measured: np.ndarray | None,
) -> tuple[_Data, np.ndarray]:
    y, exposures = np.asarray(outcome, dtype=np.float64), np.atleast_2d(np.asarray(exposure, dtype=np.float64))
    n = y.size
    person = np.arange(n) if person_id is None else np.asarray(person_id)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    measured = np.ones(n, dtype=bool) if is_measured is None else np.asarray(is_measured, dtype=bool)
    if exposures.shape[1] != n or covariates.shape[:1] != (n,) or not person.size == w.size == measured.size == n:
        raise ValueError("outcome, exposure, covariates, persons and weights must have one row a reading")
    if not all(np.all(np.isfinite(part)) for part in (y, exposures, covariates, w)) or np.any(w <= 0):
        raise ValueError("values must be finite and weights positive")
    people, codes = np.unique(person, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    starts = np.searchsorted(sorted_codes, np.arange(people.size))
    data = _Data(y[order], exposures[:, order], covariates[order], w[order], sorted_codes, starts, people.size)
    return data, measured[order]


def _places(data: _Data, measured: np.ndarray, spec: BentLineSpec) -> tuple[np.ndarray | None, str]:
    """Places to look at, or why there is none."""
    share = 1.0 - float(measured.mean()) if measured.size else 1.0
    if share > spec.most_censored:
        return None, f"{share:.0%} of exposures are not measured, above {spec.most_censored:.0%}"
    known = data.exposures[:, measured]
    low, high = np.quantile(known, spec.support)
    # The lowest reading of a person stands for a person below, the highest for one above: 50 people, not 50 rows.
    mean = data.exposures.mean(axis=0)
    lowest, highest = np.full(data.n_persons, np.inf), np.full(data.n_persons, -np.inf)
    np.minimum.at(lowest, data.codes, mean)
    np.maximum.at(highest, data.codes, mean)
    if data.n_persons >= spec.least_people:
        low = max(low, float(np.sort(lowest)[spec.least_people - 1]))
        high = min(high, float(np.sort(highest)[-spec.least_people]))
    if data.n_persons < spec.least_people or not low < high:
        return None, f"no place has {spec.least_people} people on either side"
    return np.linspace(low, high, spec.n_places), ""


def _basis(data: _Data, z: np.ndarray) -> np.ndarray:
    """[n, q] orthonormal after weighting: intercept, covariates, exposure, each times root weight."""
    terms = np.column_stack([np.ones(z.size), data.covariates, z])
    terms = terms / np.maximum(np.abs(terms).max(axis=0), 1e-300)
    q, r = np.linalg.qr(terms * np.sqrt(data.weights)[:, None])
    size = np.abs(np.diag(r))
    if size.min() <= _COLLINEAR * size.max():
        raise NotEstimable("covariates and exposure of the bent line tell each other")
    return q


def _existence(data: _Data, places: np.ndarray, spec: BentLineSpec) -> tuple[float, float]:
    """Largest |score| over the places, and its p-value by draws from the limit: normal with the scores' correlation."""
    normals = _normals(spec, places.size)
    statistic, drawn = _supremum(*_pooled_score(data, [_bent(data, z, places) for z in data.exposures], None), normals)
    return statistic, (1 + int(np.count_nonzero(drawn >= statistic))) / (1 + drawn.size)


def _interval(data: _Data, places: np.ndarray, best: float, spec: BentLineSpec) -> tuple[float, float]:
    """Hull of the places that are not refused: with a kink there, the scores of a further kink anywhere are chance."""
    step = places[1] - places[0]
    near = np.clip(np.linspace(best - step, best + step, 9), places[0], places[-1])
    tried = np.unique(np.concatenate([places, near]))
    bent = [_bent(data, z, tried) for z in data.exposures]
    normals = _normals(spec, tried.size)
    excess = np.empty(tried.size)
    for number in range(tried.size):
        statistic, drawn = _supremum(*_pooled_score(data, bent, number), normals)
        excess[number] = statistic / np.quantile(drawn, 0.95) - 1.0
    return accepted_hull(tried, excess)


def accepted_hull(places: np.ndarray, excess: np.ndarray) -> tuple[float, float]:
    """Ends of {place: excess <= 0}, straight between places; NaN where nothing is accepted, infinite at an open end."""
    accepted = np.flatnonzero(excess <= 0)
    if not accepted.size:
        return float("nan"), float("nan")

    def end(inside: int, outside: int) -> float:
        share = excess[inside] / (excess[inside] - excess[outside])
        return float(places[inside] + share * (places[outside] - places[inside]))

    first, last = int(accepted[0]), int(accepted[-1])
    low = -np.inf if first == 0 else end(first, first - 1)
    high = np.inf if last == places.size - 1 else end(last, last + 1)
    return low, high


def _normals(spec: BentLineSpec, n_places: int) -> np.ndarray:
    return generator(spec.seed, "bent_line", n_places).standard_normal((spec.n_draws, min(n_places, _MOST_DIRECTIONS)))


def _supremum(score: np.ndarray, covariance: np.ndarray, normals: np.ndarray) -> tuple[float, np.ndarray]:
    """Largest |score| in its SDs, and [draws] of the same from its limit (the directions that carry its correlation)."""
    spread = np.sqrt(np.diag(covariance))
    if not np.all(spread > 0):
        raise NotEstimable("the line fits without error: nothing is left to test")
    values, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    size = min(normals.shape[1], values.size)
    root = vectors[:, -size:] * np.sqrt(np.maximum(values[-size:], 0.0))
    drawn = np.abs(normals[:, :size] @ root.T).max(axis=1)
    return float(np.abs(score / spread).max()), drawn


@dataclass(frozen=True, slots=True, eq=False)
class _Bent:
    """Hinges [n, places] and outcome [n] after the straight line is taken out, all times root weight; [places] sizes."""

    hinge: np.ndarray
    rest: np.ndarray
    size: np.ndarray

    def score_rows(self, kink: int | None) -> np.ndarray:
        """[n, places] terms of the scores of a kink, or of a further one beside that numbered; 0 where there is none."""
        if kink is None:
            return self.hinge * self.rest[:, None]
        own = self.hinge[:, kink]
        left = self.rest - own * (own @ self.rest / self.size[kink])
        others = self.hinge - np.outer(own, own @ self.hinge / self.size[kink])
        others = others[:, (others**2).sum(axis=0) > _SAME_PLACE * self.size]
        return others * left[:, None]


def _bent(data: _Data, z: np.ndarray, places: np.ndarray) -> _Bent:
    basis, root = _basis(data, z), np.sqrt(data.weights)
    hinge = np.maximum(z[:, None] - places, 0.0) * root[:, None]
    hinge -= basis @ (basis.T @ hinge)
    rest = data.y * root
    return _Bent(hinge, rest - basis @ (basis.T @ rest), (hinge**2).sum(axis=0))


def _pooled_score(data: _Data, bent: list[_Bent], kink: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Scores [g] summed over rows and averaged over imputations; their covariance [g, g], by persons."""
    rows = [each.score_rows(kink) for each in bent]
    # Which places are the kink's own may differ by a hair between imputations.
    narrow = min(part.shape[1] for part in rows)
    persons = [_by_person(part[:, :narrow], data) for part in rows]
    found = np.array([part.sum(axis=0) for part in persons])
    m = found.shape[0]
    within = sum((part - part.mean(axis=0)).T @ (part - part.mean(axis=0)) for part in persons) / m
    if m == 1:
        return found[0], np.asarray(within)
    deviations = found - found.mean(axis=0)
    return found.mean(axis=0), within + (1 + 1 / m) * deviations.T @ deviations / (m - 1)


def _by_person(rows: np.ndarray, data: _Data) -> np.ndarray:
    """[persons, g] sums; rows are sorted by person."""
    return rows if data.n_persons == rows.shape[0] else np.add.reduceat(rows, data.starts, axis=0)


def _best_place(data: _Data, places: np.ndarray) -> float:
    """The place of least squares, mean over imputations: the best of the places, then between its neighbours."""
    from scipy.optimize import minimize_scalar

    def gained(where: np.ndarray) -> np.ndarray:
        total = np.zeros(where.size)
        for z in data.exposures:
            bent = _bent(data, z, where)
            total += (bent.hinge.T @ bent.rest) ** 2 / bent.size
        return total

    best = int(np.argmax(gained(places)))
    bounds = (float(places[max(best - 1, 0)]), float(places[min(best + 1, places.size - 1)]))
    found = minimize_scalar(
        lambda place: -gained(np.array([place]))[0],
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6 * (places[-1] - places[0])},
    )
    return float(found.x)


def _slopes(data: _Data, place: float | None) -> tuple[tuple[float, float, float], tuple[float, float]]:
    """Slopes below and above, and the bend; standard errors of the two slopes, by persons and by Rubin's rules."""
    estimates, covariances = [], []
    for z in data.exposures:
        terms = [np.ones(z.size), data.covariates, z]
        if place is not None:
            terms.append(np.maximum(z - place, 0.0))
        x = np.column_stack(terms)
        beta = np.linalg.lstsq(x * np.sqrt(data.weights)[:, None], data.y * np.sqrt(data.weights), rcond=None)[0]
        rest = (data.y - x @ beta) * data.weights
        bend = float(beta[-1]) if place is not None else 0.0
        if place is not None:
            # The place was estimated too: its derivative is a column of the linearised model.
            x = np.column_stack([x, -bend * (z > place)])
        scores = _by_person(x * rest[:, None], data)
        bread = np.linalg.pinv(x.T @ (x * data.weights[:, None]), hermitian=True)
        covariance = bread @ (scores.T @ scores) @ bread
        at = data.covariates.shape[1] + 1
        to = np.zeros((2, x.shape[1]))
        to[:, at] = 1.0
        if place is not None:
            to[1, at + 1] = 1.0
        estimates.append([beta[at], beta[at] + bend])
        covariances.append(to @ covariance @ to.T)
    found, within = np.array(estimates), np.array(covariances).mean(axis=0)
    m = found.shape[0]
    total = within if m == 1 else within + (1 + 1 / m) * np.cov(found.T)
    errors = np.sqrt(np.diag(total))
    below, above = (float(value) for value in found.mean(axis=0))
    return (below, above, above - below), (float(errors[0]), float(errors[1]))
