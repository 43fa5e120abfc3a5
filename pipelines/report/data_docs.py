"""The page of data quality beside the report: every check of every table, what it asks and found, and its trend.

Made from `mart.quality_result` and `mart.quality_trend` alone: counts after disclosure control, never a value of a row.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.report.frames import Mart
from pipelines.report.labels import capitalized
from pipelines.report.numerals import NONE, count, hidden, percent
from pipelines.report.section_checks import verdict
from pipelines.report.views import Cell
from pipelines.tables import CONTRACTS

WHOLE = "all"
_OPEN = frozenset(("fail", "could_not_evaluate"))
_MOST_STRATA = 40
#: a table with more checks than this can be searched, too
LONG = 14
#: checks that ask for the columns of a table and count no rows
_OF_STRUCTURE = ".columns"
_WIDTH, _HEIGHT, _MARGIN = 96.0, 22.0, 3.0


@dataclass(frozen=True, slots=True)
class StratumDoc:
    """A stratum that did not pass: its name, counts in words, verdict."""

    name: str
    found: str
    verdict: Cell


@dataclass(frozen=True, slots=True)
class CheckDoc:
    """A check in words; `spark` is an inline SVG of its latest runs, `cause` why it differs from the run before.

    `share` that must hold and `rows` that break it are what a reader sorts by; a number that is not shown is None.
    """

    identifier: str
    note: str
    source: str
    kind: str
    severity: str
    threshold: str
    violated: str
    evaluated: str
    verdict: Cell
    strata: str
    troubled: tuple[StratumDoc, ...]
    more: int
    spark: str
    cause: str
    share: float | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class TableDoc:
    """The checks of a table with how many of the evaluable verdicts, strata among them, pass."""

    name: str
    description: str
    passed: int
    evaluable: int
    failed: int
    checks: tuple[CheckDoc, ...]


def table_docs(frames: Mart, threshold: int) -> tuple[TableDoc, ...]:
    """Every table that was judged, by name; checks that did not pass come first.

    Args:
        threshold: the smallest cell that may be shown, named where a count is hidden.
    """
    verdicts = frames["mart.quality_result"].sort("table_name", "check_id", "stratum")
    whole = frames["mart.quality_trend"].filter(pl.col("stratum") == WHOLE).sort("build_id")
    runs = {str(check): part for (check,), part in whole.group_by("check_id", maintain_order=True)}
    return tuple(
        _table(str(name), part, runs, threshold)
        for (name,), part in verdicts.group_by("table_name", maintain_order=True)
    )


def sparkline(rates: list[float | None], allowed: float | None) -> str:
    """An inline SVG of shares of rows that break a rule, oldest first; a gap where one is hidden. Empty without any.

    The dashed line is what the threshold allows; the scale goes from 0 to the greatest of what is drawn.
    """
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ""
    limit = [allowed] if allowed is not None else []
    top = max([*known, *limit]) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / max(len(rates) - 1, 1)

    def height(rate: float) -> float:
        return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * rate / top

    points = [(_MARGIN + step * run, height(rate)) for run, rate in enumerate(rates) if rate is not None]
    last_x, last_y = points[-1]
    said = f"{len(rates)} runs, of rows asked {100 * known[-1]:.2f} % break the rule in the latest shown"
    rule = "".join(f'<path class="limit" d="M0 {height(at):.1f}H{_WIDTH:.0f}"></path>' for at in limit)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="spark" role="img" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">'
        f"<title>{said}</title>{rule}{_line(rates, step, height)}"
        f'<circle cx="{last_x:.1f}" cy="{last_y:.1f}" r="2.2"></circle></svg>'
    )


def _line(rates: list[float | None], step: float, height: Any) -> str:
    path, is_drawing = "", False
    for run, rate in enumerate(rates):
        if rate is not None:
            path += f"{'L' if is_drawing else 'M'}{_MARGIN + step * run:.1f} {height(rate):.1f}"
        is_drawing = rate is not None
    return f'<path class="line" d="{path}"></path>'


def _table(name: str, verdicts: pl.DataFrame, runs: dict[str, pl.DataFrame], threshold: int) -> TableDoc:
    tally = dict(verdicts["status"].cast(pl.String).value_counts().iter_rows())
    passed, failed = tally.get("pass", 0), tally.get("fail", 0)
    docs = [
        (_OPEN.isdisjoint(part["status"].to_list()), _check(part, runs.get(str(check)), threshold))
        for (check,), part in verdicts.group_by("check_id", maintain_order=True)
    ]
    contract = CONTRACTS.get(name)
    return TableDoc(
        name=name,
        description=contract.description.replace("`", "") if contract else "",
        passed=passed,
        evaluable=passed + failed,
        failed=failed,
        checks=tuple(doc for _, doc in sorted(docs, key=lambda pair: pair[0])),
    )


def _check(strata: pl.DataFrame, runs: pl.DataFrame | None, threshold: int) -> CheckDoc:
    rows = strata.to_dicts()
    whole = next((row for row in rows if row["stratum"] == WHOLE), rows[0])
    parts = [row for row in rows if row is not whole]
    troubled = [row for row in parts if row["status"] in _OPEN]
    allowed = None if whole["threshold"] is None else 1 - whole["threshold"]
    rates = [] if runs is None else runs["rate"].to_list()
    cause = "" if runs is None or runs.is_empty() else runs["cause"][-1]
    return CheckDoc(
        identifier=whole["check_id"],
        note=whole["note"],
        source=whole["source"] or "",
        kind=f"{capitalized(whole['category'])}, {whole['context']}",
        severity=whole["severity"],
        threshold=NONE
        if whole["threshold"] is None
        else percent(100 * whole["threshold"]).replace(".0\u00a0", "\u00a0"),
        violated=_shown(whole, "n_violated", threshold),
        evaluated=_shown(whole, "n_evaluated", threshold),
        verdict=verdict(whole["status"]),
        strata=f"{len(parts):,} strata, {len(troubled):,} not passed" if parts else "",
        troubled=tuple(_stratum(row, threshold) for row in troubled[:_MOST_STRATA]),
        more=max(len(troubled) - _MOST_STRATA, 0),
        spark=sparkline(rates, allowed),
        cause="" if cause in ("none", "first run") else cause,
        share=whole["threshold"],
        rows=whole["n_violated"] if _shown(whole, "n_violated", threshold) == count(whole["n_violated"]) else None,
    )


def _stratum(row: dict[str, Any], threshold: int) -> StratumDoc:
    found = f"{_shown(row, 'n_violated', threshold)} of {_shown(row, 'n_evaluated', threshold)}"
    return StratumDoc(row["stratum"], found, verdict(row["status"]))


def _shown(row: dict[str, Any], name: str, threshold: int) -> str:
    """A count, or that it is hidden; none where no rows were counted. A few that slipped through are hidden here."""
    value = row[name]
    if row["status"] == "could_not_evaluate" or row["check_id"].endswith(_OF_STRUCTURE):
        return NONE
    return hidden(threshold) if value is None or 0 < value < threshold else count(value)
