"""SAS transport files: structure, decoding and CDC's originals against their Parquet twins."""

import struct

import polars as pl
import pyreadstat
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import table_file, xpt

TWINS = (
    "2013-2014/ALQ_H", "2005-2006/BMX_D", "2013-2014/BMX_H", "2005-2006/BPX_D", "2005-2006/DEMO_D",
    "2013-2014/DEMO_H", "2013-2014/HUQ_H", "2013-2014/OSQ_H", "2005-2006/SMQ_D", "2013-2014/SMQ_H",
)  # fmt: skip
FRAME = pl.DataFrame({"SEQN": [1.0, 2.0, 3.0], "NAME": ["Sjogrens", "", "x"], "VALUE": [None, 0.0, -2.5]})


def write(path, frame=FRAME, table="DEMO_H", version=5):
    pyreadstat.write_xport(frame, path, file_format_version=version, table_name=table)
    return path


def test_structure_of_a_written_file(tmp_path):
    structure = xpt.inspect(write(tmp_path / "DEMO_H.XPT"))
    assert (structure.table, structure.columns, structure.rows) == ("DEMO_H", ("SEQN", "NAME", "VALUE"), 3)
    assert (structure.row_length, structure.trailing_bytes) == (24, 8)
    assert structure.data_offset == 1200


@pytest.mark.parametrize("rows", range(1, 12))
def test_padding_is_never_a_row(tmp_path, rows):
    frame = pl.DataFrame({"SEQN": [float(number) for number in range(1, rows + 1)]})
    path = write(tmp_path / "X.xpt", frame)
    assert xpt.inspect(path).rows == xpt.read(path).height == rows


def test_values_are_verbatim(tmp_path):
    frame = xpt.read(write(tmp_path / "x.XPT", FRAME.rename(str.lower)))
    assert frame.to_dict(as_series=False) == {
        "SEQN": [1.0, 2.0, 3.0],
        "NAME": ["Sjogrens", "", "x"],
        "VALUE": [None, 0.0, -2.5],
    }


def test_latin_1_text(tmp_path):
    path = write(tmp_path / "x.xpt")
    path.write_bytes(path.read_bytes().replace(b"Sjogrens", "Sjögrens".encode("latin-1")))
    assert xpt.read(path)["NAME"][0] == "Sjögrens"


@pytest.mark.parametrize("missing", [b".", b"_", b"A", b"M", b"Z"])
def test_every_kind_of_missing_value_is_null(tmp_path, missing):
    path = write(tmp_path / "x.xpt")
    content = bytearray(path.read_bytes())
    content[1200 + 24 + 16 : 1200 + 24 + 24] = missing + b"\x00" * 7
    path.write_bytes(content)
    assert xpt.read(path)["VALUE"].to_list() == [None, None, -2.5]


def test_ibm_numbers(tmp_path):
    """IBM System/360 long: -118.625 is C2 76A0 0000 0000 00 (the worked example of the format's documentation)."""
    path = write(tmp_path / "x.xpt")
    content = bytearray(path.read_bytes())
    for row, raw in enumerate((bytes.fromhex("C276A00000000000"), bytes(8), bytes.fromhex("4110000000000000"))):
        content[1200 + 24 * row + 16 : 1200 + 24 * row + 24] = raw
    path.write_bytes(content)
    assert xpt.read(path)["VALUE"].to_list() == [-118.625, 0.0, 1.0]


def test_one_column_reads_as_in_the_whole(tmp_path):
    path = write(tmp_path / "x.xpt", FRAME.rename(str.lower))
    for column in ("SEQN", "NAME", "VALUE"):
        assert xpt.read_column(path, column).to_list() == xpt.read(path)[column].to_list()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"SEQN,RIAGENDR\n1,2\n", "plain text, such as CSV"),
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>Page not found</html>", "an HTML page"),
        (b"PAR1" + bytes(200), "a Parquet file"),
        (b"PK\x03\x04" + bytes(200), "a ZIP archive"),
        (b"**COMPRESSED** **COMPRESSED**" + bytes(200), "a SAS CPORT file"),
        (bytes(range(256)), "not a format this program knows"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(tmp_path, content, said):
    path = tmp_path / "DEMO_H.XPT"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        xpt.inspect(path)
    assert str(path) in str(caught.value)


def test_version_8_is_recognized_and_refused(tmp_path):
    with pytest.raises(BadInput, match="version 8"):
        xpt.inspect(write(tmp_path / "x.xpt", version=8))


@pytest.mark.parametrize(
    ("where", "what", "said"),
    [
        (240, b"X", "no member header"),
        (240 + 74, b"0000", "unreadable member header"),
        (320, b"X", "no descriptor header"),
        (560, b"X", "no variable header"),
        (560 + 54, b"000 ", "unreadable variable header"),
        (640, struct.pack(">h", 3), "damaged description of column 1"),
        (640 + 140 + 84, struct.pack(">l", 9), "damaged description of column 2"),
        (640 + 140 + 8, b"SEQN    ", "two columns of the same name"),
        (1120, b"X", "no observation header"),
    ],
)
def test_a_damaged_header_is_refused(tmp_path, where, what, said):
    path = write(tmp_path / "x.xpt")
    content = bytearray(path.read_bytes())
    content[where : where + len(what)] = what
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        xpt.inspect(path)


def test_two_tables_in_one_file_are_refused(tmp_path):
    first, second = write(tmp_path / "a.xpt"), write(tmp_path / "b.xpt")
    first.write_bytes(first.read_bytes() + second.read_bytes()[240:])
    with pytest.raises(BadInput, match="more than one table"):
        xpt.inspect(first)


def test_an_unreadable_file_is_said(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        xpt.inspect(tmp_path / "absent.xpt")


@pytest.mark.parametrize("name", TWINS)
def test_cdc_originals_equal_their_parquet_twins_cell_by_cell(nhanes, name):
    original = table_file.read(nhanes / "xpt" / f"{name.split('/')[1]}.XPT", "xpt")
    twin = table_file.read(nhanes / f"{name}.parquet", "parquet")
    assert original.columns == twin.columns
    assert original.height == twin.height > 3000
    for column in original.columns:
        left, right = original[column], twin[column]
        if left.dtype == pl.String:
            left, right = left.fill_null(""), right.cast(pl.String).fill_null("")
        assert left.eq_missing(right).all(), column
    assert table_file.difference(original, twin) is None


def test_the_original_without_a_twin(nhanes):
    frame = xpt.read(nhanes / "xpt" / "HSQ_H.XPT")
    assert frame.shape == (9422, 9)
    assert frame["SEQN"].n_unique() == 9422
