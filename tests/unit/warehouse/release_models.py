"""What models tell of a night besides means, events and characteristics of two arms: overlap, curves, bends, shares of a survey.

Numbers of the people of `release_world`, each computed as simply as it may be; no claim of any kind.
"""

import datetime as dt
import math
from collections.abc import Iterator

import polars as pl

Arms = dict[str, pl.DataFrame]
_BINS, _MONTH = 20, 30
_READ = {"common": ("read", ""), "other": ("blank", "no dose"), "rare": ("refused", "two drugs")}
_WIDTH = 1.96


def tables(key: dict[str, str], there: pl.DataFrame, arms: Arms, before: Arms | None) -> dict[str, list[dict]]:
    """Rows of each table.

    Args:
        key: study, contrast, outcome and population.
        there: everybody, also those who are not studied.
        before: the arms of the night before.
    """
    pair = tuple(arms.values())
    everybody = pl.concat(pair)
    return {
        "models.covariate_balance": list(_balance(key, *pair)),
        "models.propensity_score": [row for arm, of in arms.items() for row in _overlap(key, arm, of)],
        "models.negative_control": [_control(key, *pair)],
        "models.dose_response": list(_curve(key, everybody)),
        "models.threshold": [_bend(key, everybody)],
        "models.change_point": list(_steps(everybody)),
        "models.evidence_drift": [_drift(key, pair, before and tuple(before.values()))],
        "models.e2_distribution": list(_distribution(everybody)),
        "models.bone_prevalence": list(_prevalence(key["study_id"], everybody)),
        "cohort.sig_count": list(_instructions(there)),
    }


def _limits(estimate: float, error: float, unit: str = "") -> dict[str, float]:
    return {f"ci_low{unit}": estimate - _WIDTH * error, f"ci_high{unit}": estimate + _WIDTH * error}


def _apart(target: pl.Series, comparator: pl.Series) -> tuple[float, float]:
    """Standardised difference and ratio of variances."""
    one, other = float(target.var()), float(comparator.var())
    return float(target.mean() - comparator.mean()) / math.sqrt((one + other) / 2), one / other


def _balance(key: dict[str, str], target: pl.DataFrame, comparator: pl.DataFrame) -> Iterator[dict]:
    for covariate, is_presence, value in (
        ("value", False, pl.col("value")),
        ("is_rare", True, (pl.col("level") == "rare").cast(pl.Float64)),
        ("event", True, pl.col("has_event").cast(pl.Float64)),
    ):
        of = [arm.select(value.alias("x"))["x"] for arm in (target, comparator)]
        apart, ratio = _apart(*of)
        yield {
            **key, "covariate": covariate, "mean_target": float(of[0].mean()), "mean_comparator": float(of[1].mean()),
            "smd_before": apart, "smd_after": apart / 3, "variance_ratio": ratio, "is_presence": is_presence,
            "n_known_target": of[0].len(), "n_known_comparator": of[1].len(), "n_target": of[0].len(),
            "n_comparator": of[1].len(), "evidence_source": "real",
        }  # fmt: skip


def _overlap(key: dict[str, str], arm: str, there: pl.DataFrame) -> Iterator[dict]:
    """The rare have the last bin to themselves."""
    usual = pl.col("until_day") % (_BINS - 2) + 1
    bins = there.select(pl.when(pl.col("level") == "rare").then(_BINS).otherwise(usual).alias("bin"))["bin"]
    for number in range(1, _BINS + 1):
        yield {**key, "arm_code": arm, "bin_number": number, "lower": (number - 1) / _BINS, "upper": number / _BINS,
               "n": int((bins == number).sum())}  # fmt: skip


def _control(key: dict[str, str], target: pl.DataFrame, comparator: pl.DataFrame) -> dict:
    events = [arm.filter("has_event").height for arm in (target, comparator)]
    estimate = math.log(events[0] / target.height) - math.log(events[1] / comparator.height)
    error = math.sqrt(sum(1 / n for n in events))
    of = {name: key[name] for name in ("study_id", "contrast", "population")}
    return {
        **of, "control_code": "cataract", "evidence_source": "real", "scale": "log ratio of risks", "se": error,
        "events_target": events[0], "events_comparator": events[1], "n_target": target.height,
        "n_comparator": comparator.height, "estimate": estimate, **_limits(estimate, error),
        "calibrated_estimate": 0.9 * estimate,
        **{f"calibrated_{name}": value for name, value in _limits(0.9 * estimate, error).items()},
    }  # fmt: skip


def _slope(there: pl.DataFrame) -> tuple[float, float]:
    """Of value on the day, in months, and its error."""
    x, y = there["event_day"] / _MONTH, there["value"]
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return slope, float(y.std()) / float(x.std()) / math.sqrt(there.height)


