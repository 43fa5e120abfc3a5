"""How near whole trajectories bring mean and slope to the truth with 40 % of estradiol below the limit: 20 populations of 20,000.

    PYTHONPATH=. .venv/bin/python docs/benchmarks/e2_trajectory.py > docs/benchmarks/e2_trajectory.json

For each shape of estradiol: the relative error of the geometric mean and of the slope, by imputation and by the limit over the
square root of two; mean and standard deviation over the populations. Populations stand in `tests/recovery/trajectories_e2.py`.
"""

import argparse
import json
import runpy
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from pipelines.models.e2_trajectory import impute_trajectories

made = runpy.run_path(str(Path(__file__).parents[2] / "tests" / "recovery" / "trajectories_e2.py"))


def errors(shape: str, persons: int, seed: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors [mean, slope] of one population: of the imputation, and of the usual fill."""
    some = made["people"](shape, persons, seed)
    truth = np.array([some.analysis(some.log_e2)[0], made["SLOPE"]])
    drawn = impute_trajectories(some.model, some.person, some.lower, some.upper, m=m, seed=seed)
    imputed = np.mean([some.analysis(values) for values in drawn.completed], axis=0)
    return imputed / truth - 1, np.array(some.analysis(some.naive())) / truth - 1


def summary(values: list[np.ndarray]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the populations, of mean and slope."""
    mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
    names = ("mean", "slope")
    return {name: {"error": round(float(mean[i]), 4), "sd": round(float(spread[i]), 4)} for i, name in enumerate(names)}


def main() -> None:
    """Every shape, every population."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--populations", type=int, default=20)
    parser.add_argument("--imputations", type=int, default=20)
    given = parser.parse_args()
    started, shapes = time.process_time(), {}
    with threadpool_limits(1):
        for shape in made["SHAPES"]:
            seeds = range(given.populations)
            found = [errors(shape, given.persons, seed, given.imputations) for seed in seeds]
            imputed, filled = zip(*found, strict=True)
            shapes[shape] = {"imputed": summary(list(imputed)), "limit_over_root_2": summary(list(filled))}
    settings = {"persons": given.persons, "populations": given.populations, "imputations": given.imputations}
    print(json.dumps(settings | {"cpu_seconds": round(time.process_time() - started), "shapes": shapes}, indent=2))


if __name__ == "__main__":
    main()
