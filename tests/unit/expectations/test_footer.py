"""What footers prove is what the rows say; where they cannot tell, nothing is proved."""

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import count, footer
from expectations.count import Asked
from expectations.question import RowQuestion
from expectations.suite import load
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.store import Store

GIVEN = RowQuestion('a."n" is not null and a."x" is not null', "true")
LEAST = RowQuestion('coalesce(a."n" >= 0, true) and coalesce(a."x" >= -1.5, true)', 'a."n" is not null')
MOST = RowQuestion('coalesce(a."n" <= 9, true)', 'a."x" is not null or a."n" is not null')
DAYS = RowQuestion(
    """coalesce(a."d" >= date '1900-01-01', true) and coalesce(a."d" <= date '2300-01-01', true)""", "true"
)
NO_NAN = RowQuestion('coalesce(a."x" <= 9, true)', "true")


def write(folder: Path, *parts: dict) -> list[Path]:
    paths = [folder / f"{n}.parquet" for n in range(len(parts))]
    schema = {"n": pl.Int64, "x": pl.Float64, "d": pl.Date}
    for path, part in zip(paths, parts, strict=True):
        pl.DataFrame(part, schema=schema).write_parquet(path, row_group_size=2)
    return paths


def proved(paths: list[Path], *questions: RowQuestion) -> list[bool]:
    found = footer.read(paths, "a", questions)
    return [found.proves(question) for question in questions]


DAY = dt.date(2020, 1, 1)


def test_ends_within_the_limits_prove_them_over_all_files_and_row_groups(tmp_path: Path) -> None:
    one = {"n": [0, 1, 9], "x": [-1.5, 2.0, 3.0], "d": [DAY, DAY, None]}
    assert proved(write(tmp_path, one, one), GIVEN, LEAST, MOST, DAYS) == [True] * 4
    assert footer.read(write(tmp_path, one, one), "a", (GIVEN,)).rows == 6


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"n": [None], "x": [0.0], "d": [DAY]}, [False, False, True, True]),
        ({"n": [-1], "x": [0.0], "d": [DAY]}, [True, False, True, True]),
        ({"n": [10], "x": [0.0], "d": [DAY]}, [True, True, False, True]),
        ({"n": [1], "x": [0.0], "d": [dt.date(1899, 12, 31)]}, [True, True, True, False]),
        ({"n": [None], "x": [None], "d": [None]}, [False, False, False, True]),
    ],
)
def test_one_row_in_another_file_is_enough_to_prove_nothing(tmp_path: Path, second: dict, expected: list[bool]) -> None:
    first = {"n": [0, 1, 9], "x": [-1.5, 2.0, 3.0], "d": [DAY, DAY, DAY]}
    assert proved(write(tmp_path, first, second), GIVEN, LEAST, MOST, DAYS) == expected


def test_an_upper_limit_of_a_number_that_may_be_nan_is_never_proved(tmp_path: Path) -> None:
    paths = write(tmp_path, {"n": [1, 2], "x": [1.0, float("nan")], "d": [DAY, DAY]})
    assert proved(paths, NO_NAN) == [False]


@pytest.mark.parametrize(
    "holds",
    [
        'a."n" is not null or a."x" is not null',
        'a."n" >= 0',
        'coalesce(a."n" between 0 and 9, true)',
        'coalesce(a."missing" >= 0, true)',
        'a."missing" is not null',
        """coalesce(a."n" >= date '1900-01-01', true)""",
        'coalesce(a."d" >= 0, true)',
    ],
)
def test_another_wording_column_or_type_is_asked_of_the_rows(tmp_path: Path, holds: str) -> None:
    paths = write(tmp_path, {"n": [1, 2], "x": [1.0, 2.0], "d": [DAY, DAY]})
    assert proved(paths, RowQuestion(holds, "true")) == [False]


def test_of_a_joined_table_with_a_column_of_the_same_name_nothing_is_proved(tmp_path: Path) -> None:
    paths = write(tmp_path, {"n": [1, 2], "x": [1.0, 2.0], "d": [DAY, DAY]})
    both = RowQuestion('a."n" is not null and joined."n" is not null', "true")
    where = RowQuestion('a."n" is not null', 'joined."n" is not null')
    assert proved(paths, GIVEN, both, where) == [True, False, False]


def test_a_timestamp_is_not_compared_with_a_day(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"d": [dt.datetime(2020, 1, 1)]}).write_parquet(path)
    assert proved([path], DAYS) == [False]


def test_without_statistics_nothing_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"n": [1], "x": [1.0], "d": [DAY]}).write_parquet(path, statistics=False)
    assert proved([path], GIVEN, LEAST, MOST, DAYS) == [False] * 4


NUMBERS = st.one_of(st.none(), st.integers(-3, 12))
FLOATS = st.one_of(st.none(), st.floats(-3, 12), st.just(float("nan")))
DATES = st.one_of(st.none(), st.dates(dt.date(1899, 1, 1), dt.date(2301, 1, 1)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NUMBERS, FLOATS, DATES), min_size=1, max_size=6))
def test_what_is_proved_is_what_duckdb_counts(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]) -> None:
    numbers, floats, dates = map(list, zip(*rows, strict=True))
    path = write(tmp_path_factory.mktemp("footer"), {"n": numbers, "x": floats, "d": dates})[0]
    for question, is_proved in zip(asked := (GIVEN, LEAST, MOST, DAYS, NO_NAN), proved([path], *asked), strict=True):
        n_asked, n_broken = duckdb.execute(
            f"select count(*) filter (where {question.where}), count(*) filter (where ({question.where}) and "
            f"({question.holds}) is not true) from read_parquet('{path}') as a"
        ).fetchall()[0]
        assert not is_proved or (n_asked, n_broken) == (len(rows), 0)


def test_the_generated_questions_have_the_wording_that_footers_can_prove() -> None:
    """Were the wording of contracts' checks to change, this would say that nothing is proved any more."""
    checks = {check.id.split(".")[-1]: check.question for check in load("staging.lab_result").checks}
    for name in ("required", "limits"):
        question = checks[name]
        assert isinstance(question, RowQuestion)
        for term in question.holds.split(" and "):
            assert footer.is_known(term), term


def test_counts_are_the_same_with_and_without_footers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "staging.lab_result"
    suite, setting = load(table), Settings(home=tmp_path)
    names = [check for check in count.of_bucket(suite).rows if check[0].endswith((".required", ".limits"))]
    asked = Asked(table, f"{{batch}} as {suite.rows.split()[2]}", tuple(names), ())
    path = Store(setting).path(table, None)
    path.parent.mkdir(parents=True)
    row = {column.name: _some(column.duckdb_type) for column in CONTRACTS[table].columns}
    frame = pl.DataFrame([row] * 3, schema=CONTRACTS[table].empty().schema, orient="row")
    for spoiled in (frame, frame.with_columns(person_id=pl.Series([1, None, -5], dtype=pl.Int64))):
        spoiled.write_parquet(path)
        with_footers = count.count(asked, (), setting).sort("check_id")
        with monkeypatch.context() as patch:
            patch.setattr(footer.Footer, "proves", lambda self, question: False)
            assert count.count(asked, (), setting).sort("check_id").equals(with_footers)


def _some(duckdb_type: str) -> object:
    return {"DATE": DAY, "TIMESTAMP": dt.datetime(2020, 1, 1), "VARCHAR": "a", "BOOLEAN": True, "DOUBLE": 1.0}.get(
        duckdb_type, 1
    )
