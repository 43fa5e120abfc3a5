"""Instruction, quantity, strength and days' supply of clinical prescriptions, put together row by row.

By `sig-conventions`: the rate of the instruction stands, a supply that differs by more than 25 % is flagged, and only a
missing instruction or 'as directed' is filled by the supply.
"""

import hashlib

import pytest

from pipelines.domain.sig.reconciliation import reconcile

TABLE = "staging.drug_exposure"
PERSON = "person_id | sex_code | birth_year\n1 | male | 1970"
CELLS = {
    "person_id": 1, "source_file": "rx", "record_number": 1, "source_id": "flat", "drop_id": "d", "drop_sequence": 1,
    "started_on": "2020-03-01",
}  # fmt: skip
PRODUCTS = {
    "anastrozole": {"ingredient": "anastrozole", "drug_class": "aromatase_inhibitor", "strength_mg": 1.0,
                    "strength_text": "1 mg"},
    "testosterone": {"ingredient": "testosterone", "drug_class": "androgen", "concentration_mg_per_ml": 200.0,
                     "volume_ml": 10.0, "strength_text": "200 mg/mL"},
    "pellet": {"ingredient": "testosterone", "drug_class": "androgen", "strength_mg": 100.0, "form_code": "pellet",
               "strength_text": "100 mg pellet"},
    "alendronate": {"ingredient": "alendronate", "drug_class": "bisphosphonate", "strength_mg": 70.0, "strength_text": "70 mg"},
    "vaginal": {"ingredient": "estradiol", "drug_class": "estrogen", "strength_mg": 0.01, "strength_text": "0.01 mg",
                "route_code": "vaginal"},
    "letrozole": {"ingredient": "letrozole", "drug_class": "aromatase_inhibitor", "strength_mg": 2.5, "strength_text": "2.5 mg"},
    "gonadorelin": {"ingredient": "gonadorelin", "drug_class": "gnrh_agonist", "concentration_mg_per_ml": 1.0,
                    "volume_ml": 1.0, "strength_text": "1 mg/mL"},
}  # fmt: skip


def key_of(run_sql, drug: str) -> str:
    return run_sql("source.flat_drug_keyed", {"raw.flat_prescription": f"person_id | drug_text\n1 | {drug}"})[0][
        "product_id"
    ]


def exposures(run_sql, *rows: dict, sig: dict | None = None) -> list[dict]:
    """Rows of raw.flat_prescription with `drug_text` from PRODUCTS; `sig` is what staging.sig says of every instruction."""
    raw, products, sigs = [], {}, {}
    for number, row in enumerate(rows, start=1):
        drug = row.get("drug_text", "anastrozole")
        product = PRODUCTS[drug]
        raw.append(CELLS | {"source_row": number, "drug_text": drug} | row)
        products[drug] = {
            "product_id": key_of(run_sql, drug), "resolution_code": "name", "drug_name": drug, "n_ingredients": 1,
            "is_compounded": False,
        } | product  # fmt: skip
        if row.get("sig_text") and sig is not None:
            text = "|".join((row["sig_text"].lower(), product["ingredient"], product["strength_text"]))
            sigs[text] = {"sig_id": hashlib.md5(text.encode()).hexdigest(), "is_prn": False, "confidence": 0.9} | sig
    inputs = {"staging.person": PERSON, "raw.flat_prescription": raw, "staging.drug_product": list(products.values())}
    return run_sql(TABLE, inputs | {"staging.sig": list(sigs.values())})


DAILY = {"amount": 1.0, "amount_unit": "tablet", "times_per_week": 7.0, "mg_per_week": 7.0}
TWICE_A_WEEK = {"amount": 1.0, "amount_unit": "tablet", "times_per_week": 2.0, "mg_per_week": 2.0}


