"""A step: one table, its inputs and its producer, declared once and run without any framework; and its fingerprint.

A fingerprint covers code, contract, run facts and the fingerprints of the input files, so a step runs only where it differs.
"""

import ast
import csv
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.run_facts import Inputs, RunFacts
from pipelines.settings import project_root
from pipelines.tables import CONTRACTS, Contract
from pipelines.trials.claim_rule import claim_rules
from pipelines.trials.study import catalogue
from pipelines.warehouse import sqlfile

# What a step depends on that no run can choose: the file of claims.
CLAIM_RULES = "claim_rules"
# What the day of a run decides: which waivers of its studies are in force.
WAIVERS = "waivers"


@dataclass(frozen=True, slots=True)
class SqlProducer:
    """The SELECT of one SQL file, the views it reads in the order in which they can be created, and whether it adds up."""

    path: Path
    views: tuple[sqlfile.SqlFile, ...] = ()
    adds_up: bool = False

    @property
    def query(self) -> str:
        return self.path.read_text()

    def code(self) -> str:
        return "\x1f".join((self.query, *(view.text for view in self.views)))


@dataclass(frozen=True, slots=True)
class CsvProducer:
    """A code list kept as CSV under `sql/ref`."""

    path: Path

    def code(self) -> str:
        return self.path.read_text()


@dataclass(frozen=True, slots=True)
class PythonProducer:
    """A pure function `(inputs, facts) -> LazyFrame`, named `module:function`."""

    function: str

    def resolve(self) -> Callable[[Inputs, RunFacts], pl.LazyFrame]:
        module, name = self.function.split(":")
        return getattr(importlib.import_module(module), name)

    def code(self) -> str:
        return module_closure(self.function.split(":")[0])


@dataclass(frozen=True, slots=True)
class Step:
    """One table = one step; `is_by_study` where its rows are those of its studies, family by family (`trials.family`)."""

    table: str
    inputs: tuple[str, ...]
    producer: SqlProducer | CsvProducer | PythonProducer
    depends_on: tuple[str, ...] = ()
    is_by_study: bool = False

    @property
    def contract(self) -> Contract:
        return CONTRACTS[self.table]

    @property
    def is_per_person(self) -> bool:
        return self.contract.unit == "person"

    def code_version(self) -> str:
        """Hash of producer and contract: what Dagster shows as code version."""
        parts = (self.producer.code(), self.contract.fingerprint, duckdb.__version__, pl.__version__)
        return sha256("\x1f".join(parts).encode()).hexdigest()

    def facts(self, run: RunFacts) -> dict[str, Any]:
        """The facts this step depends on; a study counts by what its file says, not by its name, and so do claims."""
        found = {name: getattr(run, name) for name in self.depends_on if name not in (CLAIM_RULES, WAIVERS)}
        if CLAIM_RULES in self.depends_on:
            found[CLAIM_RULES] = claim_rules().rules_hash
        if WAIVERS in self.depends_on:
            found[WAIVERS] = tuple(
                (name, *waiver.question, waiver.diagnostic, waiver.force(run.today))
                for name in run.studies
                for waiver in catalogue()[name].waiver
            )
        if "studies" in found:
            found["studies"] = tuple((name, catalogue().protocol_hashes[name]) for name in run.studies)
        return found

    def fingerprint(self, run: RunFacts, bucket: str, inputs: Mapping[str, tuple[str, ...]]) -> str:
        """Hash of everything that decides the file of one bucket; `inputs` are the fingerprints of the input files."""
        parts = (self.code_version(), bucket, sorted(self.facts(run).items()), sorted(inputs.items()))
        return sha256(repr(parts).encode()).hexdigest()


def from_sql(file: sqlfile.SqlFile) -> Step:
    """The step of a SQL file; its inputs are what the SQL reads."""
    contract = CONTRACTS.get(file.table)
    if contract is None:
        raise sqlfile.SqlFileError(f"{file.path}: no contract for {file.table} in pipelines/tables")
    if (contract.unit, contract.grain) != (file.unit, file.grain):
        raise sqlfile.SqlFileError(
            f"{file.path}: says '{file.grain}' / {file.unit}, the contract '{contract.grain}' / {contract.unit}"
        )
    return Step(
        file.table, sqlfile.stored_inputs(file), SqlProducer(file.path, sqlfile.views_behind(file), file.adds_up)
    )


def from_csv(path: Path) -> Step:
    """The step of a code list `sql/ref/<table>.csv`."""
    return Step(f"{path.parent.name}.{path.stem}", (), CsvProducer(path))


def read_csv(path: Path, contract: Contract) -> pl.LazyFrame:
    """A code list with the types of its contract; an empty field is NULL.

    Raises:
        ValueError: columns differ from the contract.
    """
    with path.open(newline="") as lines:
        header = next(csv.reader(lines))
    wanted = [c.name for c in contract.columns]
    if header != wanted:
        raise ValueError(f"{path}: columns are {header}; the contract says {wanted}")
    return contract.schema.cast(pl.read_csv(path, infer_schema=False)).lazy()


@lru_cache(maxsize=128)
def module_closure(module: str) -> str:
    """Source of a module and of every `pipelines` module it imports, directly or not: its code version."""
    files = _modules(project_root())
    seen: dict[str, str] = {}
    queue = [module]
    while queue:
        name = queue.pop()
        if name not in seen and name in files:
            seen[name] = files[name].read_text()
            queue.extend(_imports(seen[name]))
    return "\x1f".join(f"{name}\x1f{seen[name]}" for name in sorted(seen))


@lru_cache(maxsize=8)
def _modules(root: Path) -> Mapping[str, Path]:
    """The file of every module and package of `pipelines`, by name; the file system is asked once, not of each import."""
    files = (
        (path.relative_to(root).with_suffix("").parts, path) for path in sorted((root / "pipelines").rglob("*.py"))
    )
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for parts, path in files}


@lru_cache(maxsize=1024)
def _imports(source: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(name for name in names if name.startswith("pipelines"))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below, wherever it is nested. Expressions, nine tenths of a module, hold none."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.stmt):
            yield inner
        if not isinstance(inner, ast.expr):
            yield from _statements(inner)
