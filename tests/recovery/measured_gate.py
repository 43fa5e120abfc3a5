"""From files to calibrated changes: adjuvant women whose electrolytes and blood counts are drawn with every panel.

Run as a script it writes `measured_gate.json`: the measured negative controls of each comparison, what is calibrated by them and
the simulator's truth beside it. The test beside it reads that file.
"""

import json
import runpy
import sys
import tempfile
from pathlib import Path
from unittest import mock

import polars as pl

from pipelines.settings import Settings
from pipelines.synth.mechanism import laboratory
from pipelines.synth.parameters import load_parameters
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
open_gate = runpy.run_path(str(HERE / "open_gate.py"))
PERSONS, SEED = 30_000, 12
STUDIES = ("ai_metabolic", "ai_vs_tamoxifen")
FROZEN = HERE / "measured_gate.json"
WORLD = open_gate["ADJUVANT"]
#: negative controls are drawn with their panels so many times as often as the simulator has them, at most always
TIMES_AS_OFTEN = 10.0
CONTROLS = (
    *(
        "sodium",
        "potassium",
        "chloride",
        "bicarbonate",
        "magnesium",
        "mcv",
        "mchc",
        "platelets",
        "bilirubin",
        "albumin",
    ),
)
_CALIBRATED = ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")
_JUDGED = ("negative_controls", "ease", "ease_in_unit_of_outcome", "controls_covered_left_out")


def frozen(home: Path, folder: Path) -> dict[str, object]:
    """What is kept: open contrasts with what their controls say, and the truth where the simulator knows it on the scale."""
    store = Store(Settings(home=home, source="omop", folder=str(folder), threads=1, memory_gb=3))
    estimates = store.scan("models.effect_estimate").filter(pl.col("estimator").is_in(["aipw", "clone_censor_weight"]))
    judged = store.scan("models.diagnostic").filter(pl.col("diagnostic").is_in(_JUDGED)).collect()
    controls = store.scan("models.negative_control").filter(pl.col("scale").str.starts_with("SD")).collect()
    true = open_gate["truths"](load_parameters(None).replace(WORLD))
    rows = []
    for row in estimates.sort("study_id", "contrast", "outcome").collect().iter_rows(named=True):
        key = [pl.col(name) == row[name] for name in ("study_id", "contrast", "population")]
        told = judged.filter(*key, pl.col("outcome") == row["outcome"])
        name = open_gate["KNOWN"].get((row["study_id"], row["outcome"], row["horizon_months"]))
        is_known = name is not None and row["contrast"].endswith("cohort active_comparator")
        kept = (
            "study_id",
            "contrast",
            "outcome",
            "gate_status",
            "gate_reason",
            "estimate",
            "ci_low",
            "ci_high",
            *_CALIBRATED,
        )
        rows.append(
            {column: row[column] for column in kept}
            | {"findings": {each["diagnostic"]: [each["value"], each["status"]] for each in told.to_dicts()}}
            | {"truth": true.get((row["study_id"], name, row["contrast"].split(",")[0])) if is_known else None}
        )
    known = controls.filter(pl.col("estimate").is_not_null())
    return {
        "persons": PERSONS,
        "seed": SEED,
        "world": WORLD,
        "times_as_often": TIMES_AS_OFTEN,
        "contrasts": rows,
        "controls": [
            {
                "study_id": study,
                "contrast": contrast,
                "controls": part.height,
                "mean": part["estimate"].mean(),
                "covered": _covered(part, ""),
                "covered_left_out": _covered(part, "calibrated_"),
            }
            for (study, contrast), part in known.sort("study_id", "contrast").group_by(
                "study_id", "contrast", maintain_order=True
            )
        ],
    }


def _covered(rows: pl.DataFrame, prefix: str) -> float | None:
    value = rows.select(((pl.col(f"{prefix}ci_low") <= 0) & (pl.col(f"{prefix}ci_high") >= 0)).mean()).item()
    return None if value is None else float(value)


def run(room: Path) -> None:
    """The population, and every step up to the estimates."""
    often = {
        name: (laboratory._PANELS[name][0], min(1.0, TIMES_AS_OFTEN * laboratory._PANELS[name][1])) for name in CONTROLS
    }
    with mock.patch.dict(laboratory._PANELS, often):
        open_gate["estimates"](room, PERSONS, SEED, STUDIES, WORLD)


def write(room: Path) -> None:
    """Freeze what was found in the folder of a finished run."""
    FROZEN.write_text(json.dumps(frozen(room / "home", room / "simulated" / "omop"), indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        room = Path(sys.argv[1])
        if not (room / "home" / "data" / "models" / "effect_estimate").exists():
            run(room)
        write(room)
    else:
        with tempfile.TemporaryDirectory() as name:
            run(Path(name))
            write(Path(name))
