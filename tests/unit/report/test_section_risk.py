"""Risks on the page: percentage points, ratios and calibrated ratios as computed, other horizons folded, no number if closed."""

import math

import polars as pl

from pipelines.report.frames import primary
from pipelines.report.plot_controls import negative_control
from pipelines.report.section_answers import of_study
from pipelines.report.section_findings import estimate_tables, findings
from pipelines.report.section_risk import is_main, risk_tables
from pipelines.report.study_sections import study_sections


def test_a_table_of_the_main_horizon_and_one_of_the_others(mart):
    main, others = risk_tables(mart["mart.effect_estimate"])
    assert not main.is_folded and others.is_folded
    group, heart, infarction = main.rows
    assert group.heading.startswith("Aromatase inhibitor vs tamoxifen, 60 months")
    told = [(cell.text, cell.note) for cell in heart.cells]
    assert told[0] == ("1.23", "0.31 to 2.46")
    assert told[1] == (f"{math.exp(0.38):.2f}", f"{math.exp(0.08):.2f} to {math.exp(0.68):.2f}")
    assert told[2] == (f"{math.exp(0.17):.2f}", f"{math.exp(-0.21):.2f} to {math.exp(0.55):.2f}")
    assert told[3] == ("2.28", "1.38") and told[4][0] == "4,200, 2,100" and told[5][0] == "160, 55"
    assert not any(character.isdigit() for cell in infarction.cells for character in cell.text)
    assert infarction.cells[-1].tag == "closed"


def test_key_findings_tell_the_main_horizon_in_percentage_points(mart):
    said = [each.text for each in findings(mart) if "risk" in each.text and "percentage points" in each.text]
    assert len(said) == 1 and "heart failure" in said[0].lower() and "1.23 percentage points" in said[0]


def test_risks_are_not_told_twice(mart):
    captions = {table.caption for table in estimate_tables(mart["mart.effect_estimate"])}
    rows = [row.heading for table in estimate_tables(mart["mart.effect_estimate"]) for row in table.rows]
    assert captions and not any("heart failure" in heading.lower() for heading in rows)
    shown = primary(mart["mart.effect_estimate"]).filter(is_main() & (pl.col("study_id") == "ai_cardiovascular"))
    assert set(shown["horizon_months"]) == {60.0}


def test_a_section_only_where_a_study_compares_risks(mart):
    assert "risks" in {each.identifier for each in study_sections(of_study(mart, "ai_cardiovascular"), 11)}
    none = mart | {"mart.effect_estimate": mart["mart.effect_estimate"].filter(pl.col("study_id") == "nhanes_e2_bmd")}
    assert "risks" not in {each.identifier for each in study_sections(none, 11)}


def test_controls_are_counted_before_and_after_calibration_and_hidden_ones_are_not_drawn(mart):
    drawing = negative_control(mart)
    assert drawing is not None
    assert "of the 2 controls shown 1 intervals hold no effect before calibration, 2 after it" in drawing.description
    hidden = mart["mart.negative_control"].with_columns(is_suppressed=pl.lit(value=True))
    assert negative_control(mart | {"mart.negative_control": hidden}) is None
