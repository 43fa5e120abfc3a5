"""Contracts of `features`: what is derived per person, as of its own window, before any study looks at an outcome."""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table("features.hormone_use", grain="one row per person")
class HormoneUse(dy.Schema):
    """Current sex hormones and drugs that act on the estrogen axis, at entry. NULL where the source does not tell."""

    person_id = person_id()
    is_current_sex_hormone = flag("Takes an estrogen, progestin or androgen now", optional=True)
    is_current_estrogen_axis_drug = flag(
        "Takes an aromatase inhibitor, SERM, SERD, GnRH analogue, antiandrogen or ovulation inducer now", optional=True
    )
    is_ever_female_hormone = flag("Ever used female hormones, as told", optional=True)
    is_pregnant = flag("Pregnant at the examination, by test or as told", optional=True)


@table("features.bone_norm", grain="one row per sex, age band, site and manufacturer", unit="population")
class BoneNorm(dy.Schema):
    """Weighted mean and SD of BMD by sex and ten-year age band within the surveys at hand: the Z-score's reference."""

    sex_code = text("Sex", key=True)
    age_band = whole("Lower end of the ten-year age band", "a", key=True, minimum=0)
    site_code = text("Skeletal site", key=True)
    manufacturer = text("Maker of the densitometer", key=True)
    n = whole("People", "{persons}", minimum=0)
    mean_g_cm2 = number("Weighted mean", "g/cm2", minimum=0)
    sd_g_cm2 = number("Weighted standard deviation", "g/cm2", minimum=0)


@table("features.bmd_change", grain="one row per person, site, side, device and scan, with the scan that follows it")
class BmdChange(dy.Schema):
    """Each valid measured scan with the next one of the same site, side and device; scores from one declared reference."""

    person_id = person_id()
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True)
    device_id = text("Device, or not_released", key=True)
    scan_id = text("The earlier scan", key=True)
    first_scanned_on = day("Day of the earlier scan", optional=True)
    second_scanned_on = day("Day of the later scan; NULL where there is none", optional=True)
    first_bmd_g_cm2 = number("BMD of the earlier scan", "g/cm2", minimum=0)
    second_bmd_g_cm2 = number("BMD of the later scan", "g/cm2", optional=True, minimum=0)
    interval_days = whole("Days between the two", "d", optional=True, minimum=0)
    change_g_cm2 = number("Later minus earlier", "g/cm2", optional=True)
    change_pct = number("100 times the log ratio of later to earlier", "%", optional=True)
    annualised_pct = number("change_pct per 365.25 days; NULL under 180 days", "%/a", optional=True)
    lsc_g_cm2 = number(
        "Least significant change of the device; NULL where none is known", "g/cm2", optional=True, minimum=0
    )
    lsc_basis_code = text(
        "Its basis: the device's own repeats, or the limit of ISCD", optional=True, allowed=("device", "iscd")
    )
    is_loss_beyond_lsc = flag("A loss of at least the least significant change", optional=True)
    is_gain_beyond_lsc = flag("A gain of at least the least significant change", optional=True)
    is_artefact_suspect = flag(
        "Either scan is of a spine that rose while the hip fell; then neither loss nor gain is told", optional=True
    )
    first_score_kind = text(
        "T for postmenopausal women and men of 50 and over, Z for the rest, none where neither can be told",
        allowed=("T", "Z", "none"),
    )
    first_t_score = number("T-score of the earlier scan, declared reference", "1", optional=True)
    first_t_score_own_sex = number("T-score of the earlier scan, young adults of the same sex", "1", optional=True)
    first_z_score = number("Z-score of the earlier scan, same sex and age band", "1", optional=True)
    reference_code = text("Reference population of first_t_score", optional=True)
    first_band = text(
        "WHO band of a T-score (<= -2.5 is osteoporosis), or ISCD range of a Z-score (<= -2.0 is below)",
        optional=True,
        allowed=("normal", "osteopenia", "osteoporosis", "within_expected_range", "below_expected_range"),
    )
    second_t_score = number("T-score of the later scan, declared reference", "1", optional=True)
    second_band = text(
        "Band of the later scan",
        optional=True,
        allowed=("normal", "osteopenia", "osteoporosis", "within_expected_range", "below_expected_range"),
    )
    band_shift = text("Whether the T-score changed its band", optional=True, allowed=("same", "better", "worse"))
    inhibitor_days = whole("Days of aromatase inhibitor between the two", "d", optional=True, minimum=0)
    days_since_inhibitor = whole(
        "Days without inhibitor before the earlier scan; 0 on it; NULL if never before", "d", optional=True, minimum=0
    )
    inhibitor_code = text(
        "Use between the two: on (at least 80 % of days), partly, after (none then, but before), never",
        optional=True,
        allowed=("never", "on", "partly", "after"),
    )
