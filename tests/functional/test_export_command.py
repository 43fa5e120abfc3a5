"""`trabecula export` and the answers of `query` and `tables` to other programs, on two published homes."""

import csv
import io
import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines import cli_published as cli
from pipelines.errors import BadInput
from pipelines.export.cohort_method import TABLES
from pipelines.export.dose_era import SCHEMA
from pipelines.export_files import KINDS, PERSONAL, export
from pipelines.trials.study import Study, catalogue

Call = Callable[..., subprocess.CompletedProcess[str]]
KEYS = {
    "cm_attrition": (
        *("sequence_number", "exposure_id", "target_comparator_id", "analysis_id", "outcome_id"),
        "database_id",
    ),
    "cm_covariate_balance": ("target_comparator_id", "outcome_id", "analysis_id", "covariate_id"),
    "cm_diagnostics_summary": ("analysis_id", "target_comparator_id", "outcome_id"),
    "cm_result": ("analysis_id", "target_comparator_id", "outcome_id"),
    "cm_target_comparator_outcome": ("outcome_id", "target_comparator_id"),
}


@pytest.fixture(scope="module")
def records(omop_base: Path) -> Path:
    return omop_base / "home"


@pytest.fixture(scope="module")
def exported(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of the home of simulated records, each in a folder of its name."""
    base = tmp_path_factory.mktemp("exports")
    for kind in KINDS:
        assert list(export(records, kind, base / kind, None))
    return base


def read(path: Path, **types: pl.DataType) -> pl.DataFrame:
    return pl.read_csv(path, null_values=["", "NA"], schema_overrides=types, infer_schema_length=None)


def sql(home: Path, query: str) -> list[tuple]:
    with duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_darwin_holds_every_estimate_of_a_survey(finished: Path, call: Call, tmp_path: Path) -> None:
    said = call("export", "--format", "darwin", "--out", tmp_path / "x", "--home", finished, "--name", "survey")
    assert said.returncode == 0, said.stderr
    assert "summarised_result.csv" in said.stdout and "as survey_simulated" in said.stdout
    found = pl.read_csv(tmp_path / "x" / "summarised_result.csv", infer_schema=False, null_values="NA")
    told = found.filter(pl.col("variable_name") != "settings")
    assert told["cdm_name"].unique().to_list() == ["survey_simulated"]
    for column, estimate in (("estimate", "estimate"), ("ci_high", "ci_high"), ("n_target", "target_count")):
        where = "study_id = 'nhanes_e2_bmd'"
        values = sql(finished, f"select {column} from mart.effect_estimate where {where} and {column} is not null")
        asked = told.filter(pl.col("estimate_name") == estimate, pl.col("additional_name").str.starts_with("estimator"))
        assert sorted(map(float, asked["estimate_value"])) == pytest.approx(sorted(float(v) for (v,) in values))
        assert values
    hidden = sql(finished, "select count(*) from mart.e2_distribution where is_suppressed and n is null")
    bins = told.filter(variable_name="estradiol_pg_ml", estimate_name="count", estimate_value="-")
    assert [(bins.height,)] == hidden != [(0,)]
    counts = told.filter(pl.col("estimate_name").str.contains("count"), pl.col("estimate_value") != "-")
    assert not counts["estimate_value"].cast(pl.Int64).is_between(1, 10).any()


def test_ohdsi_has_every_comparison_and_every_gate_is_shut(exported: Path, records: Path) -> None:
    tables = {name: read(exported / "ohdsi" / f"{name}.csv", **types) for name, types in TABLES.items()}
    for name, table in tables.items():
        assert dict(table.schema) == TABLES[name]
        assert table.height, name
    for name, key in KEYS.items():
        assert not tables[name].select(key).is_duplicated().any(), name
    two_arms = r"^\w+ vs \w+, [0-9.]+ months, cohort \w+$"
    asked = "select count(distinct (study_id, contrast, outcome, population)) from mart.effect_estimate where "
    ((questions,),) = sql(records, f"{asked} regexp_matches(contrast, '{two_arms}')")
    assert tables["cm_diagnostics_summary"].height == questions > 100
    assert set(tables["cm_diagnostics_summary"]["unblind"]) == {0}
    answers = [name for name, kind in TABLES["cm_result"].items() if kind == pl.Float64()]
    assert all(tables["cm_result"][name].is_null().all() for name in answers)
    ((risks,),) = sql(records, f"{asked} regexp_matches(contrast, '{two_arms}') and estimator = 'risk_difference'")
    controls = tables["cm_target_comparator_outcome"].filter(true_effect_size=1)["outcome_id"]
    assert tables["cm_result"].filter(~pl.col("outcome_id").is_in(controls.implode())).height == risks


def test_dose_eras_are_the_regimens_and_stay_here(exported: Path, records: Path) -> None:
    path = exported / "dose-eras" / "dose_era.csv"
    assert PERSONAL == ("dose-eras",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert json.loads((path.parent / "export.json").read_text())["may_leave_this_machine"] is False
    eras = read(path, **SCHEMA)
    assert eras.height > 20 and not any(eras[name].has_nulls() for name in SCHEMA)
    assert set(eras["drug_concept_id"]) <= {1348265, 1315946, 1398399}
    days = (eras["dose_era_end_date"] - eras["dose_era_start_date"]).dt.total_days() + 1
    query = """
        select sum(dose_mg_per_week / 7 * (date_diff('day', starts_on, ends_on) + 1))
        from features.ai_regimen where dose_mg_per_week is not null
    """
    assert float((eras["dose_value"] * days).sum()) == pytest.approx(sql(records, query)[0][0]), "no milligram is lost"


def test_protocols_are_the_study_files_with_the_hash_of_their_results(exported: Path, records: Path) -> None:
    published = dict(sql(records, "select study_id, protocol_hash from ref.study"))
    found = {path.stem: json.loads(path.read_text()) for path in (exported / "protocol").glob("*.json")}
    assert set(found) - {"export", "study.schema"} == set(published) != set()
    for study_id, hashed in published.items():
        assert found[study_id]["protocol_hash"] == hashed
        assert Study.model_validate(found[study_id]["protocol"]).protocol_hash == hashed
    assert set(found["study.schema"]["required"]) >= {"id", "title", "question", "design"}


def test_a_study_changed_since_is_refused(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {name: study.model_copy(update={"title": "Another"}) for name, study in catalogue().items()}
    monkeypatch.setattr("pipelines.export_files.catalogue", lambda: changed)
    with pytest.raises(BadInput, match=r"its file is another than the one published"):
        list(export(records, "protocol", tmp_path / "x", None))
    assert not (tmp_path / "x").exists()


def test_only_dose_eras_hold_anybody(exported: Path, records: Path) -> None:
    people = {str(person) for (person,) in sql(records, "select person_id from staging.person")}
    assert len(people) > 50
    for path in exported.rglob("*.*"):
        words = set(path.read_text().replace('"', " ").replace(",", " ").split())
        assert bool(words & people) == (path.name == "dose_era.csv"), path


def test_a_folder_is_written_again_and_others_are_left_alone(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "x"
    list(export(records, "ohdsi", out, None))
    list(export(records, "dose-eras", out, "mine"))
    assert {path.name for path in out.iterdir()} == {"dose_era.csv", "export.json"}
    listing = json.loads((out / "export.json").read_text())
    assert (listing["database"], listing["evidence_source"]) == ("mine_simulated", "simulated")
    assert listing["build_id"] == (records / "current").resolve().name
    (out / "own.txt").write_text("mine")
    for folder, why in ((out, "other files are there, such as own.txt"), (out / "own.txt", "a file stands there")):
        with pytest.raises(BadInput, match=why):
            list(export(records, "darwin", folder, None))
    assert (out / "own.txt").read_text() == "mine"
    with pytest.raises(BadInput, match="there are darwin, ohdsi, dose-eras, protocol"):
        list(export(records, "sas", tmp_path / "y", None))


def test_export_of_nothing_is_refused(call: Call, tmp_path: Path) -> None:
    said = call("export", "--format", "darwin", "--out", tmp_path / "x", "--home", tmp_path / "nowhere")
    assert said.returncode == 2
    assert "nothing is published there yet" in said.stderr
    assert not (tmp_path / "x").exists()


QUERY = "select study_id, step_number, n_after, is_suppressed from mart.attrition order by all limit 5"


@pytest.fixture
def said(finished: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a verb prints, without a process of its own."""

    def run(verb: Callable[..., None], *arguments: str, **options: bool) -> str:
        capsys.readouterr()
        verb(*arguments, home=finished, **options)
        return capsys.readouterr().out

    return run


def test_query_as_json_and_csv_says_what_the_table_holds(finished: Path, said: Callable[..., str]) -> None:
    rows = sql(finished, QUERY)
    names = ("study_id", "step_number", "n_after", "is_suppressed")
    assert [tuple(row[name] for name in names) for row in json.loads(said(cli.query, QUERY, as_json=True))] == rows
    lines = list(csv.reader(io.StringIO(said(cli.query, QUERY, as_csv=True))))
    assert lines[0] == list(names)
    assert lines[1:] == [["" if cell is None else str(cell) for cell in row] for row in rows]
    assert json.loads(said(cli.query, "select 1 as a where false", as_json=True)) == []
    odd = "select date '2020-01-01' as day, 1.5::decimal(3, 1) as money, 'nan'::double as no, 'ä,\"' as word"
    assert json.loads(said(cli.query, odd, as_json=True)) == [
        {"day": "2020-01-01", "money": "1.5", "no": None, "word": 'ä,"'}
    ]
    with pytest.raises(BadInput, match="name one of them"):
        said(cli.query, QUERY, as_json=True, as_csv=True)
    with pytest.raises(BadInput, match="two columns have one name"):
        said(cli.query, "select 1 as a, 2 as a", as_json=True)
    with pytest.raises(BadInput, match="does not exist"):
        said(cli.query, "from mart.nothing", as_csv=True)


def test_tables_as_json_is_the_dictionary(said: Callable[..., str]) -> None:
    found = {entry["table"]: entry for entry in json.loads(said(cli.tables, as_json=True))}
    assert sorted(found) == sorted(line.split()[0] for line in said(cli.tables).splitlines())
    assert (found["staging.person"]["kind"], found["mart.claim"]["kind"]) == ("view", "table")
    assert {"column": "estimate", "type": "DOUBLE", "comment": "Estimate"} in found["mart.effect_estimate"]["columns"]
    assert all(column["comment"] for entry in found.values() for column in entry["columns"])
    told = {each["column"]: each for each in json.loads(said(cli.tables, "features.ai_regimen", as_json=True))}
    assert told["starts_on"]["made_of"] == {"features.drug_supply": ["cover_from_on"]}
    assert {each["made_of"] for each in json.loads(said(cli.tables, "mart.study", as_json=True))} == {None}


def test_the_verbs_are_said_in_the_help(call: Call) -> None:
    assert "--json" in call("query", "--help").stdout
    asked = call("export", "--help").stdout
    assert all(kind in asked for kind in KINDS)
