"""Weights by hand: twice forty people, who keep to no inhibitor, stay and are scanned in known shares."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.models import regime_weighting
from pipelines.models.dosing_rule import never
from pipelines.models.errors import NotEstimable
from pipelines.models.regime import RegimeMeans
from pipelines.models.regime_frame import RegimeFrame
from pipelines.models.regime_weighting import apart, keeper_weights, weighted_regimes


@pytest.fixture(autouse=True)
def hardly_shrunken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares are then given back as they are."""
    monkeypatch.setattr(regime_weighting, "PENALTY", 1e-9)


def eighty() -> RegimeFrame:
    """Two periods. 20 of the 40 with x = 0 and 30 of the 40 with x = 1 begin no drug; of them four fifths stay, half are scanned.

    So keepers weigh 1 / (1/2 x 4/5 x 1/2) = 5 and 1 / (3/4 x 4/5 x 1/2) = 10/3: 8 of the former, 12 of the latter.
    """
    x = np.repeat([0.0, 1.0], 40)
    place = np.tile(np.arange(40), 2)
    keeps = place < np.where(x == 0, 20, 30)
    stays = ~keeps | (place < np.where(x == 0, 16, 24))
    seen = stays & (place % 2 == 0)
    mg = np.column_stack([np.where(keeps, 0.0, 1.0), np.where(stays, np.where(keeps, 0.0, 1.0), np.nan)])
    present = np.column_stack([np.ones(80, dtype=bool), stays])
    e2 = np.where(present, np.log(40.0), np.nan)
    none = np.zeros((80, 2, 0), dtype=bool)
    design = (x - x.mean())[:, None] / x.std()
    change = np.where(seen, 1.0 + x, np.nan)
    return RegimeFrame(
        ("bone",), pl.DataFrame({"x": x}), design, np.full(80, np.log(40.0)), mg, e2, e2, present, change, none, none, 2
    )  # fmt: skip


def test_weights_are_those_by_hand() -> None:
    frame = eighty()
    found = keeper_weights(frame, never)
    first, second = (found.values[(frame.design[:, 0] > 0) == later] for later in (False, True))
    mean = (8 * 5 + 12 * 10 / 3) / 20
    assert np.count_nonzero(first) == 8 and np.count_nonzero(second) == 12
    assert first[first > 0] == pytest.approx(5 / mean, rel=1e-5)
    assert second[second > 0] == pytest.approx(10 / 3 / mean, rel=1e-5)
    assert found.n_seen == 20 and not found.is_cut.any()
    assert found.n_effective == pytest.approx(80**2 / (8 * 25 + 12 * 100 / 9), rel=1e-5)


def test_the_mean_is_that_of_everybody() -> None:
    """Bone is 1 where x is 0 and 2 where it is 1, of as many: 1.5. Of those who kept and were scanned it is 1.6."""
    frame = eighty()
    found = weighted_regimes(frame, {"none": lambda _: never}, 7, 3)["none"]
    assert found.means.mean == pytest.approx(1.5, abs=1e-5)
    assert np.nanmean(frame.change[found.weights.values > 0]) == pytest.approx(1.6)
    assert found.means.replicates.shape == (3,) and np.ptp(found.means.replicates) > 0


def test_large_weights_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regime_weighting, "MOST_WEIGHT", 1.2)
    found = keeper_weights(eighty(), never)
    assert found.values.max() == 1.2 and found.is_cut.sum() == 8
    assert found.largest == pytest.approx(1.25, rel=1e-5)


def test_who_did_not_keep_to_it_tells_nothing() -> None:
    frame = eighty()
    other = np.where(keeper_weights(frame, never).values > 0, frame.change, frame.change + 100)
    moved = weighted_regimes(replace(frame, change=other), {"none": lambda _: never}, 7, 2)["none"]
    assert moved.means.mean == pytest.approx(1.5, abs=1e-5)


def test_a_regime_that_few_follow_is_left_out() -> None:
    few = eighty().taken(np.arange(10))
    with pytest.raises(NotEstimable, match="fewer than 10 kept"):
        keeper_weights(few, never)
    assert weighted_regimes(few, {"none": lambda _: never}, 7, 2) == {}


def test_the_gap_to_the_primary_is_of_one_resample_at_a_time() -> None:
    check = weighted_regimes(eighty(), {"none": lambda _: never}, 7, 3)["none"]
    gap = apart(check, RegimeMeans(1.0, check.means.replicates - 0.25))
    assert gap.mean == pytest.approx(0.5, abs=1e-5)
    assert gap.replicates == pytest.approx(np.full(3, 0.25))
