"""Laboratory traps planted by the simulator, followed row by row through landing and staging to where they must end.

What the simulator planted it tells in `planted/*.parquet`; the SQL under test never sees it. Two levels of mess, some
hundred people each: many rows of each trap, and every laboratory has habits of its own.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings, sql_root
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters
from pipelines.warehouse import sqlfile
from pipelines.warehouse.engine import connect
from pipelines.warehouse.store import Store

c = pl.col
UNITS = files("pipelines.synth.omop") / "analyte_unit.csv"
CANONICAL_OF_SIMULATED = {"free_testosterone": 10.0, "vitamin_d_25oh": 2.4961}  # ng/dL to pg/mL, ng/mL to nmol/L
RENAMED = {
    "crp": "hs_crp", "igf_1": "igf1", "interleukin_6": "il6", "vitamin_d_25oh": "vitamin_d", "bone_alp": "balp",
    "ntx_serum": "ntx", "ldl_cholesterol_reported": "ldl_cholesterol",
}  # fmt: skip
SPOILING = (
    "below_limit_as_zero", "below_limit_as_half", "fill_value", "value_impossible", "unit_mislabelled",
    "corrected_result", "replicate_result", "preliminary_result", "above_limit",
)  # fmt: skip
LIMIT_ROUNDED = 0.9  # 2.5 pg/mL is printed as 9 pmol/L


@dataclass(frozen=True)
class Staged:
    """What became of every measurement row: disposition, reason, and what was staged of it."""

    rows: pl.DataFrame
    planted_in: Path

    def of(self, trap: str, *, unlisted: bool = False) -> pl.DataFrame:
        """Rows of a trap, with `true_value`; rows of analytes that are not read are left out."""
        path = self.planted_in / f"{trap}.parquet"
        planted = (
            pl.read_parquet(path, columns=["row_id", "true_value"])
            if path.exists()
            else pl.DataFrame(schema={"row_id": pl.Int64, "true_value": pl.String})
        )
        found = planted.with_columns(c("true_value").cast(pl.Float64, strict=False)).join(self.rows, on="row_id")
        return found if unlisted else found.filter(c("reason").ne_missing("code_not_listed"))

    def ids(self, *traps: str) -> list[int]:
        return [row for trap in traps for row in self.of(trap, unlisted=True)["row_id"]]


@pytest.fixture(scope="module", params=["real", "heavy"])
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    folder = tmp_path_factory.mktemp(request.param)
    request_of = Request(folder / "simulated", 500, 11, request.param, "parquet", processes=1)
    write_population(request_of, load_parameters(None), simulate)
    settings = Settings(
        home=folder / "home", source="omop", folder=str(folder / "simulated" / "omop"), threads=1, memory_gb=2
    )
    needed = {"staging.lab_result", *plan.upstream("staging.lab_result")}
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            if step.table in needed:
                run.step(step)
    return Staged(_rows(settings), folder / "simulated" / "planted")


def _rows(settings: Settings) -> pl.DataFrame:
    """Every row of measurement that is no scan and no vital sign, with its record and its result."""
    file, store = sqlfile.read(sql_root() / "source" / "lab_record.sql"), Store(settings)
    with connect(settings) as connection:
        for table in {*sqlfile.stored_inputs(file), "staging.lab_result"}:
            store.create_view(connection, table, None)
        connection.execute("create schema source")
        for view in sqlfile.views_behind(file):
            connection.execute(view.definition)
        connection.execute(f"create table record as {file.text}")
        return connection.sql(
            "select raw.measurement_id as row_id, record.* exclude (value, operator, lloq, missing_reason), "
            "result.value, result.operator, result.lloq, result.missing_reason, result.result_flags, "
            "raw.unit_source_value as printed_unit from record "
            "join raw.omop_measurement as raw using (source_file, source_row) "
            "left join staging.lab_result as result using (source_file, source_row)"
        ).pl()


def recovered(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `is_right`: the staged value is the true one, but for the rounding of the printed number."""
    units = pl.read_csv(str(UNITS)).select(simulated="analyte", factor="factor", decimals="decimals")
    rows = rows.with_columns(
        simulated=c("analyte_code").replace(RENAMED),
        true_canonical=c("true_value")
        * c("analyte_code").replace_strict(CANONICAL_OF_SIMULATED, default=1.0, return_dtype=pl.Float64),
    ).with_row_index("n")
    printed = rows.join(units, on="simulated").with_columns(
        off=(c("source_value") - c("true_value") * c("factor")).abs() - 0.5 * 10.0 ** -c("decimals").cast(pl.Float64)
    )
    # The unit the laboratory printed in is the one that explains its number; rounding is then the only error.
    best = printed.sort(c("off") / c("source_value").abs()).group_by("n", maintain_order=True).first()
    rounding = 0.501 * 10.0 ** -c("decimals").cast(pl.Float64) / c("source_value").abs()
    return best.with_columns(
        is_right=(c("value") / c("true_canonical") - 1).abs() <= rounding * (1 + rounding * 2) * 1.2 + 0.004
    )


