"""Contracts of courses over time by arm, computed and as they may leave: risks of events, change of bone density.

Curves along an exposure stand in `models` and `mart`.
"""

import dataframely as dy

from pipelines.tables.columns import flag, number, text, whole
from pipelines.tables.contract import table

_GRAIN = "one row per study, contrast, outcome, population, arm and day"
_SOURCES = ("real", "public_survey", "simulated")


@table("models.cumulative_incidence", grain=_GRAIN, unit="population")
class CumulativeIncidenceComputed(dy.Schema):
    """Risk of an event by quarter after time zero, death competing, weighted as its estimate. No row behind a closed gate.

    A question owns the days after the horizon before its own: what a closed gate hides is not told by a longer curve. Not for
    release: `mart.cumulative_incidence` is.
    """

    study_id = text("Study", key=True)
    contrast = text("Contrast, with its horizon", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    follow_up_days = whole("Days after time zero", "d", key=True, minimum=0)
    evidence_source = text("Where the evidence comes from", allowed=_SOURCES)
    risk_pct = number("Weighted Aalen-Johansen risk until that day", "%", minimum=0)
    se_pct = number(
        "Standard error, models of the weights included; NULL where nobody or everybody had it", "%", optional=True
    )
    ci_low_pct = number("Lower 95 % limit, on the scale of log(-log(1 - risk))", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit", "%", optional=True)
    n_at_risk = whole("People under observation without event on that day", "{persons}", minimum=0)
    n_events = whole("People with the event until that day", "{persons}", minimum=0)
    gate_status = text("Gate; a closed one has no curve", allowed=("open", "waived"))
    gate_reason = text("The waiver, where the gate is open by one", optional=True)


@table("mart.cumulative_incidence", grain=_GRAIN, unit="population")
class CumulativeIncidence(dy.Schema):
    """Risk of an event by quarter after time zero, and people at risk. No row behind a closed gate; few events tell no step."""

    study_id = text("Study", key=True)
    contrast = text("Contrast, with its horizon; it tells the days after the horizon before it", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    follow_up_days = whole("Days after time zero", "d", key=True, minimum=0)
    evidence_source = text("Where the evidence comes from", allowed=_SOURCES)
    risk_pct = number("Weighted Aalen-Johansen risk until that day; death competes", "%", optional=True, minimum=0)
    se_pct = number("Standard error; NULL also where nobody had it", "%", optional=True)
    ci_low_pct = number("Lower 95 % limit", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit", "%", optional=True)
    n_at_risk = whole("People under observation without event on that day", "{persons}", optional=True, minimum=0)
    gate_status = text("Gate; a closed one has no curve", allowed=("open", "waived"))
    gate_reason = text("The waiver, where the gate is open by one", optional=True)
    is_suppressed = flag("Risk or number hidden by disclosure control")


@table("models.bmd_trajectory", grain=_GRAIN, unit="population")
class BmdTrajectoryComputed(dy.Schema):
    """Mean change of bone density by arm at whole years and at the horizon. No row behind a closed gate.

    Each mean is of everybody, as if all were in the arm; those of the horizon are the two behind the estimate. A question owns
    the years after the horizon before its own; a year whose own diagnostics do not hold has a reason and no number. Not for
    release: `mart.bmd_trajectory` is.
    """

    study_id = text("Study", key=True)
    contrast = text("Contrast, with its horizon", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    follow_up_days = whole("Days after time zero", "d", key=True, minimum=1)
    evidence_source = text("Where the evidence comes from", allowed=_SOURCES)
    change_pct = number("Mean change since the baseline, by the primary estimator", "%", optional=True)
    se_pct = number("Standard error of this mean, clustered by person", "%", optional=True, minimum=0)
    ci_low_pct = number("Lower 95 % limit", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit", "%", optional=True)
    n_arm = whole(
        "People and time zeros in the arm, by clones those who kept to it", "{persons}", optional=True, minimum=0
    )
    n_observed = whole("Of them scanned in the window", "{persons}", optional=True, minimum=0)
    n_observed_other = whole("Scanned in the window in the other arm", "{persons}", optional=True, minimum=0)
    gate_status = text("Gate of that day", allowed=("open", "closed", "waived"))
    gate_reason = text("What closed it, or the waiver", optional=True)


@table("mart.bmd_trajectory", grain=_GRAIN, unit="population")
class BmdTrajectory(dy.Schema):
    """Mean change of bone density by arm, as if everybody were in it, at whole years and at the horizon.

    No row behind a closed gate; a year whose own diagnostics do not hold has a reason and no number.
    """

    study_id = text("Study", key=True)
    contrast = text("Contrast, with its horizon; it tells the years after the horizon before it", key=True)
    outcome = text("Outcome", key=True)
    population = text("Population", key=True)
    arm_code = text("Arm", key=True)
    follow_up_days = whole("Days after time zero", "d", key=True, minimum=1)
    evidence_source = text("Where the evidence comes from", allowed=_SOURCES)
    change_pct = number(
        "Mean change since the baseline, by the primary estimator; NULL where its gate is closed", "%", optional=True
    )
    se_pct = number("Standard error of this mean", "%", optional=True, minimum=0)
    ci_low_pct = number("Lower 95 % limit", "%", optional=True)
    ci_high_pct = number("Upper 95 % limit", "%", optional=True)
    n_observed = whole("People of the arm scanned in the window", "{persons}", optional=True, minimum=0)
    gate_status = text("Gate of that day", allowed=("open", "closed", "waived"))
    gate_reason = text("What closed it, or the waiver", optional=True)
    is_suppressed = flag("Change or number hidden by disclosure control")