def test_instruction_and_supply_that_agree(run_sql, only):
    row = only(exposures(run_sql, {"sig_text": "1 tab daily", "quantity": 30, "days_supply": 30}, sig=DAILY))
    assert (row["dose_mg_per_week"], row["dose_mg_per_day"], row["dose_source"]) == (7, 1, "sig")
    assert (row["supplied_mg_per_week"], row["sig_mg_per_week"], row["dose_confidence"]) == (7, 7, 0.9)
    assert (row["days_supply"], row["days_supply_basis"], row["dose_flags"]) == (30, "given", None)
    assert (row["record_type"], row["status_code"], row["date_reason"]) == ("unknown", "unknown", "recorded")


def test_thirty_tablets_as_thirty_days_though_two_are_taken_a_week(run_sql, only):
    """Trap 18: the sig's rate stays, the days are recomputed: 30 mg over 2 mg a week is 105 days."""
    row = only(
        exposures(run_sql, {"sig_text": "1 tab twice weekly", "quantity": 30, "days_supply": 30}, sig=TWICE_A_WEEK)
    )
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_confidence"]) == (2, "sig", 0.6)
    assert (row["supplied_mg_per_week"], row["days_supply"], row["days_supply_basis"]) == (7, 105, "recomputed")
    assert row["dose_flags"] == "supply_conflict"


@pytest.mark.parametrize(("quantity", "is_conflict"), [(37, False), (37.5, False), (38, True), (23, False), (22, True)])
def test_a_quarter_is_no_conflict_and_more_is(run_sql, only, quantity, is_conflict):
    row = only(exposures(run_sql, {"sig_text": "1 tab daily", "quantity": quantity, "days_supply": 30}, sig=DAILY))
    assert ("supply_conflict" in (row["dose_flags"] or "")) is is_conflict
    assert row["dose_mg_per_week"] == 7


TWICE_DAILY = {"amount": 0.5, "amount_unit": "tablet", "times_per_week": 14.0, "mg_per_week": 7.0}


def test_twice_daily_beside_a_supply_for_twice_a_week_has_the_supplys_rate(run_sql, only):
    """Half a tablet twice a week for 84 days is 12 tablets; the instruction says twice daily: a slip of the pen."""
    row = only(exposures(run_sql, {"sig_text": "x", "quantity": 12, "days_supply": 84}, sig=TWICE_DAILY))
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_confidence"]) == (1, "quantity", 0.3)
    assert (row["sig_mg_per_week"], row["days_supply"], row["days_supply_basis"]) == (7, 84, "given")
    assert row["dose_flags"] == "daily_for_weekly,from_supply,supply_conflict"


@pytest.mark.parametrize(
    ("drug", "supply", "flags", "confidence"),
    [
        ("anastrozole", {}, "more_often_than_label", 0.6),  # nothing to compare with: as written, never silently
        ("anastrozole", {"quantity": 84, "days_supply": 84}, "more_often_than_label", 0.9),  # the supply says so, too
        ("anastrozole", {"quantity": 42, "days_supply": 84}, "more_often_than_label,supply_conflict", 0.6),
        ("letrozole", {}, "more_often_than_label", 0.6),
        ("testosterone", {}, "more_often_than_label", 0.6),
        ("alendronate", {}, "more_often_than_label", 0.6),
        ("vaginal", {}, "more_often_than_label", 0.6),
    ],
)
def test_more_often_than_the_label_is_never_read_silently(run_sql, only, drug, supply, flags, confidence):
    row = only(exposures(run_sql, {"drug_text": drug, "sig_text": "x"} | supply, sig=TWICE_DAILY))
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_flags"]) == (7, "sig", flags)
    assert row["dose_confidence"] == confidence


@pytest.mark.parametrize(
    ("drug", "times", "quantity", "days"), [("anastrozole", 7.0, 12, 84), ("testosterone", 2.0, 1, 70)]
)
def test_as_often_as_the_label_the_instructions_rate_stands(run_sql, only, drug, times, quantity, days):
    """'Daily' of a daily drug, and twice a week of an injection, are no slips, whatever the supply."""
    sig = {"times_per_week": times, "mg_per_week": 7.0}
    rows = exposures(run_sql, {"drug_text": drug, "sig_text": "x", "quantity": quantity, "days_supply": days}, sig=sig)
    assert (only(rows)["dose_mg_per_week"], only(rows)["dose_flags"]) == (7, "supply_conflict")


