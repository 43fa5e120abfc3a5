"""Three publications in a row while clients open the file and ask the ten questions: nobody fails, nobody sees a mixture."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines.run import Run
from pipelines.settings import Settings, load
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.publish import Build, publish
from pipelines.warehouse.store import Store

READERS = 2
NIGHTS = (1, 2, 3)


def page(mart: object, out: Path) -> Path:
    """A report in one line: the plots of the real one would only take time."""
    out.mkdir(parents=True)
    (out / "index.html").write_text("<p>report</p>")
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
    rewrite("ref.study", lambda frame: frame.with_columns(title=pl.lit(f"night-{night}")))
    return rewrite("staging.person", lambda frame: frame.head(frame.height - 10)).height


def published(settings: Settings, night: int) -> Build:
    return publish(settings, Run(settings, run_id=f"night-{night}").facts, f"drop-{night}", "code", page)


def next_build(reader: subprocess.Popen[str], build_id: str) -> None:
    """Wait until a reader says that it has read a build."""
    assert reader.stdout is not None
    for line in reader.stdout:
        if line.strip() == build_id:
            return
    raise AssertionError(f"a reader ended: {reader.stderr.read() if reader.stderr else ''}")


def test_nobody_fails_and_nobody_sees_a_mixture(finished: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    settings = load(home)
    kept = mark(settings, 0)
    people = {published(settings, 0).build_id: (0, kept)}
    script = str(Path(__file__).with_name("reader_process.py"))
    outs = [tmp_path / f"reader-{number}.json" for number in range(READERS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    readers = [subprocess.Popen([sys.executable, script, str(home), str(out)], **pipes) for out in outs]
    try:
        for reader in readers:
            next_build(reader, next(iter(people)))
        for night in NIGHTS:
            kept = mark(settings, night)
            people[published(settings, night).build_id] = (night, kept)
        for reader in readers:
            next_build(reader, list(people)[-1])
    finally:
        ends = [reader.communicate()[1] for reader in readers]
    assert [reader.returncode for reader in readers] == [0] * READERS, ends
    assert len({kept for _, kept in people.values()}) == len(people) == 1 + len(NIGHTS)
    for out in outs:
        seen = json.loads(out.read_text())
        assert len(seen) >= 3
        for before, after, rows in seen:
            assert before == after
            build_id, runs, titles, persons, builds = before
            night, kept = people[build_id]
            assert (runs, titles, persons, builds) == ([f"night-{night}"], [f"night-{night}"], kept, 1)
            assert len(rows) == 10 and rows[0] == 1
        builds_seen = [before[0] for before, _, _ in seen]
        assert builds_seen == sorted(builds_seen), "a later opening never sees an earlier build"
        assert {builds_seen[0], builds_seen[-1]} == {min(people), max(people)}
