"""A home with builds made by hand: a release of two tables, a page; no run, no people."""

import json
import shutil

import duckdb

from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.publish import switch

SECRET_OF_PEOPLE = b"person-level"


def publish(settings, n, rows=3):
    """Publish the n-th build; its estimates differ from those of another number of rows, its table of builds from all."""
    build_id = f"20260101T0000000{n:02}"
    folder = settings.builds / build_id
    (folder / "report").mkdir(parents=True)
    (folder / "report" / "index.html").write_text(f"<p>{rows} rows</p>")
    (folder / "report" / "study.html").write_text("<p>a study</p>")
    with duckdb.connect(str(folder / "release.duckdb")) as release:
        release.execute("create schema mart")
        for contract in (contract for contract in CONTRACTS.values() if contract.layer == "mart"):
            release.register("empty", contract.empty().to_arrow())
            release.execute(f"create table {contract.name} as from empty")
            release.unregister("empty")
        release.execute("insert into mart.build by name select ? as build_id", [build_id])
        release.execute(
            "insert into mart.study by name select 's' || i as study_id, repeat('x', 50) as title from range(?) t(i)",
            [rows],
        )
        release.execute((sql_root() / "macros.sql").read_text())
    (folder / "data").mkdir()
    (folder / "data" / "people.parquet").write_bytes(SECRET_OF_PEOPLE)
    (folder / "warehouse.duckdb").write_bytes(SECRET_OF_PEOPLE)
    (folder / "build.json").write_text(json.dumps({"build_id": build_id, "evidence_source": "simulated"}))
    switch(settings, build_id)
    return build_id


def prune(settings, build_id):
    """Take a build away, as `keep_builds` or a withdrawal does."""
    shutil.rmtree(settings.builds / build_id)
