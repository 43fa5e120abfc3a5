"""NHEFS as the programs of 'Causal Inference: What If' shape it. Loaded by the tests of its chapters."""

import numpy as np
import polars as pl

#: followed for, months
MONTHS = 120


def confounders(people: pl.DataFrame) -> np.ndarray:
    """Terms of program 12.2: squares of scales, a dummy a level."""
    columns = [people[name].to_numpy().astype(float) for name in ("sex", "race")]
    for name in ("age", "smokeintensity", "smokeyrs", "wt71"):
        value = people[name].to_numpy().astype(float)
        columns += [value, value**2]
    for name in ("education", "exercise", "active"):
        levels = people[name].unique().sort().to_list()
        columns += [(people[name] == level).to_numpy().astype(float) for level in levels[1:]]
    return np.column_stack(columns)


def change(people: pl.DataFrame) -> np.ndarray:
    return people["wt82_71"].fill_null(float("nan")).to_numpy()


def months(people: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of people, months from 0, deaths: one row a month survived to, of 120."""
    died = people["death"].to_numpy() == 1
    lived = ((people["yrdth"] - 83) * 12 + people["modth"]).fill_null(MONTHS).to_numpy().astype(np.int64)
    lived = np.where(died, lived, MONTHS)
    row = np.repeat(np.arange(people.height), lived)
    month = np.arange(row.size) - np.repeat(np.cumsum(lived) - lived, lived)
    return row, month.astype(float), (died[row] & (month == lived[row] - 1)).astype(float)
