"""A population that people enter and leave every night, few at a time, and what the mart makes of it before anything is told.

Numbers of people, the groups that must not be told, and the tables of models and cohort behind them; no claim of any kind.
"""

import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipelines import mart, mart_curve, mart_study
from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.store import Store

MIN_CELL = 11
STUDY, CONTRAST, OUTCOME, POPULATION = "study", "one vs other", "bone", "everybody"
ARMS, LEVELS = ("target", "comparator"), ("common", "other", "rare")
FACTS = RunFacts("night", "omop", (), "white_female", MIN_CELL, "real")
#: days of the curve
QUARTER, DAYS = 91, tuple(91 * number for number in range(9))
_KEY = {"study_id": STUDY, "contrast": CONTRAST, "outcome": OUTCOME, "population": POPULATION}
_MARTS = (
    *("attrition", "table_one", "measurement_count", "effect_estimate", "diagnostic", "source_file", "claim"),
    *("covariate_balance", "negative_control", "dose_response", "threshold", "change_point", "evidence_drift"),
    *("e2_distribution", "bone_prevalence", "sig_coverage"),
)
_models = runpy.run_path(str(Path(__file__).with_name("release_models.py")))


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who is ever there: one row a person."""

    rows: pl.DataFrame

    def on(self, night: int) -> pl.DataFrame:
        return self.rows.filter(pl.col("comes") <= night, pl.col("goes") > night)


def people(nights: int, seed: int) -> People:
    """Some 500 at the start; up to three come and up to two go in a night, now and then a dozen; few are of the rare level.

    One in ten has a value far from all others: whoever is told it knows something of them.
    """
    rng = np.random.default_rng(seed)
    n_start = 500
    arrivals = rng.integers(0, 4, nights)
    arrivals[rng.random(nights) < 0.2] += 12
    arrivals[0] = n_start
    comes = np.repeat(np.arange(nights), arrivals)
    n = comes.size
    rare = rng.random(n) < 0.02
    goes = comes + rng.geometric(0.003, n)
    frame = pl.DataFrame(
        {
            "comes": comes,
            "goes": goes,
            "arm_code": rng.choice(ARMS, n),
            "level": np.where(rare, "rare", rng.choice(LEVELS[:2], n, p=[0.7, 0.3])),
            "sex_code": rng.choice(["female", "male"], n),
            "is_old": rng.random(n) < 0.9,
            "is_eligible": rng.random(n) < 0.97,
            "has_event": rng.random(n) < 0.15,
            "value": rng.normal(0, 1, n) + 25.0 * (rng.random(n) < 0.1),
            "event_day": QUARTER * rng.integers(1, 25, n),
            "until_day": QUARTER * rng.integers(1, 40, n),
        }
    )
    return People(frame)


def write_night(settings: Settings, there: pl.DataFrame, before: pl.DataFrame | None = None) -> dict[str, pl.DataFrame]:
    """The tables of one night, before the ledger, written as a run leaves them; returns those of the mart."""
    made = sources(there, before)
    inputs = {name: frame.lazy() for name, frame in made.items()}
    frames = {f"mart.{name}": getattr(mart, name)(inputs, FACTS).collect() for name in _MARTS}
    for name in ("cumulative_incidence", "bmd_trajectory"):
        frames[f"mart.{name}"] = getattr(mart_curve, name)(inputs, FACTS).collect()
    frames["mart.propensity_score"] = mart_study.propensity_score(inputs, FACTS).collect()
    for name, frame in {**made, **frames}.items():
        write_frame(frame.lazy(), Store(settings).path(name, None), "night")
    return frames


def store_in(folder: Path) -> Settings:
    return Settings(home=folder, memory_gb=0.5, threads=1)


def results(there: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of one check of a table of people, by level."""
    rows = []
    for stratum in ("all", *LEVELS):
        part = there if stratum == "all" else there.filter(level=stratum)
        broken = part.filter("has_event").height
        row = {"check_id": "staging.person.rule", "table_name": "staging.person", "stratum": stratum, "note": "note"}
        rows.append({**row, "category": "plausibility", "context": "validation", "severity": "info", "source": None,
                     "n_violated": broken, "n_evaluated": part.height, "threshold": 0.5, "status": "pass"})  # fmt: skip
    return pl.DataFrame(rows, schema=CONTRACTS["mart.quality_result"].empty().schema)


def studied(there: pl.DataFrame) -> pl.DataFrame:
    return there.filter("is_old", "is_eligible")


