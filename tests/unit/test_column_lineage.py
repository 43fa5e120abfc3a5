"""Of which columns a column is made: how queries are read, columns worked out by hand, and the file that the UI shows.

What the engine does stands against all of it in tests/functional/test_column_lineage.py.
"""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from pipelines import plan
from pipelines.tables import CONTRACTS
from pipelines.tables.column_lineage import in_words
from pipelines.warehouse.step import SqlProducer

PERSON, SCAN = "staging.person", "staging.dxa_scan"


@pytest.fixture(scope="module")
def script(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "column_lineage.py"))


@pytest.fixture(scope="module")
def shown(root: Path) -> dict[str, dict[str, dict[str, list[str]]]]:
    return json.loads((root / "pipelines" / "tables" / "column_lineage.json").read_text())


def test_the_file_is_the_one_made_again(root: Path, script: dict[str, Any]) -> None:
    again = script["as_json"](script["origins"]())
    assert again == (root / "pipelines" / "tables" / "column_lineage.json").read_text(), "run make docs"


def test_every_table_of_a_sql_file_is_in_it_and_names_only_columns_of_its_inputs(shown) -> None:
    steps = {step.table: step for step in plan.steps() if isinstance(step.producer, SqlProducer)}
    assert list(shown) == sorted(steps) and len(shown) >= 60
    for table, columns in shown.items():
        assert set(columns) == {column.name for column in CONTRACTS[table].columns}
        for made_of in columns.values():
            assert set(made_of) <= set(steps[table].inputs)
            for source, names in made_of.items():
                assert set(names) <= {column.name for column in CONTRACTS[source].columns}


