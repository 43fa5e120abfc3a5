"""The feature dictionary as a page: for each feature its formula, unit, window, source and what makes it NULL; pictures beside.

Reads no data: contracts and the names of the pictures at hand are told by the caller.
"""

from collections.abc import Collection, Iterator, Mapping

from pipelines.tables import Column, Contract

_HEAD = """\
# Feature dictionary

Made from the table contracts by `make docs`; do not edit by hand. Every column of every table of `features` is here but keys
and dates, which say which row it is and when; types and allowed codes stand in the [data dictionary](data-dictionary.md). Units
are UCUM codes; a feature without one is a code or yes/no. One of which nothing is said under *NULL where* is never NULL. Why
rules are as they are: [from dosing to estradiol](methods/exposure.md), [other systems](methods/systems.md),
[cohorts](methods/cohorts.md), [outcomes](methods/outcomes.md), [how each number is made](methods.md); which feature answers
which clinical item: [coverage](methods/coverage.md).

Pictures show how features spread among {populations}. They describe these records and no one
else: simulated people are no evidence, and surveys are not weighted here. Counts are of people, shares of all counts of a panel.
Bins of fewer than {min_cell} people are merged with their neighbours, codes of fewer are left out, outer bins are open. Where
numbers compare within one code only, a panel shows one code. The counts are frozen in
[distributions.json](features/distributions.json). `python -m pipelines.feature_dictionary --simulated HOME --nhanes HOME` makes
them anew from two finished runs; with `--draw` the pictures are drawn again from the file.
"""
_COLUMNS = "| feature | formula | unit | window | source | NULL where |\n|---|---|---|---|---|---|"


def render(contracts: Mapping[str, Contract], pictures: Collection[str], populations: str, min_cell: int) -> str:
    """The page as Markdown, tables by name.

    Args:
        contracts: all contracts; those of other layers than `features` are passed over.
        pictures: tables of which `features/<table>.png` exists.
        populations: whom the pictures show, as words.
        min_cell: fewest people in a bin.
    """
    found = {name: contract for name, contract in contracts.items() if contract.features}
    lines = [_HEAD.format(populations=populations, min_cell=min_cell)]
    for name in sorted(found):
        lines += _table(found[name], has_picture=name in pictures)
    return "\n".join(lines) + "\n"


def _table(contract: Contract, *, has_picture: bool) -> Iterator[str]:
    yield f"\n## {contract.name}\n\n{contract.description} Grain: {contract.grain}.\n"
    if has_picture:
        yield f"![How the features of {contract.name} spread](features/{contract.table}.png)\n"
    elif contract.unit == "population":
        yield "A table of groups, not of people: no picture.\n"
    else:
        yield "Neither population has enough people here: no picture.\n"
    yield _COLUMNS
    for column in contract.features:
        yield _row(column)


def _row(column: Column) -> str:
    unit = f"`{column.unit}`" if column.unit else {"BOOLEAN": "yes/no", "VARCHAR": "code"}.get(column.duckdb_type, "")
    cells = (f"`{column.name}`", column.formula, unit, column.window, column.source, column.null_where)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
