"""Person ids computed in SQL are HMAC-SHA256, whatever the key and the native id."""

import hmac

import duckdb
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.warehouse.identity import key_persons, person_id

KEYS = st.binary(max_size=200)
TEXT_IDS = st.lists(st.text(max_size=40), min_size=1, max_size=40, unique=True)
WHOLE_IDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40, unique=True)


def reference(key, source, native):
    """First 63 bits of the RFC 2104 code, by the standard library."""
    return int(hmac.new(key, source.encode() + b"\x1f" + str(native).encode(), "sha256").hexdigest()[:16], 16) // 2


@settings(max_examples=80, deadline=None)
@given(KEYS, st.sampled_from(["nhanes", "omop", "klinik-münchen"]), st.one_of(TEXT_IDS, WHOLE_IDS))
@example(b"k" * 64, "nhanes", ["Zoë", "Ζωή", "佐藤", "👩‍⚕️", "a'b", "", " 1", "1"])
@example(b"k" * 65, "nhanes", [0, -1, 2**63 - 1])
@example(b"", "nhanes", ["x\x00y"])
def test_sql_agrees_with_hmac(key, source, natives):
    people = pl.DataFrame({"SEQN": natives, "nth": range(len(natives))})
    with duckdb.connect() as connection:
        connection.register("people", people.to_arrow())
        table = key_persons(connection, "people", "SEQN", source, key)
        assert [row[0] for row in connection.execute(f"describe {table}").fetchall()] == ["person_id", "nth"]
        rows = connection.execute(f"select nth, person_id from {table} order by nth").fetchall()
    assert rows == [(nth, reference(key, source, native)) for nth, native in enumerate(natives)]
    assert all(0 <= number < 2**63 for _, number in rows)
    assert [person_id(key, source, str(native)) for native in natives] == [number for _, number in rows]
