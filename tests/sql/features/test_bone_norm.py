"""Weighted mean and SD by sex and ten-year band."""

import pytest

TABLE = "features.bone_norm"
HEADER = "person_id | scan_id | site_code | imputation_number | bmd_g_cm2 | is_valid | manufacturer"


def norms(
    run_sql, n: int, age: int = 55, weights: tuple[float, float] = (1, 3), valid: str = "true", imputation: int = 0
):
    """n people, half of them at 0.8 g/cm2 and half at 1.0, with the two weights."""
    people = [(i, 0.8 if i % 2 else 1.0, weights[0] if i % 2 else weights[1]) for i in range(1, n + 1)]
    scan = "\n".join(f"{i} | s | femoral_neck | {imputation} | {bmd} | {valid} | hologic" for i, bmd, _ in people)
    inputs = {
        "staging.person": "person_id | sex_code | age_years\n" + "\n".join(f"{i} | female | {age}" for i, *_ in people),
        "staging.survey_design": "person_id | examination_weight\n" + "\n".join(f"{i} | {w}" for i, _, w in people),
        "staging.dxa_scan": f"{HEADER}\n{scan}",
    }
    return run_sql(TABLE, inputs)


def test_weighted_mean_and_sd_by_hand(run_sql, only):
    """15 at 0.8 (weight 1), 15 at 1.0 (weight 3): mean 0.95; variance (0.25*0.15^2 + 0.75*0.05^2) * 30/29."""
    norm = only(norms(run_sql, 30))
    assert (norm["sex_code"], norm["age_band"], norm["site_code"], norm["n"]) == ("female", 50, "femoral_neck", 30)
    assert norm["mean_g_cm2"] == pytest.approx(0.95, abs=1e-12)
    assert norm["sd_g_cm2"] == pytest.approx((0.0075 * 30 / 29) ** 0.5, abs=1e-12)


def test_no_norm_from_fewer_than_30(run_sql):
    assert norms(run_sql, 29) == []


@pytest.mark.parametrize(("age", "band"), [(49, 40), (50, 50), (59, 50), (60, 60), (8, 0)])
def test_bands_start_at_tens(run_sql, only, age, band):
    assert only(norms(run_sql, 30, age=age))["age_band"] == band


def test_invalid_imputed_and_unweighted_scans_take_no_part(run_sql):
    assert norms(run_sql, 40, valid="false") == []
    assert norms(run_sql, 40, imputation=1) == []
    assert norms(run_sql, 40, weights=(0, 1)) == []


def test_makers_of_scanners_stand_apart(run_sql, only):
    assert only(norms(run_sql, 30))["manufacturer"] == "hologic"
