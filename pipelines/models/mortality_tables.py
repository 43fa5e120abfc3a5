"""Studies of design `survey_hazard` as tables: diagnostics first, then hazard ratios and risk differences where the gate is open.

The statistics are in `mortality`; here studies become specs and results become rows. Associations, never effects.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.models.errors import NotEstimable
from pipelines.models.gate_rule import why_closed
from pipelines.models.imputation import PooledEstimate, answer_columns
from pipelines.models.mortality import diagnose, estimate
from pipelines.models.mortality_spec import STEPS, Exposure, MortalityResult, MortalitySpec
from pipelines.models.study_frame import named_for_analysis, survey_frame, with_follow_up
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue

HAZARD, RISK = "survey_cox", "survey_cox_standardised"
LOG_HAZARD_RATIO, RISK_DIFFERENCE = "log hazard ratio", "risk difference in percent"
_NAMES = {"estradiol": "estradiol", "femoral_neck_t_score": "femoral-neck T-score"}
_UNITS = {"estradiol": " pg/mL", "femoral_neck_t_score": ""}
#: estimators of the other analyses; the two shortcuts have the names they have in other studies of estradiol
_COMPARISONS = {
    "after_late_from_months": "survey_cox_late_deaths",
    "below_top_age": "survey_cox_below_top_age",
    "lloq_over_sqrt2": "lloq_over_sqrt2",
    "measured_only": "measured_only",
}
_COMPLETE = "complete cases on exposure and covariates"
_IMPUTED = (
    f"censored estradiol by multiple imputation from a censored-normal model holding death and its hazard; {_COMPLETE}"
)
_SHORTCUTS = {
    "lloq_over_sqrt2": "limit/sqrt(2) put in for censored values: for comparison only",
    "measured_only": "censored values left out: for comparison only",
}
_SE = "Taylor linearization (strata, PSUs)"
_POOLED_SE = f"{_SE}, Rubin's rules, Barnard-Rubin df"
Row = dict[str, object]


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every hazard study asked for: the same gate for the ratio and for the risks."""
    rows: list[Row] = []
    for study, spec, exposure, frame in _exposures(inputs, facts):
        for population in spec.populations:
            found = diagnose(frame, spec, exposure, population)
            for contrast in contrasts(spec, exposure):
                key = _key(study, contrast, population)
                rows += [
                    key
                    | {
                        "diagnostic": each.diagnostic,
                        "value": each.value,
                        "threshold": each.threshold,
                        "rule": each.rule,
                        "status": each.status,
                    }
                    for each in found
                ]
    return _table("models.diagnostic", rows)


