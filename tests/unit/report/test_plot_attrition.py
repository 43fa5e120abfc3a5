"""The flow of who was counted in: the numbers of the table, a box an arm and step, small cells hidden as there."""

from collections.abc import Callable
from typing import Any

import polars as pl

from pipelines.report.plot_attrition import MOST_ARMS, TABLE, attrition
from pipelines.report.section_answers import of_study
from pipelines.report.study_sections import study_sections

Mart = dict[str, pl.DataFrame]
MakeFrame = Callable[[str, list[dict[str, Any]]], pl.DataFrame]


def flow(arms: tuple[str, ...], left: tuple[int | None, ...]) -> list[dict[str, Any]]:
    return [
        {"study_id": "s", "cohort_code": "c", "arm_code": arm, "step_number": step, "label": f"Rule {step}"}
        | {"n_before": left[max(step - 1, 0)], "n_after": after, "is_suppressed": after is None}
        for arm in arms
        for step, after in enumerate(left)
    ]


def test_boxes_hold_those_left_and_the_side_those_taken(frame_of: MakeFrame) -> None:
    drawing = attrition({TABLE: frame_of(TABLE, flow(("men",), (500, 495, 100, 100, None)))}, "s", "c")
    assert drawing is not None
    (axes,) = drawing.figure.axes
    boxes = [text.get_text() for text in axes.texts if text.get_bbox_patch() is not None]
    assert boxes == ["500", "495", "100", "100", "<11 or hidden"]
    beside = [text.get_text() for text in axes.texts if text.get_text() in ("<11", "\u2212395", "0")]
    assert beside == ["<11", "\u2212395"], "five people taken away stay unsaid, and nobody needs no number"
    assert drawing.description == "Men: 500 at the start, <11 or hidden after 4 steps."


def test_a_small_number_that_reached_the_mart_is_in_no_box(frame_of: MakeFrame) -> None:
    drawing = attrition({TABLE: frame_of(TABLE, flow(("men",), (500, 18)))}, "s", "c", threshold=20)
    assert drawing is not None
    said = {text.get_text() for axes in drawing.figure.axes for text in axes.texts}
    assert "<20 or hidden" in said and "18" not in said and "\u2212482" not in said


def test_more_arms_than_one_picture_holds_have_a_further_one(frame_of: MakeFrame) -> None:
    frame = {TABLE: frame_of(TABLE, flow(tuple(f"arm_{n}" for n in range(MOST_ARMS + 1)), (500, 400)))}
    pictures = [attrition(frame, "s", "c", picture=number) for number in range(3)]
    columns = [0 if each is None else each.description.count("at the start") for each in pictures]
    assert columns == [MOST_ARMS, 1, 0]


def test_a_cohort_of_nobody_has_no_flow_and_each_other_one_has(mart: Mart, frame_of: MakeFrame) -> None:
    assert attrition({TABLE: frame_of(TABLE, flow(("men",), (0, 0)))}, "s", "c") is None
    (people,) = [each for each in study_sections(of_study(mart, "nhanes_e2_bmd"), 11) if each.identifier == "people"]
    (figure,) = people.figures
    assert figure.caption == "Estradiol and bone mineral density: who was counted in, step by step"
    assert not figure.is_folded and "Men: 5,003 at the start, 1,436 after 6 steps." in figure.svg
