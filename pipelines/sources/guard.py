"""The de-identification guard: looks at every column of a delivery before anything of it is written, and stops the drop.

Each text column is asked once over its distinct values, batch by batch, so that every row is seen. A message names file and
column, never a value. What a value or a name looks like stands in `guard_rules`.
"""

import re
from collections.abc import Iterable, Iterator

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.delivery import Part
from pipelines.sources.guard_rules import (
    COLUMN_NAMES,
    NAMED_PROSE_WORDS,
    NOT_ASKED,
    PROSE_LONG,
    PROSE_VALUES,
    PROSE_WORDS,
    TELLING,
    VALUES,
    Suspicion,
)
from pipelines.tables import CONTRACTS

# Raise when a rule gets stricter: every part is then asked again, and landed again.
GUARD_VERSION = "1"
OLDEST_AGE = 89
_DAY = r"^\s*(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}|\d{8})\b"


def require_deidentified(parts: Iterable[Part]) -> None:
    """Look at every column that would be landed.

    Raises:
        BadInput: with every column that looks like a direct identifier.
    """
    found = [suspicion.message for part in parts if _is_about_people(part) for suspicion in suspicions(part)]
    if found:
        raise BadInput(found)


def suspicions(part: Part) -> tuple[Suspicion, ...]:
    """What looks like a direct identifier in one file, each column and rule once."""
    watched = {column: name for column, name in part.columns.items() if column != part.id_column}
    is_person = part.table.endswith("_person")
    seen = {
        column: _Column(column, name, part.exempt.get(name, frozenset()), is_person=is_person)
        for column, name in watched.items()
    }
    if not watched:
        return ()
    for frame in part.rows.batches(list(watched)):
        for column, state in seen.items():
            state.look(frame[column])
    labels = {column: _label(column, place) for place, column in enumerate(watched, 1)}
    return tuple(
        Suspicion(part.source_file, labels[column], rule) for column, state in seen.items() for rule in state.rules()
    )


def _is_about_people(part: Part) -> bool:
    return part.id_column is not None and CONTRACTS[part.table].unit == "person"


class _Column:
    """What was seen so far of one column."""

    __slots__ = ("_asked", "_is_filled", "_named", "_prose", "_sure")

    def __init__(self, column: str, landed_as: str, exempt: frozenset[str], *, is_person: bool) -> None:
        names = {_joined(column), _joined(landed_as)}
        self._named = {rule for rule, pattern in COLUMN_NAMES.items() for n in names if pattern.fullmatch(n)} - exempt
        if is_person and "name" in names:
            self._named.add("name")
        self._asked = {
            rule
            for rule in VALUES
            if rule not in exempt and not any(p.fullmatch(n) for n in names if (p := NOT_ASKED.get(rule)))
        }
        self._is_filled = False
        self._prose = None if "prose" in exempt else 0
        self._sure: set[str] = set()

    def look(self, values: pl.Series) -> None:
        """Take in a batch of values."""
        values = values.drop_nulls()
        if values.is_empty():
            return
        self._is_filled = self._is_filled or _is_filled(values)
        if "age" in self._named and "age" not in self._sure and _has_old_age(values):
            self._sure.add("age")
        if "birth" in self._named and _has_day(values):
            self._sure.add("birth")
        if values.dtype in (pl.Categorical, pl.Enum):
            values = values.cast(pl.String)
        if values.dtype != pl.String:
            return
        distinct = values.unique()
        for rule in tuple(self._asked - self._sure):
            if distinct.str.contains(VALUES[rule]).any():
                self._sure.add(rule)
        if self._prose is not None and "prose" not in self._sure:
            self._look_for_prose(distinct)

    def _look_for_prose(self, distinct: pl.Series) -> None:
        long = distinct.filter(distinct.str.len_chars() >= 2 * NAMED_PROSE_WORDS)
        if long.is_empty():
            return
        words = long.str.count_matches(r"\S+")
        if "prose" in self._named and (words >= NAMED_PROSE_WORDS).any():
            self._sure.add("prose")
        tells = long.filter(words >= PROSE_WORDS)
        if tells.is_empty():
            return
        telling = tells.str.count_matches(TELLING) >= 3
        self._prose = (self._prose or 0) + int(telling.sum())
        is_very_long = tells.str.count_matches(r"\S+") >= PROSE_LONG
        if self._prose >= PROSE_VALUES or (telling & is_very_long).any():
            self._sure.add("prose")

    def rules(self) -> Iterator[str]:
        """The rules that the column breaks."""
        by_name = {rule for rule in self._named if rule not in ("age", "birth", "prose")} if self._is_filled else set()
        yield from sorted(by_name | self._sure)


def _joined(column: str) -> str:
    """A column name with its words joined by `_`: firstName, FIRST-NAME and `First name` are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[^a-z0-9']+", "_", spaced.lower()).strip("_")


def _label(column: str, place: int) -> str:
    """How a message names a column: a first row of values instead of names must not be repeated."""
    looks = pl.Series([column])
    is_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ .-]{0,63}", column) is not None
    is_value = any(looks.str.contains(pattern).item() for pattern in VALUES.values()) or re.search(r"\d{4}", column)
    return column if is_name and not is_value else f"number {place}"


def _is_filled(values: pl.Series) -> bool:
    return bool((values.str.strip_chars() != "").any()) if values.dtype == pl.String else True


def _has_old_age(values: pl.Series) -> bool:
    ages = values.cast(pl.Float64, strict=False) if values.dtype == pl.String or values.dtype.is_numeric() else None
    return ages is not None and bool((ages.drop_nulls().drop_nans() > OLDEST_AGE).any())


def _has_day(values: pl.Series) -> bool:
    if values.dtype.is_temporal():
        return True
    if values.dtype.is_integer():
        return bool((values > 9_999).any())
    return values.dtype == pl.String and bool(values.unique().str.contains(_DAY).any())
