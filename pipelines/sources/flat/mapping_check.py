"""What must hold between the parts of a mapping, said all at once, each with its key and what is allowed there."""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from pipelines.sources.flat import date_format
from pipelines.sources.flat.mapping import PERSON, Mapping, Table
from pipelines.sources.text_table.dialect import ENCODINGS
from pipelines.tables.raw_flat import FLAT_COLUMNS

# For each kind, groups of columns of which one at least must be there for a record to say anything.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "person": (),
    "period": (("starts_on",), ("ends_on",)),
    "lab": (("code", "name_text"), ("value_text",), ("drawn_at", "drawn_on", "resulted_at")),
    "dxa": (("site_text",), ("bmd_text", "t_score_text"), ("scanned_on",)),
    "prescription": (("drug_text", "code", "ingredient_text"), ("started_on",)),
    "diagnosis": (("code", "name_text"), ("recorded_on",)),
    "procedure": (("code", "name_text"), ("performed_on",)),
    "observation": (("code", "name_text"), ("observed_on",)),
    "death": (("died_on",),),
    "visit": (("starts_on",),),
    "retraction": (("record_id",), ("kind",)),
}


def problems(mapping: Mapping) -> list[str]:
    """Everything that is wrong with a mapping that has the right shape."""
    found = []
    if not mapping.table and mapping.fhir is None:
        found.append("no [[table]] and no [fhir]: state at least one")
    if mapping.fhir is not None and mapping.fhir.time_zone is None:
        found.append("fhir.time_zone: missing: resources carry offsets; state where the clock on the wall hung")
    for zone in {mapping.time_zone, mapping.fhir.time_zone if mapping.fhir else None} - {None}:
        found += _zone(str(zone), "time_zone")
    for position, table in enumerate(mapping.table, 1):
        where = f"table[{position}] ({table.label})"
        found += [f"{where}: {problem}" for problem in _table(table)]
    names = Counter(table.label for table in mapping.table)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        found.append(f"several tables are called {', '.join(twice)}: give each a name of its own (name = ...)")
    return found


def is_dropped(column: str, table: Table) -> bool:
    """Whether the table's `drop` names this column of the file; upper and lower case are one, * stands for anything."""
    return any(fnmatchcase(column.casefold(), pattern.casefold()) for pattern in table.drop)


def _table(table: Table) -> Iterator[str]:
    if table.kind not in FLAT_COLUMNS:
        yield f"kind {table.kind!r} is not one of {', '.join(FLAT_COLUMNS)}"
        return
    if table.time_zone:
        yield from _zone(table.time_zone, "time_zone")
    if table.thousands and table.thousands == table.decimal:
        yield "decimal and thousands are the same character: state which is which"
    if table.encoding and table.encoding.lower() not in (*ENCODINGS, "utf-8-sig", "utf-16"):
        yield f"encoding {table.encoding!r} is not one of {', '.join(ENCODINGS)}"
    names = Counter(record.name for record in table.record)
    if twice := [name for name, count in names.items() if count > 1]:
        yield f"record: several are called {', '.join(twice)}"
    yield from dict.fromkeys(problem for record in table.records() for problem in _record(record))


def _record(table: Table) -> Iterator[str]:
    types = FLAT_COLUMNS[table.kind]
    allowed = ", ".join((PERSON, *types))
    for name, rule in table.columns.items():
        if name != PERSON and name not in types:
            yield f"columns.{name}: {table.kind} has no such column; it has {allowed}"
        if (rule.column is None) == (rule.value is None):
            yield f"columns.{name}: state either a column of the file or a constant {{value = ...}}"
        elif rule.value is not None and (rule.values or rule.otherwise is not None):
            yield f"columns.{name}: a constant takes neither values nor otherwise"
        if rule.column is not None and rule.column not in ("", None) and _drops_by_name(rule.column, table):
            yield f"columns.{name}: the column {rule.column} is also under drop: take it out of one of them"
    if PERSON not in table.columns:
        yield f"columns.{PERSON}: missing: state which column identifies the person"
    elif table.columns[PERSON].column is None:
        yield f"columns.{PERSON}: must be a column of the file"
    for group in NEEDED[table.kind]:
        if not set(group) & table.columns.keys():
            yield f"columns: {table.kind} needs {' or '.join(group)}"
    yield from _dates(table, types)
    for name in table.values:
        if name not in table.columns:
            yield f"values.{name}: not a column stated under columns"
        elif types.get(name) not in ("text", None):
            yield f"values.{name}: only text can be translated, and this is a {types[name]}"
    for name, condition in table.where.items():
        if not condition.equal and not condition.unequal and condition.filled is None:
            yield f"where.{name}: state a value, a list of values, {{not = ...}} or {{filled = true}}"


def _drops_by_name(column: str, table: Table) -> bool:
    """Dropped by its own name, not by a pattern: `drop = ["*"]` means everything that is not mapped."""
    return any(pattern.casefold() == column.casefold() for pattern in table.drop)


def _dates(table: Table, types: dict[str, str]) -> Iterator[str]:
    for name, formats in table.dates.items():
        kind = types.get(name)
        if name not in table.columns or (kind not in ("day", "instant") and name != "birth_year"):
            dated = [column for column, each in types.items() if each in ("day", "instant")]
            yield f"dates.{name}: not a date column stated under columns; {table.kind} has {', '.join(dated) or 'none'}"
            continue
        for problem in date_format.problems(formats, kind == "instant", table.time_zone, table.first_year):
            yield f"dates.{name}: {problem}"


def _zone(name: str, key: str) -> list[str]:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return [f"{key} {name!r} is not a time zone: write it as Europe/Berlin or UTC"]
    return []
