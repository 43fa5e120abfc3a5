"""The sections of the page of one study: who was in it, how alike its arms are, what was found, and how far that holds.

Frames are those of one study (`section_answers.of_study`). What holds for all studies stands in `sections`.
"""

from functools import partial

import polars as pl

from pipelines.report import (
    section_bone,
    section_checks,
    section_contrasts,
    section_curve,
    section_drift,
    section_findings,
    section_overlap,
    section_people,
    section_provenance,
    section_risk,
    section_threshold,
    section_trajectory,
)
from pipelines.report.absence import why_absent
from pipelines.report.frames import primary
from pipelines.report.illustration import illustrated
from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import EN_DASH, NBSP
from pipelines.report.plot_balance import MOST_DRAWN, covariate_balance
from pipelines.report.plot_controls import negative_control
from pipelines.report.plot_curve import dose_response, limit_sentence, of_bone
from pipelines.report.plot_estimates import effect_estimate
from pipelines.report.plot_incidence import cumulative_incidence, pairs
from pipelines.report.plot_overlap import propensity_score
from pipelines.report.plot_prevalence import bone_prevalence
from pipelines.report.plot_trajectory import bmd_trajectory
from pipelines.report.views import Figure, Section

Frames = dict[str, pl.DataFrame]


def study_sections(frames: Frames, threshold: int) -> tuple[Section, ...]:
    """Every section that the study has anything for; findings, people and diagnostics always."""
    found = (
        _findings(frames),
        _people(frames, threshold),
        _table_one(frames, threshold),
        *_balance(frames),
        *_overlap(frames),
        *_risks(frames),
        *_trajectories(frames),
        _curves(frames),
        *_symptoms(frames),
        *_thresholds(frames),
        _prevalence(frames, threshold),
        *_sensitivity(frames),
        _diagnostics(frames),
        _drift(frames, threshold),
        _protocol(frames),
    )
    always = ("findings", "people", "diagnostics")
    return tuple(each for each in found if not each.absence or each.identifier in always)


