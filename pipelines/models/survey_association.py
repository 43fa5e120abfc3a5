"""Studies of design `survey_association` as tables: diagnostics first, then estimates and curves where the gate is open.

The statistics are in `e2_bmd`; here studies become specs and results become rows.
"""

import polars as pl

from pipelines.models.e2_bmd import diagnose, estimate
from pipelines.models.e2_bmd_spec import Diagnostic, E2BmdResult, E2BmdSpec
from pipelines.models.errors import NotEstimable
from pipelines.models.imputation import PooledEstimate, answer_columns
from pipelines.models.study_frame import named_for_analysis, survey_frame
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue

CONTRAST = "estradiol, per doubling"
PRIMARY = "linear_log2_e2_mi"
_COMPARISONS = {"substitution_lloq_over_sqrt2": "lloq_over_sqrt2", "complete_case_measured_only": "measured_only"}
_MISSING_METHOD = {
    PRIMARY: "censored estradiol by multiple imputation from a censored-normal model; complete cases on covariates",
    "spline_joint_test": "as linear_log2_e2_mi",
    "spline_nonlinearity_test": "as linear_log2_e2_mi",
    "lloq_over_sqrt2": "limit/sqrt(2) put in for censored values: for comparison only",
    "measured_only": "censored values left out: for comparison only",
}


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every survey association asked for."""
    rows = [
        _diagnostic_row(study, found)
        for study in _studies(facts)
        for found in diagnose(_frame(inputs, study), _spec(study))
    ]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: the primary estimate, its joint tests and the comparisons, or a closed gate."""
    rows: list[dict[str, object]] = []
    for study, frame, spec, population, outcome, closed in _cells(inputs, facts):
        common = _common(study, facts, population, outcome)
        result, closed = _estimated(frame, spec, population, outcome, closed)
        rows += _closed(common, closed) if result is None else _opened(common, result)
    return _table("models.effect_estimate", rows)


