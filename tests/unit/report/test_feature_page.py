"""The feature dictionary: explains every feature, its pictures exist and are drawn from counts without a small cell."""

import json
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest

from pipelines.feature_dictionary import FROZEN, SPLIT, count, draw, page
from pipelines.report.feature_page import render
from pipelines.report.plot_features import small_multiples
from pipelines.settings import MIN_CELL
from pipelines.tables import CONTRACTS, Contract
from pipelines.tables.columns import flag, number, text


class _Dose(dy.Schema):
    drug = text("Drug", key=True)
    dose_mg = number("Dose", "mg", optional=True, formula="a | b", null="no dose")
    is_high = flag("High", formula="dose > 5", window="30 days", source="Label")


def test_a_feature_is_written_out_in_full() -> None:
    contract = Contract("features.dose", _Dose, "one row per drug", "person", "Doses.", "the day", "House rule")
    lines = render({"features.dose": contract}, {"features.dose"}, "nobody", 11).splitlines()

    start = lines.index("## features.dose")
    assert lines[start + 2 :] == [
        "Doses. Grain: one row per drug.",
        "",
        "![How the features of features.dose spread](features/dose.png)",
        "",
        "| feature | formula | unit | window | source | NULL where |",
        "|---|---|---|---|---|---|",
        r"| `dose_mg` | a \| b | `mg` | the day | House rule | no dose |",
        "| `is_high` | dose > 5 | yes/no | 30 days | Label |  |",
    ]


def test_every_feature_of_the_house_is_on_the_page() -> None:
    sections = {part.split("\n", 1)[0]: part for part in page().split("\n## ")[1:]}
    assert sections.keys() == {name for name, contract in CONTRACTS.items() if contract.features}
    for name, section in sections.items():
        assert [c.name for c in CONTRACTS[name].features if f"\n| `{c.name}` |" not in section] == []


def test_the_committed_page_is_current(root: Path) -> None:
    committed = (root / "docs" / "feature-dictionary.md").read_text()
    assert committed == page(), "docs/feature-dictionary.md is stale: run `make docs` and commit the page"


def test_frozen_counts_hold_no_small_cell_and_have_their_pictures() -> None:
    tables = json.loads(FROZEN.read_text())
    assert len(tables) > 20
    for name, panels in tables.items():
        assert (FROZEN.parent / f"{name.split('.')[1]}.png").is_file()
        for panel, populations in panels.items():
            small = [n for found in populations.values() for n in found["people"] if 0 < n < MIN_CELL]
            assert not small, f"{name} {panel}"
            assert panel.split(" ")[0].split("\n")[0] in {column.name for column in CONTRACTS[name].features}


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in FROZEN.parent.iterdir()) < 3_000_000


def test_tables_are_split_by_a_key_of_theirs() -> None:
    assert {name: key for name, (key, _) in SPLIT.items() if key not in CONTRACTS[name].key} == {}


def test_counted_and_drawn_from_the_files_of_two_runs(tmp_path: Path) -> None:
    for home, doses in (("one", [1.0, 2.0]), ("two", [3.0, None])):
        folder = tmp_path / home / "data" / "features" / "hormone_use"
        folder.mkdir(parents=True)
        rows = {"person_id": range(40), "is_pregnant": [dose is not None and dose > 1 for dose in doses * 20]}
        empty = dict.fromkeys(("is_current_sex_hormone", "is_current_estrogen_axis_drug", "is_ever_female_hormone"))
        pl.DataFrame(rows).with_columns(**{name: pl.lit(None, pl.Boolean) for name in empty}).write_parquet(
            folder / "0.parquet"
        )
    tables = count({"simulated": tmp_path / "one", "nhanes": tmp_path / "two"})

    assert list(tables) == ["features.hormone_use"]
    assert list(tables["features.hormone_use"]) == ["is_pregnant"]
    found = tables["features.hormone_use"]["is_pregnant"]
    assert {population: counted["people"] for population, counted in found.items()} == {
        "simulated": (20, 20), "nhanes": (20, 20),
    }  # fmt: skip
    assert draw(tables)["features.hormone_use"].startswith(b"\x89PNG")


def test_equal_counts_give_an_equal_picture_and_no_panel_is_refused() -> None:
    panel = ("x (1)", {"simulated": {"people": [20, 30], "edges": [0, 1, 2], "codes": []}})
    assert small_multiples([panel], "t") == small_multiples([panel], "t")
    with pytest.raises(ValueError, match="nothing"):
        small_multiples([], "t")
