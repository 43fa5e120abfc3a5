"""The report of one build: mart frames in, self-contained HTML files out. Equal input gives equal bytes.

What the sections say stands in `sections`, how they look in `templates`. Reads no file but its templates.
"""

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.errors import BadInput
from pipelines.report.data_docs import LONG, table_docs
from pipelines.report.figure import WATERMARK
from pipelines.report.frames import Mart, evidence_sources, prepared
from pipelines.report.header import cycles, facts, is_of_survey, source_name
from pipelines.report.labels import cycle, heading
from pipelines.report.section_answers import answer, of_study, page_of, studies
from pipelines.report.sections import sections
from pipelines.report.study_sections import study_sections
from pipelines.settings import MIN_CELL
from pipelines.tables import CONTRACTS

TABLES = tuple(name for name, contract in CONTRACTS.items() if contract.layer == "mart")
_TEMPLATES = Path(__file__).parent / "templates"


def build_report(mart: Mart, out: Path, min_cell: int = MIN_CELL) -> Path:
    """Write a page a study and `quality.html`, and `index.html` last, each whole or not at all; returns the path of the last.

    Args:
        mart: every table of `mart` by name, with exactly the columns of its contract; any may be empty.
        out: folder of the report; made if it is not there.
        min_cell: the threshold of disclosure control that the mart was made with, named in the page.

    Raises:
        BadInput: a table is missing or has other columns than its contract, or `min_cell` is below the house minimum.
    """
    if min_cell < MIN_CELL:
        raise BadInput(f"min_cell {min_cell} is below {MIN_CELL}; it may only be raised")
    frames = prepared(mart, TABLES, min_cell)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= _shared(frames, min_cell)
    tables = table_docs(frames, min_cell)
    quality = environment.get_template("data_docs.html.j2").render(
        tables=tables,
        passed=sum(table.passed for table in tables),
        evaluable=sum(table.evaluable for table in tables),
        long=LONG,
    )
    _write(out / "quality.html", quality)
    for study in studies(frames):
        _write(out / page_of(study), _study_page(environment, of_study(frames, study), study, min_cell))
    page = environment.get_template("report.html.j2").render(
        sections=sections(frames, min_cell),
        facts=facts(frames),
        years=[cycle(text) for text in cycles(frames)],
    )
    return _write(out / "index.html", page)


def _shared(frames: Mart, min_cell: int) -> dict[str, Any]:
    """What every page says of the build, and the one script that it may run."""
    script = (_TEMPLATES / "table.js").read_text()
    digest = b64encode(sha256(script.encode()).digest()).decode()
    is_survey = is_of_survey(frames)
    return {
        "is_simulated": "simulated" in evidence_sources(frames),
        "is_survey": is_survey,
        "subject": "Estradiol and bone" if is_survey else "Aromatase inhibition, estradiol, bone and heart",
        "source": source_name(frames["mart.build"]),
        "sources": sorted(evidence_sources(frames)),
        "watermark": WATERMARK,
        "min_cell": min_cell,
        "script": script,
        "script_hash": f"sha256-{digest}",
    }


def _study_page(environment: Environment, frames: dict[str, Any], study: str, min_cell: int) -> str:
    build, described = frames["mart.build"], frames["mart.study"]
    return environment.get_template("study.html.j2").render(
        answer=answer(frames, study),
        design=heading(described["design"][0]) if described.height else "",
        build_id=build["build_id"][0] if build.height else "",
        sections=study_sections(frames, min_cell),
    )


def _write(path: Path, text: str) -> Path:
    """A temporary name beside the file, then renamed over it: a reader sees the old page or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
