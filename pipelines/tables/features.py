"""Contracts of `features`: what is derived per person, as of its own window, before any study looks at an outcome."""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table(
    "features.hormone_use",
    grain="one row per person",
    window="at the one examination; prescriptions of the past month",
    source="NHANES questionnaires RXQ, RHQ and laboratory UC; house rule",
)
class HormoneUse(dy.Schema):
    """Current sex hormones and drugs that act on the estrogen axis, at entry. NULL where the source does not tell."""

    person_id = person_id()
    is_current_sex_hormone = flag(
        "Takes an estrogen, progestin or androgen now",
        optional=True,
        formula="a prescription of the class; no where the inventory shows none, or a woman never used one",
        null="no inventory of drugs and no answer",
    )
    is_current_estrogen_axis_drug = flag(
        "Takes an aromatase inhibitor, SERM, SERD, GnRH analogue, antiandrogen or ovulation inducer now",
        optional=True,
        formula="a prescription of one of the classes; else no, where the inventory of drugs was answered",
        null="no inventory of drugs",
    )
    is_ever_female_hormone = flag(
        "Ever used female hormones, as told",
        optional=True,
        formula="answer: 1 yes, 2 no",
        null="not asked, refused, or not known",
    )
    is_pregnant = flag(
        "Pregnant at the examination, by test or as told",
        optional=True,
        formula="test or answer; men: no",
        null="neither test nor answer",
    )


@table(
    "features.bone_norm",
    grain="one row per sex, age band, site and manufacturer",
    unit="population",
    window="all scans of the surveys at hand",
    source="ISCD 2023 (Z-score: same sex and age); surveys' own weights",
)
class BoneNorm(dy.Schema):
    """Weighted mean and SD of BMD by sex and ten-year age band within the surveys at hand: the Z-score's reference."""

    sex_code = text("Sex", key=True)
    age_band = whole("Lower end of the ten-year age band", "a", key=True, minimum=0)
    site_code = text("Skeletal site", key=True)
    manufacturer = text("Maker of the densitometer", key=True)
    n = whole(
        "People",
        "{persons}",
        minimum=0,
        formula="people with a valid measured scan, by sex, ten-year age band, site and maker",
    )
    mean_g_cm2 = number("Weighted mean", "g/cm2", minimum=0, formula="sum(weight BMD) / sum(weight)")
    sd_g_cm2 = number(
        "Weighted standard deviation",
        "g/cm2",
        minimum=0,
        formula="sqrt(sum(weight (BMD - mean)^2) / sum(weight) n / (n - 1))",
    )


