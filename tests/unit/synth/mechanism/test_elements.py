"""The page of clinical items names columns and codes that exist, for every item, and the mechanism fills them."""

import re
from pathlib import Path

import polars as pl
import pytest

from pipelines.synth.mechanism.life import SCHEMAS
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import load_parameters

PAGE = Path(__file__).parents[4] / "docs" / "simulator-elements.md"
ROWS = re.findall(r"^\| (F\d\d) \| ([^|]+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
PLACES = sorted({place for _, _, where in ROWS for place in re.findall(r"`([^`]+)`", where)})


def test_every_item_stands_once_with_places_or_a_reason():
    assert [item for item, _, _ in ROWS] == [f"F{number:02d}" for number in range(1, 89)]
    for item, _, where in ROWS:
        assert re.fullmatch(r"not observable: .{20,}|`\w+\.\w+(=\w+)?`(, `\w+\.\w+(=\w+)?`)*", where), item


@pytest.mark.parametrize("place", PLACES)
def test_column_and_code_exist(place):
    frame, column, code = re.fullmatch(r"(\w+)\.(\w+)(?:=(\w+))?", place).groups()
    assert column in SCHEMAS[frame]
    if code:
        dtype = SCHEMAS[frame][column]
        assert isinstance(dtype, pl.Enum)
        assert code in dtype.categories.to_list()


def test_every_code_named_occurs_among_simulated_people():
    lives = simulate(load_parameters(), 1, 1, 3000)
    absent = []
    for place in PLACES:
        frame, column, code = re.fullmatch(r"(\w+)\.(\w+)(?:=(\w+))?", place).groups()
        values = getattr(lives, frame)[column]
        if values.null_count() == values.len() or (code and not (values == code).any()):
            absent.append(place)
    assert absent == []
