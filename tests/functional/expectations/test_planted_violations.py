"""Every suite passes on a small valid population, and each check finds the violation that was planted for it."""

import datetime as dt
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from expectations import judge as judging
from expectations import structure
from expectations.suite import Check, all_tables, load
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
Frames = dict[str, pl.DataFrame]
population = runpy.run_path(str(HERE / "population.py"))
changes = runpy.run_path(str(HERE / "violations.py"))
violations, every = changes["VIOLATIONS"], changes["every"]
broken = runpy.run_path(str(HERE / "contract_violations.py"))["broken"]
PLANTED = {f"staging.{table}.{name}": change for table, found in violations.items() for name, change in found.items()}
TABLES = [table for table in all_tables() if table.startswith("staging.")]
CHECKS = {check.id: check for table in TABLES for check in load(table).checks}
# Every kind of generated check occurs in these tables.
EXAMPLES = ("staging.observation_period", "staging.drug_exposure")
GENERATED = {draft["meta"]["id"] for table in TABLES for draft in structure.drafts(CONTRACTS[table], "judged")}


@dataclass(frozen=True, slots=True)
class Home:
    """A home with the valid population."""

    settings: Settings
    frames: Frames

    @contextmanager
    def holding(self, changed: Frames) -> Iterator[None]:
        """The same home with other tables, put back to rights afterwards."""
        try:
            self.put(changed)
            yield
        finally:
            self.put({table: self.frames[table] for table in changed})

    def put(self, tables: Frames) -> None:
        for table, frame in tables.items():
            population["write"](frame, table, self.settings.data)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(Settings(home=tmp_path_factory.mktemp("it's a home"), memory_gb=1.0, threads=2), population["frames"]())
    made.put(made.frames)
    return made


def judge_alone(home: Home, check: Check, monkeypatch: pytest.MonkeyPatch) -> judging.CheckResult:
    """The verdict of one check, as judging its table gives it."""
    suite = replace(load(check.table), checks=(check,))
    monkeypatch.setattr(judging, "load", lambda table: suite)
    return next(r for r in judging.judge(check.table, home.settings) if r.stratum == "all")


@pytest.mark.parametrize("table", TABLES)
def test_suite_passes_on_valid_population(home: Home, table: str) -> None:
    results = judging.judge(table, home.settings)
    whole = {result.check_id: result for result in results if result.stratum == "all"}
    assert list(whole) == [check.id for check in load(table).checks]
    assert {(r.check_id, r.stratum): r.status for r in results if r.status not in ("pass", "not_applicable")} == {}
    assert all(0 <= r.n_violated <= r.n_evaluated for r in results)
    assert {name for name, r in whole.items() if r.status == "not_applicable"} == set(), (
        "each check needs rows to judge"
    )


def test_every_handwritten_check_has_a_planted_violation() -> None:
    assert set(CHECKS) - GENERATED == set(PLANTED)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_violation_is_found(home: Home, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with home.holding(PLANTED[name](home.frames)):
        result = judge_alone(home, CHECKS[name], monkeypatch)
    assert result.status == "fail"
    assert result.n_violated > (1 - result.threshold) * result.n_evaluated


@pytest.mark.parametrize("name", ["e2_range_men", "e2_range_women", "testosterone_range"])
def test_a_result_withheld_for_interference_is_in_no_range(
    home: Home, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.holding(every("lab_result", value=None)(home.frames)):
        result = judge_alone(home, CHECKS[f"staging.lab_result.{name}"], monkeypatch)
    assert (result.status, result.n_evaluated) == ("not_applicable", 0)


@pytest.mark.parametrize(
    "name", ["source_row.something_staged", "conservation.staged_where_read", "conservation.out_of_scope_share"]
)
def test_a_file_of_devices_is_not_asked_for_rows(home: Home, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted violation of each, in a file whose rows describe devices."""
    of_file = pl.col("source_file") == "demo/DEMO_H"
    devices = every("source_row", of_file, disposition="out_of_scope", reason="describes_device")(home.frames)
    with home.holding(devices | (PLANTED[f"staging.{name}"](home.frames) if "conservation" in name else {})):
        assert judge_alone(home, CHECKS[f"staging.{name}"], monkeypatch).status != "fail"


@pytest.mark.parametrize(("born", "status"), [(1950, "pass"), (1990, "fail"), (None, "not_applicable")])
def test_age_is_that_of_the_day_where_a_record_begins_at_birth(
    home: Home, born: int | None, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = every("person", age_years=0.0 if born else None, birth_year=born)(home.frames)
    dated = every("drug_exposure", started_on=dt.date(2015, 6, 1))(home.frames)
    with home.holding(people | dated):
        assert judge_alone(home, CHECKS["staging.drug_exposure.bone_drugs_from_40"], monkeypatch).status == status


@pytest.mark.parametrize(("code", "status"), [("I21.9", "pass"), ("C50.919", "pass"), ("I63.9", "fail")])
def test_leading_causes_are_known_by_their_codes_too(
    home: Home, code: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the deaths have the code, the others none of the heart or of cancer; a stroke is neither."""
    cause = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(code)).otherwise(pl.lit("R99"))
    with home.holding(every("death", cause_code=cause)(home.frames)):
        assert judge_alone(home, CHECKS["staging.death.leading_causes"], monkeypatch).status == status


def test_causes_of_death_that_are_no_icd_codes_are_not_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with home.holding(every("death", cause_code="22298006")(home.frames)):
        result = judge_alone(home, CHECKS["staging.death.leading_causes"], monkeypatch)
    assert result.status == "not_applicable"


def test_a_column_of_another_type_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "staging.observation_period"
    with home.holding({table: home.frames[table]}):
        (path,) = Store(home.settings).files(table)
        pl.read_parquet(path).with_columns(pl.col("span_number").cast(pl.Int32)).write_parquet(path)
        result = judge_alone(home, CHECKS[f"{table}.types"], monkeypatch)
    assert (result.status, result.n_violated) == ("fail", 1)


def _is_broken_by_values(name: str) -> bool:
    return CHECKS[name].table in EXAMPLES and not name.endswith(".types")


@pytest.mark.parametrize("name", sorted(name for name in GENERATED if _is_broken_by_values(name)))
def test_broken_contract_is_found(home: Home, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = CHECKS[name]
    with home.holding({check.table: broken(home.frames[check.table], check)}):
        result = judge_alone(home, check, monkeypatch)
    assert result.status == "fail"
    assert result.n_violated == 1
