"""Where records are made: the habits of clinics, laboratories and densitometers, and their care site rows.

A habit is a pure function of seed, level of mess and number of the site, so that no list of sites is needed beforehand.
Care site ids: clinic n is 10,000 + n, laboratory n 20,000 + n, densitometer n 30,000 + n; the provider of a measurement
has the id of the laboratory or densitometer that made it.
"""

import numpy as np
import polars as pl

from pipelines.synth.omop.concepts import analyte_units
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.sig_phrases import LANGUAGES

CLINIC, LABORATORY, DENSITOMETER = 10_000, 20_000, 30_000
METHODS = {
    "lcms": ("LC-MS/MS", "LC/MS-MS", "LCMSMS", "Liquid Chromatography/Tandem MS"),
    "immunoassay": ("ECLIA", "Electrochemiluminescence (Roche cobas)", "CLIA Siemens Centaur", "Immunoassay"),
    "routine": ("",),
}
MODELS = {"hologic": ("QDR 4500A", "Discovery A"), "lunar": ("Prodigy", "iDXA")}
SOFTWARE = {"hologic": ("11.2", "12.7", "13.4.2"), "lunar": ("8.10", "13.60", "16.2")}
_PLACES = ("Clinic", "Laboratory", "Bone densitometry")


def clinics(numbers: np.ndarray, mess: Mess) -> pl.DataFrame:
    """Habits of clinics, one row each: site, language, is_brand_writer, name_style (0 to 2)."""
    other = mess.happens(numbers, "sig_other_language")
    which = np.minimum((mess.uniforms(numbers, "clinic language") * 3).astype(int), 2) + 2
    british = mess.uniforms(numbers, "clinic is british") < (0.3 if mess.level != "none" else 0.0)
    language = np.where(other, which, british.astype(int))
    return pl.DataFrame(
        {
            "site": pl.Series(numbers, dtype=pl.Int16),
            "language": pl.Series(np.array(LANGUAGES)[language]),
            "name_style": pl.Series(_one_in(mess, numbers, "clinic product names", 3), dtype=pl.Int8),
        }
    )


def laboratories(numbers: np.ndarray, mess: Mess) -> pl.DataFrame:
    """Habits of laboratories, one row each: what they print beside the value, and how."""
    prints_comma = mess.happens(numbers, "decimal_comma")
    styles = {kind: _one_in(mess, numbers, f"method words {kind}", len(words)) for kind, words in METHODS.items()}
    prints_method = ~mess.happens(numbers, "method_unprinted")
    return pl.DataFrame(
        {
            "laboratory": pl.Series(numbers, dtype=pl.Int16),
            "prints_comma": prints_comma,
            "prints_method": prints_method,
            "prints_fasting": ~mess.happens(numbers, "fasting_unprinted"),
            "is_mapped": ~mess.happens(numbers, "concept_unmapped"),
            "method_lcms": np.array(METHODS["lcms"])[styles["lcms"] if mess.level != "none" else 0 * numbers],
            "method_immunoassay": np.array(METHODS["immunoassay"])[
                styles["immunoassay"] if mess.level != "none" else 0 * numbers
            ],
        }
    )


def laboratory_units(numbers: np.ndarray, mess: Mess) -> pl.DataFrame:
    """One row per laboratory and analyte: the unit it prints, spelled its way, and whether it prints any.

    Columns as `concepts.analyte_units`, with laboratory, unit_text and prints_unit.
    """
    options = analyte_units()
    parts = []
    for position, (analyte,) in enumerate(options.select("analyte").unique(maintain_order=True).iter_rows()):
        choice = options.filter(pl.col("analyte") == analyte)
        keys = numbers * 1_000 + position
        edges = np.cumsum(choice["share"].to_numpy())
        other = np.searchsorted(edges, mess.uniforms(keys, "other unit") * edges[-1], side="right") if edges[-1] else 0
        option = np.where(mess.happens(keys, "unit_other"), np.minimum(other, len(choice) - 1), 0)
        spellings = choice["spellings"].list.len().to_numpy()[option]
        spelling = (mess.uniforms(keys, "unit spelling") * spellings).astype(int)
        parts.append(
            pl.DataFrame({"laboratory": numbers, "option": option, "spelling": spelling})
            .with_columns(prints_unit=pl.Series(~mess.happens(keys, "unit_missing_site")))
            .join(choice.with_columns(pl.col("option").cast(pl.Int64)), on="option", how="left", maintain_order="left")
            .with_columns(unit_text=pl.col("spellings").list.get(pl.col("spelling")))
            .drop("spellings", "spelling", "share")
        )
    return pl.concat(parts).with_columns(pl.col("laboratory").cast(pl.Int16))


def densitometers(numbers: np.ndarray, mess: Mess) -> pl.DataFrame:
    """Habits of densitometers, one row each: serial (as text), prints_other_reference."""
    return pl.DataFrame(
        {
            "device": pl.Series(numbers, dtype=pl.Int16),
            "serial": pl.Series([f"DXA-{100_000 + 7 * int(number)}" for number in numbers], dtype=pl.String),
            "prints_other_reference": mess.happens(numbers, "printed_t_other_reference"),
        }
    )


def care_sites(seen: dict[int, list[int]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Care site and provider rows of the sites that occur: numbers by kind (CLINIC, LABORATORY, DENSITOMETER)."""
    kinds = zip((CLINIC, LABORATORY, DENSITOMETER), _PLACES, strict=True)
    rows = [(kind + number, f"{place} {number}") for kind, place in kinds for number in sorted(seen.get(kind, []))]
    ids, names = [row[0] for row in rows], [row[1] for row in rows]
    text = {
        "care_site_name": pl.Series(names, dtype=pl.String),
        "care_site_source_value": pl.Series(names, dtype=pl.String),
    }
    number = pl.Series(ids, dtype=pl.Int64)
    sites = pl.DataFrame({"care_site_id": number, "place_of_service_concept_id": 0 * number, **text})
    providers = pl.DataFrame(
        {
            "provider_id": number,
            "provider_name": text["care_site_name"],
            "care_site_id": number,
            "specialty_concept_id": 0 * number,
            "gender_concept_id": 0 * number,
        }
    )
    return sites, providers


def _one_in(mess: Mess, numbers: np.ndarray, purpose: str, choices: int) -> np.ndarray:
    return np.minimum((mess.uniforms(numbers, purpose) * choices).astype(int), choices - 1)
