"""The folder as a whole: same bytes whatever the batch, whole or refused, Parquet and CSV the same, keys that hold."""

import hashlib
import json
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.synth.omop.parts import blocks
from pipelines.synth.omop.schema import PERSON_TABLES, POPULATION_TABLES, SCHEMAS

UNKNOWN = 9_000_000_000
KEYS = [
    ("visit_occurrence", "person_id", "person", "person_id"),
    ("observation_period", "person_id", "person", "person_id"),
    ("condition_occurrence", "person_id", "person", "person_id"),
    ("drug_exposure", "person_id", "person", "person_id"),
    ("measurement", "person_id", "person", "person_id"),
    ("observation", "person_id", "person", "person_id"),
    ("procedure_occurrence", "person_id", "person", "person_id"),
    ("device_exposure", "person_id", "person", "person_id"),
    ("death", "person_id", "person", "person_id"),
    *(
        (table, "visit_occurrence_id", "visit_occurrence", "visit_occurrence_id")
        for table in ("condition_occurrence", "drug_exposure", "measurement", "observation", "procedure_occurrence")
    ),
    ("measurement", "measurement_event_id", "device_exposure", "device_exposure_id"),
    *(
        (table, "provider_id", "provider", "provider_id")
        for table in ("measurement", "drug_exposure", "visit_occurrence")
    ),
    ("provider", "care_site_id", "care_site", "care_site_id"),
    ("visit_occurrence", "care_site_id", "care_site", "care_site_id"),
    ("person", "care_site_id", "care_site", "care_site_id"),
    *(
        (table, column, "concept", "concept_id")
        for table, columns in SCHEMAS.items()
        if table != "concept"
        for column in columns
        if column.endswith("_concept_id") or column in ("concept_id_1", "concept_id_2")
    ),
]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "omop" / name / "*.parquet")


@pytest.mark.parametrize("batch", [300, 299, 41])
def test_batch_size_changes_no_byte(simulate, messy, tmp_path, batch):
    simulate(tmp_path / "again", batch_persons=batch)
    assert digests(tmp_path / "again") == digests(messy)


def test_people_of_a_file_change_the_cuts_and_no_row(simulate, messy, tmp_path):
    simulate(tmp_path / "again", block_persons=500)
    for name in PERSON_TABLES:
        assert len(list((tmp_path / "again" / "omop" / name).iterdir())) == 2
        assert table(tmp_path / "again", name).equals(table(messy, name))


def test_another_seed_is_another_population(simulate, messy, tmp_path):
    simulate(tmp_path / "other", seed=12)
    assert (
        digests(tmp_path / "other")["omop/measurement/part-00001.parquet"]
        != digests(messy)["omop/measurement/part-00001.parquet"]
    )


def test_parts_hold_fixed_ranges_of_persons(messy):
    assert blocks(700, 300) == [(1, 1, 300), (2, 301, 300), (3, 601, 100)]
    second = pl.read_parquet(messy / "omop" / "person" / "part-00002.parquet")["person_id"]
    assert (second.min(), second.max(), len(second)) == (301, 600, 300)


def test_csv_and_parquet_agree(simulate, messy, tmp_path):
    simulate(tmp_path / "csv", kind="csv")
    for name in (*PERSON_TABLES, *POPULATION_TABLES):
        parts = sorted((tmp_path / "csv" / "omop" / name).glob("*.csv"))
        read = [
            pl.read_csv(
                path, schema_overrides={c: k if k != pl.Datetime else pl.String for c, k in SCHEMAS[name].items()}
            )
            for path in parts
        ]
        found = pl.concat(read).with_columns(
            pl.col(c).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
            for c, kind in SCHEMAS[name].items()
            if kind == pl.Datetime
        )
        assert found.equals(table(messy, name)), name


def test_every_table_has_the_columns_of_the_specification(messy):
    for name, schema in SCHEMAS.items():
        assert dict(table(messy, name).schema) == schema


