"""The XML of a workbook's parts, event by event: sheet names, shared strings, number formats, cells as text."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.parsers import expat

Row = list[str | None]

# ECMA-376, 18.8.30: the built-in formats that show dates or times.
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)))
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*.', re.IGNORECASE)
_DATE_LETTER = re.compile(r"[ymdhs]", re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Z]+)\d+")
_LARGEST_SERIAL = 2_958_466  # 9999-12-31
_WIDEST = 16_384  # columns of a sheet


@dataclass(frozen=True, slots=True)
class Styles:
    """Which cell styles show dates, and the day that serial number 0 stands for."""

    is_date: tuple[bool, ...]
    epoch: dt.datetime

    def text(self, number: str, style: int) -> str:
        """A stored number as text: ISO 8601 where its style shows a date or time, else the shortest decimal."""
        value = float(number)
        if 0 <= style < len(self.is_date) and self.is_date[style] and 0 <= value < _LARGEST_SERIAL:
            return self._date(value)
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

    def _date(self, serial: float) -> str:
        moment = self.epoch + dt.timedelta(seconds=round(serial * 86_400))
        if serial < 1:
            return moment.strftime("%H:%M:%S")
        # Excel counts a 29 February 1900 that never was.
        if self.epoch.year < 1900 and serial < 61:
            moment += dt.timedelta(days=1)
        return moment.date().isoformat() if serial == int(serial) else moment.isoformat(timespec="seconds")


class _Events:
    """An expat parser whose events go to `start`, `end` and `characters`, with namespaces left off element names."""

    def __init__(self) -> None:
        parser = self.expat = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: self.start(name.rpartition(":")[2], attributes)
        parser.EndElementHandler = lambda name: self.end(name.rpartition(":")[2])
        parser.CharacterDataHandler = self.characters

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def characters(self, text: str) -> None: ...


class WorkbookParts(_Events):
    """xl/workbook.xml: sheet titles with their relation, and the date system."""

    def __init__(self) -> None:
        super().__init__()
        self.is_1904 = False
        self.titles: list[tuple[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notes sheets and workbook properties."""
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            self.titles.append((attributes.get("name", ""), relation))
        elif name == "workbookPr":
            self.is_1904 = attributes.get("date1904", "0") in ("1", "true")


class Relations(_Events):
    """xl/_rels/workbook.xml.rels: part of each worksheet by relation."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notes relations to worksheets."""
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            self.parts[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"


class SharedStrings(_Events):
    """xl/sharedStrings.xml: the texts that cells point to; phonetic readings left out."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._text: list[str] = []
        self._takes = False
        self._phonetic = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begins a text."""
        if name == "si":
            self._text = []
        elif name == "rPh":
            self._phonetic += 1
        self._takes = name == "t" and not self._phonetic

    def end(self, name: str) -> None:
        """Ends a text."""
        self._takes = False
        if name == "rPh":
            self._phonetic -= 1
        elif name == "si":
            self.strings.append("".join(self._text))

    def characters(self, text: str) -> None:
        """Collects it."""
        if self._takes:
            self._text.append(text)


class StyleTable(_Events):
    """xl/styles.xml: which cell formats show dates."""

    def __init__(self) -> None:
        super().__init__()
        self._own: dict[int, str] = {}
        self._formats: list[int] = []
        self._in_cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notes number formats and the cell formats that use them."""
        if name == "numFmt":
            self._own[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self._formats.append(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        """Leaves the cell formats."""
        if name == "cellXfs":
            self._in_cells = False

    def styles(self, is_1904: bool) -> Styles:
        """The cell formats in order."""
        epoch = dt.datetime(1904, 1, 1) if is_1904 else dt.datetime(1899, 12, 30)
        return Styles(tuple(self._is_date(number) for number in self._formats), epoch)

    def _is_date(self, number: int) -> bool:
        if number not in self._own:
            return number in _BUILT_IN_DATES
        return bool(_DATE_LETTER.search(_NOT_FORMAT.sub("", self._own[number].replace("General", ""))))


class SheetParser(_Events):
    """xl/worksheets/sheet*.xml: hands every row on as a list of texts by column."""

    def __init__(self, strings: list[str], styles: Styles, on_row: Callable[[Row], None]) -> None:
        super().__init__()
        self._strings = strings
        self._styles = styles
        self._on_row = on_row
        self._row: Row = []
        self._text: list[str] = []
        self._column = self._style = 0
        self._type = "n"
        self._takes = False
        self._phonetic = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begins a row, a cell or its value."""
        if name == "row":
            self._row = []
        elif name == "c":
            reference = _REFERENCE.fullmatch(attributes.get("r", ""))
            self._column = _position(reference[1]) if reference else len(self._row)
            self._type = attributes.get("t", "n")
            self._style = int(attributes.get("s", "0"))
            self._text = []
        elif name == "rPh":
            self._phonetic += 1
        self._takes = name in ("v", "t") and not self._phonetic

    def end(self, name: str) -> None:
        """Ends them."""
        self._takes = False
        if name == "c":
            if self._column >= _WIDEST:
                raise ValueError("more columns than a sheet can have")
            self._row.extend([None] * (self._column + 1 - len(self._row)))
            self._row[self._column] = self._value("".join(self._text))
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "row":
            self._on_row(self._row)

    def characters(self, text: str) -> None:
        """Collects a value."""
        if self._takes:
            self._text.append(text)

    def _value(self, text: str) -> str | None:
        if not text:
            return None
        if self._type == "s":
            return self._strings[int(text)] or None
        if self._type == "n":
            return self._styles.text(text, self._style)
        if self._type == "b":
            return "TRUE" if text == "1" else "FALSE"
        return text


def _position(letters: str) -> int:
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - 64
        if position > _WIDEST:
            raise ValueError("more columns than a sheet can have")
    return position - 1