def _curve(key: dict[str, str], there: pl.DataFrame) -> Iterator[dict]:
    slope, error = _slope(there)
    dose = there["event_day"] / _MONTH
    reference = float(dose.median())
    of = {name: key[name] for name in ("study_id", "outcome", "population")}
    for number, share in enumerate((0.05, 0.35, 0.65, 0.95), start=1):
        at = float(dose.quantile(share, "linear"))
        estimate, wide = slope * (at - reference), error * max(abs(at - reference), 0.1)
        yield {**of, "point_number": number, "evidence_source": "real", "exposure": "dose", "exposure_value": at,
               "reference_value": reference, "estimate": estimate, **_limits(estimate, wide),
               "knots": f"{reference:.2f}", "gate_status": "open"}  # fmt: skip


def _bend(key: dict[str, str], there: pl.DataFrame) -> dict:
    slope, error = _slope(there)
    place = float(there["until_day"].mean()) / _MONTH
    return {
        **key, "analysis": "primary", "protocol_hash": "h", "evidence_source": "real", "exposure": "estradiol",
        "answer": "kink", "why": "it bends", "p_value": 0.01234567, "place_pg_ml": place, **_limits(place, 0.4, "_pg_ml"),
        "is_open_low": False, "is_open_high": False, "is_empty": False, "place_uncorrected_pg_ml": 1.1 * place,
        "searched_low_pg_ml": 2.0, "searched_high_pg_ml": 90.0, "slope_below": slope, "slope_below_se": error,
        "slope_above": slope / 2, "slope_above_se": error, "slope_below_corrected": slope,
        "slope_above_corrected": slope / 2, "n_people": there.height, "gate_status": "open",
    }  # fmt: skip


def _steps(there: pl.DataFrame) -> Iterator[dict]:
    """A step at a large place, and one at a place where only the rare were scanned."""
    for place, of in (("large", there), ("small", there.filter(level="rare"))):
        if of.height > 1:
            change = 10 * float(of["value"].mean())
            yield {
                "quantity": "bmd", "item_code": "hip", "place_kind": "densitometer", "place_code": place,
                "quarter_number": 8000, "starts_on": dt.date(2020, 1, 1), "n_pairs": of.height, "status": "computed",
                "change_pct": change, **_limits(change, 10 * float(of["value"].std()) / math.sqrt(of.height), "_pct"),
                "p_adjusted": 0.0001, "is_peak": True, "cause_code": "none",
            }  # fmt: skip


def _drift(key: dict[str, str], arms: tuple[pl.DataFrame, ...], before: tuple[pl.DataFrame, ...] | None) -> dict:
    n, smd = sum(arm.height for arm in arms), _apart(arms[0]["value"], arms[1]["value"])[0]
    row = {
        **key,
        "estimator": "difference",
        "evidence_source": "real",
        "gate_status": "open",
        "n": n,
        "largest_smd": smd,
    }
    if before is None:
        return {**row, "cause": "first"}
    was = _apart(before[0]["value"], before[1]["value"])[0]
    return {
        **row, "previous_gate_status": "open", "n_change": n - sum(arm.height for arm in before), "cause": "input",
        "largest_smd_change": smd - was, "ease_change": (smd - was) / 2, "estimate_change_se": 10 * (smd - was),
    }  # fmt: skip


def _shares(there: pl.DataFrame) -> Iterator[tuple[int, str, int, float]]:
    """Levels, how many are of them and their share, weighted as in a survey."""
    whole = float(there["until_day"].sum())
    for number, level in enumerate(("common", "other", "rare")):
        of = there.filter(level=level)
        yield number, level, of.height, 100 * float(of["until_day"].sum()) / whole


def _distribution(there: pl.DataFrame) -> Iterator[dict]:
    for number, _, n, share in _shares(there):
        yield {"cycle_label": "2024", "assay_class": "immunoassay", "population": "everybody", "bin_number": number,
               "lower_pg_ml": 10.0 * number, "upper_pg_ml": 10.0 * (number + 1), "lloq_pg_ml": 5.0, "n": n,
               "weighted_share_pct": share}  # fmt: skip


def _prevalence(study: str, there: pl.DataFrame) -> Iterator[dict]:
    for _, level, n, share in _shares(there):
        error = math.sqrt(max(share, 0.1) * (100 - share) / there.height)
        yield {
            "study_id": study, "cycle_label": "2024", "site_code": "hip", "sex_code": "all", "reference_code": "white",
            "band": level, "evidence_source": "real", "prevalence_pct": share, "se_pct": error,
            **_limits(share, error, "_pct"), "n_band": n, "n": there.height, "df": 30, "gate_status": "open",
        }  # fmt: skip


def _instructions(there: pl.DataFrame) -> Iterator[dict]:
    """One instruction a person and level; of the rare, few."""
    for level, (outcome, reason) in _READ.items():
        of = there.filter(level=level)
        if of.height:
            yield {"source_id": "omop", "language": "en", "outcome": outcome, "reason": reason,
                   "n_sigs": of["until_day"].n_unique(), "n_rows": int((of["event_day"] % 3 + 1).sum()),
                   "n_people": of.height}  # fmt: skip
