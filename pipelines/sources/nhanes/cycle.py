"""Survey cycles and CDC table names: which cycle a name speaks of, and how a table is called in a cycle.

Everything follows from CDC's naming rule, not from a list of cycles; which tables belong together is said in `family`,
and whether a file's content agrees with its name is checked in `drop`.
"""

import re
from dataclasses import dataclass

FIRST_YEAR = 1999
FIRST_TAG = "A"
PRE_PANDEMIC_TAG = "P"
NAME_LENGTH = 8  # SAS version 5 member names, and so CDC's table names, have at most 8 characters

_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_YEARS = re.compile(r"(?:NHANES[ _-]?)?(\d{4})[-_](\d{4})", re.IGNORECASE)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# 2021-2023 is the one two-year cycle that was collected over more than two calendar years (August 2021 to August 2023).
_LAST_YEARS = {"L": 2023}


@dataclass(frozen=True, slots=True)
class Cycle:
    """One release period: CDC's letter, its first and last calendar year, and how many years its weights stand for."""

    tag: str
    first_year: int
    last_year: int
    years: float

    @property
    def label(self) -> str:
        """As CDC writes it, such as 2013-2014."""
        return f"{self.first_year}-{self.last_year}"

    @property
    def survey_code(self) -> int:
        """The value of SDDSRVYR in this cycle's DEMO: 1 for 1999-2000 and one more each cycle; 66 for pre-pandemic."""
        return 66 if self.tag == PRE_PANDEMIC_TAG else _LETTERS.index(self.tag) + 1


PRE_PANDEMIC = Cycle(PRE_PANDEMIC_TAG, 2017, 2020, 3.2)


@dataclass(frozen=True, slots=True)
class TableName:
    """A CDC table name taken apart: the table without its cycle (RXQ_RX), and the cycle."""

    table: str
    cycle: Cycle


def cycle_of_tag(tag: str) -> Cycle:
    """The cycle of a suffix letter (B is 2001-2002), or of P for 2017 to March 2020; ValueError on anything else."""
    letter = tag.upper()
    if letter == PRE_PANDEMIC_TAG:
        return PRE_PANDEMIC
    if len(letter) != 1 or letter not in _LETTERS:
        raise ValueError(f"{tag!r} is not a cycle letter")
    first_year = FIRST_YEAR + 2 * _LETTERS.index(letter)
    return Cycle(letter, first_year, _LAST_YEARS.get(letter, first_year + 1), 2.0)


def cycle_of_years(first_year: int, last_year: int) -> Cycle | None:
    """The cycle that ran in these calendar years; None where no cycle did."""
    if (first_year, last_year) == (PRE_PANDEMIC.first_year, PRE_PANDEMIC.last_year):
        return PRE_PANDEMIC
    position, is_odd = divmod(first_year - FIRST_YEAR, 2)
    if is_odd or not 0 <= position < len(_LETTERS) or _LETTERS[position] == PRE_PANDEMIC_TAG:
        return None
    cycle = cycle_of_tag(_LETTERS[position])
    return cycle if last_year in (first_year + 1, cycle.last_year) else None


def cycle_of_text(text: str) -> Cycle | None:
    """The cycle that a folder name or an option means (2013-2014, 2013_2014, NHANES 2013-2014, h, P); None if none."""
    if len(text) == 1 and text.upper() in _LETTERS:
        return cycle_of_tag(text)
    years = _YEARS.fullmatch(text.strip())
    return cycle_of_years(int(years[1]), int(years[2])) if years else None


def cycles_through(year: int) -> tuple[Cycle, ...]:
    """Every two-year cycle that began by this calendar year, by the rule: also those that CDC never released alone."""
    cycles = (cycle_of_tag(letter) for letter in _LETTERS if letter != PRE_PANDEMIC_TAG)
    return tuple(cycle for cycle in cycles if cycle.first_year <= year)


def parse_table_name(stem: str) -> TableName | None:
    """Takes a file's stem apart: DEMO, demo_h, P_RXQ_RX, LAB13AM, DXX_2_B; None where CDC would not name a table so.

    A one-letter last part is the cycle, a leading `P_` is 2017 to March 2020, anything else is 1999-2000. The suffix
    letter P is refused: it would be 2029-2030 by the rule, and `P` already names the pre-pandemic files.
    """
    name = stem.strip().upper()
    if len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        return None
    if name.startswith("P_"):
        return TableName(name[2:], PRE_PANDEMIC)
    table, _, last = name.rpartition("_")
    if not table or len(last) != 1 or last not in _LETTERS:
        return TableName(name, cycle_of_tag(FIRST_TAG))
    return None if last == PRE_PANDEMIC_TAG else TableName(table, cycle_of_tag(last))


def table_name(table: str, cycle: Cycle) -> str:
    """CDC's name of a table in a cycle; `parse_table_name` undoes it. In 1999-2000 most names have no suffix."""
    if cycle.tag == PRE_PANDEMIC_TAG:
        return f"P_{table}"
    if cycle.tag == FIRST_TAG and parse_table_name(table) == TableName(table, cycle):
        return table
    return f"{table}_{cycle.tag}"
