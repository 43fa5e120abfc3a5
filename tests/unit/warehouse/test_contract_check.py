"""A result that breaks its table's contract is refused without a value, and leaves no file behind."""

from dataclasses import replace

import dataframely as dy
import polars as pl
import pytest

from pipelines import plan
from pipelines.errors import BlockedByCheck
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS, Contract
from pipelines.tables.columns import number, person_id, text
from pipelines.warehouse.contract_check import check_contract
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import PythonProducer, SqlProducer
from pipelines.warehouse.store import Store

FACTS = RunFacts("run", "nhanes", (), "white_female", 11, "simulated")
HEAD = "-- grain: one row per person\n-- unit: person\n"
PERSON = """
select range::bigint + 8815550000 as person_id, 'female' as sex_code, 44.5 as age_years, false as is_age_top_coded,
       'Ruritanian-7731' as race_ethnicity_code, null::bigint as birth_year, null::date as entered_on,
       'D/DEMO.parquet' as source_file, range + 1 as source_row,
       'nhanes' as source_id, 'drop' as drop_id
from range(5)
"""
SECRETS = ("Ruritanian", "7731", "881555", "44.5", "zzz")


@pytest.fixture
def made(empty_home, tmp_path):
    """Runs `staging.person` from another query in an empty home; the rows of its file."""

    def run(query):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sql"
        path.write_text(HEAD + query)
        step = replace(plan.step("staging.person"), inputs=(), producer=SqlProducer(path))
        with Runner(empty_home, FACTS) as runner:
            return runner.bring_up_to_date(step).rows

    return run


def test_a_result_that_keeps_the_contract_is_stored(made, empty_home):
    assert made(PERSON) == 5
    (path,) = Store(empty_home).files("staging.person")
    assert pl.read_parquet_schema(path) == {
        c.name: {
            "BIGINT": pl.Int64,
            "DOUBLE": pl.Float64,
            "VARCHAR": pl.String,
            "BOOLEAN": pl.Boolean,
            "DATE": pl.Date,
        }[c.duckdb_type]
        for c in CONTRACTS["staging.person"].columns
    }


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ("* replace (null as source_file)", "5 rows where source_file is NULL"),
        ("* replace (null as person_id)", "5 rows where person_id is NULL"),
        ("* replace (if(source_row = 2, null, sex_code) as sex_code)", "1 rows where sex_code is NULL"),
        ("* replace (8815550009 as person_id)", r"1 keys \(person_id\) occur more than once"),
        ("* replace (person_id // 2 as person_id)", r"2 keys \(person_id\) occur more than once"),
        ("* replace ('zzz' as sex_code)", "5 rows where sex_code is not one of its codes"),
        ("* exclude (sex_code)", r"columns missing: \['sex_code'\]; not in the contract: \[\]"),
        ("*, 1 as zodiac", r"columns missing: \[\]; not in the contract: \['zodiac'\]"),
        ("* rename (sex_code as sex)", r"columns missing: \['sex_code'\]; not in the contract: \['sex'\]"),
    ],
)
def test_a_result_that_breaks_the_contract_is_refused(made, empty_home, select, says):
    made(PERSON)
    with pytest.raises(BlockedByCheck, match=says) as refused:
        made(f"select {select} from ({PERSON})")
    assert str(refused.value).startswith("staging.person")
    assert not any(secret in str(refused.value) for secret in SECRETS)
    files = [p for p in empty_home.data.rglob("*") if p.is_file()]
    assert all(len(pl.read_parquet(p)) == 5 and p == Store(empty_home).files("staging.person")[0] for p in files)


def test_every_problem_is_named_at_once(made):
    with pytest.raises(BlockedByCheck, match="source_file is NULL.*sex_code is not one of its codes.*more than once"):
        made(f"select * replace (null as source_file, 'zzz' as sex_code, 7 as person_id) from ({PERSON})")


def test_a_text_where_a_number_belongs_is_refused_without_its_value(made):
    with pytest.raises(Exception) as refused:
        made(f"select * replace (race_ethnicity_code as age_years) from ({PERSON})")
    assert isinstance(refused.value, BlockedByCheck)
    assert not any(secret in str(refused.value) for secret in SECRETS)


class Measured(dy.Schema):
    """Two columns."""

    person_id = person_id()
    e2_pg_ml = number("Estradiol", "pg/mL", minimum=0)
    arm_code = text("Arm", allowed=("a", "b"))


MEASURED = Contract("features.measured", Measured, "one row per person", "population", "")
FRAMES = {
    "extra": pl.DataFrame({"person_id": [1], "e2_pg_ml": [1.0], "arm_code": ["a"], "more": [1]}),
    "missing": pl.DataFrame({"person_id": [1], "e2_pg_ml": [1.0]}),
    "code": pl.DataFrame({"person_id": [1], "e2_pg_ml": [1.0], "arm_code": ["zzz"]}),
    "null": pl.DataFrame({"person_id": [1], "e2_pg_ml": [None], "arm_code": ["a"]}),
    "repeated": pl.DataFrame({"person_id": [4711, 4711], "e2_pg_ml": [1.0, 2.0], "arm_code": ["a", "a"]}),
    "nan": pl.DataFrame({"person_id": [1], "e2_pg_ml": [float("nan")], "arm_code": ["a"]}),
    "infinite": pl.DataFrame({"person_id": [1], "e2_pg_ml": [float("inf")], "arm_code": ["a"]}),
}


@pytest.mark.parametrize(
    "name",
    [
        *("extra", "missing", "code", "null", "repeated"),
        *(name for name in ("nan", "infinite")),
    ],
)
def test_a_frame_that_breaks_the_contract_is_refused(empty_home, monkeypatch, name):
    monkeypatch.setitem(CONTRACTS, "features.measured", MEASURED)
    monkeypatch.setattr(PythonProducer, "resolve", lambda self: lambda inputs, facts: FRAMES[name].lazy())
    step = replace(plan.step("mart.attrition"), table="features.measured", inputs=())
    with Runner(empty_home, FACTS) as runner, pytest.raises(BlockedByCheck, match=r"features\.measured") as refused:
        runner.bring_up_to_date(step)
    assert "4711" not in str(refused.value) and "zzz" not in str(refused.value)
    assert Store(empty_home).files("features.measured") == ()


def test_a_stored_file_can_be_checked_alone(empty_home, tmp_path):
    pl.DataFrame({"person_id": [2, 1], "e2_pg_ml": [0.0, 3.5], "arm_code": ["a", "b"]}).write_parquet(tmp_path / "f")
    check_contract(tmp_path / "f", MEASURED, empty_home)
