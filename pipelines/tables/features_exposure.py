"""Contracts of `features` about aromatase inhibitors in the body: regimens, concentration, inhibition, agreement with draws.

Not here: supplies and episodes of any drug (`features_dosing`), estradiol by window (`features_estradiol`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table
from pipelines.tables.features_dosing import DOSE_SOURCES


@table("features.first_inhibitor", grain="one row per person with an aromatase inhibitor")
class FirstInhibitor(dy.Schema):
    """The first supply of any aromatase inhibitor: the day from which every change since before it is counted."""

    person_id = person_id()
    inhibitor_from_on = day("Day of the first supply")
    baseline_from_on = day("First day on which a value counts as before; the last is the day of the first supply")


@table(
    "features.ai_regimen",
    grain="one row per person, ingredient and regimen",
    window="the regimen: one dose in one rhythm",
    source="House rule (ref.episode_rule)",
)
class AiRegimen(dy.Schema):
    """Aromatase inhibitors: stretches of one dose in one rhythm, late refills within the drug's grace bridged."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    regimen_number = whole("Order of the regimen", key=True, minimum=1)
    starts_on = day("First day")
    ends_on = day("Last day with stock")
    covered_days = whole("Days with stock", "d", minimum=1, formula="sum of cover_days")
    dose_changed_on = day("Last start, restart or change of dose")
    dose_mg_per_week = number(
        "Weekly dose; NULL if not known",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="weekly dose of the supplies",
        null="not known",
    )
    times_per_week = number(
        "Intakes a week; NULL if not known",
        "/wk",
        optional=True,
        minimum=0,
        formula="intakes a week of the supplies",
        null="not known",
    )
    dose_source = text("Where the dose comes from", allowed=DOSE_SOURCES, formula="source of the dose at its change")


