"""Contracts of `features` about estradiol: exposure by window as bounds, and the bands it is told in.

Not here: other steroids of a specimen (`features_steroid`), drug taking (`features_dosing`), results as they came (`staging`).
"""

import dataframely as dy

from pipelines.tables.columns import day, number, person_id, text, whole
from pipelines.tables.contract import table

WINDOWS = ("single_draw", "undated", "days_90", "days_180", "days_365", "series", "episode")


def _share(meaning: str) -> dy.Float64:
    return number(
        f"Share of the covered time {meaning}",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula=f"100 days of the covered {meaning} / covered days; surely: by both curves, possibly: by either",
        null="less than half covered, or undated",
    )


@table(
    "features.e2_exposure",
    grain="one row per person, window and assay class",
    window="the window named by window_code",
    source="House rules for censored estradiol (ref.clinical_limit); docs/methods/exposure.md",
)
class E2Exposure(dy.Schema):
    """Estradiol in a window as bounds, not guesses: a censored draw lies between 0 and its limit. One assay class a window."""

    person_id = person_id()
    window_code = text(
        "Window: tiles of a series from its first draw, the whole series, an episode of an aromatase inhibitor, or draws "
        "without a date",
        key=True,
        allowed=WINDOWS,
    )
    assay_class = text("Assay class; a change of class begins a new series", key=True)
    window_number = whole("Order of the window", key=True, minimum=1)
    starts_on = day("First day of the window", optional=True)
    ends_on = day("Last day of the window", optional=True)
    n_draws = whole("Draws in the window; 0 where it lies between two draws", minimum=0, formula="draws in the window")
    n_uncensored = whole(
        "Draws at or above their limit", minimum=0, formula="draws in the window at or above their limit"
    )
    censored_share = number(
        "Share of draws beyond their limit; NULL without draws",
        "1",
        optional=True,
        minimum=0,
        maximum=1,
        formula="(n_draws - n_uncensored) / n_draws",
        null="no draw in the window",
    )
    covered_pct = number(
        "Share of the window within 180 days between draws or 90 days after one",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 days within 180 days between draws or 90 after one / days of the window",
        null="undated",
    )
    e2_lo_pg_ml = number(
        "Lower bound of the time-weighted mean; NULL if less than half is covered",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="integral of straight lines between draws, 0 below a limit, / covered days; undated: plain mean",
        null="less than half covered",
    )
    e2_hi_pg_ml = number(
        "Upper bound of it; NULL also if unbounded",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="integral of straight lines between draws, the limit below it, / covered days; undated: plain mean",
        null="less than half covered, or a draw above a limit",
    )
    e2_fill_pg_ml = number(
        "The same with the naive fill limit/sqrt(2); for comparison only",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="the same with limit / sqrt(2)",
        null="less than half covered",
        source="Hornung and Reed 1990, Appl Occup Environ Hyg 5:46",
    )
    auc_lo_pg_d_ml = number(
        "Lower bound of the area under the curve over covered days",
        "pg.d/mL",
        optional=True,
        minimum=0,
        formula="integral of the lower curve over covered days",
        null="less than half covered, or undated",
    )
    auc_hi_pg_d_ml = number(
        "Upper bound of it",
        "pg.d/mL",
        optional=True,
        minimum=0,
        formula="integral of the upper curve over covered days",
        null="less than half covered, undated, or a draw above a limit",
    )
    nadir_lo_pg_ml = number(
        "Lower bound of the lowest draw",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="least lower bound of the draws",
        null="no draw in the window",
    )
    nadir_hi_pg_ml = number(
        "Upper bound of the lowest draw",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="least upper bound of the draws",
        null="no draw in the window, or all above a limit",
    )
    log_sd = number(
        "Standard deviation of ln estradiol; needs 3 draws, all uncensored",
        "1",
        optional=True,
        minimum=0,
        formula="standard deviation of ln estradiol, n - 1",
        null="fewer than 3 draws, or one censored",
    )
    below_10_least_pct = _share("surely below 10 pg/mL")
    below_10_most_pct = _share("possibly below 10 pg/mL")
    below_16_least_pct = _share("surely below 16 pg/mL")
    below_16_most_pct = _share("possibly below 16 pg/mL")
    below_20_least_pct = _share("surely below 20 pg/mL")
    below_20_most_pct = _share("possibly below 20 pg/mL")
    within_20_30_least_pct = _share("surely from 20 to 30 pg/mL")
    within_20_30_most_pct = _share("possibly from 20 to 30 pg/mL")
    above_30_least_pct = _share("surely above 30 pg/mL")
    above_30_most_pct = _share("possibly above 30 pg/mL")
    above_40_least_pct = _share("surely above 40 pg/mL")
    above_40_most_pct = _share("possibly above 40 pg/mL")
    severe_months_least = number(
        "Months surely in the band `severe` of ref.e2_band; NULL where it names none",
        "mo",
        optional=True,
        minimum=0,
        formula="days of the upper curve below the band's end / 30.4375",
        null="no band `severe` for the person, or less than half covered",
        source="ref.e2_band",
    )
    severe_months_most = number(
        "Months possibly in it",
        "mo",
        optional=True,
        minimum=0,
        formula="days of the lower curve below the band's end / 30.4375",
        null="no band `severe` for the person, or less than half covered",
        source="ref.e2_band",
    )
    lloq_pg_ml = number(
        "Highest limit among the draws",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="highest limit among the draws",
        null="no limit recorded, or no draw",
    )
    testosterone_ng_dl = number(
        "Mean testosterone of the same specimens, uncensored ones",
        "ng/dL",
        optional=True,
        formula="mean of the specimens",
        null="none uncensored",
    )
    shbg_nmol_l = number(
        "Mean SHBG of the same specimens, uncensored ones",
        "nmol/L",
        optional=True,
        formula="mean of the specimens",
        null="none uncensored",
    )
    t_e2_ratio = number(
        "Testosterone (ng/dL) over estradiol (pg/mL), mean; only where all are uncensored",
        "1",
        optional=True,
        minimum=0,
        formula="mean of testosterone (ng/dL) / estradiol (pg/mL) by specimen",
        null="a specimen without testosterone, or one censored",
    )
    free_e2_pg_ml = number(
        "Mean free estradiol, Sodergard; uncensored specimens",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="free estradiol by mass action with SHBG, albumin and testosterone, mean of specimens",
        null="estradiol, SHBG or testosterone missing or censored",
        source="Sodergard 1982, J Steroid Biochem 16:801",
    )
    bioavailable_e2_pg_ml = number(
        "Mean bioavailable estradiol, Sodergard",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="free plus albumin-bound estradiol, mean of specimens",
        null="as free_e2_pg_ml",
        source="Sodergard 1982, J Steroid Biochem 16:801",
    )
    free_testosterone_ng_dl = number(
        "Mean free testosterone, Vermeulen",
        "ng/dL",
        optional=True,
        minimum=0,
        formula="root of the mass-action quadratic, albumin 4.3 g/dL unless measured, mean of specimens",
        null="testosterone or SHBG missing or censored",
        source="Vermeulen 1999, J Clin Endocrinol Metab 84:3666",
    )
    bioavailable_testosterone_ng_dl = number(
        "Mean bioavailable testosterone, Vermeulen",
        "ng/dL",
        optional=True,
        minimum=0,
        formula="free plus albumin-bound testosterone, mean of specimens",
        null="as free_testosterone_ng_dl",
        source="Vermeulen 1999, J Clin Endocrinol Metab 84:3666",
    )


@table("ref.e2_band", grain="one row per sex, menopausal status and band", unit="population")
class E2Band(dy.Schema):
    """Bands of estradiol by sex and menopause: the words in which levels are told. Not what is right for a person."""

    sex_code = text("Sex", key=True, allowed=("female", "male"))
    status_code = text("Menopausal status; any in men", key=True, allowed=("any", "postmenopausal"))
    band_code = text("Band", key=True, allowed=("severe", "low", "target", "raised", "high"))
    from_pg_ml = number("From, included", "pg/mL", minimum=0)
    below_pg_ml = number("Below; NULL: no end", "pg/mL", optional=True, minimum=0)
    source = text("Publication, or whose practice it is")
