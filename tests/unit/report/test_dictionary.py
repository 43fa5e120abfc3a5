"""The data dictionary: says everything the contracts say, and the committed page is current."""

from importlib import import_module
from operator import attrgetter
from pathlib import Path

import dataframely as dy
import pytest

from pipelines.dictionary import page, producers
from pipelines.report.dictionary import render
from pipelines.tables import CONTRACTS, Contract
from pipelines.tables.columns import number, text


class _Dose(dy.Schema):
    drug = text("Drug | brand", key=True)
    form = text("Form", optional=True, allowed=("tablet", "capsule"))
    dose_mg = number("Dose", "mg", minimum=0, maximum=25)


def test_a_table_is_written_out_in_full() -> None:
    contract = Contract("features.dose", _Dose, "one row per drug", "population", "Doses.")
    lines = render({"features.dose": contract}, {"features.dose": "sql/features/dose.sql"}).splitlines()

    start = lines.index("### features.dose")
    assert lines[start + 2 :] == [
        "Doses.",
        "",
        "- Grain: one row per drug",
        "- Unit of work: population",
        "- Made by: `sql/features/dose.sql`",
        "",
        "| column | type | unit | key | NULL | meaning | allowed |",
        "|---|---|---|---|---|---|---|",
        r"| `drug` | VARCHAR |  | key |  | Drug \| brand |  |",
        "| `form` | VARCHAR |  |  | may be NULL | Form | `tablet`, `capsule` |",
        "| `dose_mg` | DOUBLE | `mg` |  |  | Dose | at least 0, at most 25 |",
    ]


def test_a_table_without_a_producer_is_refused() -> None:
    contract = Contract("features.dose", _Dose, "one row per drug", "population", "Doses.")
    with pytest.raises(ValueError, match=r"features\.dose"):
        render({"features.dose": contract}, {})


def test_every_table_and_column_of_the_house_is_on_the_page() -> None:
    text_of = page()
    sections = {part.split("\n", 1)[0]: part for part in text_of.split("\n### ")[1:]}
    assert sections.keys() == CONTRACTS.keys()
    for name, contract in CONTRACTS.items():
        missing = [column.name for column in contract.columns if f"\n| `{column.name}` |" not in sections[name]]
        assert not missing, f"{name}: {missing}"


def test_every_producer_exists(root: Path) -> None:
    named = set(producers().values())
    files = {producer for producer in named if producer.startswith("sql/")}
    assert files
    assert [file for file in files if not (root / file).is_file()] == []
    for module, function in (producer.split(":") for producer in named - files):
        assert callable(attrgetter(function)(import_module(module)))


def test_order_of_the_contracts_does_not_matter() -> None:
    backwards = dict(reversed(CONTRACTS.items()))
    assert render(backwards, producers()) == page()


def test_the_committed_page_is_current(root: Path) -> None:
    committed = (root / "docs" / "data-dictionary.md").read_text()
    assert committed == page(), "docs/data-dictionary.md is stale: run `make docs` and commit the page"
