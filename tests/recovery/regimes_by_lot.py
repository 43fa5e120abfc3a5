"""Men on testosterone given named regimes by lot, from files: does the g-formula give back what each arm was measured to have?

Everybody is drawn 98 days after the first testosterone, and from day 112 on lives under the regime of his lot, missing no dose.
The pipeline lands, stages and frames the records as any others and knows no lot; men whose time zero is the draw of day 98 are
alike in all arms, so the means of the arms are what their regimes do. Run as a script,
`python tests/recovery/regimes_by_lot.py SCRATCH` (ten minutes), it writes `regimes_by_lot.json`, which the test beside reads.
"""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from pipelines import plan
from pipelines.models.design_matrix import design_matrix
from pipelines.models.dosing_rule import rule_of
from pipelines.models.regime import WINDOW, regime_means
from pipelines.models.regime_frame import RegimeFrame, _people, regime_frame
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.synth import draws
from pipelines.synth.mechanism.life import Lives
from pipelines.synth.mechanism.people import Design, make_people
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import Parameters, load_parameters
from pipelines.synth.studies import studies
from pipelines.trials.study import catalogue
from pipelines.warehouse.identity import person_id
from pipelines.warehouse.key import PUBLIC_KEY
from pipelines.warehouse.store import Store

HERE = Path(__file__).parent
FROZEN = HERE / "regimes_by_lot.json"
PERSONS, SEED, RESAMPLES = 12_000, 7, 20
STUDY = "titration_policy"
REFERENCE = "no_inhibitor"
CODES = (REFERENCE, "fixed_0.5_mg_twice_weekly", "titrate_to_20_30", "stop_below_20")
_FIRST_DRAW_DAYS = 115
_anchors = runpy.run_path(str(HERE / "trial_anchors.py"))
CHANGES = _anchors["_OFTEN"] | {
    "people.share_breast_cancer_adjuvant": 0.0,
    "people.share_male_testosterone": 1.0,
    "people.share_female_testosterone": 0.0,
    "people.share_restart": 0.0,
    "monitoring.check_done_on_testosterone": 1.0,
    "monitoring.scan_at_start": 0.5,
    "monitoring.prompted_share": 0.0,
    "monitoring.bone_panel_share": 0.0,
}


def lot(seed: int, person: np.ndarray) -> np.ndarray:
    """[n] the place of everybody's regime in `CODES`."""
    return np.floor(draws.uniform(seed, person, "lot") * len(CODES)).astype(np.int64)


def by_lot(p: Parameters, seed: int, first_person: int, count: int) -> Lives:
    """Lives of everybody under the regime of his lot."""
    regimes = [replace(studies(p)[STUDY].arms[code], misses_doses=False) for code in CODES]
    person = make_people(p, seed, first_person, count, Design()).person
    return _anchors["in_arms"](p, seed, first_person, count, person, lot(seed, person), regimes)


def framed(room: Path) -> tuple[RegimeFrame, np.ndarray]:
    """Men whose time zero is the draw of day 98, and the place of their regimes."""
    write_population(
        Request(room / "simulated", PERSONS, SEED, "real", "parquet", processes=1),
        load_parameters(None).replace(CHANGES),
        by_lot,
    )
    settings = Settings(
        home=room / "home", source="omop", folder=str(room / "simulated" / "omop"), threads=1, memory_gb=3
    )
    needed = plan.upstream("models.effect_estimate")
    with Run(settings, studies=(STUDY,)) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed and not step.table.startswith("models."):
                run.step(step)
    store, study = Store(settings), catalogue()[STUDY]
    inputs = {name: store.scan(name) for name in needed if not name.startswith("models.")}
    frame, people = regime_frame(inputs, study, study.policy[0]), _people(inputs, study, study.policy[0])
    began = (
        inputs["features.drug_supply"]
        .filter(pl.col("ingredient").cast(pl.String) == "testosterone")
        .group_by("person_id")
        .agg(first=pl.col("cover_from_on").min().to_physical().cast(pl.Int64))
        .collect()
    )
    told = people.join(began, on="person_id", how="left", maintain_order="left")
    is_first = (told["index_day"] - told["first"]).to_numpy() <= _FIRST_DRAW_DAYS
    native = {person_id(PUBLIC_KEY, "omop", str(number)): number for number in range(1, PERSONS + 1)}
    drawn = lot(SEED, np.array([native[each] for each in people["person_id"]]))
    rows = np.flatnonzero(is_first)
    kept = frame.taken(rows)
    # Of fewer men some columns are constant, or tell each other.
    design = design_matrix(kept.covariates, splines=False, minimum_count=20).values
    return replace(kept, design=design), drawn[rows]


def told(frame: RegimeFrame, drawn: np.ndarray) -> list[dict[str, object]]:
    """Each arm: share of its tests in the window with its error, and what the model says of the regime for all men."""
    study = catalogue()[STUDY]
    window = (float(study.policy[0].window_low), float(study.policy[0].window_high))
    rules = {code: lambda draw, code=code: rule_of(code, None) for code in CODES}
    means = regime_means(frame, rules, window, SEED, RESAMPLES)
    inside = (frame.e2_high >= np.log(window[0])) & (frame.e2_high < np.log(window[1]))
    known = np.isfinite(frame.e2_high) & frame.is_present
    rows: list[dict[str, object]] = []
    for number, code in enumerate(CODES):
        tests, hits = known[drawn == number].sum(axis=1), (inside & known)[drawn == number].sum(axis=1)
        share = hits.sum() / tests.sum()
        error = np.sqrt(np.sum((hits - share * tests) ** 2)) / tests.sum()
        model = means[code, WINDOW]
        row = {"regime": code, "men": int((drawn == number).sum()), "observed": 100 * share, "observed_se": 100 * error}
        row |= {"modelled": model.mean, "modelled_se": float(model.replicates.std(ddof=1))}
        rows.append({name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()})
    return rows


if __name__ == "__main__":
    FROZEN.write_text(
        json.dumps({"persons": PERSONS, "seed": SEED, "arms": told(*framed(Path(sys.argv[1])))}, indent=1) + "\n"
    )
