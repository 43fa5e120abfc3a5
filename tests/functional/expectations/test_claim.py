"""Suites of the claims ledger: a sound ledger passes, and each rule written by hand finds the fault planted for it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from expectations.judge import judge
from pipelines.models.claim_table import claim
from pipelines.run_facts import EvidenceSource, RunFacts
from pipelines.settings import Settings
from pipelines.tables import CONTRACTS
from pipelines.trials import claim_rows
from pipelines.trials.claim_rule import claim_rules
from pipelines.warehouse.parquet import write_frame
from pipelines.warehouse.store import Store

STUDIES = ("nhanes_e2_bmd", "ai_vs_tamoxifen")
HIP = pl.col("part_code") == "women_hip"
SPINE = pl.col("part_code") == "women_spine"
Frames = dict[str, pl.DataFrame]


def ledger(evidence: EvidenceSource = "real") -> Frames:
    """Rules, one estimate with a verdict, one behind a closed gate, the planted truth and the ledger made of them."""
    common = {"study_id": "ai_vs_tamoxifen", "contrast": "aromatase_inhibitor vs none, 24 months, cohort surgery"}
    common |= {"population": "postmenopausal_women", "estimator": "clone_censor_weight", "scale": "difference"}
    common |= {"evidence_source": evidence}
    found = [
        common | {"outcome": "lumbar_spine_bmd_change_pct", "estimate": -2.8, "se": 0.5, "gate_status": "open"},
        common | {"outcome": "total_hip_bmd_change_pct", "gate_status": "closed", "gate_reason": "equipoise fail"},
    ]
    names = ("truth_study", "truth_contrast", "truth_figure", "value", "standard_error")
    truth = [("ai_vs_tamoxifen", "aromatase_inhibitor vs none", "lumbar_spine_24_months", -2.6, 0.05)]
    tables: Frames = {
        "ref.claim": claim_rows.rows_of(claim_rules()),
        "ref.run_setting": pl.DataFrame({"setting_code": ["evidence_source"], "value_text": [evidence]}),
        "ref.study": pl.DataFrame({"study_id": STUDIES}),
        "models.effect_estimate": pl.DataFrame(found, schema=CONTRACTS["models.effect_estimate"].empty().schema),
        "models.threshold": CONTRACTS["models.threshold"].empty(),
        "raw.planted_truth": pl.DataFrame(truth if evidence == "simulated" else [], schema=list(names), orient="row"),
    }
    facts = RunFacts("run", "omop", STUDIES, "white_female", 11, evidence)
    tables["raw.planted_truth"] = tables["raw.planted_truth"].cast(CONTRACTS["raw.planted_truth"].empty().schema)
    tables["models.claim"] = claim({name: frame.lazy() for name, frame in tables.items()}, facts).collect()
    return tables | {"mart.claim": tables["models.claim"]}


def verdicts(home: Path, tables: Frames, table: str) -> dict[str, str]:
    settings = Settings(home=home, memory_gb=0.5, threads=1)
    for name, frame in tables.items():
        coded = {column: pl.String for column, kind in frame.schema.items() if kind == pl.Enum}
        write_frame(frame.cast(coded).lazy(), Store(settings).path(name, None), str(hash(str(frame.to_dicts()))))
    return {r.check_id.rpartition(".")[2]: r.status for r in judge(table, settings) if r.stratum == "all"}


def changed(frame: pl.DataFrame, where: pl.Expr, **values: object) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(where).then(pl.lit(value, frame.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


@pytest.mark.parametrize("evidence", ["real", "simulated"])
@pytest.mark.parametrize("table", ["ref.claim", "raw.planted_truth", "models.claim", "mart.claim"])
def test_a_sound_ledger_passes(tmp_path: Path, table: str, evidence: EvidenceSource) -> None:
    assert set(verdicts(tmp_path, ledger(evidence), table).values()) <= {"pass", "not_applicable"}


def faults() -> Iterator[tuple[str, str, pl.Expr, dict[str, object]]]:
    """Table, check, rows and what is written into them."""
    yield "ref.claim", "all_28", pl.col("claim_id") == "H9", {"claim_id": "H99"}
    yield "ref.claim", "judgeable", SPINE, {"delta": None}
    yield "ref.claim", "judgeable", pl.col("claim_id") == "H24", {"named_low": None}
    yield "ref.claim", "absence_told", SPINE, {"answered_by": None}
    yield "ref.claim", "one_hash", SPINE, {"rules_hash": "another"}
    for table in ("models.claim", "mart.claim"):
        yield table, "none_unanswered", HIP, {"estimate": 1.0}
        yield table, "verdict_or_recovery", SPINE, {"verdict": None}
        yield table, "verdict_or_recovery", SPINE, {"truth": -2.6}
        yield table, "supported_by_rule", SPINE, {"verdict": "supported"}
        yield table, "contradicted_by_rule", SPINE, {"ci_high": 2.5}
        yield table, "survey_silent_on_dosing", SPINE, {"evidence_source": "public_survey"}
        yield table, "one_verdict_a_claim", SPINE, {"claim_verdict": "supported"}
    yield "models.claim", "every_rule_judged", SPINE, {"rules_hash": "another"}
    yield "models.claim", "closed_gate_silent", HIP, {"estimate": 1.0}
    yield "mart.claim", "as_judged", SPINE, {"estimate": -2.9}


@pytest.mark.parametrize(("table", "check", "where", "values"), list(faults()))
def test_a_fault_is_found(tmp_path: Path, table: str, check: str, where: pl.Expr, values: dict[str, object]) -> None:
    tables = ledger()
    spoilt = tables | {table: changed(tables[table], where, **values)}
    assert verdicts(tmp_path, spoilt, table)[check] == "fail"


def test_a_truth_with_real_people_is_found(tmp_path: Path) -> None:
    planted = ledger("simulated")["raw.planted_truth"]
    found = verdicts(tmp_path, ledger() | {"raw.planted_truth": planted}, "raw.planted_truth")
    assert found["only_simulated"] == "fail"


def test_a_threshold_and_an_equivalence_called_wrongly_are_found(tmp_path: Path) -> None:
    tables = ledger()
    for claim_id, values in (
        ("H5", {"verdict": "supported", "estimate": 13.0, "ci_low": 11.0, "ci_high": 16.0}),
        ("H28", {"verdict": "supported", "estimate": 0.5, "ci_low": -0.1, "ci_high": 1.1}),
    ):
        spoilt = changed(tables["mart.claim"], pl.col("claim_id") == claim_id, **values)
        found = verdicts(tmp_path, tables | {"mart.claim": spoilt}, "mart.claim")
        assert found["supported_by_rule"] == "fail"