@pytest.mark.parametrize(
    ("drug", "times", "quantity", "flags"),
    [
        (
            "gonadorelin",
            14.0,
            12,
            "perhaps_daily_for_weekly,supply_conflict",
        ),  # a seventh of the stated rate was handed out
        ("gonadorelin", 14.0, 24, "supply_conflict"),
        ("gonadorelin", 14.0, 84, None),
        ("gonadorelin", 7.0, 12, "supply_conflict"),  # once a day is no slip
    ],
)
def test_twice_daily_of_an_unlabelled_drug_beside_a_seventh_of_it_is_flagged_and_stands(
    run_sql, only, drug, times, quantity, flags
):
    sig = {"times_per_week": times, "mg_per_week": 7.0}
    row = only(
        exposures(run_sql, {"drug_text": drug, "sig_text": "x", "quantity": quantity, "days_supply": 84}, sig=sig)
    )
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_flags"]) == (7, "sig", flags)


def test_days_are_recomputed_where_none_were_given(run_sql, only):
    row = only(exposures(run_sql, {"sig_text": "1 tab daily", "quantity": 90}, sig=DAILY))
    assert (row["days_supply"], row["days_supply_basis"]) == (90, "recomputed")


def test_without_an_instruction_the_supply_gives_the_rate(run_sql, only):
    row = only(exposures(run_sql, {"quantity": 30, "days_supply": 60}))
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_confidence"]) == (3.5, "quantity", 0.3)
    assert (row["dose_flags"], row["is_prn"]) == ("from_supply,no_sig", None)


def test_without_days_nothing_is_known(run_sql, only):
    row = only(exposures(run_sql, {"quantity": 30}))
    assert (row["dose_mg_per_week"], row["dose_source"], row["dose_confidence"]) == (None, "not_recorded", None)
    assert (row["days_supply"], row["days_supply_basis"]) == (None, "none")


@pytest.mark.parametrize(
    "flags", ["as_directed", "no_sig", "range_amount", "prn", "ambiguous_frequency", "as_directed,prn", "steps"]
)
@pytest.mark.parametrize("sig_mg", [None, 7.0])
@pytest.mark.parametrize("supply", [(None, None), (30, 30), (60, 30)])
def test_the_rule_is_that_of_the_reader(run_sql, only, flags, sig_mg, supply):
    quantity, days = supply
    row = only(
        exposures(
            run_sql,
            {"sig_text": "some words", "quantity": quantity, "days_supply": days},
            sig={"mg_per_week": sig_mg, "confidence": 0.9 if sig_mg else 0.3, "flags": flags},
        )
    )
    supplied = quantity * 7 / days if quantity else None
    expected = reconcile(sig_mg, 0.9 if sig_mg else 0.3, tuple(flags.split(",")), supplied)
    assert (row["dose_mg_per_week"], row["dose_source"]) == (expected.mg_per_week, expected.source)
    assert (row["dose_confidence"] or 0) == pytest.approx(expected.confidence)
    assert ("supply_conflict" in row["dose_flags"]) is expected.is_conflict


@pytest.mark.parametrize(
    ("drug", "quantity", "unit", "supplied_mg"),
    [
        ("anastrozole", 30, "tabs", 30), ("anastrozole", 30, None, 30), ("anastrozole", 30, "mg", 30),
        ("testosterone", 10, "mL", 2000), ("testosterone", 10, None, 2000), ("testosterone", 1, "vial", 2000),
        ("testosterone", 2, "ampoule", 4000), ("anastrozole", 30, "mL", None),
    ],
)  # fmt: skip
def test_units_of_quantity(run_sql, only, drug, quantity, unit, supplied_mg):
    row = only(
        exposures(run_sql, {"drug_text": drug, "quantity": quantity, "quantity_unit_text": unit, "days_supply": 70})
    )
    assert row["supplied_mg_per_week"] == (pytest.approx(supplied_mg / 10) if supplied_mg else None)


