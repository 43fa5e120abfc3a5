"""What the simulator says is true of the people it wrote: `truth.json` as rows of `raw.planted_truth`.

Landed with the drop, read by the step that judges claims and by no other: no estimate can see it.
"""

import json
import math
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import BadInput
from pipelines.tables import CONTRACTS

TABLE = "raw.planted_truth"
#: parameters that are answers themselves: study and figure of a row, as claims name them
_THRESHOLD = "parameters/e2_threshold"
Row = tuple[str, str, str, float, float]


def planted_truth(path: Path | None) -> tuple[pl.DataFrame, str]:
    """The rows of `raw.planted_truth` and their fingerprint; none where there is no file, as with any real drop.

    Raises:
        BadInput: a truth file that is not as the simulator writes it.
    """
    schema = CONTRACTS[TABLE].empty().schema
    if path is None:
        return pl.DataFrame(schema=schema), "no truth"
    content = path.read_bytes()
    try:
        file = json.loads(content)
        told = file.get("truth") or {}
        rows = [*_contrasts(told), *_parameters(told), *_slopes(file.get("bmd_per_log_e2_g_cm2") or {})]
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not as the simulator writes it: take it away or write it again") from error
    return pl.DataFrame(rows, schema=schema, orient="row"), sha256(content).hexdigest()


def _contrasts(told: dict[str, Any]) -> Iterator[Row]:
    for study, content in told.items():
        if not isinstance(content, dict) or "contrasts" not in content:
            continue
        for contrast, figures in content["contrasts"].items():
            for figure, value in figures.items():
                yield from _figure(study, contrast, figure, value)


def _figure(study: str, contrast: str, figure: str, value: dict[str, Any]) -> Iterator[Row]:
    """A mean has one difference; an event has risks by horizon, whose ratios are told as logarithms."""
    if "difference" in value:
        yield from _known(study, contrast, figure, value["difference"]["value"], value["difference"]["standard_error"])
        return
    for years, risks in value.items():
        for name in ("risk_ratio", "hazard_ratio"):
            ratio, error = risks[name]["value"], risks[name]["log_standard_error"]
            logged = math.log(ratio) if ratio else None
            yield from _known(study, contrast, f"{figure}/{years}/log_{name}", logged, error)


def _known(study: str, contrast: str, figure: str, value: float | None, error: float | None) -> Iterator[Row]:
    if value is not None and error is not None:
        yield study, contrast, figure, float(value), float(error)


def _parameters(told: dict[str, Any]) -> Iterator[Row]:
    threshold = told.get("parameters", {}).get("e2_threshold", {})
    for population in ("men", "postmenopausal_women"):
        if population in threshold:
            yield _THRESHOLD, "", population, float(threshold[population]), 0.0


def _slopes(by_site: dict[str, Any]) -> Iterator[Row]:
    """Of a simulated survey: g/cm2 per unit of log estradiol, here per doubling."""
    for site, slope in by_site.items():
        yield "nhanes_e2_bmd", "", f"{site}_per_doubling", float(slope) * math.log(2), 0.0
