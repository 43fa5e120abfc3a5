"""What cannot be computed because an OMOP delivery lacks a table, in plain words."""

from collections.abc import Set

CONSEQUENCE = {
    "observation_period": "when a person was under observation: follow-up cannot be censored, so no longitudinal study",
    "measurement": "laboratory results and scans coded as measurements: no estradiol, no bone density, no lipids",
    "drug_exposure": "prescriptions and dispensings: no aromatase inhibitor, no dose, no exposed person",
    "condition_occurrence": "diagnoses: no eligibility by disease, no fracture, no heart attack",
    "death": "deaths: people who died look as if they left",
    "visit_occurrence": "visits: where a diagnosis was made, and time in hospital",
    "procedure_occurrence": "procedures: surgery, radiotherapy and scans coded as procedures",
    "observation": "observations: smoking, menopause and whatever the source records there",
    "concept": "names and codes of concepts: only built-in concept ids and the source's own codes are recognised",
    "concept_relationship": "maps from source codes to standard concepts: only codes in the built-in lists are recognised",
    "concept_ancestor": "ingredients of drug products by vocabulary: only the built-in list and product names",
    "drug_strength": "strengths by vocabulary: strengths are read from product names and directions only",
    "cdm_source": "which version of the model and which release this is: the version is told by its columns",
}


def missing_tables(held: Set[str]) -> list[tuple[str, str]]:
    """What is not there, and what cannot be computed without it."""
    return [(f"OMOP {table}", f"cannot be known: {text}") for table, text in CONSEQUENCE.items() if table not in held]
