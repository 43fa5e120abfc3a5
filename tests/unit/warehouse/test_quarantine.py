"""Rows set aside: counted and named without people or values, and let in again when a rule has learned."""

import json
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from pipelines import plan, quarantine_lines
from pipelines import settings as machine
from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS
from pipelines.warehouse import quarantine, step
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.quarantine import Filter
from pipelines.warehouse.quarantine_remedy import REMEDIES, UNKNOWN, remedy_of
from pipelines.warehouse.store import Store

QUARANTINED = [
    ("m1", 4, "unit_unknown", "The unit is not one that is known for this code"),
    ("m1", 9, "unit_unknown", "The unit is not one that is known for this code"),
    ("m2", 2, "value_impossible", "The value cannot occur"),
    ("d1", 7, "not_a_date", "a cell of column died_on is not a date written YYYY-MM-DD; correct it in the source"),
]
TABLES = {"m1": "omop_measurement", "m2": "omop_measurement", "d1": "flat_death"}


def put(settings, table, rows):
    contract = CONTRACTS[table]
    names = [column.name for column in contract.columns]
    frame = pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=contract.empty().schema)
    plain = [pl.col(name).cast(pl.String) if dtype == pl.Enum else pl.col(name) for name, dtype in frame.schema.items()]
    write_frame(frame.lazy().select(plain), Store(settings).path(table, None), "test")


def set_aside(settings, rows=QUARANTINED):
    put(
        settings,
        "staging.quarantine",
        [
            {"person_id": 77_000_000 + row, "source_file": file, "source_row": row, "rule_code": rule, "reason": reason}
            for file, row, rule, reason in rows
        ],
    )
    put(settings, "raw.manifest", [{"source_file": file, "table_name": table} for file, table in TABLES.items()])


def lines(settings, *, rows=False, as_json=False, **wanted):
    return list(quarantine_lines.listed(settings, Filter(**wanted), rows=rows, as_json=as_json))


def test_counts_by_file_and_reason_with_the_remedy(empty_home):
    set_aside(empty_home)
    said = lines(empty_home)
    assert said[0].split() == ["2", "unit_unknown", "m1"]
    assert said[1].strip() == "The unit is not one that is known for this code"
    assert said[2].strip() == f"remedy: {REMEDIES['unit_unknown']}"
    assert any(line.strip() == "remedy: correct it in the source" for line in said)
    assert said[-1] == "4 rows in quarantine"
    assert not any("770000" in line for line in said)


def test_rows_are_named_by_file_and_number(empty_home):
    set_aside(empty_home)
    said = lines(empty_home, rows=True)
    assert said[:2] == ["d1\t7\tflat_death\tnot_a_date", "m1\t4\tomop_measurement\tunit_unknown"]
    assert len(said) == 4


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"table": "measurement"}, 3),
        ({"table": "raw.omop_measurement"}, 3),
        ({"table": "flat_death"}, 1),
        ({"rule": "unit_unknown"}, 2),
        ({"file": "m?"}, 3),
        ({"file": "m1", "rule": "value_impossible"}, 0),
        ({}, 4),
    ],
)
def test_filters(wanted, count, empty_home):
    set_aside(empty_home)
    assert len(lines(empty_home, rows=True, **wanted)) == count


def test_json(empty_home):
    set_aside(empty_home)
    found = json.loads(lines(empty_home, as_json=True, rule="unit_unknown")[0])
    assert [(one["source_file"], one["n"], one["remedy"]) for one in found] == [("m1", 2, REMEDIES["unit_unknown"])]
    assert "person_id" not in found[0]


def test_nothing_staged_yet(empty_home):
    with pytest.raises(BadInput, match="nothing is staged there yet"):
        lines(empty_home)


