"""The sections of the page in their order: which figures, tables and sentences each holds, and why one is empty."""

from functools import partial

import polars as pl

from pipelines.report import (
    figure,
    section_account,
    section_bone,
    section_checks,
    section_claims,
    section_curve,
    section_drift,
    section_findings,
    section_people,
    section_risk,
    section_threshold,
)
from pipelines.report.absence import why_absent
from pipelines.report.figure import Draw
from pipelines.report.frames import Mart, primary
from pipelines.report.labels import cycle, heading, label
from pipelines.report.numerals import EN_DASH, NBSP
from pipelines.report.plot_balance import MOST_DRAWN, covariate_balance
from pipelines.report.plot_controls import negative_control
from pipelines.report.plot_curve import dose_response, limit_sentence, of_bone
from pipelines.report.plot_e2 import censored_sentence, e2_distribution
from pipelines.report.plot_estimates import effect_estimate
from pipelines.report.plot_prevalence import bone_prevalence
from pipelines.report.views import Figure, Section, Table

Frames = dict[str, pl.DataFrame]


def sections(frames: Frames, threshold: int) -> tuple[Section, ...]:
    """Every section with data; methods and how to query are text of the template."""
    return (
        _findings(frames),
        _people(frames, threshold),
        _table_one(frames, threshold),
        _estradiol(frames),
        *_balance(frames),
        *_risks(frames),
        _curves(frames),
        *_symptoms(frames),
        *_thresholds(frames),
        _prevalence(frames, threshold),
        _claims(frames),
        _gates(frames),
        _drift(frames, threshold),
        _quality(frames, threshold),
        _account(frames, threshold),
        _missing(frames),
    )


def _drawn(draw: Draw, frames: Mart, name: str, caption: str, source: str, *notes: str) -> tuple[Figure, ...]:
    svg = figure.svg(draw, frames, name)
    return () if svg is None else (Figure(svg, caption, source, tuple(note for note in notes if note)),)


def _findings(frames: Frames) -> Section:
    estimates = frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(estimates["study_id"].unique(maintain_order=True)):
        caption = f"{heading(study)}: estimates with 95{NBSP}% confidence intervals"
        draw = partial(effect_estimate, study=study)
        figures += _drawn(draw, frames, f"estimates-{number}", caption, "mart.effect_estimate")
    n_open = primary(estimates).filter(pl.col("estimate").is_not_null()).height
    notes = (
        [f"Intervals and p-values of the {n_open} associations are not adjusted for their number."]
        if n_open > 1
        else []
    )
    found = section_findings.findings(frames)
    words = ("estradiol", "BMD")
    return Section(
        "findings",
        "Key findings",
        findings=found,
        figures=tuple(figures),
        tables=section_findings.estimate_tables(estimates),
        notes=tuple(notes),
        absence="" if found else why_absent("mart.effect_estimate", frames["mart.missing_piece"], words),
    )


def _people(frames: Frames, threshold: int) -> Section:
    tables = section_people.attrition_tables(frames["mart.attrition"], threshold)
    return Section(
        "people",
        "Who was counted in",
        tables=tables,
        absence="" if tables else why_absent("mart.attrition", frames["mart.missing_piece"], ("age, sex", "demo")),
    )


def _table_one(frames: Frames, threshold: int) -> Section:
    tables = section_people.table_one(frames["mart.table_one"], threshold)
    return Section(
        "table-one",
        "Who was studied",
        tables=tables,
        absence="" if tables else why_absent("mart.table_one", frames["mart.missing_piece"], ("age, sex", "demo")),
    )


def _estradiol(frames: Frames) -> Section:
    frame = frames["mart.e2_distribution"]
    figures: list[Figure] = []
    notes: list[str] = []
    for assay in sorted(frame["assay_class"].unique(), key=lambda code: (code != "lc_ms_ms", code)):
        part = frame.filter(pl.col("assay_class") == assay)
        cycles = ", ".join(cycle(text) for text in part["cycle_label"].unique().sort())
        panels = part.group_by("cycle_label", "population", maintain_order=True)
        said = " ".join(censored_sentence(bins) for _, bins in panels)
        drawn = _drawn(
            partial(e2_distribution, assay_class=assay),
            frames,
            f"e2-{assay.replace('_', '-')}",
            f"Estradiol by {label(assay)}, {cycles}: weighted share of people in each bin",
            "mart.e2_distribution",
            "Hatched: people below the limit of the assay (dashed line), whose value is unknown. Bins are drawn to "
            "scale on a log axis. \u00d7: hidden by disclosure control.",
            said,
        )
        figures += drawn
        if not drawn:
            notes.append(f"{heading(assay)}: every bin is hidden by disclosure control, so nothing is drawn.")
    both = frame["assay_class"].n_unique() > 1
    paragraph = "LC-MS/MS and immunoassay disagree at low estradiol, so they are never drawn or analyzed together."
    return Section(
        "estradiol",
        "Estradiol as measured",
        paragraphs=(paragraph,) if both else (),
        figures=tuple(figures),
        notes=tuple(notes),
        absence=""
        if notes or figures
        else why_absent("mart.e2_distribution", frames["mart.missing_piece"], ("estradiol",)),
    )