@table(
    "features.bmd_change",
    grain="one row per person, site, side, device and scan, with the scan that follows it",
    window="the scan and the next of its series",
    source="ISCD official positions 2023",
)
class BmdChange(dy.Schema):
    """Each valid measured scan with the next one of the same site, side and device; scores from one declared reference."""

    person_id = person_id()
    site_code = text("Skeletal site", key=True)
    side_code = text("Side", key=True)
    device_id = text("Device, or not_released", key=True)
    scan_id = text("The earlier scan", key=True)
    first_scanned_on = day("Day of the earlier scan", optional=True)
    second_scanned_on = day("Day of the later scan; NULL where there is none", optional=True)
    first_bmd_g_cm2 = number("BMD of the earlier scan", "g/cm2", minimum=0, formula="BMD of the valid measured scan")
    second_bmd_g_cm2 = number(
        "BMD of the later scan",
        "g/cm2",
        optional=True,
        minimum=0,
        formula="BMD of the next scan of the same site, side and series (device, software, vertebrae)",
        null="no later scan in the series, or no date",
    )
    interval_days = whole(
        "Days between the two",
        "d",
        optional=True,
        minimum=0,
        formula="second day - first day",
        null="no later scan in the series, or no date",
    )
    change_g_cm2 = number(
        "Later minus earlier",
        "g/cm2",
        optional=True,
        formula="second BMD - first BMD",
        null="no later scan in the series, or no date",
    )
    change_pct = number(
        "100 times the log ratio of later to earlier",
        "%",
        optional=True,
        formula="100 ln(second BMD / first BMD)",
        null="no later scan in the series, or no date",
    )
    annualised_pct = number(
        "change_pct per 365.25 days; NULL under 180 days",
        "%/a",
        optional=True,
        formula="change_pct 365.25 / interval_days",
        null="no later scan, or interval under 180 days",
    )
    lsc_g_cm2 = number(
        "Least significant change of the device; NULL where none is known",
        "g/cm2",
        optional=True,
        minimum=0,
        formula="2.77 precision error of the device (staging.dxa_precision), or its per cent of the first BMD",
        null="neither repeats of the device nor a limit of ISCD for the site",
    )
    lsc_basis_code = text(
        "Its basis: the device's own repeats, or the limit of ISCD",
        optional=True,
        allowed=("device", "iscd"),
        formula="basis of lsc_g_cm2",
        null="lsc_g_cm2 is NULL",
    )
    is_loss_beyond_lsc = flag(
        "A loss of at least the least significant change",
        optional=True,
        formula="change_g_cm2 <= -lsc_g_cm2",
        null="no later scan, no LSC, or artefact suspected",
    )
    is_gain_beyond_lsc = flag(
        "A gain of at least the least significant change",
        optional=True,
        formula="change_g_cm2 >= lsc_g_cm2",
        null="no later scan, no LSC, or artefact suspected",
    )
    is_artefact_suspect = flag(
        "Either scan is of a spine that rose while the hip fell; then neither loss nor gain is told",
        optional=True,
        formula="either scan is of a spine that rose while the hip fell (staging.dxa_scan)",
        null="no later scan in the series",
    )
    first_score_kind = text(
        "T for postmenopausal women and men of 50 and over, Z for the rest, none where neither can be told",
        allowed=("T", "Z", "none"),
        formula="T in men from 50 and after menopause as known on the day, Z else, none without a norm",
    )
    first_t_score = number(
        "T-score of the earlier scan, declared reference",
        "1",
        optional=True,
        formula="(BMD - mean) / SD of the declared reference, maker and site",
        null="under 20 years, or no reference for site and maker",
        window="the earlier scan",
        source="WHO 1994; reference of ref.bone_reference",
    )
    first_t_score_own_sex = number(
        "T-score of the earlier scan, young adults of the same sex",
        "1",
        optional=True,
        formula="(BMD - mean) / SD of young white adults of the same sex",
        null="under 20 years, or no reference for site and maker",
        window="the earlier scan",
        source="WHO 1994; reference of ref.bone_reference",
    )
    first_z_score = number(
        "Z-score of the earlier scan, same sex and age band",
        "1",
        optional=True,
        formula="(BMD - mean) / SD of features.bone_norm",
        null="no norm for sex, age band, site and maker",
        window="the earlier scan",
    )
    reference_code = text(
        "Reference population of first_t_score",
        optional=True,
        formula="the reference that the run declares (ref.run_setting)",
        null="no reference for site and maker",
        window="the earlier scan",
    )
    first_band = text(
        "WHO band of a T-score (<= -2.5 is osteoporosis), or ISCD range of a Z-score (<= -2.0 is below)",
        optional=True,
        allowed=("normal", "osteopenia", "osteoporosis", "within_expected_range", "below_expected_range"),
        formula="T <= -2.5 osteoporosis, < -1 osteopenia, else normal; Z <= -2 below the expected range",
        null="the score in question is NULL",
        window="the earlier scan",
        source="WHO 1994; ISCD 2023",
    )
    second_t_score = number(
        "T-score of the later scan, declared reference",
        "1",
        optional=True,
        formula="as first_t_score, of the next scan",
        null="no later scan, under 20 years, or no reference",
        window="the later scan",
        source="WHO 1994; reference of ref.bone_reference",
    )
    second_band = text(
        "Band of the later scan",
        optional=True,
        allowed=("normal", "osteopenia", "osteoporosis", "within_expected_range", "below_expected_range"),
        formula="as first_band, of the next scan",
        null="no later scan, or its score is NULL",
        window="the later scan",
        source="WHO 1994; ISCD 2023",
    )
    band_shift = text(
        "Whether the T-score changed its band",
        optional=True,
        allowed=("same", "better", "worse"),
        formula="second_band against first_band; better or worse by the T-scores",
        null="either band is NULL, or one is of T and one of Z",
    )
    inhibitor_days = whole(
        "Days of aromatase inhibitor between the two",
        "d",
        optional=True,
        minimum=0,
        formula="days of features.ai_regimen between the two scans",
        null="no later scan in the series",
        source="House rule",
    )
    days_since_inhibitor = whole(
        "Days without inhibitor before the earlier scan; 0 on it; NULL if never before",
        "d",
        optional=True,
        minimum=0,
        formula="earlier scan - last day of a regimen begun by then; 0 while on one",
        null="no later scan, or no inhibitor by the earlier",
        window="all days before the earlier scan",
        source="House rule",
    )
    inhibitor_code = text(
        "Use between the two: on (at least 80 % of days), partly, after (none then, but before), never",
        optional=True,
        allowed=("never", "on", "partly", "after"),
        formula="never without any by the later scan; on from 80 % of days; after where none lies between; else partly",
        null="no later scan in the series",
        source="House rule (ref.clinical_limit)",
    )
