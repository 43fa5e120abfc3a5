"""`models.effect_estimate`: the estimates of every study, whatever its design, in one table; closed gates included."""

import polars as pl

from pipelines.models import contrast_tables, survey_association
from pipelines.run_facts import Inputs, RunFacts


def effect_estimate(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Associations of surveys and effects of clinical contrasts."""
    parts = (survey_association, contrast_tables)
    return pl.concat([part.effect_estimates(inputs, facts) for part in parts])
