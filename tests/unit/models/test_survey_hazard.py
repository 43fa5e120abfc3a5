"""Hazards in a survey: influences are derivatives by the weights, domains keep the design, refusals."""

import numpy as np
import pytest

from pipelines.errors import BadInput
from pipelines.models.errors import NotEstimable
from pipelines.models.survey import SurveyDesign, survey_mean
from pipelines.models.survey_hazard import domain_risk, fit_survey_hazard, standardised_survey_risks
from pipelines.models.survival_curve import follow_up

N, VALUES = 120, np.array([-1.0, 1.0])


@pytest.fixture(scope="module")
def world():
    """Tied times, unequal weights, six strata of two clusters."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(N, 2))
    time = np.ceil(rng.exponential(np.exp(-0.5 * x[:, 0])) * 6)
    event = (rng.random(N) < 0.6).astype(int)
    weight = rng.uniform(0.5, 3, N)
    return x, time, event, weight, np.repeat(np.arange(6), 20), np.tile(np.repeat([1, 2], 10), 6)


def fitted(world, weight=None, ties="efron", domain=None):
    x, time, event, own, strata, psu = world
    design = SurveyDesign(strata, psu, own if weight is None else weight)
    inside = np.ones(N, dtype=bool) if domain is None else domain
    return design, fit_survey_hazard(design, follow_up(time[inside], event[inside]), x[inside], inside, ties)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_influence_is_the_derivative_by_the_weight(world, ties):
    """Each weight moved by a hair: coefficients and standardised risks move as their influences and covariance say."""
    weight, hair = world[3], 1e-4
    by_ratio, by_risk = [], []
    for person in range(N):
        moved = []
        for sign in (1, -1):
            own = weight.copy()
            own[person] *= 1 + sign * hair
            design, fit = fitted(world, own, ties)
            moved.append((fit.coefficients, standardised_survey_risks(design, fit, 0, VALUES, 5.0).risks))
        by_ratio.append((moved[0][0] - moved[1][0]) / (2 * hair))
        by_risk.append((moved[0][1] - moved[1][1]) / (2 * hair))
    design, fit = fitted(world, ties=ties)
    assert fit.cox.influence == pytest.approx(np.array(by_ratio), abs=1e-7)
    everybody = np.arange(N)
    found = standardised_survey_risks(design, fit, 0, VALUES, 5.0)
    assert found.covariance == pytest.approx(design.total_covariance(np.array(by_risk), everybody), rel=1e-5)
    assert fit.covariance == pytest.approx(design.total_covariance(np.array(by_ratio), everybody), rel=1e-5)


def test_the_scale_of_the_weights_changes_nothing(world):
    _, one = fitted(world)
    design, thousandfold = fitted(world, world[3] * 30_000)
    assert thousandfold.coefficients == pytest.approx(one.coefficients, rel=1e-10)
    assert thousandfold.covariance == pytest.approx(one.covariance, rel=1e-9)
    assert standardised_survey_risks(design, thousandfold, 0, VALUES, 5.0).risks[1] > 0


def test_people_without_weight_count_for_nothing_but_their_clusters_do(world):
    weight = world[3].copy()
    weight[:10] = 0.0
    _, kept = fitted(world, weight)
    _, dropped = fitted(world, weight, domain=np.arange(N) >= 10)
    assert kept.n == dropped.n == N - 10
    assert np.array_equal(kept.coefficients, dropped.coefficients)
    assert np.array_equal(kept.covariance, dropped.covariance)
    # A cluster without anybody is information: as if it were no cluster, the stratum would have one.
    assert kept.df == 11 - 6


def test_a_stratum_of_one_cluster_is_refused(world):
    x, time, event, weight, strata, psu = world
    with pytest.raises(BadInput, match="stratum 0 has a single PSU"):
        SurveyDesign(strata, np.where(strata == 0, 1, psu), weight)
    lonely = (strata == 0) & (psu == 1)
    design = SurveyDesign(strata, psu, weight)
    with pytest.raises(NotEstimable, match="no design degree of freedom"):
        fit_survey_hazard(design, follow_up(time[lonely], event[lonely]), x[lonely], lonely)


def test_no_death_and_a_group_without_death_are_refused(world):
    x, time, event, weight, strata, psu = world
    design, everybody = SurveyDesign(strata, psu, weight), np.ones(N, dtype=bool)
    with pytest.raises(NotEstimable, match="nobody has the event"):
        fit_survey_hazard(design, follow_up(time, np.zeros(N)), x, everybody)
    group = (x[:, 0] > 0) * 1.0
    spared = np.where(group == 1, 0, event)
    with pytest.raises(NotEstimable, match="runs off"):
        fit_survey_hazard(design, follow_up(time, spared), group[:, None], everybody)


def test_no_risk_beyond_what_was_seen(world):
    design, fit = fitted(world)
    with pytest.raises(NotEstimable, match="nobody is at risk at 1000"):
        standardised_survey_risks(design, fit, 0, VALUES, 1000.0)


def test_lengths_must_agree(world):
    x, time, event, weight, strata, psu = world
    with pytest.raises(ValueError, match="one row of follow-up"):
        fit_survey_hazard(SurveyDesign(strata, psu, weight), follow_up(time, event), x, np.arange(N) > 0)


def test_risk_of_a_domain_without_censoring_is_its_weighted_share(world):
    _, time, _, weight, strata, psu = world
    design = SurveyDesign(strata, psu, weight)
    domain = np.arange(N) % 3 > 0
    found = domain_risk(design, follow_up(time[domain], np.ones(domain.sum())), domain, 4.0)
    assert found.risk == pytest.approx(np.average(time[domain] <= 4, weights=weight[domain]))
    mean = survey_mean(design, (time <= 4) * 1.0, domain)
    assert found.standard_error == pytest.approx(mean.standard_error)
