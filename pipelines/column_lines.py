"""What `trabecula tables TABLE` says of one table of the house, published or not: its columns, and what they are made of.

Apart from `answer_lines`, since contracts take a second to load and a query needs none.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS
from pipelines.tables.column_lineage import in_words, made_of


def columns_of(table: str) -> list[dict[str, Any]]:
    """Of each column: type, meaning, and of which stored columns SQL makes it; None where SQL does not make the table.

    Raises:
        BadInput: no table has that name.
    """
    contract = CONTRACTS.get(table)
    if contract is None:
        near = get_close_matches(table, CONTRACTS, 3, 0.5)
        raise BadInput(f"no table {table}" + (f"; is it {' or '.join(near)}?" if near else "; see trabecula tables"))
    lineage = made_of(table)
    return [
        {
            "column": column.name,
            "type": column.duckdb_type.lower(),
            "comment": column.comment,
            "made_of": lineage.get(column.name, {}) if lineage else None,
        }
        for column in contract.columns
    ]


def column_lines(table: str) -> Iterator[str]:
    """For the eye: grain, then each column with its meaning, and below it what it is made of.

    Raises:
        BadInput: no table has that name.
    """
    columns = columns_of(table)
    yield CONTRACTS[table].grain
    for column in columns:
        yield f"{column['column']:<32} {column['type']:<10} {column['comment']}"
        if column["made_of"]:
            yield f"{'':<43} of {in_words(column['made_of'])}"
