"""From files to an open gate: adjuvant women simulated, landed, staged, followed and compared, beside the simulator's truth.

Run as a script it writes `open_gate.json`. Nothing is frozen yet, and no test reads it.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import polars as pl

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, Simulator, write_population
from pipelines.synth.parameters import Parameters, load_parameters
from pipelines.synth.studies import studies
from pipelines.synth.truth import contrast, run_study
from pipelines.trials import study as studies_of_files
from pipelines.warehouse.store import Store

PERSONS, SEED, TRUTH_PERSONS, TRUTH_SEED = 30_000, 12, 10_000, 3
STUDIES = ("ai_metabolic", "ai_vs_tamoxifen")
FROZEN = Path(__file__).with_name("open_gate.json")
#: what the simulator calls an outcome that it knows on the scale of the estimate, from the day of the first dose
KNOWN = {
    ("ai_metabolic", "systolic_bp_mm_hg", 12.0): "systolic_pressure_12_months",
    ("ai_vs_tamoxifen", "lumbar_spine_bmd_change_pct", 24.0): "lumbar_spine_24_months",
    ("ai_vs_tamoxifen", "total_hip_bmd_change_pct", 24.0): "total_hip_24_months",
}
#: everybody has breast cancer and adjuvant treatment is due: the rest of a population would only cost time
ADJUVANT = {
    "people.share_breast_cancer_adjuvant": 1.0,
    "people.share_male_testosterone": 0.0,
    "people.share_female_testosterone": 0.0,
    "people.share_restart": 0.0,
}


@contextmanager
def asked_alone(
    narrowed: Callable[[studies_of_files.Study], studies_of_files.Study], folder: Path | None = None
) -> Generator[None]:
    """Every study file read as `narrowed` leaves it, of another folder where one is given: the rest takes most of the time."""

    def read(path: Path) -> studies_of_files.Study:
        return narrowed(whole(path))

    whole, where = studies_of_files.read, folder or studies_of_files.folder()
    studies_of_files.catalogue.cache_clear()
    with (
        mock.patch.object(studies_of_files, "read", read),
        mock.patch.object(studies_of_files, "folder", lambda: where),
        # `modifiers` names questions that are left out; it is not run.
        mock.patch.object(studies_of_files, "_problem_of_trials", lambda study, known: ""),
    ):
        yield
    studies_of_files.catalogue.cache_clear()


def estimates(
    folder: Path,
    persons: int = PERSONS,
    seed: int = SEED,
    names: tuple[str, ...] = STUDIES,
    changes: dict[str, float] = ADJUVANT,
    simulator: Simulator = simulate,
) -> pl.DataFrame:
    """`models.effect_estimate` of a simulated population."""
    parameters = load_parameters(None).replace(changes)
    write_population(
        Request(folder / "simulated", persons, seed, "real", "parquet", processes=1), parameters, simulator
    )
    settings = Settings(
        home=folder / "home", source="omop", folder=str(folder / "simulated" / "omop"), threads=1, memory_gb=3
    )
    needed = {"models.effect_estimate", *plan.upstream("models.effect_estimate")}
    with Run(settings, studies=names) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    return Store(settings).scan("models.effect_estimate").collect()


def truths(
    parameters: Parameters, names: tuple[str, ...] = STUDIES, persons: int = TRUTH_PERSONS
) -> dict[tuple[str, str, str], dict[str, float]]:
    """By study, name of the simulator and comparison: the true difference and its Monte-Carlo error."""
    found = {}
    for name in names:
        study = studies(parameters)[name]
        arms = run_study(parameters, TRUTH_SEED, persons, study)
        for target, comparator in study.contrasts:
            for what, told in contrast(study, arms[target], arms[comparator]).items():
                if "difference" in told:
                    found[name, what, f"{target} vs {comparator}"] = told
    return found


def frozen(estimated: pl.DataFrame) -> dict[str, object]:
    """What is kept: gates, primary estimates and sensitivity analyses of the contrasts, the truth where it is on the scale."""
    true = truths(load_parameters(None))
    rows = []
    for row in estimated.sort("study_id", "contrast", "outcome", "estimator").iter_rows(named=True):
        comparison = row["contrast"].split(",")[0]
        is_known = row["contrast"].endswith("cohort active_comparator")
        name = KNOWN.get((row["study_id"], row["outcome"], row["horizon_months"])) if is_known else None
        kept = (
            "study_id",
            "contrast",
            "outcome",
            "estimator",
            "gate_status",
            "estimate",
            "ci_low",
            "ci_high",
            "gate_reason",
        )
        told = true.get((row["study_id"], name, comparison)) if name else None
        rows.append({key: row[key] for key in kept} | {"truth": told})
    return {"persons": PERSONS, "seed": SEED, "truth_persons": TRUTH_PERSONS, "contrasts": rows}


def write(estimated: pl.DataFrame) -> None:
    """Freeze what was found."""
    FROZEN.write_text(json.dumps(frozen(estimated), indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(pl.read_parquet(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as room:
            write(estimates(Path(room)))
