"""What breaks each kind of generated check: the contract of a table broken once, in one row, or in one column."""

import datetime as dt

import polars as pl

from expectations.by_name import INTERVALS, PAIRS, SHAPES
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
        case "source_given":
            return first_row(frame, source="?")
        case "code_of_vocabulary":
            (listed,) = (c.allowed for c in contract.columns if c.name == "vocabulary_code")
            return first_row(frame, vocabulary_code=next(name for name in listed if name in SHAPES), code="?")
        case short if short.endswith("_listed"):
            return first_row(frame, **{short.removesuffix("_listed"): "unheard_of"})
        case "limits_ordered":
            return first_row(frame, **_crossed([c.name for c in contract.columns]))
        case "inside_interval":
            return first_row(frame, **_outside([c.name for c in contract.columns]))
        case "shares":
            name = next(c.name for c in contract.columns if "share" in c.name or c.name == "prevalence_pct")
            return first_row(frame, **{name: 150.0})
        case "evidence_of_run":
            return first_row(frame, evidence_source="public_survey")
        case "no_small_cell":
            counts = [c.name for c in contract.columns if c.name == "n" or c.name.startswith(("n_", "rows_s"))]
            return first_row(frame, **{next(name for name in counts if frame.schema[name] == pl.Int64): 3})
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


def _crossed(names: list[str]) -> dict[str, object]:
    """A lower limit above its upper one."""
    found = ((name, name.replace(low, high)) for low, high, _ in PAIRS for name in names if low in name)
    lower, upper = next((lower, upper) for lower, upper in found if upper in names)
    return {lower: 200.0, upper: 100.0}


def _outside(names: list[str]) -> dict[str, object]:
    """An estimate beside its interval."""
    estimate, low, high = next(found for found in INTERVALS if set(found) <= set(names))
    return {estimate: 9.0, low: 1.0, high: 2.0}


def _beyond(columns: tuple[Column, ...]) -> dict[str, object]:
    """A column with a value outside its limits; one that is no date where there is one."""
    bounded = [c for c in reversed(columns) if c.minimum is not None or c.maximum is not None]
    column = min(bounded, key=lambda c: c.duckdb_type == "DATE")
    step = dt.timedelta(days=1) if column.duckdb_type == "DATE" else 1
    return {column.name: column.minimum - step if column.minimum is not None else column.maximum + step}