@table(
    "features.ai_exposure",
    grain="one row per person, ingredient and interval",
    window="the interval of constant regimen",
    source="One compartment, ref.pharmacokinetic (labels); docs/methods/exposure.md",
)
class AiExposure(dy.Schema):
    """Aromatase-inhibitor use by interval of constant regimen. Without a recorded dose, dose and what follows are NULL."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    interval_number = whole("Order of the interval", key=True, minimum=1)
    starts_on = day("First day", optional=True)
    ends_on = day("Last day", optional=True)
    is_current_at_entry = flag(
        "In use at entry; NULL where the day of entry is not known",
        optional=True,
        formula="the day of entry lies in the interval; in surveys, listed in the inventory",
        null="day of entry not known",
    )
    days_on = number(
        "Days with stock by the end of the interval; as told, in a survey",
        "d",
        optional=True,
        minimum=0,
        formula="sum of days with stock up to the end; in surveys as told",
        null="not told",
        window="from the first supply",
    )
    dose_mg_per_week = number(
        "Weekly dose",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="weekly dose of the regimen",
        null="not recorded, or an earlier dose or supply not known still counts",
    )
    label_dose_pct = number(
        "Dose as a share of the labelled dose",
        "%",
        optional=True,
        minimum=0,
        formula="100 dose_mg_per_week / 7 / labelled dose (ref.drug)",
        null="dose is NULL",
    )
    dose_source = text("Where the dose comes from", allowed=DOSE_SOURCES, formula="source of the dose")
    times_per_week = number(
        "Intakes a week; NULL if not known", "/wk", optional=True, minimum=0, formula="intakes a week", null="not known"
    )
    days_since_dose_change = whole(
        "Days from the last change of dose to the end",
        "d",
        optional=True,
        minimum=0,
        formula="last day - last start, restart or change of dose",
        null="surveys: no day",
    )
    at_steady_state = flag(
        "At least 10 days since the last change of dose, by the end",
        optional=True,
        formula="days_since_dose_change >= 10",
        null="surveys: no day",
        source="Label of anastrozole (steady state by day 7), rounded up",
    )
    half_life_h = number(
        "Half-life used",
        "h",
        optional=True,
        minimum=0,
        formula="middle of the range of the drug (ref.pharmacokinetic)",
        null="not listed",
        source="ref.pharmacokinetic (label)",
    )
    accumulation_ratio = number(
        "Steady state over first dose; NULL without a rhythm",
        "1",
        optional=True,
        minimum=1,
        formula="1 / (1 - exp(-k tau)), k = ln 2 / half-life, tau = 168 h / times_per_week",
        null="no rhythm",
    )
    t90_days = number(
        "Days to 90 % of steady state",
        "d",
        optional=True,
        minimum=0,
        formula="ln(10) / k, k = ln 2 / half-life",
        null="half_life_h is NULL",
    )
    steady_state_ng_ml = number(
        "Mean concentration the regimen leads to",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="dose rate / clearance",
        null="dose is NULL",
    )
    concentration_mean_ng_ml = number(
        "Mean concentration over the interval",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="integral of the superposed concentration over the interval / its days",
        null="a dose or supply not known and not yet washed out",
    )
    concentration_mean_low_ng_ml = number(
        "The same, lower end of the parameters",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="the same with the parameters that give least",
        null="concentration_mean_ng_ml is NULL",
    )
    concentration_mean_high_ng_ml = number(
        "The same, upper end of the parameters",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="the same with the parameters that give most",
        null="concentration_mean_ng_ml is NULL",
    )
    concentration_end_ng_ml = number(
        "Concentration at the end, intake spread evenly",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="superposed concentration on the last day",
        null="a dose or supply not known and not yet washed out",
    )
    inhibition_end_pct = number(
        "Predicted fall of estradiol at the end",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 largest D / (D50 + D), D the weekly dose that would hold the concentration",
        null="no concentration, or no prediction (before menopause, menopause not known)",
        source="ref.inhibition",
    )
    inhibition_end_low_pct = number(
        "The same, lower end of the prior",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="the same, lower end of the prior",
        null="inhibition_end_pct is NULL",
        source="ref.inhibition",
    )
    inhibition_end_high_pct = number(
        "The same, upper end of the prior",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="the same, upper end of the prior",
        null="inhibition_end_pct is NULL",
        source="ref.inhibition",
    )
    washout_days = number(
        "Days after the end until 1 % of steady state is left",
        "d",
        optional=True,
        minimum=0,
        formula="ln(concentration at the end / (1 % of steady state)) / k, at least 0",
        null="half_life_h is NULL",
    )
    cumulative_mg = number(
        "Dose times days with stock, from the first supply on",
        "mg",
        optional=True,
        minimum=0,
        formula="sum(dose days with stock) / 7",
        null="a dose so far is not known",
        window="from the first supply",
    )
    cumulative_inhibition_days = number(
        "Integral of the predicted fall from the first supply on; 1 is one day without estradiol",
        "d",
        optional=True,
        minimum=0,
        formula="integral of the predicted fall, closed form",
        null="no prediction",
        window="from the first supply",
        source="ref.inhibition",
    )


@table(
    "features.ai_at_draw",
    grain="one row per person, specimen, assay class and ingredient",
    window="the draw",
    source="One compartment, ref.pharmacokinetic (labels), ref.inhibition; docs/methods/exposure.md",
)
class AiAtDraw(dy.Schema):
    """Estradiol draws on or after an aromatase inhibitor: what the drug should have done, and what was measured."""

    person_id = person_id()
    specimen_id = text("Specimen", key=True)
    assay_class = text("Assay class of the estradiol", key=True)
    ingredient = text("Aromatase inhibitor", key=True)
    drawn_on = day("Day of the draw")
    days_since_start = whole("Days since the first supply", "d", minimum=0, formula="draw - first supply of the drug")
    is_covered = flag("Stock at hand on the day", formula="the draw lies in a regimen")
    dose_mg_per_week = number(
        "Dose on the day; 0 after a stop; NULL if not known",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="weekly dose of the regimen; 0 after its end",
        null="not known",
    )
    days_since_dose_change = whole(
        "Days since the last start, restart, change of dose or stop",
        "d",
        minimum=0,
        formula="draw - last start, restart, change of dose or stop",
    )
    at_steady_state = flag("At least 10 days since then", formula="days_since_dose_change >= 10")
    concentration_ng_ml = number(
        "Predicted concentration, intake spread evenly",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="superposed concentration",
        null="a dose or supply not known and not yet washed out",
    )
    concentration_low_ng_ml = number(
        "Lowest over the hours of intake and the parameters",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="least over hour of intake and parameters",
        null="concentration_ng_ml is NULL",
    )
    concentration_high_ng_ml = number(
        "Highest over the hours of intake and the parameters",
        "ng/mL",
        optional=True,
        minimum=0,
        formula="most over hour of intake and parameters",
        null="concentration_ng_ml is NULL",
    )
    inhibition_pct = number(
        "Predicted fall of estradiol",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 largest D / (D50 + D), D the weekly dose that would hold the concentration",
        null="no concentration, or no prediction",
    )
    inhibition_low_pct = number(
        "The same, lower end",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="the same, lower end of prior and concentration",
        null="inhibition_pct is NULL",
    )
    inhibition_high_pct = number(
        "The same, upper end",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="the same, upper end of prior and concentration",
        null="inhibition_pct is NULL",
    )
    comparison_code = text(
        "What is compared: estradiol, in men over testosterone; before the first supply and now",
        allowed=("e2", "e2_over_t"),
        formula="estradiol in women, estradiol over testosterone in men",
    )
    baseline_on = day("Day of the draw before the first supply", optional=True)
    remaining_lo_pct = number(
        "Measured, as a share of before; lower bound",
        "%",
        optional=True,
        minimum=0,
        formula="100 lower bound now / upper bound before",
        null="no baseline of the same assay class, or no testosterone in men",
        window="baseline: last draw of the 365 days up to the first supply of any inhibitor",
    )
    remaining_hi_pct = number(
        "Measured, as a share of before; upper bound",
        "%",
        optional=True,
        minimum=0,
        formula="100 upper bound now / lower bound before",
        null="no baseline of the same assay class, unbounded, baseline below its limit, or no testosterone in men",
        window="baseline: last draw of the 365 days up to the first supply of any inhibitor",
    )
    remaining_predicted_pct = number(
        "Predicted share of before",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 - inhibition_pct",
        null="inhibition_pct is NULL",
    )
    agreement_code = text(
        "Measured against predicted, beyond the prior by more than half",
        allowed=("as_predicted", "higher", "lower", "not_evaluable"),
        formula="higher: remaining_lo above 1.5 times the weakest prior; lower: remaining_hi below the strongest over 1.5",
        window="baseline: last draw of the 365 days up to the first supply of any inhibitor",
    )
    reason_code = text(
        "Why not evaluable",
        optional=True,
        allowed=(
            "dose_unknown",
            "supply_unknown",
            "no_prediction",
            "no_baseline",
            "menopause_changed",
            "baseline_censored",
            "no_testosterone",
        ),
        formula="first reason that holds",
        null="evaluable",
        window="baseline: last draw of the 365 days up to the first supply of any inhibitor",
    )
