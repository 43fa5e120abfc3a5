"""From files to risks: women after breast cancer, an inhibitor that does nothing to the heart, tamoxifen that protects it.

A world with frequent events and many who begin nothing, and a confounder that no record holds. Run as a script it writes
`event_gate.json`: gates, risks before and after calibration, negative controls, and the simulator's truth beside them. The test
beside it reads that file.
"""

import json
import runpy
import sys
import tempfile
from pathlib import Path

import polars as pl

from pipelines.settings import Settings
from pipelines.synth.parameters import load_parameters
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
open_gate = runpy.run_path(str(HERE / "open_gate.py"))
PERSONS, SEED, TRUTH_PERSONS = 30_000, 12, 40_000
STUDY, YEARS = "ai_cardiovascular", 5
FROZEN = HERE / "event_gate.json"
#: events so frequent, and drugs kept and of such effect, that 30,000 women tell; one in five begins neither drug
WORLD = open_gate["ADJUVANT"] | {
    "assignment.adjuvant_treated_share": 0.8,
    "difficulty.immortal_time": False,
    "event.heart_failure_rate_women": 25.6,
    "event.heart_failure_tamoxifen_hazard_ratio": 0.5,
    "event.myocardial_infarction_rate_women": 15.6,
    "event.venous_thromboembolism_rate_women": 20.0,
    "event.venous_thromboembolism_tamoxifen_hazard_ratio": 3.0,
}
COHORTS = {"active_comparator", "surgery"}
OUTCOMES = ("heart_failure", "myocardial_infarction", "venous_thromboembolism", "cardiovascular_death")
KEPT = (
    *("contrast", "outcome", "estimator", "gate_status", "gate_reason", "estimate", "ci_low", "ci_high"),
    *("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high"),
)


def truths() -> dict[str, dict[str, dict[str, float]]]:
    """By comparison and outcome: true difference and log ratio of risks by five years, with Monte-Carlo errors."""
    parameters = load_parameters(None).replace(WORLD)
    from pipelines.synth.studies import studies
    from pipelines.synth.truth import contrast, run_study

    study = studies(parameters)[STUDY]
    arms = run_study(parameters, open_gate["TRUTH_SEED"], TRUTH_PERSONS, study)
    return {
        f"{target} vs {comparator}": {
            outcome: contrast(study, arms[target], arms[comparator])[outcome][f"{YEARS}_years"] for outcome in OUTCOMES
        }
        for target, comparator in study.contrasts
    }


def frozen(home: Path, folder: Path) -> dict[str, object]:
    """What is kept: the five-year questions of women without earlier disease, with their controls and the truth."""
    store = Store(Settings(home=home, source="omop", folder=str(folder), threads=1, memory_gb=3))

    def of_five_years(table: str) -> pl.DataFrame:
        rows = store.scan(table).filter(pl.col("study_id") == STUDY).collect()
        in_cohort = pl.col("contrast").str.extract(r"cohort (\w+)$").is_in(sorted(COHORTS))
        return rows.filter(pl.col("contrast").str.contains(", 60 months,", literal=True) & in_cohort)

    estimates = of_five_years("models.effect_estimate").filter(
        pl.col("estimator").is_in(["risk_difference", "log_risk_ratio"]) & pl.col("outcome").is_in(OUTCOMES)
    )
    controls = of_five_years("models.negative_control").filter(pl.col("estimate").is_not_null())
    covered = [
        {
            "contrast": contrast,
            "controls": rows.height,
            "mean": rows["estimate"].mean(),
            "covered": _covered(rows, ""),
            "covered_left_out": _covered(rows, "calibrated_"),
        }
        for (contrast,), rows in controls.sort("contrast").group_by("contrast", maintain_order=True)
    ]
    rows = estimates.sort("contrast", "outcome", "estimator").select(KEPT).to_dicts()
    return {
        "persons": PERSONS,
        "seed": SEED,
        "world": WORLD,
        "truth_persons": TRUTH_PERSONS,
        "estimates": rows,
        "controls": covered,
        "truth": truths(),
    }


def _covered(rows: pl.DataFrame, prefix: str) -> float:
    return float(rows.select(((pl.col(f"{prefix}ci_low") <= 0) & (pl.col(f"{prefix}ci_high") >= 0)).mean()).item())


def write(room: Path) -> None:
    """Freeze what was found in the folder of a finished run."""
    FROZEN.write_text(json.dumps(frozen(room / "home", room / "simulated" / "omop"), indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        room = Path(sys.argv[1])
        if not (room / "home").exists():
            open_gate["estimates"](room, PERSONS, SEED, (STUDY,), WORLD)
        write(room)
    else:
        with tempfile.TemporaryDirectory() as name:
            open_gate["estimates"](Path(name), PERSONS, SEED, (STUDY,), WORLD)
            write(Path(name))
