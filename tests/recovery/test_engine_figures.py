"""The frozen figures of engines: whole ones keep within the bands, naive ones do not, and three replications come out again."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
script = runpy.run_path(str(HERE / "engine_figures.py"))
judged = runpy.run_path(str(HERE / "replication.py"))
CASES = list(script["cases"]())
ROWS = {row["key"]: row for row in json.loads(script["FROZEN"].read_text())}
FROZEN = [case for case in CASES if case.key in ROWS]
WHOLE, NAIVE = [c for c in FROZEN if not c.naive], [c for c in FROZEN if c.naive]
#: outside the bands for a reason that docs/validation.md tells
TOLD = {"test_clone_weighting.py | clone-censor-weight | means, few alike | "}
TOLD |= {"test_clone_weighting.py | clone-censor-weight, weights cut at 50 | means, few alike | "}
#: bands of 5 % of straight lines called bent: 2,000 replications, and 200
OF_A_KINK = {True: (0.935, 0.965), False: (0.895, 0.99)}
modules: dict[str, dict] = {}


def within(case, bands) -> bool:
    coverage, bias, ratio = ROWS[case.key]["figures"]
    if case.engine.endswith("test of a kink"):
        bands = bands._replace(coverage=OF_A_KINK[not case.naive])
    no_figure = judged["Found"](coverage, bias or 0.0, 1.0 if ratio is None else ratio)
    return no_figure.lies_within(bands)


def test_no_case_is_told_twice_and_none_is_frozen_that_is_no_case() -> None:
    keys = [case.key for case in CASES]
    assert len(keys) == len(set(keys)) and set(ROWS) <= set(keys)
    assert all(ROWS[case.key]["replications"] == case.n for case in FROZEN)


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.key)
def test_engines_keep_within_the_bands(case) -> None:
    assert within(case, judged["MANY"]) != (case.key in TOLD), ROWS[case.key]


@pytest.mark.parametrize("case", NAIVE, ids=lambda case: case.key)
def test_naive_forms_do_not(case) -> None:
    assert not within(case, judged["FEW"]), ROWS[case.key]


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.key)
def test_three_replications_come_out_again(case) -> None:
    if case.file not in modules:
        modules[case.file] = runpy.run_path(str(HERE / case.file))
    with threadpool_limits(1):
        found = case.run(modules[case.file], script["AGAIN"])
    expected = [np.nan if each is None else each for each in ROWS[case.key]["of_three"]]
    assert list(found) == pytest.approx(expected, rel=1e-3, abs=1e-6, nan_ok=True)
