"""Families: the tables that CDC calls differently over the years and that land in one raw table, declared once.

A family says only what a table is called and in which years, so that files are found, fetched and put together; what
its columns mean is decided in `sql/staging`.
"""

from dataclasses import dataclass

from pipelines.sources.nhanes.cycle import Cycle, parse_table_name, table_name


@dataclass(frozen=True, slots=True)
class Name:
    """One CDC name of a family, and the first years of the first and last cycle that used it (None: still in use)."""

    table: str
    since: int = 1999
    until: int | None = None
    suffix_always: bool = False  # 1999-2000 has `_A` too
    place: str = "Public/{year}/DataFiles"  # where CDC keeps it, below its NHANES data

    def in_cycle(self, cycle: Cycle) -> str | None:
        """The file name, without extension, in this cycle; None where the name was not in use."""
        if cycle.first_year < self.since or (self.until is not None and cycle.first_year > self.until):
            return None
        return f"{self.table}_{cycle.tag}" if self.suffix_always and cycle.tag == "A" else table_name(self.table, cycle)


@dataclass(frozen=True, slots=True)
class Family:
    """Tables that land together in `raw.nhanes_<name>`; `key` is the column each must have."""

    name: str
    names: tuple[Name, ...]
    key: str = "SEQN"
    has_cycle: bool = True

    @property
    def raw_table(self) -> str:
        """The raw table that its files land in."""
        return f"nhanes_{self.name}"


def _plain(table: str, since: int = 1999, until: int | None = None) -> Family:
    return Family(table.lower(), (Name(table, since, until),))


MORTALITY = Family("mortality", ())

FAMILIES: tuple[Family, ...] = (
    _plain("DEMO"),
    _plain("TST", since=2011),
    Family("sschl", (Name("SSCHL", until=2003, suffix_always=True),)),
    # CDC keeps the multiply imputed whole-body files of 1999-2006 beside the others.
    Family("dxx", (Name("DXX", until=2005, place="Dxa"), Name("DXX"))),
    Family("dxx_repeat", (Name("DXX_2", since=2001, until=2001),)),
    _plain("DXXFEM", since=2005),
    _plain("DXXSPN", since=2005),
    _plain("DXXAG", since=2003),
    _plain("DXXAAC", since=2013),
    _plain("DXXFRX", since=2005),
    _plain("DXXVFA", since=2013),
    _plain("RXQ_RX"),
    Family("rxq_drug", (Name("RXQ_DRUG", place="Public/1988/DataFiles"),), key="RXDDRGID", has_cycle=False),
    _plain("MCQ"),
    _plain("OSQ"),
    _plain("RHQ"),
    _plain("BMX"),
    _plain("BPX", until=2017),
    _plain("BPXO", since=2017),
    _plain("SMQ"),
    _plain("TCHOL", since=2005),
    _plain("HDL", since=2005),
    _plain("TRIGLY", since=2005),
    Family("lab13", (Name("LAB13", until=1999), Name("L13", since=2001, until=2003))),
    Family("lab13am", (Name("LAB13AM", until=1999), Name("L13AM", since=2001, until=2003))),
    Family("ghb", (Name("GHB", since=2005),)),
    Family("lab10", (Name("LAB10", until=1999), Name("L10", since=2001, until=2003))),
    _plain("VID", since=2001),
    Family("lab11", (Name("LAB11", until=1999), Name("L11", since=2001, until=2003))),
    _plain("CRP", since=2005, until=2009),
    _plain("HSCRP", since=2015),
    _plain("BIOPRO", since=2005),
    Family("lab18", (Name("LAB18", until=1999), Name("L40", since=2001, until=2003))),
    _plain("PTH", since=2005),
    _plain("GLU", since=2005),
    _plain("DPQ", since=2005),
    _plain("DIQ"),
    _plain("BPQ"),
    _plain("ALQ"),
    _plain("CBC", since=2005),
    _plain("KIQ_U", since=2001),
    _plain("HUQ"),
    _plain("HSQ"),
    _plain("PAQ"),
    _plain("PFQ"),
    _plain("CDQ"),
    _plain("ALB_CR", since=2005),
    MORTALITY,
)

_BY_NAME = {family.name: family for family in FAMILIES}
_BY_TABLE = {name.table: family for family in FAMILIES for name in family.names}


def family_of(table: str) -> Family | None:
    """The family of a CDC table name without its cycle (L40 lands in lab18); None for a table not named here."""
    return _BY_TABLE.get(table)


def own_family(table: str) -> Family:
    """A family for a table that is not named here: it lands, verbatim, under its own lower-case name."""
    return _plain(table)


def family_named(text: str) -> Family | None:
    """The family meant by a family name (ghb) or by any CDC table name, with or without cycle (L10, INS_H, ins)."""
    if text.lower() in _BY_NAME:
        return _BY_NAME[text.lower()]
    parsed = parse_table_name(text)
    return None if parsed is None else family_of(parsed.table) or own_family(parsed.table)
