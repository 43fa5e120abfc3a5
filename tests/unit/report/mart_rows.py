"""Rows of studies, overlap, balance, controls, risks, gaps, steps and thresholds for the made-up mart of the tests."""

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


def studies(evidence: str) -> Rows:
    """Two of the studies that have results; the others are told by their results alone."""
    common = {"evidence_source": evidence, "protocol_hash": "9f3c", "lead_contrast": None, "lead_population": None}
    bone = common | {
        "study_id": "nhanes_e2_bmd",
        "title": "Estradiol and bone, 2013-2014",
        "question": "How does estradiol go with bone?",
        "design": "survey_association",
        "primary_outcomes": "femoral_neck_bmd_g_cm2",
        "lead_outcome": "femoral_neck_bmd_g_cm2",
    }
    heart = common | {
        "study_id": "ai_cardiovascular",
        "title": "Inhibitors, heart and vessels",
        "question": "Does an inhibitor harm the heart?",
        "design": "longitudinal",
        "protocol_hash": "77aa",
        "primary_outcomes": "myocardial_infarction,heart_failure",
        "lead_outcome": "myocardial_infarction",
        "lead_contrast": PAIR.format(60),
        "lead_population": "postmenopausal_women",
    }
    return [bone, heart]


def overlap(evidence: str) -> Rows:
    """Two arms in ten bins; the outermost bins are hidden."""
    common = {
        "study_id": "ai_vs_tamoxifen",
        "contrast": "aromatase_inhibitor vs tamoxifen, 24 months",
        "outcome": "lumbar_spine_bmd_change_pct",
        "population": "postmenopausal_women",
        "evidence_source": evidence,
    }
    shares = {"aromatase_inhibitor": (None, 2, 6, 9, 14, 18, 20, 16, 10, None), "tamoxifen": (None, 9, 15, *[14] * 7)}
    return [
        common
        | {"arm_code": arm, "bin_number": place + 1, "lower": place / 10, "upper": (place + 1) / 10}
        | {"share_pct": None if share is None else float(share), "is_suppressed": share is None}
        for arm, each in shares.items()
        for place, share in enumerate(each)
    ]


PAIR = "aromatase_inhibitor vs tamoxifen, {} months, cohort active_comparator"


_MEASURED = ("nc_sodium", "nc_mcv")


def controls(evidence: str) -> Rows:
    """Three controls at the main horizon; of the last few people had the event. And two measured ones of another study."""
    common = {
        "study_id": "ai_cardiovascular",
        "contrast": PAIR.format(60),
        "population": "postmenopausal_women",
        "scale": "log ratio of risks",
        "evidence_source": evidence,
        "is_suppressed": False,
    }
    names = ("estimate", "ci_low", "ci_high", "calibrated_estimate", "calibrated_ci_low", "calibrated_ci_high")
    told = {
        "nc_lipoma": (0.30, 0.02, 0.58, 0.08, -0.28, 0.44),
        "nc_animal_bite": (-0.05, -0.45, 0.35, -0.22, -0.66, 0.22),
    }
    shown: Rows = [common | {"control_code": code} | dict(zip(names, row, strict=True)) for code, row in told.items()]
    measured = common | {
        "study_id": "ai_vs_tamoxifen",
        "contrast": PAIR.format(24),
        "scale": "SD of the change within an arm",
    }
    shown += [
        measured | {"control_code": code} | dict(zip(names, told["nc_lipoma"], strict=True)) for code in _MEASURED
    ]
    return [*shown, common | {"control_code": "nc_scabies", "is_suppressed": True}]


