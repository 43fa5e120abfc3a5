"""Known truth, 30 % of draws below the limit: falls and the time to 90 % of them are covered, and are not with the usual fill."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models.e2_time_course import fit_time_course

made = runpy.run_path(str(Path(__file__).with_name("e2_time_course_world.py")))
drawn, true_fall, T90 = made["drawn"], made["true_fall"], made["T90"]
replication = runpy.run_path(str(Path(__file__).with_name("replication.py")))
Found, FEW, MANY = (replication[name] for name in ("Found", "FEW", "MANY"))
DAYS = (1.0, 7.0, 14.0, 28.0, np.inf)
NAMES = (*DAYS, "t90")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def figures(seeds: range, form: str, **more: float) -> dict[object, Found]:
    """Coverage by the intervals as they are told (they are not symmetric), bias in SDs, mean error over SD."""
    rows = []
    for seed in seeds:
        found = fit_time_course(*getattr(drawn(seed, **more), form))
        falls = [found.fall(day) for day in DAYS]
        rows.append(
            [
                *((each.percent, each.standard_error, each.ci_low, each.ci_high) for each in falls),
                (found.t90.days, found.t90.standard_error, found.t90.ci_low, found.t90.ci_high),
            ]
        )
    estimate, error, low, high = np.moveaxis(np.array(rows), 2, 0)
    truth = np.array([*(true_fall(day) for day in DAYS), T90])
    spread = estimate.std(axis=0, ddof=1)
    covered = ((low <= truth) & (truth <= high)).mean(axis=0)
    told = zip(covered, (estimate.mean(axis=0) - truth) / spread, error.mean(axis=0) / spread, strict=True)
    return {name: Found(*map(float, each)) for name, each in zip(NAMES, told, strict=True)}


def test_a_hundred_studies_cover_the_truth() -> None:
    for name, found in figures(range(100), "arrays").items():
        assert found.lies_within(FEW), (name, found)


@pytest.mark.slow
def test_a_thousand_studies_cover_the_truth() -> None:
    for name, found in figures(range(1000), "arrays").items():
        assert found.lies_within(MANY), (name, found)


def test_the_limit_over_root_two_does_not() -> None:
    found = figures(range(40), "filled")
    assert all(found[name].coverage < FEW.coverage[0] for name in (7.0, 14.0, 28.0, np.inf, "t90")), found
    assert all(found[name].bias < -FEW.bias for name in (7.0, 14.0, 28.0, np.inf)), "the fall looks smaller than it is"


def test_a_large_study_comes_near_the_truth() -> None:
    found = fit_time_course(*drawn(1, 3000).arrays)
    for day in DAYS:
        fall = found.fall(day)
        assert abs(fall.percent - true_fall(day)) < 3 * fall.standard_error < 2.0
    assert found.t90.days == pytest.approx(T90, abs=0.15)
    assert (found.tau, found.omega) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.3, abs=0.03))
    assert found.sigma == pytest.approx([0.2], abs=0.01)


def test_people_who_do_not_fall_are_in_the_mean_and_move_no_time() -> None:
    """16 % whose estradiol does not move, as the simulator has it after Ingle 2015: no normal spread, the same mean of logs."""
    errors = []
    for seed in range(10):
        found = fit_time_course(*drawn(seed, 1000, non_suppressors=0.16).arrays)
        mean = 100 * -np.expm1((1 - 0.16) * np.log(1 - made["FALLEN"]))
        errors.append((found.fall(28).percent - mean, found.t90.days - T90))
    fall, days = np.mean(errors, axis=0)
    assert abs(fall) < 1.5
    assert abs(days) < 0.2
