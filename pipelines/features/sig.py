"""`staging.sig`: every distinct prescription instruction, read once.

The grammar is `pipelines.domain.sig`; rows of people are not here.
"""

import polars as pl

from pipelines.domain.sig.table import parse_table
from pipelines.run_facts import Inputs, RunFacts

_COLUMNS = (
    "amount", "amount_unit", "times_per_week", "mg_per_week", "is_prn", "confidence", "confidence_code", "flags", "language",
)  # fmt: skip


def sig(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """What each row of `staging.sig_text` says about the dose: sig_id and the columns of the reader."""
    texts = inputs["staging.sig_text"].collect()
    parsed = parse_table(texts.select("sig_text", "drug_text", "strength_text"))
    found = pl.concat([texts.select("sig_id"), parsed.select(_COLUMNS)], how="horizontal")
    return found.with_columns(pl.col("flags").replace("", None)).lazy()
