"""What breaks each kind of generated check: the contract of a table broken once, in one row, or in one column."""

import datetime as dt

import polars as pl

from expectations.suite import Check
from pipelines.tables import CONTRACTS, Column


def broken(frame: pl.DataFrame, check: Check) -> pl.DataFrame:
    """The table with its contract broken once, as the generated check must notice."""
    contract = CONTRACTS[check.table]
    dates = [column.name for column in contract.columns if column.duckdb_type == "DATE"]
    match check.id.rpartition(".")[2]:
        case "columns":
            return frame.rename({contract.columns[-1].name: "stray"})
        case "required":
            return first_row(frame, **{next(c.name for c in reversed(contract.columns) if not c.is_nullable): None})
        case "key":
            return pl.concat([frame, frame.head(1)])
        case "person_known":
            return first_row(frame, person_id=77_777)
        case "finite":
            return first_row(
                frame, **{next(c.name for c in contract.columns if c.duckdb_type == "DOUBLE"): float("nan")}
            )
        case "no_future_date":
            return first_row(frame.sort(dates[0], nulls_last=True), **{dates[-1]: dt.date(2100, 1, 1)})
        case "dates_explained":
            return first_row(frame.sort(dates[0], nulls_last=True), date_reason="not_released")
        case short if short.endswith("_code"):
            return first_row(frame, **{short.removesuffix("_code"): "nonsense"})
        case "limits":
            return first_row(frame, **_beyond(contract.columns))
        case unknown:
            raise NotImplementedError(unknown)


def first_row(frame: pl.DataFrame, **values: object) -> pl.DataFrame:
    """The first row with other values."""
    changed = frame.head(1).with_columns(
        pl.lit(value).cast(frame.schema[name]).alias(name) for name, value in values.items()
    )
    return pl.concat([changed, frame.slice(1)])


def _beyond(columns: tuple[Column, ...]) -> dict[str, object]:
    """A column with a value outside its limits; one that is no date where there is one."""
    bounded = [c for c in reversed(columns) if c.minimum is not None or c.maximum is not None]
    column = min(bounded, key=lambda c: c.duckdb_type == "DATE")
    step = dt.timedelta(days=1) if column.duckdb_type == "DATE" else 1
    return {column.name: column.minimum - step if column.minimum is not None else column.maximum + step}
