"""A home of simulated people with values planted that are known anywhere, landed with a secret key by the command line; and
the search for them in all that a run writes or says, and in exports.
"""

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.export_files import KINDS, export
from pipelines.warehouse.parquet import column_names

SECRET = "a-key-for-tests-and-nothing-else"
# A result and a text that occur nowhere else.
VALUE, TEXT = 123456.789, "qzx planted words"
# What looks like an identifier and passes the guard, by where it stands: surnames alone and numbers without form.
IDENTIFIERS = {
    ("person", "person_source_value"): "7731904-QZ",
    ("condition_occurrence", "stop_reason"): "quarzheimer",
    ("drug_exposure", "lot_number"): "7731905-qz",
    ("visit_occurrence", "visit_source_value"): "ward quarzheimer",
    ("care_site", "place_of_service_source_value"): "quarzheimer house",
}
# What three people have and nobody else.
RARE = {
    ("person", "race_source_value"): "qzx people",
    ("condition_occurrence", "condition_source_value"): "Q99.QZX",
    ("drug_exposure", "drug_source_value"): "qzxstatin 20mg tab",
    ("observation", "value_as_string"): "qzx habit",
}
PEOPLE = 3
SAID = "said.json"
# Names of places and of products as the source writes them: of nobody, and they stay.
STAY = ("raw.omop_care_site", "staging.drug_product")


def run(base: Path, call: Callable[..., subprocess.CompletedProcess[str]], persons: int = 80) -> None:
    """Simulate, plant, run; the home is `base/home`, and what was said stands beside it."""
    made = call("simulate", "--persons", str(persons), "--seed", "3", "--out", base / "sim", "--truth-persons", "0")
    assert made.returncode == 0, made.stderr[-2000:]
    plant(next((base / "sim" / "omop" / "measurement").glob("*.parquet")))
    for (table, column), text in (IDENTIFIERS | RARE).items():
        mark(next((base / "sim" / "omop" / table).glob("*.parquet")), column, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRABECULA_KEY_FILE", raising=False)
        patch.setenv("TRABECULA_KEY", SECRET)
        result = call("run", "--source", "omop", "--input", base / "sim" / "omop", "--home", base / "home")
    (base / SAID).write_text(json.dumps([result.returncode, result.stdout, result.stderr]))


def said(base: Path) -> subprocess.CompletedProcess[str]:
    """What the run said."""
    return subprocess.CompletedProcess("trabecula", *json.loads((base / SAID).read_text()))


def plant(path: Path) -> None:
    """Give a few numeric results a value, and one result in words a text, that can be recognised anywhere."""
    rows = pl.read_parquet(path).with_row_index("row")
    is_result = pl.col("value_as_number").is_not_null() & (pl.col("row") < 40)
    rows = rows.with_columns(
        value_as_number=pl.when(is_result).then(VALUE).otherwise("value_as_number"),
        value_source_value=pl.when(pl.col("row") < 40).then(pl.lit(TEXT)).otherwise("value_source_value"),
        unit_source_value=pl.when(pl.col("row") < 5).then(pl.lit(TEXT)).otherwise("unit_source_value"),
    )
    rows.drop("row").write_parquet(path)


def mark(path: Path, column: str, text: str) -> None:
    """Give every row of the first people, or places, a text."""
    rows = pl.read_parquet(path)
    key = "person_id" if "person_id" in rows.columns else rows.columns[0]
    few = rows[key].unique().sort().head(PEOPLE)
    marked = pl.when(pl.col(key).is_in(few.implode())).then(pl.lit(text)).otherwise(column).alias(column)
    rows.with_columns(marked).write_parquet(path)


def search(home: Path, said: str) -> tuple[list[str], set[str]]:
    """Where anything planted is told outside the tables of people, and the folders that were looked at.

    Args:
        said: all that the run said.
    """
    planted = [TEXT, *IDENTIFIERS.values(), *RARE.values()]
    written = str(VALUE), *(text.lower() for text in planted)
    found = [f"said: {word}" for word in written if word in said.lower()]
    for name in ("warehouse.duckdb", "release.duckdb"):
        with duckdb.connect(str((home / name).resolve()), read_only=True) as reader:
            if name == "warehouse.duckdb":
                _require_landed(reader)
            tables = reader.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
            assert len(tables) > 10
            for schema, table in tables:
                if f"{schema}.{table}" in STAY:
                    continue
                sought = "unnest(?) as t (sought) where contains(lower(r::varchar), sought)"
                query = f"select count(*) from {schema}.{table} as r, {sought}"
                if reader.execute(query, [list(written)]).fetchone()[0]:
                    found.append(f"{name}: {schema}.{table}")
    looked_at = {"said"}
    for path in home.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.suffix == ".duckdb":
            continue
        if path.suffix == ".parquet":
            is_inside = any(table.replace(".", "/") in str(path) for table in STAY)
            if is_inside or "person_id" in (column_names(path) or ()):
                continue
            text = str(pl.read_parquet(path).cast(pl.String, strict=False).rows()).encode().lower()
        else:
            text = path.read_bytes().lower()
        looked_at.add(path.relative_to(home).parts[0])
        if any(sign in text for sign in (*(word.encode() for word in written), struct.pack("<d", VALUE).lower())):
            found.append(str(path.relative_to(home)))
    return found, looked_at


def _require_landed(reader: duckdb.DuckDBPyConnection) -> None:
    """What three people have is in the tables of people, so that a search that finds nothing elsewhere says something."""
    raw = "select count(*) from raw.omop_measurement where value_as_number = ?"
    assert reader.execute(raw, [VALUE]).fetchone()[0] > 0
    for (table, column), text in RARE.items():
        query = f"select count(distinct person_id) from raw.omop_{table} where {column} = ?"
        assert reader.execute(query, [text]).fetchone() == (PEOPLE,), table


def exported(home: Path, folder: Path) -> set[str]:
    """Every export is made and searched for what was planted; the kinds in which the id of a person stands."""
    with duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True) as reader:
        people = {
            str(person).encode() for (person,) in reader.execute("select person_id from staging.person").fetchall()
        }
    assert len(people) > 50 and min(map(len, people)) > 9, "ids are long: none is met by chance"
    texts = [text.lower().encode() for text in (str(VALUE), TEXT, *IDENTIFIERS.values(), *RARE.values())]
    with_people = set()
    for kind in KINDS:
        assert list(export(home, kind, folder / kind, None))
        for path in sorted((folder / kind).iterdir()):
            said = path.read_bytes().lower()
            assert said and [text for text in texts if text in said] == [], path.name
            if any(person in said for person in people):
                with_people.add(kind)
    return with_people
