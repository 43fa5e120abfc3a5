"""Counting a bucket: the short ways give what the questions themselves would.

Whole suites are counted in `test_all_faults_at_once`; what becomes of counts is in `test_judging`.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expectations import count
from expectations.count import Asked
from expectations.question import QueryQuestion, key_names, key_query
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


def test_only_questions_of_keys_are_taken_for_such() -> None:
    for table in all_tables():
        for check in load(table).checks:
            if isinstance(check.question, QueryQuestion):
                is_key = check.id == f"{table}.key"
                assert (key_names(check.question.query) is not None) == is_key, check.id
    assert key_names(KEY.query) == '"person_id", "source_row"'
    assert key_names(KEY.query + " limit 1") is None
