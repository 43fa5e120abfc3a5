"""Empirical calibration against printed output of OHDSI's EmpiricalCalibration, published likelihood fits, and R metafor."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.models.empirical_null import EmpiricalNull, calibrate, expected_absolute_error, fit_null
from pipelines.models.systematic_error import ErrorModel, calibrate_by_model

ORACLES = Path(__file__).with_name("oracles")


def known_null(mean: float, sd: float) -> EmpiricalNull:
    """A null whose parameters are those printed; its controls are not at hand."""
    y = np.linspace(-1, 1, 30)
    return replace(fit_null(y, np.ones(30)), mean=mean, sd=sd)


def test_sertraline_and_bleeding() -> None:
    """Vignette on p-values: null 0.7920, 0.2835; log rate ratio 0.7326235 (0.07371708): p = 0.839405, at four printed digits."""
    found = calibrate(
        known_null(0.7920, 0.2835), np.array([0.7326235]), np.array([0.07371708]), are_parameters_known=True
    )
    assert found.p_value[0] == pytest.approx(0.839405, abs=2e-4)
    # Its test of intervals prints -0.0593.
    assert found.estimate[0] == pytest.approx(-0.0593, abs=1e-4)


def test_expected_absolute_error_where_the_mean_is_all() -> None:
    """Its test says that of these controls it equals the mean within a thousandth."""
    assert expected_absolute_error(0.7920, 0.2835) == pytest.approx(0.7920, rel=1e-3)


def test_no_systematic_error_is_the_usual_test() -> None:
    """Its tests: 0.1 (0.05) and 0.3 (0.1) with a null of 0, 0: p = 0.045500266 and 0.002699796."""
    found = calibrate(known_null(0, 0), np.array([0.1, 0.3]), np.array([0.05, 0.1]), are_parameters_known=True)
    assert found.p_value == pytest.approx([0.045500266, 0.002699796], abs=1e-8)


def test_the_likelihood_is_that_of_published_random_effects() -> None:
    """Van Houwelingen et al. (2002), Stat Med 21:589: 13 odds ratios of BCG, mean 0.4762 (0.3360 to 0.6749), variance 0.3025."""
    log_ratios = runpy.run_path(str(Path(__file__).with_name("test_meta_summary.py")))["log_ratios"]
    null = fit_null(*log_ratios("odds"), least=13)
    assert np.exp(null.mean) == pytest.approx(0.4762, abs=1e-4)
    interval = np.exp(null.mean + np.array([-1.96, 1.96]) * null.mean_standard_error)
    assert interval == pytest.approx([0.3360, 0.6749], abs=1e-4)
    assert null.sd**2 == pytest.approx(0.3025, abs=1e-4)


def test_r_metafor_on_forty_controls() -> None:
    expected = json.loads((ORACLES / "meta.json").read_text())["controls"]
    null = fit_null(np.array(expected["y"]), np.array(expected["se"]))
    theirs = expected["ml"]
    assert [null.mean, null.mean_standard_error, null.sd**2, null.log_likelihood] == pytest.approx(
        [theirs[key] for key in ("mean", "se", "tau2", "log_likelihood")], rel=1e-6
    )


def test_dabigatran_and_bleeding() -> None:
    """Vignette on intervals: its printed model, log hazard ratio -0.3575234 (0.06668903): -0.3117702 (-0.733957 to 0.1067054)."""
    model = ErrorModel(-0.066550795, 0.933292141, 0.187468405, 0.002979502)
    found = calibrate_by_model(model, np.array([-0.3575234]), np.array([0.06668903]))
    assert found.estimate[0] == pytest.approx(-0.3117702, abs=1e-5)
    assert [found.ci_low[0], found.ci_high[0]] == pytest.approx([-0.733957, 0.1067054], abs=2e-5)
    assert found.standard_error[0] == pytest.approx(0.2144587, abs=1e-5)
