"""Mart frames as the report may use them: columns of the contract, in order, closed gates and hidden cells emptied.

Contracts already promise NULL behind a closed gate; emptying again here means no mistake upstream can print an answer.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from pipelines.errors import BadInput
from pipelines.report.labels import COMPARISON_ESTIMATORS, JOINT_TEST, NONLINEARITY_TEST, PRIMARY_ESTIMATORS
from pipelines.report.order import ORDER
from pipelines.settings import MIN_CELL
from pipelines.tables import CONTRACTS

_OPEN = ("open", "waived")
_BEND = (
    *("p_value", "place_pg_ml", "ci_low_pg_ml", "ci_high_pg_ml", "is_open_low", "is_open_high", "is_empty"),
    *("place_uncorrected_pg_ml", "searched_low_pg_ml", "searched_high_pg_ml", "slope_below", "slope_below_se"),
    *("slope_above", "slope_above_se", "slope_below_corrected", "slope_above_corrected"),
)
_ANSWERS = {
    "mart.effect_estimate": (
        "estimate",
        "ci_low",
        "ci_high",
        "se",
        "p_value",
        "calibrated_estimate",
        "calibrated_ci_low",
        "calibrated_ci_high",
        "e_value",
        "e_value_limit",
        "events_target",
        "events_comparator",
    ),
    "mart.bone_prevalence": ("prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct", "n_band"),
    "mart.bmd_trajectory": ("change_pct", "se_pct", "ci_low_pct", "ci_high_pct"),
    "mart.threshold": _BEND,
    "mart.evidence_drift": ("estimate_change_se",),
}
_HIDDEN = {
    "mart.bone_prevalence": ("prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct", "n_band"),
    "mart.table_one": ("n",),
    "mart.e2_distribution": ("n", "weighted_share_pct"),
    "mart.measurement_count": ("n",),
    "mart.diagnostic": ("value",),
    "mart.covariate_balance": ("smd_before", "smd_after", "variance_ratio"),
    "mart.negative_control": (
        *("estimate", "ci_low", "ci_high", "calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high"),
    ),
    "mart.propensity_score": ("share_pct",),
    "mart.source_file": ("sha256",),
    "mart.change_point": ("change_pct", "ci_low_pct", "ci_high_pct", "cause_code"),
    "mart.threshold": _BEND,
    "mart.evidence_drift": ("n_change", "largest_smd_change", "ease_change", "estimate_change_se"),
}
# The number of people alone may be hidden: where it is told, what is hidden is the value beside it.
_BESIDE = {
    "mart.cumulative_incidence": ("n_at_risk", ("risk_pct", "se_pct", "ci_low_pct", "ci_high_pct")),
    "mart.bmd_trajectory": ("n_observed", ("change_pct", "se_pct", "ci_low_pct", "ci_high_pct")),
}
_CLAIMED = ("estimate", "ci_low", "ci_high", "confidence_pct", "p_value")
_CURVE = ("study_id", "outcome", "population")
_QUESTION = ("study_id", "contrast", "outcome", "population")

Mart = Mapping[str, pl.DataFrame]


class Sealed(dict[str, pl.DataFrame]):
    """Frames that `prepared` made, or rows of them: nothing is asked of them again."""


def prepared(mart: Mart, required: Iterable[str], min_cell: int = MIN_CELL) -> Sealed:
    """The frames checked, sorted by key and sealed; equal content gives equal frames whatever the row order.

    A count of people from 1 to `min_cell` - 1 that reached the mart is hidden here with all its row.

    Raises:
        BadInput: a required table is missing or a frame has other columns than its contract. Every problem is listed.
    """
    required = tuple(required)
    if isinstance(mart, Sealed) and mart.keys() >= set(required):
        return mart
    problems = [f"{name}: not given to the report; publish it first" for name in required if name not in mart]
    for name, frame in mart.items():
        wanted = [column.name for column in CONTRACTS[name].columns] if _is_mart(name) else None
        if wanted is None:
            problems.append(f"{name}: no such table; the report takes tables of mart")
        elif set(frame.columns) != set(wanted):
            odd = sorted(set(frame.columns) ^ set(wanted))
            problems.append(f"{name}: columns {', '.join(odd)} missing or not of the contract; rebuild the mart")
    if problems:
        raise BadInput(problems)
    frames = Sealed({name: _sealed(name, _plain(name, frame), min_cell) for name, frame in mart.items()})
    if "mart.dose_response" in frames and "mart.effect_estimate" in frames:
        is_answered = pl.col("gate_status").is_in(_OPEN) & pl.col("estimate").is_not_null()
        shown = primary(frames["mart.effect_estimate"]).filter(is_answered).select(_CURVE).unique()
        frames["mart.dose_response"] = frames["mart.dose_response"].join(
            shown, on=_CURVE, how="semi", maintain_order="left"
        )
    for course in ("mart.cumulative_incidence", "mart.bmd_trajectory"):
        if course in frames and "mart.effect_estimate" in frames:
            is_answered = pl.col("gate_status").is_in(_OPEN) & pl.col("estimate").is_not_null()
            shown = primary(frames["mart.effect_estimate"]).filter(is_answered).select(*_QUESTION).unique()
            frames[course] = frames[course].join(shown, on=_QUESTION, how="semi", maintain_order="left")
    return frames


def _is_mart(name: str) -> bool:
    return name in CONTRACTS and CONTRACTS[name].layer == "mart"


def primary(estimates: pl.DataFrame) -> pl.DataFrame:
    """Rows of each study's primary estimator; in a study without a known one, of its only real estimator."""
    no_answer = (*COMPARISON_ESTIMATORS, JOINT_TEST, NONLINEARITY_TEST)
    candidates = estimates.filter(~pl.col("estimator").is_in(no_answer))
    known = pl.col("estimator").is_in(PRIMARY_ESTIMATORS)
    has_known = known.any().over("study_id")
    is_only = pl.col("estimator").n_unique().over("study_id") == 1
    return candidates.filter(known | (~has_known & is_only))


