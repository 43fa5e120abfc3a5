"""Spellings of sites, sides and vertebrae, as clinics write them."""

import pytest

VIEW = "source.dxa_place"


def place(run_sql, site: str, side: str = "", vertebrae: str = "") -> tuple:
    text = f"person_id | site_text | side_text | vertebrae_text\n1 | {site} | {side} | {vertebrae}"
    (row,) = run_sql(VIEW, {"raw.flat_dxa": text})
    return row["site_code"], row["side_code"]


@pytest.mark.parametrize(
    ("site", "side", "found"),
    [
        ("Lumbar Spine", "", ("lumbar_spine", None)),
        ("AP Spine L1-L4", "", ("lumbar_spine", None)),
        ("L-Spine", "", ("lumbar_spine", "left")),
        ("LWS", "", ("lumbar_spine", None)),
        ("LT FEMUR NECK", "", ("femoral_neck", "left")),
        ("Femoral neck, right", "", ("femoral_neck", "right")),
        ("Neck", "L", ("femoral_neck", "left")),
        ("Schenkelhals links", "", ("femoral_neck", "left")),
        ("TOTAL HIP (R)", "", ("total_hip", "right")),
        ("Hip Total", "Rt", ("total_hip", "right")),
        ("Dual Femur Total Mean", "", ("total_hip", "both")),
        ("left and right hip", "", (None, "both")),
        ("Ward's triangle", "left", ("wards_triangle", "left")),
        ("1/3 Radius", "left", ("one_third_radius", "left")),
        ("TH", "", ("total_hip", None)),
        ("L3", "", ("l3", None)),
        ("left ear", "", (None, "left")),
    ],
)
def test_sites_and_sides(run_sql, site, side, found):
    assert place(run_sql, site, side) == found


@pytest.mark.parametrize(
    ("site", "vertebrae", "code", "n"),
    [
        ("spine", "L1-L4", "L1-L4", 4),
        ("spine", "L2-4", "L2-L4", 3),
        ("spine", "L1,L2,L4", "L1,L2,L4", 3),
        ("AP Spine L2-L4", "", "L2-L4", 3),
        ("spine", "L1 L2 L3 L4", "L1-L4", 4),
        ("spine L3", "", "L3", 1),
        ("spine", "", None, None),
    ],
)
def test_vertebrae(run_sql, only, site, vertebrae, code, n):
    text = f"person_id | site_text | vertebrae_text\n1 | {site} | {vertebrae}"
    row = only(run_sql(VIEW, {"raw.flat_dxa": text}))
    assert (row["site_code"], row["vertebrae_code"], row["n_vertebrae"]) == ("lumbar_spine", code, n)
