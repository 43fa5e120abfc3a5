"""Table contracts, one module a layer: column, type, unit, key, meaning. Comments, dictionary, checks and test data derive.

`CONTRACTS` maps `<layer>.<table>` to its contract. What a table holds is computed elsewhere, under the same name.
"""

from pipelines.tables import (
    cohort,
    features,
    features_bone,
    features_dosing,
    features_estradiol,
    features_menopause,
    features_outcome,
    features_system,
    mart,
    models,
    raw,
    raw_flat,
    raw_omop,
    ref,
    ref_clinical,
    ref_dosing,
    ref_lab,
    ref_phenotype,
    ref_study,
    staging,
    staging_clinical,
)
from pipelines.tables.contract import CONTRACTS, LAYERS, Column, Contract

__all__ = [
    "CONTRACTS",
    "LAYERS",
    "Column",
    "Contract",
    "cohort",
    "features",
    "features_bone",
    "features_dosing",
    "features_estradiol",
    "features_menopause",
    "features_outcome",
    "features_system",
    "mart",
    "models",
    "raw",
    "raw_flat",
    "raw_omop",
    "ref",
    "ref_clinical",
    "ref_dosing",
    "ref_lab",
    "ref_phenotype",
    "ref_study",
    "staging",
    "staging_clinical",
]
