"""The de-identification guard: looks at every column of a delivery before anything of it is written, and stops the drop.

Patterns of values see every row, batch by batch; shares of a column (names of people, most of all) are taken from thousands
of its different values. A message names file and column, never a value. What a value or a name looks like stands in
`guard_rules`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.delivery import ParquetRows, Part, Rows
from pipelines.sources.given_names import GIVEN_NAMES
from pipelines.sources.guard_rules import (
    COLUMN_NAMES,
    NAME_SHARE,
    NAME_VALUES,
    NAMED_PROSE_WORDS,
    NO_NAMES,
    NOT_ASKED,
    PERSON_NAMES,
    PROSE_LONG,
    PROSE_VALUES,
    PROSE_WORDS,
    TELLING,
    USUAL,
    USUAL_SHARE,
    USUAL_VALUES,
    VALUES,
    Suspicion,
)
from pipelines.tables import CONTRACTS

# Raise when a rule gets stricter: every part is then asked again, and landed again.
GUARD_VERSION = "2"
OLDEST_AGE = 89
SAMPLE = 5_000  # different values of a batch that shares are taken from
SHORTEST_ID = 4
KNOWN_VALUES = 50_000
# Above this share of different values, telling them apart costs more than looking at each.
MOST_DISTINCT = 0.1
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
    if not watched:
        return ()
    declared = {column.name for column in CONTRACTS[part.table].columns}
    is_person = part.table.endswith("_person")
    seen = {
        column: _Column(
            column, name, part.exempt.get(name, frozenset()), is_person=is_person, is_own=name not in declared
        )
        for column, name in watched.items()
    }
    asked = [*watched, *([part.id_column] if part.id_column else [])]
    for values, different in _batches(part.rows, asked):
        for column, state in seen.items():
            state.look(values[column], is_different=column in different)
    if part.id_column and (head := next(part.rows.batches(asked), None)) is not None:
        for column, state in seen.items():
            state.look_beside(head[column].head(SAMPLE), head[part.id_column].head(SAMPLE))
    labels = {column: _label(column, place) for place, column in enumerate(watched, 1)}
    return tuple(
        Suspicion(part.source_file, labels[column], rule) for column, state in seen.items() for rule in state.rules()
    )


def _batches(rows: Rows, columns: Sequence[str]) -> Iterator[tuple[Mapping[str, pl.Series], frozenset[str]]]:
    """The values of each column, a batch at a time, and the columns that give each value once."""
    if isinstance(rows, ParquetRows):
        yield from rows.different(columns)
        return
    for frame in rows.batches(columns):
        yield frame.to_dict(as_series=True), frozenset()


def _is_about_people(part: Part) -> bool:
    return part.id_column is not None and CONTRACTS[part.table].unit == "person"


class _Column:
    """What was seen so far of one column."""

    __slots__ = (
        "_asked",
        "_filled",
        "_known",
        "_named",
        "_owns_days",
        "_pattern",
        "_prose",
        "_repeats",
        "_shares",
        "_sure",
    )

    def __init__(self, column: str, landed_as: str, exempt: frozenset[str], *, is_person: bool, is_own: bool) -> None:
        names = {_joined(column), _joined(landed_as)}
        self._named = {rule for rule, pattern in COLUMN_NAMES.items() for n in names if pattern.fullmatch(n)} - exempt
        if is_person and names & PERSON_NAMES and "name" not in exempt:
            self._named.add("name")
        self._asked = {
            rule
            for rule in VALUES
            if rule not in exempt and not any(p.fullmatch(n) for n in names if (p := NOT_ASKED.get(rule)))
        }
        self._pattern = _any_of(frozenset(self._asked))
        holds_no_names = any(NO_NAMES.fullmatch(n) for n in names)
        self._shares = {rule: _Share(USUAL_VALUES, USUAL_SHARE) for rule in USUAL if rule not in exempt}
        if "name" not in exempt and not holds_no_names:
            self._shares["given"] = _Share(NAME_VALUES, NAME_SHARE)
        self._shares["person_id"] = _Share(USUAL_VALUES, USUAL_SHARE)
        if is_person and is_own:  # a day beside a person that no contract knows is most likely that of birth
            self._shares["birth"] = _Share(USUAL_VALUES, USUAL_SHARE)
        self._filled = False
        self._repeats: bool | None = None
        self._known: pl.Series | None = None
        self._prose = None if "prose" in exempt else 0
        self._sure: set[str] = set()

    def look(self, values: pl.Series, *, is_different: bool = False) -> None:
        """Take in the values of a batch, each at least once; `is_different`: each just once."""
        is_text = values.dtype in (pl.String, pl.Categorical, pl.Enum)
        if is_text and (is_different or values.dtype != pl.String):
            self._repeats, values = True, (values if is_different else values.unique().cast(pl.String))
        elif is_text:
            if self._repeats is None:
                self._repeats = values.n_unique() < values.len() * MOST_DISTINCT
            values = values.unique() if self._repeats else values
        values = self._new(values.drop_nulls()) if is_text and self._repeats else values.drop_nulls()
        if values.is_empty():
            return
        self._filled = self._filled or _is_filled(values)
        if "age" in self._named and "age" not in self._sure and _has_old_age(values):
            self._sure.add("age")
        if "birth" in self._named and _has_day(values):
            self._sure.add("birth")
        if values.dtype.is_temporal() and "birth" in self._shares:
            self._shares["birth"].add(values.len(), values.len())
        if is_text:
            self._look_at_text(values)

    def _look_at_text(self, values: pl.Series) -> None:
        if self._asked and values.str.contains(self._pattern).any():
            found = {rule for rule in self._asked if values.str.contains(f"(?m){VALUES[rule]}").any()}
            self._sure |= found
            self._asked -= found
            self._pattern = _any_of(frozenset(self._asked))
        if self._prose is not None and "prose" not in self._sure:
            self._look_for_prose(values)
        sample = values if self._repeats else _sample(values)
        for rule, share in self._shares.items():
            if rule != "person_id":
                share.add(sample.len(), _looks_usual(rule, sample), is_new=bool(self._repeats))

    def _new(self, distinct: pl.Series) -> pl.Series:
        """Of a column that says the same again and again, the values that were not looked at before."""
        if self._known is not None:
            distinct = distinct.filter(~distinct.is_in(self._known.implode()))
        known = distinct if self._known is None else pl.concat([self._known, distinct])
        self._known = known.head(KNOWN_VALUES)
        return distinct

    def look_beside(self, values: pl.Series, ids: pl.Series) -> None:
        """Compare with the person ids of the same rows: an id delivered twice would be landed as it is the second time."""
        if values.dtype in (pl.String, pl.Categorical, pl.Enum):
            beside = pl.DataFrame({"value": values.cast(pl.String), "id": ids.cast(pl.String)}).drop_nulls()
            beside = beside.filter(pl.col("id").str.len_chars() >= SHORTEST_ID).unique()
            self._shares["person_id"].add(beside.height, int((beside["value"] == beside["id"]).sum()))

    def _look_for_prose(self, distinct: pl.Series) -> None:
        if "prose" in self._named:
            long = distinct.filter(distinct.str.len_bytes() >= 2 * NAMED_PROSE_WORDS)
            if (long.str.count_matches(r"\S+") >= NAMED_PROSE_WORDS).any():
                self._sure.add("prose")
        long = distinct.filter(distinct.str.len_bytes() >= 2 * PROSE_WORDS)
        if long.is_empty():
            return
        words = long.str.count_matches(r"\S+")
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
        by_name = {rule for rule in self._named if rule not in ("age", "birth", "prose")} if self._filled else set()
        by_share = {"name" if rule == "given" else rule for rule, share in self._shares.items() if share.is_usual}
        yield from sorted(by_name | by_share | self._sure)


class _Share:
    """How many of the different values looked at have a form that other things have too."""

    __slots__ = ("_least", "_most_of_batch", "_n", "_share", "_such")

    def __init__(self, least: int, share: float) -> None:
        self._least, self._share = least, share
        self._n = self._such = self._most_of_batch = 0

    def add(self, n: int, such: int, *, is_new: bool = False) -> None:
        """Take in `n` different values, `such` of the form; `is_new`: none of them was taken in before."""
        self._n += n
        self._such += such
        self._most_of_batch = max(self._most_of_batch, self._such if is_new else such)

    @property
    def is_usual(self) -> bool:
        return self._most_of_batch >= self._least and self._such >= self._share * self._n


@lru_cache(maxsize=256)
def _any_of(rules: frozenset[str]) -> str:
    """One pattern for all: almost every value is then looked at once."""
    return "(?m)" + "|".join(f"(?:{VALUES[rule]})" for rule in sorted(rules))


def _sample(values: pl.Series) -> pl.Series:
    """Different values from the whole of a batch: a share needs no more of them."""
    step = max(1, values.len() // SAMPLE)
    return values.gather_every(step).unique()


def _looks_usual(rule: str, sample: pl.Series) -> int:
    if rule == "given":
        return _given_names(sample)
    pattern = _DAY if rule == "birth" else USUAL[rule]
    return int(sample.str.contains(pattern).sum())


def _given_names(sample: pl.Series) -> int:
    """How many values are one to four words of which the first or the second is a given name."""
    plain = sample.filter(sample.str.contains(r"^[\p{L}'., -]{2,60}$"))
    words = plain.str.to_lowercase().str.extract_all(r"\p{L}+")
    few = words.filter(words.list.len() <= 4)
    names = pl.Series(sorted(GIVEN_NAMES)).implode()
    first, second = few.list.get(0, null_on_oob=True), few.list.get(1, null_on_oob=True)
    return int((first.is_in(names) | second.is_in(names).fill_null(False)).sum())


def _joined(column: str) -> str:
    """A column name with its words joined by `_`: firstName, FIRST-NAME and `First name` are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[^a-z0-9']+", "_", spaced.lower()).strip("_")


def _label(column: str, place: int) -> str:
    """How a message names a column: a first row of values instead of names must not be repeated."""
    looks = pl.Series([column])
    is_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ .-]{0,63}", column) is not None
    is_value = any(looks.str.contains(pattern).item() for pattern in (*VALUES.values(), *USUAL.values())) or re.search(
        r"\d{4}", column
    )
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
