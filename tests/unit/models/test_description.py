"""Weighted descriptions by hand: baseline means and shares, estradiol by bin with the censored apart."""

import polars as pl
import pytest

from pipelines.models.description import E2_EDGES, baseline, e2_distribution
from pipelines.run_facts import RunFacts
from pipelines.tables import CONTRACTS

STUDY = "nhanes_e2_bmd"
FACTS = RunFacts("run", "nhanes", (STUDY,), "white_female", 11, "public_survey")
CYCLE = {"cycle_label": "2013-2014", "cycle_code": "H", "cycle_years": 2.0}


def table(name: str, rows: list[dict]) -> pl.LazyFrame:
    schema = CONTRACTS[name].empty().schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema).lazy()


def study_inputs() -> dict[str, pl.LazyFrame]:
    """Men 1 to 3 (weights 1, 3, 4) and somebody who is not in the study."""
    weights = {1: 1.0, 2: 3.0, 3: 4.0, 9: 100.0}
    ages = {1: 40.0, 2: 60.0, 3: 80.0, 9: 20.0}
    smokes = {1: 1.0, 2: 0.0, 3: None, 9: 1.0}
    low = {1: 0.0, 2: 20.0, 3: 30.0, 9: 0.0}
    high = {1: 2.994, 2: 20.0, 3: 30.0, 9: 2.994}
    covariates = [
        {"study_id": STUDY, "person_id": i, "covariate_code": code, "value": values[i]}
        for i in (1, 2, 3)
        for code, values in (("age_years", ages), ("current_smoker", smokes))
    ]
    return {
        "staging.survey_design": table(
            "staging.survey_design",
            [CYCLE | {"person_id": i, "examination_weight": w} for i, w in weights.items()],
        ),
        "cohort.trial_person": table(
            "cohort.trial_person", [{"study_id": STUDY, "person_id": i, "arm_code": "men"} for i in (1, 2, 3)]
        ),
        "features.bmd_change": table(
            "features.bmd_change",
            [
                {"person_id": i, "site_code": "femoral_neck", "scan_id": "s", "first_bmd_g_cm2": b}
                for i, b in ((1, 0.7), (2, 0.9))
            ],
        ),
        "features.e2_exposure": table(
            "features.e2_exposure",
            [
                {"person_id": i, "assay_class": "lc_ms_ms", "e2_lo_pg_ml": low[i], "e2_hi_pg_ml": high[i]}
                for i in weights
            ],
        ),
        "features.covariate": table("features.covariate", covariates),
    }


@pytest.fixture(scope="module")
def described() -> dict[tuple[str, str], dict]:
    rows = baseline(study_inputs(), FACTS).collect().iter_rows(named=True)
    return {(row["characteristic"], row["level"]): row for row in rows}


def test_people_of_the_arm(described):
    assert (described["People", "all"]["n"], described["People", "all"]["estimate"]) == (3, None)


def test_weighted_mean_and_spread(described):
    """(1*40 + 3*60 + 4*80) / 8 = 67.5; variance (27.5^2 + 3*7.5^2 + 4*12.5^2) / 8 = 193.75."""
    age = described["Age", "mean"]
    assert (age["n"], age["estimate"], age["unit"]) == (3, pytest.approx(67.5), "a")
    assert age["spread"] == pytest.approx(193.75**0.5)


def test_mean_of_those_with_a_value(described):
    bone = described["Femoral neck BMD", "mean"]
    assert (bone["n"], bone["estimate"]) == (2, pytest.approx((0.7 + 3 * 0.9) / 4))


def test_shares_are_of_those_who_answered(described):
    assert (described["Current smoker", "yes"]["n"], described["Current smoker", "yes"]["estimate"]) == (1, 0.25)
    assert (described["Current smoker", "no"]["n"], described["Current smoker", "no"]["estimate"]) == (1, 0.75)


def test_share_below_the_limit(described):
    censored = described["Estradiol below the limit", "yes"]
    assert (censored["n"], censored["estimate"]) == (1, pytest.approx(1 / 8))


