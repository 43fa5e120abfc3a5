"""What leaves of a study itself: its question as its file puts it, and the overlap of its arms in coarse shares."""

import polars as pl
import pytest

from pipelines import mart_study
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import catalogue

KEY = {"study_id": "s", "contrast": "a against b", "outcome": "y", "population": "women"}


def facts(*studies: str, min_cell: int = 11) -> RunFacts:
    return RunFacts("run", "omop", studies, "white_female", min_cell, "simulated")


def told(counts: dict[str, list[int]], min_cell: int = 11) -> pl.DataFrame:
    rows = [
        KEY | {"arm_code": arm, "bin_number": bin_, "lower": (bin_ - 1) / 20, "upper": bin_ / 20, "n": n}
        for arm, each in counts.items()
        for bin_, n in enumerate(each, start=1)
    ]
    given = pl.DataFrame(rows, schema=CONTRACTS["models.propensity_score"].empty().schema).lazy()
    return mart_study.propensity_score({"models.propensity_score": given}, facts(min_cell=min_cell)).collect()


def test_the_question_and_the_one_that_leads_come_from_the_file() -> None:
    rows = {row["study_id"]: row for row in mart_study.study({}, facts(*catalogue())).collect().iter_rows(named=True)}
    assert set(rows) == set(catalogue())
    bone = rows["ai_vs_tamoxifen"]
    assert bone["question"].startswith("How much bone does an aromatase inhibitor cost")
    first = catalogue()["ai_vs_tamoxifen"].contrast[0]
    assert (bone["lead_contrast"], bone["lead_outcome"], bone["lead_population"]) == (
        first.words,
        "lumbar_spine_bmd_change_pct",
        first.population,
    )
    survey = rows["nhanes_e2_bmd"]
    assert (survey["lead_contrast"], survey["lead_outcome"], survey["lead_population"]) == (
        None,
        "femoral_neck_bmd_g_cm2",
        None,
    )


def test_every_leading_question_is_of_a_primary_outcome() -> None:
    for row in mart_study.study({}, facts(*catalogue())).collect().iter_rows(named=True):
        assert row["lead_outcome"] is None or row["lead_outcome"] in row["primary_outcomes"].split(","), row["study_id"]


def test_two_bins_become_one_and_shares_are_told_in_steps_of_at_least_the_threshold() -> None:
    found = told({"target": [0] * 8 + [300, 413, 287, 100] + [0] * 8})
    assert found.height == 10
    shown = {row["bin_number"]: row["share_pct"] for row in found.iter_rows(named=True)}
    assert shown == dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 10), 0.0) | {5: 65.0, 6: 35.0}
    assert found["lower"].to_list()[4] == pytest.approx(0.4)
    assert found["upper"].to_list()[4] == pytest.approx(0.5)


@pytest.mark.parametrize(("people", "step"), [(1100, 1), (1099, 2), (550, 2), (549, 5), (220, 5), (219, 10), (110, 10)])
def test_a_step_is_never_fewer_people_than_the_threshold(people: int, step: int) -> None:
    parts = [people // 3, people // 4, people - people // 3 - people // 4]
    shares = told({"target": [parts[0], 0, parts[1], 0, parts[2], *[0] * 15]})["share_pct"]
    assert all(share % step == 0 for share in shares)
    assert step * people >= 100 * 11


def test_a_small_arm_tells_nothing_and_a_small_bin_takes_another_with_it() -> None:
    assert told({"target": [109, *[0] * 19]})["is_suppressed"].all()
    found = told({"target": [500, 0, 400, 0, 3, 0, 30, *[0] * 13]})
    hidden = found.filter(pl.col("is_suppressed"))
    assert hidden["bin_number"].to_list() == [3, 4]
    assert hidden["share_pct"].null_count() == 2


def test_without_a_comparison_nothing_leaves() -> None:
    assert told({}).height == 0
