"""Contracts of `features` about outcomes and covariates: clinical events, outcomes by study, what was known at time zero.

Code lists stand in `ref_phenotype`; what is measured (estradiol, bone density) in the other modules of this layer.
"""

import dataframely as dy

from pipelines.tables.columns import flag, person_id, text, whole
from pipelines.tables.contract import table

CERTAINTIES = ("definite", "possible", "elsewhere", "history")


@table("features.clinical_event", grain="one row per person, phenotype and day with a record")
class ClinicalEvent(dy.Schema):
    """Records of every phenotype and negative control, whether they meet its rules, and which of them begin a new event."""

    person_id = person_id()
    phenotype_code = text("Phenotype", key=True)
    event_on = dy.Date(primary_key=True, nullable=False, description="Day of the record")
    certainty_code = text(
        "definite: all rules met; possible: met if what is not told were right; elsewhere: right code, wrong setting or "
        "position; history: past or aftercare. The best of the day",
        allowed=CERTAINTIES,
    )
    is_new_event = flag("First definite record of an episode that no record of the past opened")
    is_possible_event = flag("The same, with possible records counted")
    days_since_previous = whole("Days since the record before", "d", optional=True, minimum=1)
    n_records = whole("Records of the day", minimum=1)