def outcomes(rows: pl.DataFrame) -> set[tuple[str, str | None]]:
    return set(rows.select("disposition", "reason").unique().iter_rows())


def test_no_row_is_lost_and_every_row_that_is_not_staged_says_why(staged: Staged) -> None:
    rows = staged.rows
    assert rows["row_id"].is_unique().all()
    assert ((rows["disposition"] == "staged") == rows["reason"].is_null()).all()
    assert ((rows["disposition"] == "staged") == rows["unit_code"].is_not_null()).sum() > 0
    found = rows.filter(c("disposition") == "staged").select(c("operator").is_not_null())
    assert found["operator"].all(), "a row that counts as staged is not in staging.lab_result"


@pytest.mark.parametrize("trap", ["unit_other", "unit_spelling", "decimal_comma", "concept_unmapped"])
def test_units_spellings_and_codes_leave_the_true_value(staged: Staged, trap: str) -> None:
    rows = staged.of(trap).filter(
        (c("disposition") == "staged") & (c("operator") == "=") & ~c("row_id").is_in(staged.ids(*SPOILING))
        & (c("n_replicates") == 1) & c("value").is_not_null()
    )  # fmt: skip
    found = recovered(rows)
    assert found.height > 200
    assert found["is_right"].all(), found.filter(~c("is_right")).group_by("analyte_code", "printed_unit").len()


def test_missing_units_are_inferred_right_or_set_aside(staged: Staged) -> None:
    rows = staged.of("unit_missing_row")
    assert outcomes(rows) <= {("staged", None), ("quarantined", "unit_missing"), ("quarantined", "person_unknown")}
    inferred = recovered(rows.filter((c("unit_basis") == "inferred_from_lab") & (c("disposition") == "staged")))
    assert inferred.height > 20
    assert inferred["is_right"].all()
    assert rows.filter(c("disposition") == "staged")["unit_basis"].is_in(["inferred_from_lab", "implied_by_code"]).all()


def test_a_laboratory_that_never_prints_a_unit_lends_itself_none(staged: Staged) -> None:
    rows = staged.of("unit_missing_site")
    numbers = rows.filter(c("source_value").is_not_null() & (c("disposition") == "staged"))
    assert set(numbers["unit_basis"]) <= {"implied_by_code"}
    assert rows.filter(c("reason") == "unit_missing").height > 0.5 * rows.height


def test_mislabelled_units_are_never_converted_again(staged: Staged) -> None:
    rows = staged.of("unit_mislabelled")
    kept = rows.filter((c("disposition") == "staged") & c("value").is_not_null())
    set_aside = {("quarantined", "unit_implausible"), ("quarantined", "value_impossible")}
    assert outcomes(rows) <= {("staged", None)} | set_aside
    assert ((kept["value"] / kept["true_value"]).log().abs() > 1).all(), "a wrong label was silently put right"


def test_limits_are_kept_with_their_operator(staged: Staged) -> None:
    for trap in ("below_limit", "below_limit_text_only"):
        rows = staged.of(trap).filter((c("disposition") == "staged") & c("missing_reason").is_null())
        assert rows.height > 50
        assert (rows["operator"] == "<").all()
        assert (rows["value"] == rows["lloq"]).all()
        factor = rows["analyte_code"].replace_strict(CANONICAL_OF_SIMULATED, default=1.0, return_dtype=pl.Float64)
        assert (rows["value"] >= rows["true_value"] * factor * LIMIT_ROUNDED).all(), (
            "the truth lies above a limit it is below"
        )
    above = staged.of("above_limit").filter(c("disposition") == "staged")
    assert (above["operator"] == ">").all()


def test_not_detected_takes_the_limit_of_the_laboratory_or_none(staged: Staged) -> None:
    rows = staged.of("not_detected_text").filter(c("disposition") == "staged")
    rows = rows.filter(c("missing_reason").ne_missing("steroidal_drug_interference"))
    assert rows.height > 10
    assert (rows["operator"] == "<").all()
    assert (rows["value"].is_null() == (rows["missing_reason"] == "limit_not_stated").fill_null(False)).all()
    assert rows.filter(c("value") < c("true_value") * LIMIT_ROUNDED).is_empty()


