"""`models.diagnostic`: the diagnostics of every study, whatever its design, in one table that the gates read."""

import polars as pl

from pipelines.models import (
    bone_prevalence,
    contrast_tables,
    dose_tables,
    modifier_tables,
    mortality_tables,
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
    found = pl.concat([part.diagnostics(inputs, facts) for part in parts]).collect()
    # Whether an effect differs is asked only where the gate of its trial is open.
    return pl.concat([found.lazy(), modifier_tables.diagnostics(inputs, facts, found)])
