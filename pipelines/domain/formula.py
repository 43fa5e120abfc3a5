"""Clinical formulas on whole columns: kidney function, calculated LDL cholesterol, insulin resistance.

Each takes numpy arrays (or anything that becomes one) and returns float64 of the broadcast shape. Outside the domain a
formula was derived on, and where an input is NaN, the result is NaN: never a number that looks like one. Sex-hormone binding
stands in `free_hormone`, bone density across makers in `standardised_bmd`, units in `ucum`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

SAMPSON_TRIGLYCERIDES_MAX = 800.0  # mg/dL, Sampson 2020
FRIEDEWALD_TRIGLYCERIDES_MAX = 400.0  # mg/dL, Friedewald 1972
EGFR_AGE_MIN = 18.0  # years; CKD-EPI was derived in adults


def egfr_ckd_epi_2021(creatinine_mg_dl: ArrayLike, age_years: ArrayLike, is_female: ArrayLike) -> Values:
    """Estimated glomerular filtration rate without race, mL/min/1.73 m2.

    Args:
        creatinine_mg_dl: serum creatinine, IDMS-traceable, above 0.
        age_years: at the draw; below 18 gives NaN.
        is_female: True for women.

    Source: Inker 2021, N Engl J Med 385:1737.
    """
    creatinine, age = _column(creatinine_mg_dl), _column(age_years)
    female = np.asarray(is_female, dtype=bool)
    kappa = np.where(female, 0.7, 0.9)
    alpha = np.where(female, -0.241, -0.302)
    creatinine = _within(creatinine, creatinine > 0)
    ratio = creatinine / kappa
    estimate = 142 * np.minimum(ratio, 1) ** alpha * np.maximum(ratio, 1) ** -1.200 * 0.9938**age
    return _within(estimate * np.where(female, 1.012, 1.0), age >= EGFR_AGE_MIN)


def ldl_sampson(total_mg_dl: ArrayLike, hdl_mg_dl: ArrayLike, triglycerides_mg_dl: ArrayLike) -> Values:
    """LDL cholesterol by the NIH equation, mg/dL; NaN where triglycerides exceed 800 mg/dL or the result is negative.

    Source: Sampson 2020, JAMA Cardiol 5:540 (equation 2).
    """
    total, hdl, triglycerides = _lipids(total_mg_dl, hdl_mg_dl, triglycerides_mg_dl)
    remnant = triglycerides / 8.56 + triglycerides * (total - hdl) / 2140 - triglycerides**2 / 16100
    ldl = total / 0.948 - hdl / 0.971 - remnant - 9.44
    return _within(ldl, (triglycerides <= SAMPSON_TRIGLYCERIDES_MAX) & (ldl >= 0))


def ldl_friedewald(total_mg_dl: ArrayLike, hdl_mg_dl: ArrayLike, triglycerides_mg_dl: ArrayLike) -> Values:
    """LDL cholesterol by Friedewald, mg/dL; NaN where triglycerides exceed 400 mg/dL or the result is negative.

    Source: Friedewald 1972, Clin Chem 18:499.
    """
    total, hdl, triglycerides = _lipids(total_mg_dl, hdl_mg_dl, triglycerides_mg_dl)
    ldl = total - hdl - triglycerides / 5
    return _within(ldl, (triglycerides <= FRIEDEWALD_TRIGLYCERIDES_MAX) & (ldl >= 0))


def homa_ir(glucose_mg_dl: ArrayLike, insulin_uiu_ml: ArrayLike) -> Values:
    """Homeostasis model assessment of insulin resistance, dimensionless; both of one fasting draw and above 0.

    Source: Matthews 1985, Diabetologia 28:412 (glucose in mmol/L over 22.5; in mg/dL over 405).
    """
    glucose, insulin = _column(glucose_mg_dl), _column(insulin_uiu_ml)
    return _within(glucose * insulin / 405, (glucose > 0) & (insulin > 0))


def triglyceride_glucose_index(triglycerides_mg_dl: ArrayLike, glucose_mg_dl: ArrayLike) -> Values:
    """TyG index, dimensionless: ln(triglycerides * glucose / 2); both of one fasting draw and above 0.

    Source: Simental-Mendia 2008, Metab Syndr Relat Disord 6:299; written with the halving inside the logarithm.
    """
    triglycerides, glucose = _column(triglycerides_mg_dl), _column(glucose_mg_dl)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _within(np.log(triglycerides * glucose / 2.0), (triglycerides > 0) & (glucose > 0))


def _lipids(total: ArrayLike, hdl: ArrayLike, triglycerides: ArrayLike) -> tuple[Values, Values, Values]:
    """The three lipids, NaN together where one is not above 0 or HDL is not below the total it is part of."""
    columns = np.broadcast_arrays(_column(total), _column(hdl), _column(triglycerides))
    usable = (columns[0] > columns[1]) & (columns[1] > 0) & (columns[2] > 0)
    return _within(columns[0], usable), _within(columns[1], usable), _within(columns[2], usable)


def _column(values: ArrayLike) -> Values:
    """Float64 with None as NaN, infinite as NaN."""
    column = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _within(values: Values, condition: ArrayLike) -> Values:
    return np.where(condition, values, np.nan)
