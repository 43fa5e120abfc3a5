"""Clinical items of the lives that stand in the records under codes of the vocabularies that clinics use."""

import polars as pl
import pytest

from pipelines.synth.mechanism.simulate import simulate as live
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("coded") / "lives"
    write_population(Request(out, persons=600, seed=5, level="none"), load_parameters(), live)
    return out / "omop"


def concepts(folder, vocabulary: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "concept" / "*.parquet").filter(pl.col("vocabulary_id") == vocabulary)


@pytest.mark.parametrize(
    ("table", "vocabulary", "code", "item"),
    [
        ("measurement", "LOINC", "2250-9", "estriol, unconjugated"),
        ("condition_occurrence", "ICD10CM", "N80.9", "endometriosis"),
        ("condition_occurrence", "ICD10CM", "D25.9", "fibroids"),
        ("procedure_occurrence", "CPT4", "89320", "semen analysis"),
        ("observation", "Trabecula", "TRAB-TTTA-SHORTER", "repeats"),
        ("observation", "Trabecula", "TRAB-TTTA-LONGER", "repeats"),
    ],
)
def test_item_is_written_under_its_code(folder, table, vocabulary, code, item):
    (known,) = concepts(folder, vocabulary).filter(pl.col("concept_code") == code)["concept_id"].to_list()
    column = {
        "measurement": "measurement",
        "condition_occurrence": "condition",
        "procedure_occurrence": "procedure",
        "observation": "observation",
    }[table]
    rows = pl.read_parquet(folder / table / "*.parquet").filter(pl.col(f"{column}_source_concept_id") == known)
    assert rows.height > 0, item
    if table == "measurement":
        below = rows.filter(pl.col("value_source_value").str.starts_with("<"))
        assert 0 < below.height < rows.height
        assert set(below["value_source_value"]) == {"<0.07"}
    if table == "observation":
        assert rows["value_as_number"].is_between(7.0, 13.0).all()


def test_gonadorelin_is_ordered_beside_testosterone_under_its_ingredient(folder):
    (ingredient,) = concepts(folder, "RxNorm").filter(pl.col("concept_code") == "6384")["concept_id"].to_list()
    drugs = pl.read_parquet(folder / "drug_exposure" / "*.parquet")
    mine = drugs.filter(pl.col("drug_concept_id") == ingredient)
    assert mine.height > 0
    assert mine["drug_source_value"].str.contains("(?i)gonadorelin").all()
