"""From files to intervals in forty worlds whose answers are drawn: which of them hold the truth that is opened afterwards.

For every seed the strength of the effects is drawn, 10,000 people are simulated, landed, staged, followed and compared by the
pipeline as it is, but for questions that are not asked here; only then the truth of that world is computed. Run as a script,
`python tests/recovery/drawn_worlds.py SCRATCH [first [last]]` makes what is missing of the seeds from first to last, a file a
seed, and may be stopped and called again; with `--freeze` it gathers them into `drawn_worlds.json`, which the test beside reads.
"""

import json
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.settings import Settings
from pipelines.synth.parameters import Parameters, load_parameters
from pipelines.synth.studies import adjuvant_arms, studies
from pipelines.synth.truth import run_study
from pipelines.trials import study as studies_of_files
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
open_gate = runpy.run_path(str(HERE / "open_gate.py"))
SEEDS, PERSONS, TRUTH_PERSONS, TRUTH_SEED = 40, 10_000, 10_000, 1_000
FROZEN = HERE / "drawn_worlds.json"
STUDIES = ("ai_metabolic", "ai_vs_tamoxifen", "bone_turnover")
#: Two thirds need adjuvant treatment, and are looked at often enough for 10,000 people to tell. Who is treated and who is scanned
#: depends on nothing that no record holds: with frailty that no one wrote down, or scans that follow a loss not yet seen, no
#: method holds the truth.
WORLD = {
    "people.share_breast_cancer_adjuvant": 0.65,
    "people.share_male_testosterone": 0.0,
    "people.share_female_testosterone": 0.0,
    "people.share_restart": 0.0,
    "difficulty.unmeasured_confounder": False,
    "difficulty.informative_dxa": False,
    "monitoring.scan_gap_steps": 5.0,
    "monitoring.scan_probability": 0.5,
    "monitoring.scan_untreated_factor": 1.0,
    "monitoring.bone_panel_share": 0.9,
    "monitoring.bone_panel_with_scan": 0.9,
    "monitoring.metabolic_panel_share": 0.9,
}
#: what is drawn, evenly between two ends; one of them is no effect or nearly none, or they lie on both sides of it
DRAWN = {
    "bone.lumbar_spine_fast_women": (-3.5, -0.3),
    "bone.lumbar_spine_slow_women": (-0.6, 0.0),
    "bone.lumbar_spine_tamoxifen_fast": (0.0, 4.0),
    "turnover.ctx_per_deficit_women": (0.0, 0.4),
    "turnover.ctx_tamoxifen": (-0.7, 0.0),
    "laboratory.ldl_cholesterol_tamoxifen": (-0.3, 0.1),
}
#: study, outcome and horizon in months of each question
ASKED = (
    ("ai_vs_tamoxifen", "lumbar_spine_bmd_change_pct", 24.0),
    ("bone_turnover", "ctx_pg_ml", 4.5),
    ("ai_metabolic", "ldl_mg_dl", 12.0),
)
ARMS = ("aromatase_inhibitor", "tamoxifen")
COHORT = "active_comparator"
#: days after time zero on which the simulator tells a marker; those on which it was drawn lie between them
MARKER_DAYS = (84, 112, 140, 168, 196)


def world(seed: int) -> dict[str, float]:
    """The parameters of one seed: the common ones and those drawn."""
    drawn = np.random.default_rng(seed)
    return WORLD | {name: round(float(drawn.uniform(*ends)), 4) for name, ends in DRAWN.items()}


def narrowed(study: studies_of_files.Study) -> studies_of_files.Study:
    """A study with its first cohort and the questions of `ASKED` alone."""
    if study.id not in STUDIES:
        return study
    asked = tuple(each for each in study.contrast if each.cohort == COHORT and _key(study.id, each) in ASKED)
    return study.model_copy(update={"contrast": asked, "cohort": study.cohort[:1]})


def _key(study: str, contrast: studies_of_files.Contrast) -> tuple[str, str, float]:
    return study, contrast.outcome, contrast.horizon_months


def estimated(room: Path, seed: int) -> list[dict[str, object]]:
    """What the pipeline says of the asked questions in the world of a seed."""
    with open_gate["asked_alone"](narrowed):
        rows = open_gate["estimates"](room, PERSONS, seed, STUDIES, world(seed))
    kept = ("study_id", "outcome", "gate_status", "gate_reason", "estimate", "ci_low", "ci_high")
    found = []
    for study, outcome, months in ASKED:
        is_asked = [pl.col("study_id") == study, pl.col("outcome") == outcome, pl.col("horizon_months") == months]
        found.append(rows.filter(*is_asked, pl.col("estimator") == "aipw").select(kept).row(0, named=True))
    return found


