"""Fine and Gray on mgus2 against R: survival's finegray() with coxph to seven digits, cmprsk to three. Oracle: survival.R."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.cox import fit_cox
from pipelines.models.errors import NotEstimable
from pipelines.models.fine_gray import expanded, fit_fine_gray
from pipelines.models.survival_curve import follow_up

ORACLES = Path(__file__).with_name("oracles")
EXPECTED = json.loads((ORACLES / "survival.json").read_text())["fine"]


@pytest.fixture(scope="module")
def mgus():
    frame = pl.read_csv(ORACLES / "mgus2.csv")
    return follow_up(frame["months"].to_numpy(), frame["event"].to_numpy()), frame["age", "is_man"].to_numpy().astype(
        float
    )


@pytest.mark.parametrize(("cause", "name"), [(1, "pcm"), (2, "death")])
def test_finegray_and_crr(mgus, cause, name) -> None:
    rows, design = mgus
    fit, theirs = fit_fine_gray(rows, design, cause), EXPECTED[f"mgus2_{name}"]
    assert fit.coefficients == pytest.approx(theirs["coefficients"], rel=1e-7)
    assert fit.standard_errors == pytest.approx(theirs["se"], rel=1e-7)
    # crr knows Breslow's ties only, and its errors count that the chance of being followed was estimated.
    breslow, crr = fit_fine_gray(rows, design, cause, "breslow"), EXPECTED[f"cmprsk_mgus2_{cause}"]
    assert breslow.coefficients == pytest.approx(crr["coefficients"], rel=3e-3)
    assert breslow.standard_errors == pytest.approx(crr["se"], rel=1e-2)


@pytest.mark.parametrize("cause", [1, 2])
def test_whole_months_with_many_ties(cause) -> None:
    """Two hundred people of the made set, the last row of each, followed from month 0; censoring tied with both causes."""
    frame = pl.read_csv(ORACLES / "survival_input.csv").filter(set="strata").sort("person", "start")
    last = frame.unique("person", keep="last", maintain_order=True)
    rows = follow_up(last["stop"].to_numpy(), last["event"].to_numpy())
    design = last["x", "arm"].to_numpy().astype(float)
    for ties in ("efron", "breslow"):
        fit, theirs = fit_fine_gray(rows, design, cause, ties), EXPECTED[f"strata_{cause}_{ties}"]
        assert fit.coefficients == pytest.approx(theirs["coefficients"], rel=1e-7)
        assert fit.standard_errors == pytest.approx(theirs["se"], rel=1e-7)
        assert np.sqrt(np.diag(fit.model_covariance)) == pytest.approx(theirs["naive_se"], rel=1e-7)
    # crr lets those with an event be censored in the same month: with ties a hundredth of an error apart.
    crr = EXPECTED[f"cmprsk_strata_{cause}"]
    assert np.abs((fit.coefficients - crr["coefficients"]) / crr["se"]).max() < 1e-2
    assert fit.standard_errors == pytest.approx(crr["se"], rel=2e-3)


def test_death_as_censoring_is_another_number(mgus) -> None:
    rows, design = mgus
    cause_specific = fit_cox(rows, design)
    assert abs(cause_specific.coefficients[0] / EXPECTED["mgus2_pcm"]["coefficients"][0] - 1) > 0.3


def test_nobody_censored_keeps_everybody_whole() -> None:
    """Without censoring those whom another cause took stay at risk with their own weight."""
    rows = follow_up(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 1, 1]), None, np.array([1.0, 3.0, 1.0, 1.0]))
    found = expanded(rows)
    assert found.origin.tolist() == [0, 1, 2, 3, 1, 1]
    assert found.rows.weights.tolist() == [1, 3, 1, 1, 3, 3]
    assert found.rows.entry[4:].tolist() == [2, 3]
    assert found.rows.exit[4:].tolist() == [3, 4]


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(ValueError, match="late entry"):
        expanded(follow_up(np.array([2.0, 3.0]), np.array([1, 2]), np.array([0.0, 1.0])))
    with pytest.raises(NotEstimable, match="no event of cause 2"):
        expanded(follow_up(np.array([2.0, 3.0]), np.array([1, 0]), n_causes=2), 2)
