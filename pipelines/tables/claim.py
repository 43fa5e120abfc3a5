"""Contracts of the claims ledger through the layers: rules, planted truth, verdicts, and what of them may leave.

What the rules are stands in `pipelines/trials/claims.toml`, what a verdict is in `pipelines/models/claim.py`.
"""

import dataframely as dy

from pipelines.tables.columns import flag, number, text
from pipelines.tables.contract import table

KINDS = ("superiority", "equivalence", "threshold", "level")
VERDICTS = ("supported", "contradicted", "inconclusive", "not_answerable")
RECOVERIES = ("recovered", "missed", "false_alarm")
EVIDENCE = ("real", "public_survey", "simulated")


class _Rule(dy.Schema):
    claim_id = text("Claim, H1 to H28", key=True)
    part_code = text("Part of the claim: its population and figure; every part must hold", key=True)
    family_code = text("Family over which Holm adjusts")
    kind_code = text(
        "superiority: an effect on the side claimed; equivalence: none that matters; threshold: a change-point named; "
        "level: a value named",
        allowed=KINDS,
    )
    is_dosing = flag("A claim about dosing, to which a survey of the public never speaks")
    claim = text("Claim, in words")
    population = text("Population")
    estimand = text("Estimand of this part, in words")
    contrast = text("Contrast of the study; NULL: the study is a survey, or makes none yet", optional=True)
    outcome = text("Outcome", optional=True)
    side_code = text("Side claimed, of target less comparator", optional=True, allowed=("above", "below"))
    delta = number("Smallest effect of interest, in the unit of the estimate", optional=True, minimum=0)
    delta_source = text("Where the smallest effect comes from", optional=True)
    named_low = number("Threshold (pg/mL) or level named, least value, in the unit of the estimate", optional=True)
    named_high = number("Threshold (pg/mL) or level named, greatest value", optional=True)
    published_answer = text("Best published answer")
    citation = text("Where it stands")
    rules_hash = text("Start of the sha256 of the file of rules, written before any outcome was read")


@table("ref.claim", grain="one row per claim and part", unit="population")
class ClaimRule(_Rule):
    """The rules by which the 28 claims are judged, from their file."""

    answered_by = text("Study that answers it, in this run or not; NULL: none does", optional=True)
    absent = text("Why no study answers it", optional=True)
    truth_study = text("What the simulator calls the study", optional=True)
    truth_contrast = text("What the simulator calls the contrast", optional=True)
    truth_figure = text("What the simulator calls the figure", optional=True)


@table("raw.planted_truth", grain="one row per study, contrast and figure of the simulator", unit="population")
class PlantedTruth(dy.Schema):
    """What the simulator says is true of the people it wrote; empty with any real drop. Only claims are judged with it."""

    truth_study = text("Study, as the simulator calls it", key=True)
    truth_contrast = text("Contrast, as the simulator calls it; empty where there is none", key=True)
    truth_figure = text("Figure, as the simulator calls it", key=True)
    value = number("True value, target less comparator; ratios as logarithms")
    standard_error = number("Its Monte-Carlo standard error; 0 where it is a parameter", minimum=0)


class _Judged(_Rule):
    evidence_source = text("Where the evidence comes from", allowed=EVIDENCE)
    study_id = text("Study of this run that answers it; NULL: none in this run does", optional=True)
    scale = text("Scale of the estimate", optional=True)
    estimate = number("Estimate, or place of the change-point; NULL without an answer", optional=True)
    ci_low = number("Lower limit, adjusted by Holm over the family; NULL: open or no answer", optional=True)
    ci_high = number("Upper limit, adjusted by Holm over the family; NULL: open or no answer", optional=True)
    confidence_pct = number("Confidence of the interval after adjustment", "%", optional=True, minimum=0, maximum=100)
    p_value = number("p-value before adjustment", optional=True, minimum=0, maximum=1)
    verdict = text("Verdict on the part; NULL on simulated data", optional=True, allowed=VERDICTS)
    claim_verdict = text("Verdict on the claim as a whole; NULL on simulated data", optional=True, allowed=VERDICTS)
    recovery = text(
        "On simulated data only: the verdict says what is true (recovered), there is none (missed), or it says the opposite "
        "(false_alarm); NULL where the truth does not tell",
        optional=True,
        allowed=RECOVERIES,
    )
    truth = number("True value planted by the simulator, in the unit of the estimate", optional=True)
    why = text("Why, in plain words")


@table("models.claim", grain="one row per claim and part", unit="population")
class JudgedClaim(_Judged):
    """Each part of the 28 claims with its evidence and verdict."""


@table("mart.claim", grain="one row per claim and part", unit="population")
class Claim(_Judged):
    """The ledger of the 28 claims: evidence, verdict and why. No number stands where the gate is closed."""
