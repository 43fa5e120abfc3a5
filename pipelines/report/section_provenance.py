"""What a build was made of, so that it can be made again: input, code, locked packages, and the protocol of each study."""

import polars as pl

from pipelines.report.labels import heading
from pipelines.report.numerals import NONE, count
from pipelines.report.views import Column, Row, Table, text

_SHOWN = 16


def build_table(build: pl.DataFrame) -> Table | None:
    """The build in words; None where the mart does not say."""
    if build.is_empty():
        return None
    rows = tuple(
        Row(heading(name), (text(NONE if value is None else str(value)),))
        for name, value in build.row(0, named=True).items()
    )
    return Table("This build", "mart.build", (Column("What"), Column("Value")), rows)


def protocol_table(studies: pl.DataFrame, estimates: pl.DataFrame) -> Table | None:
    """Study and hash of its file, as told by the study itself or else by its estimates; None without any."""
    told = pl.concat([frame.select("study_id", "protocol_hash") for frame in (studies, estimates)]).unique()
    if told.is_empty():
        return None
    rows = tuple(
        Row(heading(study), (text(study), text(hash_of)))
        for study, hash_of in told.sort("study_id", "protocol_hash").iter_rows()
    )
    columns = (Column("Study"), Column("File"), Column("Hash of its content"))
    return Table("Protocols", "mart.study, mart.effect_estimate", columns, rows)


def input_table(files: pl.DataFrame) -> Table | None:
    """Files of the input by hash; those with a hidden count have none. None where no hash is told."""
    told = files.filter(pl.col("sha256").is_not_null())
    if told.is_empty():
        return None
    rows = tuple(
        Row(file, (text(f"{sha256[:_SHOWN]}…"),)) for file, sha256 in told.select("source_file", "sha256").iter_rows()
    )
    caption = f"Input files by SHA-256 ({count(told.height)} of {count(files.height)} told)"
    note = "The first characters; all of them are in mart.source_file. A file of which a count is hidden has none here."
    return Table(caption, "mart.source_file", (Column("File"), Column("SHA-256")), rows, note=note, is_folded=True)
