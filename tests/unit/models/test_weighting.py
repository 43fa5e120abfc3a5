import numpy as np
import pytest

from pipelines.models.errors import NotEstimable
from pipelines.models.propensity import area_under_curve, chosen_penalty, estimate_propensity, folds, preference_score
from pipelines.models.weighting import kish_effective_number, treatment_weights

TREATED = np.array([True, True, False, False])
SCORE = np.array([0.8, 0.5, 0.5, 0.2])


def test_weights_by_hand() -> None:
    assert treatment_weights(TREATED, SCORE, "ate").values == pytest.approx([1.25, 2, 2, 1.25])
    assert treatment_weights(TREATED, SCORE, "ate", is_stabilised=True).values == pytest.approx([0.625, 1, 1, 0.625])
    assert treatment_weights(TREATED, SCORE, "att").values == pytest.approx([1, 1, 1, 0.25])
    assert treatment_weights(TREATED, SCORE, "overlap").values == pytest.approx([0.2, 0.5, 0.5, 0.2])


@pytest.mark.parametrize("estimand", ["ate", "att", "overlap"])
def test_the_slope_is_the_derivative_by_the_logit(estimand) -> None:
    def at(shift: float) -> np.ndarray:
        logit = np.log(SCORE / (1 - SCORE)) + shift
        return treatment_weights(TREATED, 1 / (1 + np.exp(-logit)), estimand).values

    slope = treatment_weights(TREATED, SCORE, estimand).slope
    assert slope == pytest.approx((at(1e-6) - at(-1e-6)) / 2e-6, abs=1e-6)


def test_truncation_is_counted_and_has_no_slope() -> None:
    cut = treatment_weights(TREATED, SCORE, "ate", maximum=1.5)
    assert cut.values.tolist() == [1.25, 1.5, 1.5, 1.25]
    assert (cut.n_truncated, cut.largest) == (2, 1.5)
    assert cut.slope[1] == cut.slope[2] == 0


def test_no_weight_for_a_certain_arm() -> None:
    with pytest.raises(ValueError, match="inside"):
        treatment_weights(TREATED, np.array([1.0, 0.5, 0.5, 0.2]), "ate")
    with pytest.raises(ValueError, match="stabilised"):
        treatment_weights(TREATED, SCORE, "att", is_stabilised=True)


def test_kish_effective_number() -> None:
    assert kish_effective_number(np.array([2.0, 2.0, 2.0])) == pytest.approx(3)
    assert kish_effective_number(np.array([3.0, 1.0])) == pytest.approx(1.6)
    assert kish_effective_number(np.zeros(3)) == 0


def test_preference_score_of_the_usual_share_is_a_half() -> None:
    assert preference_score(np.array([0.2, 0.5]), 0.2) == pytest.approx([0.5, 0.8])


def test_area_under_curve() -> None:
    assert area_under_curve(TREATED, SCORE) == pytest.approx(0.875)
    with pytest.raises(NotEstimable, match="empty"):
        area_under_curve(np.ones(4, dtype=bool), SCORE)


def test_chance_alone_is_equipoise_and_no_overlap_is_none() -> None:
    rng = np.random.default_rng(3)
    treated = rng.random(400) < 0.5
    noise = rng.normal(size=(400, 2))
    assert estimate_propensity(treated, noise, 1.0).equipoise == pytest.approx(1.0)
    apart = estimate_propensity(treated, treated[:, None] * 2.0 + noise * 0.1, 1.0)
    assert apart.equipoise < 0.05
    assert apart.auc > 0.99


def test_folds_and_penalty_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(4)
    person = rng.integers(0, 10**9, 300)
    order = rng.permutation(300)
    assert np.array_equal(folds(person, 1, 5, "x")[order], folds(person[order], 1, 5, "x"))
    noise = rng.normal(size=(300, 40))
    treated = rng.random(300) < 0.5
    assert chosen_penalty(treated, noise, person, 1) == chosen_penalty(treated[order], noise[order], person[order], 1)
    assert chosen_penalty(treated, noise, person, 1) == 1000.0, "nothing to learn from noise"
