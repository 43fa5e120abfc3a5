"""Bone along estradiol, the answers: a line per doubling, a curve, and whether and where the line bends.

Completed exposures in (`threshold.completed`), frozen results out; called behind an open gate only.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from pipelines.models.bent_line import BentLine, BentLineSpec, fit_bent_line, place_and_slopes
from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import Pooled, pool, wald_d1
from pipelines.models.measurement_error import simulation_extrapolation
from pipelines.models.person_regression import person_regression
from pipelines.models.scan_pair_frame import ScanPairFrame
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.threshold import Completed, ThresholdSpec
from pipelines.models.wald import WaldTest

_POINTS = 41
#: completed data sets and draws by which error of measurement is simulated; more change the third digit
_ERROR_SETS, _ERROR_DRAWS = 5, 4


@dataclass(frozen=True, slots=True, eq=False)
class Curved:
    """Line and curve, % a year.

    Attributes:
        line: first coefficient: difference per doubling.
        exposure: [points] pg/mL, between the percentiles asked for; `reference` the median, `knots`: pg/mL.
        difference, ci_low, ci_high: [points] against the reference.
        joint, nonlinearity: tests that the curve is flat, and that it is straight.
        n_people, n_censored: in it, and of them those with a pair without any measured draw; `n_effective` pairs (Kish).
    """

    line: Pooled
    exposure: np.ndarray
    reference: float
    knots: tuple[float, ...]
    difference: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    joint: WaldTest
    nonlinearity: WaldTest
    n_people: int
    n_censored: int
    n_effective: float


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Whether and where the line bends (log estradiol, % a year a unit of log), and what error of measurement did.

    `place`, `ci_low`, `ci_high`, `slope_below`, `slope_above` are corrected; NaN where the line does not bend. The interval
    is moved by as much as the place. `error_sd` is the mean error of a log mean.
    """

    line: BentLine
    place: float
    ci_low: float
    ci_high: float
    slope_below: float
    slope_above: float
    error_sd: float
    n_people: int
    n_pairs: int
    censored_share: float


def curved(frame: ScanPairFrame, data: Completed, spec: ThresholdSpec) -> Curved:
    """Line per doubling, restricted cubic spline, its tests, and differences against the median.

    Raises:
        NotEstimable: the fit has no answer.
    """
    measured = frame.is_measured
    known = data.exposure[:, measured]
    knots = np.quantile(known, np.array(spec.knot_percentiles) / 100)
    ends = (spec.curve_percentiles[0] / 100, 0.5, spec.curve_percentiles[1] / 100)
    low, middle, high = np.quantile(known, ends)
    if not np.all(np.diff(knots) > 0):
        raise NotEstimable("knots of the curve fall together")
    df = float(frame.n_people - data.covariates.shape[1] - knots.size)
    line = pool(*_fits(frame, data, [each[:, None] / np.log(2) for each in data.exposure]), df)
    estimates, covariances = _fits(frame, data, [restricted_cubic_spline(each, knots) for each in data.exposure])
    curve = pool(estimates, covariances, df)
    terms = knots.size - 1
    places = np.linspace(low, high, _POINTS)
    apart = restricted_cubic_spline(places, knots) - restricted_cubic_spline(np.array([middle]), knots)
    difference = apart @ curve.estimates[:terms]
    spread = np.sqrt(np.einsum("ij,jk,ik->i", apart, curve.covariance[:terms, :terms], apart))
    margin = float(special.stdtrit(curve.df[:terms].min(), 0.975)) * spread
    return Curved(
        line,
        np.exp(places),
        float(np.exp(middle)),
        tuple(float(knot) for knot in np.exp(knots)),
        difference,
        difference - margin,
        difference + margin,
        _tested(estimates, covariances, slice(0, terms), df),
        _tested(estimates, covariances, slice(1, terms), df),
        frame.n_people,
        int(np.unique(frame.person[~measured]).size),
        float(data.weights.sum() ** 2 / (data.weights**2).sum()),
    )


def _fits(frame: ScanPairFrame, data: Completed, terms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [m, p] and covariances of the outcome on terms [n, q], covariates and intercept."""
    fixed = np.column_stack([np.ones(frame.person.size), data.covariates])
    designs = [np.column_stack([each, fixed]) for each in terms]
    fits = [person_regression(frame.change_per_year, design, frame.person, data.weights) for design in designs]
    return np.array([beta for beta, _ in fits]), np.array([covariance for _, covariance in fits])


def _tested(estimates: np.ndarray, covariances: np.ndarray, terms: slice, df: float) -> WaldTest:
    return wald_d1(estimates[:, terms], covariances[:, terms, terms], df, design_adjusted=False)


def bend(frame: ScanPairFrame, data: Completed, spec: ThresholdSpec) -> Bend:
    """Whether the line bends and where, corrected for error of measurement.

    Raises:
        NotEstimable: covariates and exposure tell each other.
    """
    measured = frame.is_measured
    search = BentLineSpec(seed=spec.seed, least_people=spec.least_people, most_censored=spec.most_censored)
    outcome = frame.change_per_year
    line = fit_bent_line(outcome, data.exposure, data.covariates, search, frame.person, data.weights, measured)
    sizes = frame.n_people, outcome.size, 1.0 - float(measured.mean())
    nothing = float("nan")
    error_sd = float(data.error_sd.mean())
    if line.verdict != "kink":
        return Bend(line, nothing, nothing, nothing, nothing, nothing, error_sd, *sizes)
    moved = _moved(outcome, data, search)
    corrected = np.array([line.place, line.slope_below, line.slope_above]) + moved
    interval = np.array([line.ci_low, line.ci_high]) + moved[0]
    return Bend(line, *(float(value) for value in (corrected[0], *interval, *corrected[1:])), error_sd, *sizes)


def _moved(outcome: np.ndarray, data: Completed, search: BentLineSpec) -> np.ndarray:
    """[3] place and slopes without error less those with it: mean over completed data sets."""
    found = []
    for number, exposure in enumerate(data.exposure[:_ERROR_SETS]):

        def estimate(added: np.ndarray, exposure: np.ndarray = exposure) -> np.ndarray:
            moved = exposure + data.error_sd * added
            return np.array(place_and_slopes(outcome, moved, data.covariates, search, data.weights))

        # Errors differ from pair to pair: noise of SD 1 is added to nothing, and each pair takes its own share of it.
        nothing = np.zeros(exposure.size)
        known = simulation_extrapolation(estimate, nothing, 1.0, search.seed + number, n_draws=_ERROR_DRAWS)
        found.append(known.corrected - known.naive)
    return np.mean(found, axis=0)
