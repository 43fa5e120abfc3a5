import numpy as np
import polars as pl
import pytest

from pipelines.models.balance import covariate_balance

TREATED = np.array([True, True, True, False, False, False])


def of(frame: pl.DataFrame, weights=None, **options):
    found = covariate_balance(frame, TREATED, np.ones(6) if weights is None else weights, **options)
    return {name: k for k, name in enumerate(found.covariates)}, found


def test_differences_by_hand_with_a_fixed_denominator() -> None:
    frame = pl.DataFrame({"age": [1.0, 2.0, 3.0, 3.0, 4.0, 5.0]})
    weights = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    place, found = of(frame, weights)
    # Unweighted variances are 2/3 in both arms, whatever the weights.
    assert found.smd_before[place["age"]] == pytest.approx(-2 / np.sqrt(2 / 3))
    assert found.smd_after[place["age"]] == 0
    assert found.largest_before == pytest.approx(2 / np.sqrt(2 / 3))


def test_variance_ratio_is_of_the_weighted_variances() -> None:
    frame = pl.DataFrame({"age": [0.0, 2.0, 4.0, 1.0, 2.0, 3.0]})
    place, found = of(frame)
    assert found.variance_ratio[place["age"]] == pytest.approx(4.0)
    assert np.isnan(of(pl.DataFrame({"a": [0.0, 1, 1, 0, 1, 0]}))[1].variance_ratio[0])


def test_the_rounding_of_a_mean_is_no_variance() -> None:
    """One known person: weighted mean and value differ in the last bit, and the ratio is none, not 1e-32."""
    values = [None, None, 13.7, 1.0, 2.0, 4.0]
    ratios = [of(pl.DataFrame({"lh": values}), np.full(6, weight))[1].variance_ratio[0] for weight in (1 / 3, 0.7, 1.9)]
    assert np.isnan(ratios).all()
    spread = np.array([0.7 * 13.7 / 0.7 - 13.7, 1.9 * 13.7 / 1.9 - 13.7, 13.7 / 3 / (1 / 3) - 13.7])
    assert np.any(spread != 0), "so that the case is one"


def test_being_missing_and_each_level_are_covariates() -> None:
    frame = pl.DataFrame({"ldl": [None, 1.0, 2.0, 1.0, 2.0, 3.0], "race": [1.0, 1, 2, 1, 2, 2]})
    place, found = of(frame, nominal=("race",))
    assert list(place) == ["ldl", "ldl: missing", "race: 1", "race: 2"]
    assert found.n_target[place["ldl"]] == 2
    assert found.mean_target[place["ldl: missing"]] == pytest.approx(1 / 3)
    assert found.smd_before[place["race: 1"]] == pytest.approx(-found.smd_before[place["race: 2"]])


def test_a_constant_covariate_is_alike_and_one_that_tells_the_arm_is_not() -> None:
    place, found = of(pl.DataFrame({"same": [1.0] * 6, "told": TREATED.astype(float)}))
    assert found.smd_after[place["same"]] == 0
    assert found.smd_after[place["told"]] == np.inf


def test_one_arm_has_no_balance() -> None:
    with pytest.raises(ValueError, match="two arms"):
        covariate_balance(pl.DataFrame({"a": [1.0]}), np.array([True]), np.ones(1))
