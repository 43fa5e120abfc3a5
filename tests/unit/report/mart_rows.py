"""Rows of mart.covariate_balance and mart.missing_piece for the made-up mart of the report's tests."""

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
