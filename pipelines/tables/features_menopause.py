"""Contracts of `features.menopausal_status` and of the codes it reads.

Not here: what follows from the status, such as which score of bone density or which band of estradiol applies.
"""

import dataframely as dy

from pipelines.tables.columns import day, person_id, text, whole
from pipelines.tables.contract import table

STATUSES = ("premenopausal", "postmenopausal", "suppressed", "unknown")
POSTMENOPAUSAL_RULES = (
    "age_60",
    "both_ovaries_removed",
    "ovarian_failure",
    "natural_menopause",
    "menopausal_state",
    "menopause_code",
    "no_period_for_a_year",
    "fsh_and_estradiol",
)
PREMENOPAUSAL_RULES = (
    "menses_past_year",
    "premenopausal_state",
    "perimenopausal_state",
    "ovaries_work_code",
    "pregnant_or_breast_feeding",
)
UNKNOWN_RULES = ("conflicting_evidence", "evidence_too_old", "hysterectomy_alone", "no_answer")
RULES = (*POSTMENOPAUSAL_RULES, "ovarian_suppression", *PREMENOPAUSAL_RULES, *UNKNOWN_RULES)


@table(
    "features.menopausal_status",
    grain="one row per woman and period",
    window="what was recorded by known_on and nothing later",
    source="docs/methods.md (menopausal rule); STRAW+10 2012 for a year without a period",
)
class MenopausalStatus(dy.Schema):
    """What was known of menopause on each day, from what was recorded by then: periods follow each other without a gap."""

    person_id = person_id()
    period_number = whole("Order of the period", key=True, minimum=1)
    known_on = day("First day on which this was known; NULL: as long as there are records, or undated", optional=True)
    known_until_on = day("Last day on which nothing else was known; NULL: no end", optional=True)
    status_code = text(
        "Status; suppressed: the ovaries are silenced by a GnRH analogue for as long as it acts",
        allowed=STATUSES,
        formula="status that rule_code stands for",
    )
    rule_code = text(
        "Rule that decided",
        allowed=RULES,
        formula="first that holds: 60 years, ovaries removed, GnRH analogue, latest evidence, answers",
    )
    since_on = day("Day since which it has been so, where the evidence tells", optional=True)


@table("ref.menopause_code", grain="one row per code", unit="population")
class MenopauseCode(dy.Schema):
    """Codes that tell of the ovaries; an ICD code stands for itself and all below it."""

    vocabulary_code = text("Code system", key=True, allowed=("icd10cm", "icd9cm", "icd10pcs", "icd9proc", "snomed"))
    code = text("Code, or the beginning of it", key=True)
    evidence_code = text(
        "What it tells", allowed=("both_ovaries_removed", "ovarian_failure", "menopause", "ovaries_work")
    )
    source = text("Title of the code in its code system")
