"""Contracts of `features` about other systems: the pituitary axis, bone turnover, lipids and sugar, monitoring.

Not here: estradiol (`features_estradiol`), drugs (`features_dosing`), bone density (`features`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table("features.hpg_axis", grain="one row per person and day with LH, FSH or testosterone")
class HpgAxis(dy.Schema):
    """Pituitary and gonads on one day, results as intervals, and LH and FSH against before the first inhibitor."""

    person_id = person_id()
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    lh_lo_iu_l = number("Luteinizing hormone, lower bound", "[IU]/L", optional=True, minimum=0)
    lh_hi_iu_l = number("Luteinizing hormone, upper bound", "[IU]/L", optional=True, minimum=0)
    fsh_lo_iu_l = number("Follicle-stimulating hormone, lower bound", "[IU]/L", optional=True, minimum=0)
    fsh_hi_iu_l = number("Follicle-stimulating hormone, upper bound", "[IU]/L", optional=True, minimum=0)
    testosterone_lo_ng_dl = number("Testosterone, lower bound", "ng/dL", optional=True, minimum=0)
    testosterone_hi_ng_dl = number("Testosterone, upper bound", "ng/dL", optional=True, minimum=0)
    shbg_nmol_l = number("SHBG", "nmol/L", optional=True, minimum=0)
    is_on_testosterone = flag("Testosterone at hand on the day")
    is_on_inhibitor = flag("Aromatase inhibitor at hand on the day")
    is_on_stimulation = flag("Gonadorelin, a gonadotropin or an ovulation inducer at hand on the day")
    axis_code = text(
        "State of the axis in men; NULL in women, with a result missing, or where bounds leave it open",
        optional=True,
        allowed=("eugonadal", "compensated", "primary", "secondary", "suppressed", "not_suppressed"),
    )
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before", "d", optional=True
    )
    lh_log_ratio = number("ln of LH over the last LH before the first supply", "1", optional=True)
    fsh_log_ratio = number("ln of FSH over the last FSH before the first supply", "1", optional=True)


@table("features.bone_turnover", grain="one row per person, marker and day of the draw")
class BoneTurnover(dy.Schema):
    """Markers of bone turnover, what makes them comparable, and their change since before the first inhibitor."""

    person_id = person_id()
    analyte_code = text("Marker", key=True)
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    process_code = text("What it marks", allowed=("resorption", "formation"))
    value = number("Result, or the limit where censored", minimum=0)
    unit_code = text("Unit of value")
    is_censored = flag("Beyond a limit of the assay")
    is_fasting = flag("Fasting; NULL if not recorded", optional=True)
    is_morning = flag("Drawn in the morning; NULL if not recorded", optional=True)
    is_after_fracture = flag("Within a year after a fracture")
    is_comparable = flag("Measured, no fracture before, and fasting in the morning where the marker asks for it")
    days_since_inhibitor_start = whole(
        "Days since the first supply of an inhibitor; negative before", "d", optional=True
    )
    change_pct = number("Change against the last comparable draw before the first supply", "%", optional=True)
    is_real_change = flag("Change of at least the least significant change of the marker", optional=True)


@table("features.lipid_metabolic", grain="one row per person and day with a lipid or sugar result")
class LipidMetabolic(dy.Schema):
    """Lipids and sugar of one day side by side, with what is calculated from them; results beyond a limit take no part."""

    person_id = person_id()
    drawn_on = dy.Date(primary_key=True, nullable=False, description="Day of the draw")
    total_cholesterol_mg_dl = number("Total cholesterol", "mg/dL", optional=True, minimum=0)
    hdl_mg_dl = number("Cholesterol in HDL", "mg/dL", optional=True, minimum=0)
    triglycerides_mg_dl = number("Triglycerides", "mg/dL", optional=True, minimum=0)
    ldl_reported_mg_dl = number("Cholesterol in LDL as the laboratory calculated it", "mg/dL", optional=True, minimum=0)
    apolipoprotein_b_mg_dl = number("Apolipoprotein B", "mg/dL", optional=True, minimum=0)
    glucose_mg_dl = number("Glucose", "mg/dL", optional=True, minimum=0)
    insulin_uiu_ml = number("Insulin", "u[IU]/mL", optional=True, minimum=0)
    hba1c_pct = number("Hemoglobin A1c", "%", optional=True, minimum=0)
    ldl_mg_dl = number("Cholesterol in LDL: measured directly, else by Sampson", "mg/dL", optional=True, minimum=0)
    ldl_basis = text("Which of the two", optional=True, allowed=("direct", "sampson"))
    non_hdl_mg_dl = number("Total cholesterol minus HDL", "mg/dL", optional=True)
    is_fasting = flag("Every draw of the day fasting; NULL if one does not tell", optional=True)
    homa_ir = number("HOMA-IR; NULL unless fasting", "1", optional=True, minimum=0)
    tyg_index = number("Triglyceride-glucose index; NULL unless fasting", "1", optional=True)
    is_on_statin = flag("Statin at hand on the day")


@table("features.monitoring", grain="one row per person, ingredient, episode and month")
class Monitoring(dy.Schema):
    """Months of treatment with an inhibitor, and how long ago estradiol was drawn and bone scanned on their first day."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    episode_number = whole("Episode, by the drug's own gap", key=True, minimum=1)
    month_number = whole("Month of the episode, 30 days each", key=True, minimum=1)
    month_on = day("First day of the month")
    days_since_e2 = whole("Days since the last estradiol draw; NULL if never", "d", optional=True, minimum=0)
    days_since_dxa = whole("Days since the last valid scan; NULL if never", "d", optional=True, minimum=0)
    days_since_dose_change = whole("Days since the last start or change of dose", "d", optional=True, minimum=0)
    is_e2_on_schedule = flag("Drawn since the last change of dose, or not more than 12 weeks after it")
    is_dxa_on_schedule = flag("Scanned within two years")


@table("ref.turnover_marker", grain="one row per marker", unit="population")
class TurnoverMarker(dy.Schema):
    """Markers of bone turnover: what they mark, how they are to be drawn, what change is more than noise."""

    analyte_code = text("Marker", key=True)
    process_code = text("What it marks", allowed=("resorption", "formation"))
    fasting_morning = text("Whether only fasting morning draws compare", allowed=("yes", "no"))
    least_significant_pct = number("Least significant change", "%", minimum=0)
    source = text("Publication or house rule")
