"""What the report calls a covariate at time zero: drugs, diagnoses, tests and visits, and until when before it they count.

Codes are those of `features.covariate`; other codes are named in `labels`.
"""

import re

from pipelines.report.labels import capitalized, label

_WINDOWS = {"_365d": ", year before", "_730d": ", two years before", "_ever": ", ever"}
_ABBREVIATIONS = re.compile(r"\b(ace|gnrh|her2|nsaid|pde5|psa|pth|snri|ssri|tsh)\b")
_T_SCORE = re.compile(r"\bt score\b")
_NAMES = {
    "baseline_log": "outcome at time zero (log)",
    "drug_anabolic_bone": "anabolic bone drug",
    "drug_anti_her2": "anti-HER2 drug",
    "drug_cytotoxic": "cytotoxic drug",
    "drug_other_lipid_lowering": "other lipid-lowering drug",
    "drug_testosterone": "testosterone as a drug",
    "drug_vitamin_d": "vitamin D as a drug",
    "dxa_scans": "DXA scans",
    "drugs_distinct": "distinct drugs",
    "e2_draws": "estradiol draws",
    "fractures_before": "fractures before",
    "ever_family_osteoporosis": "osteoporosis in the family",
    "ever_vitamin_d_deficiency": "vitamin D deficiency",
    "fat_pct": "body fat",
    "is_female": "female",
    "is_postmenopausal": "postmenopausal",
    "lab_days": "days with a test",
    "race_ethnicity": "race and Hispanic origin",
    "visits_emergency": "emergency visits",
    "visits_inpatient": "inpatient visits",
    "visits_outpatient": "outpatient visits",
    "vitamin_d_nmol_l": "vitamin D",
}
#: levels of a code that is kept as a number; sql/features/covariate.sql
RACE_ETHNICITY = {
    "1": "Mexican American",
    "2": "other Hispanic",
    "3": "non-Hispanic White",
    "4": "non-Hispanic Black",
    "5": "other or multiracial",
}


def covariate(code: str) -> str:
    """`drug_ssri_365d` is `SSRI, year before`; `race_ethnicity: 4` names the group; `: missing` says that it is not known."""
    stem, _, level = code.partition(": ")
    for suffix, words in _WINDOWS.items():
        if stem.endswith(suffix):
            name = _named(stem.removesuffix(suffix)) + words
            break
    else:
        name = _named(stem) + (", ever" if stem.startswith("ever_") else "")
    if stem == "race_ethnicity" and level:
        return f"{capitalized(name)}: {RACE_ETHNICITY.get(level, level)}"
    return capitalized(f"{name}: {level}" if level else name)


def _named(stem: str) -> str:
    if stem in _NAMES:
        return _NAMES[stem]
    plain = label(re.sub(r"^(drug|ever|symptom)_", "", stem))
    return _T_SCORE.sub("T-score", _ABBREVIATIONS.sub(lambda found: found[0].upper().replace("GNRH", "GnRH"), plain))
