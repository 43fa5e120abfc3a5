"""A withdrawal that dies between any two of its steps: nothing has happened, or the same command completes it."""

import json
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.run import Run
from pipelines.warehouse import tombstone, withdrawal
from pipelines.warehouse.identity import PUBLIC_KEY, person_id
from pipelines.warehouse.person_scan import rows_of, search, stored_parquet
from pipelines.warehouse.publish import publish

built_home = runpy.run_path(str(Path(__file__).parents[2] / "unit" / "warehouse" / "built_home.py"))


class Killed(BaseException):
    """Like a kill: nothing in the product catches it."""


def dies(number: int, call):
    """A function that works `number` times and dies then, before it does anything."""
    left = [number]

    def wrapped(*arguments, **named):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return call(*arguments, **named)

    return wrapped


def withdraw(settings, ids):
    withdrawal.begin(settings, "nhanes", ids)
    withdrawal.remove_rows(settings)
    return withdrawal.settle(settings)


@pytest.fixture(scope="module")
def published(built, tmp_path_factory):
    settings = built_home["copy"](built, tmp_path_factory.mktemp("published"))
    publish(settings, Run(settings, run_id="r").facts, "drop", "code", built_home["write_page"])
    return settings


@pytest.fixture
def home(published, tmp_path):
    """A published home of one's own: links stay links."""
    shutil.copytree(published.home, tmp_path / "home", symlinks=True)
    return replace(published, home=tmp_path / "home")


@pytest.fixture
def ids(home):
    path = next(Path(home.folder).rglob("DXXFEM_H.parquet"))
    people = pl.read_parquet(path)["SEQN"].head(4)
    return frozenset(person_id(PUBLIC_KEY, "nhanes", str(int(one))) for one in people)


POINTS = [
    ("note", "_note", 0),
    ("list", "tombstone.add", 0),
    ("first file", "write_query", 0),
    ("tenth file", "write_query", 10),
    ("accounts", "_account", 0),
    ("manifest", "write_population", 0),
    ("builds", "_remove_builds", 0),
    ("first build", "shutil.rmtree", 1),
    ("proof", "_prove", 0),
    ("proof is written", "_note", 1),
]


#: every other one is asked with `make test-slow`
SLOW = ("note", "first file", "accounts", "builds", "proof")


@pytest.mark.parametrize(
    ("name", "place", "number"),
    [pytest.param(*each, id=each[0], marks=[pytest.mark.slow] if each[0] in SLOW else []) for each in POINTS],
)
def test_the_same_command_completes_it(name, place, number, home, ids, monkeypatch):
    before = rows_of(home, stored_parquet(home.data), ids)["n"].sum()
    assert before > 100
    *owner, attribute = place.split(".")
    target = getattr(withdrawal, owner[0]) if owner else withdrawal
    with monkeypatch.context() as patch:
        patch.setattr(target, attribute, dies(number, getattr(target, attribute)))
        with pytest.raises(Killed):
            withdraw(home, ids)
    if name in ("note", "list"):
        assert tombstone.withdrawn(home) == frozenset()
        assert rows_of(home, stored_parquet(home.data), ids)["n"].sum() == before
    else:
        assert tombstone.withdrawn(home) == ids
        assert withdrawal.pending(home) is not None
    withdraw(home, ids)
    assert search(home, ids).is_clean
    proofs = [json.loads(path.read_text()) for path in (home.home / withdrawal.PROOFS).iterdir()]
    assert {proof["found"] for proof in proofs} == {len(ids)}
    assert all(proof["rows_before"]["raw"] > 0 for proof in proofs)
    assert {sum(proof["rows_after"].values()) for proof in proofs} == {0}


def test_a_landing_after_a_death_takes_nobody_in_and_a_publication_completes_it(home, ids, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(withdrawal, "write_query", dies(3, withdrawal.write_query))
        with pytest.raises(Killed):
            withdraw(home, ids)
    built_home["bring_up_to_date"](home)
    build = publish(home, Run(home, run_id="r").facts, "drop", "code", built_home["write_page"])
    settled = withdrawal.settle(home, build.build_id)
    assert settled.proof is not None
    assert withdrawal.pending(home) is None
    assert search(home, ids).is_clean


def test_a_death_before_the_list_leaves_no_proof(home, ids, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(tombstone, "add", dies(0, tombstone.add))
        with pytest.raises(Killed):
            withdraw(home, ids)
    assert withdrawal.settle(home).proof is None
    assert withdrawal.pending(home) is None
    assert not (home.home / withdrawal.PROOFS).exists()
