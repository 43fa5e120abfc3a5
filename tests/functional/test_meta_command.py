"""`trabecula meta` as a user calls it, on files as publishing writes them: what it says, writes and refuses."""

import csv
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.models.meta_summary import summarise
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse.publish import MACROS, _write_database
from pipelines.warehouse.store import Store

made = runpy.run_path(str(Path(__file__).parents[1] / "unit" / "site_rows.py"))
answer, closed, frame = made["answer"], made["closed"], made["frame"]
MART = [contract for contract in CONTRACTS.values() if contract.layer == "mart"]


def published(home: Path, build_id: str, *rows: dict, evidence: str = "real") -> Path:
    """A home whose `release.duckdb` was written by the publisher's own code."""
    home.mkdir(parents=True)
    build = {"build_id": build_id, "built_at": "2026-11-28", "source_id": "omop", "drop_id": "one", "code_version": "c"}
    build |= {"trabecula_version": "0", "duckdb_version": "0", "evidence_source": evidence}
    build |= dict.fromkeys(("n_gates", "n_gates_closed", "n_gates_waived"), 1)
    frames = {contract.name: contract.empty() for contract in MART}
    frames["mart.effect_estimate"] = frame(*(row | {"evidence_source": evidence} for row in rows))
    frames["mart.build"] = pl.DataFrame([build], schema=frames["mart.build"].schema)
    store = Store(Settings(home=home / "builds" / build_id))
    store.settings.home.mkdir(parents=True)
    _write_database(home / "release.duckdb", store, MART, frames, (MACROS,))
    return home


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("sites")
    other = answer(-3.0, 0.1, protocol_hash="bbbb")
    return {
        "north": published(base / "north", "n", answer(-0.2, 0.1, n_target=None)),
        "south": published(base / "south", "s", answer(-0.5, 0.2)),
        "east": published(base / "east", "e", closed("outcomes_smaller_arm fail")),
        "west": published(base / "west", "w", other),
        "demo": published(base / "demo", "d", answer(-0.4, 0.2), evidence="simulated"),
    }


def test_sites_side_by_side_and_summarised(homes: dict[str, Path], call: Callable, tmp_path: Path) -> None:
    """Homes and files alike; the summary is that of the published numbers; the closed gate and the other protocol are told."""
    before = {name: (home / "release.duckdb").read_bytes() for name, home in homes.items()}
    given = [homes["north"], f"Second Hospital={homes['south'] / 'release.duckdb'}", homes["east"], homes["west"]]
    table, document, picture = (tmp_path / f"sites.{kind}" for kind in ("csv", "json", "png"))
    result = call("meta", *given, "--out", table, "--plot", picture)
    assert result.returncode == 0, result.stderr
    assert "east                 left out: gate closed: outcomes_smaller_arm fail" in result.stdout
    assert "another protocol (bbbb, not aaaa)" in result.stdout
    assert "1 of 2 summarised over 4 sites" in result.stdout
    assert "Second Hospital" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(table.open()))
    (summary,) = [row for row in rows if row["row"] == "summary" and row["estimate"]]
    expected = summarise(np.array([-0.2, -0.5]), np.array([0.1, 0.2]))
    assert float(summary["estimate"]) == pytest.approx(expected.estimate, rel=1e-12)
    assert float(summary["ci_low"]) == pytest.approx(expected.ci_low, rel=1e-12)
    assert [row["n_target"] for row in rows if row["site"] == "north" and row["row"] == "site"] == [""]
    assert call("meta", *given, "--out", document).returncode == 0
    assert json.loads(document.read_text())["cells"][0]["summary"]["estimate"] == pytest.approx(expected.estimate)
    assert {name: (home / "release.duckdb").read_bytes() for name, home in homes.items()} == before


def test_what_is_refused_is_refused_with_every_reason(homes: dict[str, Path], call: Callable, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.duckdb"
    nonsense.write_text("no database")
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("create schema mart; create table mart.build as select 1 as build_id")
        connection.execute("create view mart.effect_estimate as from read_text('/etc/hostname')")
    result = call("meta", homes["north"], tmp_path / "absent", nonsense, foreign)
    assert result.returncode == 2
    assert "nothing is published there" in result.stderr
    assert "nonsense.duckdb: cannot be read" in result.stderr
    assert "foreign.duckdb: no published file of Trabecula" in result.stderr
    assert "Traceback" not in result.stderr
    cases = {
        "1 site(s) given": [homes["north"]],
        "demo: simulated evidence": [homes["north"], homes["demo"]],
        "name north stands twice": [homes["north"], homes["north"]],
        "build n stands twice": [homes["north"], f"again={homes['north']}"],
        "name a file that ends in .csv or .json": [homes["north"], homes["south"], "--out", tmp_path / "a.xlsx"],
        "its folder does not exist": [homes["north"], homes["south"], "--plot", tmp_path / "absent" / "a.png"],
    }
    for words, arguments in cases.items():
        refused = call("meta", *arguments)
        assert (refused.returncode, words in refused.stderr) == (2, True), (words, refused.stderr)
        assert refused.stdout == ""
