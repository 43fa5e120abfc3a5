"""Comparisons of two arms as the result tables of OHDSI's CohortMethod, so that its viewers read them.

The data model is that of CohortMethod 6 (its article "Results schema", and inst/csv/resultsDataModelSpecification.csv). A ratio
of risks or hazards is a `cm_result`; a difference of bone or of a laboratory value is not, and has its balance, diagnostics and
attrition alone. A closed gate is `unblind` 0 and NULL in every number that tells the answer. A count that disclosure control
hides is NULL, not the negative minimum: that would say the count itself is small.
"""

import json
from collections.abc import Callable, Mapping
from statistics import NormalDist

import polars as pl

from pipelines.export.identifier import BIGINT_BITS, INT_BITS, numbered

_INT, _BIGINT, _FLOAT, _TEXT = pl.Int32(), pl.Int64(), pl.Float64(), pl.String()
_KEY = {"analysis_id": _INT, "target_comparator_id": _BIGINT, "outcome_id": _BIGINT}
_RATIO = ("rr", "ci_95_lb", "ci_95_ub", "p", "one_sided_p")
_DAYS_AND_EVENTS = (
    *("target_subjects", "comparator_subjects", "target_days"),
    *("comparator_days", "target_outcomes", "comparator_outcomes"),
)
_CALIBRATED = (
    *("calibrated_rr", "calibrated_ci_95_lb", "calibrated_ci_95_ub", "calibrated_p", "calibrated_one_sided_p"),
    *("calibrated_log_rr", "calibrated_se_log_rr"),
)
_MEANS = ("target_mean_before", "comparator_mean_before", "mean_before")
_MEANS_AFTER = ("mean_after", "target_mean_after", "comparator_mean_after")
_ARMS_MOVED = ("target_std_diff", "comparator_std_diff", "target_comparator_std_diff")
# Of negative controls those that are events: these tables hold ratios.
_RATIO_OF_EVENTS = "log ratio of risks"
_JUDGED = ("balance", "shared_balance", "equipoise", "mdrr", "attrition", "generalizability", "ease")
#: columns and types of each table, in the order of the data model
TABLES: dict[str, dict[str, pl.DataType]] = {
    "cm_analysis": {"analysis_id": _INT, "description": _TEXT, "definition": _TEXT},
    "cm_attrition": {
        "sequence_number": _INT,
        "description": _TEXT,
        "subjects": _INT,
        "exposure_id": _BIGINT,
        "target_comparator_id": _BIGINT,
        "analysis_id": _INT,
        "outcome_id": _BIGINT,
        "database_id": _TEXT,
    },
    "cm_covariate": {
        "covariate_id": _BIGINT,
        "covariate_name": _TEXT,
        "analysis_id": _INT,
        "covariate_analysis_id": _INT,
        "database_id": _TEXT,
    },
    "cm_covariate_analysis": {"covariate_analysis_id": _INT, "covariate_analysis_name": _TEXT, "analysis_id": _INT},
    "cm_covariate_balance": {
        "database_id": _TEXT,
        "target_comparator_id": _BIGINT,
        "outcome_id": _BIGINT,
        "analysis_id": _INT,
        "covariate_id": _BIGINT,
        **dict.fromkeys(_MEANS, _FLOAT),
        "std_diff_before": _FLOAT,
        **dict.fromkeys(_MEANS_AFTER, _FLOAT),
        "std_diff_after": _FLOAT,
        **dict.fromkeys(_ARMS_MOVED, _FLOAT),
    },
    "cm_diagnostics_summary": {
        **_KEY,
        "database_id": _TEXT,
        "max_sdm": _FLOAT,
        "sdm_family_wise_min_p": _FLOAT,
        "shared_max_sdm": _FLOAT,
        "shared_sdm_family_wise_min_p": _FLOAT,
        "equipoise": _FLOAT,
        "mdrr": _FLOAT,
        "attrition_fraction": _FLOAT,
        "generalizability_max_sdm": _FLOAT,
        "ease": _FLOAT,
        **{f"{name}_diagnostic": _TEXT for name in _JUDGED},
        "unblind": _INT,
        "unblind_for_evidence_synthesis": _INT,
    },
    "cm_result": {
        **_KEY,
        **dict.fromkeys(_RATIO, _FLOAT),
        **dict.fromkeys(_DAYS_AND_EVENTS, _INT),
        "log_rr": _FLOAT,
        "se_log_rr": _FLOAT,
        "llr": _FLOAT,
        **dict.fromkeys(_CALIBRATED, _FLOAT),
        "target_estimator": _TEXT,
        "database_id": _TEXT,
    },
    "cm_target_comparator": {
        "target_comparator_id": _BIGINT,
        "target_id": _BIGINT,
        "comparator_id": _BIGINT,
        "nesting_cohort_id": _BIGINT,
    },
    "cm_target_comparator_outcome": {
        "outcome_id": _BIGINT,
        "outcome_of_interest": _INT,
        "true_effect_size": _FLOAT,
        "target_comparator_id": _BIGINT,
    },
    # Not of CohortMethod: names of the numbers, as the cohort table of OHDSI's CohortGenerator has them.
    "cg_cohort_definition": {"cohort_definition_id": _BIGINT, "cohort_name": _TEXT},
}
_COMPARISON = r"^(?<target>\w+) vs (?<comparator>\w+), (?<months>[0-9.]+) months, cohort (?<cohort>\w+)$"
_RATIOS = {"log_risk_ratio": "risk ratio", "log_hazard_ratio": "hazard ratio"}
_RISK, _MEAN = "risk_difference", "mean difference"
_OPEN = ("open", "waived")
_VERDICTS = {"pass": "PASS", "fail": "FAIL", "not_evaluated": "NOT EVALUATED", "not_applicable": "NOT APPLICABLE"}
_DIAGNOSTICS = {
    "max_sdm": ("largest_standardised_difference", "balance"),
    "equipoise": ("equipoise", "equipoise"),
    "mdrr": ("detectable_ratio", "mdrr"),
    "ease": ("ease", "ease"),
}
_QUESTION = ["study_id", "contrast", "outcome", "population"]
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)