def by_arm(there: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {arm: studied(there).filter(arm_code=arm) for arm in ARMS}


def sources(there: pl.DataFrame, before: pl.DataFrame | None = None) -> dict[str, pl.DataFrame]:
    """Tables of models, cohort and accounts of one night, every count as it is; `before`: who was there the night before."""
    arms = by_arm(there)
    counted = [arms[arm].height for arm in ARMS]
    events = [arms[arm].filter("has_event").height for arm in ARMS]
    means = [float(arms[arm]["value"].mean()) for arm in ARMS]
    variance = sum(float(arms[arm]["value"].var()) / arms[arm].height for arm in ARMS)
    error = variance**0.5
    difference = means[0] - means[1]
    effect = {
        **_KEY, "estimator": "difference", "protocol_hash": "h", "evidence_source": "real", "estimand": "mean",
        "intercurrent_strategy": "none", "se_method": "two samples", "missing_method": "none", "scale": "difference",
        "estimate": difference, "ci_low": difference - 1.96 * error, "ci_high": difference + 1.96 * error, "se": error,
        "p_value": 0.1234567, "n_target": counted[0], "n_comparator": counted[1], "events_target": events[0],
        "events_comparator": events[1], "n_effective": float(sum(counted)), "gate_status": "open",
        "calibrated_estimate": 0.9 * difference, "calibrated_ci_low": 0.9 * difference - 2 * error,
        "calibrated_ci_high": 0.9 * difference + 2 * error, "e_value": 1 + abs(difference), "e_value_limit": 1.0,
    }  # fmt: skip
    values = {"n_target": counted[0], "n_comparator": counted[1], "outcomes_smaller_arm": min(counted), "ease": error}
    told = ("estimate", "ci_low", "ci_high", "p_value", "evidence_source", "scale")
    claim = {
        **_KEY, "claim_id": "claim", "part_code": "whole", "family_code": "family", "kind_code": "superiority",
        "is_dosing": False, "verdict": "inconclusive", "claim_verdict": "inconclusive", "confidence_pct": 95.0,
        **{name: effect[name] for name in told},
    }  # fmt: skip
    diagnostics = [
        {**_KEY, "diagnostic": name, "value": float(value), "threshold": 0.0, "rule": "at least", "status": "pass"}
        for name, value in values.items()
    ]
    file = {"source_file": "person.parquet", "table_name": "person", "rows_in": there.height, "status_code": "landed"}
    staged = there.filter("is_eligible").height
    account = {**file, "rows_staged": staged, "rows_duplicate": 0, "rows_quarantined": there.height - staged,
               "rows_out_of_scope": 0, "source_id": "omop", "drop_id": "one"}  # fmt: skip
    rows = {
        "models.effect_estimate": [effect],
        "models.claim": [claim],
        "models.diagnostic": diagnostics,
        "models.cumulative_incidence": [row for arm in ARMS for row in _curve(arm, arms[arm])],
        "models.bmd_trajectory": list(_trajectory(arms)),
        "models.baseline": [row for arm in ARMS for row in _baseline(arm, arms[arm])],
        "cohort.attrition": [row for arm in ARMS for row in _attrition(arm, there.filter(arm_code=arm))],
        "cohort.measurement_count": list(_measured(there)),
        "raw.manifest": [file],
        "staging.conservation": [account],
        **_models["tables"](_KEY, there, arms, None if before is None else by_arm(before)),
    }
    return {name: _frame(name, of) for name, of in rows.items()}


def _curve(arm: str, there: pl.DataFrame) -> Iterator[dict]:
    """Events as a share of everybody: who knows the people of the arm counts the events of a step by multiplication."""
    for day in DAYS:
        happened = there.filter(pl.col("event_day") <= pl.min_horizontal(day, "until_day")).height
        left = there.filter(pl.col("until_day") >= day, pl.col("event_day") > day).height
        risk = 100 * happened / there.height
        error = (risk * (100 - risk) / there.height) ** 0.5
        yield {
            **_KEY, "contrast": "one vs other, 24 months, cohort c", "arm_code": arm, "follow_up_days": day,
            "evidence_source": "real", "risk_pct": risk, "se_pct": error or None, "ci_low_pct": max(risk - 2 * error, 0.0),
            "ci_high_pct": risk + 2 * error, "n_at_risk": left, "n_events": happened, "gate_status": "open",
        }  # fmt: skip


def _trajectory(arms: dict[str, pl.DataFrame]) -> Iterator[dict]:
    """The two means whose difference is the estimate."""
    for (arm, there), other in zip(arms.items(), reversed(arms.values()), strict=True):
        mean, error = float(there["value"].mean()), float(there["value"].std()) / there.height**0.5
        yield {
            **_KEY, "arm_code": arm, "follow_up_days": 730, "evidence_source": "real", "change_pct": mean, "se_pct": error,
            "ci_low_pct": mean - 1.96 * error, "ci_high_pct": mean + 1.96 * error, "n_arm": there.height,
            "n_observed": there.height, "n_observed_other": other.height, "gate_status": "open",
        }  # fmt: skip


def _baseline(arm: str, there: pl.DataFrame) -> Iterator[dict]:
    n, row = there.height, {"study_id": STUDY, "arm_code": arm}
    yield {**row, "characteristic": "People", "level": "all", "n": n}
    for level in LEVELS:
        k = there.filter(level=level).height
        yield {**row, "characteristic": "Level", "level": level, "n": k, "estimate": k / n, "unit": "share"}
    value = there["value"]
    mean = {"estimate": float(value.mean()), "spread": float(value.std()), "unit": "1"}
    yield {**row, "characteristic": "Value", "level": "mean", "n": n, **mean}


def _attrition(arm: str, there: pl.DataFrame) -> Iterator[dict]:
    steps = [there, there.filter("is_old"), there.filter("is_old", "is_eligible")]
    for number, after in enumerate(steps):
        before = steps[max(number - 1, 0)].height
        yield {
            "study_id": STUDY, "cohort_code": "cohort", "arm_code": arm, "family_code": "family", "step_number": number,
            "criterion_code": "rule", "label": "step", "n_before": before, "n_after": after.height,
        }  # fmt: skip


def _measured(there: pl.DataFrame) -> Iterator[dict]:
    for measurement, part in (("respondents", there), ("rare", there.filter(level="rare"))):
        for sex in ("female", "male", "all"):
            n = part.height if sex == "all" else part.filter(sex_code=sex).height
            yield {"cycle_label": "2024", "measurement": measurement, "sex_code": sex, "n": n}


def _frame(name: str, rows: list[dict]) -> pl.DataFrame:
    schema = CONTRACTS[name].empty().schema
    plain = {n: pl.String if isinstance(kind, pl.Enum) else kind for n, kind in schema.items()}
    return pl.DataFrame([{n: row.get(n) for n in schema} for row in rows], schema=plain)
