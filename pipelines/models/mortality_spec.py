"""The choices of the NHANES mortality study, and the shape of its results. No computation."""

from dataclasses import dataclass
from typing import Literal

from pipelines.models.imputation import PooledEstimate

ExposureCode = Literal["estradiol", "femoral_neck_t_score"]
Status = Literal["pass", "fail", "not_evaluated", "not_applicable"]
Method = Literal["after_late_from_months", "below_top_age", "lloq_over_sqrt2", "measured_only"]
#: the step that a hazard ratio is told per
STEPS: dict[ExposureCode, str] = {"estradiol": "doubling", "femoral_neck_t_score": "unit"}


@dataclass(frozen=True, slots=True)
class Exposure:
    """An exposure, the survey cycles whose people have it, and the months that all of them were followed for."""

    code: ExposureCode
    cycles: tuple[str, ...]
    horizon_months: float


@dataclass(frozen=True, slots=True)
class MortalitySpec:
    """Analysis choices; thresholds are those of the gate profile `survey_hazard`, may be tightened, not loosened.

    `risk_percentiles`: risks are compared between these weighted percentiles of the exposure, low and high. `late_from_months`:
    the hazard ratio is told again for deaths after this time, since illness lowers both exposures before it kills.
    `minimum_category_count`: rarer race/ethnicity codes share one term.
    """

    study_id: str
    seed: int
    exposures: tuple[Exposure, ...]
    n_imputations: int = 40
    minimum_age_years: float = 40.0
    populations: tuple[str, ...] = ("men", "postmenopausal_women")
    risk_percentiles: tuple[float, float] = (25.0, 75.0)
    late_from_months: float = 24.0
    minimum_category_count: int = 30
    minimum_n: int = 30
    minimum_effective_n: float = 30.0
    minimum_design_df: int = 8
    minimum_events_per_parameter: float = 10.0
    minimum_followed_share: float = 0.95
    maximum_relative_standard_error: float = 0.30
    maximum_censored_share: float = 0.50

    def __post_init__(self) -> None:
        problems = []
        if self.n_imputations < 20:
            problems.append("n_imputations must be at least 20")
        low, high = self.risk_percentiles
        if not 5 <= low < high <= 95:
            problems.append("risk_percentiles are two increasing numbers between 5 and 95")
        if not self.exposures or len({each.code for each in self.exposures}) < len(self.exposures):
            problems.append("an exposure is needed, and none twice")
        if wrong := [each.code for each in self.exposures if each.code not in STEPS or not each.cycles]:
            problems.append(f"no such exposure, or one without cycles: {', '.join(wrong)}")
        if any(not 0 < self.late_from_months < each.horizon_months for each in self.exposures):
            problems.append("late_from_months lies between the examination and every horizon")
        if self.minimum_n < 30 or self.minimum_effective_n < 30 or self.minimum_design_df < 8:
            problems.append("thresholds may not be below n 30, effective n 30, design df 8")
        if self.minimum_events_per_parameter < 10 or self.minimum_followed_share < 0.95:
            problems.append("thresholds may not be below 10 deaths a parameter and a followed share of 0.95")
        if self.maximum_relative_standard_error > 0.30 or self.maximum_censored_share > 0.50:
            problems.append("thresholds may not exceed a relative standard error of 0.30 and a censored share of 0.50")
        if problems:
            raise ValueError("MortalitySpec: " + "; ".join(problems))


@dataclass(frozen=True, slots=True)
class MortalityDiagnostic:
    """One row of the evidence gate; `value` is None where it could not be evaluated, `rule` says how it compares."""

    diagnostic: str
    value: float | None
    threshold: float
    rule: str
    status: Status


@dataclass(frozen=True, slots=True)
class MortalityComparison:
    """Another analysis of the same question; `log_hazard_ratio` is None where it cannot be answered, `note` says why."""

    method: Method
    log_hazard_ratio: PooledEstimate | None
    n: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class MortalityResult:
    """Association (never effect) of one exposure with death from any cause in one population.

    Attributes:
        log_hazard_ratio: per doubling of estradiol, or per unit of T-score.
        low, high: exposure at the two percentiles, pg/mL or T-score; `is_low_below_lloq` where the low one rests on imputation.
        risk_low, risk_high: standardised risk by the horizon, had everybody that exposure; `risk_difference` high less low.
        n, n_events, n_censored: people, deaths, people whose estradiol is below the limit.
        n_parameters: of the regression, exposure included.
    """

    exposure: ExposureCode
    population: str
    log_hazard_ratio: PooledEstimate
    low: float
    high: float
    is_low_below_lloq: bool
    risk_low: float
    risk_high: float
    risk_difference: PooledEstimate
    n: int
    n_events: int
    n_censored: int
    n_effective: float
    n_parameters: int
    design_df: int
    n_imputations: int
    comparisons: tuple[MortalityComparison, ...]
    notes: tuple[str, ...]
