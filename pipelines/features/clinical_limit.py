"""One value of `ref.clinical_limit`, for Python steps; SQL reads the table itself."""

import polars as pl

from pipelines.run_facts import Inputs


def limit(inputs: Inputs, code: str) -> float:
    """The value of a limit, in the unit the code list states.

    Raises:
        polars.exceptions.PolarsError: the list has no such limit.
    """
    return inputs["ref.clinical_limit"].filter(pl.col("limit_code") == code).select("value").collect().item()
