"""Propensity, weights and balance of a whole population: time and memory, and time as a ratio to scikit-learn's plain fit.

    PYTHONPATH=. .venv/bin/python docs/benchmarks/propensity.py > docs/benchmarks/propensity.json

Made people with 100 covariates at time zero, 80 of presence and 20 on a scale of which 4 are missing in one of twenty; scales
become natural splines of three terms, so the model has 144 columns and the intercept. Each measurement is a process of its own
with one thread:

- `population`: `point_treatment.prepare` on everybody, as a study runs it: design, one penalised fit, overlap, weights, and the
  balance of every covariate; the parts apart, and peak resident memory of the whole process, the making of the people included.
- `same_rows`: the same matrix, fitted by `fit_logistic` without a penalty and by LogisticRegression (lbfgs, no penalty): with
  its own tolerance, at which it may stop short of the maximum, and with one at which it gets there. Coefficients are compared
  in standard errors. Ratios are of CPU seconds.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from pipelines.models.balance import covariate_balance
from pipelines.models.contrast_frame import ContrastFrame
from pipelines.models.design_matrix import design_matrix
from pipelines.models.logistic import fit_logistic
from pipelines.models.point_treatment import MOST_WEIGHT, Prepared, prepare
from pipelines.models.propensity import PENALTIES, estimate_propensity
from pipelines.models.weighting import treatment_weights

PRESENCES, SCALES, WITH_GAPS = 80, 20, 4
#: by default lbfgs stops where no gradient is above 1e-4 of the mean loss; with this it is at the maximum
TIGHT = 1e-7


def made(persons: int, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray]:
    """Covariates with NULL where missing, and the arm, whose log odds are a straight line of them."""
    rng = np.random.default_rng(seed)
    odds, columns = np.full(persons, -0.2), {}
    for place in range(PRESENCES):
        value = rng.random(persons) < rng.uniform(0.02, 0.5)
        odds += rng.normal(0.0, 0.15) * value
        columns[f"has_{place}"] = value.astype(np.float64)
    for place in range(SCALES):
        value = rng.normal(size=persons)
        odds += rng.normal(0.0, 0.15) * value
        if place < WITH_GAPS:
            value[rng.random(persons) < 0.05] = np.nan
        columns[f"scale_{place}"] = value
    arm = rng.random(persons) < 1 / (1 + np.exp(-odds))
    return pl.DataFrame({name: pl.Series(value, nan_to_null=True) for name, value in columns.items()}), arm


def framed(covariates: pl.DataFrame, arm: np.ndarray) -> ContrastFrame:
    """A contrast whose outcome nobody has looked at."""
    none, nothing = np.zeros(arm.size, dtype=bool), np.full(arm.size, np.nan)
    return ContrastFrame(np.arange(arm.size), arm, covariates, nothing, (), none, none, "difference", float("nan"))


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, {
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }


def population(persons: int) -> dict[str, Any]:
    """Everybody, as a study prepares a contrast."""
    covariates, arm = made(persons)
    frame, before = framed(covariates, arm), peak_gib()
    found: Prepared
    found, whole = timed(lambda: prepare(frame))
    most = peak_gib()
    parts = apart_in_parts(covariates, arm)
    return {
        "persons": persons,
        "covariates": covariates.width,
        "columns": 1 + len(found.design.names),
        "penalty": found.propensity.fit.penalty,
        "steps": found.propensity.fit.n_steps,
        "balanced_terms": len(found.balance.covariates),
        "largest_difference_before": round(found.balance.largest_before, 4),
        "largest_difference_after": round(found.balance.largest_after, 4),
        "equipoise": round(found.propensity.equipoise, 3),
        "whole": whole,
        "parts": parts,
        "peak_memory_gib": round(most, 2),
        "of_which_people_as_made_gib": round(before, 2),
    }


def apart_in_parts(covariates: pl.DataFrame, arm: np.ndarray) -> dict[str, dict[str, float]]:
    """CPU seconds of the parts of `prepare`, one after the other."""
    design, of_design = timed(lambda: design_matrix(covariates))
    propensity, of_fit = timed(lambda: estimate_propensity(arm, design.values, PENALTIES[0]))
    weights, of_weights = timed(lambda: treatment_weights(arm, propensity.values, "ate", maximum=MOST_WEIGHT))
    _, of_balance = timed(lambda: covariate_balance(covariates, arm, weights.values))
    return {"design": of_design, "propensity": of_fit, "weights": of_weights, "balance": of_balance}


def same_rows(persons: int) -> dict[str, Any]:
    """One matrix, fitted by either."""
    from sklearn.linear_model import LogisticRegression

    covariates, arm = made(persons)
    design, y = design_matrix(covariates).values, arm.astype(np.float64)
    del covariates
    ours, our_time = timed(lambda: fit_logistic(design, y))
    errors = ours.standard_errors()

    def theirs(tolerance: float) -> dict[str, Any]:
        model = LogisticRegression(C=np.inf, solver="lbfgs", tol=tolerance, max_iter=10_000)
        _, spent = timed(lambda: model.fit(design, y))
        gap = np.abs((model.coef_[0] - ours.coefficients) / errors).max()
        return spent | {
            "tolerance": tolerance,
            "steps": int(model.n_iter_[0]),
            "ratio": round(our_time["cpu_seconds"] / spent["cpu_seconds"], 3),
            "farthest_coefficient_in_errors": float(f"{gap:.1g}"),
        }

    return {
        "persons": persons,
        "columns": 1 + design.shape[1],
        "fit_logistic": our_time | {"steps": ours.n_steps},
        "scikit_learn": {"by_default": theirs(1e-4), "tight": theirs(TIGHT)},
        "peak_memory_gib": round(peak_gib(), 2),
    }


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def apart(part: str, persons: int) -> dict[str, Any]:
    """One measurement in a process of its own, with one thread."""
    command = [sys.executable, __file__, "--part", part, "--persons", str(persons)]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    done = subprocess.run(
        command, env=os.environ | dict.fromkeys(names, "1"), check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def main() -> None:
    """Every measurement, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--part", choices=["population", "same_rows"])
    given = parser.parse_args()
    if given.part:
        with threadpool_limits(1):
            print(json.dumps({"population": population, "same_rows": same_rows}[given.part](given.persons)))
        return
    import sklearn

    load = os.getloadavg()[0]
    whole, rows = apart("population", given.persons), apart("same_rows", given.persons)
    spent = whole["whole"]["cpu_seconds"]
    found = {
        "population": whole,
        "same_rows": rows,
        "whole_over_scikit_learn": {
            name: round(spent / part["cpu_seconds"], 2) for name, part in rows["scikit_learn"].items()
        },
        "threads": 1,
        "load_before": round(load, 1),
        "cores": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "polars": pl.__version__,
            "scikit_learn": sklearn.__version__,
        },
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
