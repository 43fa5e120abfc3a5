"""Who was studied and how estradiol is distributed: weighted descriptions, with counts that do not leave as they are."""

import numpy as np
import polars as pl

from pipelines.models.arm_description import arm_rows
from pipelines.models.monitoring_gap import is_described, monitoring_rows
from pipelines.models.study_frame import survey_frame
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

_MEANS = {
    "age_years": ("Age", "a"),
    "body_mass_index": ("Body mass index", "kg/m2"),
    "testosterone_ng_dl": ("Testosterone", "ng/dL"),
    "femoral_neck_bmd_g_cm2": ("Femoral neck BMD", "g/cm2"),
    "total_hip_bmd_g_cm2": ("Total hip BMD", "g/cm2"),
    "lumbar_spine_bmd_g_cm2": ("Lumbar spine BMD", "g/cm2"),
}
_LEVELS = {
    "race_ethnicity": (
        "Race and Hispanic origin",
        {
            1.0: "Mexican American",
            2.0: "Other Hispanic",
            3.0: "Non-Hispanic White",
            4.0: "Non-Hispanic Black",
            5.0: "Other or multiracial",
        },
    ),
    "current_smoker": ("Current smoker", {1.0: "yes", 0.0: "no"}),
    "e2_is_censored": ("Estradiol below the limit", {1.0: "yes", 0.0: "no"}),
}
# Edges in pg/mL, evenly spaced on the log scale (steps of 2^(1/2)), wide enough for men and women.
E2_EDGES = tuple(float(round(2 ** (step / 2), 3)) for step in range(2, 19))


def baseline(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.baseline`: weighted means (SD) and shares of each survey's populations; of clinical arms as they are; of
    those who are only watched, how."""
    rows: list[dict[str, object]] = []
    for name in facts.studies:
        study = catalogue()[name]
        if not study.is_survey:
            rows += arm_rows(study, inputs["models.covariate_balance"].filter(pl.col("study_id") == name).collect())
            if is_described(study):
                people = inputs["cohort.trial_person"].filter(pl.col("study_id") == name)
                rows += monitoring_rows(study, people, inputs["features.monitoring"])
            continue
        frame = survey_frame(inputs, name, study.population.cycles).filter(pl.col("population").is_not_null())
        frame = frame.with_columns(
            (pl.col("e2_lo_pg_ml") < pl.col("e2_hi_pg_ml")).cast(pl.Float64).alias("e2_is_censored")
        )
        shown = {*study.covariates.codes, *study.outcomes.primary, *study.outcomes.secondary}
        if study.design in ("survey_association", "survey_hazard"):
            shown.add("e2_is_censored")
        if study.design == "survey_hazard":
            shown.add("femoral_neck_bmd_g_cm2")
        for (arm,), people in frame.group_by("population", maintain_order=True):
            common = {"study_id": name, "arm_code": str(arm), "is_weighted": True}
            rows.append(common | {"characteristic": "People", "level": "all", "n": people.height, "estimate": None})
            rows += [common | row for code in _MEANS if code in shown for row in _mean(people, code)]
            rows += [common | row for code in _LEVELS if code in shown for row in _levels(people, code)]
    return pl.DataFrame(rows, schema=CONTRACTS["models.baseline"].empty().schema).lazy()


def e2_distribution(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.e2_distribution`: adults' estradiol by bin, weighted; bin 0 is everybody below the limit."""
    people = (
        inputs["features.e2_exposure"]
        .join(inputs["staging.person"], on="person_id")
        .join(inputs["staging.survey_design"], on="person_id")
        .join(_at_examination(inputs), on="person_id", how="left")
        .filter((pl.col("age_years") >= 18) & (pl.col("examination_weight") > 0))
        .select(
            "cycle_label",
            "assay_class",
            pl.when(pl.col("sex_code") == "male")
            .then(pl.lit("men"))
            .otherwise(pl.col("status_code").fill_null("unknown") + "_women")
            .alias("population"),
            pl.when(pl.col("n_uncensored") == 0).then(None).otherwise(pl.col("e2_hi_pg_ml")).alias("e2_pg_ml"),
            "lloq_pg_ml",
            pl.col("examination_weight").alias("weight"),
        )
        .collect()
    )
    edges = np.array(E2_EDGES)
    values = people["e2_pg_ml"].to_numpy()
    bins = np.where(np.isfinite(values), np.clip(np.searchsorted(edges, values, side="right"), 1, edges.size), 0)
    key = ["cycle_label", "assay_class", "population"]
    counted = (
        people.with_columns(pl.Series("bin_number", bins, pl.Int64))
        .group_by(*key, "bin_number")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("weight").sum(), pl.col("lloq_pg_ml").max())
        .with_columns(
            (100 * pl.col("weight") / pl.col("weight").sum().over(key)).alias("weighted_share_pct"),
            pl.col("lloq_pg_ml").max().over(key),
        )
    )
    # Values under the first edge share the first bin, values over the last edge the last.
    lower = [0.0, 0.0, *E2_EDGES[1:]]
    upper: list[float | None] = [None, *E2_EDGES[1:], None]
    scale = pl.DataFrame({"bin_number": range(len(lower)), "lower_pg_ml": lower, "upper_pg_ml": upper})
    found = counted.join(scale.with_columns(pl.col("bin_number").cast(pl.Int64)), on="bin_number")
    return found.select(CONTRACTS["models.e2_distribution"].empty().columns).lazy()


def _at_examination(inputs: Inputs) -> pl.LazyFrame:
    """Menopausal status of women in a survey, which asks once and without a day."""
    periods = inputs["features.menopausal_status"].filter(pl.col("known_on").is_null())
    return periods.select("person_id", "status_code")


def _mean(people: pl.DataFrame, code: str) -> list[dict[str, object]]:
    if code not in people.columns:
        return []
    known = people.filter(pl.col(code).is_not_null())
    if known.is_empty():
        return []
    mean = spread = None
    if not known["pooled_weight"].null_count():
        weight, value = known["pooled_weight"].to_numpy(), known[code].to_numpy()
        mean = float(np.average(value, weights=weight))
        spread = float(np.sqrt(np.average((value - mean) ** 2, weights=weight)))
    label, unit = _MEANS[code]
    row = {
        "characteristic": label,
        "level": "mean",
        "n": known.height,
        "estimate": mean,
        "spread": spread,
        "unit": unit,
    }
    return [row]


def _levels(people: pl.DataFrame, code: str) -> list[dict[str, object]]:
    if code not in people.columns:
        return []
    label, levels = _LEVELS[code]
    known = people.filter(pl.col(code).is_not_null())
    total = 0.0 if known["pooled_weight"].null_count() else float(known["pooled_weight"].sum())
    rows: list[dict[str, object]] = []
    for value, level in levels.items():
        inside = known.filter(pl.col(code) == value)
        share = float(inside["pooled_weight"].sum()) / total if total else None
        rows.append({"characteristic": label, "level": level, "n": inside.height, "estimate": share, "unit": "share"})
    return rows
