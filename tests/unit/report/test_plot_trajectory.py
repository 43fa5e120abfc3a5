"""Bone density over time on the page: by arm with intervals, nothing across a closed year, and in words and numbers too."""

import polars as pl

from pipelines.report.frames import prepared
from pipelines.report.plot_trajectory import bmd_trajectory, courses
from pipelines.report.section_answers import of_study
from pipelines.report.section_trajectory import silence_sentence, trajectory_table
from pipelines.report.study_sections import study_sections

NAME = "mart.bmd_trajectory"


def section(mart):
    found = study_sections(of_study(mart, "ai_vs_tamoxifen"), 11)
    return next((each for each in found if each.identifier == "trajectory"), None)


def test_both_horizons_are_one_course_with_an_interval_at_every_mark(mart):
    drawing = bmd_trajectory({NAME: mart[NAME]})
    assert drawing is not None
    (axes,) = [each for each in drawing.figure.axes if each.lines]
    bars = axes.containers
    assert [bar.get_label() for bar in bars[:1]] + [bars[2].get_label()] == ["Aromatase inhibitor", "Tamoxifen"]
    marks = [len(bar.lines[0].get_xdata()) for bar in bars]
    assert marks == [2, 2, 2, 2], "two years, then two behind the closed third, of either arm"
    heights = [[float(high - low) for (_, low), (_, high) in bar.lines[2][0].get_segments()] for bar in bars]
    assert all(abs(height - 0.8) < 1e-9 for of_bar in heights for height in of_bar)
    assert "Tamoxifen 2.5" in drawing.description.replace("tamoxifen", "Tamoxifen")
    assert "aromatase inhibitor \u22129.5\u00a0% (\u22129.9 to \u22129.1) at 5.0 years" in drawing.description


def test_no_line_crosses_a_closed_year_and_the_first_one_begins_at_nothing(mart):
    drawing = bmd_trajectory({NAME: mart[NAME]})
    assert drawing is not None
    axes = next(each for each in drawing.figure.axes if each.lines)
    lines = [line for line in axes.lines if line.get_marker() in ("", "None") and len(line.get_xdata()) in (2, 3)]
    courses_drawn = [[round(x) for x in line.get_xdata()] for line in lines if line.get_linewidth() > 1]
    assert courses_drawn == [[0, 1, 2], [4, 5], [0, 1, 2], [4, 5]]
    assert next(line.get_ydata()[0] for line in lines if line.get_linewidth() > 1) == 0


def test_people_scanned_stand_below_and_a_hidden_number_keeps_its_mark(mart):
    drawing = bmd_trajectory({NAME: mart[NAME]})
    assert drawing is not None
    words = [text.get_text() for each in drawing.figure.axes for text in each.texts]
    assert "825" in words and words.count("\u2013") == 3, "two of the closed year, one hidden"


def test_the_table_has_arms_down_and_years_across(mart):
    table = trajectory_table(prepared(mart, [])[NAME])
    assert [column.heading for column in table.columns[1:]] == ["1 year", "2 years", "3 years", "4 years", "5 years"]
    cells = {row.heading: [cell.text for cell in row.cells] for row in table.rows if row.cells}
    assert cells["Aromatase inhibitor"] == [
        "\u22121.9\u00a0%",
        "\u22123.8\u00a0%",
        "\u2013",
        "\u22127.6\u00a0%",
        "\u22129.5\u00a0%",
    ]
    second = next(row for row in table.rows if row.heading == "Tamoxifen").cells[1]
    assert second.text == "1.0\u00a0%" and second.note.endswith("; hidden")


def test_a_closed_year_says_why_once(mart):
    said = silence_sentence(prepared(mart, [])[NAME])
    assert said.count("at 3 years") == 1 and "failed: outcomes in the smaller arm" in said
    assert silence_sentence(mart[NAME].filter(pl.col("gate_status").cast(pl.String) != "closed")) == ""


def test_the_page_has_the_section_only_behind_an_open_gate(mart):
    found = section(mart)
    assert found is not None and len(found.figures) == 1 and len(found.tables) == 1
    shut = mart["mart.effect_estimate"].with_columns(gate_status=pl.lit("closed"))
    assert section(prepared(mart | {"mart.effect_estimate": shut}, [])) is None
    half = mart["mart.effect_estimate"].with_columns(
        gate_status=pl.when(pl.col("contrast").str.contains(", 60 months"))
        .then(pl.lit("closed"))
        .otherwise(pl.lit("open"))
    )
    frame = prepared(mart | {"mart.effect_estimate": half}, [])[NAME]
    assert frame["follow_up_days"].max() == 730 and len(courses(frame)) == 1


def test_a_small_number_that_got_here_takes_its_mean_away(mart):
    leaked = mart[NAME].with_columns(n_observed=pl.lit(7, pl.Int64), is_suppressed=pl.lit(value=False))
    assert prepared({NAME: leaked}, [])[NAME]["change_pct"].null_count() == leaked.height
    assert bmd_trajectory({NAME: leaked}) is None


def test_courses_that_one_picture_cannot_hold_stand_in_a_further_one(mart):
    many = pl.concat(mart[NAME].with_columns(outcome=pl.lit(f"site_{number:02}_bmd")) for number in range(13))
    drawn = [bmd_trajectory({NAME: many}, picture=number) for number in range(3)]
    panels = [0 if each is None else len([axes for axes in each.figure.axes if axes.lines]) for each in drawn]
    assert panels == [12, 1, 0]
