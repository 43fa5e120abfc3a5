"""Parquet keeps its types; Excel cells come as plain text; the same table reads the same from all three formats."""

import datetime as dt

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.sources.text_table import open_table


def rows_of(path, **options):
    return pl.concat([batch.rows for batch in open_table(path, **options).batches(2)])


def test_parquet_keeps_types_and_row_numbers(tmp_path):
    frame = pl.DataFrame({"id": [1, 2, 3], "day": [dt.date(2020, 1, n) for n in (1, 2, 3)], "text": ["a", None, "c"]})
    frame.write_parquet(tmp_path / "t.parquet")
    found = rows_of(tmp_path / "t.parquet")
    assert found.drop("source_row").equals(frame)
    assert found["source_row"].to_list() == [1, 2, 3]
    assert open_table(tmp_path / "t.parquet").rows == 3


def test_parquet_categories_come_as_text_and_columns_in_the_order_asked(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "b": pl.Series(["x", "y"], dtype=pl.Categorical)})
    frame.write_parquet(tmp_path / "t.parquet")
    batches = list(open_table(tmp_path / "t.parquet").batches(columns=["b", "a"]))
    assert batches[0].rows.schema == pl.Schema({"source_row": pl.Int64, "b": pl.String, "a": pl.Int64})


def test_one_table_in_three_formats(tmp_path, write_workbook):
    rows = [["1", "take ½ <tab> & rest", "5.25"], ["2", None, "6"], ["3", "ü", None]]
    (tmp_path / "t.csv").write_text(
        "id,sig,value\n" + "".join(",".join(cell or "" for cell in row) + "\n" for row in rows), encoding="utf-8"
    )
    pl.DataFrame(rows, schema=["id", "sig", "value"], orient="row").write_parquet(tmp_path / "t.parquet")
    write_workbook(tmp_path / "t.xlsx", {"Sheet1": [["id", "sig", "value"], *rows]})
    text, parquet, excel = (rows_of(tmp_path / f"t.{suffix}") for suffix in ("csv", "parquet", "xlsx"))
    assert text.equals(parquet)
    assert text.equals(excel)


def test_excel_numbers_dates_and_times_come_as_plain_text(tmp_path, write_workbook):
    day = (dt.date(2020, 3, 5) - dt.date(1899, 12, 30)).days
    cells = [5.2000000000000002, 12, True, (day, 1), (day + 0.3541666667, 2), (0.5, 2), (2.5, 3), "0012"]
    write_workbook(tmp_path / "t.xlsx", {"labs": [[f"c{n}" for n in range(8)], cells]})
    found = rows_of(tmp_path / "t.xlsx").row(0)[1:]
    assert found == ("5.2", "12", "TRUE", "2020-03-05", "2020-03-05T08:30:00", "12:00:00", "2.5", "0012")


def test_the_date_system_of_old_macintoshes_is_obeyed(tmp_path, write_workbook):
    days = (dt.date(2020, 3, 5) - dt.date(1904, 1, 1)).days
    write_workbook(tmp_path / "t.xlsx", {"labs": [["day"], [(days, 1)]]}, is_1904=True)
    assert rows_of(tmp_path / "t.xlsx")["day"].to_list() == ["2020-03-05"]


def test_excel_skips_empty_rows_and_sets_rows_aside_that_are_wider_than_the_header(tmp_path, write_workbook):
    write_workbook(tmp_path / "t.xlsx", {"s": [[None], ["a", "b"], ["1"], [None, None], ["2", "3", "4"], ["5", "6"]]})
    table = open_table(tmp_path / "t.xlsx")
    batches = list(table.batches())
    assert table.rows == 3
    assert pl.concat([b.rows for b in batches]).rows() == [(1, "1", None), (3, "5", "6")]
    assert pl.concat([b.rejects for b in batches])["source_row"].to_list() == [2]


def test_a_sheet_is_named_where_there_are_several(tmp_path, write_workbook):
    path = write_workbook(tmp_path / "t.xlsx", {"labs": [["a"], ["1"]], "notes": [["b"], ["2"]]})
    assert rows_of(path, sheet="notes")["b"].to_list() == ["2"]
    with pytest.raises(BadInput, match="has 2 sheets \\(labs, notes\\): state sheet"):
        open_table(path)
    with pytest.raises(BadInput, match="no sheet 'x': it has labs, notes"):
        open_table(path, sheet="x")
