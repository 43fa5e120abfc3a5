"""The log of a run: lines that parse, few rows left out, as many logs as summaries, and a full disk that changes nothing."""

import json
import os

from pipelines.settings import Settings
from pipelines.warehouse.run_log import SUFFIX, Event, write


def test_every_line_is_an_event_and_tells_what_applies_to_it(tmp_path):
    settings = Settings(tmp_path)
    write(settings, "run", Event("landed", rows=0, files_computed=4, files_current=1))
    write(settings, "run", Event("table", "staging.person", 500, 1.23456, 2, 1, 0))
    (log,) = settings.runs.glob(f"*{SUFFIX}")
    landed, table = (json.loads(line) for line in log.read_text().splitlines())
    assert landed.pop("time") <= table.pop("time")
    assert landed == {"event": "landed", "rows": 0, "files_computed": 4, "files_current": 1}
    counts = {"rows": 500, "seconds": 1.235, "files_computed": 2, "files_merged": 1, "files_current": 0}
    assert table == {"event": "table", "table": "staging.person", **counts}


def test_few_rows_are_left_out(tmp_path):
    write(Settings(tmp_path), "run", Event("table", "staging.death", 3))
    assert json.loads((tmp_path / "runs" / f"run{SUFFIX}").read_text())["rows"] is None


def test_the_oldest_logs_go(tmp_path):
    settings = Settings(tmp_path, keep_summaries=2)
    for number in range(4):
        write(settings, f"run{number}", Event("landed"))
        os.utime(settings.runs / f"run{number}{SUFFIX}", (number, number))
    assert sorted(path.name for path in settings.runs.iterdir()) == [f"run2{SUFFIX}", f"run3{SUFFIX}"]


def test_where_there_are_few_every_log_stays(tmp_path):
    settings = Settings(tmp_path, keep_summaries=9)
    for number in range(4):
        write(settings, f"run{number}", Event("landed"))
    assert len(list(settings.runs.iterdir())) == 4


def test_a_log_that_cannot_be_written_is_told(tmp_path, capsys):
    settings = Settings(tmp_path)
    settings.runs.write_text("no folder")
    write(settings, "run", Event("landed"))
    assert "the log of the run could not be written" in capsys.readouterr().err
