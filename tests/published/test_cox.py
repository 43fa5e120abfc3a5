"""Proportional hazards against R survival: its own data sets, and three made sets of weighted, clustered rows. survival.R."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.cox import fit_cox, proportionality
from pipelines.models.survival_curve import fit_curve, follow_up, step_values

ORACLES = Path(__file__).with_name("oracles")
EXPECTED = json.loads((ORACLES / "survival.json").read_text())["cox"]


def columns(frame: pl.DataFrame, *names: str) -> list[np.ndarray]:
    return [frame[name].cast(pl.Float64).to_numpy() for name in names]


def same(fit, expected, *, is_robust: bool) -> None:
    assert fit.coefficients == pytest.approx(expected["coefficients"], rel=1e-7)
    model = np.sqrt(np.diag(fit.model_covariance))
    assert model == pytest.approx(expected["naive_se"], rel=1e-7)
    if is_robust:
        assert fit.standard_errors == pytest.approx(expected["se"], rel=1e-7)
    assert [fit.null_log_likelihood, fit.log_likelihood] == pytest.approx(expected["loglik"], rel=1e-9)
    assert fit.n_events == expected["events"]


def same_tests(tests, expected) -> None:
    assert [test.statistic * test.df_numerator for test in tests] == pytest.approx(
        [row[0] for row in expected], rel=1e-5
    )
    assert [test.p_value for test in tests] == pytest.approx([row[2] for row in expected], rel=1e-4)


def test_veteran(published) -> None:
    frame = pl.read_csv(published / "veteran.csv")
    time, status, arm, karno, age = columns(frame, "time", "status", "trt", "karno", "age")
    rows, design = follow_up(time, status), np.column_stack([arm, karno])
    fit = fit_cox(rows, design)
    same(fit, EXPECTED["veteran"], is_robust=False)
    at = np.array([30.0, 90.0, 365.0])
    assert fit.baseline(at) == pytest.approx(EXPECTED["veteran"]["base"], rel=1e-7)
    same_tests(proportionality(rows, design, fit, fit.times), EXPECTED["veteran"]["zph_identity"])
    same_tests(proportionality(rows, design, fit, np.log(fit.times)), EXPECTED["veteran"]["zph_log"])
    lost = 1 - step_values(fit_curve(rows), fit.times - 0.5)[0]
    same_tests(proportionality(rows, design, fit, lost), EXPECTED["veteran"]["zph_km"])
    breslow = fit_cox(rows, design, ties="breslow")
    same(breslow, EXPECTED["veteran_breslow"], is_robust=False)
    assert breslow.baseline(at) == pytest.approx(EXPECTED["veteran_breslow"]["base"], rel=1e-7)
    cells = [(frame["celltype"] == kind).to_numpy().astype(float) for kind in ("smallcell", "adeno", "large")]
    full = fit_cox(rows, np.column_stack([arm, *cells, karno, age]))
    same(full, EXPECTED["veteran_age"], is_robust=False)
    assert full.coefficients[[0, 4]] == pytest.approx([0.303048, -0.0326855], abs=5e-7)
    assert np.sqrt(np.diag(full.model_covariance))[[0, 4]] == pytest.approx([0.205656, 0.0054088], abs=5e-7)


def test_heart_errors_by_person(published) -> None:
    frame = pl.read_csv(published / "heart.csv")
    start, stop, event, person = columns(frame, "start", "stop", "event", "id")
    design = np.column_stack(columns(frame, "age", "year", "surgery", "transplant"))
    rows = follow_up(stop, event, start)
    fit = fit_cox(rows, design, person_id=person)
    same(fit, EXPECTED["heart"], is_robust=True)
    assert fit.coefficients == pytest.approx([0.0271666, -0.1463463, -0.6372099, -0.0102508], abs=5e-8)
    same_tests(proportionality(rows, design, fit, fit.times), EXPECTED["heart"]["zph_identity"])


def test_pbc_mayo_model(published) -> None:
    frame = pl.read_csv(published / "pbc.csv", null_values="NA").drop_nulls(["protime"])
    time, status, age, edema, bili, protime, albumin = columns(
        frame, "time", "status", "age", "edema", "bili", "protime", "albumin"
    )
    design = np.column_stack([age, edema, np.log(bili), np.log(protime), np.log(albumin)])
    fit = fit_cox(follow_up(time, status), design, cause=2)
    same(fit, EXPECTED["pbc"], is_robust=False)
    assert fit.coefficients == pytest.approx([0.039609, 0.896311, 0.863551, 2.386839, -2.506923], abs=5e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("name", ["small", "middle", "strata"])
def test_weights_strata_persons_and_late_entry(name, ties) -> None:
    frame = pl.read_csv(ORACLES / "survival_input.csv").filter(set=name)
    stop, event, start, weight, person = columns(frame, "stop", "event", "start", "weight", "person")
    design, site = np.column_stack(columns(frame, "x", "arm", "z")), frame["site"].to_numpy()
    fit = fit_cox(follow_up(stop, event, start, weight), design, 1, site, person, ties)
    expected = EXPECTED[f"{name}_{ties}"]
    same(fit, expected, is_robust=True)
    bases = expected["base"] if name == "strata" else [expected["base"]]
    for number, base in enumerate(bases, start=1):
        assert fit.baseline(np.array([6.0, 12.0, 20.0]), number) == pytest.approx(base, rel=1e-6)
