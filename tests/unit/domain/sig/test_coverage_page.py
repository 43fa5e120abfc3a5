"""The published table of coverage and errors is what its script counts today, on the sets that are read by hand."""

import runpy
from pathlib import Path

import polars as pl
import pytest

METHODS = Path(__file__).parents[4] / "docs" / "methods"
script = runpy.run_path(str(METHODS / "sig_coverage.py"))
PAGE = (METHODS / "sig-coverage.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(script["SETS"]))
def test_the_page_shows_what_is_counted(name):
    count = script["of_hand_read"](name)
    assert count.line in PAGE
    assert (count.wrong_sure, count.wrong_doubted) == (0, 0)


def test_the_page_has_the_tables_of_the_script():
    assert script["HEADER"] in PAGE
    assert all(f"`{mess}` mess | " in PAGE for mess in script["MESSES"])


@pytest.mark.parametrize(
    ("read", "true", "times", "wrong"),
    [
        (7.0, 7.0, 7.0, False),
        (7.08, 7.0, 7.0, True),
        (7.0, None, 7.0, True),  # nothing was stated
        (None, 7.0, 7.0, False),  # blank is not wrong
        (2.14, 2.3, 0.23, False),  # 28 or 30.4 days a month
        (14.0, 2.0, 14.0, True),
    ],
)
def test_what_counts_as_wrong(read, true, times, wrong):
    assert script["is_wrong"](read, true, times) is wrong


def test_a_text_of_several_doses_is_wrong_where_it_is_none_of_them():
    read = pl.DataFrame(
        {
            "true": [[1.0, 7.0], [1.0], [2.0]],
            "mg_per_week": [7.0, 7.0, None],
            "times_per_week": [7.0, 7.0, None],
            "confidence_code": ["high", "medium", "low"],
        }
    )
    count = script["of_simulated"]("x", read)
    assert (count.distinct, count.sure, count.doubted, count.wrong_sure, count.wrong_doubted) == (3, 1, 1, 0, 1)
