"""Nights killed at random points: a few every time, the whole campaign with `make test-slow`, and what it found, frozen.

`killed.json` is of `killed.py --points 200 --in-a-row 4 --layer ref --layer staging`, `killed_everywhere.json` of
`killed.py --points 40 --in-a-row 4`.
"""

import json
from pathlib import Path

import pytest

LAYERS = ("--layer", "ref", "--layer", "staging")


def must_hold(found: dict) -> None:
    assert found["failures"] == []
    assert found["kills"] > 0
    assert found["next_night_succeeded"] == found["nights_killed"]
    assert sum(found["published_after_the_kill"].values()) == found["kills"]
    assert found["tables_compared"] > 200


@pytest.mark.parametrize(("file", "least"), [("killed.json", 200), ("killed_everywhere.json", 40)])
def test_the_frozen_campaigns_held(file, least):
    found = json.loads(Path(__file__).with_name(file).read_text())
    must_hold(found)
    assert found["kills"] >= least and found["seed"] == 20
    assert sum(found["killed_in"].values()) == found["kills"]
    # Landing, steps and publication each died.
    assert {"landing", "staging", "publishing"} <= set(found["killed_in"])
    assert found["layers"] != "all" or {"features", "models", "mart"} <= set(found["killed_in"])


@pytest.mark.timeout(3600)
def test_a_night_killed_three_times_in_a_row_ends_as_if_nothing_had_been(campaign):
    """Nights that end before their kill do not count, so a fast machine may kill fewer than three."""
    must_hold(campaign("killed.py", "--points", "3", "--in-a-row", "3", *LAYERS))


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_two_hundred_kills(campaign):
    found = campaign("killed.py", "--points", "200", "--in-a-row", "4", *LAYERS)
    must_hold(found)
    assert found["kills"] >= 200
    assert found["distinct_tables_at_work_when_killed"] > 15


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_kills_in_every_layer(campaign):
    found = campaign("killed.py", "--points", "40", "--in-a-row", "4")
    must_hold(found)
    assert {"features", "models", "mart"} <= set(found["killed_in"])
