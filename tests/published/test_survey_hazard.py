"""Cox's regression under a survey's weights against svycoxph of R survey: survey_hazard.R and .json in oracles."""

import json
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.survey import SurveyDesign
from pipelines.models.survey_hazard import fit_survey_hazard, standardised_survey_risks
from pipelines.models.survival_curve import follow_up

ORACLES = Path(__file__).with_name("oracles")
EXPECTED = json.loads((ORACLES / "survey_hazard.json").read_text())
COVARIATES = ("log_bili", "age", "protime")


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return pl.read_csv(ORACLES / "survey_hazard_input.csv", infer_schema_length=None)


@pytest.fixture(scope="module")
def design(people) -> SurveyDesign:
    return SurveyDesign(*(people[name].to_numpy() for name in ("stratum_code", "psu_code", "weight")))


def domain_of(people: pl.DataFrame, name: str) -> np.ndarray:
    chosen = {
        "all": pl.lit(value=True),
        "women": pl.col("is_female") == 1,
        "old": pl.col("age") > 62,
        "late": pl.col("months") > 24,
    }
    return people.select(inside=chosen[name] & pl.col("weight").is_not_null())["inside"].to_numpy()


def rows_of(people: pl.DataFrame, domain: np.ndarray, time: str = "months", entry: float | None = None):
    own = people.filter(pl.Series(domain))
    late = None if entry is None else np.full(own.height, entry)
    return follow_up(own[time].to_numpy(), own["died"].to_numpy(), late), own.select(COVARIATES).to_numpy()


@pytest.mark.parametrize("name", ["all", "women", "old", "late"])
def test_ratios_and_errors_equal_svycoxph(people, design, name):
    expected = EXPECTED["fits"][name]
    domain = domain_of(people, name)
    rows, matrix = rows_of(people, domain, entry=24.0 if name == "late" else None)
    fit = fit_survey_hazard(design, rows, matrix, domain)
    assert (fit.n, fit.n_events, fit.df) == (expected["n"], expected["events"], expected["df"])
    assert fit.coefficients == pytest.approx(expected["coefficients"], rel=1e-7)
    scale = np.sqrt(np.diag(expected["covariance"]))
    assert fit.covariance / np.outer(scale, scale) == pytest.approx(
        np.array(expected["covariance"]) / np.outer(scale, scale), abs=1e-7
    )


def test_a_domain_that_empties_clusters_is_among_those_met(people, design):
    old = domain_of(people, "old")
    assert np.unique(design.psu_of_row[old]).size < np.unique(design.psu_of_row).size


def test_breslow_ties(people, design):
    domain = domain_of(people, "all")
    fit = fit_survey_hazard(design, *rows_of(people, domain), domain, ties="breslow")
    assert fit.coefficients == pytest.approx(EXPECTED["breslow"]["coefficients"], rel=1e-7)
    assert fit.covariance == pytest.approx(np.array(EXPECTED["breslow"]["covariance"]), rel=1e-6)
    efron = fit_survey_hazard(design, *rows_of(people, domain), domain)
    assert abs(efron.coefficients[0] / fit.coefficients[0] - 1) > 1e-3


def test_risk_at_one_covariate_is_that_of_the_curve_of_svycoxph(people, design):
    """Averaging over people changes nothing where the one covariate is set."""
    domain = domain_of(people, "all")
    rows, matrix = rows_of(people, domain, "days")
    fit = fit_survey_hazard(design, rows, matrix[:, :1], domain)
    for place, at in enumerate(EXPECTED["at"]):
        found = standardised_survey_risks(design, fit, 0, np.array(EXPECTED["log_bili"], dtype=float), at)
        assert 1 - found.risks == pytest.approx([curve[place] for curve in EXPECTED["alone"]], rel=1e-6)


def test_standardised_risks_equal_r_and_their_errors_its_jackknife(people, design):
    """The jackknife over clusters and the linearised error differ by terms of the order of one over the clusters."""
    domain = domain_of(people, "all")
    fit = fit_survey_hazard(design, *rows_of(people, domain, "days"), domain, ties="breslow")
    values = np.array(EXPECTED["log_bili"], dtype=float)
    n_at = len(EXPECTED["at"])
    jackknife = np.array(EXPECTED["risk_covariance"])
    for place, at in enumerate(EXPECTED["at"]):
        found = standardised_survey_risks(design, fit, 0, values, at)
        own = [place, n_at + place]
        assert found.risks == pytest.approx([EXPECTED["risks"][each] for each in own], rel=1e-7)
        contrast = np.array([-1.0, 1.0])
        errors = [np.sqrt(c @ found.covariance @ c) for c in (*np.eye(2), contrast)]
        theirs = [np.sqrt(c @ jackknife[np.ix_(own, own)] @ c) for c in (*np.eye(2), contrast)]
        assert errors == pytest.approx(theirs, rel=0.06), at


@pytest.mark.parametrize("exposure", ["estradiol", "femoral_neck"])
def test_real_nhanes_equals_svycoxph(nhanes, exposure):
    """Men of 40 and over with linked deaths, a domain of the whole examined sample; nhanes_mortality.R."""
    expected = json.loads((ORACLES / "nhanes_mortality.json").read_text())[exposure]
    people = runpy.run_path(str(ORACLES / "nhanes_followed.py"))["followed"](nhanes, exposure)
    design = SurveyDesign(*(people[name].to_numpy() for name in ("stratum_code", "psu_code", "weight")))
    inside = people["inside"].to_numpy()
    men = people.filter("inside")
    rows = follow_up(men["months"].to_numpy(), men["died"].to_numpy())
    fit = fit_survey_hazard(design, rows, men.select("exposure", "age", "bmi").to_numpy(), inside)
    assert (fit.n, fit.n_events, fit.df) == (expected["n"], expected["events"], expected["df"])
    assert fit.coefficients == pytest.approx(expected["coefficients"], rel=1e-7)
    assert fit.standard_errors == pytest.approx(expected["se"], rel=1e-7)
    # More bone and more estradiol go with fewer deaths, as published for bone.
    assert fit.coefficients[0] < 0
