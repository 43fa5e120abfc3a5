"""The excerpt of the OMOP vocabulary that goes with the data, and the row that says who made them.

Concepts are those of `concepts` and the products that occur. Ancestors lead from an ingredient to its products, and
every concept to itself, as in OMOP.
"""

import datetime as dt

import polars as pl

from pipelines.synth.omop.concepts import OWN, concepts, conditions
from pipelines.synth.omop.products import products
from pipelines.synth.omop.schema import conform
from pipelines.synth.omop.sites import care_sites

_VALID = (dt.date(1970, 1, 1), dt.date(2099, 12, 31))
NAME = "Trabecula simulator"
_RELEASED = dt.date(2026, 1, 1)
_CDM_54_CONCEPT = 756265


def population_tables(
    seen_products: pl.DataFrame, seen_places: dict[int, list[int]], description: str
) -> dict[str, pl.DataFrame]:
    """All tables of `schema.POPULATION_TABLES`, each with all its columns.

    Args:
        seen_products: distinct ingredient, form, strength_mg.
        seen_places: numbers by kind of site.
        description: what the data are, for cdm_source.
    """
    product_concepts, strengths = products(seen_products)
    concept = _concepts(product_concepts)
    sites, providers = care_sites(seen_places)
    vocabularies = sorted(set(concept["vocabulary_id"]))
    tables = {
        "concept": concept,
        "concept_relationship": _relationships(strengths),
        "concept_ancestor": _ancestors(concept, strengths),
        "drug_strength": _valid(strengths),
        "vocabulary": pl.DataFrame(
            {
                "vocabulary_id": vocabularies,
                "vocabulary_name": vocabularies,
                "vocabulary_reference": ["excerpt for simulated data" for _ in vocabularies],
                "vocabulary_concept_id": [0 for _ in vocabularies],
            }
        ),
        "care_site": sites,
        "provider": providers,
        "cdm_source": pl.DataFrame(
            {
                "cdm_source_name": [NAME],
                "cdm_source_abbreviation": ["trabecula_simulated"],
                "cdm_holder": ["nobody: no person in it exists"],
                "source_description": [description],
                "cdm_version": ["5.4"],
                "cdm_version_concept_id": [_CDM_54_CONCEPT],
                "source_release_date": [_RELEASED],
                "cdm_release_date": [_RELEASED],
                "vocabulary_version": ["excerpt"],
            }
        ),
    }
    return {table: conform(table, frame) for table, frame in tables.items()}


def _valid(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(valid_start_date=pl.lit(_VALID[0]), valid_end_date=pl.lit(_VALID[1]))


def _concepts(product_concepts: pl.DataFrame) -> pl.DataFrame:
    rows = list(concepts().values())
    nothing = {
        "concept_id": 0,
        "concept_name": "No matching concept",
        "domain_id": "Metadata",
        "vocabulary_id": "None",
        "concept_class_id": "Undefined",
        "standard_concept": None,
        "concept_code": "No matching concept",
    }
    columns = list(nothing)
    known = pl.DataFrame(
        [nothing]
        + [{name: row[name] or None for name in columns} | {"concept_id": int(row["concept_id"])} for row in rows]
    )
    cdm = nothing | {
        "concept_id": _CDM_54_CONCEPT,
        "concept_name": "OMOP CDM Version 5.4.0",
        "vocabulary_id": "CDM",
        "concept_code": "CDM v5.4.0",
    }
    own = product_concepts.with_columns(
        domain_id=pl.lit("Drug"),
        vocabulary_id=pl.lit("Trabecula"),
        concept_class_id=pl.lit("Clinical Drug"),
        standard_concept=pl.lit("S"),
    ).select(columns)
    return _valid(pl.concat([known, pl.DataFrame([cdm], schema=known.schema), own.cast(dict(known.schema))])).sort(
        "concept_id"
    )


def _relationships(strengths: pl.DataFrame) -> pl.DataFrame:
    """Source code maps to standard concept, and product has ingredient."""
    mapped = (
        conditions()
        .filter(pl.col("concept_id") > 0)
        .select(concept_id_1="source_concept_id", concept_id_2="concept_id", relationship_id=pl.lit("Maps to"))
    )
    has = strengths.select(
        concept_id_1="drug_concept_id", concept_id_2="ingredient_concept_id", relationship_id=pl.lit("RxNorm has ing")
    )
    return _valid(pl.concat([mapped, has]).unique().sort("concept_id_1", "concept_id_2", "relationship_id"))


def _ancestors(concept: pl.DataFrame, strengths: pl.DataFrame) -> pl.DataFrame:
    itself = concept.filter(pl.col("standard_concept").is_not_null() | (pl.col("concept_id") > OWN)).select(
        ancestor_concept_id="concept_id", descendant_concept_id="concept_id", level=pl.lit(0)
    )
    product = strengths.select(
        ancestor_concept_id="ingredient_concept_id", descendant_concept_id="drug_concept_id", level=pl.lit(1)
    )
    return (
        pl.concat([itself, product])
        .with_columns(min_levels_of_separation="level", max_levels_of_separation="level")
        .drop("level")
        .sort("ancestor_concept_id", "descendant_concept_id")
    )
