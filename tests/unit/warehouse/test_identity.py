"""Person ids: pinned values, rows kept, and what happens if two people were given one id."""

import duckdb
import pytest

from pipelines.errors import BadInput
from pipelines.warehouse.identity import PUBLIC_KEY, key_persons, person_id


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


def test_ids_never_change():
    """By `printf 'nhanes\\037%s' SEQN | openssl dgst -sha256 -hmac KEY`: first 16 hex digits, shifted right by 1."""
    assert person_id(PUBLIC_KEY, "nhanes", "83732") == 1953716121136199676
    assert person_id(PUBLIC_KEY, "nhanes", "1") == 729458958231969668


def test_every_row_of_a_person_is_kept_under_one_id(connection):
    connection.execute("create table visits as select range // 3 as SEQN, range as visit from range(3000)")
    key_persons(connection, "visits", "SEQN", "nhanes", b"secret")
    rows = connection.execute("select count(*), count(distinct person_id), count(distinct visit) from keyed").fetchone()
    assert rows == (3000, 1000, 3000)
    assert {r[0] for r in connection.execute("select distinct person_id from keyed where visit < 3").fetchall()} == {
        person_id(b"secret", "nhanes", "0")
    }


def test_other_keys_and_sources_give_other_ids(connection):
    assert len({person_id(key, source, "7") for key in (b"a", b"b") for source in ("nhanes", "omop")}) == 4


def test_a_collision_is_refused_without_naming_anybody(connection):
    """SHA-256 does not collide on demand, so the hash is swapped for a constant one inside this connection."""
    connection.execute("create macro sha256(x) as '00000000000000ff'")
    connection.execute("create table people as select unnest(['alpha-4711', 'beta-4712']) as id")
    with pytest.raises(BadInput, match="1 native ids collide in person_id; choose another key") as refused:
        key_persons(connection, "people", "id", "omop", b"k")
    assert "alpha" not in str(refused.value) and "beta" not in str(refused.value)
