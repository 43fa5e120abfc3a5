"""The suite of `models.distribution_shift`: each check finds a shift, and judges nothing by too few rows."""

from pathlib import Path

import polars as pl
import pytest

from expectations.judge import judge
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.store import Store

TABLE = "models.distribution_shift"
ASKED = {
    "lab_as_before": ("lab", "previous_publication"),
    "lab_as_elsewhere": ("lab", "rest"),
    "bmd_as_before": ("bmd", "previous_publication"),
    "bmd_as_elsewhere": ("bmd", "rest"),
    "dose_as_before": ("dose", "previous_publication"),
}


def verdicts(home: Path, psi: float, n: int = 200) -> dict[tuple[str, str], str]:
    settings = Settings(home=home, memory_gb=0.5, threads=1)
    rows = [
        {"quantity": q, "item_code": "item", "place_code": "place", "comparison": c, "n": n, "n_reference": 5000,
         "n_bins": 10, "psi": psi}
        for q, c in ASKED.values()
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema)
    plain = frame.cast({name: pl.String for name, kind in frame.schema.items() if kind == pl.Enum})
    write_frame(plain.lazy(), Store(settings).path(TABLE, None), f"{psi}:{n}")
    return {(r.check_id.rpartition(".")[2], r.stratum): r.status for r in judge(TABLE, settings)}


@pytest.mark.parametrize(
    ("psi", "n", "status"), [(0.24, 200, "pass"), (0.26, 200, "fail"), (9.0, 199, "not_applicable")]
)
def test_each_check_judges_its_own_comparison(tmp_path: Path, psi: float, n: int, status: str) -> None:
    found = verdicts(tmp_path, psi, n)
    assert {found[name, "all"] for name in ASKED} == {status}
    if n >= 200:
        assert found["lab_as_before", "item, place"] == found["dose_as_before", "item"] == status
    structure = {verdict for (name, _), verdict in found.items() if name not in ASKED}
    assert structure == {"pass"}
