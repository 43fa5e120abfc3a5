"""Prevalence of T-score bands: edges, intervals, a design by hand, and gates that close."""

import json

import numpy as np
import polars as pl
import pytest
from scipy import stats

from pipelines.models.bone_prevalence import band_of, bone_prevalence, diagnostics, logit_interval
from pipelines.models.survey import SurveyDesign, SurveyEstimate, survey_mean
from pipelines.run_facts import RunFacts
from pipelines.settings import sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.step import read_csv

STUDY = "nhanes_bone_prevalence"
FACTS = RunFacts("run", "nhanes", (STUDY, "nhanes_e2_bmd"), "white_female", 11, "public_survey")
STRATA, PER_PSU = 10, 20
OSTEOPOROTIC, NORMAL, BETWEEN = 0.50, 0.90, 0.57
WEIGHT = {"cycle_code": "D", "cycle_years": 2.0, "examination_weight": 1000.0}


@pytest.mark.parametrize(
    ("t_score", "band"),
    [
        (-2.5, "osteoporosis"),
        (-2.5 - 1e-6, "osteoporosis"),
        (-2.5 + 1e-6, "osteopenia"),
        ((0.558 - 0.858) / 0.120, "osteoporosis"),
        (-1.0 - 1e-6, "osteopenia"),
        (-1.0, "normal"),
        ((0.738 - 0.858) / 0.120, "normal"),
        (3.0, "normal"),
    ],
)
def test_band_at_the_edges(t_score, band):
    """WHO 1994; 0.558 and 0.738 g/cm2 are exactly -2.5 and -1.0, whatever binary fractions make of them."""
    assert band_of(np.array([t_score]), -2.5, -1.0).tolist() == [band]


@pytest.mark.parametrize("name", ["all", "elementary", "few_learners"])
def test_interval_equals_r_svyciprop(root, name):
    oracles = root / "tests" / "published" / "oracles"
    schools = pl.read_csv(oracles / "survey_input.csv")
    expected = json.loads((oracles / "prevalence.json").read_text())["domains"][name]
    domain = {
        "all": np.ones(schools.height, dtype=bool),
        "elementary": (schools["is_elementary"] == 1).to_numpy(),
        "few_learners": (schools["ell"] < 8).to_numpy(),
    }[name]
    design = SurveyDesign(*(schools[c].to_numpy() for c in ("stratum_code", "psu_code", "weight")))
    share = survey_mean(design, (schools["meals"] > 50).to_numpy().astype(float), domain)
    assert share.df == expected["df"]
    assert share.estimate == pytest.approx(expected["share"], rel=1e-9)
    assert logit_interval(share) == pytest.approx(expected["interval"], rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_interval_at_0_and_1(share):
    estimate = survey_mean(
        SurveyDesign(np.array([1, 1, 1, 1]), np.array([1, 1, 2, 2]), np.ones(4)),
        np.full(4, share),
        np.ones(4, dtype=bool),
    )
    assert isinstance(estimate, SurveyEstimate)
    assert logit_interval(estimate) is None


def table(name: str, rows: list[dict]) -> pl.LazyFrame:
    schema = CONTRACTS[name].empty().schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema).lazy()


def inputs(bmd: list[float], outside: int = 20) -> dict[str, pl.LazyFrame]:
    """400 women in 10 strata of two PSUs, in order, with BMD; `outside` more are in the design, not in the study."""
    n = len(bmd)
    assert n == STRATA * 2 * PER_PSU
    people = [
        {
            "person_id": i,
            "cycle_label": "2005-2006",
            "stratum_code": i // (2 * PER_PSU),
            "psu_code": i // PER_PSU % 2 + 1,
        }
        for i in range(n)
    ]
    people += [people[i] | {"person_id": n + i} for i in range(outside)]
    scans = [
        {"person_id": i, "site_code": "femoral_neck", "scan_id": "D.femur", "first_bmd_g_cm2": value}
        for i, value in enumerate([*bmd, *[OSTEOPOROTIC] * outside])
    ]
    references = ("ref.bone_reference", "ref.clinical_limit")
    return {
        "staging.survey_design": table("staging.survey_design", [p | WEIGHT for p in people]),
        "cohort.trial_person": table(
            "cohort.trial_person", [{"study_id": STUDY, "person_id": i, "arm_code": "women"} for i in range(n)]
        ),
        "features.bmd_change": table("features.bmd_change", scans),
        "features.e2_exposure": table("features.e2_exposure", []),
        "features.covariate": table("features.covariate", []),
        **{name: read_csv(sql_root() / "ref" / f"{name[4:]}.csv", CONTRACTS[name]) for name in references},
    }


