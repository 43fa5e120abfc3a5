"""Withdrawal: nobody on the list is left in any file, the rest is as if they had never been delivered, and a proof says so."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import plan
from pipelines.errors import BadInput
from pipelines.run import Run, withdrawing_key
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.warehouse import ledger, tombstone, withdrawal
from pipelines.warehouse.engine import connect
from pipelines.warehouse.identity import PUBLIC_KEY, person_id
from pipelines.warehouse.person_scan import rows_of, search, stored_parquet
from pipelines.warehouse.publish import complete_builds, current_build, publish
from pipelines.warehouse.store import Store

built_home = runpy.run_path(str(Path(__file__).with_name("built_home.py")))
GONE = 5


def seqn(settings: Settings, count: int = GONE) -> list[str]:
    """Native ids of people who have rows in all layers."""
    path = next(Path(settings.folder).rglob("DXXFEM_H.parquet"))
    return [str(int(one)) for one in pl.read_parquet(path)["SEQN"].head(count)]


def ids_of(native: list[str]) -> frozenset[int]:
    return frozenset(person_id(PUBLIC_KEY, "nhanes", one) for one in native)


def put_out(settings: Settings) -> str:
    return publish(settings, Run(settings, run_id="again").facts, "drop", "code", built_home["write_page"]).build_id


def computed(settings: Settings) -> None:
    with Run(settings) as run:
        for step in plan.steps():
            run.step(step)


def layers_of(places: pl.DataFrame, settings: Settings) -> set[str]:
    return {Path(file).relative_to(settings.home).parts[1] for file in places["file"]}


@pytest.fixture(scope="module")
def withdrawn(built, tmp_path_factory):
    """A published home from which people were withdrawn as the command does it: settings, ids, proof, builds before."""
    settings = built_home["copy"](built, tmp_path_factory.mktemp("withdrawn"))
    put_out(settings)
    before = complete_builds(settings)
    ids = ids_of(seqn(settings))
    assert {"raw", "staging", "features"} <= layers_of(rows_of(settings, stored_parquet(settings.data), ids), settings)
    withdrawal.begin(settings, "nhanes", ids)
    withdrawal.remove_rows(settings)
    computed(settings)
    settled = withdrawal.settle(settings, put_out(settings))
    return settings, ids, json.loads(settled.proof.read_text()), before


def test_nobody_is_left_in_any_file(withdrawn):
    settings, ids, _, _ = withdrawn
    found = search(settings, ids)
    assert found.is_clean
    assert found.files > 100
    assert found.rows > 10_000
    others = frozenset(pl.read_parquet(Store(settings).files("staging.person"))["person_id"][:1])
    assert {one.place for one in search(settings, others).found} == {"person_id"}


def test_builds_that_held_them_are_gone_and_a_new_one_is_published(withdrawn):
    settings, _, _, before = withdrawn
    assert len(before) == 1
    assert complete_builds(settings) == (current_build(settings),)
    assert not set(before) & set(complete_builds(settings))
    with duckdb.connect(str((settings.home / "warehouse.duckdb").resolve()), read_only=True) as reader:
        people = reader.execute("select count(*) from staging.person").fetchone()
    assert people == (built_home["PERSONS"] - GONE,)


def test_the_proof_counts_and_names_nobody(withdrawn):
    settings, ids, proof, before = withdrawn
    assert (proof["ids"], proof["found"], proof["known"]) == (GONE, GONE, 0)
    assert proof["rows_before"].keys() == proof["rows_after"].keys() >= {"raw", "staging", "features", "builds"}
    assert all(n > 0 for n in proof["rows_before"].values())
    assert set(proof["rows_after"].values()) == {0}
    assert proof["builds_removed"] == len(before)
    assert proof["published_build"] == current_build(settings)
    assert proof["list_sha256"] == tombstone.digest(ids)
    text = json.dumps(proof)
    assert not any(str(one) in text for one in ids)
    assert not any(f'"{one}"' in text or f" {one}" in text for one in seqn(settings))


def test_the_note_is_closed(withdrawn):
    settings, _, _, _ = withdrawn
    assert withdrawal.pending(settings) is None
    withdrawal.require_settled(settings)


@pytest.fixture(scope="module")
def landed_again(withdrawn, tmp_path_factory):
    """The same drop landed again after the withdrawal, and a fresh home in which they were on the list from the start."""
    settings, ids, _, _ = withdrawn
    again = built_home["copy"](settings, tmp_path_factory.mktemp("again"))
    rounds = [built_home["bring_up_to_date"](again) for _ in range(2)]
    fresh = replace(again, home=tmp_path_factory.mktemp("fresh") / "home")
    tombstone.add(fresh, ids)
    built_home["bring_up_to_date"](fresh)
    return again, fresh, ids, rounds


def test_landing_the_drop_again_brings_nobody_back(landed_again):
    again, _, ids, rounds = landed_again
    assert search(again, ids).is_clean
    assert rounds[1] == {}


def test_the_result_is_that_of_a_home_that_never_had_them(landed_again):
    again, fresh, _, _ = landed_again
    compared = 0
    for table, contract in CONTRACTS.items():
        one, other = (_rows(settings, table) for settings in (again, fresh))
        # Estimates are sums of floating-point numbers, in the order in which people come.
        assert_frame_equal(one, other, check_exact=contract.layer not in ("models", "mart"), rel_tol=1e-9)
        compared += one.height > 0 and contract.unit == "person"
    assert compared > 10


def test_files_are_counted_without_them(landed_again):
    again, _, _, _ = landed_again
    manifest = Store(again).scan("raw.manifest").collect()
    assert manifest["rows_withdrawn"].sum() > GONE
    assert Store(again).scan("staging.conservation").select(pl.col("is_balanced").all()).collect().item()


def _rows(settings: Settings, table: str) -> pl.DataFrame:
    files = Store(settings).files(table)
    if not files:
        return pl.DataFrame()
    with connect(settings) as connection:
        relation = Store(settings).relation(connection, table)
        frame = connection.sql(f"from ({relation})").pl().drop("landed_at", "run_id", strict=False)
    return frame.sort(frame.columns, nulls_last=True)


def test_accounts_balance_before_anything_is_landed_again(home):
    ids = ids_of(seqn(home))
    withdrawal.begin(home, "nhanes", ids)
    assert withdrawal.remove_rows(home) > GONE
    computed(home)
    conservation = Store(home).scan("staging.conservation").collect()
    assert conservation["is_balanced"].all()
    assert withdrawal.remove_rows(home) == 0


def test_a_publication_that_cannot_be_made_anew_is_taken_back(home):
    build = put_out(home)
    ids = ids_of(seqn(home))
    withdrawal.require_nobody_withdrew(home, build)
    withdrawal.begin(home, "nhanes", ids)
    with pytest.raises(BadInput, match="holds people who withdrew"):
        withdrawal.require_nobody_withdrew(home, build)
    withdrawal.remove_rows(home)
    settled = withdrawal.settle(home)
    assert settled.was_unpublished
    assert current_build(home) is None
    assert complete_builds(home) == ()
    assert search(home, ids).is_clean
    with pytest.raises(BadInput, match="a withdrawal is not completed"):
        withdrawal.require_settled(home)
    assert withdrawal.settle(home, put_out(home)).proof is None
    assert len(list((home.home / withdrawal.PROOFS).iterdir())) == 1
    assert withdrawal.pending(home) is None


def test_people_nobody_ever_delivered(home):
    before = {path: path.stat().st_mtime_ns for path in home.data.rglob("*.parquet")}
    asked = withdrawal.begin(home, "nhanes", ids_of(["99999901", "99999902"]))
    assert (asked.ids, asked.found, asked.rows_before) == (2, 0, {})
    assert withdrawal.remove_rows(home) == 0
    assert withdrawal.settle(home).builds_removed == 0
    changed = {path for path, at in before.items() if path.stat().st_mtime_ns != at}
    assert changed <= {Store(home).path("raw.manifest", None)}


def test_ids_are_read_as_landing_reads_them(home):
    key = withdrawing_key(home, "nhanes").value
    written = withdrawal.person_ids(home, "nhanes", key, ["73557", " 73557 ", "73557.0", "+73557"])
    assert written == ids_of(["73557"])
    with pytest.raises(BadInput, match="2 of 3 are empty or no ids") as refused:
        withdrawal.person_ids(home, "nhanes", key, ["NA", "73557", ""])
    assert "73557" not in str(refused.value)


def test_only_the_source_of_the_home(home, tmp_path):
    with pytest.raises(BadInput, match="source nhanes, not omop"):
        withdrawing_key(home, "omop")
    with pytest.raises(BadInput, match="nothing was landed here yet"):
        withdrawing_key(replace(home, home=tmp_path / "elsewhere"), "nhanes")


def test_the_list_is_for_the_owner_alone(home):
    tombstone.add(home, [1, 2])
    assert tombstone.add(home, [2, 3]) == {1, 2, 3} == tombstone.withdrawn(home)
    assert (home.landing / tombstone.FILE).stat().st_mode & 0o777 == 0o600


HIDDEN = 4_611_686_018_427_387_905


@pytest.mark.parametrize("place", ["log", "long_log", "database", "text_column", "renamed_column", "half_file", "list"])
def test_the_search_finds_what_has_another_name(place, empty_home):
    folder = empty_home.home / "dagster" / "storage"
    folder.mkdir(parents=True)
    said = f"person {HIDDEN} failed"
    match place:
        case "log":
            (folder / "run.err").write_text(said)
        case "long_log":
            (folder / "run.err").write_bytes(b"x" * (8 * 2**20 - 20) + said.encode() + b"y" * 9_000_000)
        case "database":
            with duckdb.connect(str(folder / "w.duckdb")) as database:
                database.execute(f"create table t as select {HIDDEN}::bigint as who")
        case "text_column":
            pl.DataFrame({"note": ["", said]}).write_parquet(folder / "t.parquet")
        case "renamed_column":
            pl.DataFrame({"who": [1, HIDDEN]}).write_parquet(folder / "t.parquet")
        case "half_file":
            pl.DataFrame({"person_id": [HIDDEN]}).write_parquet(folder / ".t.parquet.77.part")
        case "list":
            pl.DataFrame({"whose": [[1, HIDDEN]]}).write_parquet(folder / "t.parquet")
    found = search(empty_home, frozenset([HIDDEN]))
    assert not found.is_clean
    assert sum(one.n for one in found.found) == 1
    assert search(empty_home, frozenset([HIDDEN + 1])).is_clean


def test_the_search_vouches_for_no_file_it_cannot_read(empty_home):
    empty_home.data.mkdir(parents=True)
    (empty_home.data / "t.parquet").write_bytes(b"PAR1 and then nothing")
    found = search(empty_home, frozenset([HIDDEN]))
    assert found.unreadable == ("data/t.parquet",)
    assert not found.is_clean


def test_the_ledger_of_a_part_without_rejected_rows_needs_no_landing(home):
    withdrawal.begin(home, "nhanes", ids_of(seqn(home)))
    withdrawal.remove_rows(home)
    kept = [entry for entry in ledger.entries(home) if entry.withdrawn]
    assert kept == []  # parts of surveys are read whole, and are landed again
