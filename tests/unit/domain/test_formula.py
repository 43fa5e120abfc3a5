"""Golden values of the clinical formulas, and NaN wherever a formula was not meant to be used."""

import math

import numpy as np
import pytest

from pipelines.domain.formula import egfr_ckd_epi_2021, homa_ir, ldl_friedewald, ldl_sampson, triglyceride_glucose_index


@pytest.mark.parametrize(
    ("creatinine", "age", "is_female", "expected"),
    [
        # Worked from the equation of Inker 2021, N Engl J Med 385:1737: 142 min(Scr/k,1)^a max(Scr/k,1)^-1.2 0.9938^age.
        (1.0, 50, True, 142 * (1 / 0.7) ** -1.2 * 0.9938**50 * 1.012),
        (1.0, 50, False, 142 * (1 / 0.9) ** -1.2 * 0.9938**50),
        (0.6, 30, True, 142 * (0.6 / 0.7) ** -0.241 * 0.9938**30 * 1.012),
        (0.8, 30, False, 142 * (0.8 / 0.9) ** -0.302 * 0.9938**30),
    ],
)
def test_egfr_follows_its_equation(creatinine, age, is_female, expected):
    assert egfr_ckd_epi_2021(creatinine, age, is_female) == pytest.approx(expected, rel=1e-12)


def test_egfr_as_the_calculator_of_the_national_kidney_foundation_rounds_it():
    found = egfr_ckd_epi_2021([1.0, 1.0, 2.5], [50, 50, 70], [True, False, False])
    assert np.round(found).tolist() == [69, 92, 27]


@pytest.mark.parametrize(
    ("creatinine", "age"), [(0, 50), (-1, 50), (math.nan, 50), (math.inf, 50), (1, 17), (1, math.nan)]
)
def test_egfr_outside_its_domain_is_missing(creatinine, age):
    assert math.isnan(egfr_ckd_epi_2021(creatinine, age, False))


def test_egfr_has_no_jump_at_the_knot():
    below, above = egfr_ckd_epi_2021([0.7 - 1e-9, 0.7 + 1e-9], 40, True)
    assert below == pytest.approx(above, rel=1e-7)


def test_ldl_by_hand():
    # Sampson 2020, JAMA Cardiol 5:540, equation 2, for TC 200, HDL 50, TG 150 mg/dL.
    remnant = 150 / 8.56 + 150 * 150 / 2140 - 150**2 / 16100
    assert ldl_sampson(200, 50, 150) == pytest.approx(200 / 0.948 - 50 / 0.971 - remnant - 9.44, rel=1e-12)
    assert round(float(ldl_sampson(200, 50, 150)), 1) == 123.4
    assert ldl_friedewald(200, 50, 150) == 120


def test_ldl_is_missing_beyond_the_triglycerides_a_formula_was_made_for():
    assert np.isnan(ldl_sampson(250, 40, [800, 800.1])).tolist() == [False, True]
    assert np.isnan(ldl_friedewald(250, 40, [400, 400.1])).tolist() == [False, True]


@pytest.mark.parametrize(
    ("total", "hdl", "triglycerides"), [(50, 60, 100), (200, 0, 100), (200, 50, -1), (60, 50, 300), (None, 50, 90)]
)
def test_ldl_of_impossible_lipids_is_missing(total, hdl, triglycerides):
    assert math.isnan(ldl_sampson(total, hdl, triglycerides))
    assert math.isnan(ldl_friedewald(total, hdl, triglycerides))


def test_homa_ir_in_both_units_of_glucose():
    # Matthews 1985: glucose 5 mmol/L and insulin 9 uIU/mL give 2; 5 mmol/L are 90.08 mg/dL.
    assert homa_ir(90.08, 9) == pytest.approx(5 * 9 / 22.5, rel=2e-3)
    assert np.isnan(homa_ir([0, 90, math.nan], [9, 0, 9])).all()


def test_triglyceride_glucose_index():
    """150 mg/dL and 100 mg/dL: ln(7500) = 8.923; nothing where one is missing or not above 0."""
    assert triglyceride_glucose_index(150, 100) == pytest.approx(8.9227, abs=5e-5)
    assert np.isnan(triglyceride_glucose_index([0, np.nan, 150], [100, 100, -1])).all()
