"""One table in either format: verbatim values, the key, and equality of twins."""

import datetime

import polars as pl
import pyreadstat
import pytest

from pipelines.errors import BadInput
from pipelines.sources.nhanes import table_file


def parquet(tmp_path, columns, name="DEMO_H.parquet"):
    path = tmp_path / name
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_cdc_names_and_integers(tmp_path):
    path = parquet(tmp_path, {"seqn": [1.0, 2.0], "X_MULT_": [1.0, 2.0], "Lbxest": [2.117, None], "t": ["", "é"]})
    frame = table_file.read(path, "parquet")
    assert frame.schema == {"SEQN": pl.Int64, "_MULT_": pl.Float64, "LBXEST": pl.Float64, "T": pl.String}
    assert frame.rows() == [(1, 1.0, 2.117, ""), (2, 2.0, None, "é")]
    assert table_file.inspect(path, "parquet") == table_file.Content(2, tuple(frame.columns), None)


def test_artifacts_of_other_programs_are_undone(tmp_path):
    """pandas.read_sas decodes IBM zero bytes as 5.397605346934028e-79; no other small number is touched."""
    path = parquet(tmp_path, {"SEQN": [1, 2, 3, 4], "V": [5.397605346934028e-79, float("nan"), 1e-78, None]})
    assert table_file.read(path, "parquet")["V"].to_list() == [0.0, None, 1e-78, None]


@pytest.mark.parametrize(
    ("keys", "without", "read"),
    [
        ([1.0, None, 2.5, 3.0], 2, [1, None, None, 3]),
        ([1.0, float("nan"), float("inf"), -4.0], 3, [1, None, None, None]),
        ([5, None, 0, 7], 2, [5, None, None, 7]),
        (["5", "x", " ", "7.0"], 2, [5, None, None, 7]),
        ([None, None, None, None], 4, [None] * 4),
    ],
)
def test_rows_without_a_usable_key_stay_and_are_counted(tmp_path, keys, without, read):
    path = parquet(tmp_path, {"Seqn": pl.Series(keys, strict=False), "V": [1, 2, 3, 4]})
    counted = table_file.key_range(path, "parquet", "SEQN")
    assert counted.rows_without_key == without
    present = [key for key in read if key]
    assert counted.span == ((min(present), max(present)) if present else None)
    assert table_file.read(path, "parquet")["SEQN"].to_list() == read


def test_a_text_key(tmp_path):
    path = parquet(tmp_path, {"RXDDRGID": ["d00001", "", None, " "]})
    assert table_file.key_range(path, "parquet", "RXDDRGID") == table_file.KeyRange(3, None)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"SEQN": [1], "V": [b"x"]}, "text stored as bytes in V"),
        ({"SEQN": [1], "seqn": [1]}, "same name but for upper and lower case"),
        ({"SEQN": [datetime.date(2020, 1, 1)]}, "SEQN is stored as Date"),
        ({"SEQN": [[1]]}, "SEQN is stored as List"),
    ],
)
def test_ambiguous_parquet_is_refused(tmp_path, columns, said):
    with pytest.raises(BadInput, match=said):
        table_file.inspect(parquet(tmp_path, columns), "parquet")


def test_twins_agree_across_formats(tmp_path):
    frame = pl.DataFrame({"SEQN": [3.0, 1.0, 2.0], "TEXT": ["a", "", "c"], "WEIGHT": [1 / 3, None, 2e5 / 7]})
    pyreadstat.write_xport(frame, tmp_path / "x.xpt", file_format_version=5, table_name="DEMO_H")
    path = parquet(tmp_path, {"weight": frame["WEIGHT"], "text": ["a", None, "c  "], "Seqn": [3, 1, 2]})
    left, right = table_file.read(tmp_path / "x.xpt", "xpt"), table_file.read(path, "parquet")
    assert table_file.difference(left, right) is None
    assert table_file.difference(left, right.sort("SEQN")) is None


def test_an_empty_column_has_no_type():
    left = pl.DataFrame({"SEQN": [1, 2], "V": pl.Series([None, None], dtype=pl.Float64)})
    right = pl.DataFrame({"SEQN": [1, 2], "V": ["", "  "]})
    assert table_file.difference(left, right) is None


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ({"SEQN": [1, 2], "V": [0.1, 0.2]}, "3 and 2 rows"),
        ({"SEQN": [1, 2, 3], "W": [0.1, 0.2, 0.3]}, "only one of them has V, W"),
        ({"SEQN": [1, 2, 3], "V": [0.1, 0.2, 0.3000001]}, "different values in V"),
        ({"SEQN": [1, 2, 3], "V": [0.1, 0.2, None]}, "different values in V"),
        ({"SEQN": [1, 2, 4], "V": [0.1, 0.2, 0.3]}, "different values in SEQN"),
        ({"SEQN": [1, 2, 3], "V": ["0.1", "0.2", "0.3"]}, "different values in V"),
        ({"SEQN": [1, 2, 3], "V": [0.2, 0.1, 0.3]}, "different values in V"),
    ],
)
def test_differences_are_said_without_values(right, said):
    left = pl.DataFrame({"SEQN": [1, 2, 3], "V": [0.1, 0.2, 0.3]})
    assert table_file.difference(left, pl.DataFrame(right)) == said


def test_the_last_bit_of_a_number_is_no_difference():
    left = pl.DataFrame({"V": [0.1 + 0.2, 97593.67897672, 0.0]})
    right = pl.DataFrame({"V": [0.3, 97593.67897672001, 0.0]})
    assert left["V"].to_list() != right["V"].to_list()
    assert table_file.difference(left, right) is None
