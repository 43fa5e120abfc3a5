"""Falls of estradiol and the time to most of them, as the page of their study tells them."""

import polars as pl

from pipelines.report.frames import prepared
from pipelines.report.section_findings import estimate_tables, findings
from pipelines.trials.study import catalogue

Mart = dict[str, pl.DataFrame]
STUDY = catalogue()["e2_pkpd"]
MEN = STUDY.time_course[0]
_SCALE = {True: "days since the first supply", False: "% below the start, geometric mean"}


def with_courses(mart: Mart) -> Mart:
    """The mart with the six answers of men; nothing is told of the first day."""
    like = mart["mart.effect_estimate"].filter(pl.col("estimate").is_not_null()).head(1)
    rows = []
    for place, outcome in enumerate(MEN.outcomes):
        is_time = outcome.endswith("_days")
        told = {"estimate": 3.1, "ci_low": 2.7, "ci_high": 3.6, "se": 0.2, "n_target": 240}
        fall = {"estimate": 50.0 + place, "ci_low": 40.0, "ci_high": 60.0, "se": 5.0, "n_target": 240}
        why = None if place else "not estimable: draws begin when most of the fall is over"
        row = (told if is_time else fall) if place else dict.fromkeys(told)
        row |= {"p_value": None if is_time or not place else 1e-9, "gate_status": "open" if place else "closed"}
        key = {"study_id": STUDY.id, "contrast": MEN.words, "outcome": outcome, "population": "men"}
        key |= {"estimator": "nonlinear_mixed_censored", "scale": _SCALE[is_time], "gate_reason": why}
        schema = like.schema
        rows.append(like.with_columns(pl.lit(value, schema[name]).alias(name) for name, value in (key | row).items()))
    return mart | {"mart.effect_estimate": pl.concat(rows)}


def test_each_is_a_sentence_with_its_interval(mart: Mart) -> None:
    said = {each.text.replace("\u00a0", " "): each.tag for each in findings(with_courses(mart))}
    assert (
        said["time to 90 % of the fall of estradiol: 3.10 days (within person; 95 % CI 2.70 to 3.60; n = 240)."]
        == "with its interval"
    )
    fall = "fall of estradiol by day 28: 53.0 % (within person; 95 % CI 40.0 to 60.0; n = 240)."
    assert said[fall] == "interval excludes zero"
    assert any(tag == "gate closed" and "draws begin when" in words for words, tag in said.items())


def test_the_table_goes_from_the_first_day_to_the_end(mart: Mart) -> None:
    shuffled = with_courses(mart)
    shuffled["mart.effect_estimate"] = shuffled["mart.effect_estimate"].sort("outcome", descending=True)
    table = estimate_tables(prepared(shuffled, shuffled)["mart.effect_estimate"])[0]
    names = [row.heading.replace("\u00a0", " ") for row in table.rows if row.is_indented]
    assert names == [
        *(f"Men, fall of estradiol by day {day}" for day in (1, 7, 14, 28)),
        *("Men, fall of estradiol in the end", "Men, time to 90 % of the fall of estradiol"),
    ]
    assert "not available" not in str(table)
