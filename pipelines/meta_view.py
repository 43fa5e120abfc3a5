"""One answer over several sites that share no row: published estimates side by side, and their random-effects summary.

Read are `mart.effect_estimate` and `mart.build` of each site's published file, after disclosure control. Statistics stand in
`models.meta_summary`; what is printed or written in `meta_lines`. Not here: rows of people, totals of people, verdicts on claims.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import NormalDist
from typing import Any

import duckdb
import numpy as np
import polars as pl

from pipelines import settings as machine
from pipelines.errors import BadInput
from pipelines.models.meta_summary import MetaSummary, summarise
from pipelines.models.symptom_tables import ABOVE, BELOW, BREAK
from pipelines.report.frames import prepared
from pipelines.warehouse import withdrawal
from pipelines.warehouse.engine import connect_read_only

TABLE = "mart.effect_estimate"
SIMULATED = "simulated"
FILE = "release.duckdb"
_QUESTION = ("study_id", "contrast", "outcome", "population")
#: what estimates must share, besides question and estimator, to be of one quantity; in the words of a refusal
_SHARED = {
    "protocol_hash": "protocol",
    "evidence_source": "evidence source",
    "scale": "scale",
    "horizon_months": "horizon in months",
    "estimand": "estimand",
    "intercurrent_strategy": "strategy for intercurrent events",
}
_SITE_CHOSE = (BELOW, ABOVE, BREAK)
_OPEN = ("open", "waived")
_LEAST_SITES = 2
_LONGEST = 40
_Z = NormalDist().inv_cdf(0.975)

_Row = dict[str, Any]
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What one site published.

    Attributes:
        estimates: `mart.effect_estimate` by its contract, closed gates and small counts emptied once more.
    """

    name: str
    build_id: str
    code_version: str
    evidence_sources: frozenset[str]
    estimates: pl.DataFrame


@dataclass(frozen=True, slots=True)
class SiteEstimate:
    """The answer of one site, as published; a count that is hidden there is None.

    Attributes:
        estimate, se, ci_low, ci_high: on the scale of the cell.
        calibrated_se: width of the calibrated 95 % interval over twice 1.96; None where the site has no calibration.
        weight: share in the summary, 0 to 1; None without one.
    """

    site: str
    estimate: float
    se: float
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    calibrated_estimate: float | None
    calibrated_ci_low: float | None
    calibrated_ci_high: float | None
    calibrated_se: float | None
    n_target: int | None
    n_comparator: int | None
    gate_status: str
    gate_reason: str | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A site that is not in a summary, and why; `is_closed` where its own gate is the reason."""

    site: str
    reason: str
    is_closed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One study, contrast, outcome, population, estimator and scale under one protocol, over all sites.

    Attributes:
        estimator, scale, protocol_hash, evidence_source, horizon_months, estimand: None where no site answered.
        sites: those behind an open or waived gate, in the order given.
        left_out: every other site.
        summary: of the estimates; None with the reason in `why_none`.
        calibrated: of the calibrated estimates; None with the reason in `why_not_calibrated`.
    """

    study_id: str
    contrast: str
    outcome: str
    population: str
    estimator: str | None
    scale: str | None
    protocol_hash: str | None
    evidence_source: str | None
    horizon_months: float | None
    estimand: str | None
    sites: tuple[SiteEstimate, ...]
    left_out: tuple[LeftOut, ...]
    summary: MetaSummary | None
    why_none: str
    calibrated: MetaSummary | None
    why_not_calibrated: str


@dataclass(frozen=True, slots=True, eq=False)
class MetaView:
    """Every question that any site asked, over all sites."""

    sites: tuple[Site, ...]
    cells: tuple[Cell, ...]

    @property
    def summarised(self) -> tuple[Cell, ...]:
        """Cells with a summary."""
        return tuple(cell for cell in self.cells if cell.summary is not None)

    @property
    def is_simulated(self) -> bool:
        """Whether the people are invented, at every site."""
        return any(SIMULATED in site.evidence_sources for site in self.sites)


def read_sites(given: Sequence[str]) -> tuple[Site, ...]:
    """What each site published, read-only.

    Args:
        given: home folders, folders of one build or published DuckDB files, each as `path` or `name=path`.

    Raises:
        BadInput: fewer than two sites, a name that stands twice, or a file that is absent, unreadable, of another version
            or no table of aggregates. Every problem is listed.
    """
    sites, problems = [], []
    for text in given:
        try:
            sites.append(_read(*_named(text)))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    return tuple(sites)


