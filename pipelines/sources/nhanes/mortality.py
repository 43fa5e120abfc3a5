"""NCHS public-use linked mortality files (`NHANES_2013_2014_MORT_2019_PUBLIC.dat`), fixed width, any cycle.

Reads and checks the lines; what a death means for a person is decided in `sql/staging`. Layout: the NHANES columns of
the read-in programs that NCHS publishes with the 2015 and 2019 releases; lines of any other layout are refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.errors import BadInput
from pipelines.sources.nhanes.cycle import Cycle, cycle_of_years

# Column, first and last character, counted from 1.
FIELDS: tuple[tuple[str, int, int], ...] = (
    ("SEQN", 1, 6),
    ("ELIGSTAT", 15, 15),
    ("MORTSTAT", 16, 16),
    ("UCOD_LEADING", 17, 19),
    ("DIABETES", 20, 20),
    ("HYPERTEN", 21, 21),
    ("PERMTH_INT", 43, 45),
    ("PERMTH_EXM", 46, 48),
)
COLUMNS = tuple(name for name, _, _ in FIELDS)
MAX_SHOWN = 5

_NAME = re.compile(r"NHANES_(\d{4})_(\d{4})_MORT_(\d{4})_PUBLIC", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MortalityName:
    """A linked mortality file's cycle and the year through which deaths were searched (its release)."""

    cycle: Cycle
    release: int


def parse_name(stem: str) -> MortalityName | None:
    """Takes `NHANES_2013_2014_MORT_2019_PUBLIC` apart, in either case; None for any other name."""
    match = _NAME.fullmatch(stem)
    cycle = cycle_of_years(int(match[1]), int(match[2])) if match else None
    return MortalityName(cycle, int(match[3])) if match and cycle else None


def file_name(cycle: Cycle, release: int) -> str:
    """NCHS's name of a cycle's file in a release."""
    return f"NHANES_{cycle.first_year}_{cycle.last_year}_MORT_{release}_PUBLIC.dat"


def read(path: Path) -> pl.DataFrame:
    """One row per respondent, columns `COLUMNS`, all Int64; blank and `.` are null. Months are months of follow-up.

    Raises BadInput with the number of every malformed line (the first five are named), never with what it holds.
    """
    try:
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadInput(f"{path}, line {line}: not a linked mortality file; download it again") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    frame = pl.DataFrame({"line": lines}, schema={"line": pl.String})
    line = pl.col("line")
    wrong = frame.with_row_index("number", 1).filter(~_is_well_formed(line))["number"].to_list()
    if wrong:
        shown = ", ".join(map(str, wrong[:MAX_SHOWN])) + (", …" if len(wrong) > MAX_SHOWN else "")
        raise BadInput(
            f"{path}, line {shown}: not laid out as a linked mortality file ({len(wrong)} of {len(lines)} lines): "
            "the file is damaged or truncated; download it again"
        )
    return frame.select(
        line.str.slice(first - 1, last - first + 1).str.strip_chars(" .").cast(pl.Int64, strict=False).alias(name)
        for name, first, last in FIELDS
    )


def _is_well_formed(line: pl.Expr) -> pl.Expr:
    def field(first: int, last: int) -> pl.Expr:
        return line.str.slice(first - 1, last - first + 1)

    months = r"^ *([0-9]{1,3}|\.)? *$"
    return pl.all_horizontal(
        line.str.len_chars().is_between(46, 48),
        field(1, 14).str.contains(r"^[0-9]{1,6} *$"),
        field(15, 16).str.contains(r"^(1[01]|[23][. ])$"),  # eligible, with a vital status; or not, without one
        field(17, 19).str.contains(r"^(00[1-9]|010|[. ]{3})$"),
        field(20, 21).str.contains(r"^[01. ]{2}$"),
        field(22, 42).str.contains(r"^ {21}$"),  # used by the interview survey alone
        field(43, 45).str.contains(months),
        field(46, 48).str.contains(months),
    )
