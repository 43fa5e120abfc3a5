"""Delimited text: what is detected, what comes out, and which rows are set aside under which number and rule."""

import gzip

import polars as pl
import pytest

from pipelines.sources.text_table import Limits, open_table


def read(path, **options):
    table = open_table(path, **options)
    batches = list(table.batches())
    return table, pl.concat([b.rows for b in batches]), pl.concat([b.rejects for b in batches])


def written(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_content(tmp_path, delimiter):
    lines = [["id", "text", "value"], ["1", "a", "5.2"], ["2", "b", "6.3"]]
    table, rows, rejects = read(written(tmp_path, "\n".join(delimiter.join(line) for line in lines) + "\n"))
    assert (table.delimiter, table.columns, table.rows) == (delimiter, ("id", "text", "value"), 2)
    assert rows.rows() == [(1, "1", "a", "5.2"), (2, "2", "b", "6.3")]
    assert rejects.is_empty()


def test_a_decimal_comma_does_not_make_the_comma_a_delimiter(tmp_path):
    table, rows, _ = read(written(tmp_path, "id;value\n1;5,2\n2;6,3\n"))
    assert table.delimiter == ";"
    assert rows["value"].to_list() == ["5,2", "6,3"]


def test_quotes_hold_delimiters_line_ends_and_doubled_quotes(tmp_path):
    _, rows, _ = read(written(tmp_path, 'id,sig\n1,"take 1,\nthen ""half"""\n2,5" tube\n'))
    assert rows["sig"].to_list() == ['take 1,\nthen "half"', '5" tube']
    assert rows["source_row"].to_list() == [1, 2]


def test_without_quoting_quotes_are_plain_characters(tmp_path):
    _, rows, _ = read(written(tmp_path, 'id\tsig\n1\t"5 mg\n2\tx\n'), quoting=False)
    assert rows["sig"].to_list() == ['"5 mg', "x"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end_reads_the_same(tmp_path, line_end, last):
    content = line_end.join(["a,b", "1,x", "", "2,y"]) + (line_end if last else "")
    table, rows, _ = read(written(tmp_path, content))
    assert table.rows == 2
    assert rows.rows() == [(1, "1", "x"), (2, "2", "y")]  # the blank line is no row


@pytest.mark.parametrize(
    ("codec", "mark", "encoding"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_the_encoding_is_told_from_the_content(tmp_path, codec, mark, encoding):
    content = mark + "id,größe\n1,Östradiol 5 €\n2,plain\n".encode(codec)
    table, rows, _ = read(written(tmp_path, content))
    assert table.encoding == encoding
    assert rows["größe"].to_list() == ["Östradiol 5 €", "plain"]


def test_a_stated_encoding_is_obeyed(tmp_path):
    _, rows, _ = read(written(tmp_path, "id,name\n1,Łódź\n".encode("cp1250")), encoding="cp1250")
    assert rows["name"].to_list() == ["Łódź"]


def test_gzip_is_unpacked_whatever_the_file_is_called(tmp_path):
    _, rows, _ = read(written(tmp_path, gzip.compress(b"a,b\n1,2\n"), "labs.csv"))
    assert rows.rows() == [(1, "1", "2")]


def test_empty_cells_are_null_and_blanks_are_kept(tmp_path):
    _, rows, _ = read(written(tmp_path, 'a,b,c\n,"", x \n'))
    assert rows.row(0)[1:] == (None, None, " x ")


def test_rows_with_another_number_of_cells_are_set_aside_by_number(tmp_path):
    table, rows, rejects = read(written(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n"))
    assert table.rows == 4
    assert rows["source_row"].to_list() == [1, 4]
    assert rejects.select("source_row", "rule_code").rows() == [(2, "wrong_cell_count"), (3, "wrong_cell_count")]
    assert "4" not in rejects["reason"][1]


def test_nul_bytes_text_after_quotes_and_stray_carriage_returns_are_set_aside(tmp_path):
    _, rows, rejects = read(written(tmp_path, b'a,b\n1,x\0\n2,"q"z\n3,c\rd\n4,"c\rd"\n'))
    assert rows.rows() == [(4, "4", "c\rd")]
    assert rejects["rule_code"].to_list() == ["nul_byte", "quote_inside_cell", "stray_carriage_return"]
    assert rejects["source_row"].to_list() == [1, 2, 3]


def test_a_row_that_is_too_long_is_set_aside_and_the_rest_goes_on(tmp_path):
    content = "a,b\n1,x\n2," + "y" * 300 + "\n3,z\n"
    _, rows, rejects = read(written(tmp_path, content), limits=Limits(row_bytes=100, endless_row_bytes=1000))
    assert rows["a"].to_list() == ["1", "3"]
    assert rejects.select("source_row", "rule_code").rows() == [(2, "row_too_long")]


def test_columns_without_a_name_are_numbered_and_an_excel_hint_is_no_header(tmp_path):
    table, rows, _ = read(written(tmp_path, "sep=;\nid;\n1;x\n"))
    assert table.columns == ("id", "column_2")
    assert rows.rows() == [(1, "1", "x")]


def test_batches_are_small_and_give_some_columns_in_any_order(tmp_path):
    path = written(tmp_path, "a,b,c\n" + "".join(f"{n},x{n},y\n" for n in range(1, 26)) + "bad\n")
    batches = list(open_table(path).batches(10, ["b", "a"]))
    assert [batch.rows.height for batch in batches] == [10, 10, 5]
    assert batches[0].rows.columns == ["source_row", "b", "a"]
    assert pl.concat([b.rows for b in batches])["b"].to_list() == [f"x{n}" for n in range(1, 26)]
    assert sum(batch.rejects.height for batch in batches) == 1


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    table, rows, _ = read(written(tmp_path, "a,b\n"))
    assert (table.rows, rows.height, rows.columns) == (0, 0, ["source_row", "a", "b"])
