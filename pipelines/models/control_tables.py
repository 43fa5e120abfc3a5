"""`models.negative_control`: outcomes that no arm changes, estimated as the others are.

Here: events of each pair and horizon as rows; results that are measured come from `measured_controls`. What the rows say together
is read in `control_null`.
"""

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate
from pipelines.models.control_null import TABLE, left_out_rows
from pipelines.models.empirical_null import LEAST_CONTROLS
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975
from pipelines.models.measured_controls import control_rows
from pipelines.models.propensity_model import Row, prepared_risk, risks
from pipelines.models.risk_contrast import PreparedRisk, is_reached, ratios_of, rows_of, sizes
from pipelines.models.risk_weighting import PairPeriods, WeightedRows
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.risk import Risk
from pipelines.trials.study import Study, catalogue

#: `scale` of the rows of events
SCALE = "log ratio of risks"
#: events of either arm without which a control tells nothing; a ratio of fewer has no normal error
LEAST_EVENTS = 5
_FEW = "fewer than 5 events in an arm"


def negative_control(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Every accepted negative control of every pair and horizon, and the measured ones of every comparison that names some.

    Events stand under the weights of the pair. Each is calibrated by all others of its comparison.
    """
    codes = accepted(inputs)
    rows: list[Row] = []
    for study, risk in risks(facts):
        found = prepared_risk(inputs, study, risk, codes)
        if isinstance(found, str):
            continue
        by_horizon = _estimated(found, risk, codes)
        for horizon, estimates in by_horizon.items():
            rows += _rows(study, risk, horizon, estimates, facts)
    for name in facts.studies:
        for found_of_comparison in control_rows(inputs, catalogue()[name], facts):
            rows += found_of_comparison
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def accepted(inputs: Inputs) -> tuple[str, ...]:
    """Phenotypes that are negative controls."""
    listed = inputs["ref.negative_control"].filter(
        (pl.col("kind_code") == "event") & (pl.col("verdict_code") == "accepted")
    )
    return tuple(listed.select("subject_code").collect()["subject_code"].sort())


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
    ratios = {code: ratio for code, (ratio, _, _) in found.items() if ratio is not None}
    left_out = left_out_rows(
        {code: (float(np.log(each.estimate)), each.log_standard_error) for code, each in ratios.items()}, LEAST_CONTROLS
    )
    rows: list[Row] = []
    for code, (ratio, events, why) in found.items():
        row: Row = {
            "study_id": study.id,
            "contrast": question.words,
            "population": risk.population,
            "control_code": code,
            "scale": SCALE,
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