def evidence_sources(mart: Mart) -> frozenset[str]:
    """Every evidence source that occurs in the frames at hand; empty where none of them says."""
    found: set[str] = set()
    for frame in mart.values():
        if "evidence_source" in frame.columns:
            found |= set(frame["evidence_source"].cast(pl.String).drop_nulls().unique())
    return frozenset(found)


def _plain(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    contract = CONTRACTS[name]
    columns = [column.name for column in contract.columns]
    coded = [column for column in columns if isinstance(frame.schema[column], (pl.Enum, pl.Categorical))]
    plain = frame.select(columns).with_columns(pl.col(coded).cast(pl.String))
    order = [by for key in contract.key for by in (*_rank(key), pl.col(key))]
    return plain.sort(order, nulls_last=True, maintain_order=True)


def _rank(key: str) -> list[pl.Expr]:
    """Codes in the order a reader expects before those in alphabetical order."""
    known = ORDER.get(key)
    return [pl.col(key).replace_strict(known, list(range(len(known))), default=len(known))] if known else []


def _sealed(name: str, frame: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    people = [c.name for c in CONTRACTS[name].columns if c.unit == "{persons}" and c.duckdb_type == "BIGINT"]
    if name == "mart.diagnostic":
        is_small = pl.col("diagnostic").eq("unweighted_n") & pl.col("value").is_between(1, min_cell - 1)
    else:
        is_small = pl.any_horizontal(pl.lit(value=False), *(pl.col(c).is_between(1, min_cell - 1) for c in people))
    if "is_suppressed" in frame.columns:
        frame = frame.with_columns(is_suppressed=pl.col("is_suppressed") | is_small.fill_null(value=False))
    if name in _BESIDE:
        count_of, values = _BESIDE[name]
        is_taken = is_small | (pl.col("is_suppressed") & pl.col(count_of).is_not_null())
        frame = frame.with_columns(pl.when(~is_taken.fill_null(value=False)).then(pl.col(c)) for c in values)
    frame = frame.with_columns(pl.when(~pl.col(c).is_between(1, min_cell - 1)).then(pl.col(c)) for c in people)
    if name in _ANSWERS:
        is_open = pl.col("gate_status").is_in(_OPEN).fill_null(value=False)
        frame = frame.with_columns(pl.when(is_open).then(pl.col(column)) for column in _ANSWERS[name])
    if name in _HIDDEN:
        is_shown = ~pl.col("is_suppressed").fill_null(value=True)
        frame = frame.with_columns(pl.when(is_shown).then(pl.col(column)) for column in _HIDDEN[name])
    if name == "mart.claim":
        is_answered = pl.col("verdict").ne_missing("not_answerable")
        frame = frame.with_columns(pl.when(is_answered).then(pl.col(column)) for column in _CLAIMED)
    if name == "mart.table_one":
        # A mean may be shown although its n is hidden (few values are missing); a share never is.
        is_told = ~pl.col("is_suppressed") | pl.col("level").eq("mean")
        frame = frame.with_columns(pl.when(is_told).then(pl.col(c)) for c in ("estimate", "spread"))
    return frame
