"""Covariates as columns: for these people, in their order; the study in hand kept, and gone with the rows of its step."""

import gc

import polars as pl
import pytest

from pipelines.models import covariates as module
from pipelines.models.covariates import KEY, covariates_of

ROWS = [
    ("one", 2, 1, "age", 60.0), ("one", 2, 1, "smokes", None), ("one", 1, 1, "age", 50.0), ("one", 1, 2, "age", 51.0),
    ("two", 1, 1, "age", 70.0), ("two", 1, 1, "weight", 80.0),
]  # fmt: skip


@pytest.fixture
def inputs() -> dict[str, pl.LazyFrame]:
    schema = ("study_id", "person_id", "trial_number", "covariate_code", "value")
    return {"features.covariate": pl.LazyFrame(ROWS, schema, orient="row")}


def people(*keys: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(keys, {"person_id": pl.Int64, "trial_number": pl.Int64}, orient="row")


def test_a_column_a_covariate_in_the_order_of_the_people(inputs) -> None:
    found = covariates_of(inputs, "one", people((1, 2), (2, 1), (3, 1), (1, 2)))
    assert found.to_dict(as_series=False) == {"age": [51.0, 60.0, None, 51.0], "smokes": [None] * 4}
    assert covariates_of(inputs, "one", people((1, 1)), excluded=("smokes", "no_such")).columns == ["age"]
    assert covariates_of(inputs, "two", people((1, 1))).to_dicts() == [{"age": 70.0, "weight": 80.0}]


def test_nobody_and_no_covariates(inputs) -> None:
    assert covariates_of(inputs, "one", people()).to_dict(as_series=False) == {"age": [], "smokes": []}
    assert covariates_of(inputs, "three", people((1, 1))).width == 0


def stored(*rows: tuple[int, int, str, float | None]) -> pl.LazyFrame:
    types = {"study_id": pl.String, **dict.fromkeys(KEY, pl.Int64), "covariate_code": pl.String, "value": pl.Float64}
    return pl.LazyFrame([("one", *row) for row in rows], types, orient="row")


def test_rows_as_they_are_stored_are_what_a_pivot_makes_of_them() -> None:
    keys = [(person, trial) for person in range(40) for trial in (1, 2)]
    rows = [(*key, code, key[0] + 0.5 if key[0] % 3 else None) for key in keys for code in ("age", "smokes", "weight")]
    told = module._unfolded(stored(*rows).drop("study_id"))
    assert told is not None
    assert told.cast(dict.fromkeys(("age", "smokes", "weight"), pl.Float64)).equals(
        stored(*rows).collect().pivot("covariate_code", index=KEY, values="value")
    )


@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_small_whole_numbers_take_a_byte_and_nothing_is_lost(monkeypatch, at_once: int) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    values = {
        "flag": [0.0, 1.0, None, 1.0, 0.0],
        "of_a_byte": [-128.0, 127.0, 5.0, 0.0, -1.0],
        "once_larger": [1.0, 2.0, 3.0, 128.0, 4.0],
        "once_a_fraction": [1.0, 2.0, 3.0, 4.0, 4.5],
        "unknown": [None] * 5,
    }
    rows = [(n, 1, name, told[n]) for n in range(5) for name, told in values.items()]
    inputs = {"features.covariate": stored(*rows)}
    everybody = people(*((n, 1) for n in range(5)))
    slim = module.slim_covariates_of(inputs, "one", everybody)
    assert {name for name, dtype in slim.schema.items() if dtype == pl.Int8} == {"flag", "of_a_byte", "unknown"}
    assert slim.to_dict(as_series=False) == {name: values[name] for name in sorted(values)}
    found = covariates_of(inputs, "one", everybody)
    assert set(found.dtypes) == {pl.Float64} and found.to_dict(as_series=False) == slim.to_dict(as_series=False)


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 1, "age", 1.0), (1, 1, "weight", 2.0), (2, 1, "age", 3.0)],
        [(1, 1, "age", 1.0), (1, 1, "weight", 2.0), (2, 1, "weight", 3.0), (2, 1, "age", 4.0)],
        [(1, 1, "age", 1.0), (2, 1, "age", 2.0), (1, 1, "weight", 3.0), (2, 1, "weight", 4.0)],
        [(1, 1, "age", 1.0), (1, 1, "weight", 2.0), (2, 1, "age", 3.0), (3, 1, "weight", 4.0)],
        [(1, 1, "age", 1.0), (1, 1, "weight", 2.0), (2, 1, "age", 3.0), (2, 2, "weight", 4.0)],
        [],
    ],
    ids=["one short", "another order", "by covariate", "two people", "two time zeros", "none"],
)
def test_rows_that_lie_otherwise_are_pivoted(rows) -> None:
    """What each person has is theirs, however the rows lie."""
    assert module._unfolded(stored(*rows).drop("study_id")) is None
    asked = people(*sorted({row[:2] for row in rows}))
    found = covariates_of({"features.covariate": stored(*rows)}, "one", asked)
    for number, key in enumerate(asked.iter_rows()):
        own = {code: value for *of, code, value in rows if tuple(of) == key}
        assert {name: value for name, value in found.row(number, named=True).items() if value is not None} == own


def test_a_covariate_told_twice_is_refused() -> None:
    twice = stored(*[(1, 1, "age", 1.0), (1, 1, "weight", 2.0)] * 2)
    with pytest.raises(pl.exceptions.ComputeError):
        covariates_of({"features.covariate": twice}, "one", people((1, 1)))


def test_rows_are_read_once_a_study_and_never_those_of_another_step(inputs, monkeypatch) -> None:
    read = []
    collect = pl.LazyFrame.collect
    monkeypatch.setattr(
        pl.LazyFrame, "collect", lambda self, **kw: read.append(self.collect_schema()) or collect(self, **kw)
    )

    def times(*asked: str) -> int:
        read.clear()
        for study in asked:
            covariates_of(inputs, study, people((1, 1)))
        return sum(schema.names() == [*KEY, "covariate_code"] for schema in read)

    assert times("one", "one", "two", "two", "one") == 3
    other = {"features.covariate": inputs["features.covariate"].with_columns(pl.col("value") + 1)}
    assert covariates_of(other, "one", people((1, 1)))["age"].to_list() == [51.0]
    assert covariates_of(inputs, "one", people((1, 1)))["age"].to_list() == [50.0]


def test_nothing_is_held_beyond_the_step(inputs) -> None:
    covariates_of(inputs, "one", people((1, 1)))
    assert module._in_hand
    inputs.clear()
    gc.collect()
    assert not module._in_hand
