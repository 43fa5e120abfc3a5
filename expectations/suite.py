"""Suites as data: what follows from a contract, and what `expectations/<layer>/<table>.json` adds by hand.

A suite that breaks a rule of the house is refused on loading. Nothing here opens a table or imports Great Expectations.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from expectations import structure
from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS, Contract
from pipelines.warehouse.sqlfile import SqlFileError, tables_read

Category = Literal["conformance", "completeness", "plausibility"]
Severity = Literal["critical", "warning", "info"]

FOLDER = Path(__file__).parent
MOST_CHECKS = 40
QUERY_ARGUMENTS = ("unexpected_rows_query", "query")

_ENTRY = {"type", "kwargs", "severity", "notes", "meta"}
_META = {"id", "category", "source"}
_SHORT_ID = re.compile(r"[a-z][a-z0-9_]*")


class SuiteError(BadInput):
    """A suite breaks a rule of the house; names the file, the check and the rule."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a table: a Great Expectations type and its arguments, with id, category, severity and note.

    `threshold` is the share of the rows asked that must hold; `source` says where a limit of plausibility comes from.
    """

    id: str
    table: str
    category: Category
    severity: Severity
    note: str
    source: str | None
    type: str
    kwargs: Mapping[str, Any]
    threshold: float

    @property
    def query(self) -> str | None:
        """The SQL of the check, where it has one."""
        return next((self.kwargs[name] for name in QUERY_ARGUMENTS if name in self.kwargs), None)


@dataclass(frozen=True, slots=True)
class Suite:
    """All checks of a table; the fingerprint changes with anything that can change a verdict or its wording."""

    table: str
    checks: tuple[Check, ...]
    fingerprint: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Other tables that the checks name, sorted."""
        named = {name for check in self.checks if check.query for name in _tables(check.query, self.table)}
        return tuple(sorted(named - {self.table}))


def all_tables(folder: Path = FOLDER) -> tuple[str, ...]:
    """Tables that have a suite, by name."""
    return tuple(sorted(f"{path.parent.name}.{path.stem}" for path in folder.glob("*/*.json")))


def load(table: str, folder: Path = FOLDER) -> Suite:
    """The suite of `<layer>.<table>`: generated checks first, then those of its file.

    Raises:
        SuiteError: unknown table, no file, or a file that breaks a rule; holds every problem found.
    """
    if table not in CONTRACTS:
        raise SuiteError(f"{table}: no such table; contracts stand in pipelines/tables")
    contract = CONTRACTS[table]
    path = folder / contract.layer / f"{contract.table}.json"
    checks = tuple(_check(contract, draft) for draft in (*structure.drafts(contract), *_entries(path, contract)))
    if repeated := sorted({check.id for check in checks if [c.id for c in checks].count(check.id) > 1}):
        raise SuiteError(f"{path}: ids that occur more than once: {', '.join(repeated)}")
    if len(checks) > MOST_CHECKS:
        raise SuiteError(f"{path}: {len(checks)} checks with the generated ones; at most {MOST_CHECKS}")
    content = json.dumps([asdict(check) for check in checks], sort_keys=True, default=str)
    return Suite(table, checks, sha256(content.encode()).hexdigest())


def _check(contract: Contract, entry: Mapping[str, Any]) -> Check:
    return Check(
        id=entry["meta"]["id"],
        table=contract.name,
        category=entry["meta"]["category"],
        severity=entry["severity"],
        note=entry["notes"],
        source=entry["meta"].get("source"),
        type=entry["type"],
        kwargs=entry["kwargs"],
        threshold=float(entry["kwargs"].get("mostly", 1)),
    )


def _entries(path: Path, contract: Contract) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise SuiteError(f"{path}: {contract.name} has no suite; write one, be it with an empty list") from error
    except json.JSONDecodeError as error:
        raise SuiteError(f"{path}: not valid JSON: line {error.lineno}: {error.msg}") from error
    if not isinstance(document, dict) or set(document) != {"name", "expectations"}:
        raise SuiteError(f"{path}: an object with 'name' and 'expectations' is expected, and nothing else")
    if document["name"] not in CONTRACTS:
        raise SuiteError(f"{path}: 'name' is {document['name']!r}, which is no table")
    if document["name"] != contract.name:
        raise SuiteError(f"{path}: 'name' is {document['name']!r}, but the file is that of {contract.name}")
    entries = document["expectations"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SuiteError(f"{path}: 'expectations' must be a list of objects")
    problems = [
        f"{path}: {_name(entry, position)}: {problem}"
        for position, entry in enumerate(entries, start=1)
        for problem in _problems(entry, contract)
    ]
    if problems:
        raise SuiteError(problems)
    return entries


def _name(entry: Mapping[str, Any], position: int) -> str:
    meta = entry.get("meta")
    return str(meta["id"]) if isinstance(meta, dict) and meta.get("id") else f"expectation {position}"


def _problems(entry: Mapping[str, Any], contract: Contract) -> Iterator[str]:
    meta = entry["meta"] if isinstance(entry.get("meta"), dict) else {}
    if unknown := sorted(set(entry) - _ENTRY) + sorted(f"meta.{key}" for key in set(meta) - _META):
        yield f"not known here: {', '.join(unknown)}"
    prefix, _, short = str(meta.get("id", "")).rpartition(".")
    if prefix != contract.name or not _SHORT_ID.fullmatch(short):
        yield f"meta.id must read '{contract.name}.<lower_case_name>'"
    if meta.get("category") not in get_args(Category):
        yield f"meta.category must be one of {', '.join(get_args(Category))}"
    if entry.get("severity") not in get_args(Severity):
        yield f"severity must be one of {', '.join(get_args(Severity))}"
    if not _filled(entry.get("notes")):
        yield "notes must say in plain words what is asked"
    if meta.get("category") == "plausibility" and not _filled(meta.get("source")):
        yield "meta.source must say where the limit comes from"
    if not _filled(entry.get("type")):
        yield "type must name an expectation"
    if isinstance(entry.get("kwargs"), dict):
        yield from _argument_problems(entry["kwargs"], contract)
    else:
        yield "kwargs must be an object"


def _argument_problems(kwargs: Mapping[str, Any], contract: Contract) -> Iterator[str]:
    columns = {column.name for column in contract.columns}
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    if absent := sorted({str(name) for name in named} - columns):
        yield f"columns that {contract.name} has not: {', '.join(absent)}"
    mostly = kwargs.get("mostly", 1)
    if not isinstance(mostly, int | float) or not 0 < mostly <= 1:
        yield "mostly must lie above 0 and not above 1"
    regex = kwargs.get("regex", "^$")
    if not (regex.startswith("^") and regex.endswith("$")):
        yield "a regex must be anchored: ^...$"
    for name in QUERY_ARGUMENTS:
        if name in kwargs:
            yield from _query_problems(str(kwargs[name]), contract)


def _query_problems(query: str, contract: Contract) -> Iterator[str]:
    if "{batch}" not in query:
        yield "a query must read {batch}, the table that is judged"
    if re.search(r"[{}]", query.replace("{batch}", "")):
        yield "a query must hold no brace but those of {batch}"
        return
    try:
        tables = _tables(query, contract.name)
    except SqlFileError as error:
        yield f"query: {error}"
        return
    if unknown := sorted(set(tables) - set(CONTRACTS)):
        yield f"query names tables that do not exist: {', '.join(unknown)}"


@lru_cache(maxsize=1024)
def _tables(query: str, table: str) -> tuple[str, ...]:
    return tables_read(query.replace("{batch}", table), table)


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
