"""What every reader of a table file hands on: rows with their numbers, and the rows it had to set aside."""

from dataclasses import dataclass

import numpy as np
import polars as pl

ROW = "source_row"
REJECT_SCHEMA = {ROW: pl.Int64, "rule_code": pl.String, "reason": pl.String}
REASONS = {
    "wrong_cell_count": "the row has more or fewer cells than the header; correct the row in the source system",
    "quote_inside_cell": "text follows a closing quote; double the quotes inside a quoted cell",
    "nul_byte": "the row holds NUL bytes; write the file again as plain text",
    "row_too_long": "the row is longer than one MiB; check for a missing line end",
    "not_json": "the line is no JSON object; export the resource again",
    "not_a_resource": "the line is no FHIR R4 resource of the shape that its type has; export it again",
    "stray_carriage_return": "a carriage return stands outside quotes within the row; quote the cell",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of a file. Both frames carry `source_row`: the row in the file from 1, header not counted.

    `rows`: `source_row` and then the columns of the file. `rejects`: `source_row`, `rule_code`, `reason`.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def rejects(numbers_by_rule: dict[str, np.ndarray]) -> pl.DataFrame:
    """The rejects of a batch, by row: each row once, under the first rule that names it."""
    parts = [
        pl.DataFrame({ROW: numbers.astype(np.int64)}).with_columns(
            pl.lit(rule).alias("rule_code"), pl.lit(REASONS[rule]).alias("reason")
        )
        for rule, numbers in numbers_by_rule.items()
        if len(numbers)
    ]
    if not parts:
        return pl.DataFrame(schema=REJECT_SCHEMA)
    return pl.concat(parts).unique(ROW, keep="first", maintain_order=True).sort(ROW)
