"""Tables of `mart` as one `summarised_result` of DARWIN EU: thirteen columns, and the settings of every result below them.

The format is that of omopgenerics 1.x (https://darwin-eu.github.io/omopgenerics/articles/summarised_result.html). What disclosure
control hides is "-" there (its article on suppression): "<11" would say that the count itself is small, and a count hidden to
protect another is not. What a closed gate hides has no row: nothing was computed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

COLUMNS = (
    *("result_id", "cdm_name", "group_name", "group_level", "strata_name", "strata_level", "variable_name"),
    *("variable_level", "estimate_name", "estimate_type", "estimate_value", "additional_name", "additional_level"),
)
SCHEMA: dict[str, pl.DataType] = {name: pl.Int64() if name == "result_id" else pl.String() for name in COLUMNS}
ESTIMATE_TYPES = ("numeric", "integer", "date", "character", "proportion", "percentage", "logical")
PACKAGE, OVERALL, AND, HIDDEN = "trabecula", "overall", " &&& ", "-"
_TYPES = {"text": "character", "count": "integer", "number": "numeric", "percent": "percentage", "share": "proportion"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table becomes results: which columns name a row, and which are estimates of it.

    Attributes:
        variable: column that holds the variable; where the table has none of that name, the variable itself.
        estimates: name of the estimate to column and kind (text, count, number, percent, share).
        hidden: estimates that disclosure control may have hidden, where a row says so and the value is missing.
        is_share: rows of a share alone, or of none, where one table holds both.
        is_survey: rows of survey populations alone, or of arms of a cohort.
    """

    table: str
    result_type: str
    variable: str
    estimates: Mapping[str, tuple[str, str]]
    level: str | None = None
    group: Mapping[str, str] = field(default_factory=dict)
    strata: Mapping[str, str] = field(default_factory=dict)
    additional: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    is_share: bool | None = None
    is_survey: bool | None = None


