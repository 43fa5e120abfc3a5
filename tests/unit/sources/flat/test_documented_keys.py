"""docs/flat-drops.md names every key of a mapping and every kind and column, and its example is a right mapping."""

import re
import tomllib

import pytest

from pipelines.sources.flat.mapping import FhirFiles, Mapping, Table
from pipelines.sources.flat.mapping_check import problems
from pipelines.tables.raw_flat import FLAT_COLUMNS


@pytest.fixture(scope="module")
def text(root):
    return (root / "docs" / "flat-drops.md").read_text()


def test_every_key_and_column_is_named(text):
    told = set(re.findall(r"`([a-z_]+)`", text)) | set(re.findall(r"^    (\w+) =", text, re.MULTILINE))
    told |= set(re.findall(r"\[\[?(?:table\.)?(\w+)\]\]?", text))
    for model in (Mapping, Table, FhirFiles):
        assert set(model.model_fields) <= told
    assert set(FLAT_COLUMNS) <= told
    assert set().union(*FLAT_COLUMNS.values()) <= told


def test_the_example_is_a_right_mapping(text):
    example = text.partition("## Example")[2].partition("## Keys")[0]
    lines = [line.removeprefix("    ") for line in example.splitlines() if line.startswith("    ")]
    mapping = Mapping.model_validate(tomllib.loads("\n".join(lines)))
    assert len(mapping.table) == 3
    zoned = [table.model_copy(update={"time_zone": mapping.time_zone}) for table in mapping.table]
    assert problems(mapping.model_copy(update={"table": tuple(zoned)})) == []
