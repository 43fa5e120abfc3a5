"""The choices of the NHANES estradiol and BMD study, and the shape of its results. No computation."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pipelines.models.imputation import PooledEstimate
from pipelines.models.wald import WaldTest

Status = Literal["pass", "fail", "not_evaluated"]


@dataclass(frozen=True, slots=True)
class E2BmdSpec:
    """Analysis choices; thresholds are those of the gate profile `survey_association`, may be tightened, not loosened.

    `knot_percentiles`: three or four percentiles of estradiol, hence two or three spline terms. `curve_percentiles`:
    the curve is drawn between these alone. `minimum_category_count`: rarer race/ethnicity codes share one term.
    """

    seed: int
    n_imputations: int = 40
    minimum_age_years: float = 40.0
    outcomes: tuple[str, ...] = ("femoral_neck_bmd_g_cm2", "total_hip_bmd_g_cm2", "lumbar_spine_bmd_g_cm2")
    populations: tuple[str, ...] = ("men", "postmenopausal_women")
    knot_percentiles: tuple[float, ...] = (5.0, 35.0, 65.0, 95.0)
    curve_percentiles: tuple[float, float] = (5.0, 95.0)
    n_curve_points: int = 41
    reference_marks_pg_ml: tuple[float, ...] = (20.0, 30.0)
    minimum_category_count: int = 30
    minimum_n: int = 30
    minimum_effective_n: float = 30.0
    minimum_design_df: int = 8
    maximum_relative_standard_error: float = 0.30
    maximum_censored_share: float = 0.50

    def __post_init__(self) -> None:
        problems = []
        if self.n_imputations < 20:
            problems.append("n_imputations must be at least 20")
        if len(self.knot_percentiles) not in (3, 4) or not _increasing_percentiles(self.knot_percentiles):
            problems.append("knot_percentiles must be three or four increasing numbers between 0 and 100")
        low, high = self.curve_percentiles
        if not 5 <= low < high <= 95 or self.n_curve_points < 2:
            problems.append("the curve lies between the 5th and 95th percentile and has at least two points")
        if self.minimum_n < 30 or self.minimum_effective_n < 30 or self.minimum_design_df < 8:
            problems.append("thresholds may not be below n 30, effective n 30, design df 8")
        if self.maximum_relative_standard_error > 0.30 or self.maximum_censored_share > 0.50:
            problems.append("thresholds may not exceed a relative standard error of 0.30 and a censored share of 0.50")
        if problems:
            raise ValueError("E2BmdSpec: " + "; ".join(problems))


def _increasing_percentiles(percentiles: tuple[float, ...]) -> bool:
    steps = (0.0, *percentiles, 100.0)
    return all(a < b for a, b in pairwise(steps))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One row of the evidence gate; `value` is None where it could not be evaluated, `note` says why."""

    population: str
    outcome: str
    diagnostic: str
    value: float | None
    threshold: float
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Attrition:
    """Respondents from the population down to the analysis, each step counted on those the step before left."""

    n_population: int
    n_without_e2: int
    n_without_outcome: int
    n_without_covariates: int
    n_analyzed: int

    @property
    def missing_covariate_share(self) -> float:
        """Share of respondents with estradiol and outcome who lack a covariate."""
        complete = self.n_without_covariates + self.n_analyzed
        return self.n_without_covariates / complete if complete else 0.0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """BMD at `e2_pg_ml` minus BMD at the reference, g/cm2. Below the LLOQ the curve rests on imputed values alone."""

    e2_pg_ml: float
    difference_g_cm2: float
    standard_error: float
    ci_low: float
    ci_high: float
    df: float
    is_below_lloq: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A worse analysis of the same rows, shown for comparison only and never as the answer."""

    method: Literal["substitution_lloq_over_sqrt2", "complete_case_measured_only"]
    per_doubling: PooledEstimate | None
    n: int
    is_comparison_only: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class E2BmdResult:
    """Association (never effect) of estradiol with one BMD outcome in one population.

    `per_doubling`: difference per doubling of E2. `curve`: against `reference_e2_pg_ml`, the weighted median.
    `marks`: the same contrast at the reference marks inside the curve's range. `association`: all spline terms are
    zero; `nonlinearity`: all but the linear one. `fraction_missing_information` is that of `per_doubling`.
    """

    population: str
    outcome: str
    per_doubling: PooledEstimate
    reference_e2_pg_ml: float
    knots_e2_pg_ml: tuple[float, ...]
    curve: tuple[CurvePoint, ...]
    marks: tuple[CurvePoint, ...]
    association: WaldTest
    nonlinearity: WaldTest
    n: int
    n_censored: int
    n_effective: float
    design_df: int
    n_imputations: int
    fraction_missing_information: float
    attrition: Attrition
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
