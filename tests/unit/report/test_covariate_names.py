"""Covariates at time zero in words: what it is, until when before time zero it counts, and its level."""

import pytest

from pipelines.report.covariate_names import RACE_ETHNICITY, covariate


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("drug_ssri_365d", "SSRI, year before"),
        ("drug_testosterone_365d", "Testosterone as a drug, year before"),
        ("testosterone_ng_dl: missing", "Testosterone: missing"),
        ("drug_gnrh_analogue_365d", "GnRH analogue, year before"),
        ("any_fracture_730d", "Any fracture, two years before"),
        ("ever_family_osteoporosis", "Osteoporosis in the family, ever"),
        ("ever_hypertension", "Hypertension, ever"),
        ("drug_tamoxifen_ever", "Tamoxifen, ever"),
        ("lumbar_spine_t_score", "Lumbar spine T-score"),
        ("race_ethnicity: 4", "Race and Hispanic origin: non-Hispanic Black"),
        ("race_ethnicity: missing", "Race and Hispanic origin: missing"),
        ("alp_u_l", "ALP"),
    ],
)
def test_a_covariate_in_words(code: str, words: str) -> None:
    assert covariate(code) == words


def test_levels_are_those_of_the_feature(root) -> None:
    sql = (root / "sql/features/covariate.sql").read_text()
    for level, group in {
        "1": "mexican_american",
        "2": "other_hispanic",
        "3": "non_hispanic_white",
        "4": "non_hispanic_black",
    }.items():
        assert f"when '{group}' then {level}" in sql
        assert RACE_ETHNICITY[level].lower().replace("-", "_").replace(" ", "_") == group
    assert "when 'other_or_multiracial' then 5" in sql
