"""Why a section is empty: what the input lacks, in the words of `mart.missing_piece`, or that nothing was computed."""

import polars as pl

from pipelines.report.labels import cycle

_MAXIMUM_LISTED = 8


def why_absent(table: str, missing: pl.DataFrame, words: tuple[str, ...]) -> str:
    """A sentence or two: the table is empty, and which missing pieces speak of any of `words`."""
    start = f"There is nothing to show: {table} has no rows in this build."
    pattern = "(?i)" + "|".join(words)
    found = missing.filter(pl.col("consequence").str.contains(pattern) | pl.col("file_group").str.contains(pattern))
    if not words or found.is_empty():
        return f"{start} No missing file explains it: the study that fills the table may not have been asked for."
    pieces = [f"{cycle(row['consequence'])}" for row in found.head(_MAXIMUM_LISTED).iter_rows(named=True)]
    more = found.height - len(pieces)
    rest = f"; and {more} more, listed under missing pieces" if more > 0 else ""
    return f"{start} The input lacks files that would give it: {'; '.join(pieces)}{rest}."
