"""Writes the person-level rows nhanes.R reads. They stay in the folder named and are never committed.

Run from the checkout: python tests/published/oracles/nhanes_export.py NHANES_FOLDER TEMPORARY_FOLDER
"""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.models.e2_bmd import estimate
from pipelines.models.e2_bmd_exposure import fit_exposure, impute_log2_e2
from pipelines.models.e2_bmd_sample import analysis_sample, checked_frame, survey_design
from pipelines.models.e2_bmd_spec import E2BmdSpec

SPEC = E2BmdSpec(seed=2013, n_imputations=20)
POPULATION, OUTCOME = "postmenopausal_women", "femoral_neck_bmd_g_cm2"


def main() -> None:
    nhanes, out = Path(sys.argv[1]), Path(sys.argv[2])
    frame = runpy.run_path(str(Path(__file__).with_name("nhanes_frame.py")))["study_frame"](nhanes)
    frame.with_columns(pl.col("is_current_smoker").cast(pl.Int8)).write_csv(out / "examined.csv")
    ordered = checked_frame(frame, SPEC)
    sample = analysis_sample(ordered, survey_design(ordered), SPEC, POPULATION, OUTCOME)
    fit = fit_exposure(sample)
    draws = [impute_log2_e2(sample, fit, SPEC, POPULATION, OUTCOME, draw) for draw in range(SPEC.n_imputations)]
    columns = {f"log2_e2_{number + 1}": values for number, values in enumerate(draws)}
    pl.DataFrame({"person_id": sample.person_id, **columns}).write_csv(out / "imputed.csv")
    result = estimate(frame, SPEC, POPULATION, OUTCOME)
    choices = {
        "knots": np.log2(result.knots_e2_pg_ml).tolist(),
        "reference": float(np.log2(result.reference_e2_pg_ml)),
        "n_imputations": SPEC.n_imputations,
    }
    (out / "choices.json").write_text(json.dumps(choices))


if __name__ == "__main__":
    main()
