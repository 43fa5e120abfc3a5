"""Stretches of one dose in one rhythm from supplies of an inhibitor."""

import datetime as dt

TABLE = "features.ai_regimen"
HEADER = (
    "person_id | ingredient | drug_class | supplied_on | cover_from_on | cover_days | dose_number | dose_mg_per_week"
    " | times_per_week | dose_source"
)
FIRST = dt.date(2020, 1, 1)


def supply(day: int, days: int, number=1, dose: float | str = 7, times: float | str = 7, **other) -> str:
    cells = {"person": 1, "ingredient": "anastrozole", "drug_class": "aromatase_inhibitor", "source": "sig"} | other
    on = FIRST + dt.timedelta(day)
    return (
        f"{cells['person']} | {cells['ingredient']} | {cells['drug_class']} | {on} | {on} | {days} | {number} | {dose}"
        f" | {times} | {cells['source']}"
    )


def regimens(run_sql, *supplies: str) -> list[tuple]:
    rows = run_sql(TABLE, {"features.drug_supply": "\n".join((HEADER, *supplies))})
    days = [((r["starts_on"] - FIRST).days, (r["ends_on"] - FIRST).days, r["covered_days"]) for r in rows]
    return [(*day, r["dose_mg_per_week"], r["times_per_week"]) for day, r in zip(days, rows, strict=True)]


def test_supplies_of_one_dose_are_one_regimen(run_sql):
    assert regimens(run_sql, supply(0, 30), supply(30, 30), supply(60, 30)) == [(0, 89, 90, 7, 7)]


def test_a_late_refill_within_the_grace_is_bridged_and_not_covered(run_sql):
    """The grace of anastrozole is 7 days."""
    assert regimens(run_sql, supply(0, 30), supply(37, 30)) == [(0, 66, 60, 7, 7)]
    assert regimens(run_sql, supply(0, 30), supply(38, 30)) == [(0, 29, 30, 7, 7), (38, 67, 30, 7, 7)]


def test_a_new_dose_and_a_new_rhythm_begin_a_regimen_but_only_the_dose_counts_as_changed(run_sql):
    rows = run_sql(TABLE, {"features.drug_supply": "\n".join((
        HEADER, supply(0, 30), supply(30, 30, 2, 1, 2), supply(60, 30, 2, 1, 3.5),
    ))})  # fmt: skip
    assert [(r["regimen_number"], r["dose_mg_per_week"], r["times_per_week"]) for r in rows] == [
        (1, 7, 7),
        (2, 1, 2),
        (3, 1, 3.5),
    ]
    assert [(r["dose_changed_on"] - FIRST).days for r in rows] == [0, 30, 30]


def test_an_unknown_dose_stays_unknown(run_sql):
    assert regimens(run_sql, supply(0, 30, dose="", times="")) == [(0, 29, 30, None, None)]


def test_what_covers_nothing_and_other_drugs_make_no_regimen(run_sql):
    assert regimens(run_sql, supply(0, 0), supply(0, 30, drug_class="serm", ingredient="tamoxifen")) == []


def test_drugs_and_people_are_apart(run_sql):
    found = regimens(run_sql, supply(0, 30), supply(10, 30, ingredient="letrozole"), supply(20, 30, person=2))
    assert found == [(0, 29, 30, 7, 7), (10, 39, 30, 7, 7), (20, 49, 30, 7, 7)]


def test_it_says_which_drug_and_how_the_dose_is_known(run_sql, only):
    row = only(run_sql(TABLE, {"features.drug_supply": "\n".join((HEADER, supply(0, 30, ingredient="letrozole")))}))
    assert (row["ingredient"], row["dose_source"]) == ("letrozole", "sig")
