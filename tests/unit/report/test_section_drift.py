"""What the page says of the night before: how many are others, which, by how much, and nothing behind a closed gate."""

from collections.abc import Callable

import polars as pl
import pytest

from pipelines.report.frames import prepared
from pipelines.report.section_drift import drift_sentence, drift_table
from pipelines.tables import CONTRACTS

Frame = Callable[..., pl.DataFrame]
MOVED = {"n_change": -120, "largest_smd_change": 0.03, "ease_change": None, "estimate_change_se": 1.25}


@pytest.fixture
def drift() -> Frame:
    """Rows of `mart.evidence_drift`, one for each set of changes, sealed as the page uses them."""

    def made(*changes: dict[str, object]) -> pl.DataFrame:
        schema = CONTRACTS["mart.evidence_drift"].empty().schema
        common = {"study_id": "s", "contrast": "a vs b", "population": "women", "estimator": "aipw", "cause": "input"}
        common |= {"evidence_source": "simulated", "gate_status": "open", "previous_gate_status": "open"}
        rows = [
            dict.fromkeys(schema) | common | {"outcome": f"bone {n}", "is_suppressed": False} | MOVED | change
            for n, change in enumerate(changes)
        ]
        return prepared({"mart.evidence_drift": pl.DataFrame(rows, schema=schema)}, [])["mart.evidence_drift"]

    return made


def test_what_moved_is_told_with_sign_and_cause(drift: Frame) -> None:
    (row,) = drift_table(drift({}), 11).rows
    assert [cell.text for cell in row.cells] == ["open", "\u2212120", "+1.25", "+0.03", "\u2013", ""]
    assert row.cells[-1].tag == "input"


def test_the_unexplained_stand_first_and_the_unmoved_not_at_all(drift: Frame) -> None:
    still = {"cause": "none"} | dict.fromkeys(MOVED, 0)
    frame = drift({}, {"cause": "unexplained"}, still, {"cause": "first"} | dict.fromkeys(MOVED))
    assert [row.cells[-1].tag for row in drift_table(frame, 11).rows] == ["unexplained", "input"]
    said = drift_sentence(frame)
    assert said == "Estimates against the publication before: 1 the same, 2 others, 1 new."


def test_a_closed_gate_and_a_hidden_row_tell_nothing(drift: Frame) -> None:
    closed, hidden = drift_table(drift({"gate_status": "closed"}, {"is_suppressed": True}), 11).rows
    assert "+1.25" not in [cell.text for cell in closed.cells]
    assert not {"+1.25", "+0.03", "\u2212120"} & {cell.text for cell in hidden.cells}


def test_a_first_publication_and_none_at_all(drift: Frame) -> None:
    assert "nothing to compare with" in drift_sentence(drift({"cause": "first"} | dict.fromkeys(MOVED)))
    assert drift_sentence(drift()) == ""
    assert drift_table(drift(), 11).rows == ()
