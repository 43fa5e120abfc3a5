import numpy as np
import pytest

from pipelines.models import standardised
from pipelines.models.errors import NotEstimable
from pipelines.models.logistic import expit, fit_logistic
from pipelines.models.propensity import preference_score
from pipelines.models.weighting import treatment_weights


def made(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 2015.0, 5.0]
    chance = 1 / (1 + np.exp(-(0.5 * x[:, 0] - 0.05 * (x[:, 1] - 2015))))
    return x, (rng.random(n) < chance).astype(float)


@pytest.mark.parametrize("penalty", [0.0, 5.0])
def test_equals_scikit_learn_on_standardised_covariates(penalty: float) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = made()
    scale = x.std(axis=0)
    theirs = LogisticRegression(C=1 / penalty if penalty else np.inf, tol=1e-10, max_iter=1000)
    theirs.fit((x - x.mean(axis=0)) / scale, y)
    ours = fit_logistic(x, y, penalty)
    assert ours.coefficients * scale == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert ours.predict(x) == pytest.approx(ours.probabilities, abs=1e-12)
    assert y.sum() == pytest.approx(ours.probabilities.sum(), abs=1e-6)


def test_blocks_of_rows_change_nothing(monkeypatch) -> None:
    x, y = made()
    whole = fit_logistic(x, y)
    monkeypatch.setattr(standardised, "ROWS", 64)
    monkeypatch.setattr(standardised, "KEPT", 64)
    parts = fit_logistic(x, y)
    assert parts.coefficients == pytest.approx(whole.coefficients, rel=1e-9)
    gradient = np.linspace(-1, 1, y.size)
    assert parts.correction(x, y, gradient) == pytest.approx(whole.correction(x, y, gradient), abs=1e-9)


def test_separation_is_named_and_a_penalty_answers_it() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    y = (x[:, 0] > 0).astype(float)
    with pytest.raises(NotEstimable, match="separation"):
        fit_logistic(x, y)
    assert np.isfinite(fit_logistic(x, y, 1.0).coefficients).all()


@pytest.mark.parametrize("y", [np.zeros(5), np.ones(5)])
def test_an_empty_arm_is_named(y: np.ndarray) -> None:
    with pytest.raises(NotEstimable, match="an arm is empty"):
        fit_logistic(np.arange(5.0)[:, None], y)


def test_collinear_and_constant_columns_are_named() -> None:
    x, y = made()
    with pytest.raises(NotEstimable, match="tell each other") as caught:
        fit_logistic(np.column_stack([x, 2 * x[:, 0]]), y)
    assert set(caught.value.columns) == {0, 3}
    with pytest.raises(NotEstimable, match="constant"):
        fit_logistic(np.column_stack([x, np.ones(y.size)]), y)


def test_missing_values_are_refused() -> None:
    x, y = made()
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        fit_logistic(x, y)


def test_no_covariates_gives_the_share() -> None:
    fit = fit_logistic(np.zeros((4, 0)), np.array([0.0, 0.0, 0.0, 1.0]))
    assert fit.probabilities == pytest.approx(np.full(4, 0.25))


def test_a_chance_is_never_0_or_1() -> None:
    found = expit(np.array([-800.0, -40.0, 0.0, 40.0, 800.0]))
    assert np.all((found > 0) & (found < 1))
    assert found[[1, 2]] == pytest.approx([4.248354255291589e-18, 0.5], rel=1e-15)


@pytest.mark.filterwarnings("error")
def test_somebody_of_a_wild_covariate_leaves_weights_that_are_numbers() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(5_000, 1))
    treated = rng.random(5_000) < expit(2 * x[:, 0])
    x[7], treated[7] = 60.0, False
    chances = fit_logistic(x, treated.astype(float), 1.0).predict(np.r_[x, [[1e4]]])
    assert chances[-1] > 1 - 1e-15
    who = np.r_[treated, False]
    weights = treatment_weights(who, chances, "ate", maximum=50.0)
    assert weights.n_truncated > 0 and weights.largest == 50.0
    assert np.isfinite(weights.values).all() and np.isfinite(weights.slope).all()
    preferred = preference_score(chances, float(who.mean()))
    assert 0.999 < preferred[-1] <= 1.0