def effect_estimates(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: hazard ratios, risk differences and comparisons, or a closed gate."""
    judged = inputs["models.diagnostic"].collect()
    rows: list[Row] = []
    for study, spec, exposure, frame in _exposures(inputs, facts):
        for population in spec.populations:
            keys = [_key(study, contrast, population) for contrast in contrasts(spec, exposure)]
            asked = [judged.filter(*(pl.col(name) == value for name, value in key.items())) for key in keys]
            closed = "; ".join(dict.fromkeys(why for each in asked if (why := why_closed(each, study, facts.today))))
            result = None
            if not closed:
                try:
                    result = estimate(frame, spec, exposure, population)
                except NotEstimable as error:
                    closed = f"not estimable: {error}"
            commons = [key | _common(study, facts, exposure) for key in keys]
            rows += _closed(*commons, closed) if result is None else _opened(*commons, study, spec, exposure, result)
    return _table("models.effect_estimate", rows)


def contrasts(spec: MortalitySpec, exposure: Exposure) -> tuple[str, str]:
    """What the hazard ratio is told per, and between which percentiles the risks are compared."""
    low, high = spec.risk_percentiles
    name = _NAMES[exposure.code]
    return f"{name}, per {STEPS[exposure.code]}", f"{name}, {high:g}th against {low:g}th percentile"


def spec_of(study: Study) -> MortalitySpec:
    """The choices of a study file.

    Raises:
        ValueError: a choice that the design does not allow.
    """
    e, d = study.estimation, study.diagnostics
    exposures = tuple(
        Exposure(each["code"], tuple(each["cycles"]), float(each["horizon_months"])) for each in e["exposure"]
    )
    return MortalitySpec(
        study_id=study.id,
        seed=int(e["seed"]),
        exposures=exposures,
        n_imputations=int(e["n_imputations"]),
        minimum_age_years=study.population.minimum_age_years,
        risk_percentiles=(float(e["risk_percentiles"][0]), float(e["risk_percentiles"][1])),
        late_from_months=float(e["late_from_months"]),
        minimum_n=int(d["minimum_n"]),
        minimum_effective_n=d["minimum_effective_n"],
        minimum_design_df=int(d["minimum_design_df"]),
        minimum_events_per_parameter=d["minimum_events_per_parameter"],
        minimum_followed_share=d["minimum_followed_share"],
        maximum_relative_standard_error=d["maximum_relative_standard_error"],
        maximum_censored_share=d["maximum_censored_share"],
    )


def _exposures(inputs: Inputs, facts: RunFacts) -> Iterator[tuple[Study, MortalitySpec, Exposure, pl.DataFrame]]:
    """Every exposure of every hazard study, with the people of its cycles."""
    for name in facts.studies:
        study = catalogue()[name]
        if study.design != "survey_hazard":
            continue
        spec = spec_of(study)
        for exposure in spec.exposures:
            frame = named_for_analysis(survey_frame(inputs, study.id, exposure.cycles), study.covariates.codes)
            if frame.height:
                yield study, spec, exposure, with_follow_up(frame, inputs)


def _key(study: Study, contrast: str, population: str) -> Row:
    return {
        "study_id": study.id,
        "contrast": contrast,
        "outcome": study.outcomes.primary[0],
        "population": population,
    }


def _common(study: Study, facts: RunFacts, exposure: Exposure) -> Row:
    is_e2 = exposure.code == "estradiol"
    return {
        "protocol_hash": study.protocol_hash,
        "evidence_source": facts.evidence_source,
        "estimand": study.estimation["estimand"],
        "intercurrent_strategy": "none: followed from the examination, no treatment compared",
        "se_method": _POOLED_SE if is_e2 else _SE,
        "missing_method": _IMPUTED if is_e2 else _COMPLETE,
    }


def _closed(hazard: Row, risk: Row, reason: str) -> list[Row]:
    gate = {"gate_status": "closed", "gate_reason": reason}
    return [
        hazard | {"estimator": HAZARD, "scale": LOG_HAZARD_RATIO} | gate,
        risk | {"estimator": RISK, "scale": RISK_DIFFERENCE} | gate,
    ]


def _opened(
    hazard: Row, risk: Row, study: Study, spec: MortalitySpec, exposure: Exposure, result: MortalityResult
) -> list[Row]:
    sizes = {
        "n_target": result.n,
        "events_target": result.n_events,
        "n_censored": result.n_censored,
        "n_effective": result.n_effective,
    }
    ratio = hazard | {"scale": LOG_HAZARD_RATIO}
    rows = [ratio | sizes | {"estimator": HAZARD} | _answer(result.log_hazard_ratio, 1.0)]
    told = {
        "estimator": RISK,
        "scale": RISK_DIFFERENCE,
        "horizon_months": exposure.horizon_months,
        "estimand": f"{study.estimation['estimand']}: {_risk_words(spec, exposure, result)}",
    }
    rows.append(risk | sizes | told | _answer(result.risk_difference, 100.0))
    for each in result.comparisons:
        own: Row = {"estimator": _COMPARISONS[each.method], "n_target": each.n}
        if each.method in _SHORTCUTS:
            own |= {"missing_method": _SHORTCUTS[each.method], "se_method": _SE}
        if each.log_hazard_ratio is None:
            rows.append(ratio | own | {"gate_status": "closed", "gate_reason": each.note})
        else:
            rows.append(ratio | own | _answer(each.log_hazard_ratio, 1.0))
    return rows


def _risk_words(spec: MortalitySpec, exposure: Exposure, result: MortalityResult) -> str:
    """Both standardised risks, which the difference alone does not tell."""
    unit = _UNITS[exposure.code]
    below = ", a value below the limit of the assay" if result.is_low_below_lloq else ""
    return (
        f"risk within {exposure.horizon_months:g} months {100 * result.risk_high:.1f} % at {result.high:.3g}{unit}, "
        f"{100 * result.risk_low:.1f} % at {result.low:.3g}{unit}{below}, standardized over the population"
    )


def _answer(found: PooledEstimate, factor: float) -> Row:
    return {"gate_status": "open"} | answer_columns(found, factor)


def _table(name: str, rows: list[Row]) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=CONTRACTS[name].empty().schema).lazy()
