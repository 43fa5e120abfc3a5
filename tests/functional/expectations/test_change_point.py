"""The suite of `models.change_point`: a step without a recorded change warns, a small, doubtful or explained one does not."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.judge import judge
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.store import Store

TABLE = "models.change_point"
STEP = {"change_pct": -20.0, "ci_low_pct": -22.0, "ci_high_pct": -18.0, "z": -9.0, "p_adjusted": 0.001, "is_peak": True}
NOT_JUDGED = dict.fromkeys(("change_pct", "ci_low_pct", "ci_high_pct", "z", "p_adjusted")) | {"is_peak": False}


def verdicts(home: Path, **changed: Any) -> dict[tuple[str, str], str]:
    """Verdicts on one quarter of a laboratory and one of a densitometer."""
    settings = Settings(home=home, memory_gb=0.5, threads=1)
    place = {"place_code": "place", "quarter_number": 8060, "starts_on": dt.date(2015, 1, 1), "n_pairs": 40}
    row = (
        place | {"mean_quarters_apart": 2.0, "status": "evaluated", "cause_code": "no_recorded_change"} | STEP | changed
    )
    kinds = (("lab", "estradiol", "laboratory"), ("bmd", "total_hip", "densitometer"))
    rows = [{"quantity": q, "item_code": item, "place_kind": kind} | row for q, item, kind in kinds]
    frame = pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema)
    plain = frame.cast({name: pl.String for name, kind in frame.schema.items() if kind == pl.Enum})
    write_frame(plain.lazy(), Store(settings).path(TABLE, None), str(changed))
    return {(r.check_id.rpartition(".")[2], r.stratum): r.status for r in judge(TABLE, settings)}


@pytest.mark.parametrize(
    ("changed", "lab", "bmd"),
    [
        ({}, "fail", "fail"),
        ({"change_pct": 6.4, "ci_low_pct": 5.0, "ci_high_pct": 8.0}, "fail", "fail"),
        ({"change_pct": -6.3, "ci_low_pct": -8.0, "ci_high_pct": -5.0}, "pass", "fail"),
        ({"change_pct": 0.9, "ci_low_pct": 0.5, "ci_high_pct": 1.3}, "pass", "pass"),
        ({"p_adjusted": 0.05}, "pass", "pass"),
        ({"is_peak": False}, "pass", "pass"),
        ({"cause_code": "laboratory,assay_class"}, "pass", "pass"),
        (NOT_JUDGED | {"status": "too_few_pairs", "n_pairs": 14}, "not_applicable", "not_applicable"),
    ],
)
def test_unexplained_steps_warn(tmp_path: Path, changed: dict[str, Any], lab: str, bmd: str) -> None:
    found = verdicts(tmp_path, **changed)
    assert (found["lab_steps_explained", "all"], found["bmd_steps_explained", "all"]) == (lab, bmd)
    if lab != "not_applicable":
        assert found["lab_steps_explained", "estradiol, place"] == lab
        assert found["bmd_steps_explained", "total_hip, place"] == bmd
    named = ("lab_steps_explained", "bmd_steps_explained")
    assert {status for (name, _), status in found.items() if name not in named} <= {"pass", "not_applicable"}
