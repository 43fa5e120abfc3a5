"""Days covered by each supply: carry-over with a cap, changes of dose, orders, and what is no supply at all."""

import datetime as dt
import random

import pytest

TABLE = "features.drug_supply"
HEADER = (
    "person_id | ingredient | drug_class | record_type | status_code | started_on | ended_on | quantity | strength_mg"
    " | days_supply | refills | dose_mg_per_week | times_per_week | form_code | source_id | is_compounded"
)
FILLED = "source_id | ingredient | is_compounded | evidence_code\nomop | anastrozole | false | fill"
ORDERED = FILLED.replace("| fill", "| order")
FIRST = dt.date(2020, 1, 1)
CAP = 180


def fill(day=0, days: float | str = 30, dose: float | str = 7, **other) -> str:
    """One record of anastrozole, `day` days after the first of January 2020."""
    cells = {
        "person": 1, "ingredient": "anastrozole", "kind": "fill", "status": "", "end": "", "quantity": "", "strength": 1,
        "refills": "", "times": "", "form": "tablet",
    } | other  # fmt: skip
    end = "" if cells["end"] == "" else FIRST + dt.timedelta(days=cells["end"])
    return (
        f"{cells['person']} | {cells['ingredient']} | aromatase_inhibitor | {cells['kind']} | {cells['status']}"
        f" | {FIRST + dt.timedelta(days=day)} | {end} | {cells['quantity']} | {cells['strength']} | {days}"
        f" | {cells['refills']} | {dose} | {cells['times']} | {cells['form']} | omop | false"
    )


def supply(run_sql, *rows: str, evidence: str = FILLED, **inputs: str) -> list[dict]:
    drawn = {"staging.drug_exposure": "\n".join((HEADER, *rows)), "features.dispensing_source": evidence, **inputs}
    return run_sql(TABLE, drawn)


def cover(rows: list[dict]) -> list[tuple[int, int, int]]:
    """Day of supply, first covered day and days covered, by person and day."""
    return [((r["supplied_on"] - FIRST).days, (r["cover_from_on"] - FIRST).days, r["cover_days"]) for r in rows]


def test_early_refills_queue_and_late_ones_leave_a_gap(run_sql):
    rows = supply(run_sql, fill(0), fill(20), fill(40), fill(100))
    assert cover(rows) == [(0, 0, 30), (20, 30, 30), (40, 60, 30), (100, 100, 30)]
    assert [r["stock_days"] for r in rows] == [0, 10, 20, 0]


def test_stock_above_the_cap_is_lost(run_sql):
    """Three fills of 150 days: 180 of the 300 days at hand are carried; after the gap nothing is remembered."""
    rows = supply(run_sql, fill(0, 150), fill(0 + 1, 150), fill(2, 150), fill(400, 30))
    assert cover(rows) == [(0, 0, 150), (1, 150, 32), (2, 182, 150), (400, 400, 30)]
    assert [r["stock_days"] for r in rows] == [0, 149, 180, 0]


def queue(history: list[tuple[int, int]], cap: int) -> list[tuple[int, int, int]]:
    """The same by walking through the fills one after the other."""
    starts, stock, previous = [], 0, None
    for day, days in history:
        stock = 0 if previous is None else min(cap, max(0, stock + previous[1] - (day - previous[0])))
        starts.append(day + stock)
        previous = (day, days)
    ends = [*starts[1:], 10**9]
    return [(d, s, min(days, e - s)) for (d, days), s, e in zip(history, starts, ends, strict=True)]


def test_closed_form_equals_the_walk_on_random_histories(run_sql):
    draw = random.Random(20261)
    histories = []
    for person in range(60):
        days = sorted(draw.sample(range(1500), draw.randint(1, 25)))
        lengths = (7, 28, 30, 90, 100, 360) if person % 2 else (30, 30, 90)
        histories.append([(day, draw.choice(lengths)) for day in days])
    rows = [fill(d, s, person=p) for p, history in enumerate(histories) for d, s in history]
    draw.shuffle(rows)
    found = supply(run_sql, *rows)
    by_person = {p: sorted(cover([r for r in found if r["person_id"] == p])) for p in range(len(histories))}
    assert by_person == {p: queue(history, CAP) for p, history in enumerate(histories)}
    assert sum(r["stock_days"] == CAP for r in found) > 10


def test_a_change_of_dose_begins_at_once_and_puts_the_stock_away(run_sql):
    rows = supply(run_sql, fill(0, 90), fill(10, 90), fill(20, 90, dose=3.5), fill(30, 90, dose=3.5))
    assert cover(rows) == [(0, 0, 20), (10, 20, 0), (20, 20, 90), (30, 110, 90)]
    assert [(r["dose_number"], r["dose_mg_per_week"]) for r in rows] == [(1, 7), (1, 7), (2, 3.5), (2, 3.5)]


