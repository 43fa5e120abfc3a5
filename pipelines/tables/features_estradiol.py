"""Contracts of `features` about estradiol: exposure by window as bounds, and the bands it is told in.

Not here: drug taking (`features_dosing`), bone and covariates (`features`), results as they came (`staging`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

WINDOWS = ("single_draw", "undated", "days_90", "days_180", "days_365", "series", "episode")


def _share(meaning: str) -> dy.Float64:
    return number(f"Share of the covered time {meaning}", "%", optional=True, minimum=0, maximum=100)


@table("features.e2_exposure", grain="one row per person, window and assay class")
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
    n_draws = whole("Draws in the window; 0 where it lies between two draws", minimum=0)
    n_uncensored = whole("Draws at or above their limit", minimum=0)
    censored_share = number(
        "Share of draws beyond their limit; NULL without draws", "1", optional=True, minimum=0, maximum=1
    )
    covered_pct = number(
        "Share of the window within 180 days between draws or 90 days after one",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
    )
    e2_lo_pg_ml = number(
        "Lower bound of the time-weighted mean; NULL if less than half is covered", "pg/mL", optional=True, minimum=0
    )
    e2_hi_pg_ml = number("Upper bound of it; NULL also if unbounded", "pg/mL", optional=True, minimum=0)
    e2_fill_pg_ml = number(
        "The same with the naive fill limit/sqrt(2); for comparison only", "pg/mL", optional=True, minimum=0
    )
    auc_lo_pg_d_ml = number(
        "Lower bound of the area under the curve over covered days", "pg.d/mL", optional=True, minimum=0
    )
    auc_hi_pg_d_ml = number("Upper bound of it", "pg.d/mL", optional=True, minimum=0)
    nadir_lo_pg_ml = number("Lower bound of the lowest draw", "pg/mL", optional=True, minimum=0)
    nadir_hi_pg_ml = number("Upper bound of the lowest draw", "pg/mL", optional=True, minimum=0)
    log_sd = number("Standard deviation of ln estradiol; needs 3 draws, all uncensored", "1", optional=True, minimum=0)
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
        "Months surely in the band `severe` of ref.e2_band; NULL where it names none", "mo", optional=True, minimum=0
    )
    severe_months_most = number("Months possibly in it", "mo", optional=True, minimum=0)
    lloq_pg_ml = number("Highest limit among the draws", "pg/mL", optional=True, minimum=0)
    testosterone_ng_dl = number("Mean testosterone of the same specimens, uncensored ones", "ng/dL", optional=True)
    shbg_nmol_l = number("Mean SHBG of the same specimens, uncensored ones", "nmol/L", optional=True)
    t_e2_ratio = number(
        "Testosterone (ng/dL) over estradiol (pg/mL), mean; only where all are uncensored",
        "1",
        optional=True,
        minimum=0,
    )
    free_e2_pg_ml = number("Mean free estradiol, Sodergard; uncensored specimens", "pg/mL", optional=True, minimum=0)
    bioavailable_e2_pg_ml = number("Mean bioavailable estradiol, Sodergard", "pg/mL", optional=True, minimum=0)
    free_testosterone_ng_dl = number("Mean free testosterone, Vermeulen", "ng/dL", optional=True, minimum=0)
    bioavailable_testosterone_ng_dl = number(
        "Mean bioavailable testosterone, Vermeulen", "ng/dL", optional=True, minimum=0
    )


@table("features.steroid_panel", grain="one row per person and specimen with a sex steroid")
class SteroidPanel(dy.Schema):
    """Sex steroids of one specimen side by side: ratios where both are measured, bands of estradiol, dose on the day."""

    person_id = person_id()
    specimen_id = text("Specimen", key=True)
    drawn_on = day("Day of the draw", optional=True)
    e2_assay_class = text("Assay class of estradiol, the better one of two", optional=True)
    e2_lo_pg_ml = number("Estradiol, lower bound", "pg/mL", optional=True, minimum=0)
    e2_hi_pg_ml = number("Estradiol, upper bound", "pg/mL", optional=True, minimum=0)
    estrone_pg_ml = number("Estrone, measured", "pg/mL", optional=True, minimum=0)
    estriol_ng_ml = number("Estriol, measured", "ng/mL", optional=True, minimum=0)
    testosterone_ng_dl = number("Testosterone, measured", "ng/dL", optional=True, minimum=0)
    androstenedione_ng_dl = number("Androstenedione, measured", "ng/dL", optional=True, minimum=0)
    progesterone_ng_ml = number("Progesterone, measured", "ng/mL", optional=True, minimum=0)
    t_e2_ratio = number("Testosterone (ng/dL) over estradiol (pg/mL), both measured", "1", optional=True, minimum=0)
    log_t_e2_ratio = number("ln of it", "1", optional=True)
    aromatisation_index = number(
        "Estradiol (pmol/L) over testosterone (nmol/L), both measured", "pmol/nmol", optional=True, minimum=0
    )
    e1_e2_ratio = number("Estrone over estradiol, both measured", "1", optional=True, minimum=0)
    e1_a4_ratio = number(
        "Estrone (pmol/L) over androstenedione (nmol/L), both measured", "pmol/nmol", optional=True, minimum=0
    )
    estrogen_sum_pg_ml = number("Estrone plus estradiol, both measured", "pg/mL", optional=True, minimum=0)
    e2_p4_ratio = number("Estradiol (pg/mL) over progesterone (ng/mL), both measured", "1", optional=True, minimum=0)
    status_code = text("Menopausal status of women as known on the day", optional=True)
    e2_band_code = text(
        "Band of ref.e2_band that both bounds lie in; NULL where there is none for the person",
        optional=True,
        allowed=("severe", "low", "target", "raised", "high"),
    )
    is_estrogen_high = flag(
        "Women: surely above 100 pg/mL before menopause or 21 after; false if surely not; NULL else", optional=True
    )
    is_on_progestin = flag("Progestin at hand on the day; NULL without one", optional=True)
    is_on_inhibitor = flag("Aromatase inhibitor at hand on the day; NULL without one", optional=True)
    is_on_testosterone = flag("Testosterone at hand on the day; NULL without one", optional=True)
    label_dose_pct = number("Dose of the inhibitor on the day as a share of the label", "%", optional=True, minimum=0)
    dosing_state_code = text(
        "Men on an inhibitor, by estradiol alone: below the band `target` over, in it correct, above it under",
        optional=True,
        allowed=("over", "correct", "under"),
    )
    cycle_day = whole("Day of the cycle told for the day", "d", optional=True, minimum=1)


@table("ref.e2_band", grain="one row per sex, menopausal status and band", unit="population")
class E2Band(dy.Schema):
    """Bands of estradiol by sex and menopause: the words in which levels are told. Not what is right for a person."""

    sex_code = text("Sex", key=True, allowed=("female", "male"))
    status_code = text("Menopausal status; any in men", key=True, allowed=("any", "postmenopausal"))
    band_code = text("Band", key=True, allowed=("severe", "low", "target", "raised", "high"))
    from_pg_ml = number("From, included", "pg/mL", minimum=0)
    below_pg_ml = number("Below; NULL: no end", "pg/mL", optional=True, minimum=0)
    source = text("Publication, or whose practice it is")
