"""`models.diagnostic`: the diagnostics of every study, whatever its design, in one table that the gates read."""

import polars as pl

from pipelines.models import (
    bone_prevalence,
    contrast_tables,
    dose_tables,
    mortality_tables,
    regime_tables,
    risk_tables,
    survey_association,
    symptom_tables,
    threshold_tables,
)
from pipelines.run_facts import Inputs, RunFacts


def diagnostic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Diagnostics of surveys (associations, hazards, shares), clinical contrasts, curves, doses, policies, risks and symptoms."""
    surveys = (survey_association, mortality_tables, bone_prevalence)
    parts = (*surveys, contrast_tables, threshold_tables, dose_tables, regime_tables, risk_tables, symptom_tables)
    return pl.concat([part.diagnostics(inputs, facts) for part in parts])
