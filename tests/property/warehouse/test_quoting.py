"""Whatever a column, a table or a path is called: the engine takes it for a name, and never for a part of a statement."""

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.warehouse.engine import literal, quoted

# Quotes, ends of statements and of comments, the null byte, and every other letter there is.
NAMES = st.text(st.one_of(st.sampled_from("\"';-/*\\\0\n $%{}"), st.characters(exclude_categories=["Cs"])), max_size=30)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 1}) as opened:
        opened.execute("create table held as select 1 as one")
        yield opened


@settings(max_examples=80)
@example('"; drop table held; --')
@example('a"b')
@example("null\0byte")
@given(NAMES)
def test_an_identifier_is_one_name(connection, name):
    try:
        made = connection.execute(f"select 1 as {quoted(name)}")
    except duckdb.Error:
        # The engine has no name for these.
        assert not name or "\0" in name
    else:
        assert [column[0] for column in made.description] == [name]
        assert made.fetchall() == [(1,)]
    assert connection.execute("from held").fetchall() == [(1,)]


@settings(max_examples=80)
@example("'; drop table held; --")
@example("it's")
@example("null\0byte")
@given(NAMES)
def test_a_literal_is_one_value(connection, name):
    try:
        found = connection.execute(f"select {literal(name)}").fetchall()
    except duckdb.Error:
        assert "\0" in name
    else:
        assert found == [(name,)]
    assert connection.execute("from held").fetchall() == [(1,)]
