"""Bands of a dose in order of the dose, the reference among them, and nothing behind a closed gate."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines.report.plot_dose import dose_bands, lowest
from pipelines.report.section_answers import of_study
from pipelines.report.study_sections import study_sections

Mart = dict[str, pl.DataFrame]
NAME = "mart.effect_estimate"
STUDY = "ai_dose_response"


@pytest.fixture
def dosed(mart: Mart, frame_of: Callable[[str, list[dict[str, Any]]], pl.DataFrame]) -> Mart:
    """The mart with three bands of a dose, one of them closed, and the slope."""
    common = {"study_id": STUDY, "outcome": "lumbar_spine_bmd_change_pct", "population": "men_on_testosterone"}
    common |= {"estimator": "marginal_structural_model", "scale": "mean difference of percent change", "se": 0.3}
    common |= {"evidence_source": "real", "gate_status": "open", "horizon_months": 24.0, "protocol_hash": "d0"}
    contrasts = {"over_3_5_mg vs none": -1.4, "over_1_to_2_mg vs none": None, "up_to_1_mg vs none": -0.3}
    rows = [
        common
        | {"contrast": f"{pair}, kept up, 24 months", "estimate": middle}
        | (
            {"gate_status": "closed", "gate_reason": "effective_n fail"}
            if middle is None
            else {"ci_low": middle - 0.6, "ci_high": middle + 0.6}
        )
        for pair, middle in contrasts.items()
    ]
    slope = {"contrast": "slope a mg per week, kept up, 24 months", "estimate": -0.4, "ci_low": -0.8, "ci_high": 0.0}
    frame = frame_of(NAME, [*rows, common | slope]).cast(dict(mart[NAME].schema))
    return mart | {NAME: pl.concat([mart[NAME], frame])}


def test_bands_stand_in_order_of_the_dose(dosed: Mart) -> None:
    drawing = dose_bands(dosed)
    assert drawing is not None
    (axes,) = drawing.figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "None", "Up to 1 mg a week", "Over 1 to 2 mg a week", "Over 3.5 mg a week",
    ]  # fmt: skip
    marks = [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() not in ("None", "")]
    assert marks == [(0.0, 0.0), (-0.3, 1.0), (-1.4, 3.0)], "no point for the closed gate, none for the slope"
    assert [text.get_text() for text in axes.texts][0::2] == ["reference", "gate closed"]
    assert "over 1 to 2 mg a week no estimate, gate closed" in drawing.description
    assert drawing.description.index("up to 1 mg") < drawing.description.index("over 3.5 mg")


def test_the_page_has_a_section_where_bands_are_told_and_only_there(dosed: Mart) -> None:
    page = {each.identifier: each for each in study_sections(of_study(dosed, STUDY), 11)}
    (figure,) = page["doses"].figures
    assert figure.caption.startswith("Dose of anastrozole and bone loss: difference by band, lowest first")
    assert "doses" not in {each.identifier for each in study_sections(of_study(dosed, "ai_vs_tamoxifen"), 11)}
    shut = dosed[NAME].with_columns(gate_status=pl.lit("closed"))
    assert dose_bands(dosed | {NAME: shut}) is None


def test_a_band_begins_where_its_code_says() -> None:
    codes = ("none", "up_to_1_mg", "over_1_to_2_mg", "over_2_to_3_5_mg", "over_3_5_mg")
    assert [lowest(code) for code in codes] == [-1.0, 0.0, 1.0, 2.0, 3.5]
    assert [lowest(code) for code in ("covered_under_50", "covered_50_to_80", "covered_80_or_more")] == [
        0.0,
        50.0,
        80.0,
    ]
