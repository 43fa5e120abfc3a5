"""`models.diagnostic`: the diagnostics of every study, whatever its design, in one table that the gates read."""

import polars as pl

from pipelines.models import (
    bone_prevalence,
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
from pipelines.run_facts import Inputs, RunFacts


def diagnostic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Diagnostics of surveys (associations, hazards, shares) and of every kind of question of clinical studies."""
    surveys = (survey_association, mortality_tables, bone_prevalence)
    parts = (*surveys, contrast_tables, threshold_tables, dose_tables, regime_tables, risk_tables, symptom_tables)
    parts = (*parts, e2_time_course_tables)
    found = pl.concat([part.diagnostics(inputs, facts) for part in parts]).collect()
    # What is asked of the trials and curves of other studies is asked only where their gates are open.
    asked_of_others = [part.diagnostics(inputs, facts, found) for part in (modifier_tables, ratio_tables)]
    return pl.concat([found.lazy(), *asked_of_others])
