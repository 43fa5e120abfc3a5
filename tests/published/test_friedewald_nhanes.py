"""LDL cholesterol that CDC calculated and published, against the formula here."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.domain.formula import ldl_friedewald


@pytest.mark.parametrize(("cycle", "letter"), [("2005-2006", "D"), ("2009-2010", "F"), ("2013-2014", "H")])
def test_friedewald_is_what_cdc_published(nhanes: Path, cycle: str, letter: str):
    folder = nhanes / cycle
    files = [folder / f"{name}_{letter}.parquet" for name in ("TRIGLY", "TCHOL", "HDL")]
    if absent := [file.name for file in files if not file.exists()]:
        pytest.skip(f"{', '.join(absent)} not found in {folder}")
    triglycerides, total, hdl = (pl.read_parquet(file) for file in files)
    lipids = (
        triglycerides.join(total, on="SEQN")
        .join(hdl, on="SEQN")
        .select("LBXTR", "LBDLDL", "LBXTC", "LBDHDD")
        .drop_nulls()
    )
    found = ldl_friedewald(lipids["LBXTC"].to_numpy(), lipids["LBDHDD"].to_numpy(), lipids["LBXTR"].to_numpy())
    assert len(found) > 2000
    assert np.mean(np.abs(found - lipids["LBDLDL"].to_numpy()) <= 0.5 + 1e-9) > 0.999
