"""Contracts of `features` about drug taking: supply, episodes, events, exposure to aromatase inhibitors, protocols.

Not here: estradiol and other results (`features_estradiol`), bone and covariates (`features`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

EVIDENCE = ("fill", "order")
DOSE_SOURCES = ("sig", "quantity", "strength", "not_recorded")


@table("features.dispensing_source", grain="one row per source, ingredient and compounding", unit="population")
class DispensingSource(dy.Schema):
    """Whether a source records fills or administrations of a drug; where it does, its orders are no supply."""

    source_id = text("Source system", key=True)
    ingredient = text("Ingredient", key=True)
    is_compounded = dy.Bool(primary_key=True, nullable=False, description="Compounded products")
    evidence_code = text("What counts as supply", allowed=EVIDENCE)


@table("features.drug_supply", grain="one row per person, ingredient and day with a supply")
class DrugSupply(dy.Schema):
    """Fills and administrations (orders where a source has none) with the days they cover, stock carried over."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    supplied_on = dy.Date(primary_key=True, nullable=False, description="Day of the supply")
    drug_class = text("Class of the ingredient")
    evidence_code = text("Whether the supply was filled or ordered", allowed=EVIDENCE)
    n_records = whole("Records of the day", minimum=1)
    n_unknown_supply = whole("Records without days of supply", minimum=0)
    supply_days = whole("Days supplied; 0 where unknown", "d", minimum=0)
    stock_days = whole("Days of stock at hand before the supply, at most the cap", "d", minimum=0)
    cover_from_on = day("First day on which this supply is taken")
    cover_days = whole("Days on which it is taken", "d", minimum=0)
    dose_number = whole("Order of the dose: rises by one with each change of dose", minimum=1)
    dose_mg_per_week = number("Weekly dose from the last change of dose on; NULL if not known", "mg/wk", optional=True)
    times_per_week = number("Intakes a week; NULL if not known", "/wk", optional=True)
    dose_source = text("Where the dose of the day comes from; the weakest of several", allowed=DOSE_SOURCES)
    dose_confidence = number("Lowest confidence in a dose, 0 to 1", optional=True, minimum=0, maximum=1)
    has_pellet = flag("Includes a pellet")
    is_compounded = flag("Includes a compounded product")
    stopped_on = day("Recorded day of stopping", optional=True)


@table("features.dosing_episode", grain="one row per person, ingredient, permissible gap and episode")
class DosingEpisode(dy.Schema):
    """Stretches of use by drug, for gaps of 60, 90 and 180 days side by side; dose, coverage, stock, how they ended."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    gap_days = whole("Days without stock that the episode survives", "d", key=True, minimum=0)
    episode_number = whole("Order of the episode", key=True, minimum=1)
    is_primary = flag("Whether the gap is the drug's own")
    drug_class = text("Class of the ingredient")
    evidence_code = text("Whether supplies were filled or ordered", allowed=EVIDENCE)
    starts_on = day("Day of the first supply")
    supply_ends_on = day("Last day with stock")
    discontinued_on = day("First day without the drug; NULL where the end was not seen", optional=True)
    end_reason = text(
        "How it ended: recorded, inferred from other drugs and supplies, or not seen",
        allowed=("switch", "recorded_stop", "supply_ran_out", "death", "follow_up_ended", "follow_up_unknown"),
    )
    n_records = whole("Records", minimum=1)
    n_unknown_supply = whole("Records without days of supply", minimum=0)
    length_days = whole("Days from the first supply to the last day with stock", "d", minimum=0)
    covered_days = whole("Days with stock", "d", minimum=0)
    covered_pct = number(
        "Proportion of days covered (PDC); NULL with a supply unknown", "%", optional=True, minimum=0, maximum=100
    )
    n_gaps = whole("Gaps in coverage", minimum=0)
    longest_gap_days = whole("Longest gap in coverage", "d", minimum=0)
    largest_stock_days = whole("Most stock at hand at a supply", "d", minimum=0)
    dose_known_pct = number("Share of the covered days with a known dose", "%", optional=True, minimum=0, maximum=100)
    dose_mg_per_day = number("Mean dose over covered days with a known dose", "mg/d", optional=True, minimum=0)
    dose_mg_per_week = number("Mean dose over covered days with a known dose", "mg/wk", optional=True, minimum=0)
    label_dose_pct = number("Mean dose as a share of the labelled dose", "%", optional=True, minimum=0)
    first_dose_mg_per_week = number("Dose of the first supply", "mg/wk", optional=True, minimum=0)
    last_dose_mg_per_week = number("Dose of the last supply", "mg/wk", optional=True, minimum=0)
    cumulative_mg = number(
        "Dose times covered days; NULL with a dose or supply unknown", "mg", optional=True, minimum=0
    )
    n_dose_changes = whole("Changes of dose", minimum=0)
    dose_confidence = number("Lowest confidence in a dose, 0 to 1", optional=True, minimum=0, maximum=1)
    is_compounded = flag("Includes a compounded product")
    has_pellet = flag("Includes a pellet")


@table("features.dose_event", grain="one row per person, ingredient and event")
class DoseEvent(dy.Schema):
    """Starts, restarts, switches, changes of dose and stops, with the estradiol draw that may have led to them."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    event_number = whole("Order of the event", key=True, minimum=1)
    event_on = day("Day of the event")
    event_code = text("Event", allowed=("start", "restart", "switch", "dose_up", "dose_down", "dose_unknown", "stop"))
    drug_class = text("Class of the ingredient")
    from_ingredient = text("Drug that was switched from", optional=True)
    dose_before_mg_per_week = number("Dose before", "mg/wk", optional=True, minimum=0)
    dose_after_mg_per_week = number("Dose after", "mg/wk", optional=True, minimum=0)
    dose_change_pct = number("Change of dose", "%", optional=True)
    days_since_e2_draw = whole("Days since the last estradiol draw", "d", optional=True, minimum=0)
    is_lab_triggered = flag("Within 30 days after an estradiol draw")


