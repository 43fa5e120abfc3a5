"""Known truth: hazard ratios and risk differences of simulated surveys, 44 % of estradiol below the limit.

What 200 surveys gave is frozen in mortality_coverage.json, made by mortality_coverage.py; some of them are made again here.
"""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
FROZEN = json.loads((HERE / "mortality_coverage.json").read_text())
COVERAGE = runpy.run_path(str(HERE / "mortality_coverage.py"))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small matrices: BLAS threads only get into each other's way."""
    with threadpool_limits(1):
        yield


def figures(name: str) -> dict[str, float]:
    """Bias in SDs, mean error over SD, and coverage of the frozen intervals."""
    estimate, error, low, high, truth = np.array([row[name] for row in FROZEN if row[name] is not None]).T
    off = estimate - truth
    return {
        "bias": float(off.mean() / off.std(ddof=1)),
        "ratio": float(error.mean() / off.std(ddof=1)),
        "coverage": float(((low <= truth) & (truth <= high)).mean()),
    }


@pytest.mark.parametrize("name", ["e2_ratio", "score_ratio", "e2_risk", "score_risk", "late_ratio"])
def test_truth_is_covered_and_errors_are_those_seen(name):
    """99.8 % band of 95 % coverage of 200; a third of an SD of bias: see the page on what imputation leaves."""
    found = figures(name)
    assert 0.90 <= found["coverage"] <= 0.995, found
    assert abs(found["bias"]) < 0.40, found
    assert 0.85 < found["ratio"] < 1.20, found


def test_the_limit_over_root_two_is_worse():
    """Substitution makes the association too steep, by more than an SD; the imputation by less than half of one."""
    substituted, imputed = figures("substituted_ratio"), figures("e2_ratio")
    assert substituted["bias"] < -0.9
    assert substituted["coverage"] < imputed["coverage"] - 0.1


def test_frozen_surveys_are_what_the_code_says():
    """One survey made again, whatever the machine's last bits."""
    again = COVERAGE["of_seed"](0, COVERAGE["population"]())
    for name, found in again.items():
        assert found == pytest.approx(FROZEN[0][name], rel=1e-5, abs=1e-9), name


@pytest.mark.slow
def test_many_frozen_surveys_are_what_the_code_says():
    everybody = COVERAGE["population"]()
    for seed in range(1, 25):
        again = COVERAGE["of_seed"](seed, everybody)
        for name, found in again.items():
            assert (found is None) == (FROZEN[seed][name] is None)
            if found is not None:
                assert found == pytest.approx(FROZEN[seed][name], rel=1e-5, abs=1e-9), (seed, name)