def risks(evidence: str) -> Rows:
    """Of one pair heart failure at two horizons and an infarction whose gate is closed."""
    common = {
        "run_id": "b1",
        "study_id": "ai_cardiovascular",
        "protocol_hash": "77aa",
        "evidence_source": evidence,
        "population": "postmenopausal_women",
        "estimand": "Risk difference at 5 years",
        "intercurrent_strategy": "Treatment policy",
        "se_method": "influence function",
        "missing_method": "weights for loss",
    }
    rows: Rows = []
    for months, points in ((12, 0.0011), (60, 0.0123)):
        at = common | {"contrast": PAIR.format(months), "horizon_months": float(months)}
        heart = at | {"outcome": "heart_failure", "gate_status": "open", "n_target": 4200, "n_comparator": 2100}
        heart |= {"events_target": 160, "events_comparator": 55}
        rows.append(
            heart
            | {
                "estimator": "risk_difference",
                "scale": "difference of risks",
                "estimate": points,
                "ci_low": points / 4,
                "ci_high": 2 * points,
                "se": points / 2,
                "p_value": 0.02,
            }
        )
        rows.append(
            heart
            | {
                "estimator": "log_risk_ratio",
                "scale": "difference of log risks",
                "estimate": 0.38,
                "ci_low": 0.08,
                "ci_high": 0.68,
                "se": 0.15,
                "calibrated_estimate": 0.17,
                "calibrated_ci_low": -0.21,
                "calibrated_ci_high": 0.55,
                "e_value": 2.28,
                "e_value_limit": 1.38,
            }
        )
        rows.append(
            at
            | {
                "outcome": "myocardial_infarction",
                "estimator": "risk_difference",
                "scale": "difference of risks",
                "gate_status": "closed",
                "gate_reason": "events fail",
            }
        )
    return rows


