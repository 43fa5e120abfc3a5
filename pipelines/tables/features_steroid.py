"""Contract of `features.steroid_panel`: sex steroids of one specimen side by side.

Not here: estradiol over time and its bands (`features_estradiol`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table


@table(
    "features.steroid_panel",
    grain="one row per person and specimen with a sex steroid",
    window="the specimen",
    source="House rule: ratios of measured results only; docs/methods/systems.md",
)
class SteroidPanel(dy.Schema):
    """Sex steroids of one specimen side by side: ratios where both are measured, bands of estradiol, dose on the day."""

    person_id = person_id()
    specimen_id = text("Specimen", key=True)
    drawn_on = day("Day of the draw", optional=True)
    e2_assay_class = text(
        "Assay class of estradiol, the better one of two",
        optional=True,
        formula="class of assay of the result that stands: LC-MS/MS, its equivalent, immunoassay",
        null="no estradiol in the specimen",
    )
    e2_lo_pg_ml = number(
        "Estradiol, lower bound",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="result; 0 below a limit",
        null="no estradiol",
    )
    e2_hi_pg_ml = number(
        "Estradiol, upper bound",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="result; the limit below it",
        null="no estradiol, or above a limit",
    )
    estrone_pg_ml = number(
        "Estrone, measured", "pg/mL", optional=True, minimum=0, formula="result", null="none, or censored"
    )
    estriol_ng_ml = number(
        "Estriol, measured", "ng/mL", optional=True, minimum=0, formula="result", null="none, or censored"
    )
    testosterone_ng_dl = number(
        "Testosterone, measured", "ng/dL", optional=True, minimum=0, formula="result", null="none, or censored"
    )
    androstenedione_ng_dl = number(
        "Androstenedione, measured", "ng/dL", optional=True, minimum=0, formula="result", null="none, or censored"
    )
    progesterone_ng_ml = number(
        "Progesterone, measured", "ng/mL", optional=True, minimum=0, formula="result", null="none, or censored"
    )
    t_e2_ratio = number(
        "Testosterone (ng/dL) over estradiol (pg/mL), both measured",
        "1",
        optional=True,
        minimum=0,
        formula="testosterone (ng/dL) / estradiol (pg/mL)",
        null="either missing or censored",
    )
    log_t_e2_ratio = number("ln of it", "1", optional=True, formula="ln(t_e2_ratio)", null="either missing or censored")
    aromatisation_index = number(
        "Estradiol (pmol/L) over testosterone (nmol/L), both measured",
        "pmol/nmol",
        optional=True,
        minimum=0,
        formula="100 (E2 / molar mass) / (T / molar mass)",
        null="either missing or censored",
    )
    e1_e2_ratio = number(
        "Estrone over estradiol, both measured",
        "1",
        optional=True,
        minimum=0,
        formula="estrone / estradiol",
        null="either missing or censored",
    )
    e1_a4_ratio = number(
        "Estrone (pmol/L) over androstenedione (nmol/L), both measured",
        "pmol/nmol",
        optional=True,
        minimum=0,
        formula="100 (E1 / molar mass) / (A4 / molar mass)",
        null="either missing or censored",
    )
    estrogen_sum_pg_ml = number(
        "Estrone plus estradiol, both measured",
        "pg/mL",
        optional=True,
        minimum=0,
        formula="estrone + estradiol",
        null="either missing or censored",
    )
    e2_p4_ratio = number(
        "Estradiol (pg/mL) over progesterone (ng/mL), both measured",
        "1",
        optional=True,
        minimum=0,
        formula="estradiol (pg/mL) / progesterone (ng/mL)",
        null="either missing or censored",
    )
    status_code = text(
        "Menopausal status of women as known on the day",
        optional=True,
        formula="features.menopausal_status on the day",
        null="men; undated and several periods",
        window="the day",
        source="docs/methods.md (menopausal rule)",
    )
    e2_band_code = text(
        "Band of ref.e2_band that both bounds lie in; NULL where there is none for the person",
        optional=True,
        allowed=("severe", "low", "target", "raised", "high"),
        formula="band of ref.e2_band by sex and status that holds both bounds",
        null="no estradiol, no bands for the person, or bounds in two bands",
        source="ref.e2_band",
    )
    is_estrogen_high = flag(
        "Women: surely above 100 pg/mL before menopause or 21 after; false if surely not; NULL else",
        optional=True,
        formula="lower bound > 100 pg/mL (premenopausal) or > 21 (after, or suppressed); no where the upper bound is not",
        null="men, status not known, or bounds on both sides",
        source="ref.clinical_limit",
    )
    is_on_progestin = flag(
        "Progestin at hand on the day; NULL without one",
        optional=True,
        formula="an episode covers the day",
        null="undated",
    )
    is_on_inhibitor = flag(
        "Aromatase inhibitor at hand on the day; NULL without one",
        optional=True,
        formula="an episode covers the day",
        null="undated",
    )
    is_on_testosterone = flag(
        "Testosterone at hand on the day; NULL without one",
        optional=True,
        formula="an episode covers the day",
        null="undated",
    )
    label_dose_pct = number(
        "Dose of the inhibitor on the day as a share of the label",
        "%",
        optional=True,
        minimum=0,
        formula="100 sum(dose / labelled dose) over regimens of the day",
        null="no inhibitor that day, or a dose not known",
    )
    dosing_state_code = text(
        "Men on an inhibitor, by estradiol alone: below the band `target` over, in it correct, above it under",
        optional=True,
        allowed=("over", "correct", "under"),
        formula="bounds below, in, or above the band `target`",
        null="women, no inhibitor that day, or bounds on both sides",
        source="ref.e2_band",
    )
    cycle_day = whole(
        "Day of the cycle told for the day",
        "d",
        optional=True,
        minimum=1,
        formula="day of the cycle recorded for the day",
        null="not told, or told twice differently",
    )
