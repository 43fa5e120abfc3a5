"""Publications that fail, die or run out of disk: what analysts see is what they saw."""

import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import BlockedByCheck
from pipelines.run import Run
from pipelines.warehouse.engine import connect_read_only
from pipelines.warehouse.publish import complete_builds, current_build, publish

BUILT_HOME = Path(__file__).parents[2] / "unit" / "warehouse" / "built_home.py"
built_home = runpy.run_path(str(BUILT_HOME))
PUBLISH = """
import os, resource, runpy, signal, sys
from pathlib import Path
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.publish import publish

settings = Settings(home=Path(sys.argv[1]), source="nhanes", memory_gb=0.5, threads=1)
write_page = runpy.run_path(sys.argv[2])["write_page"]
if sys.argv[3] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
else:
    write_page = lambda mart, out: os.kill(os.getpid(), signal.SIGKILL)
publish(settings, Run(settings).facts, "drop-2", "code-2", write_page)
"""


def publish_home(settings, build_report=built_home["write_page"]):
    return publish(settings, Run(settings).facts, "drop-1", "code-1", build_report)


@pytest.fixture(scope="module")
def published(built, tmp_path_factory):
    """A published home that no failure may change."""
    settings = built_home["copy"](built, tmp_path_factory.mktemp("published"))
    publish_home(settings)
    return settings


def seen(settings):
    """What a reader finds: build, people, and the size and time of every published file."""
    with connect_read_only((settings.home / "warehouse.duckdb").resolve()) as reader:
        people = reader.execute("select count(*), sum(age_years) from staging.person").fetchone()
        signed = reader.execute("from mart.build").fetchall()
    current = (settings.home / "current").resolve()
    files = sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in current.rglob("*") if p.is_file())
    return current_build(settings), people, signed, files


def raises(mart, out):
    out.mkdir()
    (out / "index.html").write_text("half a")
    raise RuntimeError("no font")


def writes_nothing(mart, out):
    return out


@pytest.mark.parametrize(("build_report", "error"), [(raises, RuntimeError), (writes_nothing, BlockedByCheck)])
def test_a_report_that_fails_publishes_nothing(published, build_report, error):
    before, builds = seen(published), list(published.builds.iterdir())
    with pytest.raises(error):
        publish_home(published, build_report)
    assert seen(published) == before
    assert list(published.builds.iterdir()) == builds


def test_a_first_publication_that_fails_leaves_no_links(home):
    with pytest.raises(RuntimeError):
        publish_home(home, raises)
    assert current_build(home) is None
    assert list(home.builds.iterdir()) == []
    assert not any((home.home / name).is_symlink() for name in ("current", "warehouse.duckdb", "release.duckdb"))


def in_another_process(settings, how):
    command = [sys.executable, "-c", PUBLISH, str(settings.home), str(BUILT_HOME), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_full_disk_publishes_nothing(published):
    before, builds = seen(published), list(published.builds.iterdir())
    ended = in_another_process(published, "full")
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert seen(published) == before
    assert list(published.builds.iterdir()) == builds


def test_a_killed_publication_changes_nothing_and_is_swept_by_the_next(published):
    before, complete = seen(published), complete_builds(published)
    ended = in_another_process(published, "killed")
    assert ended.returncode == -signal.SIGKILL
    assert seen(published) == before
    assert complete_builds(published) == complete
    assert len(list(published.builds.iterdir())) == len(complete) + 1
    fresh = publish_home(published)
    assert sorted(p.name for p in published.builds.iterdir()) == [*complete, fresh.build_id]
    assert seen(published)[0] == fresh.build_id
    assert seen(published)[1] == before[1]
