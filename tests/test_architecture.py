"""The rules of the house that import-linter cannot see."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.suite import all_tables, load
from pipelines import plan
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse import sqlfile

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("pipelines", "expectations", "assets")
PYTHON = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]
SQL = sorted(sql_root().glob("*/*.sql"))


def test_files_stay_under_400_lines() -> None:
    files = [*PYTHON, *SQL, *(ROOT / "tests").rglob("*.py")]
    assert [str(path) for path in files if len(path.read_text().splitlines()) > 400] == []


def test_no_room_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}
    assert [str(path) for path in PYTHON if path.stem in empty or empty & set(path.parts)] == []


def test_every_module_says_what_belongs_there() -> None:
    silent = [str(path) for path in PYTHON if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_sql_is_plain_and_lower_case() -> None:
    shouted = re.compile(r"\b(SELECT|FROM|WHERE|JOIN|GROUP BY|ORDER BY|CASE|WITH|UNION)\b")
    for path in SQL:
        file = sqlfile.read(path)
        code = "\n".join(line.split("--")[0] for line in file.text.splitlines())
        assert not shouted.search(code), path
        assert "{" not in code and not code.rstrip().endswith(";"), path


def test_no_python_package_stands_in_sql() -> None:
    assert list(sql_root().rglob("*.py")) == []


def test_every_table_has_one_contract_and_one_producer() -> None:
    made = {step.table for step in plan.steps()}
    assert made | plan.MADE_ELSEWHERE == set(CONTRACTS)
    assert not made & plan.MADE_ELSEWHERE


def test_contracts_say_everything() -> None:
    for contract in CONTRACTS.values():
        assert contract.grain.startswith("one row"), contract.name
        assert contract.description, contract.name
        assert contract.key or contract.name == "mart.build", contract.name
        assert [c.name for c in contract.columns if not c.meaning] == [], contract.name


#: landed rows as the source wrote them: what they hold is read, and judged, in staging, and staging.source_row and
#: staging.conservation judge that none is lost; of the raw layer its own books have suites, and what a simulator planted
BOOKS = {
    f"raw.{name}"
    for name in (
        "manifest",
        "missing_piece",
        "planted_truth",
        "previous_evidence",
        "previous_histogram",
        "rejected_row",
    )
}
#: written while publishing, after every suite was asked: verdicts on verdicts would change themselves
WRITTEN_LAST = {"mart.quality_result", "mart.quality_trend", "mart.build"}


def test_every_table_of_every_layer_has_a_suite_of_at_most_forty_checks() -> None:
    suites = {table: load(table) for table in all_tables()}
    verbatim = {name for name in CONTRACTS if name.startswith("raw.")} - BOOKS
    assert set(CONTRACTS) - set(suites) == verbatim | WRITTEN_LAST
    assert set(suites) <= set(CONTRACTS)
    assert all(0 < len(suite.checks) <= 40 for suite in suites.values())


def test_assets_depend_on_what_the_sql_reads() -> None:
    from assets.definitions import defs

    graph = defs.resolve_asset_graph()
    import dagster as dg

    for step in plan.steps():
        parents = graph.get(dg.AssetKey(step.table.split("."))).parent_keys
        assert {key.to_user_string().replace("/", ".") for key in parents} == set(step.inputs), step.table


def test_importing_the_definitions_is_light() -> None:
    code = "import sys, json, assets.definitions; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(result.stdout.splitlines()[-1]))
    assert {"great_expectations", "sklearn", "matplotlib", "scipy", "pyreadstat", "s3fs", "botocore"} & loaded == set()


def test_looking_at_published_data_does_not_start_dagster() -> None:
    code = "import sys, json, assets.cli; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(result.stdout.splitlines()[-1]))
    assert {"dagster", "great_expectations", "polars", "fsspec"} & loaded == set()


@pytest.mark.parametrize("pattern", [r"index-url", r"https?://[^ ]*/simple", r"registry\.npmjs"])
def test_no_file_names_a_package_index(pattern: str) -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    names = [ROOT / name for name in listed.stdout.splitlines()] or [ROOT / "requirements.lock"]
    texts = [p for p in names if p.is_file() and p.suffix in {".lock", ".toml", ".md", ".cfg", ".txt", ".json", ""}]
    allowed = {"run", "lock"} | {"before-stop"}
    found = [str(p) for p in texts if p.name not in allowed and re.search(pattern, p.read_text(errors="ignore"))]
    assert found == []


def test_sql_with_values_in_it_is_built_only_in_the_warehouse() -> None:
    built = re.compile(r'f"""?\s*(select|with|insert|create|copy|delete|update) ')
    allowed = {ROOT / "pipelines" / "warehouse", ROOT / "expectations"}
    found = [str(p) for p in PYTHON if not allowed & set(p.parents) and built.search(p.read_text())]
    assert found == []


def test_nothing_is_read_by_a_format_that_runs_code() -> None:
    """Pickle and its like, and evaluation of text: what lies in a home or a drop must never be able to act."""
    modules = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    builtins, methods = {"eval", "exec"}, {"read_pickle", "to_pickle", "deserialize"}
    found = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in modules for name in names):
                found.append(f"{path}: imports {names}")
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else None
                called = name or getattr(node.func, "attr", "")
                runs_code = name in builtins or called in methods
                if runs_code or any(word.arg == "allow_pickle" for word in node.keywords):
                    found.append(f"{path}:{node.lineno}: calls {called}")
                if any(word.arg == "shell" for word in node.keywords):
                    found.append(f"{path}:{node.lineno}: starts a shell")
    assert found == []


def test_every_pool_of_workers_ends_with_its_process() -> None:
    """A process that is killed tells its workers nothing: `pipelines.worker`."""
    pools = [
        (path, call)
        for path in PYTHON
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ProcessPoolExecutor"
    ]
    assert len(pools) >= 3
    bare = [str(path) for path, call in pools if "initializer" not in {given.arg for given in call.keywords}]
    assert bare == []