@pytest.mark.parametrize(
    ("column", "made_of"),
    [
        ("features.ai_regimen.starts_on", {"features.drug_supply": ["cover_from_on"]}),
        ("features.body_measure.weight_kg", {"staging.observation": ["observation_code", "value"]}),
        (
            "features.body_measure.height_cm",
            {"staging.observation": ["observation_code", "observed_on", "person_id", "value"]},
        ),
        (
            "features.body_measure.weight_change_pct",
            {
                "features.first_inhibitor": ["inhibitor_from_on"],
                "staging.observation": ["observation_code", "observed_on", "value"],
            },
        ),
        (
            "features.monitoring.days_since_dxa",
            {"features.dosing_episode": ["starts_on", "supply_ends_on"], "staging.dxa_scan": ["scanned_on"]},
        ),
        (
            "features.monitoring.is_dxa_on_schedule",
            {
                "features.dosing_episode": ["starts_on", "supply_ends_on"],
                "ref.clinical_limit": ["limit_code", "value"],
                "staging.dxa_scan": ["scanned_on"],
            },
        ),
        (
            "features.bmd_slope_shrunken.reliability",
            {"features.bmd_slope": ["time_ss"], "features.bmd_slope_norm": ["between_sd", "residual_sd"]},
        ),
        (
            "features.bmd_change.first_z_score",
            {"features.bone_norm": ["mean_g_cm2", "sd_g_cm2"], "staging.dxa_scan": ["bmd_g_cm2"]},
        ),
        (
            "features.bmd_change.first_t_score",
            {
                "ref.bone_reference": ["mean_g_cm2", "sd_g_cm2"],
                "staging.dxa_scan": ["bmd_g_cm2", "scanned_on"],
                "staging.person": ["age_years", "entered_on"],
            },
        ),
        (
            "features.steroid_panel.aromatisation_index",
            {
                "ref.analyte": ["analyte_code", "grams_per_mole"],
                "staging.lab_result": ["analyte_code", "operator", "value"],
            },
        ),
        (
            "staging.person.birth_year",
            {
                "raw.flat_period": ["starts_on"],
                "raw.flat_person": ["age_on", "age_years", "birth_year"],
                "raw.omop_observation_period": ["observation_period_start_date"],
                "raw.omop_person": ["year_of_birth"],
            },
        ),
        ("staging.dxa_scan.date_reason", {}),
    ],
)
def test_columns_worked_out_by_hand(shown, column: str, made_of: dict[str, list[str]]) -> None:
    table, _, name = column.rpartition(".")
    assert shown[table][name] == made_of


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        (
            "select sex_code, age_years + 1 as older from staging.person where entered_on > '2020-01-01'",
            {"sex_code": {(PERSON, "sex_code")}, "older": {(PERSON, "age_years")}},
            {(PERSON, "entered_on")},
        ),
        (
            "select sex_code, count(*) as n, max(age_years) filter (where entered_on is null) as oldest "
            "from staging.person group by sex_code",
            {
                "sex_code": {(PERSON, "sex_code")},
                "n": set(),
                "oldest": {(PERSON, "age_years"), (PERSON, "entered_on")},
            },
            {(PERSON, "sex_code")},
        ),
        (
            "select lead(age_years) over series as next from staging.person "
            "window series as (partition by sex_code order by entered_on)",
            {"next": {(PERSON, "age_years"), (PERSON, "sex_code"), (PERSON, "entered_on")}},
            set(),
        ),
        (
            "select person_id, 1 as n from staging.person union all select scan_id, bmd_g_cm2 from staging.dxa_scan",
            {"person_id": {(PERSON, "person_id"), (SCAN, "scan_id")}, "n": {(SCAN, "bmd_g_cm2")}},
            set(),
        ),
        (
            "select person_id, sex_code as code from staging.person union all by name "
            "select site_code as code, person_id from staging.dxa_scan",
            {
                "person_id": {(PERSON, "person_id"), (SCAN, "person_id")},
                "code": {(PERSON, "sex_code"), (SCAN, "site_code")},
            },
            set(),
        ),
        (
            "select person_id from staging.person except select person_id from staging.dxa_scan",
            {"person_id": {(PERSON, "person_id"), (SCAN, "person_id")}},
            {(PERSON, "person_id"), (SCAN, "person_id")},
        ),
        (
            "select sex_code, max(age_years) as oldest from staging.person group by all",
            {"sex_code": {(PERSON, "sex_code")}, "oldest": {(PERSON, "age_years")}},
            {(PERSON, "sex_code")},
        ),
        (
            "select p.sex_code from staging.person as p anti join staging.dxa_scan as s on s.person_id = p.person_id",
            {"sex_code": {(PERSON, "sex_code")}},
            {(PERSON, "person_id"), (SCAN, "person_id")},
        ),
        (
            "select distinct sex_code from staging.person",
            {"sex_code": {(PERSON, "sex_code")}},
            {(PERSON, "sex_code")},
        ),
        (
            "with scans as (select * exclude (site_code) from staging.dxa_scan where is_valid) "
            "select coalesce(scan_id, side_code) as name from scans join staging.person as p using (person_id)",
            {"name": {(SCAN, "scan_id"), (SCAN, "side_code")}},
            {(SCAN, "is_valid"), (SCAN, "person_id"), (PERSON, "person_id")},
        ),
        (
            "select exists (from staging.dxa_scan as scan where scan.person_id = person.person_id) as is_scanned "
            "from staging.person",
            {"is_scanned": None},
            set(),
        ),
        (
            "select kind, value from staging.person unpivot (value for kind in (age_years, birth_year))",
            {"kind": set(), "value": {(PERSON, "age_years"), (PERSON, "birth_year")}},
            {(PERSON, "age_years"), (PERSON, "birth_year")},
        ),
        (
            "select person.person_id, twice.of_age from staging.person "
            "cross join lateral (select 2 * person.age_years as of_age) as twice",
            {"person_id": {(PERSON, "person_id")}, "of_age": {(PERSON, "age_years")}},
            set(),
        ),
        (
            "select person_id, unnest(generate_series(1, birth_year)) as number from staging.person",
            {"person_id": {(PERSON, "person_id")}, "number": {(PERSON, "birth_year")}},
            None,
        ),
    ],
)
def test_what_a_query_is_made_of(script: dict[str, Any], query: str, columns: dict, rows: set | None) -> None:
    found = script["origin"]("a.query", query, {})
    for name, made_of in columns.items():
        if made_of is None:
            # Whether rows exist is decided by their keys.
            assert {(SCAN, "person_id"), (PERSON, "person_id")} <= found.values[name]
        else:
            assert found.values[name] == made_of, name
    assert list(found.values) == list(columns)
    if rows is not None:
        assert found.rows == rows


def test_in_words_the_more_there_is_the_less_is_named() -> None:
    assert in_words({}) == ""
    assert in_words({"ref.a": ["x"], "raw.b": ["y", "z"]}) == "ref.a: x; raw.b: y, z"
    assert in_words({"ref.a": [f"c{n}" for n in range(13)]}) == "13 columns of ref.a"
    many = {f"raw.t{n}": ["x", "y"] for n in range(7)} | {"ref.a": ["x"]}
    assert in_words(many) == "15 columns of tables of raw (7), ref (1)"


def test_views_are_read_through(script: dict[str, Any]) -> None:
    view = script["origin"](
        "source.older", "select age_years + 1 as age from staging.person where birth_year > 1900", {}
    )
    found = script["origin"]("a.query", "select age from source.older", {"source.older": view})
    assert found.values == {"age": {(PERSON, "age_years")}} and found.rows == {(PERSON, "birth_year")}


@pytest.mark.parametrize(
    "query",
    [
        "select no_such_column from staging.person",
        "select scan_id from staging.dxa_scan semi join ref.unit_factor as factor on factor.ucum_code = scan_id",
        "select * from staging.person pivot (max(age_years) for sex_code in ('male', 'female'))",
    ],
)
def test_what_cannot_be_read_is_refused(script: dict[str, Any], query: str) -> None:
    with pytest.raises(script["LineageError"], match=r"a\.query"):
        script["origin"]("a.query", query, {})
