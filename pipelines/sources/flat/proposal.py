"""A first mapping for a file, from its column names and from what all of its values have in common.

It only looks: nothing is landed, and no value is shown, only names of columns, patterns and shares. What cannot be told
from the values (day or month first, which code means what) is left open and said.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.flat import date_format
from pipelines.sources.flat.cells import plain_text
from pipelines.sources.flat.mapping import PERSON
from pipelines.sources.flat.mapping_check import NEEDED
from pipelines.sources.flat.proposal_words import BIRTH_WORDS, IDENTIFIER_WORDS, PERSON_WORDS, WORDS, folded
from pipelines.sources.text_table import TableFile, open_table
from pipelines.tables.raw_flat import DECIMAL_COLUMNS, FLAT_COLUMNS

_DAYS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = ("iso", *(day + clock for day, clock in product(_DAYS, _CLOCKS)), "%Y%m%d%H%M%S", "%Y%m%d%H%M")
_NUMBER = r"^\s*[<>=≤≥]{0,2}\s*[+-]?"
_POINT, _COMMA = _NUMBER + r"\d+\.\d+\s*$", _NUMBER + r"\d+,\d+\s*$"
_POINT_GROUPS, _COMMA_GROUPS = _NUMBER + r"\d{1,3}(\.\d{3})+(,\d+)?\s*$", _NUMBER + r"\d{1,3}(,\d{3})+(\.\d+)?\s*$"
_PLAIN = _NUMBER + r"\d+([.,]\d+)?\s*$"
_CODES = {
    "LOINC": r"^\d{1,5}-\d$",
    "ICD-10": r"^[A-TV-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?$",
    "ATC": r"^[A-Z]\d{2}[A-Z]{2}\d{2}$",
    "NDC": r"^(\d{11}|\d{4,5}-\d{3,4}-\d{1,2})$",
}
# Parts of file names that tell a kind.
_FILE_WORDS = {
    "person": ("patient", "person", "demograph", "subject"),
    "period": ("enrol", "coverage", "eligib", "period", "transition"),
    "lab": ("lab", "result", "observation"),
    "dxa": ("dxa", "dexa", "bmd", "densit"),
    "prescription": ("medication", "prescription", "drug", "dispens", "fill", "pharmac", "rx"),
    "diagnosis": ("condition", "diagnos", "problem", "icd"),
    "procedure": ("procedure", "surger", "operation"),
    "death": ("death", "mortal"),
    "visit": ("encounter", "visit", "admission"),
    "retraction": ("retract", "withdrawn"),
}
# Columns that hardly stand in a file of another kind.
_TELLING = {"dxa": {"bmd_text"}, "prescription": {"sig_text", "days_supply"}, "lab": {"reference_low_text"}}
_UTC = r"^\d{4}-\d{2}-\d{2}[T ].*(Z|[+-]\d{2}(:?\d{2})?)$"


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """What a column of the file is taken for. `formats`: every date format that reads all its values."""

    column: str
    meaning: str
    filled: int
    formats: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed table: kind, columns, options of the table, and what a person must still decide."""

    file: TableFile
    kind: str
    columns: tuple[ColumnProposal, ...]
    options: dict[str, str]
    constants: dict[str, str]
    open_questions: tuple[str, ...]
    other_kinds: tuple[str, ...]

    def mapped(self) -> dict[str, ColumnProposal]:
        """The proposed column of each canonical one."""
        return {each.meaning: each for each in self.columns if each.meaning not in ("", "drop")}


@dataclass(slots=True)
class _Seen:
    """Counts over all values of a column."""

    filled: int = 0
    point: int = 0
    comma: int = 0
    sure_comma: int = 0
    point_groups: int = 0
    comma_groups: int = 0
    plain: int = 0
    zoned: int = 0
    reads: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)


def propose(path: Path, kind: str | None = None, sheet: str | None = None) -> Proposal:
    """Propose a table for a file.

    Raises:
        BadInput: the file cannot be read, or `kind` is none, or nothing tells what kind of records it holds.
    """
    if kind is not None and kind not in WORDS:
        raise BadInput(f"--kind {kind}: kinds are {', '.join(WORDS)}")
    file = open_table(path, sheet=sheet)
    scores = _scores(file.columns, folded(path.stem))
    kind = kind or max(scores, key=lambda each: scores[each])
    if not scores[kind]:
        raise BadInput(
            f"{path}: its column names ({', '.join(file.columns[:20])}) do not tell what it holds: name it with --kind "
            f"({', '.join(WORDS)})"
        )
    meanings = _meanings(file.columns, kind)
    seen = _survey(file, meanings, kind)
    others = tuple(
        each
        for each, groups in NEEDED.items()
        if each != kind
        and scores[each] >= 1
        and all(set(group) & set(_meanings(file.columns, each).values()) for group in groups)
    )
    return _assembled(file, kind, meanings, seen, others)


