"""A run that Dagster started and that takes too long: its process ends, with its workers, and the home is free."""

import subprocess
import sys
import time
from pathlib import Path

from pipelines.errors import Busy
from pipelines.settings import Settings
from pipelines.warehouse.lock import writing

WAIT_SECONDS = 120
# It and its worker sleep longer than the test waits; a forked worker holds the home as its parent does.
OVERDUE = """
import sys, time
from multiprocessing import get_context
from pathlib import Path
import dagster as dg
from assets.run_worker import at_work
from pipelines.settings import Settings

with at_work(Settings(Path(sys.argv[1]), most_hours=0.5 / 3600), dg.DagsterRun(job_name="nightly")):
    get_context("fork").Process(target=time.sleep, args=(600,)).start()
    time.sleep(600)
"""


def is_free(home: Path) -> bool:
    try:
        with writing(Settings(home)):
            return True
    except Busy:
        return False


def test_a_run_that_never_ends_is_ended_with_its_workers_and_leaves_the_home_free(tmp_path):
    command = [sys.executable, "-c", OVERDUE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    assert done.returncode == 1 and "took longer than" in done.stderr
    deadline = time.monotonic() + 10
    while not is_free(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_free(tmp_path)
