"""Survey estimates: by hand on a tiny design, and what must not change them. R agreement is in tests/published."""

import numpy as np
import pytest
from scipy import stats

from pipelines.errors import BadInput
from pipelines.models.errors import NotEstimable
from pipelines.models.survey import (
    SurveyDesign,
    kish_effective_n,
    survey_mean,
    survey_quantile,
    survey_regression,
    survey_total,
)

STRATA = np.array([1, 1, 1, 1, 2, 2, 2, 2])
PSU = np.array([1, 1, 2, 2, 1, 1, 2, 2])


@pytest.fixture
def sample():
    rng = np.random.default_rng(3)
    strata = np.repeat(np.arange(6), 40)
    psu = np.tile(np.repeat([1, 2], 20), 6)
    weights = rng.uniform(1, 5, 240)
    x = np.column_stack([np.ones(240), rng.normal(size=(240, 2))])
    y = x @ [1.0, 0.5, -0.2] + rng.normal(size=240) + 0.3 * psu
    return SurveyDesign(strata, psu, weights), x, y, rng.random(240) < 0.4


def test_total_and_mean_by_hand():
    """Unit weights. PSU totals 3, 7 | 1, 9: variance of the total 2 (2^2 + 2^2) + 2 (4^2 + 4^2) = 80."""
    design = SurveyDesign(STRATA, PSU, np.ones(8))
    values = np.array([1.0, 2, 3, 4, 0, 1, 4, 5])
    total = survey_total(design, values)
    assert (total.estimate, total.standard_error**2, total.df, total.n) == (20, pytest.approx(80), 2, 8)
    mean = survey_mean(design, values)
    assert (mean.estimate, mean.standard_error**2) == (2.5, pytest.approx(80 / 64))
    assert mean.relative_standard_error == pytest.approx(np.sqrt(80 / 64) / 2.5)


def test_psu_codes_are_nested_in_strata():
    design = SurveyDesign(STRATA, PSU, np.ones(8))
    distinct = SurveyDesign(STRATA, PSU + 10 * STRATA, np.ones(8))
    values = np.arange(8.0) ** 2
    assert survey_mean(design, values) == survey_mean(distinct, values)
    assert design.df == 2


def test_one_person_per_psu_and_equal_weights_is_the_textbook_standard_error():
    values = np.random.default_rng(1).normal(size=50)
    design = SurveyDesign(np.zeros(50, dtype=int), np.arange(50), np.full(50, 3.0))
    assert survey_mean(design, values).standard_error == pytest.approx(stats.sem(values))


def test_row_order_and_weight_unit_do_not_matter(sample):
    design, x, y, domain = sample
    order = np.random.default_rng(0).permutation(y.size)
    other = SurveyDesign(design.strata[order], design.psu[order], 1e4 * design.weights[order])
    ours, theirs = survey_regression(design, x, y, domain), survey_regression(other, x[order], y[order], domain[order])
    assert np.allclose(ours.coefficients, theirs.coefficients, rtol=1e-10)
    assert np.allclose(ours.covariance, theirs.covariance, rtol=1e-9)


def test_a_person_entered_twice_with_half_the_weight_changes_nothing(sample):
    design, x, y, domain = sample
    twice = np.repeat(np.arange(y.size), 2)
    doubled = SurveyDesign(design.strata[twice], design.psu[twice], design.weights[twice] / 2)
    ours, theirs = (
        survey_regression(design, x, y, domain),
        survey_regression(doubled, x[twice], y[twice], domain[twice]),
    )
    assert np.allclose(ours.covariance, theirs.covariance, rtol=1e-9)


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_rows_without_weight_add_nothing_but_their_psu_stays(sample, nothing):
    design, x, y, domain = sample
    strata, psu = np.append(design.strata, [0, 0]), np.append(design.psu, [1, 2])
    extended = SurveyDesign(strata, psu, np.append(design.weights, [nothing, nothing]))
    rows, values = np.vstack([x, np.full((2, 3), np.nan)]), np.append(y, [np.nan, np.nan])
    ours, theirs = (
        survey_regression(design, x, y, domain),
        survey_regression(extended, rows, values, np.append(domain, [True, True])),
    )
    assert (ours.n, ours.df, ours.n_effective_kish) == (theirs.n, theirs.df, theirs.n_effective_kish)
    assert np.allclose(ours.covariance, theirs.covariance)


