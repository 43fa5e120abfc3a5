"""Contracts of `features` about other systems: the pituitary axis, bone turnover, lipids and sugar, monitoring.

Not here: estradiol (`features_estradiol`), drugs (`features_dosing`), bone density (`features`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table(
    "features.hpg_axis",
    grain="one row per person and day with LH, FSH or testosterone",
    window="the day",
    source="Tajar 2010, J Clin Endocrinol Metab 95:1810 (limits in ref.clinical_limit)",
)
class HpgAxis(dy.Schema):
    """Pituitary and gonads on one day, results as intervals, and LH and FSH against before the first inhibitor."""

    person_id = person_id()
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    lh_lo_iu_l = number(
        "Luteinizing hormone, lower bound",
        "[IU]/L",
        optional=True,
        minimum=0,
        formula="mean of the day's results; 0 below a limit",
        null="not drawn",
    )
    lh_hi_iu_l = number(
        "Luteinizing hormone, upper bound",
        "[IU]/L",
        optional=True,
        minimum=0,
        formula="mean of the day's results; the limit below it",
        null="not drawn, or above a limit",
    )
    fsh_lo_iu_l = number(
        "Follicle-stimulating hormone, lower bound",
        "[IU]/L",
        optional=True,
        minimum=0,
        formula="mean of the day's results; 0 below a limit",
        null="not drawn",
    )
    fsh_hi_iu_l = number(
        "Follicle-stimulating hormone, upper bound",
        "[IU]/L",
        optional=True,
        minimum=0,
        formula="mean of the day's results; the limit below it",
        null="not drawn, or above a limit",
    )
    testosterone_lo_ng_dl = number(
        "Testosterone, lower bound",
        "ng/dL",
        optional=True,
        minimum=0,
        formula="mean of the day's results; 0 below a limit",
        null="not drawn",
    )
    testosterone_hi_ng_dl = number(
        "Testosterone, upper bound",
        "ng/dL",
        optional=True,
        minimum=0,
        formula="mean of the day's results; the limit below it",
        null="not drawn, or above a limit",
    )
    shbg_nmol_l = number(
        "SHBG",
        "nmol/L",
        optional=True,
        minimum=0,
        formula="mean of the day's results; the limit below it",
        null="not drawn, or above a limit",
    )
    is_on_testosterone = flag("Testosterone at hand on the day", formula="an episode covers the day")
    is_on_inhibitor = flag("Aromatase inhibitor at hand on the day", formula="an episode covers the day")
    is_on_stimulation = flag(
        "Gonadorelin, a gonadotropin or an ovulation inducer at hand on the day", formula="an episode covers the day"
    )
    axis_code = text(
        "State of the axis in men; NULL in women, with a result missing, or where bounds leave it open",
        optional=True,
        allowed=("eugonadal", "compensated", "primary", "secondary", "suppressed", "not_suppressed"),
        formula="testosterone against 10.5 nmol/L and LH against 9.4 IU/L; on testosterone LH alone",
        null="women; a result missing; bounds on both sides; on stimulation",
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before",
        "d",
        optional=True,
        formula="day - first supply of an inhibitor",
        null="no inhibitor ever",
        window="from the first supply",
        source="House rule",
    )
    lh_log_ratio = number(
        "ln of LH over the last LH before the first supply",
        "1",
        optional=True,
        formula="ln(LH / last LH before)",
        null="below a limit, day not after the first supply, or no LH before",
        window="baseline: 365 days up to the first supply, its day included",
        source="House rule",
    )
    fsh_log_ratio = number(
        "ln of FSH over the last FSH before the first supply",
        "1",
        optional=True,
        formula="ln(FSH / last FSH before)",
        null="below a limit, day not after the first supply, or no FSH before",
        window="baseline: 365 days up to the first supply, its day included",
        source="House rule",
    )


@table(
    "features.bone_turnover",
    grain="one row per person, marker and day of the draw",
    window="the day",
    source="ref.turnover_marker, each row with its source",
)
class BoneTurnover(dy.Schema):
    """Markers of bone turnover, what makes them comparable, and their change since before the first inhibitor."""

    person_id = person_id()
    analyte_code = text("Marker", key=True)
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    process_code = text(
        "What it marks", allowed=("resorption", "formation"), formula="resorption or formation by ref.turnover_marker"
    )
    value = number(
        "Result, or the limit where censored", minimum=0, formula="mean of the day's results; the limit where censored"
    )
    unit_code = text("Unit of value", formula="canonical unit of the analyte")
    is_censored = flag("Beyond a limit of the assay", formula="a result of the day is beyond a limit")
    is_fasting = flag(
        "Fasting; NULL if not recorded",
        optional=True,
        formula="every result of the day says so",
        null="one does not tell",
    )
    is_morning = flag(
        "Drawn in the morning; NULL if not recorded",
        optional=True,
        formula="every result of the day says so",
        null="one does not tell",
    )
    is_after_fracture = flag(
        "Within a year after a fracture",
        formula="a fracture recorded in the year before",
        window="365 days up to the day",
    )
    is_comparable = flag(
        "Measured, no fracture before, and fasting in the morning where the marker asks for it",
        formula="not censored, no fracture before, and fasting in the morning where the marker asks for it",
        window="365 days up to the day",
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before",
        "d",
        optional=True,
        formula="day - first supply of an inhibitor",
        null="no inhibitor ever",
        window="from the first supply",
    )
    change_pct = number(
        "Change against the last comparable draw before the first supply",
        "%",
        optional=True,
        formula="100 (value / last comparable value before - 1)",
        null="not comparable, day not after the first supply, or none before",
        window="baseline: 365 days up to the first supply, its day included",
    )
    is_real_change = flag(
        "Change of at least the least significant change of the marker",
        optional=True,
        formula="abs(change_pct) >= least significant change of the marker",
        null="change_pct is NULL",
        window="baseline: 365 days up to the first supply, its day included",
    )


@table(
    "features.lipid_metabolic",
    grain="one row per person and day with a lipid or sugar result",
    window="the day",
    source="House rule: means of the day's uncensored results",
)
class LipidMetabolic(dy.Schema):
    """Lipids and sugar of one day side by side, with what is calculated from them; results beyond a limit take no part."""

    person_id = person_id()
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    total_cholesterol_mg_dl = number(
        "Total cholesterol",
        "mg/dL",
        optional=True,
        minimum=0,
        formula="mean of the day",
        null="none, or beyond a limit",
    )
    hdl_mg_dl = number(
        "Cholesterol in HDL",
        "mg/dL",
        optional=True,
        minimum=0,
        formula="mean of the day",
        null="none, or beyond a limit",
    )
    triglycerides_mg_dl = number(
        "Triglycerides", "mg/dL", optional=True, minimum=0, formula="mean of the day", null="none, or beyond a limit"
    )
    ldl_reported_mg_dl = number(
        "Cholesterol in LDL as the laboratory calculated it",
        "mg/dL",
        optional=True,
        minimum=0,
        formula="mean of the day",
        null="none, or beyond a limit",
    )
    apolipoprotein_b_mg_dl = number(
        "Apolipoprotein B", "mg/dL", optional=True, minimum=0, formula="mean of the day", null="none, or beyond a limit"
    )
    glucose_mg_dl = number(
        "Glucose", "mg/dL", optional=True, minimum=0, formula="mean of the day", null="none, or beyond a limit"
    )
    insulin_uiu_ml = number(
        "Insulin", "u[IU]/mL", optional=True, minimum=0, formula="mean of the day", null="none, or beyond a limit"
    )
    hba1c_pct = number(
        "Hemoglobin A1c", "%", optional=True, minimum=0, formula="mean of the day", null="none, or beyond a limit"
    )
    ldl_mg_dl = number(
        "Cholesterol in LDL: measured directly, else by Sampson",
        "mg/dL",
        optional=True,
        minimum=0,
        formula="direct, else TC / 0.948 - HDL / 0.971 - (TG / 8.56 + TG (TC - HDL) / 2140 - TG^2 / 16100) - 9.44",
        null="not direct, and one of the three missing or triglycerides too high",
        source="Sampson 2020, JAMA Cardiol 5:540",
    )
    ldl_basis = text(
        "Which of the two",
        optional=True,
        allowed=("direct", "sampson"),
        formula="direct where measured directly",
        null="ldl_mg_dl is NULL",
    )
    non_hdl_mg_dl = number(
        "Total cholesterol minus HDL", "mg/dL", optional=True, formula="total cholesterol - HDL", null="either missing"
    )
    is_fasting = flag(
        "Every draw of the day fasting; NULL if one does not tell",
        optional=True,
        formula="every draw of the day is fasting",
        null="a draw does not tell",
    )
    homa_ir = number(
        "HOMA-IR; NULL unless fasting",
        "1",
        optional=True,
        minimum=0,
        formula="glucose (mg/dL) insulin (uIU/mL) / 405",
        null="not known to be fasting, or either missing",
        source="Matthews 1985, Diabetologia 28:412",
    )
    tyg_index = number(
        "Triglyceride-glucose index; NULL unless fasting",
        "1",
        optional=True,
        formula="ln(triglycerides (mg/dL) glucose (mg/dL) / 2)",
        null="not known to be fasting, or either missing",
        source="Simental-Mendia 2008, Metab Syndr Relat Disord 6:299",
    )
    is_on_statin = flag("Statin at hand on the day", formula="an episode of a statin covers the day")


@table(
    "features.monitoring",
    grain="one row per person, ingredient, episode and month",
    window="all days up to the first day of the month",
    source="House rule (ref.clinical_limit)",
)
class Monitoring(dy.Schema):
    """Months of treatment with an inhibitor, and how long ago estradiol was drawn and bone scanned on their first day."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    episode_number = whole("Episode, by the drug's own gap", key=True, minimum=1)
    month_number = whole("Month of the episode, 30 days each", key=True, minimum=1)
    month_on = day("First day of the month")
    days_since_e2 = whole(
        "Days since the last estradiol draw; NULL if never",
        "d",
        optional=True,
        minimum=0,
        formula="month_on - last estradiol draw",
        null="never drawn",
    )
    days_since_dxa = whole(
        "Days since the last valid scan; NULL if never",
        "d",
        optional=True,
        minimum=0,
        formula="month_on - last valid measured scan",
        null="never scanned",
    )
    days_since_dose_change = whole(
        "Days since the last start or change of dose",
        "d",
        optional=True,
        minimum=0,
        formula="month_on - last start, restart, switch or change of dose of the drug",
        null="none on record",
    )
    is_e2_on_schedule = flag(
        "Drawn since the last change of dose, or not more than 12 weeks after it",
        formula="drawn after the last change of dose, or days_since_dose_change <= 84",
    )
    is_dxa_on_schedule = flag("Scanned within two years", formula="days_since_dxa <= two years")


@table("ref.turnover_marker", grain="one row per marker", unit="population")
class TurnoverMarker(dy.Schema):
    """Markers of bone turnover: what they mark, how they are to be drawn, what change is more than noise."""

    analyte_code = text("Marker", key=True)
    process_code = text("What it marks", allowed=("resorption", "formation"))
    fasting_morning = text("Whether only fasting morning draws compare", allowed=("yes", "no"))
    least_significant_pct = number("Least significant change", "%", minimum=0)
    source = text("Publication or house rule")
