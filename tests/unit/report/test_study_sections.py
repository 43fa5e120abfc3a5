"""The page of one study: what it asks and found, its claims, its controls, the quality of its data, and what it is made of."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines.report import section_checks
from pipelines.report.frames import prepared
from pipelines.report.section_answers import of_study
from pipelines.report.study_sections import study_sections
from pipelines.report.views import Section

Mart = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def told(mart: Mart) -> Callable[..., dict[str, Section]]:
    """Sections of the page of a study by identifier, with some tables replaced."""

    def sections(study: str, **other: pl.DataFrame) -> dict[str, Section]:
        frames = prepared(mart | {f"mart.{name}": frame for name, frame in other.items()}, [])
        return {each.identifier: each for each in study_sections(of_study(frames, study), 11)}

    return sections


def test_measured_controls_have_their_figure_without_any_risk(told: Any, mart: Mart) -> None:
    page = told("ai_vs_tamoxifen")
    assert "risks" not in page
    (figure,) = page["controls"].figures
    assert figure.caption.endswith("outcomes that no arm changes, measured changes in SDs")
    assert "of the 2 controls shown" in figure.svg
    (of_risks,) = told("ai_cardiovascular")["controls"].figures
    assert of_risks.caption.endswith("outcomes that no arm changes, ratios of risks at 5 years")
    hidden = mart["mart.negative_control"].with_columns(is_suppressed=pl.lit(value=True))
    assert "controls" not in told("ai_vs_tamoxifen", negative_control=hidden)


def test_a_study_names_the_claims_that_rest_on_it_and_no_other(told: Any) -> None:
    section = told("nhanes_e2_bmd")["claims"]
    assert [row.heading for table in section.tables for row in table.rows if not row.cells] == [
        "H7. High estradiol harms bone"
    ]
    assert section.paragraphs[-1].startswith("Of 1 claims: 0 supported, 1 contradicted")
    assert "claims" not in told("ai_cardiovascular")


def test_a_study_says_how_many_checks_hold_and_where_they_stand(told: Any, mart: Mart) -> None:
    section = told("nhanes_e2_bmd")["quality"]
    assert section.paragraphs == (
        "Of all tables of this build, those of other studies among them, 8 of 9 checks hold, 1 failed, none of them critical; "
        "3 more could not be evaluated.",
    )
    assert section.link is not None and section.link[0] == "quality.html"
    is_failed = pl.col("status") == "fail"
    critical = mart["mart.quality_result"].with_columns(
        severity=pl.when(is_failed).then(pl.lit("critical")).otherwise(pl.col("severity"))
    )
    assert "none of them critical" not in section_checks.quality_sentence(critical)
    sound = section_checks.quality_sentence(mart["mart.quality_result"].filter(pl.col("status") == "pass"))
    assert sound.endswith("8 of 8 checks hold, none failed.")
    assert "quality" not in told("nhanes_e2_bmd", quality_result=mart["mart.quality_result"].clear())


def test_a_study_says_what_it_was_made_of(told: Any) -> None:
    build, protocol, inputs = told("ai_cardiovascular")["provenance"].tables
    assert {"c0ffee12", "10c4" * 16} <= {row.cells[0].text for row in build.rows}
    assert [[cell.text for cell in row.cells] for row in protocol.rows] == [["ai_cardiovascular", "77aa"]]
    assert [row.heading for row in inputs.rows] == ["2005-2006/TST.parquet", "2013-2014/TST.parquet"]


def test_what_does_not_lead_the_page_is_drawn_too_and_folded_away(told: Any, mart: Mart) -> None:
    """Of risks the main horizon leads; each other one, and how effects differ, have a figure of their own."""
    risk = mart["mart.effect_estimate"].filter(study_id="ai_cardiovascular", estimator="risk_difference")
    answered = risk.filter(pl.col("estimate").is_not_null(), pl.col("horizon_months") == 60)
    differ = answered.with_columns(estimator=pl.lit("interaction_additive"), contrast=pl.lit("cohort a minus cohort b"))
    both = pl.concat([mart["mart.effect_estimate"], differ])
    main, year, interaction = told("ai_cardiovascular", effect_estimate=both)["findings"].figures
    assert not main.is_folded and year.is_folded and interaction.is_folded
    assert "risks by 12 months" in year.caption and "how effects differ between cohorts" in interaction.caption
    assert "12 months" in year.svg and "60 months" not in year.svg
    shut = risk.with_columns(estimate=pl.lit(None, dtype=pl.Float64), contrast=pl.lit("a vs b, 60 months"))
    some = told("ai_cardiovascular", effect_estimate=pl.concat([both, shut.filter(pl.col("horizon_months") == 60)]))
    assert some["findings"].figures[0].notes == ("1 contrast without any estimate is not drawn; tables say why.",)


def test_panels_that_one_picture_cannot_hold_stand_in_a_further_one(told: Any, mart: Mart) -> None:
    curve = mart["mart.cumulative_incidence"]
    effect = mart["mart.effect_estimate"].filter(study_id="ai_cardiovascular", outcome="heart_failure")
    codes = [f"event_{number:02}" for number in range(13)]
    many = {
        "cumulative_incidence": pl.concat(curve.with_columns(outcome=pl.lit(code)) for code in codes),
        "effect_estimate": pl.concat(effect.with_columns(outcome=pl.lit(code)) for code in codes),
    }
    first, second = told("ai_cardiovascular", **many)["risks"].figures
    assert (first.is_folded, second.is_folded) == (False, True)
    assert "Event 11" in first.svg and "Event 12" not in first.svg
    assert "Event 12" in second.svg and second.caption == f"{first.caption} (2)"


def test_a_study_that_only_counts_says_so_and_has_no_diagnostics(told: Any, mart: Mart) -> None:
    nothing = {name: mart[f"mart.{name}"].clear() for name in ("effect_estimate", "diagnostic")}
    counted = mart["mart.attrition"].with_columns(study_id=pl.lit("ai_cardiovascular"))
    sections = told("ai_cardiovascular", **nothing, attrition=counted)
    assert sections["findings"].absence.startswith("Nothing was estimated: this study counts people in")
    assert "diagnostics" not in sections and all(table.is_folded for table in sections["people"].tables)
    gone = told("ai_cardiovascular", **nothing, attrition=mart["mart.attrition"].clear())
    assert "mart.effect_estimate has no rows" in gone["findings"].absence
