"""From the study frame to arrays of the mortality study: the whole examined sample as a design, and the followed people in it.

The only place of this study that touches a data frame. Not here: where follow-up comes from (`study_frame`), what is fitted
(`mortality`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.models.e2_bmd_sample import COVARIATES, checked_columns, covariate_terms
from pipelines.models.mortality_spec import Exposure, MortalitySpec
from pipelines.models.survey import SurveyDesign
from pipelines.models.survival_curve import FollowUp, fit_curve, follow_up

_FOLLOWED = {"months": "a number", "femoral_neck_t_score": "a number", "died": "true or false"}
_BMI_CENTER, _BMI_SCALE = 28.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class MortalitySample:
    """One exposure and population. `design` and `domain` [N] span the whole sample, all else the n analysed people.

    Attributes:
        rows: [n] months from the examination to death (event 1) or the end of linked follow-up, unweighted.
        exposure: [n] log2 pg/mL or T-score; NaN where estradiol is below the limit.
        log_e2_lower, log_e2_upper: [n] natural logs of pg/mL; NaN where the exposure is no estradiol.
        covariates: [n, c] without intercept: those of the estradiol and BMD study, BMI squared, age at its ceiling.
        is_top_age: [n] age is only known to be at the ceiling of the release, or above.
        log_testosterone: [n], None where incomplete.
    """

    design: SurveyDesign
    domain: np.ndarray
    person_id: np.ndarray
    weight: np.ndarray
    stratum: np.ndarray
    rows: FollowUp
    exposure: np.ndarray
    log_e2_lower: np.ndarray
    log_e2_upper: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    is_top_age: np.ndarray
    log_testosterone: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def is_censored(self) -> np.ndarray:
        """[n] estradiol is not measured exactly."""
        return np.isnan(self.exposure)

    @property
    def n_events(self) -> int:
        """Deaths."""
        return int((self.rows.event > 0).sum())

    @property
    def n_parameters(self) -> int:
        """Of the regression: the exposure and every covariate."""
        return 1 + self.covariates.shape[1]

    @property
    def outcome_terms(self) -> dict[str, np.ndarray]:
        """Death and its cumulative hazard at the end of follow-up, Nelson-Aalen (White and Royston 2009, Stat Med 28:1982)."""
        curve = fit_curve(self.rows)
        hazard = np.r_[0.0, np.cumsum(curve.hazard[:, 0])]
        reached = hazard[np.searchsorted(curve.times, self.rows.exit, side="right")]
        return {"died": (self.rows.event > 0) * 1.0, "cumulative_hazard": reached}


def checked_mortality_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame ordered by person, NaN as null.

    Raises:
        BadInput: as `checked_columns`; or follow-up is missing a column, negative, or known to end without a known death or
            life. Every problem found is listed.
    """
    problems = [f"study frame: column {name} is missing" for name in _FOLLOWED if name not in frame.columns]
    for name in _FOLLOWED:
        dtype = frame.schema.get(name, pl.Null())
        fits = dtype == pl.Boolean if name == "died" else dtype.is_numeric()
        if dtype != pl.Null and not fits:
            problems.append(f"study frame: column {name} must be {_FOLLOWED[name]}, not {dtype}")
    if "is_age_top_coded" not in frame.columns:
        problems.append("study frame: column is_age_top_coded is missing")
    if problems:
        raise BadInput(problems)
    numbers = [name for name, kind in _FOLLOWED.items() if kind == "a number"]
    own = frame.select("person_id", *_FOLLOWED, "is_age_top_coded").with_columns(
        pl.col(numbers).cast(pl.Float64).fill_nan(None), pl.col("died", "is_age_top_coded").cast(pl.Boolean)
    )
    ordered = checked_columns(frame, ()).join(own, on="person_id", how="left", maintain_order="left")
    faults = {
        "months are negative or infinite": (pl.col("months") < 0) | pl.col("months").is_infinite(),
        "a T-score is infinite": pl.col("femoral_neck_t_score").is_infinite(),
        "months are known and whether the person died is not, or the other way round": pl.col("months").is_null()
        != pl.col("died").is_null(),
    }
    counts = ordered.select(test.fill_null(value=False).sum().alias(fault) for fault, test in faults.items()).row(0)
    if wrong := [f"study frame: {fault} in {n} rows" for fault, n in zip(faults, counts, strict=True) if n]:
        raise BadInput(wrong)
    return ordered


def mortality_sample(
    frame: pl.DataFrame, design: SurveyDesign, spec: MortalitySpec, exposure: Exposure, population: str
) -> MortalitySample:
    """Complete cases of one exposure and population: followed from the examination, of the minimum age, with a weight.

    Args:
        frame: of `checked_mortality_frame`; design: of `survey_design` on the same frame.

    Returns:
        The sample; it may be empty.
    """
    is_e2 = exposure.code == "estradiol"
    known = pl.col("e2_hi_pg_ml").is_not_null() if is_e2 else pl.col("femoral_neck_t_score").is_not_null()
    eligible = (
        (pl.col("population") == population)
        & (pl.col("age_years") >= spec.minimum_age_years)
        & (pl.col("exam_weight") > 0)
        & pl.col("months").is_not_null()
        & known
        & pl.all_horizontal(pl.col(COVARIATES).is_not_null())
    )
    domain = frame.select(eligible.fill_null(value=False)).to_series().to_numpy()
    people = frame.filter(pl.Series(domain))
    bmi = (people["bmi_kg_m2"].to_numpy() - _BMI_CENTER) / _BMI_SCALE
    is_top_age = people["is_age_top_coded"].fill_null(value=False).to_numpy()
    further = {"bmi_squared": bmi**2, "age_at_ceiling": is_top_age * 1.0}
    covariates, names, notes = covariate_terms(people, spec.minimum_category_count, further)
    testosterone = people["testosterone_ng_dl"]
    is_complete = not testosterone.null_count()
    if is_e2 and not is_complete:
        notes.append("testosterone left out of the imputation model: not known for every respondent")
    if is_e2:
        with np.errstate(divide="ignore"):
            lower, upper = (np.log(people[name].to_numpy()) for name in ("e2_lo_pg_ml", "e2_hi_pg_ml"))
        value = np.where(lower == upper, upper / np.log(2), np.nan)
    else:
        lower = upper = np.full(people.height, np.nan)
        value = people["femoral_neck_t_score"].to_numpy()
    return MortalitySample(
        design=design,
        domain=domain,
        person_id=people["person_id"].cast(pl.Int64).to_numpy(),
        weight=people["exam_weight"].to_numpy(),
        stratum=people["stratum_code"].to_numpy(),
        rows=follow_up(people["months"].to_numpy(), people["died"].cast(pl.Int64).to_numpy(), n_causes=1),
        exposure=value,
        log_e2_lower=lower,
        log_e2_upper=upper,
        covariates=covariates,
        covariate_names=names,
        is_top_age=is_top_age,
        log_testosterone=np.log(testosterone.to_numpy()) if is_e2 and is_complete else None,
        notes=tuple(notes),
    )
