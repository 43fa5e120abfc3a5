"""What `trabecula export` writes: what one published build holds, in the files of a standard. Shapes are in `export`.

Everything but dose eras is made of `release.duckdb`, which holds what disclosure control lets out.
"""

import json
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.errors import BadInput
from pipelines.export.cohort_method import cohort_method
from pipelines.export.dose_era import dose_era
from pipelines.export.summarised_result import SHAPES, summarised_result
from pipelines.trials.study import Study, catalogue
from pipelines.warehouse.engine import connect_read_only

LISTING = "export.json"
SIMULATED = "simulated"
STAYS = "rows of people: it stays on this machine"
_PRIVATE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP
_COMPARED = ("effect_estimate", "diagnostic", "covariate_balance", "attrition", "negative_control")


@dataclass(frozen=True, slots=True)
class _Build:
    """One published build: what it may let out, and what it was made with."""

    release: duckdb.DuckDBPyConnection
    warehouse: duckdb.DuckDBPyConnection
    row: Mapping[str, Any]
    name: str

    def mart(self, *tables: str) -> dict[str, pl.DataFrame]:
        return {f"mart.{table}": self.release.sql(f"from mart.{table}").pl() for table in tables}

    @property
    def min_cell(self) -> int:
        query = "select cast(value_text as integer) from ref.run_setting where setting_code = 'min_cell'"
        return self.warehouse.sql(query).fetchall()[0][0]


Files = dict[str, pl.DataFrame | dict[str, Any]]


def export(home: Path, kind: str, out: Path, name: str | None) -> Iterator[str]:
    """Write a folder and say what is in it. What an earlier export wrote there is replaced, and nothing else.

    Args:
        home: a home with a published build; all is read of the build it shows now.
        kind: one of `KINDS`.
        name: what the data are called there; the source where None. Simulated data are always called so.
    Raises:
        BadInput: no such kind, a folder with other files in it, or a study that is no longer what was published.
    """
    if kind not in KINDS:
        raise BadInput(f"--format {kind}: there is no such format; there are {', '.join(KINDS)}")
    listed = _listed(out)
    folder = (home / "warehouse.duckdb").resolve().parent
    with (
        connect_read_only(folder / "release.duckdb") as release,
        connect_read_only(folder / "warehouse.duckdb") as warehouse,
    ):
        row = release.sql("from mart.build").pl().to_dicts()[0]
        build = _Build(release, warehouse, row, _named(name or row["source_id"], row["evidence_source"]))
        files = KINDS[kind](build)
    out.mkdir(parents=True, exist_ok=True)
    for file in listed:
        (out / file).unlink(missing_ok=True)
    private = kind in PERSONAL
    for file, content in files.items():
        _write(out / file, content, is_private=private)
        rows = f"{content.height:,} rows" if isinstance(content, pl.DataFrame) else "protocol"
        yield f"{file:<36} {STAYS if private else rows}"
    listing = {
        "format": kind,
        "build_id": row["build_id"],
        "evidence_source": row["evidence_source"],
        "database": build.name,
        "may_leave_this_machine": not private,
        "files": sorted(files),
    }
    (out / LISTING).write_text(json.dumps(listing, indent=2) + "\n")
    yield f"build {row['build_id']}, {row['evidence_source'].replace('_', ' ')} data, as {build.name}: {out}"


def _named(name: str, evidence_source: str) -> str:
    return name if evidence_source != SIMULATED or name.endswith(SIMULATED) else f"{name}_{SIMULATED}"


def _listed(out: Path) -> list[str]:
    """What an earlier export wrote in the folder.

    Raises:
        BadInput: the folder holds anything else.
    """
    if not out.exists():
        return []
    if not out.is_dir():
        raise BadInput(f"{out}: a file stands there; name a folder")
    listing = out / LISTING
    files = [name for name in json.loads(listing.read_text())["files"] if "/" not in name] if listing.exists() else []
    if others := sorted({path.name for path in out.iterdir()} - {LISTING, *files}):
        raise BadInput(f"{out}: other files are there, such as {others[0]}; name a new or an empty folder")
    return files


def _write(path: Path, content: pl.DataFrame | dict[str, Any], *, is_private: bool) -> None:
    path.touch(mode=_PRIVATE if is_private else 0o644)
    if isinstance(content, dict):
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return
    # R reads NA as missing, and omopgenerics writes it so; an empty cell is missing to the loaders of OHDSI.
    missing = "NA" if "estimate_value" in content.columns else ""
    content.write_csv(path, null_value=missing)


def _darwin(build: _Build) -> Files:
    tables = build.mart(*{shape.table.split(".")[1]: None for shape in SHAPES})
    row = build.row
    found = summarised_result(tables, build.name, version("trabecula"), build.min_cell, row["evidence_source"])
    return {"summarised_result.csv": found}


def _ohdsi(build: _Build) -> Files:
    tables = cohort_method(build.mart(*_COMPARED), build.name)
    return {f"{name}.csv": frame for name, frame in tables.items()}


def _dose_eras(build: _Build) -> Files:
    regimens = build.warehouse.sql("from features.ai_regimen").pl()
    return {"dose_era.csv": dose_era(regimens, build.warehouse.sql("from ref.drug_code").pl())}


def _protocol(build: _Build) -> Files:
    """Every study of the build as its file is, with the hash that its results carry, and the schema of them all."""
    published = build.warehouse.sql("select study_id, protocol_hash from ref.study order by study_id").fetchall()
    studies = catalogue()
    files: Files = {"study.schema.json": Study.model_json_schema()}
    changed = [study for study, hashed in published if study not in studies or studies[study].protocol_hash != hashed]
    if changed:
        raise BadInput(f"study {', '.join(changed)}: its file is another than the one published; run and publish again")
    for study, hashed in published:
        # A clinical study has no population of a survey, and its file may name none.
        no_survey = set() if studies[study].is_survey else {"population", "eligibility"}
        protocol = studies[study].model_dump(mode="json", exclude=no_survey)
        files[f"{study}.json"] = {"study_id": study, "protocol_hash": hashed, "protocol": protocol}
    return files


KINDS: dict[str, Callable[[_Build], Files]] = {
    "darwin": _darwin,
    "ohdsi": _ohdsi,
    "dose-eras": _dose_eras,
    "protocol": _protocol,
}
#: what holds rows of people
PERSONAL = ("dose-eras",)