def _scores(columns: tuple[str, ...], name: str) -> dict[str, float]:
    """For each kind, its columns that are there, counted the less the more of what it needs is not; telling ones most.

    The file's name counts where a column speaks for the kind too.
    """
    scores = {}
    for kind in WORDS:
        found = set(_meanings(columns, kind).values()) - {PERSON, "drop", ""}
        needs = NEEDED[kind]
        met = sum(bool(set(group) & found) for group in needs) / len(needs) if needs else 1.0
        told = 3.0 * bool(_TELLING.get(kind, set()) & found) + 3.0 * any(
            word in name for word in _FILE_WORDS.get(kind, ())
        )
        scores[kind] = len(found) * met + told * bool(found)
    return scores


def _meanings(columns: tuple[str, ...], kind: str) -> dict[str, str]:
    """What each column is taken for; each canonical column once, for the column whose name stands first in its list."""
    names = {column: folded(column) for column in columns}
    found: dict[str, str] = {}
    person = min(
        (column for column in columns if names[column] in PERSON_WORDS),
        key=lambda column: PERSON_WORDS.index(names[column]),
        default=None,
    )
    if person is not None:
        found[person] = PERSON
    for canonical, words in WORDS[kind].items():
        order = words.split()
        candidates = [column for column in columns if column not in found and names[column] in order]
        if candidates:
            found[min(candidates, key=lambda column: order.index(names[column]))] = canonical
    for column in columns:
        if column not in found and names[column] in (*IDENTIFIER_WORDS, *BIRTH_WORDS):
            found[column] = "drop"
    return {column: found.get(column, "") for column in columns}


def _survey(file: TableFile, meanings: dict[str, str], kind: str) -> dict[str, _Seen]:
    seen = {column: _Seen() for column in file.columns}
    for batch in file.batches():
        for column in file.columns:
            if batch.rows.schema[column].is_temporal():
                seen[column].filled += batch.rows.height - batch.rows[column].null_count()
                continue
            text = plain_text(batch.rows[column]).str.strip_chars().rename("text")
            counted = text.to_frame().filter(pl.col("text") != "").group_by("text").len("n")
            meaning = meanings[column]
            is_day = FLAT_COLUMNS[kind].get(meaning) in ("day", "instant") or meaning == "birth_year"
            _count(seen[column], counted, is_day, meaning in ("code", "cause_code", "indication_code"))
    return seen


def _count(seen: _Seen, counted: pl.DataFrame, is_day: bool, is_code: bool) -> None:
    text, n = pl.col("text"), pl.col("n")
    wanted: dict[str, pl.Expr] = {
        "filled": pl.lit(True),
        "point": text.str.contains(_POINT),
        "comma": text.str.contains(_COMMA),
        "sure_comma": text.str.contains(_COMMA) & ~text.str.contains(_COMMA_GROUPS),
        "point_groups": text.str.contains(_POINT_GROUPS) & ~text.str.contains(_POINT),
        "comma_groups": text.str.contains(_COMMA_GROUPS) & ~text.str.contains(_COMMA),
        "plain": text.str.contains(_PLAIN),
        "zoned": text.str.contains(_UTC),
    }
    found = counted.select(n.filter(each).sum().alias(name) for name, each in wanted.items()).row(0, named=True)
    for name, count in found.items():
        setattr(seen, name, getattr(seen, name) + count)
    if is_day:
        reads = {
            each: _weight(counted, date_format.instants(counted["text"], (each,), "UTC", 1950)) for each in FORMATS
        }
        seen.reads = {each: seen.reads.get(each, 0) + reads[each] for each in FORMATS}
    if is_code:
        codes = counted.select(n.filter(text.str.contains(p)).sum().alias(c) for c, p in _CODES.items())
        seen.codes = {c: seen.codes.get(c, 0) + count for c, count in codes.row(0, named=True).items()}


def _weight(counted: pl.DataFrame, moments: pl.Series) -> int:
    return int(counted["n"].filter(moments.is_not_null()).sum())


def _assembled(
    file: TableFile, kind: str, meanings: dict[str, str], seen: dict[str, _Seen], others: tuple[str, ...]
) -> Proposal:
    columns = []
    questions: list[str] = []
    zoned: list[str] = []
    options: dict[str, str] = {}
    for column, meaning in meanings.items():
        formats: tuple[str, ...] = ()
        remark = ""
        found = seen[column]
        if found.reads and found.filled:
            formats, remark = _formats(found)
            if meaning == "birth_year" and found.plain == found.filled and not formats:
                remark = ""
            elif len(formats) != 1:
                questions.append(f"dates.{meaning}: {remark}")
            if any("%y" in each for each in formats):
                questions.append(
                    f"first_year: years of {column} have two digits; state the earliest year they can mean"
                )
            if found.zoned:
                zoned.append(column)
        columns.append(ColumnProposal(column, meaning, found.filled, formats, remark))
    if zoned:
        questions.append(
            f"time_zone: times of {', '.join(zoned)} carry offsets; state where the clock on the wall hung"
        )
    taken = {each.meaning for each in columns}
    options |= _decimal(kind, meanings, seen, questions)
    constants = _constants(kind, meanings, seen, questions)
    if PERSON not in taken:
        questions.append("columns.person: no column looks like an id of the person")
    for group in NEEDED[kind]:
        if not set(group) & taken:
            questions.append(f"columns: {kind} needs {' or '.join(group)}, and no column looks like it")
    if kind in ("lab", "dxa") and "unit_text" not in taken:
        questions.append("columns.unit_text: no column with units; state the unit if all rows share it")
    if kind == "person" and "sex_text" in taken:
        questions.append("values.sex_text: if the codes for sex are not words, translate them")
    return Proposal(file, kind, tuple(columns), options, constants, tuple(questions), others)


