"""Codes in words; a code nobody foresaw still reads as words."""

import pytest

from pipelines.report import labels, order


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("femoral_neck_bmd_g_cm2", "femoral-neck BMD"),
        ("postmenopausal_women", "postmenopausal women"),
        ("postmenopausal_women_on_inhibitor", "postmenopausal women under an inhibitor"),
        ("shbg_nmol_l", "SHBG"),
        ("whole_body_fat_kg", "whole body fat"),
        ("a_new_study", "a new study"),
    ],
)
def test_label(code: str, words: str) -> None:
    assert labels.label(code) == words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("age_years", "Age (years)"),
        ("testosterone_ng_dl", "Testosterone (ng/dL)"),
        ("current_smoker", "Current smoker"),
    ],
)
def test_quantity_carries_its_unit(code: str, words: str) -> None:
    assert labels.quantity(code) == words


def test_readable_replaces_codes_and_units_inside_a_sentence() -> None:
    assert labels.readable("censored_share 0.61 above 0.50") == "share below the assay limit 0.61 above 0.50"
    assert labels.readable("fixed_0.5_mg_twice_weekly vs no_inhibitor, 24 months") == (
        "0.5 mg twice a week vs no inhibitor, 24 months"
    )
    assert labels.readable("mean estradiol between scans, cohort postmenopausal_women_on_inhibitor, per doubling") == (
        "mean estradiol between scans, cohort postmenopausal women under an inhibitor, per doubling"
    )
    assert labels.readable("difference in g/cm2 per doubling of estradiol").startswith("difference in g/cm²")


def test_cycle_has_an_en_dash_between_years_only() -> None:
    assert labels.cycle("2013-2014") == "2013\u20132014"
    assert labels.cycle("2011-2012: no X-ray file") == "2011\u20132012: no X-ray file"
    assert labels.cycle("all cycles") == "all cycles"


def test_first_letters_change_and_the_rest_does_not() -> None:
    assert labels.heading("lumbar_spine_bmd_g_cm2") == "Lumbar-spine BMD"
    assert labels.lowered("Difference per doubling, g/cm²") == "difference per doubling, g/cm²"


def test_ordered_puts_known_codes_first_and_unknown_by_name() -> None:
    found = order.ordered(["zebra", "lumbar_spine", "ankle", "femoral_neck", "ankle"], "site_code")
    assert found == ["femoral_neck", "lumbar_spine", "ankle", "zebra"]
