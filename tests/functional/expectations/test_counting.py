"""Counting a bucket: the short ways give what the questions themselves would.

Whole suites are counted in `test_all_faults_at_once`; what becomes of counts is in `test_judging`.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expectations import count
from expectations.count import Asked
from expectations.question import QueryQuestion, RowQuestion, key_names, key_query
from expectations.scan import Scan, split
from expectations.suite import all_tables, load
from pipelines.settings import Settings
from pipelines.warehouse.store import Store

TABLE = "staging.observation_period"
KEY = QueryQuestion(key_query(("person_id", "source_row")), is_within_person=True)
#: the same question in other words, which no short way knows
PLAIN = QueryQuestion("select count(*) = 1 as holds from {batch} group by person_id, source_row")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", memory_gb=0.5, threads=1)


def put(settings: Settings, keys: list[tuple[int | None, int]]) -> None:
    path = Store(settings).folder(TABLE) / "0000-4095.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(keys, {"person_id": pl.Int64, "source_row": pl.Int64}, orient="row").write_parquet(path)


def counted(settings: Settings, question: QueryQuestion) -> list[tuple[int, int]]:
    found = count.count(Asked(TABLE, f"{TABLE} as judged", (), (("key", question),)), (), settings)
    assert found["stratum"].to_list() == ["all"]
    return found.select("n_violated", "n_evaluated").rows()


@pytest.mark.parametrize(
    ("keys", "violated", "evaluated"),
    [
        ([], 0, 0),
        ([(1, 1)], 0, 1),
        ([(1, 1), (1, 2), (2, 1)], 0, 3),
        ([(1, 1), (1, 2), (1, 1), (2, 1), (1, 1)], 1, 3),
        ([(3, 1)] * 4 + [(4, 1)] * 2, 2, 2),
        ([(None, 1), (None, 1), (None, 2)], 1, 2),
    ],
)
@pytest.mark.parametrize("most_sorted", [0, 4, 100])
def test_a_key_is_counted_alike_whether_hashes_are_sorted_or_grouped(
    home: Settings, monkeypatch: pytest.MonkeyPatch, keys: list, violated: int, evaluated: int, most_sorted: int
) -> None:
    monkeypatch.setattr(count, "_MOST_SORTED", most_sorted)
    put(home, keys)
    assert counted(home, KEY) == counted(home, PLAIN) == [(violated, evaluated)]


def test_different_keys_are_counted_without_grouping_them(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query would fail here, and is asked only where two rows are alike."""
    broken = replace(KEY, query=KEY.query + " having no_such_column")
    monkeypatch.setattr(count, "key_names", lambda query: '"person_id", "source_row"')
    put(home, [(1, 1), (1, 2)])
    assert counted(home, broken) == [(0, 2)]
    put(home, [(1, 1), (1, 1)])
    assert counted(home, broken) == [(None, None)]


def test_a_key_that_cannot_be_read_is_not_counted(home: Settings) -> None:
    put(home, [(1, 1)])
    assert counted(home, QueryQuestion(key_query(("nothing",)))) == [(None, None)]


def test_codes_of_laboratory_results_are_asked_of_their_combinations() -> None:
    asked = count.of_bucket(load("staging.lab_result"))
    by_codes, by_row = split(Scan(asked.table, asked.source, asked.rows))
    names = {name.rpartition(".")[2] for name, _ in by_codes.rows}
    assert {"operator_code", "assay_class_code", "operator_matches_flag", "unit_as_declared"} <= names
    assert "staging.person" not in by_codes.source and "ref.analyte" in by_codes.source
    assert not {"value", "person_id", "lab_id"} & set(by_codes.codes)
    assert {"measured_above_limit", "finite", "within_limits_of_analyte"} <= {
        n.rpartition(".")[2] for n, _ in by_row.rows
    }


def asked(holds: str, where: str = "true", *by: str) -> tuple[str, RowQuestion]:
    return f"{holds} {where}", RowQuestion(holds, where, by)


@pytest.mark.parametrize(
    ("question", "is_of_codes"),
    [
        (asked("operator = '='"), True),
        (asked("operator = '='", "lab.value is not null"), False),
        (asked("operator = '='", "true", "lab_id"), False),
        (asked("operator = '='", "true", "analyte_code"), True),
        (asked("operator is distinct from '='"), True),
        (asked("operator in (select code from ref.fill_value)"), False),
        (asked("analyte.minimum is null or operator = '='"), True),
        (asked("person.birth_year is null or operator = '='"), False),
        (asked("birth_year is null or operator = '='"), False),
    ],
)
def test_which_questions_are_of_codes(question: tuple[str, RowQuestion], is_of_codes: bool) -> None:
    table = "staging.lab_result"
    always = (asked("is_censored"), asked("not is_censored"))
    parts = split(Scan(table, count.of_bucket(load(table)).source, (*always, question)))
    assert [row for part in parts if part.codes for row in part.rows] == [*always, *[question] * is_of_codes]


def test_a_condition_of_several_rules_is_asked_once() -> None:
    scan = Scan(
        TABLE, f"{TABLE} as judged", (("a", RowQuestion("x > 0", "true")), ("b", RowQuestion("x > 0", "true", ("y",))))
    )
    assert scan.query.count("x > 0") == 1
    assert scan.bits(scan.rows[0][1]) == scan.bits(scan.rows[1][1]) == ("answers0", 1, 2)


def test_only_questions_of_keys_are_taken_for_such() -> None:
    for table in all_tables():
        for check in load(table).checks:
            if isinstance(check.question, QueryQuestion):
                is_key = check.id == f"{table}.key"
                assert (key_names(check.question.query) is not None) == is_key, check.id
    assert key_names(KEY.query) == '"person_id", "source_row"'
    assert key_names(KEY.query + " limit 1") is None
