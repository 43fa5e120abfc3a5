"""The report of one build: mart frames in, two self-contained HTML files out. Equal input gives equal bytes.

What the sections say stands in `sections`, how they look in `templates`. Reads no file but its templates.
"""

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.errors import BadInput
from pipelines.report.data_docs import table_docs
from pipelines.report.figure import WATERMARK
from pipelines.report.frames import Mart, evidence_sources, prepared
from pipelines.report.header import cycles, facts, source_name
from pipelines.report.labels import cycle, heading
from pipelines.report.sections import sections
from pipelines.settings import MIN_CELL
from pipelines.tables import CONTRACTS

TABLES = tuple(name for name, contract in CONTRACTS.items() if contract.layer == "mart")
_TEMPLATES = Path(__file__).parent / "templates"


def build_report(mart: Mart, out: Path, min_cell: int = MIN_CELL) -> Path:
    """Write `out/index.html` and, before it, `out/quality.html`, each whole or not at all; returns the path of the first.

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
    build = frames["mart.build"]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = {
        "is_simulated": "simulated" in evidence_sources(frames),
        "watermark": WATERMARK,
        "min_cell": min_cell,
    }
    tables = table_docs(frames, min_cell)
    quality = environment.get_template("data_docs.html.j2").render(
        tables=tables,
        passed=sum(table.passed for table in tables),
        evaluable=sum(table.evaluable for table in tables),
        **shared,
    )
    page = environment.get_template("report.html.j2").render(
        sections=sections(frames, min_cell),
        facts=facts(frames),
        source=source_name(build),
        sources=sorted(evidence_sources(frames)),
        years=[cycle(text) for text in cycles(frames)],
        build=[(heading(name), value) for name, value in build.row(0, named=True).items()] if build.height else [],
        **shared,
    )
    _write(out / "quality.html", quality)
    return _write(out / "index.html", page)


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
