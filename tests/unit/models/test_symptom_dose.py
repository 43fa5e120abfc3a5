"""Which dose a draw has: what was in stock on its eve, by band; what is not known is left out, and counted."""

import datetime as dt
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from pipelines.models import symptom_tables
from pipelines.models.symptom_dose import dose_bands
from pipelines.models.symptom_frame import symptom_frame
from pipelines.run_facts import RunFacts

made_up = runpy.run_path(str(Path(__file__).parents[2] / "recovery" / "symptom_world.py"))
STUDY, DOSED, dosed, SUPPLY, RULE = (made_up[name] for name in ("STUDY", "DOSED", "dosed", "SUPPLY", "EPISODE_RULE"))
FACTS = RunFacts("run", "omop", (STUDY.id,), "white_female", 11, "simulated")
ZERO = dt.date(2020, 6, 1)


def band(*supplies: tuple) -> str | None:
    """The band of one draw, of supplies as first day from it, days covered, mg a week, and drug or records of unknown length."""
    rows = []
    for start, days, mg, *more in supplies:
        on = ZERO + dt.timedelta(days=start)
        drug = more[0] if more else "anastrozole"
        unknown = more[1] if len(more) > 1 else 0
        rows.append((1, "aromatase_inhibitor", drug, on, on, days, mg, unknown))
    supply = pl.DataFrame(rows, schema=SUPPLY, orient="row").lazy()
    draws = pl.DataFrame({"draw": [0, 1], "person_id": [1, 2], "index_on": [ZERO, ZERO]})
    found = dose_bands({"features.drug_supply": supply, "ref.episode_rule": RULE}, draws)
    assert found[1] == "none", "nobody else is touched"
    return found[0]


@pytest.mark.parametrize(
    ("mg", "said"),
    [
        (0.25, "up_to_1_mg"),
        (1.0, "up_to_1_mg"),
        (1.0 + 1e-9, "up_to_1_mg"),
        (1.01, "over_1_to_2_mg"),
        (2.0, "over_1_to_2_mg"),
        (3.5, "over_2_to_3_5_mg"),
        (3.6, "over_3_5_mg"),
        (7.0, "over_3_5_mg"),
        (None, None),
    ],
)
def test_the_dose_in_stock_tells_the_band(mg: float | None, said: str | None) -> None:
    assert band((-30, 90, mg)) == said


@pytest.mark.parametrize(
    ("supplies", "said"),
    [
        ((), "none"),
        # The last day of a stock is the eve of the draw, or the day before it.
        (((-90, 90, 1.0),), "up_to_1_mg"),
        (((-91, 90, 1.0),), None),
        # Out of stock for less than the gap: late, or stopped; who knows.
        (((-180, 90, 1.0),), None),
        (((-181, 90, 1.0),), "none"),
        # What is supplied on the day, or later, may answer to the draw.
        (((0, 90, 7.0),), "none"),
        (((1, 90, 7.0),), "none"),
        (((-1, 90, 7.0),), "over_3_5_mg"),
        (((-50, 50, 1.0), (0, 90, 7.0)), "up_to_1_mg"),
        (((-60, 30, 1.0), (-30, 90, 7.0)), "over_3_5_mg"),
        # A dose before that is not known is none of today.
        (((-60, 30, None), (-30, 90, 7.0)), "over_3_5_mg"),
        # Another inhibitor, in stock or not long ago.
        (((-30, 90, 17.5, "letrozole"),), None),
        (((-30, 90, 7.0), (-100, 60, 17.5, "letrozole")), None),
        (((-30, 90, 7.0), (-300, 60, 17.5, "letrozole")), "over_3_5_mg"),
        # A supply that may have lasted any time.
        (((-60, 0, 7.0, "anastrozole", 1),), None),
        (((-90, 0, 7.0, "anastrozole", 1),), None),
        (((-91, 0, 7.0, "anastrozole", 1),), "none"),
        (((-60, 0, 7.0, "anastrozole", 1), (-10, 30, 1.0)), None),
    ],
)
def test_stock_is_that_of_the_eve_as_known_then(supplies: tuple, said: str | None) -> None:
    assert band(*supplies) == said


def test_neither_estradiol_nor_supplies_stand_beside_the_dose() -> None:
    frame = symptom_frame(dosed(200, 1).inputs, STUDY, DOSED)
    assert set(frame.covariates.columns) == {"lc_ms_ms", "body_mass_index", "age_years", "current_smoker"}
    assert not {code for code in STUDY.covariates.codes if code not in DOSED.exclude} & {
        "estradiol_pg_ml",
        "drug_aromatase_inhibitor_365d",
        "drug_aromatase_inhibitor_ever",
    }


@pytest.fixture(scope="module")
def answered() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    given = dosed(3000, 1, draws_each=2).inputs
    with threadpool_limits(1):
        judged = symptom_tables.diagnostics(given, FACTS)
        both = given | {"models.diagnostic": judged}
        found = symptom_tables.effect_estimates(both, FACTS).collect()
        curves = symptom_tables.dose_response(both, FACTS).collect()
    return judged.collect().filter(population=DOSED.population), found.filter(population=DOSED.population), curves


def test_doses_are_told_by_band_alone(answered) -> None:
    judged, found, curves = answered
    assert set(found["contrast"]) == set(judged["contrast"]) == {DOSED.contrast(each) for each in DOSED.others}
    assert not found["estimator"].str.starts_with("two_lines").any() and curves.is_empty()
    libido = found.filter(outcome="low_libido", contrast=DOSED.contrast("over_3_5_mg"))
    assert libido["gate_status"].unique().to_list() == ["open"] and libido.height == 5
    assert libido["ci_low"][0] > 0.05
    assert libido["missing_method"].str.contains("without a known dose of anastrozole").all()
    holm = found.filter(estimator="marginal_structural_model_holm")
    assert holm.height == 12 and holm["se_method"].str.contains("over the 12 open").all()


def test_unknown_doses_are_counted_and_left_out(answered) -> None:
    judged, _, _ = answered
    given = dosed(3000, 1, draws_each=2).inputs
    frame = symptom_frame(given, STUDY, DOSED)
    wrong = pl.col("dose_mg_per_week").is_null() | (pl.col("ingredient") == "letrozole")
    n_wrong = given["features.drug_supply"].filter(wrong).collect().height
    assert (frame.band < 0).sum() == n_wrong > 100
    said = judged.filter(diagnostic="unbanded_share")["value"].unique().to_list()
    assert said == [pytest.approx(n_wrong / frame.band.size)]
    assert np.isfinite(frame.log2_e2).any()
