"""Flat files that are refused as a whole: what lies in the place of labs.csv, and what the message has to say.

Form -> (how the bytes are made, what is said). `VALUE` stands for a person's value: no message may repeat it.
"""

import gzip
import io
import os
import zipfile
from collections.abc import Callable

import polars as pl

VALUE = "4711.25"
HEADER = "id,test,value,unit,day\n"
ROW = f"p1,estradiol,{VALUE},pg/mL,2020-03-04\n"
GOOD = (HEADER + ROW).encode()
SHEET = '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row></sheetData></worksheet>'
BOOK = '<workbook xmlns:r="r"><sheets><sheet name="s" r:id="rId1"/></sheets></workbook>'
LINKS = '<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
ENTITIES = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>'


def parquet(frame: pl.DataFrame | None = None) -> bytes:
    """A Parquet file of labs."""
    buffer = io.BytesIO()
    (frame if frame is not None else pl.read_csv(io.StringIO(HEADER + ROW * 500))).write_parquet(buffer)
    return buffer.getvalue()


def archive(parts: dict[str, str]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return buffer.getvalue()


def workbook(sheet: str) -> bytes:
    """A workbook of one sheet."""
    return archive({"xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": LINKS, "xl/worksheets/sheet1.xml": sheet})


def sheet_of(rows: list[list[str]]) -> str:
    """A sheet of texts; an empty text is no cell at all, as under a merged cell."""
    cells = [
        "".join(
            f'<c r="{chr(65 + c)}{r}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in enumerate(row) if text
        )
        for r, row in enumerate(rows, 1)
    ]
    return (
        "<worksheet><sheetData>"
        + "".join(f'<row r="{r}">{row}</row>' for r, row in enumerate(cells, 1))
        + "</sheetData></worksheet>"
    )


def packed_bomb() -> bytes:
    """300 MiB of rows in less than one: rows of 64 KiB of blanks."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6) as file:
        file.write(HEADER.encode())
        for _ in range(300):
            file.write((b"p1," + b" " * 65_519 + b",5,pg,2\n") * 16)
    return buffer.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "a PDF called .csv": (lambda: b"%PDF-1.7\n" + GOOD, ("a PDF", "deliver the table itself")),
    "a picture called .csv": (lambda: b"\x89PNG\r\n\x1a\n" + GOOD, ("a picture", "deliver the table itself")),
    "a web page called .csv": (lambda: b"<!DOCTYPE html><html></html>", ("a web page", "export it again")),
    "a zip archive called .csv": (lambda: archive({"labs.csv": HEADER + ROW}), ("a zip archive", "unpack it")),
    "an encrypted workbook": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        ("an old or encrypted Excel workbook", "without a password"),
    ),
    "a SAS transport file": (
        lambda: b"HEADER RECORD*******LIBRARY HEADER",
        ("a SAS transport file", "write it as CSV"),
    ),
    "a bzip2 file": (lambda: b"BZh91AY&SY" + b"\0" * 50, ("a bzip2 file", "unpack it")),
    "an empty file": (lambda: b"", ("the file is empty", "deliver it again")),
    "a file of line ends": (lambda: b"\n\r\n\n", ("there is no row in the file",)),
    "gzip cut off": (
        lambda: gzip.compress(GOOD + os.urandom(9000).hex().encode())[:-3000],
        ("cut off", "deliver it again"),
    ),
    "gzip damaged": (lambda: gzip.compress(GOOD)[:-8] + b"\0" * 8, ("the gzip file is damaged", "deliver it again")),
    "gzip within gzip": (lambda: gzip.compress(gzip.compress(GOOD)), ("packed already", "unpack it once")),
    "a gzip bomb": (packed_bomb, ("unpacks to more than 200 times its size", "unpack it yourself")),
    "Parquet cut off": (lambda: parquet()[:-100], ("damaged or truncated Parquet", "deliver it again")),
    "Parquet with an unreadable footer": (
        lambda: parquet()[:-60] + b"\xff" * 52 + parquet()[-8:],
        ("damaged or truncated Parquet", "deliver it again"),
    ),
    "Parquet with a nested column": (
        lambda: parquet(
            pl.DataFrame({"id": ["p1"], "test": ["e2"], "value": [[1, 2]], "unit": ["pg/mL"], "day": [""]})
        ),
        ("column value is nested",),
    ),
    "a workbook cut off": (lambda: workbook(sheet_of([["id"], ["p1"]]))[:-30], ("damaged or truncated Excel",)),
    "a workbook bomb": (
        lambda: workbook(SHEET.format("id") + " " * (300 << 20)),
        ("unpacks to more than a workbook can hold", "save it as CSV"),
    ),
    "a workbook of growing entities": (
        lambda: workbook(ENTITIES + SHEET.format("&y;")),
        ("declares a document type", "save it again"),
    ),
    "a header of merged cells": (
        lambda: workbook(
            sheet_of([["id", "result", "", "", "day"], ["p1", "estradiol", VALUE, "pg/mL", "2020-03-04"]])
        ),
        ("no column test", "correct the mapping"),
    ),
    "a row of 17 MiB": (
        lambda: GOOD + b"p2,estradiol," + b"9" * (17 << 20),
        ("row 2: no line end within 16 MiB", "export it again"),
    ),
    "mixed encodings": (
        lambda: (
            (HEADER + ROW + "p2,östradiol,5,pg/mL,2020-03-04\n").encode()
            + "p3,östradiol,5,pg/mL,2020-03-04\n".encode("cp1252")
        ),
        ("row 3: not UTF-8, while other rows are",),
    ),
    "UTF-16 without its mark": (lambda: GOOD.decode().encode("utf-16-le"), ("holds NUL bytes throughout",)),
    "UTF-16 cut in a character": (lambda: GOOD.decode().encode("utf-16")[:-1], ("damaged or cut UTF-16",)),
    "a quote that never closes": (
        lambda: GOOD + b'p2,"estradiol,5,pg/mL,2020-03-04\n',
        ("row 2: a quoted cell opens and never closes", "deliver it again"),
    ),
    "cut in the middle of a row": (
        lambda: GOOD + b"p2,estradiol",
        ("row 2: the file ends in the middle of a row",),
    ),
    "two columns of one name": (
        lambda: b"id,test,value,value,day\n" + ROW.encode(),
        ("more than one column is named value",),
    ),
    "an empty header": (lambda: b",,,,\n" + ROW.encode(), ("the first row is empty where the column names should be",)),
    "data where the header should be": (
        lambda: f"12,5.5,{VALUE},2020-03-04\n12,5.5,{VALUE},2020-03-05\n".encode(),
        ("the first row holds data",),
    ),
    "a renamed column": (
        lambda: GOOD.replace(b"value", b"wert", 1),
        ("columns.value_text: no column value in the file", "correct the mapping"),
    ),
    "a column of names": (
        lambda: b"id,test,value,unit,day,last_name\np1,estradiol,5,pg/mL,2020-03-04,Muster\n",
        ("column last_name looks like", "remove"),
    ),
    "e-mail addresses in a column of codes": (
        lambda: b"id,test,value,unit,day,x\np1,estradiol,5,pg/mL,2020-03-04,ann.muster@example.org\n",
        ("column x looks like e-mail addresses", "nothing was written"),
    ),
    "an age over 89": (
        lambda: b"id,test,value,unit,day,age\np1,estradiol,5,pg/mL,2020-03-04,93\n",
        ("column age looks like", "nothing was written"),
    ),
    "an error of a spreadsheet as a column name": (
        lambda: workbook(
            sheet_of([["id", "test", "#REF!", "unit", "day"], ["p1", "estradiol", VALUE, "pg/mL", "2020-03-04"]])
        ),
        ("no column value", "correct the mapping"),
    ),
}
