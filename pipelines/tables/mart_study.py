"""Contracts of what `mart` says of a study beside its estimates: its question, and how far its arms overlap.

Estimates, diagnostics and counts of people stand in `mart`.
"""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table


@table("mart.study", grain="one row per study", unit="population")
class Study(dy.Schema):
    """What each study asks, from its file. The leading question is the one named there first, before any result was seen."""

    study_id = text("Study", key=True)
    protocol_hash = text("Hash of the study file")
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    title = text("Title")
    question = text("What it asks, in one sentence")
    design = text("Design, which decides the diagnostics")
    primary_outcomes = text("Primary outcomes, divided by commas, in the order of the file")
    lead_outcome = text(
        "Outcome of the leading question: the first of the primary ones that is estimated", optional=True
    )
    lead_contrast = text("Contrast of the leading question; NULL where the study names none", optional=True)
    lead_population = text("Population of the leading question; NULL where every one is led by", optional=True)


@table(
    "mart.propensity_score",
    grain="one row per study, contrast, outcome, population, arm and bin of the preference score",
    unit="population",
)
class PropensityScore(dy.Schema):
    """How far two arms overlap: shares of either arm by preference score, the propensity as if both were equally common."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    bin_number = whole("Order of the bin", key=True, minimum=1)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    lower = number("Lower edge", "1", minimum=0, maximum=1)
    upper = number("Upper edge", "1", minimum=0, maximum=1)
    share_pct = number("Share of the arm in the bin, to 1 %; NULL where hidden", "%", optional=True, minimum=0)
    is_suppressed = flag("Hidden by disclosure control")