def test_what_left_what_stays_and_what_is_new(empty_home):
    set_aside(empty_home)
    before = quarantine.set_aside(empty_home)
    set_aside(empty_home, [(*QUARANTINED[0][:2], "value_impossible", "x"), QUARANTINED[2], ("m1", 11, "no_code", "x")])
    fate = [("m1", 9, 1, "staged"), ("m1", 4, 1, "quarantined"), ("m2", 2, 1, "quarantined"), ("m1", 9, 2, "duplicate")]
    names = ("source_file", "source_row", "record_number", "disposition")
    put(empty_home, "staging.source_row", [dict(zip(names, row, strict=True)) for row in fate])
    found = quarantine.compare(empty_home, before)
    assert set(found.left.iter_rows()) == {
        ("unit_unknown", "staged", 1),
        ("not_a_date", "withdrawn or no longer delivered", 1),
    }
    assert dict(found.still.iter_rows()) == {"unit_unknown": 1, "value_impossible": 1}
    assert dict(found.new.iter_rows()) == {"no_code": 1}
    assert (found.rows_left, found.rows_still) == (2, 2)


def test_every_remedy_belongs_to_a_reason_and_every_reason_has_words():
    path = machine.sql_root() / "ref" / "disposition_reason.csv"
    reasons = set(step.read_csv(path, CONTRACTS["ref.disposition_reason"]).collect()["reason_code"])
    assert set(REMEDIES) - reasons <= {"unit_implausible", "fill_value"}
    assert remedy_of("never_heard_of", "Some reason") == ("Some reason", UNKNOWN)
    assert remedy_of("not_json", "the line is no JSON object; export the resource again") == (
        "the line is no JSON object",
        "export the resource again",
    )


@pytest.fixture
def own_lists(tmp_path, monkeypatch):
    """A copy of `sql` that a test may teach."""
    folder = Path(shutil.copytree(machine.sql_root(), tmp_path / "sql"))
    monkeypatch.setattr(plan, "sql_root", lambda: folder)
    plan.steps.cache_clear()
    yield folder
    plan.steps.cache_clear()


def flat_drop(folder: Path) -> Path:
    """Two people with six results each, four of them in a unit that nobody taught yet."""
    folder.mkdir()
    (folder / "people.csv").write_text("id,sex,born\n" + "".join(f"K{n},F,195{n}\n" for n in (1, 2)))
    rows = [
        f"K{person},L{person}{n},14715-7,{20 + n},{'zorkel' if n > 3 else 'pg/mL'},2019-0{n + 1}-03"
        for person in (1, 2)
        for n in range(6)
    ]
    last = "K1,L99,14715-7,9,pg/mL,soon"
    (folder / "labs.csv").write_text("\n".join(["id,record,loinc,result,unit,drawn", *rows, last, ""]))
    (folder / "mapping.toml").write_text(
        """
title = "test"
time_zone = "UTC"
[[table]]
kind = "person"
files = ["people.csv"]
columns = { person = "id", sex_text = "sex", birth_year = "born" }
[[table]]
kind = "lab"
files = ["labs.csv"]
dates = { drawn_on = "iso" }
[table.columns]
person = "id"
record_id = "record"
code = "loinc"
code_system = { value = "LOINC" }
value_text = "result"
unit_text = "unit"
drawn_on = "drawn"
"""
    )
    return folder


def test_a_unit_that_is_taught_lets_its_rows_in(tmp_path, own_lists, monkeypatch):
    from pipelines.run import Run

    monkeypatch.setenv("TRABECULA_KEY", "a key of a test, long enough to be one")
    settings = machine.Settings(
        home=tmp_path / "home", source="flat", folder=str(flat_drop(tmp_path / "drop")), memory_gb=1.0, threads=1
    )
    with Run(settings) as run:
        run.land()
        for one in plan.steps():
            if one.table.split(".")[0] in ("ref", "staging"):
                run.step(one)
    held = Counter(quarantine.set_aside(settings)["rule_code"])
    assert held == {"unit_unknown": 4, "not_a_date": 1}
    said = list(quarantine_lines.readmitted(settings, Filter(), as_json=False))
    assert said[-1] == "0 rows left quarantine, 5 are still there"

    with (own_lists / "ref" / "unit.csv").open("a") as units:
        units.write("text,zorkel,pg/mL\n")
    plan.steps.cache_clear()
    said = list(quarantine_lines.readmitted(settings, Filter(), as_json=False))
    assert any(line.split() == ["4", "left", "unit_unknown", "now", "staged"] for line in said), said
    assert any(line.split() == ["1", "still", "not_a_date"] for line in said), said
    assert "4 rows left quarantine, 1 are still there" in said
    assert Store(settings).scan("staging.conservation").select(pl.col("is_balanced").all()).collect().item()
