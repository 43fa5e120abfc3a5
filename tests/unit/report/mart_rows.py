"""Rows of mart.covariate_balance, mart.missing_piece and mart.change_point for the made-up mart of the report's tests."""

import datetime as dt
from typing import Any

Rows = list[dict[str, Any]]


def balance(evidence: str) -> Rows:
    """One contrast of arms; the last covariate is hidden."""
    common = {
        "study_id": "ai_vs_tamoxifen",
        "contrast": "aromatase_inhibitor vs tamoxifen, 24 months",
        "outcome": "lumbar_spine_bmd_change_pct",
        "population": "postmenopausal_women",
        "evidence_source": evidence,
    }
    apart = {"age_years": (0.32, 0.03), "body_mass_index": (-0.18, 0.12), "current_smoker": (0.05, -0.01)}
    shown: Rows = [
        common | {"covariate": name, "smd_before": before, "smd_after": after, "is_suppressed": False}
        for name, (before, after) in apart.items()
    ]
    return [*shown, common | {"covariate": "dementia", "is_suppressed": True}]


def missing() -> Rows:
    absent = [("2011-2012", "DXXFEM", "femoral BMD")]
    absent += [(cycle, "TST or SSCHL", "estradiol") for cycle in ("2005-2006", "2009-2010")]
    return [
        {"cycle_label": cycle, "file_group": f"{files}: {what}", "consequence": f"{cycle}: no {files}: no {what}"}
        for cycle, files, what in absent
    ]


def steps() -> Rows:
    place = {"quantity": "lab", "item_code": "estradiol", "place_kind": "care_site", "quarter_number": 8065}
    size = {"starts_on": dt.date(2016, 4, 1), "change_pct": -38.5, "ci_low_pct": -49.5, "ci_high_pct": -26.0}
    hidden = {"quarter_number": 8069, "starts_on": dt.date(2017, 4, 1), "is_suppressed": True}
    return [
        place | size | {"place_code": "care-site-1", "cause_code": "laboratory,assay_class", "is_suppressed": False},
        place | size | {"place_code": "care-site-2", "cause_code": "no_recorded_change", "is_suppressed": False},
        place | {"place_code": "care-site-3"} | hidden,
    ]
