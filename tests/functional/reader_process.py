"""A client of a published home in a process of its own: opens its files again and again, asks ten questions, says what it saw.

Called with the home and the file to write. It ends when told on standard input, and says each build it has read.
"""

import json
import re
import runpy
import sys
import threading
from pathlib import Path

import duckdb

#: between two openings, so that readers leave the machine to the one who publishes
PAUSE_SECONDS = 1.0
#: what every build of the test says of itself, in tables of three kinds: of the mart, of codes, and of people as a view
MARKS = """
    select
        (select min(build_id) from mart.build),
        (select list_sort(list(distinct run_id)) from mart.effect_estimate),
        (select list_sort(list(distinct title)) from ref.study),
        (select count(*) from staging.person),
        (select count(distinct build_id) from mart.build)
"""
#: the same in the file that may leave, which has no codes and no people
RELEASED = """
    select
        (select list_sort(list(distinct build_id)) from mart.build),
        (select list_sort(list(distinct run_id)) from mart.effect_estimate),
        (select list_sort(list(distinct title)) from mart.study)
"""
_BUILD = re.compile(r"\bbuild (\d{8}T\d{9})\b")


def read(home: Path, questions: dict[int, str]) -> dict[str, list]:
    """What one opening of each sees: the file of analysts, the one that may leave, and a page of the report."""
    warehouse = _warehouse(home, questions)
    with duckdb.connect(str(home / "release.duckdb"), read_only=True) as connection:
        released = [list(connection.execute(RELEASED).fetchall()[0]) for _ in range(2)]
    pages = _BUILD.findall((home / "report" / "index.html").read_text())
    return {"warehouse": warehouse, "release": released, "report": sorted(set(pages))}


def _warehouse(home: Path, questions: dict[int, str]) -> list:
    """The marks before the ten questions and after, and how many rows they had."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        before = connection.execute(MARKS).fetchall()[0]
        rows = [len(connection.execute(sql).fetchall()) for sql in questions.values()]
        after = connection.execute(MARKS).fetchall()[0]
    return [list(before), list(after), rows]


def main(home: Path, out: Path) -> None:
    guide = runpy.run_path(str(Path(__file__).with_name("analyst_guide.py")))
    questions = guide["statements"](guide["FIRST"])
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    seen: list[dict[str, list]] = []
    while not told.is_set():
        seen.append(read(home, questions))
        print(seen[-1]["warehouse"][0][0], flush=True)
        told.wait(PAUSE_SECONDS)
    out.write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