def women_of(first: int, second: int, low: float = OSTEOPOROTIC) -> list[float]:
    """So many low values in the first and in the second PSU of each stratum."""
    return [
        low if i % PER_PSU < (second if i // PER_PSU % 2 else first) else NORMAL for i in range(STRATA * 2 * PER_PSU)
    ]


def cells(bmd: list[float]) -> dict[tuple[str, str], dict]:
    found = bone_prevalence(inputs(bmd), FACTS).collect()
    return {(row["reference_code"], row["band"]): row for row in found.iter_rows(named=True)}


def test_prevalence_and_standard_error_by_hand():
    """2 and 4 of 20 in the PSUs of 10 strata: p = 0.15; SE = sqrt(10 * (4 - 2)^2) / 400 = 0.015811; df 20 - 10."""
    cell = cells(women_of(2, 4))["white_female", "osteoporosis"]
    se = 40**0.5 / 400
    assert (cell["n_band"], cell["n"], cell["df"], cell["gate_status"], cell["sex_code"]) == (
        60,
        400,
        10,
        "open",
        "female",
    )
    assert cell["prevalence_pct"] == pytest.approx(15, abs=1e-9)
    assert cell["se_pct"] == pytest.approx(100 * se, abs=1e-9)
    half = stats.t.ppf(0.975, 10) * se / (0.15 * 0.85)
    odds = 0.15 / 0.85 * np.exp([-half, half])
    assert [cell["ci_low_pct"], cell["ci_high_pct"]] == pytest.approx(100 * odds / (1 + odds), abs=1e-9)


def test_bands_add_up_and_people_outside_the_study_do_not_count():
    found = cells(women_of(2, 4))
    for reference in ("white_female", "white_male"):
        bands = [found[reference, band] for band in ("osteoporosis", "osteopenia", "normal")]
        assert sum(cell["n_band"] for cell in bands) == 400


def test_references_stand_side_by_side():
    """0.57 g/cm2 is T -2.4 against white women and -2.66 against white men (Looker 1998)."""
    found = cells(women_of(2, 4, BETWEEN))
    assert found["white_female", "osteoporosis"]["n_band"] == 0
    assert found["white_female", "osteopenia"]["n_band"] == found["white_male", "osteoporosis"]["n_band"] == 60


def test_gate_closes_above_30_percent_relative_error_and_tells_no_prevalence():
    bmd = [NORMAL] * (STRATA * 2 * PER_PSU)
    bmd[:12] = [OSTEOPOROTIC] * 12
    cell = cells(bmd)["white_female", "osteoporosis"]
    assert (cell["gate_status"], cell["gate_reason"], cell["n_band"]) == ("closed", "relative_standard_error", 12)
    assert [cell[name] for name in ("prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct")] == [None] * 4
    assert cells(bmd)["white_female", "normal"]["gate_status"] == "open"


def test_band_without_anybody_is_closed_not_0_percent():
    cell = cells([NORMAL] * (STRATA * 2 * PER_PSU))["white_female", "osteoporosis"]
    assert (cell["gate_status"], cell["prevalence_pct"], cell["n_band"]) == ("closed", None, 0)


def test_diagnostics_say_what_was_asked_and_found():
    found = diagnostics(inputs(women_of(2, 4)), FACTS).collect()
    cell = found.filter(contrast="osteoporosis, reference white_female")
    values = {row["diagnostic"]: (row["value"], row["threshold"], row["status"]) for row in cell.iter_rows(named=True)}
    assert values["unweighted_n"] == (400, 30, "pass")
    assert values["kish_effective_n"] == (pytest.approx(400), 30, "pass")
    assert values["design_df"] == (10, 8, "pass")
    assert values["relative_standard_error"] == (pytest.approx(40**0.5 / 400 / 0.15), 0.30, "pass")


def test_other_designs_are_left_alone():
    only_e2 = RunFacts("run", "nhanes", ("nhanes_e2_bmd",), "white_female", 11, "public_survey")
    assert bone_prevalence(inputs(women_of(2, 4)), only_e2).collect().is_empty()
