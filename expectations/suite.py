"""Suites as data: what follows from a contract, and what `expectations/<layer>/<table>.json` adds by hand.

A suite that breaks a rule of the house is refused on loading. Nothing here opens a table or imports Great Expectations.
How a check is asked, and which ways there are, stands in `question`.
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
from expectations.question import COLUMNS, QueryQuestion, Question, problems, question, tables_named
from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS, Contract

Category = Literal["conformance", "completeness", "plausibility"]
Context = Literal["verification", "validation"]
Severity = Literal["critical", "warning", "info"]

FOLDER = Path(__file__).parent
MOST_CHECKS = 40
ALIAS = "judged"

_ENTRY = {"type", "kwargs", "severity", "notes", "meta"}
_META = {"id", "category", "source"}
_SHORT_ID = re.compile(r"[a-z][a-z0-9_]*")
_FROM = re.compile(r"\{batch\} as (?P<alias>\w+)(?P<joins>( left join (staging|ref)\.\w+ as \w+ using \(\w+\))*)")
# Only tables of which a row of the judged one can meet one row at most, or rows would be counted twice.
JOINED = frozenset(("staging.person", "staging.sig", "staging.sig_text", "ref.analyte"))


class SuiteError(BadInput):
    """A suite breaks a rule of the house; names the file, the check and the rule."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a table, with id, category, severity and note.

    `threshold` is the share of the rows asked that must hold, in each stratum; strata of fewer than `least` rows are not
    judged. `source` says where a limit of plausibility comes from: such a check is validation in the sense of Kahn 2016
    (eGEMs 4:1244), held against something outside the data; the others are verification.
    """

    id: str
    table: str
    category: Category
    severity: Severity
    note: str
    source: str | None
    question: Question
    threshold: float
    least: int

    @property
    def context(self) -> Context:
        return "validation" if self.source else "verification"

    @property
    def query(self) -> str | None:
        """The query of its own, where the check has one."""
        return self.question.query if isinstance(self.question, QueryQuestion) else None


@dataclass(frozen=True, slots=True)
class Suite:
    """All checks of a table; `rows` is what its row questions are asked of: the table, and what is joined to it.

    The fingerprint changes with anything that can change a verdict or its wording.
    """

    table: str
    rows: str
    checks: tuple[Check, ...]
    fingerprint: str

    @property
    def reads(self) -> tuple[str, ...]:
        """Other tables that the checks name, sorted."""
        named = {name for check in self.checks for name in tables_named(check.question, self.rows, self.table)}
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
    path = folder / CONTRACTS[table].layer / f"{CONTRACTS[table].table}.json"
    try:
        content = path.read_text()
    except FileNotFoundError as error:
        raise SuiteError(f"{path}: {table} has no suite; write one, be it with an empty list") from error
    return _loaded(CONTRACTS[table], path, content)


@lru_cache(maxsize=512)
def _loaded(contract: Contract, path: Path, content: str) -> Suite:
    rows, entries = _entries(path, contract, content)
    generated = structure.drafts(contract, rows.split()[2], has_person=structure.JOINED_PERSON in rows)
    checks = tuple(_check(contract, entry) for entry in (*generated, *entries))
    ids = [check.id for check in checks]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise SuiteError(f"{path}: ids that occur more than once: {', '.join(repeated)}")
    if len(checks) > MOST_CHECKS:
        raise SuiteError(f"{path}: {len(checks)} checks with the generated ones; at most {MOST_CHECKS}")
    everything = json.dumps([rows, *(asdict(check) for check in checks)], sort_keys=True, default=str)
    return Suite(contract.name, rows, checks, sha256(everything.encode()).hexdigest())


def _check(contract: Contract, entry: Mapping[str, Any]) -> Check:
    arguments = entry["kwargs"]
    threshold = float(arguments.get("mostly", 1))
    return Check(
        id=entry["meta"]["id"],
        table=contract.name,
        category=entry["meta"]["category"],
        severity=entry["severity"],
        note=entry["notes"],
        source=entry["meta"].get("source"),
        question=question(entry["type"], arguments),
        threshold=threshold,
        least=int(arguments.get("least", 1)),
    )


def _entries(path: Path, contract: Contract, content: str) -> tuple[str, list[dict[str, Any]]]:
    """What row questions are asked of, and the checks written by hand."""
    try:
        document = json.loads(content)
    except json.JSONDecodeError as error:
        raise SuiteError(f"{path}: not valid JSON: line {error.lineno}: {error.msg}") from error
    if not isinstance(document, dict) or set(document) - {"from"} != {"name", "expectations"}:
        raise SuiteError(
            f"{path}: an object with 'name' and 'expectations', perhaps 'from', is expected, and nothing else"
        )
    if document["name"] not in CONTRACTS:
        raise SuiteError(f"{path}: 'name' is {document['name']!r}, which is no table")
    if document["name"] != contract.name:
        raise SuiteError(f"{path}: 'name' is {document['name']!r}, but the file is that of {contract.name}")
    rows, entries = document.get("from", f"{{batch}} as {ALIAS}"), document["expectations"]
    if not isinstance(rows, str) or not (read := _FROM.fullmatch(rows)):
        raise SuiteError(
            f"{path}: 'from' must read '{{batch}} as <name>[ left join <table> as <name> using (<key>)]...'"
        )
    if many := sorted(set(re.findall(r"join (\S+) as", read["joins"])) - JOINED):
        raise SuiteError(f"{path}: 'from' may not join {', '.join(many)}: a row could be counted twice; use a query")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SuiteError(f"{path}: 'expectations' must be a list of objects")
    if found := [
        f"{path}: {_name(entry, position)}: {problem}"
        for position, entry in enumerate(entries, start=1)
        for problem in _problems(entry, contract, rows)
    ]:
        raise SuiteError(found)
    return rows, entries


def _name(entry: Mapping[str, Any], position: int) -> str:
    meta = entry.get("meta")
    return str(meta["id"]) if isinstance(meta, dict) and meta.get("id") else f"expectation {position}"


def _problems(entry: Mapping[str, Any], contract: Contract, rows: str) -> Iterator[str]:
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
    if not _filled(entry.get("type")) or entry.get("type") == COLUMNS:
        yield "type must name an expectation"
    elif isinstance(entry.get("kwargs"), dict):
        yield from problems(entry["type"], entry["kwargs"], rows, contract)
    else:
        yield "kwargs must be an object"


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
