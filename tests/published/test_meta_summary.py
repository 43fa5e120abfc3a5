"""BCG vaccine: published summaries of 13 trials, and R metafor frozen in oracles/meta.json."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.meta_summary import summarise

ORACLES = Path(__file__).with_name("oracles")


def log_ratios(measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Log risk or odds ratios of vaccinated against not, and their standard errors."""
    a, b, c, d = (pl.read_csv(ORACLES / "meta_input.csv")[name].to_numpy() for name in ("tpos", "tneg", "cpos", "cneg"))
    if measure == "odds":
        return np.log(a * d / (b * c)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return np.log(a / (a + b) / (c / (c + d))), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


def test_as_metafor_is_documented() -> None:
    """Viechtbauer (2010), J Stat Softw 36(3), dat.bcg by REML: -0.7145 (0.1798), tau^2 0.3132, I^2 92.22 %, Q 152.2330."""
    found = summarise(*log_ratios("ratio"))
    assert [found.estimate, found.normal_standard_error] == pytest.approx([-0.7145, 0.1798], abs=5e-5)
    assert [found.tau_squared, found.i_squared] == pytest.approx([0.3132, 0.9222], abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)


@pytest.mark.parametrize("measure", ["ratio", "odds"])
@pytest.mark.parametrize("method", ["reml", "paule_mandel"])
def test_r_metafor(measure: str, method) -> None:
    expected = json.loads((ORACLES / "meta.json").read_text())["trials"][measure]
    y, error = log_ratios(measure)
    assert y == pytest.approx(expected["y"], rel=1e-12)
    assert error**2 == pytest.approx(expected["v"], rel=1e-12)
    theirs = expected[method]
    found = summarise(y, error, method, is_floored=False)
    assert [found.estimate, found.normal_standard_error, found.tau_squared, found.q] == pytest.approx(
        [theirs[key] for key in ("mean", "se", "tau2", "q")], rel=1e-6
    )
    assert 100 * found.i_squared == pytest.approx(theirs["i2"], rel=1e-6)
    assert found.q_p_value == pytest.approx(theirs["q_p"], rel=1e-6)
    assert found.standard_error == pytest.approx(theirs["knha_se"], rel=1e-6)
    assert [found.ci_low, found.ci_high] == pytest.approx(theirs["knha"], rel=1e-6)
    assert found.p_value == pytest.approx(theirs["knha_p"], rel=1e-5)
    assert [found.prediction_low, found.prediction_high] == pytest.approx(theirs["prediction"], rel=1e-6)
