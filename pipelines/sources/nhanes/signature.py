"""What a file is by its first bytes, whatever its name says, so that a renamed file is called by its right name.

Only recognition: whether a SAS transport or Parquet file is whole is decided in `xpt` and `table_file`.
"""

from pathlib import Path

SAS_TRANSPORT_5 = "a SAS transport file, version 5"
SAS_TRANSPORT_8 = "a SAS transport file, version 8"
PARQUET = "a Parquet file"
HTML = "an HTML page"
EMPTY = "an empty file"
TEXT = "plain text, such as CSV"
UNKNOWN = "not a format this program knows"

_HEADER = b"HEADER RECORD*******"
_STARTS = (
    (_HEADER + b"LIBRARY HEADER RECORD!!!!!!!", SAS_TRANSPORT_5),
    (_HEADER + b"LIBV8   HEADER RECORD!!!!!!!", SAS_TRANSPORT_8),
    (b"**COMPRESSED**", "a SAS CPORT file"),
    (b"PAR1", PARQUET),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\xea\x81\x60", "a SAS data set (.sas7bdat)"),
)


def identify(start: bytes) -> str:
    """Names the kind of file that begins with these bytes (512 are enough)."""
    if not start:
        return EMPTY
    for prefix, kind in _STARTS:
        if start.startswith(prefix):
            return kind
    lead = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lead.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return HTML
    printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return TEXT if printable == len(start) else UNKNOWN


def identify_file(path: Path) -> str:
    """`identify` for a file on disk; OSError where it cannot be read."""
    with path.open("rb") as file:
        return identify(file.read(512))