def test_a_weight_that_is_not_known_makes_no_number_up():
    """Together, 1999-2000 and 2001-2002 need the four-year weight; without it no mean and no share can be told."""
    bones = RunFacts("run", "nhanes", ("nhanes_bone_prevalence",), "white_female", 11, "public_survey")
    design = [
        {"person_id": i, "cycle_label": code, "cycle_code": code, "cycle_years": 2.0, "examination_weight": 5.0}
        for i, code in ((1, "A"), (2, "B"), (3, "B"))
    ]
    inputs = study_inputs() | {"staging.survey_design": table("staging.survey_design", design)}
    of_study = pl.lit("nhanes_bone_prevalence").alias("study_id")
    inputs |= {name: inputs[name].with_columns(of_study) for name in ("cohort.trial_person", "features.covariate")}
    found = baseline(inputs, bones).collect().filter(pl.col("characteristic") != "People")
    assert found["estimate"].to_list() == [None] * found.height


def test_what_nobody_has_is_no_row(described):
    assert ("Body mass index", "mean") not in described


def e2_bins(
    *draws: tuple[float, float, bool], sex: str = "male", age: float = 50, status: str | None = None
) -> list[dict]:
    """Bins of people with (estradiol or limit, weight, is censored)."""
    numbers = range(len(draws))
    statuses = [{"person_id": i, "status_code": status} for i in numbers] if status else []
    found = e2_distribution(
        {
            "features.e2_exposure": table(
                "features.e2_exposure",
                [
                    {
                        "person_id": i,
                        "assay_class": "lc_ms_ms",
                        "e2_hi_pg_ml": v,
                        "n_uncensored": int(not c),
                        "lloq_pg_ml": 2.994,
                    }
                    for i, (v, _, c) in enumerate(draws)
                ],
            ),
            "staging.person": table(
                "staging.person", [{"person_id": i, "sex_code": sex, "age_years": age} for i in numbers]
            ),
            "staging.survey_design": table(
                "staging.survey_design",
                [{"person_id": i, "cycle_label": "H", "examination_weight": w} for i, (_, w, _) in enumerate(draws)],
            ),
            "features.menopausal_status": table("features.menopausal_status", statuses),
        },
        FACTS,
    )
    return found.collect().sort("bin_number").to_dicts()


def test_the_censored_are_bin_0_and_shares_are_weighted():
    below, above = e2_bins((2.994, 1.0, True), (2.994, 2.0, True), (25.0, 9.0, False))
    assert (below["bin_number"], below["n"], below["weighted_share_pct"]) == (0, 2, pytest.approx(25))
    assert (above["n"], above["weighted_share_pct"], above["lloq_pg_ml"]) == (1, pytest.approx(75), 2.994)
    assert above["lower_pg_ml"] <= 25 < above["upper_pg_ml"]


@pytest.mark.parametrize("value", [2.994, 2.828, 4.0, 22.627, 500.0, 0.5, E2_EDGES[0], E2_EDGES[-1], E2_EDGES[-2]])
def test_a_value_lies_within_the_edges_of_its_bin(value):
    (found,) = e2_bins((value, 1.0, False))
    assert found["bin_number"] > 0
    assert found["lower_pg_ml"] <= value < (found["upper_pg_ml"] or float("inf"))


def test_last_bin_is_open():
    assert e2_bins((5000.0, 1.0, False))[0]["upper_pg_ml"] is None


@pytest.mark.parametrize(
    ("sex", "status", "population"),
    [
        ("male", None, "men"),
        ("female", "postmenopausal", "postmenopausal_women"),
        ("female", "premenopausal", "premenopausal_women"),
        ("female", None, "unknown_women"),
    ],
)
def test_populations(sex, status, population):
    assert e2_bins((25.0, 1.0, False), sex=sex, status=status)[0]["population"] == population


def test_children_and_people_without_weight_are_left_out():
    assert e2_bins((25.0, 1.0, False), age=17) == []
    assert e2_bins((25.0, 0.0, False)) == []
