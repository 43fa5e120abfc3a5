"""Bone over time against R: lme4, lm and glm with sandwich by person, and segmented; frozen in oracles/longitudinal.json."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.bent_line import BentLineSpec, fit_bent_line
from pipelines.models.marginal_structural import HistoryWeights, fit_marginal
from pipelines.models.mixed_trajectory import fit_mixed

ORACLES = Path(__file__).with_name("oracles")
EXPECTED = json.loads((ORACLES / "longitudinal.json").read_text())


@pytest.fixture(scope="module")
def panel() -> dict[str, np.ndarray]:
    frame = pl.read_csv(ORACLES / "longitudinal_input.csv")
    return {name: frame[name].to_numpy().astype(float) for name in frame.columns}


def test_mixed_model_equals_lme4(panel) -> None:
    expected, person = EXPECTED["mixed"], panel["person"].astype(np.int64)
    year, dose = panel["year"], panel["dose"]
    design = np.column_stack([np.ones(year.size), year, dose, panel["z"], year * dose])
    fit = fit_mixed(panel["y"], design, year, person)
    assert fit.coefficients == pytest.approx(expected["coefficients"], rel=1e-5)
    assert fit.standard_errors == pytest.approx(expected["se"], rel=1e-5)
    # Two optimisers stop at points of a flat top: variances agree less closely than what depends on them.
    assert [fit.intercept_sd, fit.slope_sd, fit.residual_sd] == pytest.approx(expected["sds"], rel=1e-4)
    assert fit.correlation == pytest.approx(expected["correlation"], rel=1e-3)
    assert fit.criterion == pytest.approx(expected["criterion"], rel=1e-7)


@pytest.mark.parametrize(("name", "outcome", "link"), [("line", "y", "identity"), ("hazard", "event", "logit")])
def test_weighted_rows_of_persons_equal_sandwich(panel, name, outcome, link) -> None:
    n, person = panel["y"].size, panel["person"].astype(np.int64)
    given = HistoryWeights(panel["weight"], np.zeros(n, dtype=bool), 1.0, 1.0, (0.0, np.inf), (), (), ())
    design = np.column_stack([panel["year"], panel["dose"], panel["z"]])
    everybody = np.ones(n, dtype=bool)
    fit = fit_marginal(panel[outcome], design, person, given, everybody, link, leaves_out=False)
    assert fit.coefficients == pytest.approx(EXPECTED[name]["coefficients"], rel=1e-7)
    assert fit.standard_errors == pytest.approx(EXPECTED[name]["se"], rel=1e-7)
    by_row = fit_marginal(panel[outcome], design, np.arange(n), given, everybody, link, leaves_out=False)
    assert by_row.standard_errors != pytest.approx(EXPECTED[name]["se"], rel=1e-3), "rows taken as persons"


def test_place_and_slopes_of_a_bend_equal_segmented() -> None:
    expected = EXPECTED["bent"]
    x, u, y = (np.array(expected[name]) for name in ("x", "u", "y"))
    found = fit_bent_line(y, x, u[:, None], BentLineSpec(seed=1))
    assert found.verdict == "kink"
    assert found.place == pytest.approx(expected["place"], rel=1e-5)
    assert [found.slope_below, found.slope_above] == pytest.approx(expected["slopes"], rel=1e-4, abs=1e-5)
