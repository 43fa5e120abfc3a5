"""Weights for analyses that put survey cycles together. The weights of one cycle stay in `staging.survey_design`."""

import polars as pl


def pooled_weight() -> pl.Expr:
    """Examination weight over all cycles in the frame, so that together they stand for one average population.

    NCHS analytic guidelines: each cycle's weight times its share of the years; 1999-2000 and 2001-2002, where both are
    there, by their joint four-year weight (2000 census based) instead of the two-year ones. 2017 to March 2020 counts
    3.2 years. The frame holds `cycle_code`, `cycle_years`, `examination_weight`, `examination_weight_1999_2002`.

    Returns:
        A non-negative weight; NULL where the four-year weight is needed and missing.
    """
    code, years = pl.col("cycle_code"), pl.col("cycle_years")
    total = years.filter(pl.struct("cycle_code").is_first_distinct()).sum()
    both = (code == "A").any() & (code == "B").any()
    four_year = pl.when(pl.col("examination_weight") == 0).then(0.0).otherwise(pl.col("examination_weight_1999_2002"))
    return (
        pl.when(both & code.is_in(["A", "B"]))
        .then(four_year * 4.0 / total)
        .otherwise(pl.col("examination_weight") * years / total)
    )
