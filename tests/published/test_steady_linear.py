"""A level of each person's own against lme4: sleepstudy (Belenky et al. 2003) with a random intercept, by maximum likelihood."""

import numpy as np
import polars as pl
import pytest

from pipelines.models.steady_linear import fit_linear


def test_lme4(published) -> None:
    """`lmer(Reaction ~ Days + (1 | Subject), sleepstudy, REML = FALSE)`, lme4 of Debian; our variances are over n - 2."""
    frame = pl.read_csv(published / "sleepstudy.csv")
    days, reaction = (frame[name].cast(pl.Float64).to_numpy() for name in ("Days", "Reaction"))
    found = fit_linear(days[:, None], reaction, frame["Subject"].cast(pl.Float64).to_numpy())
    assert found.coefficients == pytest.approx([251.40510485, 10.46728596], abs=1e-6)
    over = np.sqrt(178 / 180)
    assert [found.person_sd * over, found.residual_sd * over] == pytest.approx([36.01208194, 30.89543387], rel=1e-5)