@table("features.protocol", grain="one row per person and interval")
class Protocol(dy.Schema):
    """Kind of treatment by interval, from the drugs that make it. Describes; no study takes eligibility from it."""

    person_id = person_id()
    interval_number = whole("Order of the interval", key=True, minimum=1)
    starts_on = day("First day")
    ends_on = day("Last day")
    protocol_code = text(
        "Protocol",
        allowed=(
            "adjuvant",
            "male_testosterone",
            "male_testosterone_ai",
            "female_testosterone",
            "female_testosterone_ai",
            "restart",
            "fertility",
            "other",
        ),
    )
    is_on_inhibitor = flag("Aromatase inhibitor")
    is_on_testosterone = flag("Testosterone")
    is_on_tamoxifen = flag("Tamoxifen")
    is_on_ovulation_inducer = flag("Clomiphene or enclomiphene")
    is_on_gonadotropin = flag("Gonadorelin or a gonadotropin")
    has_pellet = flag("One of them as a pellet")
    days_since_testosterone = whole("Days since testosterone ended; NULL if never", "d", optional=True, minimum=0)


@table("features.ai_regimen", grain="one row per person, ingredient and regimen")
class AiRegimen(dy.Schema):
    """Aromatase inhibitors: stretches of one dose in one rhythm, late refills within the drug's grace bridged."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    regimen_number = whole("Order of the regimen", key=True, minimum=1)
    starts_on = day("First day")
    ends_on = day("Last day with stock")
    covered_days = whole("Days with stock", "d", minimum=1)
    dose_changed_on = day("Last start, restart or change of dose")
    dose_mg_per_week = number("Weekly dose; NULL if not known", "mg/wk", optional=True, minimum=0)
    times_per_week = number("Intakes a week; NULL if not known", "/wk", optional=True, minimum=0)
    dose_source = text("Where the dose comes from", allowed=DOSE_SOURCES)


@table("features.ai_exposure", grain="one row per person, ingredient and interval")
class AiExposure(dy.Schema):
    """Aromatase-inhibitor use by interval of constant regimen. Without a recorded dose, dose and what follows are NULL."""

    person_id = person_id()
    ingredient = text("Aromatase inhibitor", key=True)
    interval_number = whole("Order of the interval", key=True, minimum=1)
    starts_on = day("First day", optional=True)
    ends_on = day("Last day", optional=True)
    is_current_at_entry = flag("In use at entry; NULL where the day of entry is not known", optional=True)
    days_on = number("Days with stock by the end of the interval; as told, in a survey", "d", optional=True, minimum=0)
    dose_mg_per_week = number("Weekly dose", "mg/wk", optional=True, minimum=0)
    label_dose_pct = number("Dose as a share of the labelled dose", "%", optional=True, minimum=0)
    dose_source = text("Where the dose comes from", allowed=DOSE_SOURCES)
    times_per_week = number("Intakes a week; NULL if not known", "/wk", optional=True, minimum=0)
    days_since_dose_change = whole("Days from the last change of dose to the end", "d", optional=True, minimum=0)
    at_steady_state = flag("At least 10 days since the last change of dose, by the end", optional=True)
    half_life_h = number("Half-life used", "h", optional=True, minimum=0)
    accumulation_ratio = number("Steady state over first dose; NULL without a rhythm", "1", optional=True, minimum=1)
    t90_days = number("Days to 90 % of steady state", "d", optional=True, minimum=0)
    steady_state_ng_ml = number("Mean concentration the regimen leads to", "ng/mL", optional=True, minimum=0)
    concentration_mean_ng_ml = number("Mean concentration over the interval", "ng/mL", optional=True, minimum=0)
    concentration_mean_low_ng_ml = number("The same, lower end of the parameters", "ng/mL", optional=True, minimum=0)
    concentration_mean_high_ng_ml = number("The same, upper end of the parameters", "ng/mL", optional=True, minimum=0)
    concentration_end_ng_ml = number(
        "Concentration at the end, intake spread evenly", "ng/mL", optional=True, minimum=0
    )
    inhibition_end_pct = number("Predicted fall of estradiol at the end", "%", optional=True, minimum=0, maximum=100)
    inhibition_end_low_pct = number("The same, lower end of the prior", "%", optional=True, minimum=0, maximum=100)
    inhibition_end_high_pct = number("The same, upper end of the prior", "%", optional=True, minimum=0, maximum=100)
    washout_days = number("Days after the end until 1 % of steady state is left", "d", optional=True, minimum=0)
    cumulative_mg = number("Dose times days with stock, from the first supply on", "mg", optional=True, minimum=0)
    cumulative_inhibition_days = number(
        "Integral of the predicted fall from the first supply on; 1 is one day without estradiol",
        "d", optional=True, minimum=0,
    )  # fmt: skip


@table("features.ai_at_draw", grain="one row per person, specimen, assay class and ingredient")
class AiAtDraw(dy.Schema):
    """Estradiol draws on or after an aromatase inhibitor: what the drug should have done, and what was measured."""

    person_id = person_id()
    specimen_id = text("Specimen", key=True)
    assay_class = text("Assay class of the estradiol", key=True)
    ingredient = text("Aromatase inhibitor", key=True)
    drawn_on = day("Day of the draw")
    days_since_start = whole("Days since the first supply", "d", minimum=0)
    is_covered = flag("Stock at hand on the day")
    dose_mg_per_week = number("Dose on the day; 0 after a stop; NULL if not known", "mg/wk", optional=True, minimum=0)
    days_since_dose_change = whole("Days since the last start, restart, change of dose or stop", "d", minimum=0)
    at_steady_state = flag("At least 10 days since then")
    concentration_ng_ml = number("Predicted concentration, intake spread evenly", "ng/mL", optional=True, minimum=0)
    concentration_low_ng_ml = number(
        "Lowest over the hours of intake and the parameters", "ng/mL", optional=True, minimum=0
    )
    concentration_high_ng_ml = number(
        "Highest over the hours of intake and the parameters", "ng/mL", optional=True, minimum=0
    )
    inhibition_pct = number("Predicted fall of estradiol", "%", optional=True, minimum=0, maximum=100)
    inhibition_low_pct = number("The same, lower end", "%", optional=True, minimum=0, maximum=100)
    inhibition_high_pct = number("The same, upper end", "%", optional=True, minimum=0, maximum=100)
    comparison_code = text(
        "What is compared: estradiol, in men over testosterone; before the first supply and now",
        allowed=("e2", "e2_over_t"),
    )
    baseline_on = day("Day of the draw before the first supply", optional=True)
    remaining_lo_pct = number("Measured, as a share of before; lower bound", "%", optional=True, minimum=0)
    remaining_hi_pct = number("Measured, as a share of before; upper bound", "%", optional=True, minimum=0)
    remaining_predicted_pct = number("Predicted share of before", "%", optional=True, minimum=0, maximum=100)
    agreement_code = text(
        "Measured against predicted, beyond the prior by more than half",
        allowed=("as_predicted", "higher", "lower", "not_evaluable"),
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
    )