def meta_view(sites: Sequence[Site]) -> MetaView:
    """Estimates of every question side by side, summarised where two sites or more answered the same one.

    Raises:
        BadInput: fewer than two sites, a name or a build that stands twice, or simulated evidence beside other.
    """
    _require_fit(sites)
    rows: dict[_Key, dict[str, list[_Row]]] = defaultdict(lambda: defaultdict(list))
    for site in sites:
        for row in site.estimates.iter_rows(named=True):
            rows[tuple(row[name] for name in _QUESTION)][site.name].append(row)
    names = [site.name for site in sites]
    return MetaView(tuple(sites), tuple(cell for question in rows for cell in _cells(question, rows[question], names)))


def _named(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    if sign and not Path(text).expanduser().exists():
        return name.strip(), Path(path).expanduser()
    whole = Path(text).expanduser().absolute()
    return whole.parent.name if whole.name in (FILE, "warehouse.duckdb") else whole.stem, whole


def _read(name: str, path: Path) -> Site:
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        if path.is_dir() and withdrawal.pending(machine.load(path)) is not None:
            raise BadInput(f"{path}: {withdrawal.TAKEN_BACK}")
        raise BadInput(f"{file}: nothing is published there; name a home or a copy of its {FILE}")
    try:
        with connect_read_only(file) as connection:
            # A view of a file from elsewhere could read whatever lies on this machine.
            kinds = dict(
                connection.execute(
                    "select table_name, table_type from information_schema.tables "
                    "where table_schema = 'mart' and table_catalog = current_database()"
                ).fetchall()
            )
            if any(kinds.get(table) != "BASE TABLE" for table in ("effect_estimate", "build")):
                raise BadInput(
                    f"{file}: no published file of Trabecula: mart.effect_estimate or mart.build is no table"
                )
            estimates = connection.sql("from mart.effect_estimate").pl()
            builds = connection.execute("select build_id, code_version, evidence_source from mart.build").fetchall()
    except duckdb.Error as error:
        raise BadInput(f"{file}: cannot be read as a published DuckDB file") from error
    if len(builds) != 1:
        raise BadInput(f"{file}: mart.build has {len(builds)} rows, not one")
    build_id, code_version, evidence = builds[0]
    return site_of(name, estimates, build_id, code_version, evidence)


def site_of(name: str, estimates: pl.DataFrame, build_id: str, code_version: str, evidence_source: str) -> Site:
    """A site of a published table of estimates, checked and sealed.

    Raises:
        BadInput: columns other than those of the contract, or a key that stands twice.
    """
    try:
        sealed = prepared({TABLE: estimates}, [TABLE])[TABLE]
    except BadInput as error:
        raise BadInput([f"{name}: {problem}: published by another version" for problem in error.problems]) from error
    if sealed.select(*_QUESTION, "estimator").is_duplicated().any():
        raise BadInput(f"{name}: an estimate stands twice in {TABLE}")
    said = frozenset(sealed["evidence_source"].drop_nulls().unique()) | {evidence_source}
    return Site(name, build_id, code_version, said, sealed)


def _require_fit(sites: Sequence[Site]) -> None:
    if len(sites) < _LEAST_SITES:
        raise BadInput(f"{len(sites)} site(s) given: a view over sites needs {_LEAST_SITES}")
    problems = [f"a site without a name: {site.build_id}" for site in sites if not site.name]
    for what, of in (("name", [s.name for s in sites]), ("build", [s.build_id for s in sites])):
        twice = sorted({each for each in of if of.count(each) > 1})
        remedy = "write NAME=PATH" if what == "name" else "the same people would count twice"
        problems += [f"{what} {each} stands twice: {remedy}" for each in twice]
    invented = [site.name for site in sites if SIMULATED in site.evidence_sources]
    if invented and any(site.evidence_sources != {SIMULATED} for site in sites):
        problems.append(f"{', '.join(invented)}: simulated evidence, never summarised with other")
    if problems:
        raise BadInput(problems)


def _cells(question: _Key, by_site: dict[str, list[_Row]], names: list[str]) -> list[Cell]:
    """The cells of one question: one for each estimator and set of what must be shared; one without if nobody answered."""
    answers: dict[_Key, dict[str, _Row]] = defaultdict(dict)
    for name in names:
        for row in by_site.get(name, ()):
            if not _why_unusable(row):
                answers[_key(row)][name] = row
    return [_cell(question, key, answers[key], by_site, names) for key in answers or {(): {}}]


def _key(row: _Row) -> _Key:
    return (row["estimator"], *(row[name] for name in _SHARED))


def _why_unusable(row: _Row) -> str:
    """Why a published row cannot go into a summary; empty if it can."""
    if row["gate_status"] not in _OPEN:
        return f"gate {row['gate_status']}: {row['gate_reason'] or 'no reason told'}"
    if row["estimator"] in _SITE_CHOSE:
        return "about a break that each site chooses for itself: not one quantity"
    if row["estimate"] is None or not np.isfinite(row["estimate"]):
        return "a p-value without an estimate" if row["p_value"] is not None else "no estimate"
    if row["se"] is None or not np.isfinite(row["se"]) or row["se"] <= 0:
        return "no standard error above 0"
    return ""


def _cell(
    question: _Key, key: _Key, answered: dict[str, _Row], by_site: dict[str, list[_Row]], names: list[str]
) -> Cell:
    left_out = tuple(_left_out(name, by_site.get(name, []), key) for name in names if name not in answered)
    rows = [row | {"calibrated_se": _width_se(row)} for row in answered.values()]
    why_none = _why_none(list(answered), rows)
    summary = None if why_none else summarise(*_numbers(rows, "estimate", "se"))
    bare = [name for name, row in zip(answered, rows, strict=True) if row["calibrated_se"] is None]
    why_not = why_none or (f"not calibrated: {', '.join(bare)}" if bare else "")
    calibrated = None if why_not else summarise(*_numbers(rows, "calibrated_estimate", "calibrated_se"))
    weights = [None] * len(rows) if summary is None else [float(each) for each in summary.weight]
    sites = tuple(_site_estimate(name, row, weight) for name, row, weight in zip(answered, rows, weights, strict=True))
    common = ("estimator", "scale", "protocol_hash", "evidence_source", "horizon_months", "estimand")
    of_it: _Row = dict(zip(_QUESTION, question, strict=True))
    of_it |= {name: rows[0][name] if rows else None for name in common}
    return Cell(
        **of_it,
        sites=sites,
        left_out=left_out,
        summary=summary,
        why_none=why_none,
        calibrated=calibrated,
        why_not_calibrated=why_not,
    )


def _site_estimate(name: str, row: _Row, weight: float | None) -> SiteEstimate:
    found: _Row = {"site": name, "weight": weight}
    found |= {field.name: row[field.name] for field in fields(SiteEstimate) if field.name not in found}
    return SiteEstimate(**found)


def _why_none(names: list[str], rows: list[_Row]) -> str:
    if len(rows) < _LEAST_SITES:
        return f"{len(rows)} site(s) answered, {_LEAST_SITES} are needed"
    seen: dict[tuple[float, float], str] = {}
    for name, row in zip(names, rows, strict=True):
        other = seen.setdefault((row["estimate"], row["se"]), name)
        if other != name:
            return f"{other} and {name} tell the same estimate to the last digit: the same people may stand in both"
    return ""


def _left_out(name: str, rows: list[_Row], key: _Key) -> LeftOut:
    """Why a site is not in a cell: the nearest of its rows decides."""
    if not rows:
        return LeftOut(name, "does not ask this question")
    own = [row for row in rows if key and row["estimator"] == key[0]]
    # A closed gate is told by one row, of the primary estimator alone.
    near = own[0] if own else next((row for row in rows if row["gate_status"] not in _OPEN), None)
    if near is None:
        if key:
            return LeftOut(name, f"no estimate by {key[0]}")
        return LeftOut(name, "; ".join(dict.fromkeys(_why_unusable(row) for row in rows)))
    if why := _why_unusable(near):
        return LeftOut(name, why, near["gate_status"] not in _OPEN)
    differs = [
        f"another {words} ({_short(there)}, not {_short(here)})"
        for (column, words), here in zip(_SHARED.items(), key[1:], strict=True)
        if (there := near[column]) != here
    ]
    return LeftOut(name, "; ".join(differs))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:12]}…"


def _numbers(rows: list[_Row], estimate: str, error: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[estimate] for row in rows]), np.array([row[error] for row in rows])


def _width_se(row: _Row) -> float | None:
    """Standard error from the width of the calibrated 95 % interval; None where there is none, or it is no interval."""
    told = [row[name] for name in ("calibrated_ci_low", "calibrated_estimate", "calibrated_ci_high")]
    if None in told or not np.isfinite(told).all() or not told[0] <= told[1] <= told[2] or told[0] == told[2]:
        return None
    return (told[2] - told[0]) / (2 * _Z)