def test_a_vial_billed_as_28_days_is_a_conflict(run_sql, only):
    sig = {"amount": 0.5, "amount_unit": "mL", "times_per_week": 1.0, "mg_per_week": 100.0}
    row = only(exposures(run_sql, {"drug_text": "testosterone", "sig_text": "0.5 mL weekly", "quantity": 1,
                                   "quantity_unit_text": "vial", "days_supply": 28}, sig=sig))  # fmt: skip
    assert (row["dose_mg_per_week"], row["days_supply"], row["dose_flags"]) == (100, 140, "supply_conflict")


def test_pellets_state_no_weekly_dose(run_sql, only):
    row = only(exposures(run_sql, {"drug_text": "pellet", "quantity": 8, "days_supply": 120}))
    assert (row["dose_mg_per_week"], row["dose_source"], row["form_code"]) == (None, "not_recorded", "pellet")


@pytest.mark.parametrize(
    ("drug", "weekly", "is_implausible"),
    [
        ("anastrozole", 7.0, False),
        ("anastrozole", 7.05, False),
        ("anastrozole", 14.0, True),
        ("letrozole", 17.5, False),
        ("letrozole", 35.0, True),
    ],
)
def test_above_the_label_is_implausible_and_kept(run_sql, only, drug, weekly, is_implausible):
    row = only(exposures(run_sql, {"drug_text": drug, "sig_text": "x"}, sig={"mg_per_week": weekly}))
    assert (row["dose_mg_per_week"], row["is_implausible"]) == (weekly, is_implausible)
    assert ("above_label" in (row["dose_flags"] or "")) is is_implausible


@pytest.mark.parametrize(
    ("testosterone_on", "weekly", "is_implausible"),
    [("2020-02-01", 7.0, True), ("2020-02-01", 3.5, False), ("2019-08-01", 7.0, False), ("2020-04-01", 7.0, False)],
)
def test_beside_testosterone_half_a_milligram_a_day_is_the_most(run_sql, testosterone_on, weekly, is_implausible):
    rows = exposures(
        run_sql,
        {"sig_text": "x"},
        {"drug_text": "testosterone", "started_on": testosterone_on},
        sig={"mg_per_week": weekly},
    )
    assert next(r for r in rows if r["ingredient"] == "anastrozole")["is_implausible"] is is_implausible


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("filled", "completed"),
        ("Returned to stock", "returned"),
        ("cancelled", "cancelled"),
        ("not picked up", "not_filled"),
        ("?", "unknown"),
    ],
)
def test_orders_that_came_to_nothing_are_kept_with_their_status(run_sql, only, status, code):
    row = only(exposures(run_sql, {"status_text": status, "record_type_text": "order"}))
    assert (row["status_code"], row["record_type"]) == (code, "order")


def test_an_end_before_the_start_is_no_end(run_sql, only):
    row = only(exposures(run_sql, {"ended_on": "2020-02-01"}))
    assert (row["ended_on"], "ends_before_start" in row["dose_flags"]) == (None, True)


def test_an_instruction_nobody_read_is_not_filled_by_the_supply(run_sql, only):
    row = only(exposures(run_sql, {"sig_text": "x", "quantity": 30, "days_supply": 30}, sig=None))
    assert (row["dose_mg_per_week"], row["dose_flags"]) == (None, "sig_not_read")


def test_omop_days_and_quantities_of_zero_say_nothing(run_sql, only):
    omop = (
        "person_id | drug_exposure_id | drug_concept_id | drug_type_concept_id | quantity | days_supply"
        " | drug_exposure_start_date\n1 | 5 | 1348265 | 32825 | 0 | 0 | 2020-03-01"
    )
    (key,) = {row["product_id"] for row in run_sql("source.omop_drug_keyed", {"raw.omop_drug_exposure": omop})}
    product = [
        PRODUCTS["anastrozole"] | {"product_id": key, "resolution_code": "code", "drug_name": "a", "n_ingredients": 1}
    ]
    row = only(
        run_sql(TABLE, {"staging.person": PERSON, "raw.omop_drug_exposure": omop, "staging.drug_product": product})
    )
    assert (row["quantity"], row["days_supply"], row["record_type"]) == (None, None, "fill")
