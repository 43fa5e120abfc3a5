"""How a delivered cell becomes a typed one, as DuckDB expressions: never a guess, and what does not read is said to be so.

Only forms that mean one thing are read: plain decimal numbers, ISO 8601 days and instants, days as eight digits. Formats
that need to be told (29/02/2024, decimal commas) are read by the source that was told, before landing.
"""

from dataclasses import dataclass

from pipelines.warehouse.engine import literal, quoted

# What database exports write for "no value" in a column that holds no text.
_NO_VALUE = ("", "NULL", "\\N", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>", "NaT")
_SPACE = " \t\r\n\u00a0"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_WHOLE = r"[+-]?\d+(\.0*)?"
_DAY = r"(\d{4}-\d{2}-\d{2}|\d{8})"
_CLOCK = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_ZONE = r" ?(Z|UTC|[+-]\d{2}(:?\d{2})?)"
_EXACT = 9_007_199_254_740_992  # doubles above 2^53 no longer tell one whole number from the next
_STORED = {"number": "double", "whole": "bigint", "day": "date", "instant": "timestamp", "text": "varchar"}
RULE = {
    "number": "not_a_number",
    "whole": "not_a_whole_number",
    "day": "not_a_date",
    "instant": "not_a_date_time",
    "text": "not_text",
}
_SAYS = {
    "number": "a cell of column {} is not a number; correct it in the source",
    "whole": "a cell of column {} is not a whole number; correct it in the source",
    "day": "a cell of column {} is not a date written YYYY-MM-DD; correct it in the source",
    "instant": "a cell of column {} is not a time written YYYY-MM-DD HH:MM:SS; correct it in the source",
    "text": "a cell of column {} is not readable text; write it as UTF-8",
}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_CANNOT_FAIL = {("VARCHAR", "text")} | {(base, "whole") for base in _INTEGERS - {"HUGEINT", "UBIGINT"}}
NESTED = ("STRUCT", "MAP", "UNION", "LIST", "ARRAY")


@dataclass(frozen=True, slots=True)
class TypedCell:
    """A column as landed, in three expressions, each over the one before: an engine then computes each of them once.

    Attributes:
        written: over the delivered column; to be named `w<place>`.
        value: over `w<place>`, NULL where nothing was written or nothing could be read; to be named `v<place>`.
        is_unreadable: over both: something was written that does not read as the column's kind.
    """

    name: str
    kind: str
    place: int
    written: str
    value: str
    is_unreadable: str

    @property
    def rule(self) -> str:
        return RULE[self.kind]

    @property
    def reason(self) -> str:
        return _SAYS[self.kind].format(self.name)


def is_nested(duckdb_type: str) -> bool:
    """Whether a column holds lists or records, which no raw table takes."""
    return duckdb_type.endswith("]") or duckdb_type.startswith(NESTED)


def typed_cell(name: str, column: str, duckdb_type: str, kind: str, place: int = 1) -> TypedCell:
    """The expressions that read `column`, of a DuckDB type, as `kind` (number, whole, day, instant, text)."""
    base = duckdb_type.split("(")[0]
    was, now = f"w{place}", f"v{place}"
    build = {"number": _number, "whole": _whole, "day": _day, "instant": _instant, "text": _text}[kind]
    value = build(was, base)
    if value is None:  # a type that cannot hold the kind: every filled cell is unreadable
        return TypedCell(name, kind, place, quoted(column), f"cast(null as {_STORED[kind]})", f"{was} is not null")
    if (base, kind) in _CANNOT_FAIL or (kind == "number" and base in _INTEGERS):
        return TypedCell(name, kind, place, quoted(column), value, "false")
    if base == "VARCHAR":
        fails = f"({now} is null and {was} not in ({_no_values()}))"
        return TypedCell(name, kind, place, _trimmed(quoted(column)), value, fails)
    empty = f" and not isnan({was})" if base in _FLOATS else ""
    return TypedCell(name, kind, place, quoted(column), value, f"({now} is null and {was} is not null{empty})")


def native_id(column: str, duckdb_type: str) -> str:
    """The native person id as text, the same however it is stored: 12, 12.0 and ' 12 ' are one id. NULL where unusable."""
    cell = quoted(column)
    base = duckdb_type.split("(")[0]
    if base in _FLOATS:
        return f"case when {cell} = trunc({cell}) and abs({cell}) < {_EXACT} then {cell}::bigint::varchar end"
    if base == "DECIMAL":
        return f"case when {cell} = trunc({cell}) then try_cast({cell} as hugeint)::varchar end"
    if base not in _INTEGERS and base not in ("VARCHAR", "UUID"):
        return "cast(null as varchar)"
    text = _trimmed(f"{cell}::varchar")
    plain = f"regexp_replace({text}, '^\\+?(-?\\d+)(\\.0*)?$', '\\1')"
    return f"nullif(case when {text} not in ({_no_values()}) then {plain} end, '')"


def _no_values() -> str:
    return ", ".join(literal(word) for word in _NO_VALUE)


def _trimmed(text: str) -> str:
    return f"trim({text}, {literal(_SPACE)})"


def _if_text(cell: str, pattern: str, read: str) -> str:
    return f"case when regexp_full_match({cell}, {literal(pattern)}) then {read.format(text=cell)} end"


def _finite(expression: str) -> str:
    return f"case when isfinite({expression}) then {expression} end"


def _number(cell: str, base: str) -> str | None:
    if base in _FLOATS:
        return _finite(f"{cell}::double")
    if base in _INTEGERS or base == "DECIMAL":
        return f"{cell}::double"
    if base == "VARCHAR":
        return _if_text(cell, _NUMBER, _finite("try_cast({text} as double)"))
    return None


def _whole(cell: str, base: str) -> str | None:
    if base in _INTEGERS or base == "BOOLEAN":
        return f"try_cast({cell} as bigint)"
    if base == "DECIMAL":
        return f"case when {cell} = trunc({cell}) then try_cast({cell} as bigint) end"
    if base in _FLOATS:
        return f"case when {cell} = trunc({cell}) and abs({cell}) <= {_EXACT} then {cell}::bigint end"
    if base == "VARCHAR":
        return _if_text(cell, _WHOLE, "try_cast(split_part({text}, '.', 1) as bigint)")
    return None


def _day(cell: str, base: str) -> str | None:
    if base == "DATE" or base.startswith("TIMESTAMP"):
        return _finite(f"{cell}::date")
    if base in _INTEGERS:  # vocabularies write 19700101
        return f"try_cast(try_strptime({cell}::varchar, '%Y%m%d') as date)"
    if base == "VARCHAR":
        eight = "try_strptime(left({text}, 8), '%Y%m%d')::date"
        ten = "try_cast(left({text}, 10) as date)"
        pattern = f"{_DAY}({_CLOCK}({_ZONE})?)?"
        return _if_text(cell, pattern, f"if({{text}}[5] = '-', {ten}, {eight})")
    return None


def _instant(cell: str, base: str) -> str | None:
    if base == "DATE" or base.startswith("TIMESTAMP"):
        return _finite(f"{cell}::timestamp")
    if base in _INTEGERS:
        return f"try_strptime({cell}::varchar, '%Y%m%d')"
    if base == "VARCHAR":
        eight = "try_strptime({text}, '%Y%m%d')"
        # The connection's time zone is UTC: an instant without an offset is taken as written.
        iso = "try_cast(regexp_replace({text}, ' ?(UTC)$', 'Z') as timestamptz)::timestamp"
        pattern = f"{_DAY}|\\d{{4}}-\\d{{2}}-\\d{{2}}{_CLOCK}({_ZONE})?"
        return _if_text(cell, pattern, f"if(length({{text}}) = 8, {eight}, {iso})")
    return None


def _text(cell: str, base: str) -> str | None:
    if base == "BLOB":
        return f"nullif(try(decode({cell})), '')"
    if base in _FLOATS:  # 38265.0 was a code before some tool made it a number
        whole = f"{cell} = trunc({cell}) and abs({cell}) < {_EXACT}"
        return f"case when isnan({cell}) then null when {whole} then {cell}::bigint::varchar else {cell}::varchar end"
    return f"nullif({cell}::varchar, '')"
