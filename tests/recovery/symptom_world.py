"""A world of draws with known incidence by band of estradiol: who is drawn low has more symptoms anyway, and leaves sooner.

Tables as the steps before would make them; truth in closed form given the covariates, nothing fitted.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.trials.study import catalogue

STUDY = catalogue()["symptoms_e2"]
MEN, WOMEN, DOSED = STUDY.symptom
DAY_ZERO = np.datetime64("2015-01-01")
BANDS = ("severe", "low", "target", "raised", "high")
EDGES = np.array([4.0, 10.0, 20.0, 30.0, 40.0, 90.0])
LAG, HORIZON = 30, 365
#: log odds of each band per SD of the trait
_TILT = np.array([0.9, 0.5, 0.0, -0.3, -0.6])
_BASE = np.array([-1.0, 0.0, 0.6, 0.2, -0.3])
#: log hazard of a symptom in each band against the target, by outcome; others have none
EFFECT = {
    "low_libido": np.array([0.9, 0.5, 0.0, 0.0, 0.0]),
    "irritability": np.array([0.9, 0.4, 0.0, 0.4, 0.9]),
    "fatigue": np.zeros(5),
}
#: log hazard a year at trait 0, and per SD of the trait
RATE, PER_TRAIT = np.log(0.16), 0.7
Inputs = dict[str, pl.LazyFrame]


@dataclass(frozen=True, slots=True)
class World:
    """Tables, and the true risk of each band by outcome in everybody's covariates, as if nobody were lost."""

    inputs: Inputs
    truth: dict[str, np.ndarray]


def on(days: np.ndarray) -> pl.Series:
    return pl.Series(DAY_ZERO + np.asarray(days).astype("timedelta64[D]")).cast(pl.Date)


def world(n: int, seed: int, draws_each: int = 1, *, prompted: float = 0.1, bands: int = 5) -> World:
    """n men; `prompted` of the draws follow a hot flush, lie low, and bring symptoms whatever the band."""
    rng = np.random.default_rng([seed, 71])
    person = np.repeat(np.arange(n), draws_each)
    number = np.tile(np.arange(1, draws_each + 1), n)
    day = np.repeat(rng.integers(0, 500, n), draws_each) + 900 * (number - 1)
    trait = np.repeat(rng.normal(size=n), draws_each)
    odds = _BASE[:bands] + _TILT[:bands] * trait[:, None] + rng.gumbel(size=(person.size, bands))
    band = odds.argmax(axis=1)
    is_prompted = rng.random(person.size) < prompted
    band[is_prompted] = np.minimum(band[is_prompted], 1)
    e2 = np.exp(np.log(EDGES[band]) + rng.random(person.size) * np.log(EDGES[band + 1] / EDGES[band]))
    leaves = rng.exponential(size=person.size) / (0.15 * np.exp(0.8 * trait)) * 365
    followed = np.floor(np.minimum(leaves, LAG + HORIZON)).astype(np.int64)
    trial = pl.DataFrame(
        {
            "study_id": STUDY.id,
            "person_id": person,
            "trial_number": number,
            "cohort_code": "men",
            "index_on": on(day),
            "end_on": on(day + followed),
            "end_reason": np.where(
                followed == LAG + HORIZON, "horizon", np.where(person % 5, "observation_ended", "death")
            ),
        }
    )
    is_low = e2 < 6
    panel = pl.DataFrame(
        {
            "person_id": person,
            "drawn_on": on(day),
            "e2_lo_pg_ml": np.where(is_low, 0.0, e2),
            "e2_hi_pg_ml": np.where(is_low, 6.0, e2),
            "e2_band_code": np.array(BANDS)[band],
            "e2_assay_class": np.where(person % 2, "lc_ms_ms", "immunoassay"),
        }
    )
    episodes, truth = [], {}
    for place, (outcome, effect) in enumerate(EFFECT.items()):
        own = np.random.default_rng([seed, 72, place])
        rate = np.exp(RATE + PER_TRAIT * trait + effect[band] + 2.0 * is_prompted)
        start = np.floor(LAG + own.exponential(size=person.size) / rate * 365).astype(np.int64)
        had = own.random(person.size) < 0.1
        start = np.where(had, -own.integers(1, 300, person.size), start)
        early = own.random(person.size) < 0.03
        start = np.where(early & ~had, own.integers(1, LAG, person.size), start)
        # What comes after follow-up is on no record.
        is_seen = start <= followed
        episodes.append(_episodes(person[is_seen], (day + start)[is_seen], SYSTEMS[outcome]))
        risk = 1 - np.exp(-np.exp(RATE + PER_TRAIT * trait[:, None] + effect))
        truth[outcome] = risk[~is_prompted].mean(axis=0)
    flush = pl.DataFrame(
        {
            "person_id": person[is_prompted],
            "symptom_code": "hot_flush",
            "recorded_on": on(day[is_prompted] - rng.integers(0, 30, is_prompted.sum())),
        }
    )
    key = pl.DataFrame({"study_id": STUDY.id, "person_id": person, "trial_number": number})
    known = key.with_columns(
        body_mass_index=pl.Series(trait),
        age_years=pl.Series(rng.normal(55, 10, person.size)),
        current_smoker=pl.lit(0.0),
    )
    inputs = {
        "cohort.trial_person": trial.lazy(),
        "features.steroid_panel": panel.lazy(),
        "features.symptom_episode": pl.concat(episodes).lazy(),
        "staging.symptom": flush.lazy(),
        "features.drug_supply": pl.LazyFrame(schema=SUPPLY),
        "ref.episode_rule": EPISODE_RULE,
        "features.covariate": known.unpivot(
            ["body_mass_index", "age_years", "current_smoker"],
            index=["study_id", "person_id", "trial_number"],
            variable_name="covariate_code",
        ).lazy(),
        "ref.clinical_limit": pl.LazyFrame({"limit_code": ["symptom_washout_days"], "value": [365.0]}),
    }
    return World(inputs, truth)