def cohort_method(mart: Mapping[str, pl.DataFrame], database_id: str) -> dict[str, pl.DataFrame]:
    """The tables of CohortMethod, from estimates, diagnostics, balance, attrition and negative controls of `mart`.

    Args:
        mart: tables of `mart` by name, as released.
    Returns:
        the tables of `TABLES` by name, each with its columns and types, in the order of its columns.
    """
    asked = _numbers(_analysed(mart["mart.effect_estimate"]))
    controls = _numbers(
        _compared(mart["mart.negative_control"].filter(scale=_RATIO_OF_EVENTS)).with_columns(
            outcome=pl.concat_str(pl.lit("negative control "), "control_code"),
            method=pl.lit(_RATIOS["log_risk_ratio"]),
        )
    )
    every = pl.concat([asked.select(_NAMED), controls.select(_NAMED)]).unique(maintain_order=True)
    balance = asked.join(mart["mart.covariate_balance"].drop("evidence_source"), on=_QUESTION)
    words = pl.concat([every[name] for name in ("pair_words", "target_words", "comparator_words", "outcome_words")])
    numbered([*words, *balance["covariate"]], BIGINT_BITS)
    tables = {
        "cm_analysis": _analyses(every),
        "cm_attrition": _attrition(asked, mart["mart.attrition"]),
        "cm_covariate": _covariates(balance),
        "cm_covariate_analysis": _covariates(balance).with_columns(
            covariate_analysis_name=pl.lit("As the study names it")
        ),
        "cm_covariate_balance": _covariates(balance).with_columns(
            std_diff_before=pl.col("smd_before"), std_diff_after=pl.col("smd_after")
        ),
        "cm_diagnostics_summary": _diagnostics(asked, mart["mart.diagnostic"]),
        "cm_result": pl.concat([_results(asked), _results(_controlled(controls))], how="diagonal_relaxed"),
        "cm_target_comparator": every,
        "cm_target_comparator_outcome": every.with_columns(
            pl.col("outcome").str.starts_with("negative control ").alias("is_control")
        ).with_columns(
            outcome_of_interest=(~pl.col("is_control")).cast(_INT),
            true_effect_size=pl.when("is_control").then(1.0),
        ),
        "cg_cohort_definition": _cohorts(every),
    }
    return {name: _typed(name, tables[name], database_id) for name in TABLES}


_NAMED = [
    *("study_id", "contrast", "outcome", "population", "target", "comparator", "months", "cohort", "method"),
    *("analysis_words", "pair_words", "target_words", "comparator_words", "outcome_words"),
    *("analysis_id", "target_comparator_id", "target_id", "comparator_id", "outcome_id"),
]


