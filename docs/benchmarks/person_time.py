"""Hazards in periods of a whole population: time and memory, and time as a ratio to scikit-learn's plain logistic fit.

    PYTHONPATH=. .venv/bin/python docs/benchmarks/person_time.py > docs/benchmarks/person_time.json

Made people, followed for 60 months at most, 50 covariates, death competing, weighted by an estimated propensity; hazards have a
spline of the month, the arm, their products and the covariates: 60 columns with the intercept. Two measurements, each in a
process of its own with one thread:

- `population`: everybody, from covariates to risks at 5 years with their errors. Peak resident memory of the whole
  process, the making of the people included.
- `same_rows`: fewer such people, whose rows fit in memory a row a person-month. The event's hazard is fitted by
  `person_time`, and by LogisticRegression (lbfgs, no penalty) on the rows in double precision, made beforehand. Rows and
  weights are the same; coefficients are compared in standard errors. It runs twice: with its own tolerance, at which it stops
  short of the maximum, and with one at which it gets there.

Ratios are of CPU seconds. scikit-learn cannot be given all rows (`rows_gib` of memory for the matrix alone), so
`ratio_by_row` divides seconds a row of everybody by its seconds a row at the most rows it was given: an extrapolation, as
linear as `seconds_per_million_rows` shows it to be.
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
from threadpoolctl import threadpool_limits

from pipelines.models.logistic import fit_logistic
from pipelines.models.person_time import fit_products, person_time, standardise
from pipelines.models.product_design import ProductTerm, constant, row_terms
from pipelines.models.spline import restricted_cubic_spline
from pipelines.models.weighting import treatment_weights

MONTHS = 60
COVARIATES = 50
#: years, so that no column is far from 1
KNOTS = np.array([0.25, 1.25, 2.5, 3.75, 4.75])
ROWS = (500_000, 1_000_000, 2_000_000)
#: by default lbfgs stops with coefficients errors away from the maximum; with this it is there
TIGHT = 1e-7


def in_years(month: np.ndarray) -> np.ndarray:
    return restricted_cubic_spline((month + 0.5) / 12, KNOTS)


TERMS = (
    ProductTerm(constant, lambda arm, x: np.column_stack([arm, x])),
    ProductTerm(in_years, lambda arm, x: np.column_stack([np.ones(arm.size), arm])),
)


def made(persons: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Last month, event (1, or 2 death), arm and covariates; hazards a year constant given covariates, a few leave."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(persons, COVARIATES))
    slope = rng.normal(size=(3, COVARIATES)) * 0.15
    arm = rng.random(persons) < 1 / (1 + np.exp(-x @ slope[0]))
    of_event = 0.02 * np.exp(x @ slope[1] - 0.3 * arm)
    of_death = 0.01 * np.exp(x @ slope[2])
    whole = of_event + of_death
    stops = np.stack([rng.exponential(1 / whole), rng.exponential(1 / 0.02, persons)]) * 12
    last = np.minimum(stops.min(axis=0).astype(np.int64), MONTHS - 1)
    is_ended = (stops[0] < stops[1]) & (stops[0] < MONTHS)
    cause = np.where(rng.random(persons) * whole < of_event, 1, 2)
    return last, np.where(is_ended, cause, 0), arm, x


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, {
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }


def population(persons: int) -> dict[str, Any]:
    """Everybody: propensity, one fit by itself, then all of it."""
    last, event, arm, x = made(persons)
    on, before = arm.astype(float), peak_gib()
    propensity, propensity_time = timed(lambda: fit_logistic(x, on))
    weights = treatment_weights(arm, propensity.probabilities, "ate")
    people = person_time(last, event, arm, x, weights.values)
    fit, fit_time = timed(lambda: fit_products(people, TERMS))

    def correction(by_weight: np.ndarray) -> np.ndarray:
        return propensity.correction(x, on, by_weight * weights.slope)

    found, all_time = timed(lambda: standardise(people, (TERMS, TERMS), [MONTHS], correction=correction))
    rows = int((last + 1).sum())
    risk = found[0]
    return {
        "persons": persons,
        "rows": rows,
        "columns": int(fit.design.size),
        "rows_gib": round(rows * fit.design.size * 8 / 2**30, 1),
        "events": int((event == 1).sum()),
        "deaths": int((event == 2).sum()),
        "propensity": propensity_time,
        "one_hazard": fit_time | {"steps": fit.n_steps},
        "two_hazards_risks_and_errors": all_time,
        "peak_memory_gib": round(peak_gib(), 2),
        "of_which_people_as_made_gib": round(before, 2),
        "risk_difference": round(risk.difference.estimate, 5),
        "risk_difference_error": round(risk.difference.standard_error, 5),
    }


def same_rows(rows: int) -> dict[str, Any]:
    """The event's hazard of as many people as make some rows: ours, then scikit-learn's."""
    from sklearn.linear_model import LogisticRegression

    last, event, arm, x = made(2 * rows // MONTHS)
    n = int(np.searchsorted(np.cumsum(last + 1), rows))
    last, event, arm, x = last[:n], event[:n], arm[:n], x[:n]
    own = treatment_weights(arm, fit_logistic(x, arm.astype(float)).probabilities, "ate").values
    people = person_time(last, event, arm, x, own)
    ours, our_time = timed(lambda: fit_products(people, TERMS))
    row = np.repeat(np.arange(n), last + 1)
    month = np.arange(row.size) - np.repeat(np.cumsum(last + 1) - last - 1, last + 1)
    asked = ~((event[row] == 2) & (month == last[row]))
    row, month = row[asked], month[asked]
    y = (event[row] == 1) & (month == last[row])
    design = row_terms(TERMS)(month, arm[row].astype(float), x[row])
    errors = np.sqrt(np.diag(ours.inverse))

    def theirs(tolerance: float) -> dict[str, Any]:
        model = LogisticRegression(C=np.inf, solver="lbfgs", tol=tolerance, max_iter=10_000)
        _, spent = timed(lambda: model.fit(design, y, sample_weight=own[row]))
        apart = np.r_[model.intercept_, model.coef_[0]] - ours.coefficients
        return spent | {
            "tolerance": tolerance,
            "steps": int(model.n_iter_[0]),
            "seconds_per_million_rows": round(1e6 * spent["cpu_seconds"] / row.size, 2),
            "ratio": round(our_time["cpu_seconds"] / spent["cpu_seconds"], 4),
            "farthest_coefficient_in_errors": float(f"{np.abs(apart / errors).max():.1g}"),
        }

    return {
        "persons": n,
        "rows": row.size,
        "events": int(y.sum()),
        "person_time": our_time | {"steps": ours.n_steps},
        "scikit_learn": {"by_default": theirs(1e-4), "tight": theirs(TIGHT)},
    }


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def apart(part: str, size: int) -> dict[str, Any]:
    """One measurement in a process of its own, with one thread."""
    command = [sys.executable, __file__, "--part", part, "--size", str(size)]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, env=os.environ | single, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main() -> None:
    """Every measurement, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--part", choices=["population", "same_rows"])
    parser.add_argument("--size", type=int)
    given = parser.parse_args()
    if given.part:
        with threadpool_limits(1):
            print(json.dumps({"population": population, "same_rows": same_rows}[given.part](given.size)))
        return
    import sklearn

    load = os.getloadavg()[0]
    whole = apart("population", given.persons)
    fewer = [apart("same_rows", rows) for rows in sorted(given.rows)]
    ours = 1e6 * whole["one_hazard"]["cpu_seconds"] / whole["rows"]
    by_row = {
        name: round(ours / part["seconds_per_million_rows"], 4) for name, part in fewer[-1]["scikit_learn"].items()
    }
    found = {
        "population": whole,
        "same_rows": fewer,
        "seconds_per_million_rows": round(ours, 2),
        "ratio_by_row": by_row,
        "threads": 1,
        "load_before": round(load, 1),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scikit_learn": sklearn.__version__},
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
