"""The data dictionary as a page: every table, its grain, producer and columns, from the contracts alone.

Reads no data and knows no step: who makes a table is told by the caller. The page is a pure function of its arguments.
"""

from collections.abc import Iterator, Mapping

from pipelines.tables import LAYERS, Column, Contract

_LAYER_MEANING = {
    "ref": "Code lists, clinical limits and studies as tables: all parameters that SQL reads.",
    "raw": "What landed, verbatim, as Parquet. Columns of a survey table keep the survey's names.",
    "staging": "Typed, deduplicated, in canonical units; what was set aside is counted and says why.",
    "cohort": "Who is in which study, and at which rule the others left.",
    "features": "What is derived per person.",
    "models": "Estimates and diagnostics as estimators return them. Not for release.",
    "mart": "Aggregates after disclosure control. This is what may leave.",
}
_HEAD = """\
# Data dictionary

Made from the table contracts by `make docs`; do not edit by hand. Key columns are marked `key`; a column may hold NULL
only where this page says so. Units are UCUM codes. In the published file the same text is the comment of each table
and column.
"""
_COLUMNS = "| column | type | unit | key | NULL | meaning | allowed |\n|---|---|---|---|---|---|---|"


def render(contracts: Mapping[str, Contract], producers: Mapping[str, str]) -> str:
    """The page as Markdown: layers in the order of the house, tables by name, columns in the order of the contract.

    Args:
        contracts: contract of each `<layer>.<table>`.
        producers: for each table the SQL file, code list or `module:function` that makes it.

    Raises:
        ValueError: tables without a producer, or producers of no table.
    """
    if wrong := sorted(set(contracts) ^ set(producers)):
        raise ValueError(f"tables with a contract or a producer but not both: {', '.join(wrong)}")
    return "\n".join(_lines(contracts, producers)) + "\n"


def _lines(contracts: Mapping[str, Contract], producers: Mapping[str, str]) -> Iterator[str]:
    yield _HEAD
    yield "| layer | tables | holds |\n|---|---|---|"
    named = {layer: sorted(name for name in contracts if name.startswith(f"{layer}.")) for layer in LAYERS}
    by_layer = {layer: names for layer, names in named.items() if names}
    for layer, names in by_layer.items():
        yield f"| [{layer}](#{layer}) | {len(names)} | {_LAYER_MEANING[layer]} |"
    for layer, names in by_layer.items():
        yield f"\n## {layer}\n\n{_LAYER_MEANING[layer]}"
        for name in names:
            yield from _table(contracts[name], producers[name])


def _table(contract: Contract, producer: str) -> Iterator[str]:
    yield f"\n### {contract.name}\n\n{contract.description}\n"
    yield f"- Grain: {contract.grain}"
    yield f"- Unit of work: {contract.unit}"
    yield f"- Made by: `{producer}`\n"
    yield _COLUMNS
    for column in contract.columns:
        yield _column(column)


def _column(column: Column) -> str:
    cells = (
        f"`{column.name}`",
        column.duckdb_type,
        f"`{column.unit}`" if column.unit else "",
        "key" if column.is_key else "",
        "may be NULL" if column.is_nullable else "",
        column.meaning,
        _allowed(column),
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _allowed(column: Column) -> str:
    if column.allowed:
        return ", ".join(f"`{code}`" for code in column.allowed)
    limits = (
        f"at least {column.minimum:g}" if isinstance(column.minimum, (int, float)) else "",
        f"at most {column.maximum:g}" if isinstance(column.maximum, (int, float)) else "",
    )
    return ", ".join(limit for limit in limits if limit)
