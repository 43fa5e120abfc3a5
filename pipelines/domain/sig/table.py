"""Distinct sigs of a source as a table: one parse a row. Looping over distinct texts is fine; over people it would not be."""

from typing import Final

import polars as pl

from pipelines.domain.sig.parser import parse

INPUT: Final = ("sig_text", "drug_text", "strength_text")
OUTPUT: Final = pl.Schema(
    {
        "amount": pl.Float64,
        "amount_unit": pl.String,
        "times_per_week": pl.Float64,
        "mg_per_week": pl.Float64,
        "is_prn": pl.Boolean,
        "confidence": pl.Float64,
        "confidence_code": pl.String,
        "flags": pl.String,
        "language": pl.String,
    }
)


def parse_table(frame: pl.DataFrame) -> pl.DataFrame:
    """The parse of every row of sig_text, drug_text, strength_text; other columns and the row order are kept.

    Each distinct triple is parsed once. `mg_per_week` is by the sig alone: quantity and days supply belong to rows of
    people and are reconciled there (`reconcile`). `flags` is a comma list, empty where there is none; `confidence` is 0 to 1.

    Raises:
        polars.exceptions.ColumnNotFoundError: an input column is missing.
    """
    distinct = frame.select(*INPUT).unique(maintain_order=True)
    parsed = [parse(sig, drug=drug, strength=strength) for sig, drug, strength in distinct.iter_rows()]
    columns = {
        "amount": [sig.amount for sig in parsed],
        "amount_unit": [sig.unit for sig in parsed],
        "times_per_week": [sig.times_per_week for sig in parsed],
        "mg_per_week": [sig.mg_per_week for sig in parsed],
        "is_prn": [sig.is_prn for sig in parsed],
        "confidence": [sig.confidence_value for sig in parsed],
        "confidence_code": [sig.confidence for sig in parsed],
        "flags": [",".join(sig.flags) for sig in parsed],
        "language": [sig.language for sig in parsed],
    }
    results = distinct.hstack(pl.DataFrame(columns, schema=OUTPUT))
    return frame.join(results, on=list(INPUT), how="left", nulls_equal=True, maintain_order="left")
