"""`models.negative_control`: risk ratios of outcomes that no arm changes, and what they say of systematic error.

Here: the controls of each pair and horizon as rows, and rows as an empirical null. The estimates that are calibrated by it are
made in `risk_tables`, the null itself in `empirical_null`.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate
from pipelines.models.empirical_null import EmpiricalNull, LeftOut, fit_null, leave_one_out
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.propensity_model import Row, prepared_risk, risks
from pipelines.models.risk_contrast import PreparedRisk, is_reached, ratios_of, rows_of, sizes
from pipelines.models.risk_weighting import PairPeriods, WeightedRows
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.risk import Risk
from pipelines.trials.study import Study

TABLE = "models.negative_control"
#: events of either arm without which a control tells nothing; a ratio of fewer has no normal error
LEAST_EVENTS = 5
_FEW = "fewer than 5 events in an arm"


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """Estimates and errors [k] of the controls of one pair and horizon, NaN where there is none; `null` is None where they say
    nothing, as `why` tells."""

    estimate: np.ndarray
    standard_error: np.ndarray
    null: EmpiricalNull | None
    why: str

    @property
    def n_estimated(self) -> int:
        """How many have an estimate."""
        return int(np.isfinite(self.estimate).sum())

    def left_out(self) -> LeftOut:
        """Each calibrated by all others; asked where there is a null."""
        return leave_one_out(self.estimate, self.standard_error)


def negative_control(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Every accepted negative control of every pair and horizon, under the weights of the pair; each left out in turn."""
    codes = accepted(inputs)
    rows: list[Row] = []
    for study, risk in risks(facts):
        found = prepared_risk(inputs, study, risk, codes)
        if isinstance(found, str):
            continue
        by_horizon = _estimated(found, risk, codes)
        for horizon, estimates in by_horizon.items():
            rows += _rows(study, risk, horizon, estimates, facts)
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def accepted(inputs: Inputs) -> tuple[str, ...]:
    """Phenotypes that are negative controls."""
    listed = inputs["ref.negative_control"].filter(
        (pl.col("kind_code") == "event") & (pl.col("verdict_code") == "accepted")
    )
    return tuple(listed.select("subject_code").collect()["subject_code"].sort())


def controls(inputs: Inputs, study: Study, words: str, population: str) -> Controls:
    """The null of one pair and horizon.

    Fewer controls than estimands ask for, or a null that cannot be fitted, leave it None: nothing is then calibrated.
    """
    rows = (
        inputs[TABLE]
        .filter((pl.col("study_id") == study.id) & (pl.col("contrast") == words) & (pl.col("population") == population))
        .sort("control_code")
        .select("estimate", "se")
        .collect()
    )
    estimate, error = (rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("estimate", "se"))
    try:
        return Controls(estimate, error, fit_null(estimate, error), "")
    except NotEstimable as problem:
        return Controls(estimate, error, None, str(problem))


_Found = tuple[RatioEstimate | None, tuple[int, int] | None, str]


def _estimated(found: PreparedRisk, risk: Risk, codes: tuple[str, ...]) -> dict[int, dict[str, _Found]]:
    """By horizon and control: ratio, events of either arm, and why there is no ratio."""
    horizons = sorted(risk.horizons_days)
    told: dict[int, dict[str, _Found]] = {horizon: {} for horizon in horizons}
    periods: PairPeriods | None = None
    for code in codes:
        try:
            if periods is None:
                # No control ends follow-up by itself: all have the same, and one set of weights.
                periods = found.periods(code, horizons[-1])
            rows = rows_of(found, code, periods)
            reached = [each for each in horizons if is_reached(rows, each)]
            ratios = dict(zip(reached, ratios_of(rows, reached), strict=True))
        except (NotEstimable, KeyError) as problem:
            why = str(problem) if isinstance(problem, NotEstimable) else "the data hold no follow-up for it"
            for horizon in horizons:
                told[horizon][code] = (None, None, why)
            continue
        for horizon in horizons:
            told[horizon][code] = _one(rows, ratios.get(horizon), horizon)
    return told


def _one(rows: WeightedRows, ratio: RatioEstimate | None, horizon: int) -> _Found:
    events = sizes(rows, horizon).events
    if ratio is None or min(events) < LEAST_EVENTS or not ratio.log_standard_error > 0:
        return None, events, _FEW
    return ratio, events, ""


def _rows(study: Study, risk: Risk, horizon: int, found: dict[str, _Found], facts: RunFacts) -> list[Row]:
    question = next(each for each in risk.questions if each.horizon_days == horizon)
    left_out = _left_out({code: ratio for code, (ratio, _, _) in found.items() if ratio is not None})
    rows: list[Row] = []
    for code, (ratio, events, why) in found.items():
        row: Row = {
            "study_id": study.id,
            "contrast": question.words,
            "population": risk.population,
            "control_code": code,
            "evidence_source": facts.evidence_source,
            "events_target": events[0] if events else None,
            "events_comparator": events[1] if events else None,
            "why": why or None,
        }
        if ratio is not None:
            middle, error = float(np.log(ratio.estimate)), ratio.log_standard_error
            row |= {"estimate": middle, "se": error, "ci_low": middle - Z975 * error, "ci_high": middle + Z975 * error}
            row |= left_out.get(code, {})
        rows.append(row)
    return rows


def _left_out(ratios: dict[str, RatioEstimate]) -> dict[str, Row]:
    """Each control calibrated by all others; nothing where they are too few."""
    logs = np.array([np.log(each.estimate) for each in ratios.values()])
    errors = np.array([each.log_standard_error for each in ratios.values()])
    try:
        found = leave_one_out(logs, errors).calibrated
    except NotEstimable:
        return {}
    return {
        code: {
            "calibrated_estimate": float(found.estimate[place]),
            "calibrated_ci_low": float(found.ci_low[place]),
            "calibrated_ci_high": float(found.ci_high[place]),
        }
        for place, code in enumerate(ratios)
    }
