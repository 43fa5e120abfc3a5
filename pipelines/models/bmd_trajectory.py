"""`models.bmd_trajectory`: mean change of bone density in either arm, at each year and at the horizon, where the gate is open.

At the horizon the two means behind the primary estimate, from its own influence functions. A question owns the years after the
horizon before its own; each of them has the diagnostics of the question asked anew of the scans of that year, and is told only
where all hold: propensity and balance are those of time zero, who is scanned differs. Not here: estimates (`contrast_tables`),
what may leave (`mart_curve`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.models.clone_treatment import CLONES, PreparedClones, diagnose_clones, estimate_clones, prepare_clones
from pipelines.models.contrast_frame import ContrastFrame, stages_to
from pipelines.models.contrast_tables import PRIMARY, sizes_of
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import Z975, ContrastEstimate
from pipelines.models.point_treatment import Finding, Prepared, diagnose, primary_contrast
from pipelines.models.propensity_model import Row, contrast_key, contrasts, prepared
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.contrast import Contrast
from pipelines.trials.study import Study

TABLE = "models.bmd_trajectory"
YEAR_DAYS = 365.25
#: the end of a year so near to a horizon is that horizon
_NEAR_DAYS = 15
#: a wider window would count a scan in two years
_MOST_WINDOW_DAYS = 182
_HOLDS = ("pass", "not_applicable")
_PERSON = ("person_id", "trial_number")
Found = Prepared | PreparedClones


@dataclass(frozen=True, slots=True)
class YearScans:
    """The people of a contrast [n], in the order of its frame, and who of them was scanned about the end of one year.

    Attributes:
        change: [n] change since the baseline in percent; NaN where not scanned in the window.
        is_followed: [n] alive and under observation when the window opens.
    """

    change: np.ndarray
    is_followed: np.ndarray


def bmd_trajectory(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """Change by arm and day of every question about bone density whose gate is open; no row behind a closed one."""
    answered = _answered(inputs)
    bone = inputs["ref.continuous_outcome"].filter(pl.col("kind_code") == "dxa").select("outcome_code").collect()
    outcomes = set(bone["outcome_code"])
    rows: list[Row] = []
    for study, contrast in contrasts(facts):
        key = contrast_key(study, contrast)
        gate = answered.get(tuple(key.values()))
        if gate is None or contrast.outcome not in outcomes:
            continue
        found = prepared(inputs, study, contrast)
        if isinstance(found, str):
            continue
        common = key | {"evidence_source": facts.evidence_source}
        for year in owned_years(study, contrast):
            rows += _of_year(inputs, study, contrast, found, year, common)
        last = common | {"follow_up_days": contrast.horizon_days}
        rows += _told(contrast, found, _contrast(found, study), last | gate)
    return pl.DataFrame(rows, schema=CONTRACTS[TABLE].empty().schema).lazy()


def owned_years(study: Study, contrast: Contrast) -> tuple[int, ...]:
    """Whole years after the horizon of the same question before this one, and before its own; none within a grace period."""
    asked = ("cohort", "target", "comparator", "population", "outcome")
    alike = [each for each in study.contrast if all(getattr(each, n) == getattr(contrast, n) for n in asked)]
    before = max((e.horizon_days for e in alike if e.horizon_days < contrast.horizon_days), default=0)
    cohort = next(each for each in study.cohort if each.code == contrast.cohort)
    grace = 0 if contrast.grace_intervals is None else cohort.grace_days or 0
    return tuple(
        year
        for year in range(1, int(contrast.horizon_days / YEAR_DAYS) + 1)
        if before + _NEAR_DAYS < year_days(year) < contrast.horizon_days - _NEAR_DAYS
        and year_days(year) - _window(contrast) > grace
    )


def year_days(year: int) -> int:
    """Days from time zero to the end of a year, as in `features.bmd_by_year`."""
    return int(YEAR_DAYS * year + 0.5)


def year_scans(inputs: Inputs, study: Study, contrast: Contrast, year: int) -> YearScans:
    """Who of a contrast was scanned about the end of a year."""
    mine = (pl.col("study_id") == study.id) & (pl.col("contrast_number") == study.contrast_number(contrast))
    people = inputs["features.outcome_value"].filter(mine).select(*_PERSON, "followed_days")
    scans = inputs["features.bmd_by_year"].filter(mine, pl.col("year_number") == year).select(*_PERSON, "change_pct")
    rows = people.join(scans, on=list(_PERSON), how="left").sort(*_PERSON).collect()
    opens = year_days(year) - _window(contrast)
    followed = (rows["followed_days"] >= opens).fill_null(value=False)
    return YearScans(rows["change_pct"].fill_null(float("nan")).to_numpy(), followed.to_numpy())


def at_year(found: Found, scans: YearScans) -> Found:
    """The same people and arms with the change of another year for an outcome.

    Raises:
        NotEstimable: by clones, nobody was scanned, or a model cannot be fitted.
    """
    if isinstance(found, Prepared):
        return replace(found, frame=_frame_at(found.frame, scans))
    clones = replace(found.frame, frame=_frame_at(found.frame.frame, scans))
    return prepare_clones(clones, found.penalty)


def _frame_at(frame: ContrastFrame, scans: YearScans) -> ContrastFrame:
    # Who deviates before a year is over has done so before the horizon, and is no longer followed then.
    is_deviated = None if frame.is_deviated is None else frame.is_deviated & ~scans.is_followed
    return replace(
        frame,
        outcome=scans.change,
        stages=stages_to(scans.is_followed, np.isfinite(scans.change), is_deviated),
        is_dead=frame.is_dead & ~scans.is_followed,
        is_censored=np.zeros(frame.treated.size, dtype=bool),
        is_deviated=is_deviated,
    )


def _window(contrast: Contrast) -> int:
    return min(contrast.window_days, _MOST_WINDOW_DAYS)


def _of_year(inputs: Inputs, study: Study, contrast: Contrast, found: Found, year: int, common: Row) -> Iterator[Row]:
    """Both arms at the end of one year, or why they are not told."""
    row = common | {"follow_up_days": year_days(year)}
    try:
        there = at_year(found, year_scans(inputs, study, contrast, year))
        why = "; ".join(f"{each.diagnostic} {each.status}" for each in _judged(there, study) if not _holds(each))
        if not why:
            yield from _told(contrast, there, _contrast(there, study), row | {"gate_status": "open"})
            return
    except NotEstimable as error:
        why = f"not estimable: {error}"
    for arm in (contrast.target, contrast.comparator):
        yield row | {"arm_code": arm, "gate_status": "closed", "gate_reason": why}


def _judged(found: Found, study: Study) -> tuple[Finding, ...]:
    is_cloned = isinstance(found, PreparedClones)
    return diagnose_clones(found, study.diagnostics) if is_cloned else diagnose(found, study.diagnostics)


def _holds(finding: Finding) -> bool:
    return finding.status in _HOLDS


def _contrast(found: Found, study: Study) -> ContrastEstimate:
    """The primary estimate: of the horizon the one of `models.effect_estimate`, folds and all."""
    if isinstance(found, PreparedClones):
        answer, *_ = estimate_clones(found)
        assert isinstance(answer.estimate, ContrastEstimate)
        return answer.estimate
    penalty = found.propensity.fit.penalty
    return primary_contrast(found.frame, found.design.values, penalty, study.seed).contrast


def _told(contrast: Contrast, found: Found, answer: ContrastEstimate, common: Row) -> Iterator[Row]:
    """Both arms on one day, each with its own error and the people of either arm behind them."""
    sizes = sizes_of(found)
    sides = (
        ("target", answer.mean_target, answer.error_target),
        ("comparator", answer.mean_comparator, answer.error_comparator),
    )
    for (side, mean, error), (other, *_) in zip(sides, reversed(sides), strict=True):
        yield common | {
            "arm_code": getattr(contrast, side),
            "change_pct": mean,
            "se_pct": error,
            "ci_low_pct": mean - Z975 * error,
            "ci_high_pct": mean + Z975 * error,
            "n_arm": sizes[f"n_{side}"],
            "n_observed": sizes[f"n_observed_{side}"],
            "n_observed_other": sizes[f"n_observed_{other}"],
        }


def _answered(inputs: Inputs) -> dict[tuple[object, ...], Row]:
    """Gate of every question that has a primary estimate, by its key."""
    found = inputs["models.effect_estimate"].filter(
        pl.col("estimator").is_in([PRIMARY, CLONES]),
        pl.col("estimate").is_not_null(),
        pl.col("gate_status") != "closed",
    )
    names = ("study_id", "contrast", "outcome", "population")
    columns = found.select(*names, pl.col("gate_status").cast(pl.String), "gate_reason").collect()
    return {tuple(row[name] for name in names): {n: row[n] for n in columns.columns[4:]} for row in columns.to_dicts()}
