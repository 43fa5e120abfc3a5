"""A client of a published home in a process of its own: opens it again and again, asks the ten questions, writes what it saw.

Called with the home and the file to write. It ends when told on standard input, and says each build it has read.
"""

import json
import runpy
import sys
import threading
from pathlib import Path

import duckdb

#: between two openings, so that readers leave the machine to the one who publishes
PAUSE_SECONDS = 0.3
#: what every build of the test says of itself, in tables of three kinds: of the mart, of codes, and of people as a view
MARKS = """
    select
        (select min(build_id) from mart.build),
        (select list(distinct run_id) from mart.effect_estimate),
        (select list(distinct title) from ref.study),
        (select count(*) from staging.person),
        (select count(distinct build_id) from mart.build)
"""


def read(home: Path, questions: dict[int, str]) -> list:
    """What one connection sees: the marks before the ten questions and after, and how many rows they had."""
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
    seen: list[list] = []
    while not told.is_set():
        seen.append(read(home, questions))
        print(seen[-1][0][0], flush=True)
        told.wait(PAUSE_SECONDS)
    out.write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