def test_what_stands_in_place_of_a_limit_becomes_the_limit(staged: Staged) -> None:
    zero, half = staged.of("below_limit_as_zero"), staged.of("below_limit_as_half")
    assert outcomes(zero) <= {
        ("staged", None), ("quarantined", "value_impossible"), ("quarantined", "unit_missing"),
    }  # fmt: skip
    for rows, flag in ((zero, "limit_written_as_zero"), (half, "limit_written_as_half")):
        found = rows.filter(c("result_flags").str.contains(flag))
        known = rows.filter(c("disposition") == "staged")
        assert (found["operator"].is_in(["<"]) | found["missing_reason"].is_not_null()).all()
        assert found.filter(c("value") < c("true_value") * LIMIT_ROUNDED).is_empty()
        assert found.height >= 0.4 * known.height
    assert zero.filter((c("disposition") == "staged") & (c("value") == 0)).is_empty()


def test_sentinels_impossible_values_and_dates_are_set_aside(staged: Staged) -> None:
    allowed = {
        "fill_value": {"fill_value"},
        "date_missing": {"date_missing", "unit_missing"},
        "person_unknown": {"person_unknown"},
    }
    for trap, reasons in allowed.items():
        assert {reason for _, reason in outcomes(staged.of(trap))} <= reasons
    later = staged.of("date_future")
    assert later.filter(c("drawn_on") > pl.date(2027, 12, 31)).filter(c("disposition") == "staged").is_empty()
    impossible = staged.of("value_impossible")
    assert impossible.filter((c("source_value") < 0) & (c("disposition") == "staged")).is_empty()
    assert impossible.filter(c("disposition") == "quarantined").height >= 0.8 * impossible.height


def test_second_rows_of_a_specimen_count_once(staged: Staged) -> None:
    assert outcomes(staged.of("duplicate_exact")) <= {("duplicate", "repeated_row"), ("quarantined", "unit_missing")}
    assert outcomes(staged.of("preliminary_result")) <= {
        ("duplicate", "superseded_by_final"), ("quarantined", "unit_missing"),
    }  # fmt: skip
    assert staged.of("corrected_result").filter(c("disposition") == "staged").is_empty(), "a corrected result stands"
    replicates = staged.of("replicate_result").filter(c("reason").ne_missing("unit_missing"))
    # Two equal values of one tube cannot be told from one value sent twice.
    assert outcomes(replicates) <= {("duplicate", "averaged_replicate"), ("duplicate", "repeated_row")}
    assert replicates.height > 5
    pairs = staged.rows.filter((c("disposition") == "staged") & (c("n_replicates") == 2))
    assert pairs.height >= replicates.filter(c("reason") == "averaged_replicate").height


def test_a_class_of_assay_is_never_wrong(staged: Staged) -> None:
    unprinted = staged.of("method_unprinted").filter(c("disposition") == "staged")
    assert set(unprinted["assay_basis"]) <= {"loinc", "lab", "none"}
    for trap in ("exemestane_interference", "fulvestrant_interference", "crp_raises_estradiol"):
        assert "lc_ms_ms" not in set(staged.of(trap)["assay_class"].drop_nulls()), "an immunoassay passes for LC-MS/MS"


def test_estradiol_under_steroidal_drugs_is_missing_or_flagged(staged: Staged) -> None:
    rows = pl.concat([staged.of("exemestane_interference"), staged.of("fulvestrant_interference")])
    rows = rows.filter(c("disposition") == "staged")
    immunoassay = rows.filter(c("assay_class") == "immunoassay")
    assert (immunoassay["missing_reason"] == "steroidal_drug_interference").all()
    assert immunoassay["value"].is_null().all()
    unknown = rows.filter((c("assay_class") == "unknown") & c("value").is_not_null())
    assert unknown["result_flags"].str.contains("steroidal_drug").all()
    assert rows.height > 0


def test_biotin_and_inflammation_are_flagged(staged: Staged) -> None:
    biotin = staged.of("biotin_on_board").filter((c("disposition") == "staged") & (c("assay_class") == "immunoassay"))
    flagged = biotin["result_flags"].fill_null("").str.contains("biotin")
    assert biotin.height > 5
    assert flagged.mean() >= 0.9
    inflamed = staged.of("crp_raises_estradiol").filter(c("disposition") == "staged")
    crp = staged.rows.filter((c("analyte_code") == "crp") & (c("disposition") == "staged") & (c("value") > 10))
    seen = inflamed.join(crp.select("person_id", "drawn_on").unique(), on=["person_id", "drawn_on"])
    assert seen["result_flags"].fill_null("").str.contains("crp_high").all()
