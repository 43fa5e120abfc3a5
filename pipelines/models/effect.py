"""Estimates and curves of every study, whatever its design, in one table each; closed gates included."""

import polars as pl

from pipelines.models import (
    contrast_tables,
    dose_tables,
    e2_time_course_tables,
    modifier_tables,
    mortality_tables,
    ratio_tables,
    regime_tables,
    risk_tables,
    survey_association,
    symptom_tables,
    threshold_tables,
)
from pipelines.models.gate_rule import marked
from pipelines.run_facts import Inputs, RunFacts


def effect_estimate(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.effect_estimate`: associations of surveys, effects of arms, doses and regimes, lines, bands, modifiers."""
    surveys = (survey_association, mortality_tables)
    parts = (*surveys, contrast_tables, threshold_tables, dose_tables, regime_tables, risk_tables, symptom_tables)
    parts = (*parts, e2_time_course_tables)
    answers = pl.concat([part.effect_estimates(inputs, facts) for part in (*parts, modifier_tables, ratio_tables)])
    return marked(answers, inputs["models.diagnostic"].collect(), facts)


def dose_response(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.dose_response`: curves of surveys and of clinical studies."""
    return pl.concat(
        [part.dose_response(inputs, facts) for part in (survey_association, threshold_tables, symptom_tables)]
    )
