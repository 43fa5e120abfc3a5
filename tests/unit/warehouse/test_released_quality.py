"""What a release says of data checks: strata with few rows, and what would tell them by subtraction, are hidden."""

import polars as pl

from pipelines.tables import CONTRACTS
from pipelines.warehouse.released_quality import hidden

MIN_CELL = 11


def released(
    counts: dict[str, tuple[int | None, int | None]], check: str = "staging.x.rule"
) -> dict[str, tuple[int | None, int | None]]:
    rows = [{"check_id": check, "stratum": s, "n_violated": v, "n_evaluated": n} for s, (v, n) in counts.items()]
    frame = pl.DataFrame(rows, schema=CONTRACTS["mart.quality_result"].empty().schema)
    found = hidden(frame, MIN_CELL)
    assert found.columns == frame.columns
    return {s: (v, n) for s, v, n in found.select("stratum", "n_violated", "n_evaluated").iter_rows()}


def test_large_strata_without_faults_are_shown() -> None:
    counts = {"all": (0, 500), "a": (0, 300), "b": (0, 200)}
    assert released(counts) == counts


def test_a_small_stratum_is_hidden_with_the_one_that_would_tell_it() -> None:
    found = released({"all": (0, 504), "a": (0, 300), "b": (0, 200), "c": (0, 4)})
    assert found == {"all": (0, 504), "a": (0, 300), "b": (None, None), "c": (None, None)}


def test_a_few_faults_of_one_stratum_cannot_be_worked_out_from_the_others() -> None:
    found = released({"all": (53, 900), "a": (20, 300), "b": (30, 300), "c": (3, 300)})
    assert found["all"] == (53, 900)
    assert found["b"] == (30, 300)
    assert found["a"] == found["c"] == (None, 300)


def test_few_rows_that_keep_a_rule_are_hidden_too() -> None:
    assert released({"all": (95, 100)}) == {"all": (None, 100)}


def test_a_check_of_few_rows_shows_no_count_with_or_without_strata() -> None:
    assert released({"all": (0, 10)}) == {"all": (None, None)}
    assert released({"all": (10, 10)}) == {"all": (None, None)}
    assert released({"all": (0, 10), "a": (0, 4), "b": (0, 6)}) == dict.fromkeys(("all", "a", "b"), (None, None))
    assert released({"all": (0, MIN_CELL)}) == {"all": (0, MIN_CELL)}
    assert released({"all": (0, 0)}) == {"all": (0, 0)}


def test_columns_are_no_people() -> None:
    asked = {
        check: released({"all": (0, 7)}, f"staging.x.{check}")["all"][1]
        for check in ("columns", "types", "n_types_code")
    }
    assert asked == {"columns": 7, "types": 7, "n_types_code": None}


def test_a_check_that_could_not_be_evaluated_has_no_counts() -> None:
    assert released({"all": (None, None)}) == {"all": (None, None)}


def test_without_a_verdict_there_is_nothing_to_hide() -> None:
    assert released({}) == {}
