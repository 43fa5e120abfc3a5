"""Risks over time on the page: the leading pair first, people at risk below, nothing across a closed gate, nothing hidden."""

import polars as pl

from pipelines.report.frames import prepared
from pipelines.report.plot_incidence import arms_of, at_risk, cumulative_incidence, pairs
from pipelines.report.section_answers import of_study
from pipelines.report.study_sections import study_sections

NAME = "mart.cumulative_incidence"
PAIR = "aromatase_inhibitor vs tamoxifen, cohort active_comparator"


def figures(mart):
    (section,) = [
        each for each in study_sections(of_study(mart, "ai_cardiovascular"), 11) if each.identifier == "risks"
    ]
    return [each for each in section.figures if each.source == NAME]


def test_the_page_of_a_study_of_risks_has_a_figure_of_each_pair_in_words_too(mart):
    (figure,) = figures(mart)
    assert figure.caption.startswith("Aromatase inhibitor vs tamoxifen, cohort active comparator, postmenopausal women")
    drawing = cumulative_incidence({NAME: mart[NAME]}, of=(PAIR, "postmenopausal_women"))
    assert drawing is not None
    assert (
        "Heart failure: aromatase inhibitor 4.50 % by 5.0 years; tamoxifen 3.00 % by 5.0 years." in drawing.description
    )


def test_no_line_crosses_days_that_are_not_there_and_no_mark_stands_for_a_hidden_risk(mart):
    drawing = cumulative_incidence({NAME: mart[NAME]})
    assert drawing is not None
    lines = [line for line in drawing.figure.axes[0].lines if len(line.get_xdata())]
    days = [[round(x * 365.25) for x in line.get_xdata()] for line in lines]
    # On day 1461 of the first arm the number at risk alone is hidden; on day 182 of the second one the risk is.
    told = [1187, 1278, 1461, 1643, 1826]
    assert days == [[0, 182, 365], told, [0, 365], told]
    assert len({line.get_color() for line in lines}) == 2 and len({line.get_linestyle() for line in lines}) == 2


def test_people_at_risk_are_those_of_the_mart_and_hidden_ones_have_no_number(mart):
    rows = mart[NAME]
    assert arms_of(rows) == ["aromatase_inhibitor", "tamoxifen"]
    assert at_risk(rows, "aromatase_inhibitor", [0, 1, 2, 3, 4, 5]) == [4200, 4002, None, None, None, 3199]
    drawn = cumulative_incidence({NAME: rows})
    assert drawn is not None
    words = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert "4,200" in words and words.count("\u2013") == 5


def test_a_closed_gate_takes_its_days_away(mart):
    shut = mart["mart.effect_estimate"].with_columns(
        gate_status=pl.when(pl.col("contrast").str.contains(", 60 months"))
        .then(pl.lit("closed"))
        .otherwise(pl.col("gate_status").cast(pl.String))
    )
    frames = prepared(mart | {"mart.effect_estimate": shut}, [])
    assert frames[NAME]["follow_up_days"].max() == 365
    assert figures(mart | {NAME: mart[NAME].clear()}) == []


def test_the_pair_of_the_leading_question_comes_first(mart):
    other = mart[NAME].with_columns(contrast=pl.col("contrast").str.replace("active_comparator", "a_first_cohort"))
    both = pl.concat([other, mart[NAME]])
    assert pairs(both)[0][0].endswith("a_first_cohort")
    lead = "aromatase_inhibitor vs tamoxifen, 60 months, cohort active_comparator"
    assert pairs(both, lead)[0] == (PAIR, "postmenopausal_women") and len(pairs(both, lead)) == 2
