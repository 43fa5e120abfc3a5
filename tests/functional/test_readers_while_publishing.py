"""Three publications in a row while clients open both files and the report, and ask the ten questions: nobody fails.

Nor does anybody see a mixture. What changes from night to night is written as a run would; the slow one runs three nights.
"""

import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.run import Run
from pipelines.settings import Settings, load
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.publish import Build, publish
from pipelines.warehouse.store import Store

SCRIPT = Path(__file__).with_name("reader_process.py")
READERS = 2
NIGHTS = (1, 2, 3)
reader = runpy.run_path(str(SCRIPT))


def page(mart: Mapping[str, pl.DataFrame], out: Path) -> Path:
    """A report in a few lines, its build in the first and the last: the plots of the real one would only take time."""
    out.mkdir(parents=True)
    line = f"<p>build {mart['mart.build']['build_id'][0]}</p>"
    (out / "index.html").write_text("\n".join([line, "<p>report</p>" * 10_000, line]))
    return out / "index.html"


def mark(settings: Settings, night: int) -> int:
    """Change the working record as a run would: people, codes and estimates of this night, all told apart from others."""
    store = Store(settings)

    def rewrite(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        (path,) = store.files(table)
        frame = change(pl.read_parquet(path))
        write_frame(frame.lazy(), path, f"night-{night}")
        return frame

    rewrite("mart.effect_estimate", lambda frame: frame.with_columns(run_id=pl.lit(f"night-{night}")))
    rewrite("mart.study", lambda frame: frame.with_columns(title=pl.lit(f"night-{night}")))
    rewrite("ref.study", lambda frame: frame.with_columns(title=pl.lit(f"night-{night}")))
    return rewrite("staging.person", lambda frame: frame.head(frame.height - 10)).height


def published(settings: Settings, night: int) -> Build:
    return publish(settings, Run(settings, run_id=f"night-{night}").facts, f"drop-{night}", "code", page)


def next_build(client: subprocess.Popen[str], build_id: str) -> None:
    """Wait until a client says that it has read a build."""
    assert client.stdout is not None
    for line in client.stdout:
        if line.strip() == build_id:
            return
    raise AssertionError(f"a reader ended: {client.stderr.read() if client.stderr else ''}")


def test_nobody_fails_and_nobody_sees_a_mixture(finished: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    settings = load(home)

    def published_as_if(night: int) -> list:
        kept = mark(settings, night)
        build = published(settings, night).build_id
        return [build, [f"night-{night}"], [f"night-{night}"], kept, 1]

    marks = while_reading(home, tmp_path, published_as_if)
    assert len({tuple(map(str, each[1:])) for each in marks.values()}) == 1 + len(NIGHTS), "no two builds look alike"


@pytest.mark.slow
def test_nobody_fails_while_three_nights_run(finished: Path, drop: Path, call: Callable, tmp_path: Path) -> None:
    """Each night a file of people without ten of them: landed, computed, judged, drawn and published by the command line."""
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    given = Path(shutil.copytree(drop, tmp_path / "drop"))
    people = given / "2005-2006" / "DEMO_D.parquet"

    def night(_: int) -> list:
        rows = pl.read_parquet(people)
        rows.head(rows.height - 10).write_parquet(people)
        result = call("run", "--source", "nhanes", "--input", given, "--home", home)
        assert result.returncode == 0, result.stderr[-2000:]
        return seen_now(home)

    marks = while_reading(home, tmp_path, night)
    assert len({each[3] for each in marks.values()}) == 1 + len(NIGHTS), "each night has other people"


def seen_now(home: Path) -> list:
    with duckdb.connect(str((home / "warehouse.duckdb").resolve()), read_only=True) as connection:
        return list(connection.execute(reader["MARKS"]).fetchall()[0])


def while_reading(home: Path, tmp_path: Path, publish_night: Callable[[int], list]) -> dict[str, list]:
    """The marks of every build by its id; readers saw each as a whole or not at all, and each in its turn."""
    first = seen_now(home)
    marks = {first[0]: first}
    outs = [tmp_path / f"reader-{number}.json" for number in range(READERS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    clients = [subprocess.Popen([sys.executable, str(SCRIPT), str(home), str(out)], **pipes) for out in outs]
    try:
        for client in clients:
            next_build(client, first[0])
        for number in NIGHTS:
            mark_of = publish_night(number)
            marks[mark_of[0]] = mark_of
        for client in clients:
            next_build(client, mark_of[0])
    finally:
        ends = [client.communicate()[1] for client in clients]
    assert [client.returncode for client in clients] == [0] * READERS, ends
    for out in outs:
        seen = json.loads(out.read_text())
        for each in seen:
            before, after, rows = each["warehouse"]
            assert before == after == marks[before[0]]
            assert len(rows) == 10 and rows[0] == 1
            released, again = each["release"]
            (of,) = released[0]
            assert released == again == [[of], *marks[of][1:3]]
            (shown,) = each["report"]
            assert shown in marks
        for builds in (
            [each["warehouse"][0][0] for each in seen],
            [each["release"][0][0][0] for each in seen],
            [each["report"][0] for each in seen],
        ):
            assert builds == sorted(builds), "a later opening never sees an earlier build"
            assert {builds[0], builds[-1]} == {min(marks), max(marks)}
    return marks