_INTERVAL = {"estimate": ("estimate", "number"), "ci_low": ("ci_low", "number"), "ci_high": ("ci_high", "number")}
_CALIBRATED = {name: (name, "number") for name in ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")}
_GROUP, _STRATA = {"contrast": "contrast"}, {"population": "population"}


def _table_one(*, is_share: bool, is_survey: bool) -> Shape:
    """Surveys are weighted, arms of a cohort are told as they are."""
    weighted = "weighted_" if is_survey else ""
    share = {f"{weighted}proportion": ("estimate", "share")}
    mean = {f"{weighted}mean": ("estimate", "number"), f"{weighted}sd": ("spread", "number")}
    estimates = {"count": ("n", "count"), **(share if is_share else mean)}
    return Shape(
        "mart.table_one",
        "trabecula_table_one",
        "characteristic",
        estimates,
        level="level",
        group={"cohort_name": "arm_code"},
        hidden=tuple(estimates),
        is_share=is_share,
        is_survey=is_survey,
    )


SHAPES = (
    Shape(
        "mart.effect_estimate",
        "trabecula_effect_estimate",
        "outcome",
        {
            **_INTERVAL,
            "standard_error": ("se", "number"),
            "p_value": ("p_value", "number"),
            **_CALIBRATED,
            "e_value": ("e_value", "number"),
            "e_value_limit": ("e_value_limit", "number"),
            "horizon_months": ("horizon_months", "number"),
            "target_count": ("n_target", "count"),
            "comparator_count": ("n_comparator", "count"),
            "target_event_count": ("events_target", "count"),
            "comparator_event_count": ("events_comparator", "count"),
            "gate_reason": ("gate_reason", "text"),
        },
        group=_GROUP,
        strata=_STRATA,
        additional={"estimator": "estimator", "scale": "scale", "gate_status": "gate_status"},
    ),
    Shape(
        "mart.attrition",
        "summarise_cohort_attrition",
        "number_subjects",
        {"count": ("n_after", "count")},
        group={"cohort_name": "cohort_code", "arm": "arm_code"},
        strata={"reason": "label"},
        additional={"reason_id": "reason_id"},
        hidden=("count",),
    ),
    Shape(
        "mart.attrition",
        "summarise_cohort_attrition",
        "excluded_subjects",
        {"count": ("n_excluded", "count")},
        group={"cohort_name": "cohort_code", "arm": "arm_code"},
        strata={"reason": "label"},
        additional={"reason_id": "reason_id"},
        hidden=("count",),
    ),
    *(_table_one(is_share=is_share, is_survey=is_survey) for is_survey in (True, False) for is_share in (True, False)),
    Shape(
        "mart.diagnostic",
        "trabecula_diagnostic",
        "outcome",
        {"value": ("value", "number"), "threshold": ("threshold", "number"), "waiver": ("waiver", "text")},
        group=_GROUP,
        strata=_STRATA,
        additional={"diagnostic": "diagnostic", "status": "status"},
        hidden=("value",),
    ),
    Shape(
        "mart.covariate_balance",
        "trabecula_covariate_balance",
        "covariate",
        {name: (name, "number") for name in ("smd_before", "smd_after", "variance_ratio")},
        group=_GROUP,
        strata=_STRATA,
        additional={"outcome": "outcome"},
        hidden=("smd_before", "smd_after", "variance_ratio"),
    ),
    Shape(
        "mart.negative_control",
        "trabecula_negative_control",
        "control_code",
        {**_INTERVAL, **_CALIBRATED},
        group=_GROUP,
        strata=_STRATA,
        additional={"scale": "scale"},
        hidden=(*_INTERVAL, *_CALIBRATED),
    ),
    Shape(
        "mart.cumulative_incidence",
        "trabecula_cumulative_incidence",
        "outcome",
        {
            "risk_percentage": ("risk_pct", "percent"),
            "standard_error": ("se_pct", "percent"),
            "ci_low": ("ci_low_pct", "percent"),
            "ci_high": ("ci_high_pct", "percent"),
            "number_at_risk": ("n_at_risk", "count"),
        },
        group={"contrast": "contrast", "arm": "arm_code"},
        strata=_STRATA,
        additional={"follow_up_days": "follow_up_days", "gate_status": "gate_status"},
        hidden=("risk_percentage", "number_at_risk"),
    ),
    Shape(
        "mart.bmd_trajectory",
        "trabecula_bmd_trajectory",
        "outcome",
        {
            "mean_change": ("change_pct", "percent"),
            "standard_error": ("se_pct", "percent"),
            "ci_low": ("ci_low_pct", "percent"),
            "ci_high": ("ci_high_pct", "percent"),
            "count_observed": ("n_observed", "count"),
        },
        group={"contrast": "contrast", "arm": "arm_code"},
        strata=_STRATA,
        additional={"follow_up_days": "follow_up_days", "gate_status": "gate_status"},
        hidden=("mean_change", "count_observed"),
    ),
    Shape(
        "mart.propensity_score",
        "trabecula_preference_score",
        "preference_score",
        {"percentage": ("share_pct", "percent")},
        level="bin",
        group={"contrast": "contrast", "arm": "arm_code"},
        strata=_STRATA,
        additional={"outcome": "outcome"},
        hidden=("percentage",),
    ),
    Shape(
        "mart.study",
        "trabecula_study",
        "study_id",
        {
            name: (name, "text")
            for name in (
                *("title", "question", "design", "protocol_hash", "primary_outcomes"),
                *("lead_outcome", "lead_contrast", "lead_population"),
            )
        },
    ),
    Shape(
        "mart.dose_response",
        "trabecula_dose_response",
        "outcome",
        {**_INTERVAL, "exposure_value": ("exposure_value", "number"), "reference_value": ("reference_value", "number")},
        strata=_STRATA,
        additional={"exposure": "exposure", "point_number": "point_number", "gate_status": "gate_status"},
    ),
    Shape(
        "mart.threshold",
        "trabecula_threshold",
        "outcome",
        {
            "answer": ("answer", "text"),
            "place_pg_ml": ("place_pg_ml", "number"),
            "ci_low_pg_ml": ("ci_low_pg_ml", "number"),
            "ci_high_pg_ml": ("ci_high_pg_ml", "number"),
            "slope_below": ("slope_below", "number"),
            "slope_above": ("slope_above", "number"),
            "p_value": ("p_value", "number"),
        },
        group=_GROUP,
        strata=_STRATA,
        additional={"analysis": "analysis", "gate_status": "gate_status"},
        hidden=("place_pg_ml", "ci_low_pg_ml", "ci_high_pg_ml", "slope_below", "slope_above", "p_value"),
    ),
    Shape(
        "mart.bone_prevalence",
        "trabecula_bone_prevalence",
        "site_code",
        {
            "count": ("n_band", "count"),
            "denominator_count": ("n", "count"),
            "weighted_percentage": ("prevalence_pct", "percent"),
            "standard_error": ("se_pct", "percent"),
            "ci_low": ("ci_low_pct", "percent"),
            "ci_high": ("ci_high_pct", "percent"),
        },
        level="band",
        group={"survey_cycle": "cycle_label"},
        strata={"sex": "sex_code", "reference": "reference_code"},
        additional={"gate_status": "gate_status"},
        hidden=("count", "denominator_count", "weighted_percentage", "standard_error", "ci_low", "ci_high"),
    ),
    Shape(
        "mart.e2_distribution",
        "trabecula_e2_distribution",
        "estradiol_pg_ml",
        {"count": ("n", "count"), "weighted_percentage": ("weighted_share_pct", "percent")},
        level="bin",
        group={"survey_cycle": "cycle_label", "assay_class": "assay_class"},
        strata=_STRATA,
        hidden=("count", "weighted_percentage"),
    ),
    Shape(
        "mart.measurement_count",
        "trabecula_measurement_count",
        "measurement",
        {"count": ("n", "count")},
        group={"survey_cycle": "cycle_label"},
        strata={"sex": "sex_code"},
        hidden=("count",),
    ),
    Shape(
        "mart.claim",
        "trabecula_claim",
        "claim_id",
        {
            **_INTERVAL,
            "verdict": ("verdict", "text"),
            "recovery": ("recovery", "text"),
            "reason": ("why", "text"),
        },
        level="part_code",
        strata=_STRATA,
    ),
)


def summarised_result(
    mart: Mapping[str, pl.DataFrame], cdm_name: str, version: str, min_cell: int, evidence_source: str
) -> pl.DataFrame:
    """Every table with a shape, one result a table and study, the settings of each as the format's own rows at the end.

    Args:
        mart: tables of `mart` by name, as released.
        version: of this program.
        min_cell: the fewest people that were told.
    Returns:
        one row an estimate, columns `COLUMNS`, in a fixed order.
    """
    parts: list[pl.DataFrame] = []
    settings: list[dict[str, str | int | None]] = []
    ids: dict[tuple[str, str], int] = {}
    for shape in SHAPES:
        for study, rows in _by_study(_readied(shape.table, mart[shape.table])):
            result = ids.setdefault((shape.result_type, study), len(ids) + 1)
            melted = _melted(shape, rows, result, cdm_name)
            if melted.is_empty():
                continue
            parts.append(melted)
            if any(row["result_id"] == result for row in settings):
                continue
            told = {
                "result_type": shape.result_type,
                "package_name": PACKAGE,
                "package_version": version,
                "group": AND.join(shape.group),
                "strata": AND.join(shape.strata),
                "additional": AND.join(shape.additional),
                "min_cell_count": str(min_cell),
                "study_id": study,
                "evidence_source": evidence_source,
            }
            settings += [_setting(result, name, value) for name, value in told.items() if value]
    return pl.concat([*parts, pl.DataFrame(settings, schema=SCHEMA)])


def _by_study(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    if "study_id" not in frame.columns:
        yield "", frame
        return
    studies = frame.with_columns(pl.col("study_id").fill_null(""))
    for (study,), rows in studies.sort("study_id", maintain_order=True).group_by("study_id", maintain_order=True):
        yield str(study), rows


def _readied(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns a shape names that a table tells in other words."""
    match table:
        case "mart.attrition":
            return frame.with_columns(
                # The format counts steps from 1; here 0 is everybody.
                reason_id=pl.col("step_number") + 1,
                n_excluded=pl.col("n_before") - pl.col("n_after"),
            )
        case "mart.e2_distribution":
            ends = pl.format("[{}, {})", "lower_pg_ml", pl.col("upper_pg_ml").cast(pl.String).fill_null("inf"))
            return frame.with_columns(
                bin=pl.when(pl.col("bin_number") == 0).then(pl.lit("below limit")).otherwise(ends)
            )
        case "mart.propensity_score":
            return frame.with_columns(bin=pl.format("[{}, {})", pl.col("lower").round(3), pl.col("upper").round(3)))
        case _:
            return frame


def _melted(shape: Shape, rows: pl.DataFrame, result: int, cdm_name: str) -> pl.DataFrame:
    """One row an estimate; a value that is not known has none, a hidden one is "-"."""
    if shape.is_share is not None:
        rows = rows.filter((pl.col("unit") == "share").fill_null(value=False) == shape.is_share)
    if shape.is_survey is not None:
        rows = rows.filter(pl.col("arm_code").str.contains(", cohort ", literal=True) != shape.is_survey)
    variable = pl.col(shape.variable) if shape.variable in rows.columns else pl.lit(shape.variable)
    level = pl.lit(None, pl.String) if shape.level is None else pl.col(shape.level).cast(pl.String)
    numbered = rows.with_row_index("place")
    parts = []
    for order, (name, (column, kind)) in enumerate(shape.estimates.items()):
        told = pl.col(column).cast(pl.String)
        if name in shape.hidden:
            told = told.fill_null(pl.when(pl.col("is_suppressed")).then(pl.lit(HIDDEN)))
        parts.append(
            numbered.select(
                "place",
                pl.lit(order).alias("order"),
                pl.lit(result, pl.Int64).alias("result_id"),
                pl.lit(cdm_name).alias("cdm_name"),
                *_pair("group", shape.group),
                *_pair("strata", shape.strata),
                variable.cast(pl.String).alias("variable_name"),
                level.alias("variable_level"),
                pl.lit(name).alias("estimate_name"),
                pl.lit(_TYPES[kind]).alias("estimate_type"),
                told.alias("estimate_value"),
                *_pair("additional", shape.additional),
            )
        )
    melted = pl.concat(parts).filter(pl.col("estimate_value").is_not_null()).sort("place", "order")
    return melted.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _pair(kind: str, columns: Mapping[str, str]) -> Iterable[pl.Expr]:
    """The name and level of a group, strata or additional pair."""
    if not columns:
        return pl.lit(OVERALL).alias(f"{kind}_name"), pl.lit(OVERALL).alias(f"{kind}_level")
    levels = pl.concat_str([pl.col(column).cast(pl.String) for column in columns.values()], separator=AND)
    return pl.lit(AND.join(columns)).alias(f"{kind}_name"), levels.alias(f"{kind}_level")


def _setting(result: int, name: str, value: str) -> dict[str, str | int | None]:
    overall = {f"{kind}_{end}": OVERALL for kind in ("group", "strata", "additional") for end in ("name", "level")}
    estimate = {"estimate_name": name, "estimate_type": "character", "estimate_value": value}
    return (
        {"result_id": result, "cdm_name": None, "variable_name": "settings", "variable_level": None}
        | overall
        | estimate
    )
