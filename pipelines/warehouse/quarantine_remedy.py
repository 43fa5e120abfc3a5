"""What to do about each reason for which staging sets a row aside. Reasons of landing carry their remedy themselves.

What a reason means stands in `ref.disposition_reason`; which rows it concerns, in `staging.quarantine`.
"""

UNKNOWN = "look at the rows named by --rows in the drop, and correct them in the source"
CORRECT = "correct the rows in the source and deliver them again, as a new drop"
_CODES = "add the code to its list in sql/ref, or deliver the vocabulary tables, then --readmit"

REMEDIES: dict[str, str] = {
    "person_unknown": "deliver the person table with these people, or with what their own row lacks",
    "respondent_not_in_demo": "land the DEMO file of the same cycle",
    "no_sex": "deliver the sex of these people; a word that is not known goes into sql/ref/source_word.csv, then --readmit",
    "conflicting_person": "deliver one row a person",
    "conflicting_id": "give each record an id of its own, and deliver the file again as a new drop",
    "conflicting_death_date": "deliver one date of death a person",
    "drug_name_unknown": "nothing can be done: the survey did not record the drug",
    "date_missing": CORRECT,
    "date_in_future": CORRECT,
    "date_impossible": CORRECT,
    "ends_before_start": CORRECT,
    "before_birth": "correct the date or the year of birth, and deliver again",
    "after_death": "correct the date or the date of death, and deliver again",
    "no_code": CORRECT,
    "no_value": CORRECT,
    "value_unreadable": "map the word to a number or to a comparator in the mapping, or correct it in the source",
    "value_impossible": "look at the unit first: a wrong unit makes such values; then correct the source",
    "value_ambiguous": "state the decimal mark of the file in its mapping (decimal comma or point)",
    "unit_unknown": "add the unit to sql/ref/unit.csv and unit_factor.csv, or translate it in the mapping, then --readmit",
    "unit_missing": "state the unit in the mapping, or have the laboratory deliver it",
    "unit_conflict": "have the source say which of the two units is right",
    "unit_not_of_analyte": "correct the unit, or the code, in the source or in the mapping",
    "unit_implausible": "have the source say which unit the laboratory used",
    "fill_value": "leave the cell empty where there is no value",
    "operator_unreadable": "translate the comparator in the mapping (operator_text), then run again",
    "operator_conflict": "have the source say which of the two comparators is right",
    "replicates_disagree": "have the laboratory say which result stands",
    "site_unknown": "add the word for the site to sql/ref/source_word.csv, or translate it in the mapping, then --readmit",
    "bmd_impossible": "look at the unit first (mg/cm2 or g/cm2); then correct the source",
    "no_drug": CORRECT,
    "drug_code_unknown": _CODES,
}


def remedy_of(rule_code: str, reason: str) -> tuple[str, str]:
    """The reason in words without its remedy, and the remedy. Landing writes both in one, parted by a semicolon."""
    said, _, landing_says = reason.partition("; ")
    if known := REMEDIES.get(rule_code):
        return reason, known
    return (said, landing_says) if landing_says else (reason, UNKNOWN)
