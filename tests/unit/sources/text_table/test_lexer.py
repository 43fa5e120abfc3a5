"""Record ends, fast way and slow way: where quotes are in their places the two must agree."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.text_table.lexer import split_records


def records(content: bytes, quoting: bool = True) -> list[bytes]:
    found = split_records(content, b",", quoting)
    return [content[start:end] for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a,b", []),
        (b"a,b\n", [b"a,b"]),
        (b'"a\nb",c\nd\n', [b'"a\nb",c', b"d"]),
        (b'"a""\n",c\nd', [b'"a""\n",c']),
        (b'5" tube,x\ny\n', [b'5" tube,x', b"y"]),
        (b'5" tube,"x\ny"\nz\n', [b'5" tube,"x\ny"', b"z"]),
        (b'"",""\n""""\n', [b'"",""', b'""""']),
    ],
)
def test_records_end_outside_quotes(content, expected):
    assert records(content) == expected


def test_an_open_quote_is_told():
    assert split_records(b'a\n"b\nc\n', b",", True).in_quotes
    assert split_records(b'5" x\n"b\nc\n', b",", True).in_quotes
    assert not split_records(b'a\n"b"\n', b",", True).in_quotes


def test_text_after_a_closing_quote_is_told_by_record():
    assert split_records(b'a,b\n"c"d,e\nf,g\n', b",", True).torn.tolist() == [1]


@given(st.lists(st.lists(st.text('ab,"\n', max_size=5), min_size=1, max_size=4), min_size=1, max_size=8))
def test_records_are_those_of_the_standard_library(rows):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    parsed = [next(csv.reader(io.StringIO(record.decode()))) for record in records(buffer.getvalue().encode())]
    assert parsed == rows
