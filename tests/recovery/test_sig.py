"""Instructions of simulated prescriptions read back, against the dose a week that was prescribed: nothing is read wrong.

One trap cannot be seen by any reader of the text: `sig_daily_for_weekly`, a slip of the pen ('twice daily' for twice
weekly). What can be asked is that the reader takes the words as they stand, and that nothing else is wrong.
"""

from pathlib import Path

import polars as pl
import pytest

from pipelines.domain.sig.table import parse_table
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.omop.simulate import Request, write_population
from pipelines.synth.parameters import load_parameters

c = pl.col
DOUBTFUL = (
    "sig_ambiguous",
    "sig_range",
    "sig_as_needed",
    "sig_titration",
    "sig_stop",
    "sig_with_injection",
    "sig_as_directed",
)
EXACT = 0.01
LONG_INTERVAL = 0.10  # intervals of a month and longer: 28, 30 and 30.4 days are all honest
MOST_WRONG = 0.001


@pytest.fixture(scope="module", params=["real", "heavy"])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Prescription rows with an instruction: what was read, mg a week prescribed, traps carried, error."""
    folder: Path = tmp_path_factory.mktemp("sig") / "simulated"
    write_population(Request(folder, 1000, 21, request.param, "parquet", processes=1), load_parameters(None), simulate)
    return read_back(folder)


def read_back(folder: Path) -> pl.DataFrame:
    """One row a prescription row with an instruction, the instruction read with the strength the product was planned with."""
    rows = pl.read_parquet(folder / "omop" / "drug_exposure" / "*.parquet").filter(c("sig").is_not_null())
    truth = pl.read_parquet(folder / "dose" / "*.parquet").select("drug_exposure_id", true="mg_per_week")
    named = rows.join(truth, on="drug_exposure_id").with_columns(
        sig_text=c("sig"), drug_text=c("drug_source_value"), strength_text=c("drug_source_value")
    )
    planted = [
        pl.read_parquet(path).filter(table="drug_exposure").select("row_id", trap=pl.lit(path.stem))
        for path in sorted((folder / "planted").glob("*.parquet"))
    ]
    traps = pl.concat(planted).group_by(drug_exposure_id="row_id").agg("trap")
    found = parse_table(named).join(traps, on="drug_exposure_id", how="left").with_columns(c("trap").fill_null([]))
    return found.with_columns(error=(c("mg_per_week") / c("true") - 1).abs())


def carrying(rows: pl.DataFrame, trap: str) -> pl.DataFrame:
    return rows.filter(c("trap").list.contains(trap))


def test_most_instructions_are_read_and_hardly_any_is_wrong(read):
    told = read.filter(c("mg_per_week").is_not_null())
    assert told.height >= 0.5 * read.height
    assert told.filter(c("error") <= EXACT).height >= 0.998 * told.height
    assert told.filter(c("error") > LONG_INTERVAL).height <= MOST_WRONG * told.height


def test_only_a_slip_of_the_pen_is_read_wrong(read):
    wrong = read.filter(c("error") > LONG_INTERVAL)
    assert carrying(wrong, "sig_daily_for_weekly").height == wrong.height


@pytest.mark.parametrize("trap", DOUBTFUL)
def test_doubtful_instructions_have_no_dose_and_say_why(read, trap):
    found = carrying(read, trap)
    assert found.height > 5
    assert found["mg_per_week"].null_count() == found.height
    assert (found["flags"] != "").all()


def test_syringe_units_are_read_and_flagged(read):
    found = carrying(read, "sig_syringe_units")
    assert found.height > 50
    assert (found["flags"] != "").all()
    assert found.filter(c("error") > EXACT).height == 0
