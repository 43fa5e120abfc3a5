"""Drug products: the source concept of each ingredient, form and strength, and what pharmacies call it.

A licensed product has a source concept of its own, with strength and ingredient in the vocabulary tables. A compounded
one has none: it carries the ingredient, and its strength stands in its name only. Instructions are in `sigs`.
"""

import polars as pl

from pipelines.synth.mechanism.codes import FORMS, INGREDIENTS
from pipelines.synth.omop.concepts import concept_id

_FIRST = 2_010_000_000
_OF_INGREDIENT, _OF_FORM = 2_000_000, 200_000
KEYS = ("ingredient", "form", "strength_mg", "is_compounded", "name_style", "is_combined")
_BRANDS = {
    "anastrozole": "ARIMIDEX",
    "letrozole": "FEMARA",
    "exemestane": "AROMASIN",
    "tamoxifen": "NOLVADEX",
    "clomiphene": "CLOMID",
    "alendronate": "FOSAMAX",
    "zoledronic_acid": "RECLAST",
    "denosumab": "PROLIA",
    "goserelin": "ZOLADEX",
    "fulvestrant": "FASLODEX",
    "atorvastatin": "LIPITOR",
    "sertraline": "ZOLOFT",
    "sildenafil": "VIAGRA",
}
_PLAIN = {
    "tablet": "Oral Tablet",
    "capsule": "Oral Capsule",
    "injection": "Injectable Solution",
    "gel": "Topical Gel",
    "pellet": "Drug Implant Pellet",
    "implant": "Drug Implant",
    "infusion": "Injection",
    "vaginal_tablet": "Vaginal Tablet",
}
_SHORT = {
    "tablet": "TAB",
    "capsule": "CAP",
    "injection": "INJ SOLN",
    "gel": "GEL",
    "pellet": "PELLET",
    "implant": "IMPLANT",
    "infusion": "INJ",
    "vaginal_tablet": "VAG TAB",
}
_SALT = {
    ("testosterone", "injection"): "testosterone cypionate",
    ("zoledronic_acid", "infusion"): "zoledronic acid",
    ("estradiol_oral", "tablet"): "estradiol",
    ("estradiol_vaginal", "vaginal_tablet"): "estradiol",
}
_SECOND = {"anastrozole": "ZINC 30 MG", "testosterone": "ANASTROZOLE 1 MG"}
_INGREDIENT_KEY = {"estradiol_oral": "estradiol", "estradiol_vaginal": "estradiol"}


def ingredient_concept(ingredient: str) -> int:
    """Concept id of the ingredient."""
    return concept_id(f"ingredient.{_INGREDIENT_KEY.get(ingredient, ingredient)}")


def product_concept() -> pl.Expr:
    """Source concept id of a licensed product, from columns ingredient, form, strength_mg: a number of its own."""
    names = dict(zip(INGREDIENTS, range(len(INGREDIENTS)), strict=True))
    forms = dict(zip(FORMS, range(len(FORMS)), strict=True))
    return (
        _FIRST
        + pl.col("ingredient").cast(pl.String).replace_strict(names, return_dtype=pl.Int64) * _OF_INGREDIENT
        + pl.col("form").cast(pl.String).replace_strict(forms, return_dtype=pl.Int64) * _OF_FORM
        + (pl.col("strength_mg").cast(pl.Float64) * 100).round().cast(pl.Int64).clip(0, _OF_FORM - 1)
    )


def with_names(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with columns `KEYS`, plus drug_source_value and ingredient_concept_id."""
    distinct = rows.select(KEYS).unique(maintain_order=True)
    names = [product_name(*values) for values in distinct.iter_rows()]
    found = distinct.with_columns(
        drug_source_value=pl.Series(names, dtype=pl.String),
        ingredient_concept_id=pl.Series([ingredient_concept(name) for name in distinct["ingredient"]], dtype=pl.Int64),
    )
    return rows.join(found, on=KEYS, how="left", maintain_order="left")


def product_name(
    ingredient: str, form: str, strength_mg: float, is_compounded: bool, name_style: int, is_combined: bool = False
) -> str:
    """The name on the label: RxNorm-like (style 0), brand (1) or pharmacy shorthand (2); compounded ones say so."""
    name = _SALT.get((ingredient, form), ingredient.replace("_", " "))
    strength = f"{strength_mg:.3f}".rstrip("0").rstrip(".")
    per_ml = "/ML" if form == "injection" else ""
    if is_compounded:
        second = f" / {_SECOND[ingredient]}{per_ml}" if is_combined and ingredient in _SECOND else ""
        return f"{name.upper()} {strength} MG{per_ml}{second} {_PLAIN[form].split()[-1].upper()} (COMPOUNDED)"
    if name_style == 0:
        return f"{name} {strength} MG{per_ml} {_PLAIN[form]}"
    if name_style == 1 and ingredient in _BRANDS:
        return f"{_BRANDS[ingredient]} {strength} MG{per_ml} {_SHORT[form]}"
    return f"{name.upper()} {strength}MG{per_ml} {_SHORT[form]}"


def products(seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Concept and drug_strength rows of licensed products that occur.

    Args:
        seen: distinct ingredient, form, strength_mg of licensed products.
    """
    rows = seen.with_columns(product_concept_id=product_concept()).sort("product_concept_id")
    names = [product_name(*values[:3], is_compounded=False, name_style=0) for values in rows.iter_rows()]
    own = pl.Series([ingredient_concept(name) for name in rows["ingredient"]], dtype=pl.Int64)
    concepts = rows.select(
        concept_id="product_concept_id",
        concept_name=pl.Series(names, dtype=pl.String),
        concept_code=pl.concat_str(pl.lit("TRAB-"), pl.col("product_concept_id")),
    )
    is_liquid = pl.col("form") == "injection"
    strength = pl.col("strength_mg").cast(pl.Float64)
    milligram, milliliter = concept_id("unit.mg"), concept_id("unit.mL")
    strengths = rows.select(
        drug_concept_id="product_concept_id",
        ingredient_concept_id=own,
        amount_value=pl.when(~is_liquid).then(strength),
        amount_unit_concept_id=pl.when(~is_liquid).then(milligram),
        numerator_value=pl.when(is_liquid).then(strength),
        numerator_unit_concept_id=pl.when(is_liquid).then(milligram),
        denominator_value=pl.when(is_liquid).then(1.0),
        denominator_unit_concept_id=pl.when(is_liquid).then(milliliter),
    )
    return concepts, strengths
