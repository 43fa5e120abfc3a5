"""Person ids: 63 bits of HMAC-SHA256(key, source, unit separator, native id), computed inside DuckDB over whole columns.

The offset by which a person's dates are moved comes from the same key. Where the key comes from is `pipelines.warehouse.key`.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

import duckdb

from pipelines.errors import BadInput
from pipelines.warehouse.engine import quoted

# Surveys and simulations carry public surrogate ids already: a key that anyone may know, so that ids agree everywhere.
PUBLIC_KEY = b"trabecula: public surrogate ids need no secret"
_BLOCK = 64
_SHIFT = "shift\x1f"


def person_id(key: bytes, source: str, native_id: str) -> int:
    """The id of one person: the definition that the SQL below must match (RFC 2104, first 8 bytes, top bit dropped)."""
    return _first_bytes(key, f"{source}\x1f{native_id}") >> 1


def shift_days(key: bytes, source: str, native_id: str, most: int) -> int:
    """By how many days a person's dates are moved: -most to most, never 0; the definition that the SQL must match."""
    if most == 0:
        return 0
    place = (_first_bytes(key, f"{_SHIFT}{source}\x1f{native_id}") >> 1) % (2 * most)
    return place - most if place < most else place - most + 1


def _first_bytes(key: bytes, message: str) -> int:
    return int.from_bytes(hmac.new(key, message.encode(), sha256).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Identities:
    """The temporary table `identity` of a connection: native, person_id, shift; it grows with every file that is landed."""

    connection: duckdb.DuckDBPyConnection
    source: str
    key: bytes
    shift_days: int = 0

    def open(self) -> None:
        """Make the table, empty."""
        self.connection.execute(
            "create or replace temp table identity (native varchar, person_id bigint, shift integer)"
        )

    def add(self, relation: str, native: str) -> None:
        """Give an id to every native id that has none yet; `native` is an expression over `relation`, NULL passed over.

        Raises:
            BadInput: two native ids share a person id (2^-63 apart: change the key).
        """
        shift, parameters = "0", _parameters(self.key, self.source)
        if self.shift_days:
            most = int(self.shift_days)
            place = f"({_hmac('$prefix || $source || chr(31) || native')} >> 1) % {2 * most}"
            shift = (
                f"case when {place} < {most} then ({place})::integer - {most} else ({place})::integer - {most - 1} end"
            )
            parameters["prefix"] = _SHIFT
        ((added,),) = self.connection.execute(
            f"""
            insert into identity
            select native, ({_hmac("$source || chr(31) || native")} >> 1)::bigint as person_id, {shift} as shift
            from (select distinct {native} as native from {relation}) as given
            where native is not null and native not in (select native from identity)
            """,
            parameters,
        ).fetchall()
        if added:
            _no_collision(self.connection, self.source)


def key_persons(connection: duckdb.DuckDBPyConnection, relation: str, id_column: str, source: str, key: bytes) -> str:
    """Create the temporary table `keyed`: every row of `relation` with `person_id` instead of its native id.

    Args:
        relation: a table whose `id_column` is BIGINT or VARCHAR and never NULL.

    Returns:
        The name of the table.

    Raises:
        BadInput: two native ids share a person id (2^-63 apart: change the key).
    """
    column = quoted(id_column)
    connection.execute(
        f"""
        create or replace temp table identity as
        select native, ({_hmac("$source || chr(31) || native::varchar")} >> 1)::bigint as person_id
        from (select distinct {column} as native from {relation})
        """,
        _parameters(key, source),
    )
    _no_collision(connection, source)
    connection.execute(
        f"""
        create or replace temp table keyed as
        select identity.person_id, r.* exclude ({column})
        from {relation} as r join identity on identity.native = r.{column}
        """
    )
    return "keyed"


def _hmac(message: str) -> str:
    """First 8 bytes of the HMAC of a text expression, as UBIGINT."""
    digest = f"sha256($outer || unhex(sha256($inner || encode({message}))))"
    return f"('0x' || substr({digest}, 1, 16))::ubigint"


def _parameters(key: bytes, source: str) -> dict[str, object]:
    padded = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    inner, outer = bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)
    return {"outer": outer, "inner": inner, "source": source}


def _no_collision(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    # All rows are fetched: a result that is not read to its end blocks the connection for `unregister`.
    ((shared,),) = connection.execute("select count(*) - count(distinct person_id) from identity").fetchall()
    if shared:
        raise BadInput(f"{source}: {shared} native ids collide in person_id; choose another key")