def dose_response(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.dose_response`: the curve of each open cell, not below the limit of the assay."""
    rows: list[dict[str, object]] = []
    for study, frame, spec, population, outcome, closed in _cells(inputs, facts):
        result, _ = _estimated(frame, spec, population, outcome, closed)
        if result is None:
            continue
        drawn = [point for point in result.curve if not point.is_below_lloq]
        rows += [
            {
                "study_id": study.id,
                "outcome": outcome,
                "population": population,
                "point_number": number,
                "evidence_source": facts.evidence_source,
                "exposure": "estradiol, pg/mL",
                "exposure_value": point.e2_pg_ml,
                "reference_value": result.reference_e2_pg_ml,
                "estimate": point.difference_g_cm2,
                "ci_low": point.ci_low,
                "ci_high": point.ci_high,
                "knots": ", ".join(f"{knot:.3g}" for knot in result.knots_e2_pg_ml),
                "gate_status": "open",
            }
            for number, point in enumerate(drawn, start=1)
        ]
    return _table("models.dose_response", rows)


def _studies(facts: RunFacts) -> list[Study]:
    return [s for name in facts.studies if (s := catalogue()[name]).design == "survey_association"]


def _spec(study: Study) -> E2BmdSpec:
    e, d = study.estimation, study.diagnostics
    return E2BmdSpec(
        seed=int(e["seed"]),
        n_imputations=int(e["n_imputations"]),
        minimum_age_years=study.population.minimum_age_years,
        outcomes=(*study.outcomes.primary, *study.outcomes.secondary),
        knot_percentiles=tuple(float(p) for p in e["knot_percentiles"]),
        curve_percentiles=(float(e["curve_percentiles"][0]), float(e["curve_percentiles"][1])),
        reference_marks_pg_ml=tuple(float(m) for m in e["reference_marks_pg_ml"]),
        minimum_n=int(d["minimum_n"]),
        minimum_effective_n=d["minimum_effective_n"],
        minimum_design_df=int(d["minimum_design_df"]),
        maximum_relative_standard_error=d["maximum_relative_standard_error"],
        maximum_censored_share=d["maximum_censored_share"],
    )


def _frame(inputs: Inputs, study: Study) -> pl.DataFrame:
    return named_for_analysis(survey_frame(inputs, study.id, study.population.cycles), study.covariates.codes)


def _cells(inputs: Inputs, facts: RunFacts) -> list[tuple[Study, pl.DataFrame, E2BmdSpec, str, str, str]]:
    """Every population and outcome of every study, with why its gate is closed (empty: open)."""
    gates = inputs["models.diagnostic"].collect()
    cells = []
    for study in _studies(facts):
        frame, spec = _frame(inputs, study), _spec(study)
        for population in spec.populations:
            for outcome in spec.outcomes:
                asked = gates.filter(study_id=study.id, population=population, outcome=outcome)
                cells.append((study, frame, spec, population, outcome, _why_closed(asked)))
    return cells


def _why_closed(diagnostics: pl.DataFrame) -> str:
    if diagnostics.is_empty():
        return "no diagnostic was evaluated"
    shut = diagnostics.filter(~pl.col("status").is_in(["pass", "not_applicable"]))
    return "; ".join(f"{row['diagnostic']} {row['status']}" for row in shut.iter_rows(named=True))


def _estimated(
    frame: pl.DataFrame, spec: E2BmdSpec, population: str, outcome: str, closed: str
) -> tuple[E2BmdResult | None, str]:
    if closed:
        return None, closed
    try:
        return estimate(frame, spec, population, outcome), ""
    except NotEstimable as error:
        return None, f"not estimable: {error}"


def _common(study: Study, facts: RunFacts, population: str, outcome: str) -> dict[str, object]:
    return {
        "study_id": study.id,
        "contrast": CONTRAST,
        "outcome": outcome,
        "population": population,
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": "none: cross-sectional",
        "se_method": "Taylor linearization (strata, PSUs), Rubin's rules, Barnard-Rubin df",
        "scale": "g/cm2",
    }


def _closed(common: dict[str, object], reason: str) -> list[dict[str, object]]:
    gate = {"gate_status": "closed", "gate_reason": reason}
    return [common | {"estimator": PRIMARY, "missing_method": _MISSING_METHOD[PRIMARY]} | gate]


def _opened(common: dict[str, object], result: E2BmdResult) -> list[dict[str, object]]:
    sizes = {"n_target": result.n, "n_censored": result.n_censored, "n_effective": result.n_effective}
    rows = [_estimate_row(common | sizes, PRIMARY, result.per_doubling)]
    for name, test in (("spline_joint_test", result.association), ("spline_nonlinearity_test", result.nonlinearity)):
        tested = {"estimator": name, "p_value": test.p_value, "df": test.df_denominator, "gate_status": "open"}
        rows.append(common | sizes | tested | {"missing_method": _MISSING_METHOD[name], "scale": "design-adjusted F"})
    for comparison in result.comparisons:
        name = _COMPARISONS[comparison.method]
        if comparison.per_doubling:
            rows.append(_estimate_row(common | {"n_target": comparison.n}, name, comparison.per_doubling))
    return rows


def _estimate_row(common: dict[str, object], estimator: str, found: PooledEstimate) -> dict[str, object]:
    words = {"estimator": estimator, "missing_method": _MISSING_METHOD[estimator], "gate_status": "open"}
    return common | words | answer_columns(found)


def _diagnostic_row(study: Study, found: Diagnostic) -> dict[str, object]:
    return {
        "study_id": study.id,
        "contrast": CONTRAST,
        "outcome": found.outcome,
        "population": found.population,
        "diagnostic": found.diagnostic,
        "value": found.value,
        "threshold": found.threshold,
        "rule": found.note or "see docs/methods: profile survey_association",
        "status": found.status,
    }


def _table(name: str, rows: list[dict[str, object]]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
