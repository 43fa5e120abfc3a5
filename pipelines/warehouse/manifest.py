"""The manifest as it is stored: what the source found, with the counts, remarks and times of landing.

Which files there are and what became of them, the source says.
"""

import datetime as dt
from calendar import monthrange
from collections.abc import Sequence
from hashlib import sha256

import polars as pl

from pipelines.settings import Settings
from pipelines.warehouse.ledger import Entry
from pipelines.warehouse.store import Store


def counted(settings: Settings, found: pl.DataFrame, entries: Sequence[Entry]) -> tuple[pl.DataFrame, str]:
    """The rows of `raw.manifest` and their fingerprint: rows as the readers counted them, without people who withdrew.

    The fingerprint knows the month of tonight, not the moment: a night that finds nothing new leaves the manifest as it is.
    """
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    landed = pl.DataFrame(
        [
            (
                entry.source_file,
                entry.rows_read - entry.rows_withdrawn,
                entry.rows_withdrawn if entry.withdrawn else None,
                entry.note or None,
            )
            for entry in entries
        ],
        schema={"source_file": pl.String, "read": pl.Int64, "gone": pl.Int64, "remark": pl.String},
        orient="row",
    )
    manifest = (
        found.join(landed, on="source_file", how="left")
        .with_columns(
            pl.coalesce("read", "rows_in").alias("rows_in"),
            pl.col("gone").alias("rows_withdrawn"),
            pl.lit(now).alias("landed_at"),
            pl.lit(_month_end(now)).alias("latest_on"),
            pl.concat_str("note", "remark", separator="; ", ignore_nulls=True).replace("", None).alias("note"),
        )
        .select(found.columns)
    )
    content = manifest.drop("landed_at").sort("source_file").write_csv()
    return _since_first(settings, manifest), sha256(content.encode()).hexdigest()


def is_of_this_month(settings: Settings) -> bool:
    """Whether the input was examined this month already; else everybody is computed again, see docs/decisions/clock.md."""
    path = Store(settings).path("raw.manifest", None)
    known = pl.read_parquet(path) if path.exists() else pl.DataFrame()
    return "latest_on" in known.columns and known["latest_on"].max() == _month_end(dt.datetime.now(dt.UTC))


def _month_end(now: dt.datetime) -> dt.date:
    return now.date().replace(day=monthrange(now.year, now.month)[1])


def _since_first(settings: Settings, manifest: pl.DataFrame) -> pl.DataFrame:
    """A file that was landed before, with the same bytes, keeps the time it was landed first; none that is still to come."""
    path = Store(settings).path("raw.manifest", None)
    if not path.exists():
        return manifest
    before = pl.read_parquet(path).select("source_file", "sha256", pl.col("landed_at").alias("first"))
    is_past = pl.col("first") <= pl.col("landed_at")
    return (
        manifest.join(before, on=["source_file", "sha256"], how="left", nulls_equal=True)
        .with_columns(pl.when(is_past).then("first").otherwise("landed_at").alias("landed_at"))
        .drop("first")
    )
