"""What `trabecula meta` says and writes: sites and their summary as lines, CSV or JSON. Computing is `meta_view`."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import BadInput
from pipelines.meta_view import TABLE, Cell, MetaView
from pipelines.models.meta_summary import MetaSummary
from pipelines.models.risk_tables import LOG_RATIO as LOG_RISK_RATIO
from pipelines.report.figure import WATERMARK
from pipelines.report.labels import PRIMARY_ESTIMATORS, split_unit
from pipelines.report.numerals import count, decimal, estimate_digits, interval, p_value

TABLES, PICTURES = (".csv", ".json"), (".png",)
#: panels of one picture; more would be unreadable
MOST_PANELS = 24
_FAR = math.log(1e6)
_CELL = (
    *("study_id", "contrast", "outcome", "population", "estimator", "scale", "protocol_hash", "evidence_source"),
    *("horizon_months", "estimand"),
)
_SUMMARY = (
    *("estimate", "standard_error", "ci_low", "ci_high", "p_value", "prediction_low", "prediction_high"),
    *("tau", "tau_squared", "i_squared", "q", "q_p_value", "n_sites", "method"),
)
_TEXTS = (*_CELL, "row", "site", "gate_status", "gate_reason", "method", "why")
_NUMBERS = (
    *("estimate", "se", "ci_low", "ci_high", "p_value", "calibrated_estimate", "calibrated_ci_low"),
    *("calibrated_ci_high", "calibrated_se", "weight", "prediction_low", "prediction_high", "tau", "tau_squared"),
    *("i_squared", "q", "q_p_value"),
)
_COUNTS = ("n_target", "n_comparator", "n_sites")
_COLUMNS = (
    *_CELL,
    *("row", "site", "estimate", "se", "ci_low", "ci_high", "p_value", "weight"),
    *("prediction_low", "prediction_high", "tau", "tau_squared", "i_squared", "q", "q_p_value", "n_sites", "method"),
    *("calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high", "calibrated_se"),
    *("n_target", "n_comparator", "gate_status", "gate_reason", "why"),
)


def lines(view: MetaView) -> Iterator[str]:
    """Every summary with its sites, those left out, and how many cells have no summary and why."""
    if view.is_simulated:
        yield WATERMARK
    for cell in view.summarised:
        yield from _cell_lines(cell)
    yield from _without_summary(view)
    if len({site.code_version for site in view.sites}) > 1:
        told = ", ".join(f"{site.name} {site.code_version}" for site in view.sites)
        yield f"code differs between sites: {told}"
    yield f"{len(view.summarised)} of {len(view.cells)} summarised over {len(view.sites)} sites"


def require_kind(file: Path, kinds: Sequence[str] = TABLES) -> None:
    """Refuse a file to write before anything is computed.

    Args:
        kinds: how its name may end.

    Raises:
        BadInput: another kind of file, or its folder does not exist.
    """
    if file.suffix not in kinds:
        raise BadInput(f"{file}: name a file that ends in {' or '.join(kinds)}")
    if not file.absolute().parent.is_dir():
        raise BadInput(f"{file}: its folder does not exist")


def write(view: MetaView, file: Path) -> None:
    """The whole view as CSV (one row a site, and one a summary, of each cell) or as JSON.

    Raises:
        BadInput: see `require_kind`.
    """
    require_kind(file)
    file.write_text(_csv(view) if file.suffix == ".csv" else _json(view))


def draw(view: MetaView, file: Path) -> str:
    """A forest plot of the primary estimators, as PNG; returns what is to be said of it.

    Raises:
        BadInput: see `require_kind`, or nothing to draw.
    """
    from pipelines.report.figure import png
    from pipelines.report.plot_meta import forest

    require_kind(file, PICTURES)
    shown = [cell for cell in view.summarised if cell.estimator in (*PRIMARY_ESTIMATORS, LOG_RISK_RATIO)]
    cells = shown[:MOST_PANELS] or view.summarised[:MOST_PANELS]
    if not cells:
        raise BadInput(f"{file}: no summary to draw")
    mart = {TABLE: pl.concat([site.estimates for site in view.sites])}
    file.write_bytes(png(lambda _: forest(cells, _told, is_log), mart))
    return f"drawn {len(cells)} of {len(view.summarised)} summaries: {file}"


def _told(cell: Cell) -> list[str]:
    rows = [_numbers(cell, site.estimate, site.ci_low, site.ci_high) for site in cell.sites]
    found = cell.summary
    assert found is not None
    return [*rows, _numbers(cell, found.estimate, found.ci_low, found.ci_high)]


def _csv(view: MetaView) -> str:
    schema: dict[str, Any] = dict.fromkeys(_TEXTS, pl.String) | dict.fromkeys(_NUMBERS, pl.Float64)
    schema |= dict.fromkeys(_COUNTS, pl.Int64) | {"horizon_months": pl.Float64}
    rows = [row for cell in view.cells for row in _rows(cell)]
    frame = pl.DataFrame(rows, schema=schema).select(_COLUMNS)
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv()


def _rows(cell: Cell) -> Iterator[dict[str, Any]]:
    common = {name: getattr(cell, name) for name in _CELL}
    for site in cell.sites:
        yield common | {"row": "site"} | asdict(site)
    for left in cell.left_out:
        yield common | {"row": "left out", "site": left.site, "why": left.reason}
    yield common | {"row": "summary"} | _flat(cell.summary) | {"why": cell.why_none or None}
    yield common | {"row": "summary, calibrated"} | _flat(cell.calibrated) | {"why": cell.why_not_calibrated or None}


def _flat(summary: MetaSummary | None) -> dict[str, Any]:
    if summary is None:
        return {}
    found = {name: getattr(summary, name) for name in _SUMMARY}
    return found | {"se": found.pop("standard_error")}


def _json(view: MetaView) -> str:
    document = {
        "sites": [
            {
                "site": s.name,
                "build_id": s.build_id,
                "code_version": s.code_version,
                "evidence": sorted(s.evidence_sources),
            }
            for s in view.sites
        ],
        "cells": [
            {
                **{name: getattr(cell, name) for name in _CELL},
                "sites": [asdict(site) for site in cell.sites],
                "left_out": [asdict(left) for left in cell.left_out],
                "summary": _finite(_flat(cell.summary)) or None,
                "why_none": cell.why_none or None,
                "calibrated": _finite(_flat(cell.calibrated)) or None,
                "why_not_calibrated": cell.why_not_calibrated or None,
            }
            for cell in view.cells
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(found: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in found.items()}


def is_log(scale: str | None) -> bool:
    """Whether a scale is a logarithm of a ratio, told to readers as the ratio."""
    return re.search(r"\blog\b", scale or "") is not None


def _cell_lines(cell: Cell) -> Iterator[str]:
    yield f"{cell.study_id}: {cell.outcome}, {cell.population}, {cell.estimator}"
    yield f"  {cell.contrast}; {'ratio' if is_log(cell.scale) else cell.scale}; protocol {str(cell.protocol_hash)[:12]}"
    width = max(len(name) for name in ("summary, calibrated", *(site.site for site in cell.sites)))
    for site in cell.sites:
        numbers = _numbers(cell, site.estimate, site.ci_low, site.ci_high)
        weight = "" if site.weight is None else f"; weight {100 * site.weight:.0f} %"
        people = "hidden" if site.n_target is None else count(site.n_target)
        people += "" if site.n_comparator is None else f", {count(site.n_comparator)}"
        gate = f"; gate waived: {site.gate_reason or 'no reason told'}" if site.gate_status == "waived" else ""
        yield f"  {site.site:<{width}}  {numbers}{weight}; people {people}{gate}"
    for name, found in (("summary", cell.summary), ("summary, calibrated", cell.calibrated)):
        if found is not None:
            yield f"  {name:<{width}}  {_summary_text(cell, found)}"
    if cell.calibrated is None and any(site.calibrated_se is not None for site in cell.sites):
        yield f"  {'summary, calibrated':<{width}}  none: {cell.why_not_calibrated}"
    for left in cell.left_out:
        yield f"  {left.site:<{width}}  left out: {left.reason}"


def _summary_text(cell: Cell, found: MetaSummary) -> str:
    numbers = _numbers(cell, found.estimate, found.ci_low, found.ci_high)
    ahead = "no prediction from two sites"
    if math.isfinite(found.prediction_low):
        ahead = f"another site {_interval(cell, found.prediction_low, found.prediction_high)}"
    return (
        f"{numbers}, {p_value(found.p_value)}; {found.n_sites} sites; "
        f"tau {found.tau:.3g}{' (log)' if is_log(cell.scale) else ''}, I2 {100 * found.i_squared:.0f} %; {ahead}"
    )


def _numbers(cell: Cell, middle: float, low: float | None, high: float | None) -> str:
    value = _ratio(middle) if is_log(cell.scale) else decimal(middle, _digits(cell))
    return f"{value} ({_interval(cell, low, high)})"


def _interval(cell: Cell, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "no interval"
    return f"{_ratio(low)} to {_ratio(high)}" if is_log(cell.scale) else interval(low, high, _digits(cell))


def _digits(cell: Cell) -> int:
    """Decimals, the same for every line of a cell."""
    return estimate_digits(split_unit(cell.outcome)[1], min(site.se for site in cell.sites))


def _ratio(log: float) -> str:
    """A ratio in two decimals; the limits of two sites can lie far beyond what these can tell."""
    if abs(log) > _FAR:
        return "above 1e6" if log > 0 else "below 1e-6"
    return decimal(math.exp(log), 2) if abs(log) < math.log(20) else f"{math.exp(log):.2g}"


def _without_summary(view: MetaView) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter()
    for cell in view.cells:
        if cell.summary is None:
            left = "; ".join(f"{each.site}: {each.reason}" for each in cell.left_out)
            found[cell.study_id, cell.why_none + (f" ({left})" if left else "")] += 1
    for (study, why), n in found.items():
        yield f"no summary, {n} of {study}: {why}"
