"""Prints `docs/feature-dictionary.md`: `python -m pipelines.feature_dictionary`, which `make docs` calls.

With `--simulated HOME --nhanes HOME` it first counts people anew into `docs/features/distributions.json` and draws the pictures;
with `--draw` it draws them from that file. What is counted stands in `features.distribution`, how it looks in `report`.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.features.distribution import Distribution, bin_edges, of_code, of_number
from pipelines.report.feature_page import render
from pipelines.report.plot_features import small_multiples
from pipelines.settings import MIN_CELL, project_root
from pipelines.tables import CONTRACTS, Column, Contract

FOLDER = project_root() / "docs" / "features"
FROZEN = FOLDER / "distributions.json"
POPULATIONS = "2,000 simulated people and the people of seven NHANES cycles (1999-2006, 2009-2014)"
# Numbers that compare within one code only (no pooled milligrams, no mixed analytes): the codes drawn, or how many.
_DRUGS = ("anastrozole", "letrozole", "testosterone")
SPLIT: dict[str, tuple[str, tuple[str, ...] | int]] = {
    "features.marker": ("marker_code", 6),
    "features.bone_turnover": ("analyte_code", 4),
    "features.assessment": ("observation_code", 5),
    "features.covariate": (
        "covariate_code",
        (
            "age_years",
            "calendar_year",
            "body_mass_index",
            "current_smoker",
            "testosterone_ng_dl",
            "charlson_score",
            "days_observed_before",
            "any_fracture_730d",
            "drug_androgen_365d",
            "drug_aromatase_inhibitor_ever",
        ),
    ),
    "features.drug_supply": ("ingredient", _DRUGS),
    "features.dosing_episode": ("ingredient", _DRUGS),
    "features.dose_event": ("ingredient", _DRUGS),
    "features.ai_regimen": ("ingredient", _DRUGS[:2]),
    "features.ai_exposure": ("ingredient", _DRUGS[:2]),
    "features.ai_at_draw": ("ingredient", _DRUGS[:2]),
    "features.bmd_change": ("site_code", ("femoral_neck", "total_hip", "lumbar_spine")),
}
_SPLIT_UNITS = ("mg", "mg/d", "mg/wk", "ng/mL", "g/cm2", "1", None)
Panels = dict[str, dict[str, dict[str, Any]]]


def page() -> str:
    """The feature dictionary of this checkout."""
    pictures = {name for name in CONTRACTS if (FOLDER / f"{name.split('.')[1]}.png").is_file()}
    return render(CONTRACTS, pictures, POPULATIONS, MIN_CELL)


def count(homes: Mapping[str, Path]) -> dict[str, Panels]:
    """For each table of features about people: panels, and in each what may be shown of each population.

    Args:
        homes: folder of a finished run by population.
    """
    tables = {}
    for name, contract in sorted(CONTRACTS.items()):
        if not contract.features or contract.unit != "person":
            continue
        read = {population: _rows(home, contract) for population, home in homes.items()}
        found = {population: rows for population, rows in read.items() if rows is not None}
        if found and (panels := dict(_panels(contract, found))):
            tables[name] = panels
    return tables


def draw(tables: Mapping[str, Panels]) -> dict[str, bytes]:
    """PNG by table."""
    return {name: small_multiples(list(panels.items()), name) for name, panels in tables.items()}


def _rows(home: Path, contract: Contract) -> pl.LazyFrame | None:
    files = sorted((home / "data" / "features" / contract.table).glob("*.parquet"))
    return pl.scan_parquet(files) if files else None


def _panels(contract: Contract, found: Mapping[str, pl.LazyFrame]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    split, most = SPLIT.get(contract.name, (None, ()))
    for column in contract.features:
        is_number = column.duckdb_type in ("DOUBLE", "BIGINT")
        is_split = split is not None and is_number and column.unit in _SPLIT_UNITS and not column.name.startswith("n_")
        names = ["person_id", column.name, *([split] if split and is_split else [])]
        read = {p: rows.select(names).rename({column.name: "value"}).collect() for p, rows in found.items()}
        if not (split and is_split):
            if shown := _counted(read, is_number=is_number):
                yield _title(column), shown
            continue
        both = pl.concat(frame.drop_nulls("value").select("person_id", split) for frame in read.values())
        people = both.group_by(split).agg(n=pl.col("person_id").n_unique())
        common = people.sort("n", split, descending=[True, False])[split].to_list()
        for code in common[:most] if isinstance(most, int) else most:
            part = {p: frame.filter(pl.col(split) == code) for p, frame in read.items()}
            if shown := _counted(part, is_number=True):
                yield f"{_title(column)}\n{code}", shown


def _counted(read: Mapping[str, pl.DataFrame], *, is_number: bool) -> dict[str, dict[str, Any]]:
    edges = bin_edges([frame["value"].drop_nulls().to_numpy() for frame in read.values()]) if is_number else ()
    shown: dict[str, Distribution | None] = {
        population: of_number(frame, edges, MIN_CELL) if is_number else of_code(frame, MIN_CELL)
        for population, frame in read.items()
    }
    return {population: asdict(found) for population, found in shown.items() if found is not None and found.people}


def _title(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


def _json(tables: Mapping[str, Panels]) -> str:
    """One panel a line: a change is seen where it is."""
    blocks = []
    for name, panels in tables.items():
        lines = ",\n".join(f"  {json.dumps(panel)}: {json.dumps(found)}" for panel, found in panels.items())
        blocks.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    """Count and draw where asked to, then print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulated", type=Path, help="folder of a finished run on a simulated population")
    parser.add_argument("--nhanes", type=Path, help="folder of a finished run on NHANES")
    parser.add_argument("--draw", action="store_true", help="draw the pictures from the frozen counts")
    asked = parser.parse_args()
    if bool(asked.simulated) != bool(asked.nhanes):
        parser.error("--simulated and --nhanes go together: bins are chosen over both")
    if asked.simulated:
        FROZEN.write_text(_json(count({"simulated": asked.simulated, "nhanes": asked.nhanes})), encoding="utf-8")
    if asked.simulated or asked.draw:
        for name, picture in draw(json.loads(FROZEN.read_text(encoding="utf-8"))).items():
            (FOLDER / f"{name.split('.')[1]}.png").write_bytes(picture)
    print(page(), end="")


if __name__ == "__main__":
    main()
