"""Person ids: 63 bits of HMAC-SHA256(key, source, unit separator, native id), computed inside DuckDB over whole columns."""

import hmac
from hashlib import sha256

import duckdb

from pipelines.errors import BadInput
from pipelines.warehouse.engine import quoted

# Surveys and simulations carry public surrogate ids already: a key that anyone may know, so that ids agree everywhere.
PUBLIC_KEY = b"trabecula: public surrogate ids need no secret"
_BLOCK = 64


def person_id(key: bytes, source: str, native_id: str) -> int:
    """The id of one person: the definition that the SQL below must match (RFC 2104, first 8 bytes, top bit dropped)."""
    digest = hmac.new(key, f"{source}\x1f{native_id}".encode(), sha256).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def key_persons(connection: duckdb.DuckDBPyConnection, relation: str, id_column: str, source: str, key: bytes) -> str:
    """Create the temporary table `keyed`: every row of `relation` with `person_id` instead of its native id.

    Args:
        relation: a table whose `id_column` is BIGINT or VARCHAR and never NULL.

    Returns:
        The name of the table.

    Raises:
        BadInput: two native ids share a person id (2^-63 apart: change the key).
    """
    padded = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    inner, outer = bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)
    column = quoted(id_column)
    connection.execute(
        f"""
        create or replace temp table identity as
        select native,
               (('0x' || substr(sha256($outer || unhex(sha256($inner || encode($source || chr(31) || native::varchar)))),
                                1, 16))::ubigint >> 1)::bigint as person_id
        from (select distinct {column} as native from {relation})
        """,
        {"outer": outer, "inner": inner, "source": source},
    )
    row = connection.execute("select count(*) - count(distinct person_id) from identity").fetchone()
    if row and row[0]:
        raise BadInput(f"{source}: {row[0]} native ids collide in person_id; choose another key")
    connection.execute(
        f"""
        create or replace temp table keyed as
        select identity.person_id, r.* exclude ({column})
        from {relation} as r join identity on identity.native = r.{column}
        """
    )
    return "keyed"
