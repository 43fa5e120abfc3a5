"""What a drop cannot answer because CDC's file for it is absent in a cycle, declared in one small table.

It informs and never blocks: many files do not exist for a cycle (no femur DXA in 2011-2012), others were not copied.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.sources.nhanes.cycle import Cycle


@dataclass(frozen=True, slots=True)
class Piece:
    """A quantity and the sources that give it: each a family and, where not all releases have it, its columns."""

    gives: str
    sources: tuple[tuple[str, tuple[str, ...]], ...]
    per_cycle: bool = True


@dataclass(frozen=True, slots=True)
class MissingPiece:
    """One quantity that a cycle (None: the whole drop) cannot give, the families that would, and that in a sentence."""

    cycle: Cycle | None
    gives: str
    families: tuple[str, ...]
    text: str


def _any(gives: str, *families: str) -> Piece:
    return Piece(gives, tuple((family, ()) for family in families))


PIECES: tuple[Piece, ...] = (
    _any("age, sex and survey design: none of its people can be used", "demo"),
    Piece("estradiol", (("tst", ("LBXEST",)), ("sschl", ("SSSE2",)))),
    Piece("testosterone", (("tst", ("LBXTST",)), ("sschl", ("SSTESTO",)))),
    _any("femoral BMD", "dxxfem"),
    _any("lumbar spine BMD", "dxxspn"),
    _any("whole-body BMD", "dxx"),
    _any("prescribed drugs (aromatase inhibitors, tamoxifen, testosterone)", "rxq_rx"),
    _any("deaths", "mortality"),
    _any("diagnoses (cancer, heart disease, stroke)", "mcq"),
    _any("fractures and osteoporosis", "osq"),
    _any("reproductive history", "rhq"),
    _any("body measures", "bmx"),
    _any("blood pressure", "bpx", "bpxo"),
    _any("smoking", "smq"),
    _any("alcohol", "alq"),
    _any("diabetes", "diq"),
    _any("total cholesterol", "tchol", "lab13"),
    _any("HDL cholesterol", "hdl", "lab13"),
    _any("triglycerides and LDL cholesterol", "trigly", "lab13am"),
    _any("HbA1c", "ghb", "lab10"),
    _any("C-reactive protein", "crp", "hscrp", "lab11"),
    _any("biochemistry (calcium, alkaline phosphatase, creatinine)", "biopro", "lab18"),
    _any("vitamin D", "vid"),
    Piece("bone turnover markers", (("lab11", ("LBXBAP",)), ("lab11", ("LBDBAP",)))),
    _any("depression", "dpq"),
    _any("physical activity", "paq"),
    Piece("drug classes", (("rxq_drug", ()),), per_cycle=False),
)


def missing_pieces(tables: Iterable[tuple[str, Cycle | None, tuple[str, ...]]]) -> tuple[MissingPiece, ...]:
    """Every piece that no table gives, cycle by cycle; each table is its family, cycle and upper-case columns."""
    held: dict[tuple[str, Cycle | None], set[str]] = {}
    for family, cycle, columns in tables:
        held.setdefault((family, cycle), set()).update(columns)
    cycles = sorted({cycle for _, cycle in held if cycle}, key=lambda cycle: (cycle.first_year, cycle.last_year))
    return tuple(
        _missing(piece, cycle, held)
        for cycle in (*cycles, None)
        for piece in PIECES
        if piece.per_cycle == (cycle is not None) and not _gives(piece, cycle, held)
    )


def _gives(piece: Piece, cycle: Cycle | None, held: dict[tuple[str, Cycle | None], set[str]]) -> bool:
    return any((family, cycle) in held and held[family, cycle] >= set(needed) for family, needed in piece.sources)


def _missing(piece: Piece, cycle: Cycle | None, held: dict[tuple[str, Cycle | None], set[str]]) -> MissingPiece:
    families = tuple(dict.fromkeys(family for family, _ in piece.sources))
    present = [family.upper() for family in families if (family, cycle) in held]
    why = f"{', '.join(present)} without it" if present else f"no {' or '.join(map(str.upper, families))}"
    where = cycle.label if cycle else "all cycles"
    return MissingPiece(cycle, piece.gives, families, f"{where}: {why}: no {piece.gives}")
