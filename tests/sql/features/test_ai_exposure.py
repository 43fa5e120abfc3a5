"""Aromatase-inhibitor use by interval; without a dose nothing is made up."""

import pytest

TABLE = "features.ai_exposure"
HEADER = "person_id | source_file | source_row | ingredient | days_on | dose_mg_per_day | dose_source"


def test_survey_use_has_days_and_no_dose(run_sql, only):
    row = only(run_sql(TABLE, {"staging.drug_exposure": f"{HEADER}\n1 | rx | 1 | letrozole | 730 | | not_recorded"}))
    assert (row["interval_number"], row["days_on"], row["is_current_at_entry"]) == (1, 730, True)
    assert (row["dose_mg_per_week"], row["label_dose_pct"], row["dose_source"]) == (None, None, "not_recorded")


@pytest.mark.parametrize(
    ("ingredient", "dose", "weekly", "share"),
    [("anastrozole", 1, 7, 100), ("letrozole", 1.25, 8.75, 50), ("exemestane", 25, 175, 100)],
)
def test_dose_against_the_label(run_sql, only, ingredient, dose, weekly, share):
    """Labels: anastrozole 1 mg, letrozole 2.5 mg, exemestane 25 mg a day."""
    row = only(run_sql(TABLE, {"staging.drug_exposure": f"{HEADER}\n1 | rx | 1 | {ingredient} | 30 | {dose} | sig"}))
    assert (row["dose_mg_per_week"], row["label_dose_pct"]) == (pytest.approx(weekly), pytest.approx(share))


def test_other_drugs_are_no_rows_and_intervals_are_numbered(run_sql):
    drugs = "\n".join(
        f"1 | rx | {n} | {name} | 30 | | not_recorded"
        for n, name in enumerate(("letrozole", "tamoxifen", "letrozole"), 1)
    )
    rows = run_sql(TABLE, {"staging.drug_exposure": f"{HEADER}\n{drugs}"})
    assert [(r["ingredient"], r["interval_number"]) for r in rows] == [("letrozole", 1), ("letrozole", 2)]