def _findings(frames: Frames) -> Section:
    estimates = frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(estimates["study_id"].unique(maintain_order=True)):
        caption = f"{heading(study)}: estimates with 95{NBSP}% confidence intervals"
        draw = partial(effect_estimate, study=study)
        figures += illustrated(draw, frames, f"estimates-{number}", caption, "mart.effect_estimate")
    n_open = primary(estimates).filter(pl.col("estimate").is_not_null()).height
    notes = (
        [f"Intervals and p-values of the {n_open} associations are not adjusted for their number."]
        if n_open > 1
        else []
    )
    # What has an answer comes first.
    found = tuple(sorted(section_findings.findings(frames), key=lambda each: each.tag == "gate closed"))
    words = ("estradiol", "BMD")
    return Section(
        "findings",
        "What was found",
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


def _balance(frames: Frames) -> tuple[Section, ...]:
    """Who was compared with whom; no section where no study compares arms."""
    frame = frames["mart.covariate_balance"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += illustrated(
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
    figures = _incidence(frames)
    for number, study in enumerate(frames["mart.negative_control"]["study_id"].unique(maintain_order=True)):
        figures += illustrated(
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


def _incidence(frames: Frames) -> list[Figure]:
    """Risks over time, a figure a pair of arms whose gate is open, that of the leading question first."""
    described = frames["mart.study"]
    lead = described["lead_contrast"][0] if described.height else None
    figures: list[Figure] = []
    for number, of in enumerate(pairs(frames["mart.cumulative_incidence"], lead)):
        figures += illustrated(
            partial(cumulative_incidence, of=of),
            frames,
            f"incidence-{number}",
            f"{capitalized(readable(of[0]))}, {label(of[1])}: risks over time, with 95{NBSP}% confidence bands",
            "mart.cumulative_incidence",
            "Weighted as the estimates; death competes. Each mark adds enough events to be told; people at risk are rounded. "
            "Where a line is broken, or ends, a gate is closed.",
        )
    return figures


def _trajectories(frames: Frames) -> tuple[Section, ...]:
    """Bone density over time by arm; no section where no gate of such a question is open."""
    frame = frames["mart.bmd_trajectory"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += illustrated(
            partial(bmd_trajectory, study=study),
            frames,
            f"trajectory-{number}",
            f"{heading(study)}: change of bone density by arm, with 95{NBSP}% confidence intervals",
            "mart.bmd_trajectory",
            "Open circle: time zero, where the change is 0 by definition. Where a line is broken, or ends, a gate is closed. "
            "People scanned are rounded.",
        )
    if not figures:
        return ()
    words = (
        "The mean change if everybody were in the arm, of scans around the end of each year: weighted and adjusted as the "
        "estimate, which is the difference of the two last marks. Each year has to pass the diagnostics of the question."
    )
    why = section_trajectory.silence_sentence(frame)
    table = section_trajectory.trajectory_table(frame)
    notes = (why,) if why else ()
    return (
        Section(
            "trajectory",
            "Bone density over time",
            paragraphs=(words,),
            figures=tuple(figures),
            tables=(table,),
            notes=notes,
        ),
    )


def _curves(frames: Frames) -> Section:
    frame, estimates = of_bone(frames["mart.dose_response"]), frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += illustrated(
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


def _prevalence(frames: Frames, threshold: int) -> Section:
    frame = frames["mart.bone_prevalence"]
    sites = frame["site_code"].unique(maintain_order=True).to_list()
    figures: list[Figure] = []
    for site in sites:
        caption = f"{heading(site)}: weighted prevalence by cycle, with 95{NBSP}% confidence intervals"
        has_gaps = frame.filter(pl.col("site_code") == site)["prevalence_pct"].null_count() > 0
        note = "\u00d7: gate closed, or hidden by disclosure control; the table below says which." if has_gaps else ""
        draw = partial(bone_prevalence, site=site)
        figures += illustrated(
            draw, frames, f"prevalence-{site.replace('_', '-')}", caption, "mart.bone_prevalence", note
        )
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


def _overlap(frames: Frames) -> tuple[Section, ...]:
    """How far the arms overlap and what their weights cost; no section where no study weights arms."""
    figures = illustrated(
        propensity_score,
        frames,
        "overlap-0",
        "Preference scores of either arm",
        "mart.propensity_score",
        "Target above, comparator below. Where one arm has nobody, nothing is compared. Shares are rounded; \u00d7: hidden by "
        "disclosure control.",
    )
    weights = section_overlap.weights_table(frames["mart.diagnostic"])
    tables = (weights,) if weights.rows else ()
    if not figures and not tables:
        return ()
    return (Section("overlap", "Overlap and weights", figures=figures, tables=tables),)


def _sensitivity(frames: Frames) -> tuple[Section, ...]:
    """How far the answer depends on the method; no section where there is only one."""
    table = section_contrasts.sensitivity_table(frames["mart.effect_estimate"])
    if not table.rows:
        return ()
    return (Section("sensitivity", "Other methods, same question", tables=(table,)),)


def _diagnostics(frames: Frames) -> Section:
    tables = section_checks.diagnostic_tables(frames["mart.diagnostic"])
    words = (
        "Diagnostics are judged before an outcome is looked at. Where one fails or cannot be evaluated the gate is closed, "
        "nothing is computed behind it, and nothing here can tell it."
    )
    return Section(
        "diagnostics",
        "Diagnostics",
        paragraphs=(words,) if tables else (),
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
        absence="" if said else "nothing was estimated",
    )


def _protocol(frames: Frames) -> Section:
    table = section_provenance.protocol_table(frames["mart.study"], frames["mart.effect_estimate"])
    return Section(
        "protocol",
        "Protocol",
        tables=(table,) if table else (),
        absence="" if table else "no protocol is named",
    )