@pytest.mark.parametrize(("child", "column", "parent", "key"), KEYS)
def test_every_key_is_found(messy, child, column, parent, key):
    children, parents = table(messy, child), table(messy, parent)
    found = children.filter(pl.col(column).is_not_null())
    if column == "person_id":
        found = found.filter(pl.col(column) < UNKNOWN)
        assert len(found)
    assert found.join(parents, left_on=column, right_on=key, how="anti").is_empty()


def test_row_ids_are_unique(messy):
    for name in PERSON_TABLES:
        key = "person_id" if name in ("person", "death") else f"{name}_id"
        assert table(messy, name)[key].is_unique().all()


def test_truth_tells_rows_and_counts(messy):
    told = json.loads((messy / "truth.json").read_text())
    assert told["evidence_source"] == "simulated"
    assert (told["persons"], told["seed"], told["mess"]) == (700, 11, "heavy")
    for name in (*PERSON_TABLES, *POPULATION_TABLES):
        assert told["rows"][name] == len(table(messy, name))
    for code, planted in told["planted"].items():
        file = messy / "planted" / f"{code}.parquet"
        assert planted["n"] == (len(pl.read_parquet(file)) if file.exists() else 0)


def test_planted_rows_exist_in_their_tables(messy):
    for file in sorted((messy / "planted").glob("*.parquet")):
        planted = pl.read_parquet(file)
        name = planted["table"][0]
        if file.stem in ("fill_unrecorded", "death_unrecorded"):
            continue
        is_of_person = planted["row_id"].equals(planted["person_id"])
        key = "person_id" if is_of_person else f"{name}_id"
        missing = planted.join(
            table(messy, "person" if is_of_person else name), left_on="row_id", right_on=key, how="anti"
        )
        assert missing.is_empty(), file.stem


def test_clean_level_plants_nothing_by_rate(clean):
    told = json.loads((clean / "truth.json").read_text())["planted"]
    from pipelines.synth.omop.mess import traps

    assert {code for code, trap in traps().items() if trap.rates and told[code]["n"]} == set()


def test_a_killed_run_leaves_no_half_part_and_can_be_repeated(made_up_lives, simulate, tmp_path, monkeypatch):
    import pipelines.synth.omop.simulate as module

    calls = []
    whole = module.write

    def dies(frame, path):
        calls.append(path)
        if len(calls) == 15:
            raise KeyboardInterrupt
        whole(frame, path)

    monkeypatch.setattr(module, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "killed")
    assert not (tmp_path / "killed" / "truth.json").exists()
    for path in (tmp_path / "killed").rglob("*.parquet"):
        assert len(pl.read_parquet(path)) >= 0
    assert not list((tmp_path / "killed").rglob("*.partial"))
    monkeypatch.setattr(module, "write", whole)
    simulate(tmp_path / "killed")
    assert (tmp_path / "killed" / "truth.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"persons": 0}, "--persons"),
        ({"level": "awful"}, "none, light, real, heavy"),
        ({"kind": "xlsx"}, "parquet, csv"),
        ({"batch_persons": 0}, "batch"),
        ({"block_persons": 0}, "--file-persons"),
    ],
)
def test_bad_requests_are_refused(simulate, tmp_path, changes, message):
    with pytest.raises(BadInput, match=message):
        simulate(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_foreign_folder_is_left_alone(simulate, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadInput, match="not simulated"):
        simulate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_standard_reader_finds_ingredient_and_strength(messy):
    """The way OHDSI tools go: product to ingredient by concept_ancestor, strength by drug_strength."""
    connection = duckdb.connect()
    at = str(messy / "omop")
    rows = connection.sql(f"""
        select c.concept_name, s.amount_value, count(*) as n
        from '{at}/drug_exposure/*.parquet' d
        join '{at}/concept_ancestor/*.parquet' a on a.descendant_concept_id = d.drug_concept_id
        join '{at}/concept/*.parquet' c on c.concept_id = a.ancestor_concept_id and c.concept_class_id = 'Ingredient'
        join '{at}/drug_strength/*.parquet' s on s.drug_concept_id = d.drug_concept_id
        where s.amount_value is not null group by all order by all""").fetchall()
    assert ("letrozole", 2.5) in {row[:2] for row in rows}
    assert ("anastrozole", 1.0) in {row[:2] for row in rows}
