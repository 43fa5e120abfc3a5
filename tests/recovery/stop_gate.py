"""From files to what stopping does: women who reach month 60 of an inhibitor, half of whom go on, scanned often.

Run as a script it writes `stop_gate.json`: gates, estimates by clones and the simulator's truth beside them. The test beside it
reads that file.
"""

import json
import runpy
import sys
import tempfile
from pathlib import Path

import polars as pl

from pipelines.synth.parameters import load_parameters

HERE = Path(__file__).parent
open_gate = runpy.run_path(str(HERE / "open_gate.py"))
PERSONS, SEED, TRUTH_PERSONS = 20_000, 5, 20_000
STUDY = "recovery_after_stop"
FROZEN = HERE / "stop_gate.json"
#: as many go on as stop, who goes on does not stop later (so that the truth, of both kept up, is that of the contrast), and
#: scans are frequent enough for 20,000 women to tell. They come alike to all: who gets a bone drug after month 60 is scanned
#: more often, and no covariate of time zero tells so; with that in, the spine came out 0.5 to 0.8 nearer to nothing than it is.
WORLD = open_gate["ADJUVANT"] | {
    "assignment.extended_share": 0.5,
    "assignment.switch_share": 0.0,
    "stopping.endocrine_rate": 0.0,
    "difficulty.informative_stopping": False,
    "difficulty.informative_dxa": False,
    "monitoring.scan_gap_steps": 5.0,
    "monitoring.scan_probability": 0.5,
    "monitoring.scan_untreated_factor": 1.0,
}
SITES = {"lumbar_spine_bmd_change_pct": "lumbar_spine_24_months", "total_hip_bmd_change_pct": "total_hip_24_months"}
_KEPT = ("contrast", "outcome", "gate_status", "gate_reason", "estimate", "ci_low", "ci_high")


def frozen(estimated: pl.DataFrame) -> dict[str, object]:
    """What is kept: both sites, and the truth of either."""
    true = open_gate["truths"](load_parameters(None).replace(WORLD), (STUDY,), TRUTH_PERSONS)
    rows = estimated.filter(pl.col("estimator") == "clone_censor_weight").sort("outcome").select(_KEPT).to_dicts()
    told = [row | {"truth": true[STUDY, SITES[row["outcome"]], "stop vs continue"]["difference"]} for row in rows]
    return {"persons": PERSONS, "seed": SEED, "world": WORLD, "truth_persons": TRUTH_PERSONS, "estimates": told}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found = pl.read_parquet(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as room:
            found = open_gate["estimates"](Path(room), PERSONS, SEED, (STUDY,), WORLD)
    FROZEN.write_text(json.dumps(frozen(found), indent=1) + "\n")
