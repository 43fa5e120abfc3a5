"""Which steps in level leave, rounded, and those of few people hidden."""

import datetime as dt
from typing import Any

import polars as pl

from pipelines import mart
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

FACTS = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")
Rows = list[dict[str, Any]]


def leaving(rows: Rows) -> Rows:
    """The rows of `mart.change_point` made of these of `models.change_point`; columns are the contract's."""
    schema = CONTRACTS["models.change_point"].empty().schema
    given = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema).lazy()
    made = mart.change_point({"models.change_point": given}, FACTS).collect()
    assert made.columns == [column.name for column in CONTRACTS["mart.change_point"].columns]
    return made.to_dicts()


def test_only_steps_beyond_chance_leave_rounded_and_with_enough_people():
    place = {"quantity": "lab", "item_code": "estradiol", "place_kind": "laboratory", "quarter_number": 8060}
    found = {"starts_on": dt.date(2015, 1, 1), "status": "evaluated", "mean_quarters_apart": 2.0, "z": -9.0}
    size = {"change_pct": -20.3, "ci_low_pct": -22.2, "ci_high_pct": -18.1, "cause_code": "laboratory"}
    step = place | found | size | {"n_pairs": 40, "p_adjusted": 0.049, "is_peak": True}
    others = [
        step | {"place_code": "chance", "p_adjusted": 0.05},
        step | {"place_code": "beside", "is_peak": False},
        step | {"place_code": "few", "n_pairs": 10},
    ]
    shown = {row["place_code"]: row for row in leaving([step | {"place_code": "one"}, *others])}
    assert set(shown) == {"one", "few"}
    told = ("change_pct", "ci_low_pct", "ci_high_pct", "cause_code", "is_suppressed")
    assert [shown["one"][name] for name in told] == [-20.5, -22.0, -18.0, "laboratory", False]
    assert [shown["few"][name] for name in told] == [None, None, None, None, True]


def test_nothing_in_nothing_out():
    assert leaving([]) == []
