"""Fingerprints of steps: they change with everything that decides a file, and with nothing else."""

import subprocess
import sys
from dataclasses import replace

import dataframely as dy
import pytest

from pipelines import plan
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS
from pipelines.tables.columns import number, person_id
from pipelines.trials import study
from pipelines.warehouse import step as steps
from pipelines.warehouse.sqlfile import SqlFileError, read
from pipelines.warehouse.step import CsvProducer, PythonProducer, SqlProducer, Step, from_csv, from_sql, read_csv

FACTS = RunFacts(
    run_id="one",
    source="nhanes",
    studies=("nhanes_e2_bmd",),
    bone_reference="white_female",
    min_cell=11,
    evidence_source="public_survey",
)
INPUTS = {"raw.nhanes_demo": ("a", "b")}


def of(step, run=FACTS, bucket="0000-4095", inputs=INPUTS):
    return step.fingerprint(run, bucket, inputs)


@pytest.fixture
def person():
    return plan.step("staging.person")


def test_it_is_the_same_for_the_same(person):
    assert of(person) == of(replace(person), inputs=dict(INPUTS))
    assert of(person, inputs={"a.b": ("1",), "c.d": ("2",)}) == of(person, inputs={"c.d": ("2",), "a.b": ("1",)})


def test_it_changes_with_the_bucket_and_the_input_files(person):
    others = [
        of(person, bucket="0000-2047"),
        of(person, inputs={"raw.nhanes_demo": ("a", "c")}),
        of(person, inputs={"raw.nhanes_demo": ("a",)}),
        of(person, inputs={"raw.nhanes_bmx": ("a", "b")}),
        of(person, inputs={}),
    ]
    assert len({of(person), *others}) == len(others) + 1


def test_it_changes_with_the_text_of_the_query_and_not_with_its_place(person, tmp_path):
    text = person.producer.code()
    (tmp_path / "same.sql").write_text(text)
    (tmp_path / "other.sql").write_text(text.replace("floor(demo.RIDAGEYR)", "ceil(demo.RIDAGEYR)"))
    same, other = (replace(person, producer=SqlProducer(tmp_path / name)) for name in ("same.sql", "other.sql"))
    assert of(same) == of(person) != of(other)


def test_it_changes_with_the_rows_of_a_code_list(tmp_path):
    drug = plan.step("ref.drug")
    (tmp_path / "drug.csv").write_text(drug.producer.code() + "\n")
    assert of(replace(drug, producer=CsvProducer(tmp_path / "drug.csv"))) != of(drug)


def test_it_changes_with_the_contract(person, monkeypatch):
    class Person(dy.Schema):
        person_id = person_id()
        age_years = number("Age", "a")

    before = of(person)
    old = CONTRACTS["staging.person"]
    for changed in (replace(old, schema=Person), replace(old, unit="population")):
        monkeypatch.setitem(CONTRACTS, "staging.person", changed)
        assert of(person) != before
    monkeypatch.setitem(CONTRACTS, "staging.person", replace(old, description="said otherwise"))
    assert of(person) == before


OTHER_FACTS = {
    "run_id": "two",
    "source": "omop",
    "studies": ("nhanes_bone_prevalence",),
    "bone_reference": "white_male",
    "min_cell": 20,
    "evidence_source": "simulated",
}


@pytest.mark.parametrize("table", ["staging.person", "mart.attrition", "ref.run_setting", "models.effect_estimate"])
def test_it_changes_with_the_facts_it_depends_on_and_no_others(table):
    step = plan.step(table)
    moved = {name for name, value in OTHER_FACTS.items() if of(step, replace(FACTS, **{name: value})) != of(step)}
    assert moved == set(step.depends_on) - {steps.WAIVERS}
    assert "run_id" not in moved


def test_it_changes_with_the_study_file(monkeypatch, tmp_path):
    """A protocol that was edited must not be served from the files of the old one."""
    (original,) = [path for path in study.folder().glob("*.toml") if path.stem == "nhanes_e2_bmd"]
    monkeypatch.setattr(study, "folder", lambda: tmp_path)
    step = plan.step("ref.study")
    found = []
    for text in (original.read_text(), original.read_text().replace('title = "', 'title = "Another: ')):
        (tmp_path / original.name).write_text(text)
        study.catalogue.cache_clear()
        found.append(of(step, replace(FACTS, studies=study.select((), "nhanes"))))
    study.catalogue.cache_clear()
    assert found[0] != found[1]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A checkout of its own: a imports b in a function, b imports from the package c, c/__init__ imports nothing."""
    root = tmp_path / "pipelines"
    (root / "c").mkdir(parents=True)
    (root / "a.py").write_text("import os\n\ndef f():\n    from pipelines.b import g\n    return g\n")
    (root / "b.py").write_text("from pipelines.c import deep\nimport pipelines.a\n")
    (root / "c" / "__init__.py").write_text("")
    (root / "c" / "deep.py").write_text("X = 1\n")
    (root / "apart.py").write_text("Y = 1\n")
    monkeypatch.setattr(steps, "project_root", lambda: tmp_path)
    steps.module_closure.cache_clear()
    yield root
    steps.module_closure.cache_clear()


@pytest.mark.parametrize(
    ("changed", "matters"),
    [("a.py", True), ("b.py", True), ("c/deep.py", True), ("c/__init__.py", True), ("apart.py", False)],
)
def test_the_code_of_a_module_is_all_that_it_imports(package, changed, matters):
    before = steps.module_closure("pipelines.a")
    (package / changed).write_text((package / changed).read_text() + "Z = 2\n")
    steps.module_closure.cache_clear()
    assert (steps.module_closure("pipelines.a") != before) == matters


def test_the_code_of_a_model_holds_every_module_that_the_interpreter_loads_for_it():
    module = "pipelines.models.survey_association"
    script = (
        f"import sys, {module}\n"
        "print(*(n for n, m in sys.modules.items() if n.startswith('pipelines') and "
        "not m.__file__.endswith('__init__.py')))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    names = steps.module_closure(module).split("\x1f")[::2]
    assert len(loaded) > 5
    assert set(loaded) <= set(names)
    assert PythonProducer(f"{module}:effect_estimates").code() == steps.module_closure(module)


def test_the_plan_makes_every_input_before_it_is_read():
    made = set(plan.MADE_ELSEWHERE)
    for step in plan.steps():
        assert set(step.inputs) <= made, step.table
        made.add(step.table)
    assert made == set(CONTRACTS)


def test_a_query_without_a_contract_or_with_another_grain_is_refused(tmp_path):
    (tmp_path / "staging").mkdir()
    for name, head in (
        ("nothing", "-- grain: one row per person\n-- unit: person\n"),
        ("person", "-- grain: one row per visit\n-- unit: person\n"),
        ("death", "-- grain: one row per deceased person\n-- unit: population\n"),
    ):
        path = tmp_path / "staging" / f"{name}.sql"
        path.write_text(head + "select 1 from raw.nhanes_demo")
        with pytest.raises(SqlFileError, match=str(path)):
            from_sql(read(path))


def test_a_code_list_with_other_columns_is_refused(tmp_path):
    (tmp_path / "ref").mkdir()
    path = tmp_path / "ref" / "drug.csv"
    path.write_text("drug_name,dose\nx,1\n")
    step = from_csv(path)
    assert isinstance(step, Step) and step.table == "ref.drug"
    with pytest.raises(ValueError, match=str(path)):
        read_csv(path, step.contract)