def _curves(frames: Frames) -> Section:
    frame, estimates = of_bone(frames["mart.dose_response"]), frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += _drawn(
            partial(dose_response, study=study),
            frames,
            f"curve-{number}",
            f"{heading(study)}: difference in bone mineral density along estradiol, with 95{NBSP}% confidence band",
            "mart.dose_response",
            "Open circle: the reference, where the difference is 0 by definition. Dotted: 20 and 30 (and where a "
            "change-point was asked for 100) pg/mL, levels often named in practice; they are marks, not findings. "
            + limit_sentence(frames),
        )
    closed = primary(estimates).filter(pl.col("gate_status") == "closed").height
    absence = why_absent("mart.dose_response", frames["mart.missing_piece"], ("estradiol", "BMD"))
    if closed:
        absence = f"There is nothing to show: {closed} associations have a closed gate, and such have no curve."
    bent = section_curve.curvature_sentence(frame, estimates)
    span = "Each curve stays between the 5th and the 95th percentile of estradiol in its population."
    return Section(
        "curves",
        "Bone density along estradiol",
        paragraphs=tuple(text for text in (span, bent) if text) if figures else (),
        figures=tuple(figures),
        tables=(section_curve.ends_table(frame, estimates),) if figures else (),
        absence="" if figures else absence,
    )


def _symptoms(frames: Frames) -> list[Section]:
    """The ends of the curves of symptoms; nothing where no gate of one is open."""
    curves = of_bone(frames["mart.dose_response"], is_bone=False)
    if curves.is_empty():
        return []
    bent = section_curve.curvature_sentence(curves, frames["mart.effect_estimate"])
    span = (
        "Differences of 12-month risks, as shares, against the median estradiol of the draws, between the 5th and the 95th "
        "percentile of measured estradiol. An association: covariates at the draw stand beside it."
    )
    table = section_curve.ends_table(curves, frames["mart.effect_estimate"])
    words = tuple(text for text in (span, bent) if text)
    return [Section("symptoms", "Symptoms along estradiol", paragraphs=words, tables=(table,))]


def _thresholds(frames: Frames) -> tuple[Section, ...]:
    """Where curves bend; no section where no study asks for a change-point."""
    frame = frames["mart.threshold"]
    if frame.is_empty():
        return ()
    words = (
        "A line in estradiol that may bend once: whether it does is tested over every place at once, and every place "
        "that the test does not refuse belongs to the interval, which may be open to one side or both."
    )
    why = section_threshold.why_sentence(frame)
    table = section_threshold.threshold_table(frame)
    notes = (why,) if why else ()
    return (Section("threshold", "Is there a threshold?", paragraphs=(words,), tables=(table,), notes=notes),)


