"""Memory that runs out, for an engine or for the machine: told as that, with what to do; the old files stay."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from pipelines import plan
from pipelines.errors import OutOfMemory
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.warehouse.runner import Runner
from pipelines.warehouse.step import SqlProducer, Step
from pipelines.warehouse.store import Store

FACTS = RunFacts("run", "nhanes", (), "white_female", 11, "simulated")


def person(query: Path, condition: str) -> Step:
    """A step that makes one person, once a condition was computed."""
    query.write_text(
        "-- grain: one row per person\n-- unit: person\n"
        "select 1 as person_id, 'female' as sex_code, 1.0 as age_years, false as is_age_top_coded, "
        "null as race_ethnicity_code, null as birth_year, null as entered_on, 'f' as source_file, 1 as source_row, "
        f"'s' as source_id, 'd' as drop_id where ({condition}) = 0"
    )
    return replace(plan.step("staging.person"), inputs=(), producer=SqlProducer(query))


def kill_a_worker(run: Runner) -> None:
    while "local" not in run._workers or len(run._workers["local"]._pool._processes) < 2:
        time.sleep(0.02)
    time.sleep(2)  # both are past their start: a pool that is still being filled fails in words of its own
    os.kill(next(iter(run._workers["local"]._pool._processes)), signal.SIGKILL)


def test_a_worker_that_the_system_kills_is_told_as_memory(empty_home: Settings, tmp_path: Path) -> None:
    endless = "select count(*) from range(900000000000) as n where hash(n.range) = 1"
    step = person(tmp_path / "endless.sql", endless)
    empty_home.home.mkdir()
    (empty_home.home / "layout.json").write_text('{"buckets": 2}')
    says = "staging.person: a worker process was killed.*lower .*memory_gb, threads .*nothing was published"
    with Runner(replace(empty_home, threads=2), FACTS) as run:
        Thread(target=kill_a_worker, args=[run], daemon=True).start()
        with pytest.raises(OutOfMemory, match=says):
            run.bring_up_to_date(step)
        assert not run._workers, "the next step would ask workers that are gone"
    assert Store(empty_home).files("staging.person") == ()


def test_an_engine_that_reaches_its_limit_is_told_as_memory(empty_home: Settings, tmp_path: Path) -> None:
    step = person(tmp_path / "large.sql", "select len(list(n.range)) from range(100000000) as n")
    says = "staging.person: memory ran out: raise .*memory_gb .*threads .*nothing was published"
    with Runner(replace(empty_home, memory_gb=0.1), FACTS) as run, pytest.raises(OutOfMemory, match=says):
        run.bring_up_to_date(step)
    assert Store(empty_home).files("staging.person") == ()
