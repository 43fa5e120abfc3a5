"""The Dagster side: groups, descriptions, schedule, and what materialising one asset does and does not do."""

import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from assets.assembly import build_definitions
from assets.drops import DROPS, KEY
from assets.home import Home
from pipelines.tables import CONTRACTS, LAYERS


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


def test_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_table_is_an_asset_with_group_description_and_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    shown = {key.to_user_string().replace("/", "."): graph.get(key) for key in graph.get_all_asset_keys()}
    assert set(CONTRACTS) - set(shown) == {"mart.quality_result", "mart.quality_trend", "mart.build"}
    for name, node in shown.items():
        if name in CONTRACTS:
            assert node.group_name == name.split(".")[0]
            assert node.description == CONTRACTS[name].comment
            columns = [column.name for column in node.metadata["dagster/column_schema"].columns]
            assert columns == [column.name for column in CONTRACTS[name].columns]
    assert {node.group_name for node in shown.values()} == {*LAYERS, "publish"}


def test_of_which_columns_a_column_is_made_is_told_where_sql_makes_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    told = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    lineage = told["features/bmd_change"].metadata["dagster/column_lineage"].deps_by_column
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["first_z_score"]} == {
        ("features/bone_norm", "mean_g_cm2"),
        ("features/bone_norm", "sd_g_cm2"),
        ("staging/dxa_scan", "bmd_g_cm2"),
    }
    columns = {each.name: each for each in told["features/bmd_change"].metadata["dagster/column_schema"].columns}
    assert columns["first_z_score"].description.endswith(
        "· made of features.bone_norm: mean_g_cm2, sd_g_cm2; staging.dxa_scan: bmd_g_cm2"
    )
    for name, node in told.items():
        is_sql, above = "sql" in node.kinds, {key.to_user_string() for key in node.parent_keys}
        found = node.metadata.get("dagster/column_lineage")
        assert (found is not None) == is_sql, name
        for deps in found.deps_by_column.values() if found else ():
            assert {dep.asset_key.to_user_string() for dep in deps} <= above


def test_drops_are_the_only_partitions_and_the_night_is_one_run(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert [key for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned] == [KEY]
    assert graph.get(KEY).group_name == "raw" and not graph.get(KEY).child_keys
    nightly, again = (definitions.resolve_job_def(name) for name in ("nightly", "read_drops_again"))
    assert nightly.partitions_def is None and KEY not in nightly.asset_layer.selected_asset_keys
    assert again.partitions_def == DROPS and set(again.asset_layer.selected_asset_keys) == {KEY}


def test_nightly_runs_every_night(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly_schedule")
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.job_name == "nightly"


def test_every_asset_names_who_answers_for_it_and_how_it_is_made(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    owners = {key.to_user_string(): graph.get(key).owners for key in graph.get_all_asset_keys()}
    assert owners["publish"] == owners["raw/manifest"] == ["team:operator"]
    assert owners["features/e2_exposure"] == ["team:data-scientist"]
    assert owners["mart/effect_estimate"] == ["team:analyst"]
    assert all(len(each) == 1 for each in owners.values())
    assert all(graph.get(key).kinds for key in graph.get_all_asset_keys())


def test_one_study_runs_from_its_file_to_the_mart_and_publishes_nothing(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("one_study")
    chosen = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert {
        "ref/study",
        "cohort/trial_person",
        "models/effect_estimate",
        "mart/effect_estimate",
        "mart/study",
    } <= chosen
    assert not [name for name in chosen if name.startswith(("raw/", "staging/")) or name == "publish"]
    asked = {"resources": {"home": {"config": {"studies": ["nhanes_e2_bmd"]}}}}
    for name in ("one_study", "nightly"):
        told = dg.validate_run_config(definitions.resolve_job_def(name), asked)
        assert told["resources"]["home"]["config"]["studies"] == ["nhanes_e2_bmd"]


def test_the_launchpad_of_one_study_opens_with_a_study_of_the_source(tmp_path: Path) -> None:
    from assets.jobs import one_study
    from pipelines.settings import Settings

    config = one_study(Settings(home=tmp_path, source="nhanes")).config
    assert config == {"resources": {"home": {"config": {"studies": ["nhanes_bone_prevalence"]}}}}
    assert one_study(Settings(home=tmp_path)).config == {"resources": {"home": {"config": {"studies": []}}}}


def test_an_old_publication_is_told(definitions: dg.Definitions) -> None:
    policy = definitions.resolve_asset_graph().get(dg.AssetKey("publish")).freshness_policy
    assert isinstance(policy, dg.FreshnessPolicy)


def test_critical_checks_block(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    blocking = [key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking]
    tables = {key.asset_key.to_user_string() for key in blocking}
    assert {"staging/lab_result", "staging/dxa_scan", "staging/survey_design", "staging/conservation"} <= tables


def test_materialising_one_asset_changes_the_working_record_only(finished: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(finished, tmp_path / "h", symlinks=True))
    before = os.readlink(home / "current")
    record = home / "data" / "features" / "e2_exposure" / "0000-4095.parquet"
    published = (home / "current" / "data" / "features" / "e2_exposure" / "0000-4095.parquet").stat().st_ino
    record.unlink()
    definitions = build_definitions(Home(path=str(home)))
    assets = [a for a in definitions.assets or [] if dg.AssetKey(["features", "e2_exposure"]) in getattr(a, "keys", ())]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(assets, instance=instance, resources={"home": Home(path=str(home))})
        assert result.success
        metadata = result.asset_materializations_for_node("features__e2_exposure")[0].metadata
    assert metadata["dagster/row_count"].value > 0
    assert record.exists()
    assert os.readlink(home / "current") == before
    assert (home / "current" / "data" / "features" / "e2_exposure" / "0000-4095.parquet").stat().st_ino == published
