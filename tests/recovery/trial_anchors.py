"""Published trials asked of the pipeline: their arms given by lot to simulated people, landed, followed and compared from files.

The mechanism is calibrated to these trials (docs/simulator-calibration.md); whether the pipeline, which sees records only, gives
the contrasts back is asked here. Everybody is in one arm, drawn by lot, keeps to it, and gets no bone drug, as in the trials.
Run as a script, `python tests/recovery/trial_anchors.py SCRATCH`, it writes `trial_anchors.json`, which the test beside reads.
"""

import json
import runpy
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.synth import draws
from pipelines.synth.calibration.populations import TRIALS
from pipelines.synth.mechanism.life import Lives
from pipelines.synth.mechanism.people import Design, make_people
from pipelines.synth.mechanism.regimes import Regime
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import Parameters, Value
from pipelines.trials import study as studies_of_files

HERE = Path(__file__).parent
open_gate = runpy.run_path(str(HERE / "open_gate.py"))
FROZEN = HERE / "trial_anchors.json"
SEED = 7
#: scans come often and alike to all, and nobody was treated before entry
_OFTEN: dict[str, Value] = {
    "difficulty.informative_dxa": False,
    "difficulty.prevalent_users": False,
    "monitoring.scan_gap_steps": 5.0,
    "monitoring.scan_probability": 0.5,
    "monitoring.scan_untreated_factor": 1.0,
}


@dataclass(frozen=True, slots=True)
class Question:
    """A contrast of two arms at a day, in percent, beside what the trial printed: a difference of its arms."""

    trial: str
    words: str
    outcome: str
    published: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """People by lot in the arms of a trial, how many are screened, the study that asks, days at which it asks by cohort."""

    trial: str
    arms: tuple[str, ...]
    screened: int
    changes: dict[str, Value]
    study: Path
    days: dict[tuple[str, str], tuple[int, ...]]  # (cohort, comparator): horizons
    questions: tuple[Question, ...]


_STUDIES = studies_of_files.folder()
_AI = "aromatase_inhibitor vs"
SPINE, HIP = "lumbar_spine_bmd_change_pct", "total_hip_bmd_change_pct"
PRIMARY = ("aipw", "clone_censor_weight")
ANCHORS = {
    "ai_vs_tamoxifen": Anchor(
        "adjuvant",
        ("anastrozole", "tamoxifen", "none"),
        40_000,
        _OFTEN | {"monitoring.scan_at_start": 0.5},
        _STUDIES / "ai_vs_tamoxifen.toml",
        # the window ends with the treatment, at 60 months: after it bone comes back
        {("active_comparator", "tamoxifen"): (1736,), ("surgery", "none"): (1096,)},
        (
            Question("ATAC (Eastell 2008)", f"{_AI} tamoxifen, 57 months, cohort active_comparator", SPINE, -6.08 - 2.77),
            Question("ATAC (Eastell 2008)", f"{_AI} tamoxifen, 57 months, cohort active_comparator", HIP, -7.24 - 0.74),
            Question("IBIS-II (Sestak 2014)", f"{_AI} none, 36 months, cohort surgery", SPINE, -4.0 + 1.2),
            Question("IBIS-II (Sestak 2014)", f"{_AI} none, 36 months, cohort surgery", HIP, -4.0 + 1.8),
        ),
    ),
    "men_older_inhibitor": Anchor(
        "men_older",
        ("anastrozole_7", "untreated"),
        8_000,
        # Everybody is scanned, and drawn ten weeks before treatment is due: a later draw would find only men who get nothing,
        # an earlier one, prompted by a complaint, nobody who begins in time.
        _OFTEN
        | {
            "people.lead_in_span_steps": 1.0,
            "monitoring.check_done_on_testosterone": 1.0,
            "monitoring.prompted_share": 0.0,
            "monitoring.bone_panel_share": 0.0,
        },
        HERE / "men_older_inhibitor.toml",
        {("first_panel", "none"): (435,)},
        (
            Question("Burnett-Bowie 2009", f"{_AI} none, 14.5 months, cohort first_panel", SPINE, -1.7 - 0.8),
        ),
    ),
}  # fmt: skip


def by_lot(anchor: Anchor, p: Parameters, seed: int, first_person: int, count: int) -> Lives:
    """Lives of those who meet the rule of the trial, each in one arm: all live in every arm, and one of their lives is kept."""
    trial = TRIALS[anchor.trial]
    screened = make_people(p, seed, first_person, count, Design())
    enrolled = screened.take(np.nonzero(trial.include(p, screened))[0]).person
    lot = np.floor(draws.uniform(seed, enrolled, "lot") * len(anchor.arms)).astype(np.int64)
    return in_arms(p, seed, first_person, count, enrolled, lot, [trial.arms[name] for name in anchor.arms])


def in_arms(
    p: Parameters, seed: int, first_person: int, count: int, person: np.ndarray, lot: np.ndarray, arms: Sequence[Regime]
) -> Lives:
    """Lives of people [n], each under the regime whose place in `arms` is his lot [n]."""
    parts = []
    for number, regime in enumerate(arms):
        lives = simulate(p, seed, first_person, count, False, regime)
        here = pl.Series(person[lot == number])
        parts.append({each.name: _of(getattr(lives, each.name), here) for each in fields(lives)})
    return Lives(
        **{name: pl.concat([part[name] for part in parts]).sort("person", maintain_order=True) for name in parts[0]}
    )


def _of(frame: pl.DataFrame, people: pl.Series) -> pl.DataFrame:
    return frame.filter(pl.col("person").is_in(people.cast(frame.schema["person"]).implode()))


def moved(study: studies_of_files.Study, days: dict[tuple[str, str], tuple[int, ...]]) -> studies_of_files.Study:
    """A study with the contrasts of an inhibitor alone, at other days."""
    kept = {}
    for contrast in study.contrast:
        for horizon in days.get((contrast.cohort, contrast.comparator), ()):
            if contrast.target == "aromatase_inhibitor":
                now = contrast.model_copy(update={"horizon_days": horizon})
                kept[now.words, now.outcome] = now
    return study.model_copy(update={"contrast": tuple(kept.values())})


def told(name: str, room: Path) -> list[dict[str, object]]:
    """What the pipeline says of the questions of an anchor, beside the published figures."""
    anchor = ANCHORS[name]
    shutil.rmtree(room, ignore_errors=True)
    changes = TRIALS[anchor.trial].changes | anchor.changes
    (room / "studies").mkdir(parents=True)
    shutil.copy(anchor.study, room / "studies")
    with open_gate["asked_alone"](partial(moved, days=anchor.days), room / "studies"):
        rows = open_gate["estimates"](room, anchor.screened, SEED, (name,), changes, partial(by_lot, anchor))
    kept = ("gate_status", "gate_reason", "estimate", "ci_low", "ci_high")
    found = []
    for asked in anchor.questions:
        here = [
            pl.col("contrast") == asked.words,
            pl.col("outcome") == asked.outcome,
            pl.col("estimator").is_in(PRIMARY),
        ]
        row = rows.filter(*here).select(kept).row(0, named=True)
        words = {"study": name, "contrast": asked.words, "outcome": asked.outcome}
        found.append({"trial": asked.trial, "published": round(asked.published, 2)} | words | row)
    return found


if __name__ == "__main__":
    scratch = Path(sys.argv[1])
    rows = [row for name in ANCHORS for row in told(name, scratch / name)]
    people = {name: anchor.screened for name, anchor in ANCHORS.items()}
    FROZEN.write_text(json.dumps({"screened": people, "seed": SEED, "anchors": rows}, indent=1) + "\n")
