"""Of which stored columns each column is made, for tables that SQL makes: what `docs/column_lineage.py` found in the SQL files.

Only reads the file beside it and puts it in words; how SQL is read stands in that script, and what the engine does against it in
`tests/functional/test_column_lineage.py`.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

#: columns of each stored table
MadeOf = Mapping[str, Sequence[str]]
#: what is made of more columns than this is told by its tables, of more tables by their layers; `--json` names them all
_COLUMNS_TOLD, _TABLES_TOLD = 12, 6


@lru_cache(maxsize=1)
def _lineage() -> dict[str, dict[str, dict[str, list[str]]]]:
    return json.loads(Path(__file__).with_suffix(".json").read_text())


def made_of(table: str) -> Mapping[str, MadeOf]:
    """For each column of a table the stored columns whose values enter its values; nothing where SQL does not make the table."""
    return _lineage().get(table, {})


def in_words(made_of: MadeOf) -> str:
    """As one line; empty where a column is made of none: a constant, or a number of rows. The more columns, the less is named."""
    n = sum(map(len, made_of.values()))
    if n <= _COLUMNS_TOLD:
        return "; ".join(f"{table}: {', '.join(columns)}" for table, columns in made_of.items())
    if len(made_of) <= _TABLES_TOLD:
        return f"{n} columns of {', '.join(made_of)}"
    layers = Counter(table.partition(".")[0] for table in made_of)
    return f"{n} columns of tables of {', '.join(f'{layer} ({tables})' for layer, tables in layers.items())}"
