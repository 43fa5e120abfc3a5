"""`models.diagnostic`: the diagnostics of every study, whatever its design, in one table that the gates read."""

import polars as pl

from pipelines.models import bone_prevalence, survey_association
from pipelines.run_facts import Inputs, RunFacts


def diagnostic(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Diagnostics of survey associations and descriptive studies."""
    return pl.concat([survey_association.diagnostics(inputs, facts), bone_prevalence.diagnostics(inputs, facts)])
