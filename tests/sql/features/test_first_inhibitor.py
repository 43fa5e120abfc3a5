"""The day from which changes are counted, once for all tables."""

import datetime as dt

TABLE = "features.first_inhibitor"
HEADER = "person_id | ingredient | drug_class | supplied_on"


def test_the_first_supply_of_any_inhibitor_and_a_year_before(run_sql, only):
    supplies = (
        "1 | letrozole | aromatase_inhibitor | 2021-01-01",
        "1 | anastrozole | aromatase_inhibitor | 2020-06-01",
        "1 | testosterone | androgen | 2018-01-01",
    )
    row = only(run_sql(TABLE, {"features.drug_supply": "\n".join((HEADER, *supplies))}))
    assert row == {
        "person_id": 1, "inhibitor_from_on": dt.date(2020, 6, 1), "baseline_from_on": dt.date(2019, 6, 2),
    }  # fmt: skip


def test_nobody_without_an_inhibitor(run_sql):
    assert run_sql(TABLE, {"features.drug_supply": f"{HEADER}\n1 | testosterone | androgen | 2020-01-01"}) == []
