"""What a page is made of: tables of cells in words, findings, facts. The template shows them and decides nothing."""

from dataclasses import dataclass
from typing import Literal

from pipelines.report.numerals import hidden

Tone = Literal["good", "bad", "unsure", "clear", "plain"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text, a word as a tag in the color of its tone, a smaller note (beside or below), a bar of percent, the
    number that it is sorted by where the text is none, and a second note."""

    text: str
    note: str = ""
    tag: str = ""
    tone: Tone = "plain"
    bar_pct: float | None = None
    is_number: bool = False
    is_muted: bool = False
    is_note_beside: bool = False
    sort: float | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its heading and cells; a group row has no cells, but may have one beside its heading; an indented row belongs
    to the group above it."""

    heading: str
    cells: tuple[Cell, ...] = ()
    is_indented: bool = False
    is_muted: bool = False
    beside: Cell | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column, a smaller note under it, and whether numbers stand in it."""

    heading: str
    note: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption and the mart table it came from; `is_folded` starts collapsed, `is_muted` steps back.

    `is_sortable`: every row stands for itself, so that a reader may sort and search; `filters` are the columns to choose from.
    """

    caption: str
    source: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    is_folded: bool = False
    is_muted: bool = False
    is_sortable: bool = False
    filters: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with what leads into it; `tag` says in a word what stands behind it."""

    lead: str
    text: str
    tag: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Answer:
    """A study's question, what was found of its leading one, where the rest stands, and how many of its gates are open."""

    question: str
    title: str
    link: str
    findings: tuple[Finding, ...]
    gates: str
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of the strip at the top."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """An inline SVG with its caption and the mart table it came from; `is_folded` starts collapsed."""

    svg: str
    caption: str
    source: str
    notes: tuple[str, ...] = ()
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the page. `absence` says why there is nothing to show; `link` is a page and its words.

    Answers without one are folded away below those that have one.
    """

    identifier: str
    title: str
    paragraphs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    answers: tuple[Answer, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    absence: str = ""
    link: tuple[str, str] | None = None


def text(value: str, note: str = "") -> Cell:
    """A cell of words."""
    return Cell(value, note=note)


def number(value: str, note: str = "", bar_pct: float | None = None, *, beside: bool = False) -> Cell:
    """A cell of figures, set to the right."""
    return Cell(value, note=note, bar_pct=bar_pct, is_number=True, is_note_beside=beside)


def tagged(word: str, tone: Tone, value: str = "", note: str = "") -> Cell:
    """A verdict: the word in its color, with what was found before it and why after it."""
    return Cell(value, note=note, tag=word, tone=tone)


def hidden_cell(threshold: int) -> Cell:
    """A cell that disclosure control emptied; it has no bar, whose length would tell."""
    return Cell(hidden(threshold), is_number=True, is_muted=True)