def _compared(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows whose contrast is of two arms of one cohort at one horizon, with what its words say."""
    said = frame.with_columns(pl.col("contrast").str.extract_groups(_COMPARISON).alias("said")).unnest("said")
    return said.filter(pl.col("target").is_not_null())


def _analysed(estimates: pl.DataFrame) -> pl.DataFrame:
    """One row a question and method: ratios where there are, else the question without one, which has no result."""
    found = _compared(estimates).with_columns(
        pl.col("estimator").replace_strict(_RATIOS, default=None, return_dtype=_TEXT).alias("method"),
        (pl.col("estimator") == _RISK).any().over(_QUESTION).alias("is_risk"),
    )
    ratios = found.filter(pl.col("method").is_not_null())
    rest = found.unique(_QUESTION, keep="first", maintain_order=True).join(ratios, on=_QUESTION, how="anti")
    told = [name for name, kind in found.schema.items() if kind.is_numeric()]
    rest = rest.with_columns(
        pl.when("is_risk").then(pl.lit(_RATIOS["log_risk_ratio"])).otherwise(pl.lit(_MEAN)).alias("method"),
        *(pl.lit(None, found.schema[name]).alias(name) for name in told),
    )
    return pl.concat([ratios, rest])


def _numbers(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the words of everything that has a number in the data model, and the numbers."""
    arm = "arm/{}/{}/{}"
    worded = rows.with_columns(
        pl.format("{}/{}/{}", "study_id", "method", "months").alias("analysis_words"),
        pl.format("pair/{}/{}/{}/{}", "study_id", "cohort", "target", "comparator").alias("pair_words"),
        pl.format(arm, "study_id", "cohort", "target").alias("target_words"),
        pl.format(arm, "study_id", "cohort", "comparator").alias("comparator_words"),
        pl.format("outcome/{}", "outcome").alias("outcome_words"),
    )
    names = {
        "analysis_id": ("analysis_words", INT_BITS, _INT),
        "target_comparator_id": ("pair_words", BIGINT_BITS, _BIGINT),
        "target_id": ("target_words", BIGINT_BITS, _BIGINT),
        "comparator_id": ("comparator_words", BIGINT_BITS, _BIGINT),
        "outcome_id": ("outcome_words", BIGINT_BITS, _BIGINT),
    }
    return worded.with_columns(
        pl.col(words).replace_strict(numbered(worded[words], bits), return_dtype=kind).alias(name)
        for name, (words, bits, kind) in names.items()
    )


def _analyses(every: pl.DataFrame) -> pl.DataFrame:
    facts = ["study_id", "method", "months"]
    definition = pl.struct(facts).map_elements(lambda row: json.dumps(row, sort_keys=True), return_dtype=_TEXT)
    return every.with_columns(
        description=pl.format("{}: {} at {} months", *facts),
        definition=definition,
    )


def _attrition(asked: pl.DataFrame, attrition: pl.DataFrame) -> pl.DataFrame:
    """Steps of both arms of a pair; where the arm is told after time zero, those of the cohort stand for both."""
    parts = []
    for arm in ("target", "comparator"):
        steps = attrition.rename({"cohort_code": "cohort"})
        own = asked.join(steps, left_on=["study_id", "cohort", arm], right_on=["study_id", "cohort", "arm_code"])
        shared = asked.join(steps.filter(arm_code="open").drop("arm_code"), on=["study_id", "cohort"])
        parts += [part.with_columns(exposure_id=pl.col(f"{arm}_id")) for part in (own, shared)]
    return pl.concat(parts, how="diagonal").with_columns(
        # The format counts steps from 1; here 0 is everybody.
        sequence_number=pl.col("step_number") + 1,
        description=pl.col("label"),
        subjects=pl.col("n_after"),
    )


def _covariates(balance: pl.DataFrame) -> pl.DataFrame:
    ids = numbered(balance["covariate"], BIGINT_BITS)
    return balance.with_columns(
        pl.col("covariate").replace_strict(ids, return_dtype=_BIGINT).alias("covariate_id"),
        covariate_name=pl.col("covariate"),
        covariate_analysis_id=pl.lit(1),
    )


def _diagnostics(asked: pl.DataFrame, diagnostics: pl.DataFrame) -> pl.DataFrame:
    """What CohortMethod asks as well; whatever else is asked here is in `unblind`, which is the gate."""
    is_open = pl.col("gate_status").is_in(_OPEN).cast(_INT)
    found = asked.with_columns(unblind=is_open, unblind_for_evidence_synthesis=is_open)
    for column, (diagnostic, judged) in _DIAGNOSTICS.items():
        told = diagnostics.filter(diagnostic=diagnostic).select(
            *_QUESTION,
            pl.col("value").alias(column),
            pl.col("status").cast(_TEXT).replace_strict(_VERDICTS, return_dtype=_TEXT).alias(f"{judged}_diagnostic"),
        )
        found = found.join(told, on=_QUESTION, how="left", maintain_order="left")
    verdicts = [f"{judged}_diagnostic" for judged in _JUDGED]
    absent = [pl.lit(None, _TEXT).alias(name) for name in verdicts if name not in found.columns]
    return found.with_columns(absent).with_columns(pl.col(verdicts).fill_null(_VERDICTS["not_evaluated"]))


def _results(rows: pl.DataFrame) -> pl.DataFrame:
    """Ratios from their logarithms; one-sided p of RR <= 1 and standard errors of calibrated ones from their intervals."""
    found = rows.filter(pl.col("method") != _MEAN)
    se = (pl.col("calibrated_ci_high") - pl.col("calibrated_ci_low")) / (2 * _Z)
    return found.with_columns(
        rr=pl.col("estimate").exp(),
        ci_95_lb=pl.col("ci_low").exp(),
        ci_95_ub=pl.col("ci_high").exp(),
        p=pl.col("p_value"),
        one_sided_p=_one_sided("estimate", pl.col("se")),
        target_subjects=pl.col("n_target"),
        comparator_subjects=pl.col("n_comparator"),
        target_outcomes=pl.col("events_target"),
        comparator_outcomes=pl.col("events_comparator"),
        log_rr=pl.col("estimate"),
        se_log_rr=pl.col("se"),
        calibrated_rr=pl.col("calibrated_estimate").exp(),
        calibrated_ci_95_lb=pl.col("calibrated_ci_low").exp(),
        calibrated_ci_95_ub=pl.col("calibrated_ci_high").exp(),
        calibrated_p=_two_sided("calibrated_estimate", se),
        calibrated_one_sided_p=_one_sided("calibrated_estimate", se),
        calibrated_log_rr=pl.col("calibrated_estimate"),
        calibrated_se_log_rr=se,
    )


def _controlled(controls: pl.DataFrame) -> pl.DataFrame:
    """Negative controls with the columns of an estimate; who is behind them is not told."""
    nothing = ("p_value", "n_target", "n_comparator", "events_target", "events_comparator")
    return controls.with_columns(
        *(pl.lit(None, _FLOAT).alias(name) for name in nothing),
        se=(pl.col("ci_high") - pl.col("ci_low")) / (2 * _Z),
    )


def _one_sided(estimate: str, se: pl.Expr) -> pl.Expr:
    return _of_normal(pl.col(estimate) / se, lambda z: 1 - _NORMAL.cdf(z))


def _two_sided(estimate: str, se: pl.Expr) -> pl.Expr:
    return _of_normal(pl.col(estimate) / se, lambda z: 2 * _NORMAL.cdf(-abs(z)))


def _of_normal(z: pl.Expr, probability: Callable[[float], float]) -> pl.Expr:
    return z.map_elements(probability, return_dtype=_FLOAT, skip_nulls=True)


def _cohorts(every: pl.DataFrame) -> pl.DataFrame:
    """What the numbers of arms and outcomes mean."""
    arms = [
        every.select(
            pl.col(f"{arm}_id").alias("cohort_definition_id"),
            pl.format("{} ({}, {})", arm, "study_id", "cohort").alias("cohort_name"),
        )
        for arm in ("target", "comparator")
    ]
    outcomes = every.select(pl.col("outcome_id").alias("cohort_definition_id"), pl.col("outcome").alias("cohort_name"))
    return pl.concat([*arms, outcomes])


def _typed(name: str, rows: pl.DataFrame, database_id: str) -> pl.DataFrame:
    """The columns of the data model in its order; what is not told here is NULL."""
    rows = rows.with_columns(database_id=pl.lit(database_id))
    absent = [pl.lit(None, kind).alias(column) for column, kind in TABLES[name].items() if column not in rows.columns]
    typed = rows.with_columns(absent).select(pl.col(column).cast(kind) for column, kind in TABLES[name].items())
    return typed.unique().sort(typed.columns)
