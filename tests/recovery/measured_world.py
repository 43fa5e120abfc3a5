"""A confounder that no record holds acts on a measured outcome and on twelve measured controls: tables as features leave them.

Women who are frail begin the inhibitor more often, and what is measured of them changes more. By how much is drawn for the
outcome and each control alike (exchangeable), or not (apart).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.models import measured_controls, propensity_model
from pipelines.models.contrast_frame import contrast_frame
from pipelines.models.control_null import TABLE
from pipelines.models.point_treatment import Prepared, estimate, kept, prepare
from pipelines.run_facts import Inputs, RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue
from pipelines.warehouse.step import read_csv

PEOPLE, CONTROLS, TRUTH = 1200, 12, -2.0
#: SD of the change in bone within an arm, percent
SPREAD = 3.0
FACTS = RunFacts("run", "omop", ("ai_vs_tamoxifen",), "white_female", 11, "simulated")


@dataclass(frozen=True, slots=True)
class World:
    """What a SD of frailty does, in SDs of the change: mean and SD over the controls, and over the outcome's own draws."""

    mean: float
    sd: float
    outcome_mean: float
    outcome_sd: float


EXCHANGEABLE = World(0.35, 0.12, 0.35, 0.12)
APART = World(0.0, 0.02, 0.6, 0.05)
CLEAN = World(0.0, 0.0, 0.0, 0.0)


def study() -> Study:
    """One contrast in the spine at two years and its first twelve controls."""
    whole = catalogue()["ai_vs_tamoxifen"]
    return whole.model_copy(
        update={"contrast": whole.contrast[:1], "negative_controls": whole.negative_controls[:CONTROLS]}
    )


def inputs(world: World, seed: int) -> dict[str, pl.LazyFrame]:
    """Tables of 1,200 women; the outcome has number 1, the controls come after it."""
    rng = np.random.default_rng((seed, 41))
    age, frailty = rng.normal(0, 1, PEOPLE), rng.normal(0, 1, PEOPLE)
    treated = rng.random(PEOPLE) < 1 / (1 + np.exp(-0.5 * age - 0.7 * frailty))
    slopes = [rng.normal(world.outcome_mean, world.outcome_sd), *rng.normal(world.mean, world.sd, CONTROLS)]
    asked = (*study().contrast, *study().control_contrasts)
    frames = []
    for place, (contrast, slope) in enumerate(zip(asked, slopes, strict=True)):
        unit = SPREAD if place == 0 else 0.04
        effect = TRUTH if place == 0 else 0.0
        change = effect * treated + unit * (slope * frailty - 0.3 * age + rng.normal(0, 1, PEOPLE))
        seen = rng.random(PEOPLE) < (0.6 if place == 0 else 0.45)
        frames.append(
            pl.DataFrame(
                {
                    "study_id": study().id,
                    "contrast_number": study().contrast_number(contrast),
                    "person_id": np.arange(PEOPLE),
                    "trial_number": 1,
                    "is_target": treated,
                    "baseline_value": np.exp(rng.normal(0, 0.1, PEOPLE)),
                    "is_followed": True,
                    "is_dead": False,
                    "is_censored": False,
                    "change": pl.Series(change),
                }
            ).with_columns(pl.when(pl.Series(seen)).then("change").alias("change"))
        )
    covariate = {"study_id": study().id, "person_id": np.arange(PEOPLE), "trial_number": 1}
    table = "ref.continuous_outcome"
    return {
        "features.outcome_value": pl.concat(frames).lazy(),
        "features.covariate": pl.DataFrame(covariate | {"covariate_code": "age_years", "value": age}).lazy(),
        table: read_csv(sql_root() / "ref" / "continuous_outcome.csv", CONTRACTS[table]),
    }


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the controls, the outcome prepared, and its estimate before and after calibration, with 95 % limits."""

    controls: pl.DataFrame
    prepared: Prepared
    inputs: Inputs
    plain: tuple[float, float, float]
    calibrated: tuple[float, float, float] | None


def found(world: World, seed: int) -> Found:
    """From tables to a calibrated estimate, each step that of the pipeline."""
    given = inputs(world, seed)
    (contrast,) = study().contrast
    prepared = prepare(contrast_frame(given, study(), contrast))
    key = propensity_model.contrast_key(study(), contrast)
    given[propensity_model.TABLE] = pl.LazyFrame([key | {"penalty": kept(prepared).penalty, "problem": None}])
    (rows,) = measured_controls.control_rows(given, study(), FACTS)
    given[TABLE] = pl.LazyFrame(rows, schema=CONTRACTS[TABLE].empty().schema)
    first = estimate(prepared, study().seed)[0].estimate
    known = measured_controls.known_controls(given, study(), contrast)
    told = measured_controls.calibrated_columns(known, prepared, first)
    names = ("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")
    calibrated = tuple(float(told[name]) for name in names) if told else None
    return Found(given[TABLE].collect(), prepared, given, (first.estimate, first.ci_low, first.ci_high), calibrated)


REPLICATIONS = 200
FROZEN = Path(__file__).with_name("measured_controls.json")


def figures(world: World, seeds: range) -> dict[str, float]:
    """Coverage of the truth before and after calibration, bias left in SDs of the change, and coverage of controls."""
    rows = [found(world, seed) for seed in seeds]
    told = [each for each in rows if each.calibrated is not None]
    controls = pl.concat([each.controls for each in told])
    return {
        "studies": len(told),
        "covered": _share([each.plain for each in told], TRUTH),
        "covered_calibrated": _share([each.calibrated for each in told if each.calibrated], TRUTH),
        "bias": float(np.mean([each.plain[0] - TRUTH for each in told])) / SPREAD,
        "bias_calibrated": float(np.mean([each.calibrated[0] - TRUTH for each in told if each.calibrated])) / SPREAD,
        "controls": controls.height,
        "controls_covered": _share(controls.select("estimate", "ci_low", "ci_high").rows(), 0.0),
        "controls_covered_left_out": _share(
            controls.select("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high").rows(), 0.0
        ),
    }


def _share(intervals: list[tuple[float, float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for _, low, high in intervals]))


if __name__ == "__main__":
    seen = {
        name: figures(world, range(REPLICATIONS))
        for name, world in (("exchangeable", EXCHANGEABLE), ("apart", APART), ("clean", CLEAN))
    }
    FROZEN.write_text(json.dumps({name: seen[name] for name in seen}, indent=1) + "\n")
