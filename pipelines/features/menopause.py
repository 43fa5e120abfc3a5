"""Menopausal status as it was known on a day, for Python steps; SQL joins `features.menopausal_status` itself."""

import polars as pl

from pipelines.run_facts import Inputs

#: Status of women whose estradiol does not come from the ovaries, so that an inhibitor of aromatase lowers it.
SILENT_OVARIES = ("postmenopausal", "suppressed")
#: Surveys and the time before anything was recorded have no day.
_BEFORE_ALL = -1_000_000


def status_on(rows: pl.DataFrame, inputs: Inputs, day: str) -> pl.Series:
    """Status of each row's person on the row's day; null for men, in the order of the rows.

    Args:
        rows: person_id, and `day`: days from 1970-01-01, null where there is no day.
        day: name of that column.
    """
    return status_within(rows, status_periods(inputs), day)


def status_periods(inputs: Inputs) -> pl.DataFrame:
    """Person, status and the day from which it was known, in the order of days: for those who ask more than once."""
    return (
        inputs["features.menopausal_status"]
        .select("person_id", "status_code", known_day=pl.col("known_on").to_physical().cast(pl.Int64))
        .with_columns(pl.col("known_day").fill_null(_BEFORE_ALL))
        .sort("known_day")
        .collect()
    )


def status_within(rows: pl.DataFrame, periods: pl.DataFrame, day: str) -> pl.Series:
    """As `status_on`, of periods at hand."""
    asked = rows.select("person_id", at=pl.col(day).cast(pl.Int64).fill_null(_BEFORE_ALL)).with_row_index("place")
    found = asked.sort("at").join_asof(
        periods, left_on="at", right_on="known_day", by="person_id", check_sortedness=False
    )
    return found.sort("place")["status_code"]
