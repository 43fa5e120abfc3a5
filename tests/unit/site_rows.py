"""What a site would have published, made up: rows of `mart.effect_estimate` by its contract. Loaded by `runpy`."""

from typing import Any

import polars as pl

from pipelines.meta_view import Site, site_of
from pipelines.tables import CONTRACTS

BASE: dict[str, Any] = {
    "run_id": "run",
    "study_id": "ai_vs_tamoxifen",
    "protocol_hash": "aaaa",
    "evidence_source": "real",
    "contrast": "ai vs tamoxifen",
    "outcome": "hip_fracture",
    "population": "women",
    "estimand": "weighted risks",
    "intercurrent_strategy": "treatment policy",
    "estimator": "log_risk_ratio",
    "se_method": "influence function",
    "missing_method": "weights",
    "scale": "difference of log risks",
    "horizon_months": 60.0,
    "gate_status": "open",
}


def answer(middle: float, error: float, **changes: Any) -> dict[str, Any]:
    """An open row with a normal 95 % interval."""
    limits = {"ci_low": middle - 1.96 * error, "ci_high": middle + 1.96 * error}
    return BASE | {"estimate": middle, "se": error, "p_value": 0.04, "n_target": 1000} | limits | changes


def closed(reason: str = "equipoise fail", **changes: Any) -> dict[str, Any]:
    """The one row behind a closed gate, of the primary estimator."""
    return BASE | {"estimator": "risk_difference", "gate_status": "closed", "gate_reason": reason} | changes


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows with every column of the contract."""
    schema = CONTRACTS["mart.effect_estimate"].empty().schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    return pl.DataFrame(list(rows), schema=plain)


def site(name: str, *rows: dict[str, Any], evidence: str = "real") -> Site:
    """A site with these rows, in a build of its own."""
    rows = tuple(row | {"evidence_source": evidence} for row in rows)
    return site_of(name, frame(*rows), f"build of {name}", "code", evidence)
