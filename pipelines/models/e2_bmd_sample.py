"""From the study frame to arrays: the whole examined sample as a design, and the rows of one analysis in it.

The only place of this study that touches a data frame. Rows are put in order of person_id, so that the order in which
they arrive cannot reach a result, not even by rounding. Checks and covariates serve `mortality_sample`, too.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from pipelines.errors import BadInput
from pipelines.models.e2_bmd_spec import Attrition, E2BmdSpec
from pipelines.models.survey import SurveyDesign

COVARIATES = ("age_years", "bmi_kg_m2", "race_ethnicity_code", "is_current_smoker")
_INTEGERS = ("person_id", "stratum_code", "psu_code", "race_ethnicity_code")
_NUMBERS = ("exam_weight", "age_years", "bmi_kg_m2", "e2_lo_pg_ml", "e2_hi_pg_ml", "testosterone_ng_dl")
AGE_CENTER_YEARS = 60.0
AGE_SCALE_YEARS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisSample:
    """One population and outcome. `design` and `domain` [N] span the whole sample, all else the n analyzed rows.

    `covariates` [n, c] has no intercept: age and its square in decades from 60, BMI, current smoking, race/ethnicity
    terms against the commonest code. E2 bounds are natural logs of pg/mL; `log_testosterone` is None where incomplete.
    """

    design: SurveyDesign
    domain: np.ndarray
    person_id: np.ndarray
    weight: np.ndarray
    stratum: np.ndarray
    log_e2_lower: np.ndarray
    log_e2_upper: np.ndarray
    outcome: np.ndarray
    covariates: np.ndarray
    covariate_names: tuple[str, ...]
    log_testosterone: np.ndarray | None
    attrition: Attrition
    notes: tuple[str, ...]

    @property
    def is_censored(self) -> np.ndarray:
        """[n] True where E2 was not measured exactly."""
        return self.log_e2_lower != self.log_e2_upper

    @property
    def outcome_terms(self) -> dict[str, np.ndarray]:
        """What the imputation model holds of the outcome: BMD."""
        return {"outcome": self.outcome}


def checked_frame(frame: pl.DataFrame, spec: E2BmdSpec) -> pl.DataFrame:
    """The frame of the study, checked; errors as `checked_columns`."""
    return checked_columns(frame, spec.outcomes)


def checked_columns(frame: pl.DataFrame, outcomes: tuple[str, ...]) -> pl.DataFrame:
    """The frame ordered by person, NaN as null; a respondent without weight stays as a row of the design.

    Args:
        outcomes: columns of BMD in g/cm2, positive where known.

    Raises:
        BadInput: a column is missing or of the wrong type, a person comes twice, a design code is null, a value is
            out of its range, or E2 bounds contradict each other. Every problem found is listed.
    """
    floats = (*_NUMBERS, *outcomes)
    wanted = {**dict.fromkeys(_INTEGERS, "an integer"), **dict.fromkeys(floats, "a number")}
    wanted |= {"population": "text", "is_current_smoker": "true or false"}
    problems = [f"study frame: column {name} is missing" for name in wanted if name not in frame.columns]
    for name, kind in wanted.items():
        dtype = frame.schema.get(name, pl.Null())
        fits = {
            "an integer": dtype.is_integer(),
            "a number": dtype.is_numeric(),
            "text": dtype == pl.String,
            "true or false": dtype == pl.Boolean,
        }
        if dtype != pl.Null and not fits[kind]:
            problems.append(f"study frame: column {name} must be {kind}, not {dtype}")
    if problems:
        raise BadInput(problems)
    ordered = frame.select(*wanted).with_columns(pl.col(floats).cast(pl.Float64).fill_nan(None)).sort("person_id")
    lower, upper = pl.col("e2_lo_pg_ml"), pl.col("e2_hi_pg_ml")
    faults = {
        "person_id is null": pl.col("person_id").is_null(),
        "person_id comes more than once": pl.col("person_id").is_duplicated(),
        "stratum_code or psu_code is null": pl.col("stratum_code").is_null() | pl.col("psu_code").is_null(),
        "one E2 bound is null and the other is not": lower.is_null() != upper.is_null(),
        "e2_lo_pg_ml exceeds e2_hi_pg_ml": lower > upper,
        "e2_lo_pg_ml is negative or e2_hi_pg_ml is not positive": (lower < 0) | (upper <= 0),
        "testosterone_ng_dl is not positive": pl.col("testosterone_ng_dl") <= 0,
        "a number is infinite": pl.any_horizontal(pl.col(floats).is_infinite()),
        "a BMD value is not positive": pl.any_horizontal(
            pl.lit(value=False), *(pl.col(name) <= 0 for name in outcomes)
        ),
    }
    counts = ordered.select(test.fill_null(value=False).sum().alias(fault) for fault, test in faults.items()).row(0)
    problems = [
        f"study frame: {fault} in {n} rows; mend the cohort" for fault, n in zip(faults, counts, strict=True) if n
    ]
    if problems:
        raise BadInput(problems)
    return ordered


def survey_design(frame: pl.DataFrame) -> SurveyDesign:
    """The design of the whole checked frame; a null weight is a row outside the examined sample."""
    return SurveyDesign(
        strata=frame["stratum_code"].cast(pl.Int64).to_numpy(),
        psu=frame["psu_code"].cast(pl.Int64).to_numpy(),
        weights=frame["exam_weight"].fill_null(0.0).to_numpy(),
    )


def analysis_sample(
    frame: pl.DataFrame, design: SurveyDesign, spec: E2BmdSpec, population: str, outcome: str
) -> AnalysisSample:
    """Complete cases of one population and outcome, of at least the minimum age and with an exam weight.

    Args:
        frame: of `checked_frame`; design: of `survey_design` on the same frame.

    Returns:
        The sample; it may be empty.
    """
    eligible = (pl.col("population") == population) & (pl.col("age_years") >= spec.minimum_age_years)
    steps = {
        "population": eligible & (pl.col("exam_weight") > 0),
        "e2": pl.col("e2_hi_pg_ml").is_not_null(),
        "outcome": pl.col(outcome).is_not_null(),
        "covariates": pl.all_horizontal(pl.col(COVARIATES).is_not_null()),
    }
    masks = frame.select(test.fill_null(value=False).alias(step) for step, test in steps.items()).to_numpy()
    remaining = np.logical_and.accumulate(masks.astype(bool), axis=1)
    counts = [int(n) for n in remaining.sum(axis=0)]
    attrition = Attrition(counts[0], *(a - b for a, b in pairwise(counts)), n_analyzed=counts[-1])
    domain = remaining[:, -1]
    rows = frame.filter(pl.Series(domain))
    covariates, names, notes = covariate_terms(rows, spec.minimum_category_count)
    testosterone = rows["testosterone_ng_dl"]
    n_without = testosterone.null_count()
    if n_without:
        notes.append("testosterone left out of the imputation model: not known for every respondent")
    with np.errstate(divide="ignore"):
        log_lower = np.log(rows["e2_lo_pg_ml"].to_numpy())
    return AnalysisSample(
        design=design,
        domain=domain,
        person_id=rows["person_id"].cast(pl.Int64).to_numpy(),
        weight=rows["exam_weight"].to_numpy(),
        stratum=rows["stratum_code"].to_numpy(),
        log_e2_lower=log_lower,
        log_e2_upper=np.log(rows["e2_hi_pg_ml"].to_numpy()),
        outcome=rows[outcome].to_numpy(),
        covariates=covariates,
        covariate_names=names,
        log_testosterone=None if n_without else np.log(testosterone.to_numpy()),
        attrition=attrition,
        notes=tuple(notes),
    )


def covariate_terms(
    rows: pl.DataFrame, minimum_category_count: int, further: dict[str, np.ndarray] | None = None
) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """[n, c] covariates with their names, `further` terms [n] last, and notes on merged categories and constant terms."""
    decades = (rows["age_years"].to_numpy() - AGE_CENTER_YEARS) / AGE_SCALE_YEARS
    columns = {
        "age": decades,
        "age_squared": decades**2,
        "bmi": rows["bmi_kg_m2"].to_numpy(),
        "current_smoker": rows["is_current_smoker"].cast(pl.Float64).to_numpy(),
    }
    race = rows["race_ethnicity_code"].cast(pl.Int64).to_numpy()
    codes, counts = np.unique(race, return_counts=True)
    common = codes[counts >= minimum_category_count]
    rare = codes[counts < minimum_category_count]
    reference = codes[np.argmax(counts)] if codes.size else None
    columns |= {f"race_ethnicity_{code}": (race == code) * 1.0 for code in common if code != reference}
    others = np.setdiff1d(rare, [reference])
    notes = []
    if others.size:
        columns["race_ethnicity_rare"] = np.isin(race, others) * 1.0
        label = ", ".join(str(code) for code in others)
        notes.append(f"race/ethnicity {label} share one term: fewer than {minimum_category_count} people each")
    columns |= further or {}
    constant = [name for name, values in columns.items() if values.size and np.ptp(values) == 0]
    notes += [f"covariate {name} left out: the same in every row" for name in constant]
    kept = {name: values for name, values in columns.items() if name not in constant}
    return np.column_stack(list(kept.values())), tuple(kept), notes
