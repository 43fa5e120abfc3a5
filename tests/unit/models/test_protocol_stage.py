"""To keep to a protocol is a stage of its own: read from features, weighed for, told by arm, and judged anew at each year."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models import bmd_trajectory
from pipelines.models.clone_frame import CloneFrame
from pipelines.models.clone_treatment import diagnose_clones, estimate_clones, prepare_clones
from pipelines.models.clone_weighting import NOTHING, CloneSpec, GraceCourse, clone_arm
from pipelines.models.contrast_frame import PROTOCOL, ContrastFrame, contrast_frame, stages_to
from pipelines.trials.study import catalogue

inputs = runpy.run_path(str(Path(__file__).with_name("test_contrast_tables.py")))["inputs"]
STUDY = catalogue()["trt_ai_addon"]
ADD_ON = next(each for each in STUDY.contrast if each.cohort == "add_on")
THRESHOLDS = dict(STUDY.diagnostics)
N = 1200


def clones(seed: int = 3) -> CloneFrame:
    """Half begin in the one interval; of those a third deviate, of the others a quarter; all the rest are measured."""
    rng = np.random.default_rng(seed)
    begins = np.arange(N) % 2 == 0
    one = np.ones(N, dtype=np.int64)
    course = GraceCourse(1, np.where(begins, 0, NOTHING), np.where(begins, 0, 1), one, np.zeros(N, dtype=bool))
    is_deviated = np.where(begins, np.arange(N) % 6 == 0, np.arange(N) % 8 == 1)
    kept = ~is_deviated
    frame = ContrastFrame(
        np.arange(N), begins, pl.DataFrame({"age_years": rng.normal(60, 8, N)}), rng.normal(-1.0 * begins, 1.0),
        stages_to(kept, kept, is_deviated), np.zeros(N, bool), np.zeros(N, bool), "change_pct", 1.0, is_deviated,
    )  # fmt: skip
    return CloneFrame(frame, course, 0, NOTHING, np.where(begins, 0.0, np.nan), 30)


def test_the_add_on_has_the_stage_and_the_co_start_has_not() -> None:
    tables = inputs(400)
    is_deviated = pl.col("person_id") % 3 == 0
    is_followed = (pl.col("person_id") % 5 != 0) & ~is_deviated
    values = tables["features.outcome_value"].with_columns(
        study_id=pl.lit(STUDY.id),
        contrast_number=pl.lit(STUDY.contrast_number(ADD_ON), pl.Int64),
        is_deviated=is_deviated,
        is_followed=is_followed,
        change=pl.when(is_followed).then(pl.col("change")),
    )
    covariates = tables["features.covariate"].with_columns(study_id=pl.lit(STUDY.id))
    given = tables | {"features.outcome_value": values, "features.covariate": covariates}
    frame = contrast_frame(given, STUDY, ADD_ON)
    who = np.arange(400)
    kept, followed, measured = frame.stages
    assert [each.name for each in frame.stages] == [PROTOCOL, "followed", "measured"]
    assert kept.asked.all() and np.array_equal(kept.passed, who % 3 != 0)
    assert np.array_equal(followed.asked, kept.passed)
    assert np.array_equal(followed.passed, (who % 3 != 0) & (who % 5 != 0))
    assert np.array_equal(measured.asked, followed.passed) and np.array_equal(
        measured.passed, np.isfinite(frame.outcome)
    )
    alone = contrast_frame(given, STUDY, STUDY.contrast[0])
    assert [each.name for each in alone.stages] == ["followed", "measured"] and alone.is_deviated is None


def test_who_kept_to_the_protocol_stands_for_who_did_not() -> None:
    frame = clones()
    for strategy, share in ((0, 2 / 3), (NOTHING, 3 / 4)):
        arm = clone_arm(frame.course, strategy, np.zeros((N, 0)), frame.frame.stages, CloneSpec(0.0))
        (decision,) = [each for each in arm.decisions if each.name == PROTOCOL]
        assert decision.chance == pytest.approx(share)
        assert np.array_equal(decision.person, np.flatnonzero(arm.is_adherent)), "of the arm's own clones alone"
        assert np.array_equal(arm.is_seen, arm.is_adherent & ~frame.frame.is_deviated)
        assert arm.weights[arm.is_seen] == pytest.approx(2 / share)


def test_how_many_kept_to_it_is_told_by_arm_where_it_is_asked() -> None:
    prepared = prepare_clones(clones())
    told = {each.diagnostic: each for each in diagnose_clones(prepared, THRESHOLDS)}
    assert told["protocol_share_target"].value == pytest.approx(2 / 3)
    assert told["protocol_share_comparator"].value == pytest.approx(3 / 4)
    assert {told[f"protocol_share_{side}"].threshold for side in ("target", "comparator")} == {None}
    assert "deviation from the protocol" in estimate_clones(prepared)[0].missing_method
    frame = clones()
    unasked = replace(frame, frame=replace(frame.frame, is_deviated=None))
    names = {each.diagnostic for each in diagnose_clones(prepare_clones(unasked), THRESHOLDS)}
    assert not {name for name in names if name.startswith("protocol_share")}


def test_at_a_year_before_the_horizon_those_deviated_by_then_are_out() -> None:
    """Of those who deviate before the horizon the first half has not yet at the year."""
    frame = clones()
    is_deviated = frame.frame.is_deviated
    assert is_deviated is not None
    early = is_deviated & (np.arange(N) >= N // 2)
    scans = bmd_trajectory.YearScans(np.where(early, np.nan, 0.0), ~early)
    there = bmd_trajectory.at_year(prepare_clones(frame), scans).frame.frame
    kept, followed, _ = there.stages
    assert np.array_equal(there.is_deviated, early)
    assert np.array_equal(kept.passed, ~early) and np.array_equal(followed.passed, ~early)