def met(room: Path) -> tuple[float, np.ndarray]:
    """What the truth must be told on: mean LDL before time zero, mg/dL (the simulator knows ratios), and days of markers."""
    settings = Settings(home=room / "home", source="omop", folder=str(room / "simulated" / "omop"))
    values = Store(settings).scan("features.outcome_value").filter(pl.col("contrast_number") == 1)
    ldl = values.filter(pl.col("study_id") == "ai_metabolic").select(pl.col("baseline_value").mean()).collect().item()
    days = values.filter(pl.col("study_id") == "bone_turnover", pl.col("change").is_not_null()).select("outcome_days")
    return ldl, days.collect()["outcome_days"].to_numpy()


def true(seed: int, ldl_mg_dl: float, marker_days: np.ndarray) -> list[float]:
    """The truth of the same questions, in their order: by intention to treat, as they are asked."""
    parameters = load_parameters(None).replace(world(seed))
    spine = _difference(parameters, seed, "ai_vs_tamoxifen", ("lumbar_spine_24_months",))
    marker = _difference(parameters, seed, "bone_turnover", tuple(f"log_ctx_{days}_days" for days in MARKER_DAYS))
    ldl = _difference(parameters, seed, "ai_metabolic", ("log_ldl_cholesterol_12_months",), ldl_mg_dl)
    return [spine[0], float(np.interp(marker_days, MARKER_DAYS, marker).mean()), ldl[0]]


def _difference(
    parameters: Parameters, seed: int, name: str, values: tuple[str, ...], level: float | None = None
) -> list[float]:
    """Inhibitor less tamoxifen of each value; of a logarithm as a difference, where its `level` is given."""
    known, arms = studies(parameters)[name], adjuvant_arms()
    study = replace(
        known,
        kind="start",  # markers of turnover, too, as they come out when stops are as in life
        arms={arm: arms[arm] for arm in ARMS},
        years=2,
        bone=tuple(each for each in known.bone if each[1] <= 24),
        levels=tuple(("ctx", days) for days in MARKER_DAYS) if known.levels else (),
    )
    read = run_study(parameters, TRUTH_SEED + seed, TRUTH_PERSONS, study)
    found = []
    for value in values:
        target, comparator = (read[arm].values[value] for arm in ARMS)
        if level is not None:
            target, comparator = level * np.exp(target), level * np.exp(comparator)
        found.append(float(np.nanmean(target) - np.nanmean(comparator)))
    return found


def run(scratch: Path, seed: int) -> None:
    """One seed, unless it is there: the estimates are written down before the truth is computed."""
    made = scratch / f"{seed:02}.json"
    if made.exists():
        return
    room = scratch / f"room_{seed:02}"
    shutil.rmtree(room, ignore_errors=True)
    rows = estimated(room, seed)
    (scratch / f"{seed:02}.estimates.json").write_text(json.dumps(rows))
    told = [row | {"truth": value} for row, value in zip(rows, true(seed, *met(room)), strict=True)]
    made.write_text(json.dumps({"seed": seed, "drawn": {name: world(seed)[name] for name in DRAWN}, "answers": told}))
    shutil.rmtree(room)


def frozen() -> dict[int, dict]:
    """Seeds that stand in the file already, by number; none of another world."""
    told = json.loads(FROZEN.read_text()) if FROZEN.exists() else {"world": WORLD, "seeds": []}
    return {each["seed"]: each for each in told["seeds"]} if told["world"] == WORLD else {}


def freeze(scratch: Path) -> None:
    """Every seed that was made, here or before, in one file."""
    made = frozen() | {int(path.stem): json.loads(path.read_text()) for path in scratch.glob("[0-9][0-9].json")}
    told = {
        "persons": PERSONS,
        "truth_persons": TRUTH_PERSONS,
        "world": WORLD,
        "seeds": [made[n] for n in sorted(made)],
    }
    FROZEN.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    where, *given = sys.argv[1:]
    if given == ["--freeze"]:
        freeze(Path(where))
    else:
        first, last = (int(given[0]) if given else 0), (int(given[-1]) if given else SEEDS - 1)
        for number in sorted(set(range(first, last + 1)) - set(frozen())):
            run(Path(where), number)
            print(f"seed {number}", flush=True)
