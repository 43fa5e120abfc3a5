"""Mixed models against lme4 as published: sleepstudy (Bates et al. 2015, J Stat Softw 67(1)) and Oxboys (nlme, lme4)."""

import numpy as np
import polars as pl
import pytest

from pipelines.models.mixed_trajectory import fit_mixed

PUBLISHED = {
    "sleepstudy": {
        "columns": ("Reaction", "Days", "Subject"),
        "coefficients": (251.4051, 10.4673),
        "errors": (6.8246, 1.5458),
        "sds": (24.741, 5.922, 25.592),
        "correlation": 0.066,
        "criterion": 1743.628,
    },
    "oxboys": {
        "columns": ("height", "age", "Subject"),
        "coefficients": (149.3718, 6.5255),
        "errors": (1.5854, 0.3363),
        "sds": (8.0811, 1.6807, 0.6599),
        "correlation": 0.641,
        "criterion": 724.091,
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_lme4(published, name) -> None:
    expected = PUBLISHED[name]
    frame = pl.read_csv(published / f"{name}.csv")
    outcome, time, person = (frame[column].cast(pl.Float64).to_numpy() for column in expected["columns"])
    fit = fit_mixed(outcome, np.column_stack([np.ones(time.size), time]), time, person)
    assert fit.coefficients == pytest.approx(expected["coefficients"], abs=6e-5)
    assert fit.standard_errors == pytest.approx(expected["errors"], abs=6e-5)
    assert [fit.intercept_sd, fit.slope_sd, fit.residual_sd] == pytest.approx(expected["sds"], abs=6e-4)
    assert fit.correlation == pytest.approx(expected["correlation"], abs=6e-4)
    assert fit.criterion == pytest.approx(expected["criterion"], abs=6e-4)
    assert not fit.is_singular


def test_small_numbers_are_no_trouble(published) -> None:
    """Bone density in g/cm2 changes by hundredths: the fit must be the same but for the unit, in outcome and in time."""
    frame = pl.read_csv(published / "sleepstudy.csv")
    outcome, time, person = (frame[name].cast(pl.Float64).to_numpy() for name in ("Reaction", "Days", "Subject"))
    plain = fit_mixed(outcome, np.column_stack([np.ones(time.size), time]), time, person)
    days = time * 365.25
    small = fit_mixed(outcome * 1e-5, np.column_stack([np.ones(time.size), days]), days, person)
    assert small.coefficients * [1e5, 1e5 * 365.25] == pytest.approx(plain.coefficients, rel=1e-6)
    assert small.slope_sd * 1e5 * 365.25 == pytest.approx(plain.slope_sd, rel=1e-4)
    assert small.residual_sd * 1e5 == pytest.approx(plain.residual_sd, rel=1e-6)
