"""Checks that follow from what a column is called: a word means one thing in this house, so a new table is asked at once.

Of lists, counts and results only, which are small; what person tables must hold stands in their suites. Here belongs what
a name alone decides: sources, codes of public systems, names that other lists must know, limits that come in pairs,
intervals, shares, the evidence a row rests on, and counts that are too small to leave.
"""

from collections.abc import Collection, Iterator
from typing import Any

from expectations.question import HOLD
from pipelines.tables import Column, Contract

# Short id, type, arguments, severity, category, note.
Draft = tuple[str, str, dict[str, Any], str, str, str]
LAYERS = ("ref", "cohort", "features", "models", "mart")
#: a column, and the list that must know what it holds; `*` stands for any
LISTED = {
    "analyte_code": "ref.analyte",
    "study_id": "ref.study",
    "ingredient": "ref.drug",
    "drug_class": "ref.drug",
    "observation_code": "ref.observation_code",
}
#: how codes of public systems are written, where a list may also name the beginning of one
SHAPES = {
    "icd10cm": r"[A-Z]([0-9]([0-9A-Z](\.[0-9A-Z]+)?)?)?",
    "icd9cm": r"[0-9][0-9][0-9](\.[0-9]+)?|V[0-9][0-9](\.[0-9]+)?|E[0-9][0-9][0-9]?(\.[0-9])?",
    "icd9proc": r"[0-9][0-9](\.[0-9]+)?",
    "icd10pcs": r"[0-9A-HJ-NP-Z]+",
    "cpt4": r"[0-9][0-9][0-9][0-9][0-9FTU]",
    "hcpcs": r"[A-V][0-9][0-9][0-9][0-9]",
    "atc": r"[A-Z][0-9][0-9][A-Z][A-Z][0-9][0-9]",
    "rxnorm": r"[0-9]+",
    "omop": r"[0-9]+",
    "loinc": r"[0-9]+-[0-9]",
    "snomed": r"[0-9]+",
}
# Luhn's check digit (LOINC users' guide, appendix C), from the right.
_LOINC = (
    "(10 - list_sum(list_transform(range(1, length(split_part(code, '-', 1)) + 1), lambda i: case when i % 2 = 0 then "
    "try_cast(substr(split_part(code, '-', 1), -i, 1) as integer) when substr(split_part(code, '-', 1), -i, 1) >= '5' then "
    "2 * try_cast(substr(split_part(code, '-', 1), -i, 1) as integer) - 9 else "
    "2 * try_cast(substr(split_part(code, '-', 1), -i, 1) as integer) end)) % 10) % 10 "
    "= try_cast(split_part(code, '-', 2) as integer)"
)
# Verhoeff's check digit (SNOMED CT technical implementation guide): permuted by place, then multiplied in the group D5.
_D5 = (
    "[[0,1,2,3,4,5,6,7,8,9],[1,2,3,4,0,6,7,8,9,5],[2,3,4,0,1,7,8,9,5,6],[3,4,0,1,2,8,9,5,6,7],[4,0,1,2,3,9,5,6,7,8],"
    "[5,9,8,7,6,0,4,3,2,1],[6,5,9,8,7,1,0,4,3,2],[7,6,5,9,8,2,1,0,4,3],[8,7,6,5,9,3,2,1,0,4],[9,8,7,6,5,4,3,2,1,0]]"
)
_PLACES = (
    "[[0,1,2,3,4,5,6,7,8,9],[1,5,7,6,2,8,3,0,9,4],[5,8,0,3,7,9,6,1,4,2],[8,9,1,6,0,4,3,5,2,7],[9,4,5,3,1,2,6,8,7,0],"
    "[4,2,8,6,5,7,3,9,0,1],[2,7,9,3,8,0,6,4,1,5],[7,0,4,6,9,1,3,2,5,8]]"
)
_SNOMED = (
    f"list_reduce(list_transform(range(length(code)), lambda i: {_PLACES}[i % 8 + 1]"
    f"[coalesce(try_cast(substr(code, -i - 1, 1) as integer), 0) + 1]), lambda c, v: {_D5}[c + 1][v + 1], 0) = 0"
)
#: two columns whose names differ in a word, the word and how they compare
PAIRS = (("minimum", "maximum", "<="), ("from_", "below_", "<"), ("lower", "upper", "<"), ("ci_low", "ci_high", "<="))
INTERVALS = (
    ("estimate", "ci_low", "ci_high"),
    ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high"),
    ("prevalence_pct", "ci_low_pct", "ci_high_pct"),
)
#: counts of a release that are no counts of what happened to people: wordings of instructions may be few where people are many
NOT_COUNTED = ("rows_in", "n_gates", "n_gates_closed", "n_gates_waived", "n_change", "n_sigs")


def drafts(contract: Contract, alias: str) -> Iterator[Draft]:
    """The checks of a table, in the form of `structure`; none of a person table."""
    if contract.unit != "population" or contract.layer not in LAYERS:
        return
    columns = {column.name: column for column in contract.columns}
    if contract.layer == "ref" and "source" in columns:
        yield _source_given(alias)
    if contract.layer == "ref" and {"vocabulary_code", "code"} <= set(contract.key):
        yield _code_of_vocabulary(columns["vocabulary_code"].allowed)
    for name, known in LISTED.items():
        if name in columns and contract.name != known:
            yield _listed(name, known)
    if pairs := tuple(_pairs(columns)):
        yield _limits_ordered(pairs, alias)
    if intervals := tuple(found for found in INTERVALS if set(found) <= set(columns)):
        yield _inside_interval(intervals, alias)
    if shares := tuple(column for column in contract.columns if _is_share(column, columns)):
        yield _shares(shares, alias)
    if "evidence_source" in columns and contract.name != "mart.build":
        yield _evidence_of_run()
    if contract.layer == "mart" and (counts := tuple(c.name for c in contract.columns if _is_count(c))):
        yield _no_small_cell(counts)


