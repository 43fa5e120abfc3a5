"""The top of the page: what the report is and is not, and the strip of facts about the build."""

import re

import polars as pl

from pipelines.report.frames import Mart
from pipelines.report.labels import cycle, label
from pipelines.report.numerals import NONE, count
from pipelines.report.views import Fact

_CYCLE_TABLES = ("mart.source_file", "mart.measurement_count", "mart.e2_distribution", "mart.bone_prevalence")
_SHORT = {"nhanes": "NHANES", "omop": "health records", "flat": "health records"}


def source_name(build: pl.DataFrame) -> str:
    """Short name of the source; a plain word where the build does not say."""
    if build.is_empty():
        return "the data at hand"
    code = build["source_id"][0]
    return _SHORT.get(code, code)


def is_of_survey(frames: Mart) -> bool:
    """Whether the people were asked in a survey, once; else they are followed through records."""
    build = frames["mart.build"]
    return build.is_empty() or build["source_id"][0] == "nhanes"


def cycles(frames: Mart) -> list[str]:
    """Survey cycles that occur anywhere, in order of time."""
    labels = [frames[name]["cycle_label"].drop_nulls() for name in _CYCLE_TABLES]
    found = set(pl.concat(labels).unique())
    return sorted(text for text in found if re.match(r"\d{4}", text))


def facts(frames: Mart) -> tuple[Fact, ...]:
    """Source, cycles, build, gates and checks."""
    build, found = frames["mart.build"], cycles(frames)
    span = cycle(f"{found[0][:4]}-{found[-1][-4:]}") if found else NONE
    listed = f"{len(found)} cycles" if len(found) != 1 else "1 cycle"
    years = (Fact("Years", span, listed),) if found or is_of_survey(frames) else ()
    if build.is_empty():
        unknown = "mart.build has no row"
        return (Fact("Source", NONE, unknown), *years, _checks(frames["mart.quality_result"]))
    row = build.row(0, named=True)
    n_open = row["n_gates"] - row["n_gates_closed"]
    waived = f", {row['n_gates_waived']} open by waiver alone" if row["n_gates_waived"] else ""
    return (
        Fact("Source", source_name(build), label(row["evidence_source"])),
        *years,
        Fact("Gates", f"{n_open} of {row['n_gates']} open", f"{row['n_gates_closed']} closed{waived}"),
        _checks(frames["mart.quality_result"]),
        Fact("Built", instant(row["built_at"]), f"build {row['build_id']}"),
    )


def instant(text: str) -> str:
    """An ISO 8601 instant as date and time, UTC; any other text as it is."""
    found = re.match(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _checks(quality: pl.DataFrame) -> Fact:
    tally = {
        status: quality.filter(pl.col("status") == status).height for status in ("pass", "fail", "could_not_evaluate")
    }
    evaluable = tally["pass"] + tally["fail"]
    if not evaluable:
        return Fact("Data checks", NONE, "none evaluated")
    details = [f"{count(tally['fail'])} failed"]
    if tally["could_not_evaluate"]:
        details.append(f"{count(tally['could_not_evaluate'])} could not be evaluated")
    return Fact("Data checks", f"{count(tally['pass'])} of {count(evaluable)} passed", ", ".join(details))
