"""History of a run: written without waiting for the disk at each event, whole when it ends."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from assets.run_history import kept_open


@pytest.fixture
def engine(tmp_path: Path):
    made = create_engine(f"sqlite:///{tmp_path / 'index.db'}", poolclass=NullPool)
    with made.connect() as connection:
        connection.execute(text("pragma journal_mode = wal"))
    return made


def _write(engine, number: int) -> int:
    with engine.begin() as connection:
        connection.execute(text("create table if not exists happened (number integer)"))
        connection.execute(text(f"insert into happened values ({number})"))
        return connection.execute(text("pragma synchronous")).scalar_one()


def test_closing_leaves_the_log_until_the_end(engine, tmp_path: Path) -> None:
    log = tmp_path / "index.db-wal"
    _write(engine, 0)
    assert not log.exists()  # as SQLite does: the last to close empties the log
    with kept_open():
        assert _write(engine, 1) == 1
        assert log.exists()
        assert _write(engine, 2) == 1
    assert not log.exists()
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from happened")).scalar_one() == 3


def test_nothing_stays_changed_afterwards(engine) -> None:
    with pytest.raises(RuntimeError), kept_open():
        raise RuntimeError
    assert _write(engine, 1) == 2


def test_other_engines_are_left_alone() -> None:
    duck = create_engine("duckdb:///:memory:", poolclass=NullPool)
    with kept_open(), duck.connect() as connection:
        assert connection.execute(text("select 1")).scalar_one() == 1