def _formats(found: _Seen) -> tuple[tuple[str, ...], str]:
    complete = tuple(each for each in FORMATS if found.reads[each] == found.filled)
    if len(complete) == 1:
        return complete, ""
    if complete:
        return complete, f"{' and '.join(complete)} both read every value: day and month cannot be told apart; choose"
    best = max(FORMATS, key=lambda each: found.reads[each])
    if not found.reads[best]:
        return (), "no known date format reads its values"
    share = 100 * found.reads[best] / found.filled
    return (), f"no format reads every value; {best} reads {share:.1f} %"


def _decimal(kind: str, meanings: dict[str, str], seen: dict[str, _Seen], questions: list[str]) -> dict[str, str]:
    numeric = [
        found
        for column, found in seen.items()
        if meanings[column] in DECIMAL_COLUMNS[kind] or FLAT_COLUMNS[kind].get(meanings[column]) == "number"
    ]
    commas, points = sum(each.comma for each in numeric), sum(each.point for each in numeric)
    if any(each.point_groups for each in numeric) and commas and not points:
        return {"decimal": ",", "thousands": "."}
    if commas and points:
        questions.append("decimal: some numbers have a comma and some a point; state decimal and thousands")
        return {}
    if commas:
        # Three digits after every comma: 1,234 may be one or a thousand.
        if any(each.comma_groups for each in numeric) or not any(each.sure_comma for each in numeric):
            questions.append("decimal: commas may be decimal or thousands marks; state decimal and thousands")
            return {}
        return {"decimal": ","}
    return {}


def _constants(kind: str, meanings: dict[str, str], seen: dict[str, _Seen], questions: list[str]) -> dict[str, str]:
    code = next((column for column, meaning in meanings.items() if meaning in ("code", "cause_code")), None)
    if code is None or "code_system" in meanings.values() or "code_system" not in FLAT_COLUMNS[kind]:
        return {}
    filled = seen[code].filled
    system = next((name for name, count in seen[code].codes.items() if filled and count == filled), None)
    if system is None:
        questions.append(f"columns.code_system: the codes of {code} are of no one known system; state which it is")
        return {}
    return {"code_system": system}


def lines(proposal: Proposal) -> Iterator[str]:
    """The proposal as a mapping file. What must be decided stands in comments; what was not told is left out."""
    mapped = proposal.mapped()
    yield f"# Proposed from {proposal.file.path.name}: {proposal.file.rows} rows. Read it before you use it."
    for question in proposal.open_questions:
        yield f"# TO DECIDE: {question}"
    yield ""
    yield "[[table]]"
    yield f"kind = {_quoted(proposal.kind)}"
    yield f"files = {_quoted(proposal.file.path.name)}"
    if proposal.file.delimiter not in (None, ","):
        yield f"delimiter = {_quoted(proposal.file.delimiter or '')}"
    if proposal.file.encoding not in (None, "utf-8"):
        yield f"encoding = {_quoted(proposal.file.encoding or '')}"
    for name, value in proposal.options.items():
        yield f"{name} = {_quoted(value)}"
    dropped = [each.column for each in proposal.columns if each.meaning == "drop"]
    if dropped:
        yield f"drop = [{', '.join(map(_quoted, dropped))}] # these look like identifiers of people"
    yield ""
    yield "[table.columns]"
    for canonical in (PERSON, *FLAT_COLUMNS[proposal.kind]):
        if canonical in mapped:
            yield f"{canonical} = {_quoted(mapped[canonical].column)}"
        elif canonical in proposal.constants:
            yield f"{canonical} = {{ value = {_quoted(proposal.constants[canonical])} }}"
    dated = {name: each for name, each in mapped.items() if each.formats or each.remark}
    if dated:
        yield ""
        yield "[table.dates]"
        for name, each in dated.items():
            is_told = len(each.formats) == 1
            stated = _quoted(each.formats[0]) if each.formats else '"?"'
            yield f"{'' if is_told else '# '}{name} = {stated}" + (f" # {each.remark}" if each.remark else "")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
