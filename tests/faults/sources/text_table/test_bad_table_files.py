"""Files that cannot be read as a whole: each is refused with file, row where there is one, and remedy, never a value."""

import gzip
import os
import zipfile

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.text_table import Limits, open_table

SMALL = Limits(block_bytes=4096, row_bytes=2000, endless_row_bytes=20_000, ratio=20, ratio_free_bytes=100_000)


def parquet_bytes(tmp_path):
    pl.DataFrame({"a": list(range(1000))}).write_parquet(tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


SHEET = '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&x;</t></is></c></row></sheetData></worksheet>'
BOOK = '<workbook xmlns:r="r"><sheets><sheet name="s" r:id="rId1"/></sheets></workbook>'
LINKS = '<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
ENTITIES = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>'


def workbook_bytes(tmp_path, sheet=SHEET, **parts):
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ({"xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": LINKS} | parts).items():
            archive.writestr(name, text)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return path.read_bytes()


BAD = {
    "empty": (lambda t: b"", "the file is empty"),
    "only line ends": (lambda t: b"\n\r\n\n", "there is no row in the file"),
    "no column names": (lambda t: b",,\n1,2,3\n", "the first row is empty where the column names should be"),
    "data instead of names": (lambda t: b"12,5.2,2020-01-01\n13,5.3,2020-01-02\n", "the first row holds data"),
    "a name twice": (lambda t: b"id,value,value\n1,2,3\n", "more than one column is named value"),
    "a reserved name": (lambda t: b"id,source_row\n1,2\n", "source_row is a reserved name"),
    "a damaged header": (lambda t: b"id,va\0lue\n1,2\n", "the header row is damaged"),
    "cut in a row": (lambda t: b"a,b,c\n1,2,3\n4,5", "row 2: the file ends in the middle of a row"),
    "cut in quotes": (lambda t: b'a,b\n1,"x"\n2,"y\n3,z\n', "row 2: a quoted cell opens and never closes"),
    "a quote that swallows the file": (
        lambda t: b"a,b\n1,x\n" + b'2,"y\n' + b"3,z\n" * 10_000,
        "row 2: a quoted cell opens and does not close within",
    ),
    "a line without end": (lambda t: b"a,b\n1,x\n" + b"2," + b"y" * 50_000, "row 2: no line end within"),
    "mixed encodings": (
        lambda t: "a,b\n1,ü\n2,x\n".encode() + "3,ü\n".encode("cp1252"),
        "row 3: not UTF-8, while other rows are",
    ),
    "mixed encodings, the other way": (
        lambda t: b"a,b\n1,x\n" + "2,ü\n".encode("cp1252") + "3,ü\n".encode(),
        "row 2: not UTF-8, while other rows are",
    ),
    "no encoding at all": (lambda t: b"a,b\n1,\x81\x8d\n", "row 1: not cp1252 nor UTF-8"),
    "UTF-16 without its mark": (lambda t: "a,b\n1,2\n".encode("utf-16-le"), "holds NUL bytes throughout"),
    "UTF-32": (lambda t: "a,b\n1,2\n".encode("utf-32"), "written as UTF-32"),
    "UTF-16 cut in a character": (lambda t: "a,b\n1,2\n".encode("utf-16")[:-1], "damaged or cut UTF-16"),
    "gzip cut off": (lambda t: gzip.compress(os.urandom(5000).hex().encode())[:-2000], "the gzip file is cut off"),
    "gzip damaged": (lambda t: gzip.compress(b"a,b\n1,2\n")[:-8] + b"\0" * 8, "the gzip file is damaged"),
    "gzip bomb": (lambda t: gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000), "not a table but a bomb"),
    "gzip in gzip": (lambda t: gzip.compress(gzip.compress(b"a,b\n1,2\n")), "packed already"),
    "Parquet without its footer": (lambda t: parquet_bytes(t)[:-100], "damaged or truncated Parquet"),
    "Parquet with a broken footer": (
        lambda t: parquet_bytes(t)[:-40] + b"\xff" * 32 + parquet_bytes(t)[-8:],
        "damaged or truncated Parquet",
    ),
    "zip of something": (lambda t: workbook_bytes(t).replace(b"xl/workbook.xml", b"xl/workbook.txt"), "a zip archive"),
    "workbook cut off": (lambda t: workbook_bytes(t)[:-30], "damaged or truncated Excel"),
    "workbook with entities": (lambda t: workbook_bytes(t, ENTITIES + SHEET), "declares a document type"),
    "workbook bomb": (lambda t: workbook_bytes(t, SHEET + " " * 10_000_000), "not a table but a bomb"),
    "workbook of broken XML": (lambda t: workbook_bytes(t, "<worksheet><sheetData>"), "damaged or truncated Excel"),
    "workbook without rows": (lambda t: workbook_bytes(t, "<worksheet><sheetData/></worksheet>"), "the sheet is empty"),
    "old Excel": (lambda t: b"\xd0\xcf\x11\xe0" + b"\0" * 600, "an old or encrypted Excel workbook"),
    "SAS transport": (lambda t: b"HEADER RECORD*******LIBRARY HEADER", "a SAS transport file"),
    "a PDF": (lambda t: b"%PDF-1.7\n", "a PDF"),
    "a web page": (lambda t: b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    "bzip2": (lambda t: b"BZh91AY&SY", "a bzip2 file"),
    "zstd": (lambda t: b"\x28\xb5\x2f\xfd\0\0", "a zstd file"),
}


@pytest.mark.parametrize("form", BAD)
def test_a_bad_file_is_refused_with_its_name_and_a_remedy(tmp_path, form):
    make, message = BAD[form]
    path = tmp_path / "drop.csv"
    path.write_bytes(make(tmp_path))
    with pytest.raises(BadInput) as refused:
        for _ in open_table(path, limits=SMALL).batches():
            pass
    said = str(refused.value)
    assert message in said
    assert said.startswith(str(path))
    assert ":" in said.removeprefix(str(path)), "a remedy follows"
    assert "5.2" not in said
    assert "ü" not in said


def test_what_is_not_a_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="a folder where a file was expected"):
        open_table(tmp_path)
    with pytest.raises(BadInput, match="cannot be opened"):
        open_table(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "ebcdic"}, "encoding 'ebcdic' is not one of utf-8"),
        ({"encoding": "utf-16-le"}, "its byte order mark says utf-8"),
        ({"delimiter": "::"}, "delimiter must be one ASCII character"),
        ({"delimiter": '"'}, "delimiter must be one ASCII character"),
        ({"sheet": "labs"}, "a sheet is named, but this is not an Excel workbook"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, message):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    with pytest.raises(BadInput, match=message):
        open_table(path, **options)


def test_a_stated_encoding_that_does_not_fit_is_refused_by_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,x\n2," + "ü".encode("cp1252") + b"\n")
    with pytest.raises(BadInput, match="row 2: not utf-8 as stated"):
        open_table(path, encoding="utf-8")


def test_parquet_columns_that_no_table_holds_are_refused(tmp_path):
    pl.DataFrame({"a": [[1, 2]]}).write_parquet(tmp_path / "list.parquet")
    with pytest.raises(BadInput, match="column a is nested"):
        open_table(tmp_path / "list.parquet")
    pl.DataFrame({"a": [b"x"]}).write_parquet(tmp_path / "bytes.parquet")
    with pytest.raises(BadInput, match="column a holds text as bytes"):
        open_table(tmp_path / "bytes.parquet")


def test_a_ten_gigabyte_line_is_refused_without_being_read(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(10 * 2**30)  # a hole: no disk is used
    with pytest.raises(BadInput, match="row 1: no line end within 16 MiB|holds NUL bytes"):
        open_table(path)