def test_an_empty_psu_counts_as_zero_total_and_leaves_the_df_of_the_domain():
    """Domain in PSU 1 of stratum 1 and both of stratum 2: strata of 2 PSUs each, df 3 - 2 = 1."""
    design = SurveyDesign(STRATA, PSU, np.ones(8))
    domain = np.array([True, True, False, False, True, True, True, True])
    total = survey_total(design, np.ones(8), domain)
    assert total.standard_error**2 == pytest.approx(2 * (1 + 1))
    assert total.df == 1


def test_a_single_psu_stratum_is_an_error_that_names_it():
    with pytest.raises(BadInput, match=r"stratum 7, 9 has a single PSU.*merge"):
        SurveyDesign(np.array([1, 1, 7, 7, 9]), np.array([1, 2, 1, 1, 1]), np.ones(5))


@pytest.mark.parametrize(
    ("strata", "psu", "weights", "message"),
    [
        ([1, 1], [1, 2], [1.0, -1.0], "negative"),
        ([1, 1], [1, 2], [1.0, np.inf], "infinite"),
        ([1.0, np.nan], [1, 2], [1.0, 1.0], "integers"),
        ([1, 1], [1, 2], [1.0], "one length"),
        ([], [], [], "non-empty"),
    ],
)
def test_refuses_a_malformed_design(strata, psu, weights, message):
    with pytest.raises(BadInput, match=message):
        SurveyDesign(np.array(strata), np.array(psu), np.array(weights))


def test_missing_values_inside_the_domain_are_refused_and_outside_ignored(sample):
    design, x, y, domain = sample
    outside = np.where(domain, y, np.nan)
    assert np.isfinite(survey_mean(design, outside, domain).estimate)
    holed = x.copy()
    holed[np.flatnonzero(domain)[:3], 2] = np.nan
    with pytest.raises(BadInput, match="3 domain rows have no value in design-matrix column 2"):
        survey_regression(design, holed, y, domain)
    with pytest.raises(BadInput, match="the outcome"):
        survey_mean(design, outside)
    with pytest.raises(BadInput, match="true or false"):
        survey_mean(design, y, domain.astype(int))
    with pytest.raises(BadInput, match="one value per row"):
        survey_mean(design, y[:-1])


def test_refuses_an_empty_domain_dependent_columns_and_a_domain_without_df(sample):
    design, x, y, _ = sample
    with pytest.raises(NotEstimable, match="positive weight"):
        survey_mean(design, y, np.zeros(y.size, dtype=bool))
    with pytest.raises(NotEstimable, match="depend") as error:
        survey_regression(design, np.column_stack([x, x[:, 1] - 2 * x[:, 2]]), y)
    assert set(error.value.columns) <= {1, 2, 3}
    with pytest.raises(NotEstimable, match="degree of freedom"):
        survey_mean(design, y, (design.strata == 1) & (design.psu == 1))
    few = np.zeros(y.size, dtype=bool)
    few[[0, 30]] = True
    with pytest.raises(NotEstimable, match="depend"):
        survey_regression(design, x, y, few)


def test_quantiles_are_values_of_the_sample_and_respect_weights():
    design = SurveyDesign(np.zeros(4, dtype=int), np.arange(4), np.array([1.0, 1.0, 1.0, 7.0]))
    values = np.array([4.0, 2.0, 1.0, 3.0])
    assert survey_quantile(design, values, [0.1, 0.2, 0.21, 0.9, 0.91, 1.0]).tolist() == [1, 2, 3, 3, 4, 4]
    equal = SurveyDesign(np.zeros(10, dtype=int), np.arange(10), np.full(10, 0.1))
    assert survey_quantile(equal, np.arange(10.0), [0.3, 0.7]).tolist() == [2, 6]


def test_kish_effective_n():
    assert kish_effective_n(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
    assert kish_effective_n(np.zeros(3)) == 0


def test_interval_uses_the_t_of_the_design(sample):
    design, x, y, _ = sample
    fit = survey_regression(design, x, y)
    width = np.diff(fit.confidence_interval(), axis=1).ravel() / (2 * fit.standard_errors)
    assert np.allclose(width, stats.t.ppf(0.975, 6))