def _source_given(alias: str) -> Draft:
    words = f"lower(trim({alias}.source)) not in ('todo', 'tbd', 'unknown', 'none', 'n/a')"
    holds = f"length(trim({alias}.source)) > 1 and {words}"
    return "source_given", HOLD, {"holds": holds}, "critical", "completeness", "Every row says where it comes from"


def _code_of_vocabulary(vocabularies: tuple[str, ...]) -> Draft:
    known = [name for name in SHAPES if not vocabularies or name in vocabularies]
    exact = {"loinc": _LOINC, "snomed": f"length(code) between 6 and 18 and {_SNOMED}"}
    cases = [
        f"when '{name}' then regexp_full_match(upper(code), '{SHAPES[name]}')"
        + (f" and {exact[name]}" if name in exact else "")
        for name in known
    ]
    listed = ", ".join(f"'{name}'" for name in known)
    query = (
        f"select case vocabulary_code {' '.join(cases)} end as holds from {{batch}} as judged "
        f"where vocabulary_code in ({listed})"
    )
    note = "Codes are written as their system writes them, with the right check digit (LOINC, SNOMED CT)"
    return "code_of_vocabulary", HOLD, {"query": query}, "critical", "conformance", note


def _listed(column: str, known: str) -> Draft:
    query = (
        f"select known.{column} is not null as holds from (select distinct {column} from {{batch}} as judged "
        f"where {column} <> '*') as found left join (select distinct {column} from {known}) as known using ({column})"
    )
    return f"{column}_listed", HOLD, {"query": query}, "critical", "conformance", f"Every {column} is one of {known}"


def _pairs(columns: dict[str, Column]) -> Iterator[tuple[str, str, str]]:
    for name, column in columns.items():
        for low, high, sign in PAIRS:
            other = name.replace(low, high)
            if other != name and other in columns and column.duckdb_type in ("DOUBLE", "BIGINT"):
                yield name, other, sign


def _limits_ordered(pairs: tuple[tuple[str, str, str], ...], alias: str) -> Draft:
    holds = " and ".join(f"coalesce({alias}.{low} {sign} {alias}.{high}, true)" for low, high, sign in pairs)
    where = " or ".join(f"({alias}.{low} is not null and {alias}.{high} is not null)" for low, high, _ in pairs)
    note = "No lower limit above its upper one: " + ", ".join(f"{low} and {high}" for low, high, _ in pairs)
    return "limits_ordered", HOLD, {"holds": holds, "where": where}, "critical", "conformance", note


def _inside_interval(intervals: tuple[tuple[str, str, str], ...], alias: str) -> Draft:
    holds = " and ".join(
        f"coalesce({alias}.{found} between {alias}.{low} and {alias}.{high}, true)" for found, low, high in intervals
    )
    where = " or ".join(f"{alias}.{found} is not null" for found, _, _ in intervals)
    return (
        "inside_interval",
        HOLD,
        {"holds": holds, "where": where},
        "critical",
        "conformance",
        "No estimate lies outside its interval",
    )


def _is_share(column: Column, beside: Collection[str]) -> bool:
    is_held = column.minimum is not None and column.maximum is not None
    # Limits in per cent are shares where they are limits of one; of a change they may lie below 0.
    is_of_share = column.name in INTERVALS[-1] and set(INTERVALS[-1]) <= set(beside)
    is_pct = column.unit == "%" and ("share" in column.name or is_of_share)
    return not is_held and (is_pct or (column.unit == "1" and "share" in column.name))


def _shares(shares: tuple[Column, ...], alias: str) -> Draft:
    # A rounding error beyond the end is no share above it.
    holds = " and ".join(
        f"coalesce({alias}.{c.name} between -1e-9 and {'100' if c.unit == '%' else '1'} + 1e-9, true)" for c in shares
    )
    where = " or ".join(f"{alias}.{column.name} is not null" for column in shares)
    note = f"Shares lie between nothing and all: {', '.join(column.name for column in shares)}"
    return "shares", HOLD, {"holds": holds, "where": where}, "critical", "conformance", note


def _evidence_of_run() -> Draft:
    query = (
        "select found.evidence_source = setting.value_text as holds from (select distinct evidence_source from {batch} "
        "as judged) as found join ref.run_setting as setting on setting.setting_code = 'evidence_source'"
    )
    note = "The evidence is that of this run: no table mixes what is real, public or simulated"
    return "evidence_of_run", HOLD, {"query": query}, "critical", "conformance", note


def _is_count(column: Column) -> bool:
    is_named = column.name == "n" or column.name.startswith(("n_", "rows_", "events_"))
    return column.duckdb_type == "BIGINT" and is_named and column.name not in NOT_COUNTED


def _no_small_cell(counts: tuple[str, ...]) -> Draft:
    kept = " and ".join(f"coalesce(judged.{name} = 0 or judged.{name} >= setting.min_cell, true)" for name in counts)
    query = (
        f"select {kept} as holds from {{batch}} as judged cross join (select cast(value_text as bigint) as min_cell "
        "from ref.run_setting where setting_code = 'min_cell') as setting"
    )
    note = f"No count that leaves is smaller than the smallest cell: {', '.join(counts)}"
    return "no_small_cell", HOLD, {"query": query}, "critical", "conformance", note
