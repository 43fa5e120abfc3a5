"""A home of 80 simulated people with values planted that are known anywhere, landed with a secret key by the command line."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

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


def run(base: Path, call: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Simulate, plant, run; the home is `base/home`, and what was said stands beside it."""
    made = call("simulate", "--persons", "80", "--seed", "3", "--out", base / "sim", "--truth-persons", "0")
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
