"""The Dagster UI in a headless browser: a person sees layers, tables, plots and checks, and runs one study again."""

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.ui
FUNCTIONAL = runpy.run_path(str(Path(__file__).parents[1] / "functional" / "conftest.py"))
# The finished home of the functional tests, made once for all of them.
drop, first_run, finished = (FUNCTIONAL[name] for name in ("drop", "first_run", "finished"))
_START_SECONDS = 300
_RUN_SECONDS = 900


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def home(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished home, which runs may change."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("ui") / "h", symlinks=True))


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of the UI of a home."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("trabecula")), "ui", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", _START_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with served(home) as found:
        yield found


def wait_for(url: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(1)
        else:
            return
    raise TimeoutError(f"{url} did not answer")


def says(page: Any, url: str, *words: str) -> Any:
    """The page at an address, once it says all of the words; nothing has left the machine."""
    page.size(1600, 1200).send("Page.navigate", url=url)
    for word in words:
        page.until(f"document.body && document.body.innerText.includes({word!r})")
    assert page.left == []
    assert page.errors == []
    return page


def open_plot(page: Any) -> None:
    """The plot of the latest materialization, on the page of its table."""
    show = "Array.from(document.querySelectorAll('button, a')).find(each => /show markdown/i.test(each.innerText))"
    page.until(show).evaluate(f"{show}.click()")
    page.until(
        "Array.from(document.images).some(each => each.src.startsWith('data:image/png') && each.naturalWidth > 400)"
    )


def test_lineage_shows_the_layers_and_nothing_pops_up(page: Any, address: str) -> None:
    says(page, f"{address}/asset-groups", "ref", "raw", "staging", "cohort", "features", "models", "mart", "publish")
    assert page.evaluate("document.querySelectorAll('[role=dialog], .bp5-dialog, .bp4-dialog').length") == 0


def test_a_table_stands_between_what_it_is_made_of_and_what_is_made_of_it(page: Any, address: str) -> None:
    neighbours = ("lab_result", "dosing_episode", "menopausal_status", "bone_prevalence", "e2_distribution")
    says(page, f"{address}/assets/features/e2_exposure?view=lineage&lineageScope=neighbors", "e2_exposure", *neighbours)


def test_a_table_shows_its_columns_owner_and_meaning(page: Any, address: str) -> None:
    seen = says(page, f"{address}/assets/staging/lab_result?view=overview", "Laboratory results in canonical units")
    seen.until("document.body.innerText.includes('analyte_code')")
    seen.until("document.body.innerText.includes('operator')")
    seen.until("document.body.innerText.includes('made of raw.omop_measurement: visit_occurrence_id')")


def test_an_asset_shows_its_rows_and_opens_its_plot(page: Any, address: str) -> None:
    says(page, f"{address}/assets/mart/effect_estimate?view=overview", "effect_estimate", "files_computed")
    open_plot(page)
    assert page.left == []


def test_checks_are_listed_with_what_they_ask(page: Any, address: str) -> None:
    says(page, f"{address}/assets/staging/conservation?view=checks", "is_balanced", "Passed")


def test_the_age_of_the_publication_is_watched(page: Any, address: str) -> None:
    says(page, f"{address}/assets/publish?view=overview", "Freshness")


@pytest.mark.slow
def test_one_study_is_run_again_from_the_launchpad_as_it_opens(page: Any, address: str, home: Path) -> None:
    """Nothing is typed: the run config is there. The record of the study is made anew; what readers see stays."""
    published = os.readlink(home / "current")
    estimates = home / "data" / "mart" / "effect_estimate"
    before = {path: path.stat().st_mtime_ns for path in estimates.rglob("*.parquet")}
    says(page, f"{address}/locations/assets.definitions/jobs/one_study/playground", "nhanes_bone_prevalence")
    launch = "Array.from(document.querySelectorAll('button')).find(each => /^launch run/i.test(each.innerText))"
    page.until(f"{launch} && !{launch}.disabled")
    page.evaluate(f"{launch}.click()")
    page.until("location.pathname.includes('/runs/')", _RUN_SECONDS)
    page.until("document.body.innerText.includes('Success')", _RUN_SECONDS)
    assert {path: path.stat().st_mtime_ns for path in estimates.rglob("*.parquet")} != before
    assert os.readlink(home / "current") == published
