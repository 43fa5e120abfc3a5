"""`models.cumulative_incidence`: risks of either arm by quarter after time zero, where the gate of a question is open.

The same rows, weights and engine as the estimates of `risk_tables`: the last point of a question is its two risks. A question
owns the days after the horizon before its own, so that no point tells what another, closed gate hides. Not here: estimates and
diagnostics (`risk_tables`), which points may leave (`mart_curve`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.arm_risk import ArmValue, arm_risks
from pipelines.models.propensity_model import Row, contrast_key, risks
from pipelines.models.risk_pair import RiskPair
from pipelines.models.risk_tables import PRIMARY
from pipelines.models.risk_weighting import WeightedRows
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.risk import RiskQuestion

TABLE = "models.cumulative_incidence"
#: days of a quarter of a year
QUARTER_DAYS = 91.3125
#: a quarter that ends so near to a horizon is that horizon
_NEAR_DAYS = 15


@dataclass(frozen=True, slots=True)
class ArmPoint:
    """One arm on one day: risk until then, people under observation without event, and people who had it."""

    day: int
    risk: ArmValue
    n_at_risk: int
    n_events: int


def owned_days(horizons: Sequence[int], horizon: int) -> tuple[int, ...]:
    """Ends of quarters after the horizon before this one, and the horizon itself last."""
    before = max((each for each in horizons if each < horizon), default=0)
    n_quarters = int(horizon / QUARTER_DAYS) + 1
    quarters = [int(number * QUARTER_DAYS) for number in range(1, n_quarters + 1)]
    inside = [day for day in quarters if before + _NEAR_DAYS < day < horizon - _NEAR_DAYS]
    return (*inside, horizon)


def arm_points(rows: WeightedRows, days: Sequence[int]) -> tuple[tuple[ArmPoint, ...], tuple[ArmPoint, ...]]:
    """Target and comparator on each day, weighted as the estimates are; people are counted as they are.

    At risk on a day are those whose follow-up lasts to it or longer, without event before it. A clone counts in every
    strategy it kept to so far.

    Raises:
        NotEstimable: as `arm_risks`.
    """
    values = arm_risks(rows.rows, rows.is_target, days, 1, rows.person_id, rows.correction)
    arms = []
    for place, side in enumerate((rows.is_target, ~rows.is_target)):
        own = side & (rows.rows.weights > 0)
        entry, leave, event = rows.rows.entry[own], rows.rows.exit[own], rows.rows.event[own]
        points = []
        for day, at_day in zip(days, values, strict=True):
            is_there = (leave >= day) & ((entry < day) | ((day == 0) & (entry <= 0)))
            happened = (event == 1) & (leave <= day)
            points.append(ArmPoint(day, at_day[place], int(is_there.sum()), int(happened.sum())))
        arms.append(tuple(points))
    target, comparator = arms
    return target, comparator


def cumulative_incidence(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Risks by arm and day of every question whose gate is open; none behind a closed one."""
    answered = _answered(inputs)
    rows: list[Row] = []
    for study, risk in risks(facts):
        pair = RiskPair(inputs, study, risk)
        begun: set[str] = set()
        for question in sorted(risk.questions, key=lambda each: each.horizon_days):
            key = contrast_key(study, question)
            gate = answered.get(tuple(key.values()))
            if gate is None:
                continue
            days = owned_days(risk.horizons_days, question.horizon_days)
            # That nobody has had the event at time zero, and how many there are, no gate hides.
            start = () if question.outcome in begun else (0,)
            begun.add(question.outcome)
            rows += _rows(pair, question, (*start, *days), key | gate | {"evidence_source": facts.evidence_source})
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def _answered(inputs: Inputs) -> dict[tuple[object, ...], Row]:
    """Gate of every question that has a primary estimate, by its key."""
    found = inputs["models.effect_estimate"].filter(
        pl.col("estimator") == PRIMARY, pl.col("estimate").is_not_null(), pl.col("gate_status") != "closed"
    )
    names = ("study_id", "contrast", "outcome", "population")
    columns = found.select(*names, pl.col("gate_status").cast(pl.String), "gate_reason").collect()
    return {tuple(row[name] for name in names): {n: row[n] for n in columns.columns[4:]} for row in columns.to_dicts()}


def _rows(pair: RiskPair, question: RiskQuestion, days: Sequence[int], common: Row) -> Iterator[Row]:
    arms = arm_points(pair.rows(question.outcome), days)  # of an estimate at the horizon: so there is one before it
    for arm_code, points in zip((pair.risk.target, pair.risk.comparator), arms, strict=True):
        for point in points:
            yield common | {"arm_code": arm_code} | _told(point)


def _told(point: ArmPoint) -> Row:
    """Percent; a risk of 0 or 1 has no interval."""
    risk = point.risk
    has_limits = bool(np.isfinite(risk.ci_low) and np.isfinite(risk.ci_high))
    return {
        "follow_up_days": point.day,
        "risk_pct": 100 * risk.value,
        "se_pct": 100 * risk.standard_error if has_limits else None,
        "ci_low_pct": 100 * risk.ci_low if has_limits else None,
        "ci_high_pct": 100 * risk.ci_high if has_limits else None,
        "n_at_risk": point.n_at_risk,
        "n_events": point.n_events,
    }