#: dose of each band of `world`, from the lowest: who takes most is drawn lowest
DOSE_OF_BAND = ("over_3_5_mg", "over_2_to_3_5_mg", "over_1_to_2_mg", "up_to_1_mg", "none")
DOSE_FROM, DOSE_UP_TO = np.array([3.5, 2.0, 1.0, 0.0, 0.0]), np.array([7.0, 3.5, 2.0, 1.0, 0.0])


def dosed(n: int, seed: int, draws_each: int = 1, *, unknown: float = 0.05, other: float = 0.05) -> World:
    """The same men by dose: what the bands did, doses do, and estradiol follows them exactly.

    A share of the doses is not known, another is letrozole: whoever it is. A covariate tells who has an inhibitor.
    """
    made = world(n, seed, draws_each)
    rng = np.random.default_rng([seed, 73])
    panel = made.inputs["features.steroid_panel"].collect()
    band = panel["e2_band_code"].replace_strict(dict(zip(BANDS, range(5), strict=True))).to_numpy()
    takes = DOSE_OF_BAND.index("none") != band
    part = rng.random(band.size)
    mg = DOSE_UP_TO[band] - part * (DOSE_UP_TO[band] - DOSE_FROM[band])
    kind, ago = rng.random(band.size), rng.integers(1, 80, band.size)
    day = (panel["drawn_on"].to_numpy() - DAY_ZERO).astype(np.int64)
    supply = pl.DataFrame(
        {
            "person_id": panel["person_id"],
            "drug_class": "aromatase_inhibitor",
            "ingredient": np.where(kind > 1 - other, "letrozole", "anastrozole"),
            "supplied_on": on(day - ago),
            "cover_from_on": on(day - ago),
            "cover_days": np.full(band.size, 90),
            "dose_mg_per_week": pl.Series(mg).set(pl.Series(kind < unknown), None),
            "n_unknown_supply": np.zeros(band.size, dtype=np.int64),
        },
        schema=SUPPLY,
    ).filter(pl.Series(takes))
    known = made.inputs["features.covariate"].collect()
    key = known.filter(covariate_code="age_years")
    tells = key.with_columns(
        covariate_code=pl.lit("drug_aromatase_inhibitor_365d"), value=pl.Series(takes.astype(np.float64))
    )
    inputs = made.inputs | {
        "cohort.trial_person": made.inputs["cohort.trial_person"].with_columns(cohort_code=pl.lit(DOSED.cohort)),
        "features.drug_supply": supply.lazy(),
        "features.covariate": pl.concat([known, tells]).lazy(),
    }
    return World(inputs, {name: risk[::-1] for name, risk in made.truth.items()})


SUPPLY = {
    "person_id": pl.Int64,
    "drug_class": pl.String,
    "ingredient": pl.String,
    "supplied_on": pl.Date,
    "cover_from_on": pl.Date,
    "cover_days": pl.Int64,
    "dose_mg_per_week": pl.Float64,
    "n_unknown_supply": pl.Int64,
}
EPISODE_RULE = pl.LazyFrame({"ingredient": ["*", "*"], "gap_days": [60, 90], "is_primary": ["no", "yes"]})
SYSTEMS = {"low_libido": "libido", "irritability": "irritability", "fatigue": "fatigue"}


def _episodes(person: np.ndarray, start: np.ndarray, system: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person_id": person,
            "system_code": system,
            "basis_code": "diagnosis",
            "starts_on": on(start),
            "last_on": on(start),
        }
    )
