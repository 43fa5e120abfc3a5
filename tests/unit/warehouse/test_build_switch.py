"""The switch from one build to another: only to what the disk holds, back one build at a time, and forward again."""

from pathlib import Path

import pytest

from pipelines.cli import rollback
from pipelines.errors import BadInput
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import publish as publishing
from pipelines.warehouse.engine import connect_read_only
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.publish import complete_builds, current_build, publish
from pipelines.warehouse.store import Store

TABLE = "staging.person"


@pytest.fixture
def bare(tmp_path: Path) -> Settings:
    """A home in which nothing was computed but one table without rows: enough for a publication."""
    settings = Settings(home=tmp_path / "home", source="nhanes", memory_gb=0.5, threads=1)
    settings.write()
    write_frame(CONTRACTS[TABLE].empty().lazy(), Store(settings).path(TABLE, None), "empty")
    return settings


def publish_home(settings: Settings) -> str:
    def write_page(mart, out: Path) -> Path:
        (out / "pages").mkdir(parents=True)
        (out / "pages" / "COPYING").write_text("a name without a dot")
        (out / "index.html").write_text(mart["mart.build"]["build_id"].item())
        return out / "index.html"

    return publish(settings, Run(settings, run_id="run").facts, "drop-1", "code-1", write_page).build_id


def seen(settings: Settings) -> str:
    """The build that a reader sees: the same by every way."""
    ways = {current_build(settings), (settings.home / "report" / "index.html").read_text()}
    for name in ("warehouse.duckdb", "release.duckdb"):
        with connect_read_only((settings.home / name).resolve()) as reader:
            ways.add(reader.execute("select build_id from mart.build").fetchone()[0])
            assert reader.execute("select count(*) from mart.effect_estimate").fetchone() == (0,)
    (build,) = ways
    return build


def test_rollback_goes_back_build_by_build_and_a_night_goes_on_from_there(bare):
    first, second, third = (publish_home(bare) for _ in range(3))
    assert seen(bare) == third
    rollback(bare.home)
    assert seen(bare) == second
    rollback(bare.home)
    assert seen(bare) == first
    with pytest.raises(BadInput, match="builds: no earlier build is kept"):
        rollback(bare.home)
    assert seen(bare) == first
    fourth = publish_home(bare)
    assert fourth > third and seen(bare) == fourth
    assert complete_builds(bare) == (second, third, fourth), "what was rolled back from is kept as any other build"
    rollback(bare.home)
    assert seen(bare) == third


def test_a_build_is_on_the_disk_before_readers_see_it(bare, monkeypatch):
    waited, shown = [], []
    monkeypatch.setattr(publishing, "fsync", waited.append)
    monkeypatch.setattr(publishing, "switch", lambda settings, build_id: shown.extend(waited))
    folder = bare.builds / publish_home(bare)
    held = [path for path in folder.rglob("*") if path.is_dir() or "data" not in path.relative_to(folder).parts]
    assert {folder / "data" / "staging" / "person", folder / "report" / "pages" / "COPYING"} <= set(held)
    assert set(shown) == {*held, folder, bare.builds}
