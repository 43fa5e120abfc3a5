"""Men of 40 and over in NHANES with linked deaths, straight from the CDC tables, for tests and the R oracle alone.

The product builds its cohort in SQL; this one leaves out no drug. Run from the checkout, to write the person-level rows that
nhanes_mortality.R reads, which are never committed: python tests/published/oracles/nhanes_followed.py NHANES_FOLDER FOLDER
"""

import sys
from pathlib import Path

import polars as pl

from pipelines.sources.nhanes import mortality

#: by exposure: years, letter, release of the links, table and column of the exposure, code of results below the limit
_CYCLES = {
    "estradiol": ("2013-2014", "H", "2019", "TST_H", "LBXEST", "LBDESTLC"),
    "femoral_neck": ("2005-2006", "D", "2015", "DXXFEM_D", "DXXNKBMD", None),
}


def followed(nhanes: Path, exposure: str) -> pl.DataFrame:
    """One row per examined respondent of the cycle; `inside` are linked men of 40 and over with exposure and BMI known.

    `exposure` is log2 pg/mL where measured, or the T-score against 0.858 and 0.120 g/cm2.
    """
    years, letter, release, table, column, censored = _CYCLES[exposure]
    folder = nhanes / years
    joined = pl.read_parquet(folder / f"DEMO_{letter}.parquet").filter(pl.col("WTMEC2YR") > 0)
    wanted = [column] if censored is None else [column, censored]
    for name, columns in ((table, wanted), (f"BMX_{letter}", ["BMXBMI"])):
        joined = joined.join(
            pl.read_parquet(folder / f"{name}.parquet").select("SEQN", *columns), on="SEQN", how="left"
        )
    file = f"NHANES_{years.replace('-', '_')}_MORT_{release}_PUBLIC.dat"
    deaths = mortality.read(nhanes / "mortality" / file).select("SEQN", "ELIGSTAT", "MORTSTAT", "PERMTH_EXM")
    joined = joined.with_columns(pl.col("SEQN").cast(pl.Int64)).join(
        deaths.with_columns(pl.col("SEQN").cast(pl.Int64)), on="SEQN", how="left"
    )
    is_measured = pl.lit(value=True) if censored is None else pl.col(censored) == 0
    value = (pl.col(column) - 0.858) / 0.120 if censored is None else pl.col(column).log(2)
    known = is_measured & pl.col(column).is_not_null() & pl.col("BMXBMI").is_not_null()
    linked = (pl.col("ELIGSTAT") == 1) & pl.col("PERMTH_EXM").is_not_null()
    return joined.select(
        stratum_code=pl.col("SDMVSTRA").cast(pl.Int64),
        psu_code=pl.col("SDMVPSU").cast(pl.Int64),
        weight=pl.col("WTMEC2YR"),
        inside=(known & linked & (pl.col("RIAGENDR") == 1) & (pl.col("RIDAGEYR") >= 40)).fill_null(value=False),
        months=pl.col("PERMTH_EXM").cast(pl.Float64),
        died=(pl.col("MORTSTAT") == 1).cast(pl.Int64),
        exposure=value,
        age=pl.col("RIDAGEYR"),
        bmi=pl.col("BMXBMI"),
    )


def main() -> None:
    """Command line."""
    nhanes, out = Path(sys.argv[1]), Path(sys.argv[2])
    for exposure in _CYCLES:
        followed(nhanes, exposure).with_columns(pl.col("inside").cast(pl.Int8)).write_csv(out / f"{exposure}.csv")


if __name__ == "__main__":
    main()
