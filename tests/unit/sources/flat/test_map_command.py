"""`trabecula map`: what it proposes, what it leaves open, what it counts; never a value of a person."""

import gzip
import tomllib

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import BadInput
from pipelines.sources.flat.map_command import proposed, write
from pipelines.sources.flat.mapping import load_mapping

VALUES = ("Muster", "4711", "AB-77", "31.12.2019")
LABS = "PatientID;Nachname;Test;LOINC;Ergebnis;Einheit;Abnahmedatum\n" + "".join(
    f"AB-77{n};Muster;Estradiol;2243-4;{n},5;pg/mL;{20 + n % 9}.12.2019\n" for n in range(1, 30)
)


@pytest.fixture
def labs(tmp_path):
    path = tmp_path / "labs.csv"
    path.write_text(LABS)
    return path


def test_a_mapping_is_proposed_with_roles_marks_and_date_format(labs, tmp_path):
    text, report = proposed(labs)
    (table,) = tomllib.loads(text)["table"]
    assert (table["kind"], table["delimiter"], table["decimal"]) == ("lab", ";", ",")
    columns = table["columns"]
    assert (columns["person"], columns["value_text"], columns["unit_text"]) == ("PatientID", "Ergebnis", "Einheit")
    assert table["dates"] == {"drawn_at": "%d.%m.%Y"}
    assert "Nachname" in table["drop"], "what looks like a name is never written"
    assert "29 rows, 7 columns" in report
    assert "100.0 %" in report
    for value in VALUES:
        assert value not in text + report
    out = tmp_path / "mapping.toml"
    write(text, out)
    assert load_mapping(out).table[0].kind == "lab", "what is proposed whole can be used as it is"


@pytest.mark.parametrize("form", ["tsv", "parquet", "xlsx", "gz"])
def test_any_table_file_is_looked_at(tmp_path, write_workbook, form):
    rows = [["pat_id", "test", "result", "units", "collected"]]
    rows += [[f"p{n}", "estradiol", f"{n}.5", "pg/mL", f"2019-12-{n:02d}"] for n in range(1, 21)]
    path = tmp_path / f"labs.{form}"
    if form == "xlsx":
        write_workbook(path, {"labs": rows})
    elif form == "parquet":
        pl.DataFrame(rows[1:], schema=rows[0], orient="row").write_parquet(path)
    else:
        text = "\n".join("\t".join(row) for row in rows) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if form == "gz" else text.encode())
    text, report = proposed(path)
    columns = tomllib.loads(text)["table"][0]["columns"]
    assert (columns["person"], columns["value_text"], columns["unit_text"]) == ("pat_id", "result", "units")
    assert "20 rows, 5 columns" in report


def test_what_the_values_do_not_tell_is_left_open(tmp_path):
    path = tmp_path / "labs.csv"
    path.write_text(
        "id,test,result,units,drawn\n" + "".join(f"p{n},E2,5.5,pg/mL,0{n}/0{n}/2019\n" for n in range(1, 9))
    )
    text, report = proposed(path)
    assert "# drawn_at = " in text, "day or month first cannot be told, so no format is stated"
    assert "TO DECIDE" in text
    assert "to decide:" in report


def test_cells_that_would_be_set_aside_are_counted(tmp_path):
    path = tmp_path / "labs.csv"
    days = [f"2019-12-{n:02d}" for n in range(1, 20)] + ["31.12.2019"]
    path.write_text(
        "id,test,result,units,drawn\n" + "".join(f"p{n},E2,5.5,pg/mL,{day}\n" for n, day in enumerate(days))
    )
    text, report = proposed(path)
    assert "95.0 %" in report
    assert "rows that would land: 19; set aside: 1\n  not_a_date_time: 1" in report
    assert "31.12.2019" not in text + report


def test_nothing_tells_what_it_holds(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="--kind"):
        proposed(path)


def test_an_existing_mapping_is_never_overwritten(tmp_path):
    (tmp_path / "m.toml").write_text("mine")
    with pytest.raises(BadInput, match="is there already: name another file with --out"):
        write("theirs", tmp_path / "m.toml")
    assert (tmp_path / "m.toml").read_text() == "mine"


def test_the_command_prints_the_mapping_or_writes_it(labs, tmp_path):
    runner = CliRunner()
    shown = runner.invoke(app, ["map", str(labs)])
    assert shown.exit_code == 0
    assert tomllib.loads(shown.stdout)["table"][0]["kind"] == "lab"
    assert "29 rows, 7 columns" in shown.stderr
    out = tmp_path / "new.toml"
    written = runner.invoke(app, ["map", str(labs), "--kind", "lab", "--out", str(out)])
    assert (written.exit_code, written.stdout) == (0, "")
    assert tomllib.loads(out.read_text()) == tomllib.loads(shown.stdout)
    refused = runner.invoke(app, ["map", str(labs), "--kind", "dog"])
    assert isinstance(refused.exception, BadInput)


def test_fhir_resources_are_counted_and_ask_for_a_zone(tmp_path):
    path = tmp_path / "Patient.ndjson"
    path.write_text('{"resourceType":"Patient","id":"AB-77"}\n{"resourceType":"Coverage","id":"c"}\n')
    text, report = proposed(path)
    assert tomllib.loads(text)["fhir"]["files"] == "*.ndjson"
    assert "TO DECIDE: time_zone" in text
    assert "not read" in report
    assert "AB-77" not in text + report