@pytest.mark.parametrize(("dose", "number"), [(7.69, 1), (7.71, 2), (6.37, 1), (6.36, 2), ("", 2)])
def test_ten_percent_is_the_same_dose(run_sql, dose, number):
    """7 * 1.1 = 7.7 and 7 / 1.1 = 6.364."""
    rows = supply(run_sql, fill(0), fill(30, dose=dose))
    assert rows[1]["dose_number"] == number
    assert rows[1]["dose_mg_per_week"] == (7 if number == 1 else dose or None)


def test_a_recorded_stop_ends_coverage_and_carry(run_sql):
    rows = supply(run_sql, fill(0, 90), fill(10, 90, status="stopped", end=24), fill(60, 30))
    assert cover(rows) == [(0, 0, 25), (10, 25, 0), (60, 60, 30)]
    assert [r["stopped_on"] for r in rows] == [None, FIRST + dt.timedelta(24), None]


def test_nothing_is_taken_after_death(run_sql):
    death = "person_id | died_on\n1 | 2020-01-10"
    assert cover(supply(run_sql, fill(0, 30), **{"staging.death": death})) == [(0, 0, 10)]


@pytest.mark.parametrize("status", ["cancelled", "not_filled", "returned", "entered_in_error"])
def test_what_never_left_the_pharmacy_is_no_supply(run_sql, status):
    assert supply(run_sql, fill(0, status=status)) == []


def test_a_reversal_is_no_supply(run_sql):
    assert supply(run_sql, fill(0, quantity=-30)) == []


def test_orders_count_only_without_fills_and_with_their_refills(run_sql, only):
    order = fill(0, 30, kind="order", refills=2)
    assert supply(run_sql, order) == []
    row = only(supply(run_sql, order, evidence=ORDERED))
    assert (row["supply_days"], row["evidence_code"]) == (90, "order")


def test_refills_left_of_a_fill_are_no_supply(run_sql, only):
    assert only(supply(run_sql, fill(0, 30, refills=2)))["supply_days"] == 30


def test_two_halves_are_the_whole(run_sql, only):
    whole = only(supply(run_sql, fill(0, 365)))
    halves = only(supply(run_sql, fill(0, 182.5), fill(0, 182.5)))
    assert halves["n_records"] == 2
    assert {**halves, "n_records": 1} == whole


def test_two_strengths_of_one_day_are_taken_together(run_sql, only):
    """1 mg daily and 0.5 mg daily for 30 days: 1.5 mg daily, 45 mg in all."""
    row = only(supply(run_sql, fill(0, 30, 7, times=7), fill(0, 30, 3.5, strength=0.5, times=7)))
    assert (row["dose_mg_per_week"], row["supply_days"], row["times_per_week"]) == (10.5, 30, None)
    row = only(supply(run_sql, fill(0, 30, 7), fill(0, 10, 3.5, strength=0.5)))
    assert row["dose_mg_per_week"] * row["supply_days"] == pytest.approx(7 * 30 + 3.5 * 10)


def test_a_fill_without_instruction_goes_by_the_last_one_of_its_dose(run_sql):
    rows = supply(run_sql, fill(0), fill(30, times=7), fill(60), fill(90, dose=1, times=2), fill(120, dose=1))
    assert [r["times_per_week"] for r in rows] == [None, 7, 7, 2, 2]


def test_days_of_supply_unknown(run_sql, only):
    row = only(supply(run_sql, fill(0, "")))
    assert (row["supply_days"], row["cover_days"], row["n_unknown_supply"]) == (0, 0, 1)
    assert only(supply(run_sql, fill(0, "", end=27)))["supply_days"] == 28
    assert only(supply(run_sql, fill(0, "", end=0)))["n_unknown_supply"] == 1


@pytest.mark.parametrize(("days", "expected"), [("", 120), (1, 120), (90, 90)])
def test_a_pellet_lasts_as_long_as_the_label_says(run_sql, only, days, expected):
    row = only(supply(run_sql, fill(0, days, "", kind="administered", form="pellet")))
    assert (row["supply_days"], row["has_pellet"]) == (expected, True)


def test_other_people_change_nothing(run_sql):
    alone = supply(run_sql, fill(0), fill(20))
    together = supply(run_sql, fill(5, 90, 3.5, person=2), fill(20), fill(0), fill(10, 200, person=3))
    assert [r for r in together if r["person_id"] == 1] == alone


def test_the_weaker_of_two_records_says_how_sure_the_dose_is(run_sql, only):
    """Two tablets of one day: one told by its instruction (0.9), one by its quantity (0.6)."""
    rows = "\n".join(f"{fill(0)} | {source} | {sure}" for source, sure in (("sig", 0.9), ("quantity", 0.6)))
    drug = f"{HEADER} | dose_source | dose_confidence\n{rows}"
    row = only(run_sql(TABLE, {"staging.drug_exposure": drug, "features.dispensing_source": FILLED}))
    assert (row["n_records"], row["dose_source"], row["dose_confidence"]) == (2, "quantity", 0.6)


def test_it_says_of_which_drug(run_sql, only):
    row = only(supply(run_sql, fill(0)))
    assert (row["ingredient"], row["drug_class"], row["is_compounded"]) == ("anastrozole", "aromatase_inhibitor", False)
