"""Contracts of `features` about drug taking: supply, episodes, events, protocols.

Not here: what aromatase inhibitors do in the body (`features_exposure`), bone and covariates (`features`).
"""

import dataframely as dy

from pipelines.tables.columns import day, flag, number, person_id, text, whole
from pipelines.tables.contract import table

EVIDENCE = ("fill", "order")
DOSE_SOURCES = ("sig", "quantity", "strength", "not_recorded")


@table(
    "features.dispensing_source",
    grain="one row per source, ingredient and compounding",
    unit="population",
    window="all records of the source",
    source="House rule",
)
class DispensingSource(dy.Schema):
    """Whether a source records fills or administrations of a drug; where it does, its orders are no supply."""

    source_id = text("Source system", key=True)
    ingredient = text("Ingredient", key=True)
    is_compounded = dy.Bool(primary_key=True, nullable=False, description="Compounded products")
    evidence_code = text(
        "What counts as supply",
        allowed=EVIDENCE,
        formula="fill where the source holds a fill or administration of the drug, else order",
    )


@table(
    "features.drug_supply",
    grain="one row per person, ingredient and day with a supply",
    window="the day of the supply",
    source="House rules (ref.episode_rule, ref.supply_duration)",
)
class DrugSupply(dy.Schema):
    """Fills and administrations (orders where a source has none) with the days they cover, stock carried over."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    supplied_on = dy.Date(primary_key=True, nullable=False, description="Day of the supply")
    drug_class = text("Class of the ingredient", formula="class of the ingredient (ref.drug)")
    evidence_code = text(
        "Whether the supply was filled or ordered", allowed=EVIDENCE, formula="as in features.dispensing_source"
    )
    n_records = whole("Records of the day", minimum=1, formula="records of the day that count as supply")
    n_unknown_supply = whole(
        "Records without days of supply",
        minimum=0,
        formula="records without days of supply, neither recorded nor by label",
    )
    supply_days = whole(
        "Days supplied; 0 where unknown",
        "d",
        minimum=0,
        formula="days recorded, with refills of orders, else by form, else to the end; strengths of a day: the longest",
    )
    stock_days = whole(
        "Days of stock at hand before the supply, at most the cap",
        "d",
        minimum=0,
        formula="days left of earlier supplies, at most the cap: S(i-1) + max over j of (d(j) - S(j-1))",
        window="since the last change of dose",
    )
    cover_from_on = day("First day on which this supply is taken")
    cover_days = whole(
        "Days on which it is taken",
        "d",
        minimum=0,
        formula="days from cover_from_on until stock ends, dose changes, treatment is stopped or the person dies",
        window="until the next supply is taken",
    )
    dose_number = whole(
        "Order of the dose: rises by one with each change of dose",
        minimum=1,
        formula="1 + changes of weekly dose by more than a tenth so far",
        window="all supplies up to the day",
    )
    dose_mg_per_week = number(
        "Weekly dose from the last change of dose on; NULL if not known",
        "mg/wk",
        optional=True,
        formula="dose of the first supply of its dose number; milligrams of two strengths add up",
        null="a record without a dose",
        window="since the last change of dose",
    )
    times_per_week = number(
        "Intakes a week; NULL if not known",
        "/wk",
        optional=True,
        formula="last told rhythm of the same dose",
        null="no rhythm told, or several strengths on one day",
        window="since the last change of dose",
    )
    dose_source = text(
        "Where the dose of the day comes from; the weakest of several",
        allowed=DOSE_SOURCES,
        formula="weakest source among the day's records",
    )
    dose_confidence = number(
        "Lowest confidence in a dose, 0 to 1",
        optional=True,
        minimum=0,
        maximum=1,
        formula="lowest confidence among the day's records",
        null="no dose",
    )
    has_pellet = flag("Includes a pellet", formula="any record is a pellet")
    is_compounded = flag("Includes a compounded product", formula="any record is compounded")
    stopped_on = day("Recorded day of stopping", optional=True)


@table(
    "features.dosing_episode",
    grain="one row per person, ingredient, permissible gap and episode",
    window="the episode: supplies no further apart than the permissible gap",
    source="House rules (ref.episode_rule); PDC as in Hess 2006, Ann Pharmacother 40:1280",
)
class DosingEpisode(dy.Schema):
    """Stretches of use by drug, for gaps of 60, 90 and 180 days side by side; dose, coverage, stock, how they ended."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    gap_days = whole("Days without stock that the episode survives", "d", key=True, minimum=0)
    episode_number = whole("Order of the episode", key=True, minimum=1)
    is_primary = flag("Whether the gap is the drug's own", formula="the gap is that of the drug in ref.episode_rule")
    drug_class = text("Class of the ingredient", formula="class of the ingredient (ref.drug)")
    evidence_code = text(
        "Whether supplies were filled or ordered", allowed=EVIDENCE, formula="as in features.dispensing_source"
    )
    starts_on = day("Day of the first supply")
    supply_ends_on = day("Last day with stock")
    discontinued_on = day("First day without the drug; NULL where the end was not seen", optional=True)
    end_reason = text(
        "How it ended: recorded, inferred from other drugs and supplies, or not seen",
        allowed=(
            "switch",
            "recorded_stop",
            "supply_unknown",
            "supply_ran_out",
            "death",
            "follow_up_ended",
            "follow_up_unknown",
        ),
        formula="first that holds: another drug of the class within the gap, recorded stop, no supply known, supply out, death, "
        "end of follow-up",
    )
    n_records = whole("Records", minimum=1, formula="sum of records")
    n_unknown_supply = whole(
        "Records without days of supply", minimum=0, formula="sum of records without days of supply"
    )
    length_days = whole(
        "Days from the first supply to the last day with stock",
        "d",
        minimum=0,
        formula="day on which stock is out - first day",
    )
    covered_days = whole("Days with stock", "d", minimum=0, formula="sum of cover_days")
    covered_pct = number(
        "Proportion of days covered (PDC); NULL with a supply unknown",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 covered_days / length_days",
        null="a supply of unknown length, or no length",
    )
    n_gaps = whole("Gaps in coverage", minimum=0, formula="supplies begun after days without stock")
    longest_gap_days = whole(
        "Longest gap in coverage", "d", minimum=0, formula="longest run of days without stock between two supplies"
    )
    largest_stock_days = whole("Most stock at hand at a supply", "d", minimum=0, formula="largest stock_days")
    dose_known_pct = number(
        "Share of the covered days with a known dose",
        "%",
        optional=True,
        minimum=0,
        maximum=100,
        formula="100 covered days with a dose / covered days",
        null="no day covered",
    )
    dose_mg_per_day = number(
        "Mean dose over covered days with a known dose",
        "mg/d",
        optional=True,
        minimum=0,
        formula="sum(cover_days dose) / covered days with a dose / 7",
        null="no dose known",
    )
    dose_mg_per_week = number(
        "Mean dose over covered days with a known dose",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="sum(cover_days dose) / covered days with a dose",
        null="no dose known",
    )
    label_dose_pct = number(
        "Mean dose as a share of the labelled dose",
        "%",
        optional=True,
        minimum=0,
        formula="100 dose_mg_per_day / labelled dose (ref.drug)",
        null="no dose known, or no labelled dose",
    )
    first_dose_mg_per_week = number(
        "Dose of the first supply",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="dose of the first supply",
        null="not known",
    )
    last_dose_mg_per_week = number(
        "Dose of the last supply",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="dose of the last supply",
        null="not known",
    )
    cumulative_mg = number(
        "Dose times covered days; NULL with a dose or supply unknown",
        "mg",
        optional=True,
        minimum=0,
        formula="sum(cover_days dose) / 7",
        null="a dose or the length of a supply is unknown",
    )
    n_dose_changes = whole("Changes of dose", minimum=0, formula="rises of dose_number within the episode")
    dose_confidence = number(
        "Lowest confidence in a dose, 0 to 1",
        optional=True,
        minimum=0,
        maximum=1,
        formula="lowest confidence of its supplies",
        null="no dose known",
    )
    is_compounded = flag("Includes a compounded product", formula="any supply is compounded")
    has_pellet = flag("Includes a pellet", formula="any supply is a pellet")


