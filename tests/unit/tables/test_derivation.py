"""Every feature tells how it is made: formula, window, source, and what leaves it NULL exactly where it may be NULL."""

import dataframely as dy
import pytest

from pipelines.tables import CONTRACTS, Column, Contract
from pipelines.tables.columns import day, number, text

FEATURES = {name: contract for name, contract in CONTRACTS.items() if contract.layer == "features"}
DAYS_ONLY = {"features.first_inhibitor"}


def untold(column: Column) -> list[str]:
    """What the contract of a feature does not say, or says without need."""
    told = {"formula": column.formula, "window": column.window, "source": column.source}
    wrong = [field for field, said in told.items() if not said.strip()]
    return wrong + (["null"] if bool(column.null_where.strip()) != column.is_nullable else [])


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_every_feature_tells_how_it_is_made(name: str) -> None:
    assert bool(FEATURES[name].features) != (name in DAYS_ONLY), "a table of features without a feature"
    assert {column.name: untold(column) for column in FEATURES[name].features if untold(column)} == {}


class _Level(dy.Schema):
    name = text("Name", key=True)
    drawn_on = day("Day of the draw")
    bare = number("Says nothing of how it is made", "1", optional=True)
    full = number("Says all", "1", optional=True, formula="2 x", window="90 days", null="no draw")
    never_null = number("Cannot be NULL", "1", formula="x", source="Own", null="no draw")


def test_what_a_feature_leaves_out_is_found() -> None:
    contract = Contract("features.level", _Level, "one row per name", "population", "Levels.", "the day", "Table's")
    columns = {column.name: column for column in contract.features}

    assert columns.keys() == {"bare", "full", "never_null"}
    assert {name: untold(column) for name, column in columns.items()} == {
        "bare": ["formula", "null"], "full": [], "never_null": ["null"],
    }  # fmt: skip


def test_a_column_goes_by_its_table_where_it_does_not_say() -> None:
    contract = Contract("features.level", _Level, "one row per name", "population", "Levels.", "the day", "Table's")
    columns = {column.name: column for column in contract.features}

    assert (columns["bare"].window, columns["bare"].source) == ("the day", "Table's")
    assert (columns["full"].window, columns["full"].source) == ("90 days", "Table's")
    assert columns["never_null"].source == "Own"


def test_how_a_feature_is_made_does_not_make_stored_rows_stale() -> None:
    told = Contract("features.level", _Level, "one row per name", "population", "Levels.", "the day", "Table's")
    untold_ = Contract("features.level", _Level, "one row per name", "population", "Levels.")
    assert told.fingerprint == untold_.fingerprint