def incidence(evidence: str) -> Rows:
    """Heart failure over a year and, behind a gate of its own, from three to five; one risk and one number are hidden."""
    common = {"study_id": "ai_cardiovascular", "outcome": "heart_failure", "population": "postmenopausal_women"}
    common |= {"evidence_source": evidence, "gate_status": "open", "gate_reason": None}
    rows: Rows = []
    for arm, yearly, people in (("aromatase_inhibitor", 0.9, 4200), ("tamoxifen", 0.6, 2100)):
        for day in (0, 182, 365, 1187, 1278, 1461, 1643, 1826):
            risk = None if (arm, day) == ("tamoxifen", 182) else yearly * day / 365.25
            left = None if (arm, day) == ("aromatase_inhibitor", 1461) else people - 11 * (day // 20)
            error = {"se_pct": 0.1, "ci_low_pct": risk - 0.2, "ci_high_pct": risk + 0.2} if risk else {}
            at = {"contrast": PAIR.format(12 if day <= 365 else 60), "arm_code": arm, "follow_up_days": day}
            hidden = {"risk_pct": risk, "n_at_risk": left, "is_suppressed": risk is None or left is None}
            rows.append(common | at | error | hidden)
    return rows


def trajectory(evidence: str) -> Rows:
    """Spine by two arms: two years, of which one number is hidden, and three behind another horizon of which one is closed."""
    common = {
        "study_id": "ai_vs_tamoxifen",
        "outcome": "lumbar_spine_bmd_change_pct",
        "population": "postmenopausal_women",
    }
    common |= {"evidence_source": evidence}
    rows: Rows = []
    for arm, yearly, people in (("aromatase_inhibitor", -1.9, 880), ("tamoxifen", 0.5, 440)):
        for year, day in enumerate((365, 730, 1096, 1461, 1826), start=1):
            at = {"contrast": PAIR.format(24 if day <= 730 else 60), "arm_code": arm, "follow_up_days": day}
            if year == 3:
                gate = {"gate_status": "closed", "gate_reason": "outcomes_smaller_arm fail", "is_suppressed": False}
                rows.append(common | at | gate)
                continue
            n = None if (arm, year) == ("tamoxifen", 2) else people - 55 * year
            limits = {"ci_low_pct": yearly * year - 0.4, "ci_high_pct": yearly * year + 0.4}
            told = {"change_pct": yearly * year, "se_pct": 0.2, "n_observed": n, "is_suppressed": n is None}
            rows.append(common | at | told | limits | {"gate_status": "open", "gate_reason": None})
    return rows


def bone_effects(evidence: str) -> Rows:
    """The estimates at the two horizons of that course."""
    common = {
        "run_id": "b1", "study_id": "ai_vs_tamoxifen", "protocol_hash": "55bb", "evidence_source": evidence,
        "population": "postmenopausal_women", "outcome": "lumbar_spine_bmd_change_pct", "estimand": "Mean difference",
        "intercurrent_strategy": "Treatment policy", "se_method": "influence function", "missing_method": "weights",
        "estimator": "aipw", "scale": "mean difference of percent change", "gate_status": "open", "se": 0.3, "p_value": 0.001,
    }  # fmt: skip
    return [
        common
        | {"contrast": PAIR.format(months), "horizon_months": float(months), "estimate": -1.2 * months / 12}
        | {
            "ci_low": -1.2 * months / 12 - 0.6,
            "ci_high": -1.2 * months / 12 + 0.6,
            "n_target": 660,
            "n_comparator": 220,
        }
        for months in (24, 60)
    ]


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


def claims(evidence: str) -> Rows:
    """One claim with an answer to one of its parts, and one without any."""
    answer = {"estimate": -0.015, "ci_low": -0.036, "ci_high": 0.006, "confidence_pct": 97.5, "p_value": 0.11}
    common = {
        "kind_code": "superiority",
        "population": "men",
        "side_code": "below",
        "delta": 0.0274,
        "delta_source": "0.2 SD of 0.137",
        "published_answer": "No support",
        "citation": "Khosla 2001",
        "rules_hash": "0123456789abcdef",
        "evidence_source": evidence,
    }
    bone = common | {"claim_id": "H7", "family_code": "bone_density", "claim": "High estradiol harms bone"}
    bone |= {"is_dosing": False, "claim_verdict": "contradicted", "study_id": "nhanes_e2_bmd"}
    dosing = common | {"claim_id": "H11", "family_code": "cardiovascular", "claim": "More heart failure"}
    dosing |= {"is_dosing": True, "claim_verdict": "not_answerable"}
    rows: Rows = [
        bone | answer | {"part_code": "men", "estimand": "Per doubling", "verdict": "contradicted", "why": "below"},
        bone
        | {"part_code": "women", "estimand": "Of women", "verdict": "not_answerable", "why": "gate closed: n fail"},
        dosing | {"part_code": "hf", "estimand": "Log ratio", "verdict": "not_answerable", "why": "no survey"},
    ]
    if evidence != "simulated":
        return rows
    hidden = {"verdict": None, "claim_verdict": None}
    return [row | hidden | {"recovery": "recovered" if "estimate" in row else "missed", "truth": 0.03} for row in rows]


def thresholds(evidence: str) -> Rows:
    """One curve that bends, with an open end, and the same of one class of assay, whose gate is closed."""
    asked = {
        "run_id": "r",
        "study_id": "e2_threshold",
        "contrast": "mean estradiol between scans, cohort men, per doubling",
        "outcome": "lumbar_spine_bmd_change_pct",
        "population": "men",
        "protocol_hash": "0",
        "evidence_source": evidence,
        "exposure": "mean estradiol between scans, pg/mL",
        "is_suppressed": False,
    }
    places = {"place_pg_ml": 14.2, "place_uncorrected_pg_ml": 15.0, "ci_low_pg_ml": 11.3, "searched_low_pg_ml": 8.0}
    flags = {"is_open_low": False, "is_open_high": True, "is_empty": False, "searched_high_pg_ml": 42.0}
    slopes = {"slope_below": 1.2, "slope_below_se": 0.2, "slope_above": 0.1, "slope_above_se": 0.1}
    corrected = {"slope_below_corrected": 1.44, "slope_above_corrected": 0.06, "p_value": 0.004}
    found = {"analysis": "primary", "answer": "kink", "gate_status": "open"} | places | flags | slopes | corrected
    closed = {
        "answer": "not_answerable",
        "why": "gate closed: censored_share fail",
        "gate_reason": "censored_share fail",
    }
    return [asked | found, asked | {"analysis": "lc_ms_ms_only", "gate_status": "closed"} | closed]


def build(evidence: str) -> Rows:
    return [
        {
            "build_id": "20250102T030405-1a2b3c",
            "built_at": "2025-01-02T03:04:05Z",
            "source_id": "nhanes",
            "drop_id": "5f0c9d1e",
            "evidence_source": evidence,
            "code_version": "c0ffee12",
            "lock_hash": "10c4" * 16,
            "trabecula_version": "0.1.0",
            "duckdb_version": "2.0.0",
            "n_gates": 42,
            "n_gates_closed": 7,
            "n_gates_waived": 0,
        }
    ]


def measurements() -> Rows:
    counts = {"estradiol": (0, 3600), "femur BMD": (3030, 1560), "estradiol and femur BMD": (0, 1443)}
    rows: Rows = []
    for measurement, values in counts.items():
        for cycle, value in zip(("2005-2006", "2013-2014"), values, strict=True):
            for sex in ("all", "female", "male"):
                hidden = sex == "female" and value == 0
                n = None if hidden else 2 * value if sex == "all" else value
                row = {"cycle_label": cycle, "measurement": measurement, "sex_code": sex, "n": n}
                rows.append(row | {"is_suppressed": hidden})
    return rows
