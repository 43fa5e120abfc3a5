"""Proportional hazards against R survival: its own data sets, and three made sets of weighted, clustered rows. survival.R."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.cox import fit_cox, proportionality
from pipelines.models.survival_curve import cut_rows, fit_curve, follow_up, only_cause, step_values

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


def test_veteran_effect_split_at_ninety_days(published) -> None:
    """The score of Karnofsky foretells death for ninety days only: -0.049, then 0.001."""
    frame = pl.read_csv(published / "veteran.csv")
    time, status, arm, karno, prior = columns(frame, "time", "status", "trt", "karno", "prior")
    cut = cut_rows(follow_up(time, status), [90.0])
    parts = [karno[cut.origin] * (cut.part == part) for part in (0, 1)]
    fit = fit_cox(cut.rows, np.column_stack([arm[cut.origin], *parts]), person_id=cut.origin)
    same(fit, EXPECTED["veteran_split"], is_robust=False)
    assert cut.origin.size == EXPECTED["veteran_split"]["n"]
    twice = cut_rows(follow_up(time, status), [90.0, 180.0])
    parts = [karno[twice.origin] * (twice.part == part) for part in (0, 1, 2)]
    found = fit_cox(twice.rows, np.column_stack([arm[twice.origin], prior[twice.origin], *parts]))
    same(found, EXPECTED["veteran_split_twice"], is_robust=False)
    # One effect over the same rows is the uncut fit: cutting alone tells nothing.
    whole = fit_cox(cut.rows, np.column_stack([arm, karno])[cut.origin], person_id=cut.origin)
    same(whole, EXPECTED["veteran"], is_robust=False)


def test_veteran_by_cell_type_as_strata(published) -> None:
    frame = pl.read_csv(published / "veteran.csv")
    time, status, arm, karno = columns(frame, "time", "status", "trt", "karno")
    kinds = ["squamous", "smallcell", "adeno", "large"]
    stratum = frame["celltype"].cast(pl.Enum(kinds)).to_physical().to_numpy()
    rows, design = follow_up(time, status), np.column_stack([arm, karno])
    fit, expected = fit_cox(rows, design, stratum=stratum), EXPECTED["veteran_strata"]
    same(fit, expected, is_robust=False)
    for number, base in enumerate(expected["base"]):
        assert fit.baseline(np.array([30.0, 90.0]), number) == pytest.approx(base, rel=1e-7)
    lost = 1 - step_values(fit_curve(rows), fit.times - 0.5)[0]
    same_tests(proportionality(rows, design, fit, lost, stratum=stratum), expected["zph_km"])


def test_lung_weighted_in_strata_of_sex(published) -> None:
    """Weights 0.5 to 1.5 by turns; a person a row. Forgetting the weights, or the strata, is another answer."""
    frame = pl.read_csv(published / "lung.csv", null_values="NA").drop_nulls("ph.ecog")
    weighted = frame.with_row_index("place", 1).with_columns(weight=0.5 + pl.col("place") % 5 / 4)
    time, status, sex, weight, *rest = columns(
        weighted.drop_nulls("wt.loss"), "time", "status", "sex", "weight", "age", "ph.ecog", "wt.loss"
    )
    rows, design, expected = follow_up(time, status - 1, None, weight), np.column_stack(rest), EXPECTED["lung_weighted"]
    same(fit_cox(rows, design, stratum=sex), expected, is_robust=True)
    for wrong in (fit_cox(follow_up(time, status - 1), design, stratum=sex), fit_cox(rows, design)):
        assert wrong.coefficients != pytest.approx(expected["coefficients"], rel=1e-2)
        assert wrong.standard_errors != pytest.approx(expected["se"], rel=1e-2)


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
    rows = follow_up(time, status)
    fit = fit_cox(rows, design, cause=2)
    same(fit, EXPECTED["pbc"], is_robust=False)
    lost = 1 - step_values(fit_curve(only_cause(rows, 2)), fit.times - 0.5)[0]
    same_tests(proportionality(rows, design, fit, lost, cause=2), EXPECTED["pbc"]["zph_km"])
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
