"""Studies of design `descriptive`: weighted share of each T-score band, by cycle, sex and reference population.

T-scores are recomputed here from g/cm2 under every reference the study names, so that the references stand side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.errors import NotEstimable
from pipelines.models.study_frame import SITE_OF_OUTCOME, survey_frame
from pipelines.models.survey import SurveyDesign, SurveyEstimate, kish_effective_n, survey_mean
from pipelines.run_facts import Inputs, RunFacts
from pipelines.tables import CONTRACTS
from pipelines.trials.study import Study, catalogue

BANDS = ("osteoporosis", "osteopenia", "normal")
_SEX_OF_ARM = {"men": "male", "women": "female"}


@dataclass(frozen=True, slots=True)
class Prevalence:
    """One cell: where, which band under which reference, how many, and the weighted share (None: not estimable)."""

    study: Study
    cycle: str
    site: str
    arm: str
    reference: str
    band: str
    n_band: int
    n: int
    n_effective: float
    df: int
    share: SurveyEstimate | None


def diagnostics(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.diagnostic` of every descriptive study asked for."""
    rows = [row for cell in _prevalences(inputs, facts) for row in _diagnostics_of(cell)]
    return pl.DataFrame(rows, schema=CONTRACTS["models.diagnostic"].empty().schema).lazy()


def bone_prevalence(inputs: Inputs, facts: RunFacts) -> pl.LazyFrame:
    """`models.bone_prevalence`: shares with logit intervals; NULL where a diagnostic of the cell does not pass."""
    rows = [_row(cell, facts) for cell in _prevalences(inputs, facts)]
    return pl.DataFrame(rows, schema=CONTRACTS["models.bone_prevalence"].empty().schema).lazy()


def logit_interval(estimate: SurveyEstimate) -> tuple[float, float] | None:
    """95 % interval of a proportion on the logit scale with design df (Korn & Graubard 1999); None at 0 or 1."""
    from scipy import special

    p, se = estimate.estimate, estimate.standard_error
    if not 0 < p < 1 or se <= 0:
        return None
    half = float(special.stdtrit(estimate.df, 0.975)) * se / (p * (1 - p))
    return float(special.expit(special.logit(p) - half)), float(special.expit(special.logit(p) + half))


def band_of(t_score: np.ndarray, osteoporosis: float, osteopenia: float) -> np.ndarray:
    """WHO band of each T-score: at or below -2.5 osteoporosis, below -1.0 osteopenia (WHO 1994)."""
    rounded = np.round(t_score, 9)
    return np.where(rounded <= osteoporosis, "osteoporosis", np.where(rounded < osteopenia, "osteopenia", "normal"))


def _prevalences(inputs: Inputs, facts: RunFacts) -> Iterator[Prevalence]:
    limits = dict(inputs["ref.clinical_limit"].select("limit_code", "value").collect().iter_rows())
    references = inputs["ref.bone_reference"].filter(pl.col("manufacturer") == "hologic").collect()
    for name in facts.studies:
        study = catalogue()[name]
        if not study.is_survey or study.design != "descriptive":
            continue
        frame = survey_frame(inputs, study.id, study.population.cycles)
        for outcome in (*study.outcomes.primary, *study.outcomes.secondary):
            measured = frame.filter(pl.col("population").is_not_null() & pl.col(outcome).is_not_null())
            for cycle in sorted(measured["cycle_label"].unique()):
                of_cycle = frame.filter(cycle_label=cycle)
                for code in study.estimation["references"]:
                    found = references.filter(site_code=SITE_OF_OUTCOME[outcome], reference_code=code)
                    if found.height == 1:
                        yield from _of_cycle(study, of_cycle, cycle, outcome, found.row(0, named=True), limits)


def _of_cycle(
    study: Study, frame: pl.DataFrame, cycle: str, outcome: str, reference: dict[str, object], limits: dict[str, float]
) -> Iterator[Prevalence]:
    design = SurveyDesign(
        strata=frame["stratum_code"].to_numpy(),
        psu=frame["psu_code"].to_numpy(),
        weights=frame["exam_weight"].to_numpy(),
    )
    bmd = frame[outcome].to_numpy()
    t_score = (bmd - reference["mean_g_cm2"]) / reference["sd_g_cm2"]
    band = band_of(t_score, limits["t_score_osteoporosis"], limits["t_score_osteopenia"])
    for arm in sorted(frame["population"].drop_nulls().unique()):
        domain = (frame["population"] == arm).fill_null(value=False).to_numpy() & np.isfinite(bmd)
        for name in BANDS:
            inside = (band == name) & domain
            try:
                share = survey_mean(design, inside.astype(float), domain)
            except NotEstimable:
                share = None
            yield Prevalence(
                study=study,
                cycle=cycle,
                site=SITE_OF_OUTCOME[outcome],
                arm=arm,
                reference=str(reference["reference_code"]),
                band=name,
                n_band=int(inside.sum()),
                n=int(domain.sum()),
                n_effective=kish_effective_n(design.weights[domain]),
                df=share.df if share else 0,
                share=share,
            )


def _diagnostics_of(cell: Prevalence) -> list[dict[str, object]]:
    asked = cell.study.diagnostics
    relative = cell.share.relative_standard_error if cell.share else None
    found: list[tuple[str, float | None, float, bool]] = [
        ("unweighted_n", cell.n, asked["minimum_n"], True),
        ("kish_effective_n", cell.n_effective, asked["minimum_effective_n"], True),
        ("design_df", cell.df, asked["minimum_design_df"], True),
        ("relative_standard_error", relative, asked["maximum_relative_standard_error"], False),
    ]
    rows: list[dict[str, object]] = []
    for name, value, threshold, at_least in found:
        usable = value is not None and np.isfinite(value)
        holds = usable and (value >= threshold if at_least else value <= threshold)
        rows.append(
            {
                "study_id": cell.study.id,
                "contrast": f"{cell.band}, reference {cell.reference}",
                "outcome": f"{cell.site} {cell.cycle}",
                "population": cell.arm,
                "diagnostic": name,
                "value": float(value) if usable else None,
                "threshold": threshold,
                "rule": "at least" if at_least else "at most",
                "status": "pass" if holds else "fail" if usable else "not_evaluated",
            }
        )
    return rows


def _row(cell: Prevalence, facts: RunFacts) -> dict[str, object]:
    failed = [str(row["diagnostic"]) for row in _diagnostics_of(cell) if row["status"] != "pass"]
    row: dict[str, object] = {
        "study_id": cell.study.id,
        "cycle_label": cell.cycle,
        "site_code": cell.site,
        "sex_code": _SEX_OF_ARM[cell.arm],
        "reference_code": cell.reference,
        "band": cell.band,
        "evidence_source": facts.evidence_source,
        "n_band": cell.n_band,
        "n": cell.n,
        "df": cell.df,
        "gate_status": "closed" if failed else "open",
        "gate_reason": "; ".join(failed) or None,
    }
    if failed or cell.share is None:
        return row
    interval = logit_interval(cell.share)
    return row | {
        "prevalence_pct": 100 * cell.share.estimate,
        "se_pct": 100 * cell.share.standard_error,
        "ci_low_pct": 100 * interval[0] if interval else None,
        "ci_high_pct": 100 * interval[1] if interval else None,
    }
