"""What kind of file it is, by its first bytes; names for what is no table, so that a refusal can say what it is."""

from pathlib import Path
from typing import Literal

from pipelines.errors import BadInput

Format = Literal["text", "parquet", "excel"]

_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Excel workbook", "save it as .xlsx without a password, or as CSV"),
    (b"HEADER RECORD*******", "a SAS transport file", "write it as CSV or Parquet"),
    (
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\xea\x81\x60",
        "a SAS data set",
        "write it as CSV or Parquet",
    ),
    (b"$FL2", "an SPSS file", "write it as CSV or Parquet"),
    (b"<stata_dta>", "a Stata file", "write it as CSV or Parquet"),
    (b"%PDF", "a PDF", "deliver the table itself"),
    (b"BZh", "a bzip2 file", "unpack it, or use gzip"),
    (b"\xfd7zXZ", "an xz file", "unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it, or use gzip"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"\x89PNG", "a picture", "deliver the table itself"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
)


def first_bytes(path: Path, count: int) -> bytes:
    """The beginning of a file; BadInput where it cannot be opened or is empty."""
    try:
        with path.open("rb") as file:
            start = file.read(count)
    except OSError as error:
        raise BadInput(f"{path}: cannot be opened ({error.strerror}): check that it is there and readable") from error
    if not start:
        raise BadInput(f"{path}: the file is empty: deliver it again")
    return start


def identify(path: Path) -> tuple[Format, bool]:
    """The format of a table file and whether it is gzip.

    Raises:
        BadInput: it is empty, unreadable, or known to be something else.
    """
    start = first_bytes(path, 512)
    if start.startswith(b"\x1f\x8b"):
        return "text", True
    refuse_other(path, start)
    if start.startswith(b"PAR1"):
        return "parquet", False
    if start.startswith(b"PK\x03\x04"):
        return "excel", False
    return "text", False


def refuse_other(path: Path, start: bytes) -> None:
    """BadInput where these bytes begin a file that is no table."""
    for prefix, kind, remedy in _REFUSED:
        if start.startswith(prefix):
            raise BadInput(f"{path}: not a table but {kind}: {remedy}")
    lead = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lead.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise BadInput(f"{path}: not a table but a web page or XML: download or export it again")