@table(
    "features.dose_event",
    grain="one row per person, ingredient and event",
    window="the day of the event",
    source="House rule",
)
class DoseEvent(dy.Schema):
    """Starts, restarts, switches, changes of dose and stops, with the estradiol draw that may have led to them."""

    person_id = person_id()
    ingredient = text("Ingredient", key=True)
    event_number = whole("Order of the event", key=True, minimum=1)
    event_on = day("Day of the event")
    event_code = text(
        "Event",
        allowed=("start", "restart", "switch", "dose_up", "dose_down", "dose_unknown", "stop"),
        formula="start, restart and stop by episodes (own gap), switch by the class, dose_up and dose_down by dose_number",
    )
    drug_class = text("Class of the ingredient", formula="class of the ingredient (ref.drug)")
    from_ingredient = text(
        "Drug that was switched from",
        optional=True,
        formula="drug of the class whose episode ended by the switch",
        null="not a switch",
    )
    dose_before_mg_per_week = number(
        "Dose before",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="dose of the supply before",
        null="a start, restart or switch, or not known",
    )
    dose_after_mg_per_week = number(
        "Dose after",
        "mg/wk",
        optional=True,
        minimum=0,
        formula="dose of the supply of the day",
        null="a stop, or not known",
    )
    dose_change_pct = number(
        "Change of dose", "%", optional=True, formula="100 (after / before - 1)", null="either dose is NULL"
    )
    days_since_e2_draw = whole(
        "Days since the last estradiol draw",
        "d",
        optional=True,
        minimum=0,
        formula="event - last estradiol draw, its day included",
        null="never drawn before",
        window="all days up to the event",
    )
    is_lab_triggered = flag(
        "Within 30 days after an estradiol draw",
        formula="days_since_e2_draw <= 30",
        window="30 days up to the event",
        source="House rule (ref.clinical_limit)",
    )


@table(
    "features.protocol",
    grain="one row per person and interval",
    window="the interval between two changes of the drugs at hand",
    source="House rule (ref.clinical_limit)",
)
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
        formula="first that holds: cancer with inhibitor or tamoxifen, testosterone by sex, restart soon after it, fertility",
        window="the interval; a cancer coded up to 90 days after its start",
    )
    is_on_inhibitor = flag("Aromatase inhibitor", formula="an episode covers the interval")
    is_on_testosterone = flag("Testosterone", formula="an episode covers the interval")
    is_on_tamoxifen = flag("Tamoxifen", formula="an episode covers the interval")
    is_on_ovulation_inducer = flag("Clomiphene or enclomiphene", formula="an episode covers the interval")
    is_on_gonadotropin = flag("Gonadorelin or a gonadotropin", formula="an episode covers the interval")
    has_pellet = flag("One of them as a pellet", formula="one of the episodes includes a pellet")
    days_since_testosterone = whole(
        "Days since testosterone ended; NULL if never",
        "d",
        optional=True,
        minimum=0,
        formula="first day - last end of testosterone by then",
        null="no testosterone ended before",
        window="all days before the interval",
    )