def _balance(frames: Frames) -> tuple[Section, ...]:
    """Who was compared with whom; no section where no study compares arms."""
    frame = frames["mart.covariate_balance"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += _drawn(
            partial(covariate_balance, study=study),
            frames,
            f"balance-{number}",
            f"{heading(study)}: covariates at time zero in the two arms, before and after weighting",
            "mart.covariate_balance",
            f"The {MOST_DRAWN} covariates furthest apart of each contrast; all of them are in mart.covariate_balance.",
        )
    if not figures:
        return ()
    words = "Arms are compared after weighting each to everybody in the cohort. The gate looks at every covariate."
    return (Section("balance", "Whether the arms are alike", paragraphs=(words,), figures=tuple(figures)),)


def _risks(frames: Frames) -> tuple[Section, ...]:
    """Risks of events and the controls behind them; no section where no study compares risks."""
    tables = section_risk.risk_tables(frames["mart.effect_estimate"])
    if not tables:
        return ()
    figures: list[Figure] = []
    for number, study in enumerate(frames["mart.negative_control"]["study_id"].unique(maintain_order=True)):
        figures += _drawn(
            partial(negative_control, study=study),
            frames,
            f"controls-{number}",
            f"{heading(study)}: outcomes that no arm changes, at 5 years",
            "mart.negative_control",
            "Dashed: without systematic error 95 of 100 lie between the lines. Each control is calibrated by all others. "
            "Controls say nothing of error that they do not share with the outcome.",
        )
    words = (
        "Risks are of the whole follow-up by assignment, death competing. A gate needs 30 negative controls with an estimate, "
        "little systematic error in them, and where one is named the positive control on its known side."
    )
    return (Section("risks", "Risks of events", paragraphs=(words,), figures=tuple(figures), tables=tables),)


def _prevalence(frames: Frames, threshold: int) -> Section:
    frame = frames["mart.bone_prevalence"]
    sites = frame["site_code"].unique(maintain_order=True).to_list()
    figures: list[Figure] = []
    for site in sites:
        caption = f"{heading(site)}: weighted prevalence by cycle, with 95{NBSP}% confidence intervals"
        has_gaps = frame.filter(pl.col("site_code") == site)["prevalence_pct"].null_count() > 0
        note = "\u00d7: gate closed, or hidden by disclosure control; the table below says which." if has_gaps else ""
        draw = partial(bone_prevalence, site=site)
        figures += _drawn(draw, frames, f"prevalence-{site.replace('_', '-')}", caption, "mart.bone_prevalence", note)
    reference = (
        f"T-scores compare with NHANES III non-Hispanic white women of 20{EN_DASH}29, for both sexes, as ISCD 2023 "
        "asks; young men are shown beside them as a second reference. NHANES III was measured by pencil-beam scanners, "
        "surveys from 2005 on by fan-beam. Published values: Looker et al. 2010, J Bone Miner Res 25:64, femoral neck, "
        f"2005{EN_DASH}2006, age 50 and over: women 10{NBSP}% osteoporosis and 49{NBSP}% osteopenia, men 2{NBSP}% and "
        f"30{NBSP}%."
    )
    return Section(
        "prevalence",
        "Osteoporosis and low bone mass",
        paragraphs=(reference,) if sites else (),
        figures=tuple(figures),
        tables=tuple(section_bone.prevalence_table(frame, site, threshold) for site in sites),
        notes=tuple(note for note in (section_bone.closed_sentence(frame),) if note),
        absence="" if sites else why_absent("mart.bone_prevalence", frames["mart.missing_piece"], ("BMD", "dxx")),
    )


def _claims(frames: Frames) -> Section:
    frame = frames["mart.claim"]
    tables = section_claims.claims_tables(frame)
    rules = (
        "Each claim has a rule, set down before outcomes were read. Supported: the interval excludes 0 on the side claimed and "
        "the estimate reaches the smallest effect of interest. Contradicted: the interval lies wholly below that. Else "
        "inconclusive; not answerable where the gate is closed, or the data or the study are not there. Claims of no effect "
        "are tested for equivalence, claims of a threshold by its interval. A survey says nothing about dosing."
    )
    return Section(
        "claims",
        "The claims, one by one",
        paragraphs=(rules, section_claims.count_sentence(frame)) if tables else (),
        tables=tables,
        absence="" if tables else "There is nothing to show: mart.claim has no rows, so no claim was judged.",
    )


def _gates(frames: Frames) -> Section:
    gates = section_checks.gate_table(frames)
    tables = (*((gates,) if gates.rows else ()), *section_checks.diagnostic_tables(frames["mart.diagnostic"]))
    return Section(
        "gates",
        "Diagnostics and gates",
        paragraphs=(
            "Diagnostics are judged before an association is looked at. Where one fails or cannot be evaluated the "
            "gate is closed, the association is not computed, and nothing here can tell it.",
        ),
        tables=tables,
        absence="" if tables else why_absent("mart.diagnostic", frames["mart.missing_piece"], ()),
    )


def _drift(frames: Frames, threshold: int) -> Section:
    frame = frames["mart.evidence_drift"]
    said, table = section_drift.drift_sentence(frame), section_drift.drift_table(frame, threshold)
    return Section(
        "drift",
        "What changed since the publication before",
        paragraphs=(said,) if said else (),
        tables=(table,) if table.rows else (),
        absence="" if said else "There is nothing to show: mart.evidence_drift has no rows, so nothing was estimated.",
    )


def _quality(frames: Frames, threshold: int) -> Section:
    tables = section_checks.quality_tables(frames["mart.quality_result"], threshold)
    steps = section_checks.change_point_table(frames["mart.change_point"], threshold)
    tables += (steps,) if steps.rows else ()
    failed = frames["mart.quality_result"].filter(pl.col("status") == "fail").height
    said = "No check failed." if tables and not failed else ""
    return Section(
        "quality",
        "Data quality",
        paragraphs=tuple(text for text in (said,) if text),
        link=("quality.html", "Every check with its source, strata and trend") if tables else None,
        tables=tables,
        absence="" if tables else "There is nothing to show: mart.quality_result has no rows, so no check was run.",
    )


def _account(frames: Frames, threshold: int) -> Section:
    files, counts = frames["mart.source_file"], frames["mart.measurement_count"]
    tables: list[Table] = []
    if not counts.is_empty():
        tables += section_account.coverage_tables(counts, threshold)
    if not files.is_empty():
        tables.append(section_account.account_table(files, threshold))
    return Section(
        "account",
        "Where the data came from",
        paragraphs=() if files.is_empty() else (section_account.account_sentence(files),),
        tables=tuple(tables),
        absence="" if tables else "There is nothing to show: mart.source_file has no rows, so no file was read.",
    )


def _missing(frames: Frames) -> Section:
    frame = frames["mart.missing_piece"]
    return Section(
        "missing",
        "What is missing",
        tables=() if frame.is_empty() else (section_account.missing_table(frame),),
        absence="Nothing that the studies ask for is missing from the input." if frame.is_empty() else "",
    )
