"""What the page of a table shows of one materialization."""

from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from assets.tables import table_assets
from pipelines.run import Run
from pipelines.warehouse.runner import StepReport


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`shown("features.e2_exposure")`: the metadata of a table of which 7 files were computed, of 5 the changed people."""
    monkeypatch.setattr(Run, "step", lambda self, step: StepReport(step.table, 900, 7, 5, 3, 2.5, "c", "d"))

    def of(table: str) -> dict[str, object]:
        key = dg.AssetKey(table.split("."))
        (asset,) = [each for each in table_assets() if each.key == key]
        result = dg.materialize([asset], resources={"home": Home(path=str(tmp_path))})
        (made,) = result.asset_materializations_for_node("__".join(key.path))
        return {name: value.value for name, value in made.metadata.items()}

    return of


def test_files_of_which_only_changed_people_were_computed_are_told(shown):
    told = shown("features.e2_exposure")
    assert (told["files_computed"], told["files_merged"], told["files_current"]) == (7, 5, 3)


def test_a_table_that_is_not_of_people_has_no_such_files(shown):
    assert "files_merged" not in shown("ref.study")
