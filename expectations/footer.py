"""What the footers of Parquet files prove of every row, so that no row need be read for it. Nothing here counts a violation.

A footer holds the least, the greatest and how many NULLs of each column. Conditions on single columns, such as contracts
make, that hold at these ends hold in between. Whatever is not proved is asked of the rows.
"""

import datetime as dt
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from expectations.question import RowQuestion

_GIVEN = re.compile(r'\w+\."(\w+)" is not null')
_LIMIT = re.compile(r"""coalesce\(\w+\."(\w+)" (>=|<=) (?:date '([\d-]+)'|(-?[\d.e+-]+)), true\)""")
_SIGNS = {">=": operator.ge, "<=": operator.le}
_FRACTIONS = ("FLOAT", "DOUBLE")

Bound = int | float | dt.date


@dataclass(frozen=True, slots=True)
class Extent:
    """Of one column over all files: NULLs, and the ends of all else; no ends where a footer names none."""

    physical_type: str
    nulls: int
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Footer:
    """How many rows the files hold, and the extents of columns of which every footer tells.

    `alias` is what questions call the table: of what is joined to it, its footers tell nothing.
    """

    alias: str
    rows: int
    extents: dict[str, Extent]

    def proves(self, question: RowQuestion) -> bool:
        """Whether the question is asked of every row, and holds of every row."""
        named = set(re.findall(r'(\w+)\."', f"{question.holds} {question.where}"))
        return (
            named <= {self.alias}
            and self._asks_all(question.where)
            and all(self._holds(term) for term in question.holds.split(" and "))
        )

    def _asks_all(self, where: str) -> bool:
        return where == "true" or any(self._is_given(term) for term in where.split(" or "))

    def _is_given(self, term: str) -> bool:
        found = _GIVEN.fullmatch(term)
        return found is not None and found[1] in self.extents and self.extents[found[1]].nulls == 0

    def _holds(self, term: str) -> bool:
        if not (found := _LIMIT.fullmatch(term)):
            return self._is_given(term)
        name, sign, day, number = found.groups()
        extent = self.extents.get(name)
        if extent is None:
            return False
        if extent.nulls == self.rows:
            return True
        # NaN lies above every number, and no footer tells of it.
        if sign == "<=" and extent.physical_type in _FRACTIONS:
            return False
        end = extent.low if sign == ">=" else extent.high
        limit = dt.date.fromisoformat(day) if day else float(number)
        if end is None or isinstance(end, dt.date) is not isinstance(limit, dt.date):
            return False
        return bool(_SIGNS[sign](end, limit))


def is_known(term: str) -> bool:
    """Whether a condition on one column has a wording of which a footer may tell."""
    return bool(_GIVEN.fullmatch(term) or _LIMIT.fullmatch(term))


def read(files: Iterable[Path], alias: str, questions: Iterable[RowQuestion]) -> Footer:
    """The footers of these files as one, with the columns that the questions name in quotes.

    Raises:
        OSError, pyarrow.ArrowException: a file cannot be read.
    """
    named = {name for asked in questions for name in re.findall(r'\."(\w+)"', f"{asked.holds} {asked.where}")}
    metadata = [pq.read_metadata(path) for path in files]
    extents = {name: extent for name in sorted(named) if (extent := _extent(name, metadata)) is not None}
    return Footer(alias, sum(one.num_rows for one in metadata), extents)


def _extent(name: str, metadata: Iterable[pq.FileMetaData]) -> Extent | None:
    """None where a file has no such column, or does not say how many NULLs it holds."""
    physical_type, nulls, lows, highs = "", 0, [], []
    for one in metadata:
        place = one.schema.to_arrow_schema().get_field_index(name)
        for group in range(one.num_row_groups):
            column = one.row_group(group).column(place) if place >= 0 else None
            told = column.statistics if column else None
            if column is None or column.path_in_schema != name or told is None or not told.has_null_count:
                return None
            physical_type, nulls = column.physical_type, nulls + told.null_count
            if told.null_count < column.num_values:
                lows.append(told.min if told.has_min_max else None)
                highs.append(told.max if told.has_min_max else None)
    is_bounded = lows and all(type(end) in (int, float, dt.date) for end in (*lows, *highs))
    return Extent(physical_type, nulls, *((min(lows), max(highs)) if is_bounded else (None, None)))
