"""A small mart as one build would leave it: made up, shaped by the contracts, with closed gates and hidden cells."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.report.build import build_report
from pipelines.tables import CONTRACTS

Rows = list[dict[str, Any]]
OTHERS = runpy.run_path(str(Path(__file__).with_name("mart_rows.py")))
PAGES = runpy.run_path(str(Path(__file__).with_name("pages.py")))
OUTCOMES = ("femoral_neck_bmd_g_cm2", "lumbar_spine_bmd_g_cm2", "total_hip_bmd_g_cm2")
POPULATIONS = {"men": (11.0, 44.0, 23.6), "postmenopausal_women": (2.1, 21.0, 5.2)}
STUDY, DESCRIPTIVE = "nhanes_e2_bmd", "nhanes_bone_prevalence"


def framed(name: str, rows: Rows) -> pl.DataFrame:
    """Rows as a frame of the contract: every column present, none other."""
    contract = CONTRACTS[name]
    columns = {column.name for column in contract.columns}
    odd = {key for row in rows for key in row} - columns
    assert not odd, f"{name}: not in the contract: {odd}"
    schema = contract.empty().schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def build_mart(evidence: str = "public_survey") -> dict[str, pl.DataFrame]:
    """Every mart table, with rows."""
    rows = {
        "mart.effect_estimate": [*_estimates(evidence), *OTHERS["risks"](evidence), *OTHERS["bone_effects"](evidence)],
        "mart.diagnostic": _diagnostics(),
        "mart.study": OTHERS["studies"](evidence),
        "mart.propensity_score": OTHERS["overlap"](evidence),
        "mart.cumulative_incidence": OTHERS["incidence"](evidence),
        "mart.bmd_trajectory": OTHERS["trajectory"](evidence),
        "mart.covariate_balance": OTHERS["balance"](evidence),
        "mart.negative_control": OTHERS["controls"](evidence),
        "mart.dose_response": _curves(evidence),
        "mart.bone_prevalence": _prevalence(evidence),
        "mart.attrition": _attrition(),
        "mart.table_one": _table_one(),
        "mart.e2_distribution": _distribution(),
        "mart.measurement_count": OTHERS["measurements"](),
        "mart.source_file": _files(),
        "mart.missing_piece": OTHERS["missing"](),
        **{name: [] for name in ("mart.sig_coverage", "mart.quality_trend", "mart.evidence_drift")},
        "mart.quality_result": _checks(),
        "mart.change_point": OTHERS["steps"](),
        "mart.claim": OTHERS["claims"](evidence),
        "mart.threshold": OTHERS["thresholds"](evidence),
        "mart.build": OTHERS["build"](evidence),
    }
    return {name: framed(name, content) for name, content in rows.items()}


@pytest.fixture(scope="session")
def mart() -> dict[str, pl.DataFrame]:
    return build_mart()


@pytest.fixture(scope="session")
def simulated_mart() -> dict[str, pl.DataFrame]:
    return build_mart("simulated")


Made = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def site(made_once: Made) -> dict[str, str]:
    """Every file of the report of the made-up mart by name; to be read only."""
    return PAGES["read"](made_once("report", lambda folder: build_report(build_mart(), folder)))


@pytest.fixture(scope="session")
def simulated_site(made_once: Made) -> dict[str, str]:
    """The same of simulated people."""
    return PAGES["read"](made_once("simulated-report", lambda folder: build_report(build_mart("simulated"), folder)))


@pytest.fixture(scope="session")
def frame_of() -> Callable[[str, Rows], pl.DataFrame]:
    return framed


@pytest.fixture(scope="session")
def empty_mart() -> dict[str, pl.DataFrame]:
    return {name: contract.empty() for name, contract in CONTRACTS.items() if contract.layer == "mart"}


def _is_closed(population: str, outcome: str) -> bool:
    return population == "postmenopausal_women" and outcome.startswith("lumbar")


def _estimates(evidence: str) -> Rows:
    found = iter([(0.0148, 0.0039, 0.0018), (0.0086, 0.0041, 0.052), (-0.0021, 0.0062, 0.74), (0, 0, 0)])
    found = iter([*list(found)[:3], (0.0113, 0.0029, 0.0002), (0.0, 0.0, 0.0), (0.0121, 0.0034, 0.0005)])
    rows: Rows = []
    for population in POPULATIONS:
        for outcome in OUTCOMES:
            estimate, error, p_value = next(found)
            closed = _is_closed(population, outcome)
            for shift, estimator in enumerate(("linear_log2_e2_mi", "lloq_over_sqrt2", "measured_only")):
                value = estimate * (1 + 0.2 * shift)
                answer = {
                    "estimate": value,
                    "ci_low": value - 2.13 * error,
                    "ci_high": value + 2.13 * error,
                    "se": error,
                    "p_value": p_value,
                }
                rows.append(
                    {
                        **_analysis(population, outcome, evidence, closed=closed),
                        "estimator": estimator,
                        "missing_method": "40 imputations" if shift == 0 else "none: for comparison only",
                        "scale": "g/cm2",
                        "n_target": 1340 if shift < 2 else None,
                        "n_effective": 902.4 if shift == 0 else None,
                        **({} if closed else answer),
                    }
                )
            for test, tested in (("spline_joint_test", 0.004), ("spline_nonlinearity_test", 0.38)):
                rows.append(
                    {
                        **_analysis(population, outcome, evidence, closed=closed),
                        "estimator": test,
                        "missing_method": "as linear_log2_e2_mi",
                        "scale": "design-adjusted F",
                        "n_target": 1340,
                        "p_value": None if closed else tested,
                    }
                )
    return rows


def _analysis(population: str, outcome: str, evidence: str, *, closed: bool) -> dict[str, Any]:
    return {
        "run_id": "b1",
        "study_id": STUDY,
        "protocol_hash": "9f3c",
        "evidence_source": evidence,
        "contrast": "estradiol, per doubling",
        "outcome": outcome,
        "population": population,
        "estimand": "Difference in BMD per doubling of serum estradiol",
        "intercurrent_strategy": "none: cross-sectional",
        "se_method": "Taylor linearization",
        "gate_status": "closed" if closed else "open",
        "gate_reason": "unweighted_n below 30" if closed else None,
    }


def _curves(evidence: str) -> Rows:
    rows: Rows = []
    for population, (low, high, reference) in POPULATIONS.items():
        for outcome in OUTCOMES:
            if _is_closed(population, outcome):
                continue
            for number, x in enumerate(np.geomspace(low, high, 21), start=1):
                distance = np.log2(x / reference)
                estimate = 0.013 * distance - 0.005 * max(distance, 0) ** 2
                half = 0.004 + 0.012 * abs(distance)
                rows.append(
                    {
                        "study_id": STUDY,
                        "outcome": outcome,
                        "population": population,
                        "point_number": number,
                        "evidence_source": evidence,
                        "exposure": "estradiol, pg/mL",
                        "exposure_value": float(x),
                        "reference_value": reference,
                        "estimate": estimate,
                        "ci_low": estimate - half,
                        "ci_high": estimate + half,
                        "gate_status": "open",
                        "knots": "11, 20, 27, 44",
                    }
                )
    return rows


def _diagnostics() -> Rows:
    asked = {
        "unweighted_n": (1340.0, 30.0, "at least"),
        "kish_effective_n": (902.4, 30.0, "at least"),
        "design_df": (15.0, 8.0, "at least"),
        "relative_standard_error": (0.0043, 0.30, "at most"),
        "censored_share": (0.182, 0.50, "at most"),
        "imputation_model_converged": (1.0, 1.0, "at least"),
    }
    rows: Rows = []
    for population in POPULATIONS:
        for outcome in OUTCOMES:
            closed = _is_closed(population, outcome)
            for diagnostic, (value, threshold, rule) in asked.items():
                hidden = closed and diagnostic == "unweighted_n"
                skipped = closed and diagnostic.startswith("imputation")
                rows.append(
                    {
                        "study_id": STUDY,
                        "contrast": "estradiol, per doubling",
                        "outcome": outcome,
                        "population": population,
                        "diagnostic": diagnostic,
                        "value": None if hidden or skipped else value,
                        "threshold": threshold,
                        "rule": rule,
                        "status": "fail" if hidden else "not_evaluated" if skipped else "pass",
                        "is_suppressed": hidden,
                    }
                )
    return rows


def _prevalence(evidence: str) -> Rows:
    base = {("female", "osteoporosis"): 10.3, ("female", "osteopenia"): 48.6, ("male", "osteoporosis"): 2.1}
    base |= {("male", "osteopenia"): 29.8, ("female", "normal"): 41.1, ("male", "normal"): 68.1}
    rows: Rows = []
    for site in ("femoral_neck", "total_hip", "lumbar_spine"):
        for number, cycle in enumerate(("2005-2006", "2009-2010", "2013-2014")):
            for (sex, band), start in base.items():
                for reference in ("white_female", "white_male"):
                    value = start + 0.6 * number + (2.4 if reference == "white_male" and band != "normal" else 0.0)
                    closed = site == "lumbar_spine" and sex == "male" and band == "osteoporosis"
                    hidden = site == "total_hip" and sex == "male" and band == "osteoporosis" and number == 2
                    shown = not closed and not hidden
                    rows.append(
                        {
                            "study_id": DESCRIPTIVE,
                            "cycle_label": cycle,
                            "site_code": site,
                            "sex_code": sex,
                            "reference_code": reference,
                            "band": band,
                            "evidence_source": evidence,
                            "prevalence_pct": value if shown else None,
                            "se_pct": 0.05 * value if shown else None,
                            "ci_low_pct": 0.9 * value if shown else None,
                            "ci_high_pct": 1.1 * value if shown else None,
                            "n_band": round(14 * value) if shown else None,
                            "n": None if hidden else 1402,
                            "gate_status": "closed" if closed else "open",
                            "gate_reason": "relative_standard_error 0.41 above 0.30" if closed else None,
                            "is_suppressed": hidden,
                        }
                    )
    return rows


def _attrition() -> Rows:
    steps = {
        "Everybody in the survey cycles of the study": (5003, 5172),
        "Examined in the mobile center, with a weight": (4836, 4977),
        "Aged 40 years or over": (1812, 1954),
        "Men, or postmenopausal women": (1812, 1240),
        "No sex hormone, aromatase inhibitor or tamoxifen now": (1741, 1102),
        "Estradiol measured by LC-MS/MS": (1604, 1011),
        "A valid scan of hip or spine": (1436, 912),
    }
    rows: Rows = []
    for study in (STUDY, DESCRIPTIVE):
        for side, arm in enumerate(("men", "women")):
            before = None
            for number, (label, after) in enumerate(steps.items()):
                hidden = study == DESCRIPTIVE and number == 6 and side == 1
                rows.append(
                    {
                        **{"study_id": study, "cohort_code": "survey"},
                        "arm_code": arm,
                        "step_number": number,
                        "label": label,
                        "n_before": None if hidden else before or after[side],
                        "n_after": None if hidden else after[side],
                        "is_suppressed": hidden,
                    }
                )
                before = after[side]
    return rows


def _table_one() -> Rows:
    means = {
        "Age": (57.1, 11.2, "a"),
        "Body mass index": (29.1, 5.4, "kg/m2"),
        "Femoral neck BMD": (0.843, 0.138, "g/cm2"),
        "Testosterone": (402.2, 161.9, "ng/dL"),
    }
    origins = ("Mexican American", "Non-Hispanic Black", "Non-Hispanic White", "Other Hispanic")
    shares = {"Race and Hispanic origin": origins, "Current smoker": ("no", "yes")}
    rows: Rows = []
    for arm in ("men", "postmenopausal_women"):
        common = {"study_id": STUDY, "arm_code": arm, "is_suppressed": False}
        rows.append({**common, "characteristic": "People", "level": "all", "n": 1436})
        for characteristic, (mean, spread, unit) in means.items():
            few_missing = characteristic == "Testosterone" and arm == "men"
            value = {"level": "mean", "n": None if few_missing else 1436, "estimate": mean, "spread": spread}
            row = {**common, "characteristic": characteristic, **value, "unit": unit, "is_suppressed": few_missing}
            rows.append(row)
        for characteristic, levels in shares.items():
            for number, level in enumerate(levels):
                hidden = arm != "men" and level in ("Mexican American", "Other Hispanic")
                value = {"n": None if hidden else 200 + 10 * number, "estimate": None if hidden else 1 / len(levels)}
                row = {**common, "characteristic": characteristic, "level": level, **value, "unit": "share"}
                rows.append(row | {"is_suppressed": hidden})
    return rows


def _distribution() -> Rows:
    """Bins of half a doubling, as the mart has them: bin 0 is below the limit, the last is open."""
    shapes = {
        "men": (0.4, {4: 3.0, 5: 9.0, 6: 18.0, 7: 35.0, 8: 25.0, 9: 9.0, 10: 0.6}),
        "postmenopausal_women": (19.0, {2: 20.0, 3: 28.0, 4: 18.0, 5: 9.0, 6: 5.0, 7: 0.5, 9: 0.5}),
        "premenopausal_women": (2.0, {2: 5.0, 4: 8.0, 6: 15.0, 8: 25.0, 10: 30.0, 12: 12.0, 17: 3.0}),
        "unknown_women": (11.0, {2: 20.0, 3: 20.0, 4: 20.0, 5: 29.0}),
    }
    rows: Rows = []
    for population, (below, shares) in shapes.items():
        rows += _bins("2013-2014", "lc_ms_ms", population, 2.994, {0: below} | shares)
    for cycle in ("1999-2000", "2001-2002", "2003-2004"):
        rows += _bins(cycle, "immunoassay", "men", 5.0, {0: 5.0, 3: 2.0, 5: 13.0, 7: 50.0, 8: 30.0})
    return rows


def _bins(cycle: str, assay: str, population: str, lloq: float, shares: dict[int, float]) -> Rows:
    rows: Rows = []
    for number, share in shares.items():
        is_open = number in (0, 17)
        row = {"cycle_label": cycle, "assay_class": assay, "population": population, "bin_number": number}
        row |= {"lower_pg_ml": 0.0 if number == 0 else round(2 ** (number / 2 + 0.5), 3), "lloq_pg_ml": lloq}
        row |= {"upper_pg_ml": None if is_open else round(2 ** (number / 2 + 1), 3), "is_suppressed": share < 1}
        shown = {} if share < 1 else {"n": int(15 * share), "weighted_share_pct": share}
        rows.append(row | shown)
    return rows


def _files() -> Rows:
    rows: Rows = []
    for cycle in ("2005-2006", "2013-2014"):
        for number, table in enumerate(("DEMO", "DXXFEM", "TST", "RXQ_RX")):
            rows.append(
                {
                    "source_file": f"{cycle}/{table}.parquet",
                    "sha256": f"{number}" * 64 if number == 2 else None,
                    "cycle_label": cycle,
                    "table_name": f"nhanes_{table.lower()}",
                    "status_code": "landed",
                    "rows_in": 10_175 + number,
                    "rows_staged": 10_000,
                    "rows_duplicate": 0,
                    "rows_quarantined": 25 if number == 2 else None,
                    "rows_out_of_scope": 150 + number if number == 2 else None,
                    "is_suppressed": number != 2,
                }
            )
    rows.append({"source_file": "MANIFEST.csv", "status_code": "out_of_scope", "is_suppressed": False})
    return rows


def _checks() -> Rows:
    note = "Bone mineral density lies within what a scanner can report"
    return [
        {
            "check_id": f"{table}.check_{number}",
            "table_name": table,
            "stratum": "all",
            **{"category": category, "context": "verification"},
            "severity": "warning" if status == "fail" else "critical",
            "note": note if status == "pass" else f"{note} ({status})",
            "n_violated": {"fail": 312, "pass": 0}.get(status),
            "n_evaluated": None if status in ("could_not_evaluate", "not_applicable") else 10_175,
            "threshold": 0.99,
            "status": status,
        }
        for table in ("staging.dxa_scan", "staging.lab_result", "features.e2_exposure")
        for number, (category, status) in enumerate(
            [
                ("conformance", "pass"),
                ("completeness", "pass"),
                ("plausibility", "fail" if table == "staging.lab_result" else "pass"),
                ("plausibility", "could_not_evaluate"),
                ("plausibility", "not_applicable"),
            ]
        )
    ]
