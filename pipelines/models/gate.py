"""`models.diagnostic`: the diagnostics of every study, whatever its design, in one table that the gates read."""

import polars as pl

from pipelines.models import (
    bone_prevalence,
    contrast_tables,
    dose_tables,
    regime_tables,
    risk_tables,
    survey_association,
    threshold_tables,
)
from pipelines.run_facts import Inputs, RunFacts


def diagnostic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Diagnostics of survey associations, descriptive studies, clinical contrasts, curves, doses, policies and risks."""
    of_surveys = (survey_association, bone_prevalence)
    of_cohorts = (contrast_tables, threshold_tables, dose_tables, regime_tables, risk_tables)
    return pl.concat([part.diagnostics(inputs, facts) for part in (*of_surveys, *of_cohorts)])
