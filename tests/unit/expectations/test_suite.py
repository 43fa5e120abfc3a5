"""Suites load as data: generated checks, hand-written ones, and clear refusal of a file that breaks a rule."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations import suite as suites
from expectations.question import QueryQuestion, RowQuestion, tables_named, tables_of
from expectations.suite import SuiteError, all_tables, load
from pipelines.tables import CONTRACTS

STAGING = sorted(name for name in CONTRACTS if name.startswith("staging."))
GOOD: dict[str, Any] = {
    "type": "expect_rows_to_hold",
    "kwargs": {"query": "select age_years < 100 as holds from {batch} as person", "mostly": 0.9},
    "severity": "warning",
    "notes": "Hardly anybody is 100 years old",
    "meta": {"id": "staging.person.hundred", "category": "plausibility", "source": "US Census 2010"},
}


def write(folder: Path, *entries: Any, name: str = "staging.person", **more: Any) -> Path:
    path = folder / "staging" / "person.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": name, "expectations": list(entries), **more}))
    return folder


def changed(**changes: Any) -> dict[str, Any]:
    """The good entry with other values; None takes a key away, a dict is merged."""
    entry = json.loads(json.dumps(GOOD))
    for key, value in changes.items():
        if value is None:
            del entry[key]
        elif isinstance(value, dict):
            entry[key] = {k: v for k, v in (entry[key] | value).items() if v is not None}
        else:
            entry[key] = value
    return entry


def test_every_staging_contract_has_a_suite() -> None:
    assert set(STAGING) <= set(all_tables())
    assert all(table in CONTRACTS for table in all_tables())


@pytest.mark.parametrize("table", STAGING)
def test_suites_keep_the_rules(table: str) -> None:
    suite = load(table)
    ids = [check.id for check in suite.checks]
    assert len(set(ids)) == len(ids) <= suites.MOST_CHECKS
    assert all(id.startswith(f"{table}.") for id in ids)
    assert all(check.source for check in suite.checks if check.category == "plausibility" and not generated(check.id))
    assert suite.table not in suite.reads
    assert suite == load(table), "loading twice gives the same suite and fingerprint"


def generated(id: str) -> bool:
    return id.endswith(".no_future_date")  # held against the day of landing


def test_generated_checks_follow_the_contract() -> None:
    suite = load("staging.observation_period")
    checks = {check.id.rpartition(".")[2]: check for check in suite.checks}
    wanted = {"columns", "types", "required", "key", "person_known", "finite", "no_future_date", "dates_explained"}
    assert wanted <= set(checks)
    assert checks["basis_code_code"].question == RowQuestion(
        """period."basis_code" in ('examination', 'interview', 'enrolment')""", 'period."basis_code" is not null'
    )
    assert 'coalesce(period."length_days" >= 0, true)' in checks["limits"].question.holds
    assert "coalesce(period.\"starts_on\" >= date '1900-01-01', true)" in checks["limits"].question.holds
    assert "length_days is at least 0" in checks["limits"].note
    assert isinstance(checks["key"].question, QueryQuestion)
    assert checks["key"].question.is_within_person
    assert checks["person_known"].question == RowQuestion("person.sex_code is not null", "true")
    assert '"starts_on"' not in checks["required"].question.holds
    assert 'period."drop_id" is not null' in checks["required"].question.holds
    assert checks["limits"].severity == "critical"


@pytest.mark.parametrize("keys", [[(1, 1), (1, 2), (2, 1)], [(1, 1), (1, 1), (1, 2)], [(3, 1)] * 4])
def test_a_key_is_counted_once_and_broken_where_it_repeats(keys: list[tuple[int, int]]) -> None:
    asked = next(c.question for c in load("staging.observation_period").checks if c.id.endswith(".key"))
    assert isinstance(asked, QueryQuestion)
    # Of numbers that few differ in, so that hashes of different keys are equal.
    for query in (asked.query, re.sub(r"hash\(.*?\)", "person_id % 1", asked.query)):
        with duckdb.connect() as connection:
            connection.execute("create table batch (person_id bigint, span_number bigint)")
            connection.executemany("insert into batch values (?, ?)", keys)
            found = connection.execute(f"select holds from ({query.replace('{batch}', 'batch')})").fetchall()
        assert sorted(found) == sorted((n == 1,) for n in Counter(keys).values())


def test_people_who_were_set_aside_need_not_be_persons() -> None:
    for table in ("staging.person", "staging.source_row", "staging.quarantine", "staging.conservation"):
        assert f"{table}.person_known" not in {check.id for check in load(table).checks}


def test_a_suite_names_the_other_tables_it_reads(tmp_path: Path) -> None:
    query = "select true as holds from {batch} as p join staging.death as d using (person_id), ref.drug"
    suite = load("staging.person", write(tmp_path, changed(kwargs={"query": query})))
    # The manifest is asked for the day of landing by the check that every table of people gets.
    assert suite.reads == ("raw.manifest", "ref.drug", "staging.death")


def test_conditions_that_are_not_parsed_for_it_name_the_same_tables() -> None:
    inside = RowQuestion("p.year_of_birth > (select min(d.year) from staging.death as d)", "true")
    assert tables_named(inside, "{batch} as p", "staging.person") == ("staging.death", "staging.person")
    for suite in (load(table) for table in all_tables()):
        rows = [check.question for check in suite.checks if isinstance(check.question, RowQuestion)]
        everything = RowQuestion(" and ".join(f"({q.holds})" for q in rows), " and ".join(f"({q.where})" for q in rows))
        named = {name for question in rows for name in tables_named(question, suite.rows, suite.table)}
        assert named == (set(tables_of(everything, suite.rows, suite.table)) if rows else set())


def test_checks_carry_what_the_file_says(tmp_path: Path) -> None:
    check = load("staging.person", write(tmp_path, GOOD)).checks[-1]
    assert (check.id, check.table) == ("staging.person.hundred", "staging.person")
    assert (check.category, check.severity, check.threshold) == ("plausibility", "warning", 0.9)
    assert (check.note, check.source, check.context) == (
        "Hardly anybody is 100 years old",
        "US Census 2010",
        "validation",
    )
    assert check.question == QueryQuestion(GOOD["kwargs"]["query"])
    assert check.least == 1


def test_a_question_of_rows_can_be_judged_by_stratum_and_ask_what_is_joined(tmp_path: Path) -> None:
    rows = "{batch} as lab left join staging.person as person using (person_id)"
    asked = {"holds": "lab.value > 0", "where": "person.sex_code = 'male'", "by": ["lab.analyte_code"], "least": 30}
    entry = changed(kwargs=asked | {"query": None}, meta={"id": "staging.lab_result.positive"})
    path = tmp_path / "staging" / "lab_result.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"name": "staging.lab_result", "from": rows, "expectations": [entry]}))
    suite = load("staging.lab_result", tmp_path)
    assert suite.rows == rows
    assert suite.checks[-1].question == RowQuestion("lab.value > 0", "person.sex_code = 'male'", ("lab.analyte_code",))
    assert suite.checks[-1].least == 30
    assert "staging.person" in suite.reads


def test_fingerprint_changes_with_anything_a_reader_or_a_verdict_depends_on(tmp_path: Path) -> None:
    variants = [
        GOOD,
        changed(kwargs={"mostly": 0.91}),
        changed(severity="info"),
        changed(notes="Nobody is 100"),
        changed(kwargs={"query": "select age_years < 101 as holds from {batch} as person"}),
    ]
    fingerprints = {load("staging.person", write(tmp_path, entry)).fingerprint for entry in variants}
    assert len(fingerprints) == len(variants)


BROKEN = {
    "no severity": (changed(severity=None), "severity must be one of critical, warning, info"),
    "wrong severity": (changed(severity="fatal"), "severity must be one of"),
    "no note": (changed(notes=None), "notes must say in plain words"),
    "empty note": (changed(notes="  "), "notes must say in plain words"),
    "no category": (changed(meta={"category": None}), "meta.category must be one of conformance"),
    "no meta": (changed(meta=None), "meta.id must read 'staging.person.<lower_case_name>'"),
    "no source": (changed(meta={"source": None}), "meta.source must say where the limit comes from"),
    "id of another table": (changed(meta={"id": "staging.death.hundred"}), "meta.id must read 'staging.person."),
    "id not lower case": (changed(meta={"id": "staging.person.Hundred"}), "meta.id must read"),
    "no type": (changed(type=None), "type must name an expectation"),
    "no arguments": (changed(kwargs=None), "kwargs must be an object"),
    "unknown key": (changed(id="4711"), "not known here: id"),
    "unknown fact": (changed(meta={"owner": "me"}), "not known here: meta.owner"),
    "share above 1": (changed(kwargs={"mostly": 1.2}), "mostly must lie above 0"),
    "unknown column": (
        changed(type="expect_x", kwargs={"query": None, "column": "age"}),
        "columns that staging.person has not: age",
    ),
    "least of nothing": (changed(kwargs={"least": 0}), "least must be a whole number of rows"),
    "strata in no list": (changed(kwargs={"by": "sex_code"}), "by must be a list of columns"),
    "argument not known": (changed(kwargs={"column": "sex_code"}), "arguments not known here: column"),
    "nothing that holds": (changed(kwargs={"query": None}), "kwargs must give 'holds', or a 'query'"),
    "stratum of no column": (
        changed(kwargs={"query": None, "holds": "true", "by": ["colour"]}),
        "no table has, or several",
    ),
    "stratum of a table": (changed(type="expect_x", kwargs={"query": None, "by": ["sex_code"]}), "judged by stratum"),
    "broken condition": (changed(kwargs={"query": None, "holds": "age >"}), "SQL: staging.person:"),
    "query beside the table": (changed(kwargs={"query": "select true as holds from staging.death"}), "{batch}"),
    "stray brace": (changed(kwargs={"query": "select 'a{2}' as holds from {batch}"}), "no brace but those of {batch}"),
    "broken query": (changed(kwargs={"query": "select holds form {batch}"}), "SQL: staging.person:"),
    "query of no table": (changed(kwargs={"query": "select true from {batch}, staging.nil"}), "staging.nil"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_entries_are_refused_by_name(tmp_path: Path, case: str) -> None:
    entry, complaint = BROKEN[case]
    with pytest.raises(SuiteError) as refused:
        load("staging.person", write(tmp_path, entry))
    assert complaint in str(refused.value)
    assert "person.json" in str(refused.value)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as refused:
        load("staging.person", write(tmp_path, changed(severity=None), changed(notes=None)))
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("staging.person as p", "'from' must read"),
        ("{batch} as p join staging.death as d using (person_id)", "'from' must read"),
        ("{batch} as p left join staging.lab_result as l using (person_id)", "may not join staging.lab_result"),
    ],
)
def test_rows_may_not_be_lost_or_counted_twice(tmp_path: Path, rows: str, complaint: str) -> None:
    with pytest.raises(SuiteError, match=complaint):
        load("staging.person", write(tmp_path, GOOD, **{"from": rows}))


def test_ids_may_not_repeat(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"more than once: staging\.person\.hundred"):
        load("staging.person", write(tmp_path, GOOD, changed(notes="Again")))
    with pytest.raises(SuiteError, match=r"more than once: staging\.person\.key"):
        load("staging.person", write(tmp_path, changed(meta={"id": "staging.person.key"})))


def test_at_most_forty_checks(tmp_path: Path) -> None:
    many = [changed(meta={"id": f"staging.person.n{n}"}) for n in range(40)]
    with pytest.raises(SuiteError, match="at most 40"):
        load("staging.person", write(tmp_path, *many))


def test_files_of_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"staging\.nobody: no such table"):
        load("staging.nobody")
    with pytest.raises(SuiteError, match=r"'staging\.nobody', which is no table"):
        load("staging.person", write(tmp_path, name="staging.nobody"))
    with pytest.raises(SuiteError, match=r"the file is that of staging\.person"):
        load("staging.person", write(tmp_path, name="staging.death"))
    with pytest.raises(SuiteError, match="has no suite"):
        load("staging.death", tmp_path)


def test_files_that_are_no_suite_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path) / "staging" / "person.json"
    path.write_text('{"name": "staging.person",\n "expectations": [}')
    with pytest.raises(SuiteError, match="not valid JSON: line 2"):
        load("staging.person", tmp_path)
    path.write_text("[]")
    with pytest.raises(SuiteError, match="an object with 'name' and 'expectations'"):
        load("staging.person", tmp_path)
    with pytest.raises(SuiteError, match="an object with 'name' and 'expectations'"):
        load("staging.person", write(tmp_path, meta={}))
    with pytest.raises(SuiteError, match="must be a list of objects"):
        load("staging.person", write(tmp_path, "expect_everything"))


def test_loading_and_recording_leave_great_expectations_alone() -> None:
    code = (
        "import sys, expectations, expectations.suite, expectations.judge, expectations.record\n"
        "[expectations.suite.load(table) for table in expectations.suite.all_tables()]\n"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
