"""Contract of `mart.evidence_drift`: estimates from publication to publication, after disclosure control.

Drift of distributions and of data checks stands in `models` and `mart`.
"""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table


@table("mart.evidence_drift", grain="one row per study, contrast, outcome, population and estimator", unit="population")
class EvidenceDrift(dy.Schema):
    """What became another since the publication before: how far estimates, people and diagnostics moved, and why."""

    study_id = text("Study", key=True)
    contrast = text("Contrast", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    estimator = text("Estimator", key=True)
    evidence_source = text("Where the evidence comes from", allowed=("real", "public_survey", "simulated"))
    gate_status = text("Gate", allowed=("open", "closed", "waived"))
    previous_gate_status = text("Gate in the publication before", allowed=("open", "closed", "waived"), optional=True)
    n_change = whole(
        "People behind the question less those before, to ten; NULL where hidden", "{persons}", optional=True
    )
    largest_smd_change = number(
        "Largest standardised difference after weighting less that before, to 0.01", "1", optional=True
    )
    ease_change = number("Expected absolute systematic error less that before, to 0.01", optional=True)
    estimate_change_se = number(
        "Estimate less that before, in standard errors of that before, to 0.01; NULL unless both gates tell it",
        "1",
        optional=True,
    )
    cause = text(
        "Why it is another than in the publication before, several where several changed: input, code (code lists included), "
        "protocol, settings, protocol of another study, waiver, unexplained; none: no difference; first: nothing to compare"
    )
    is_suppressed = flag("Hidden, because few people came or went")
