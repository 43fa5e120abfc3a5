"""The sections of the page of one study in their order: what was found, who was in it, and how far that holds.

Frames are those of one study (`section_answers.of_study`). Sections of arms that are compared stand in `arm_sections`, those
that the first page has as well in `shared_sections`.
"""

from functools import partial

import polars as pl

from pipelines.report import (
    arm_sections,
    section_bone,
    section_checks,
    section_curve,
    section_findings,
    section_people,
    section_threshold,
    shared_sections,
)
from pipelines.report.absence import why_absent
from pipelines.report.frames import primary
from pipelines.report.illustration import folded, illustrated, series
from pipelines.report.labels import heading
from pipelines.report.numerals import EN_DASH, NBSP
from pipelines.report.plot_attrition import attrition
from pipelines.report.plot_curve import dose_response, limit_sentence, of_bone, symptom_response
from pipelines.report.plot_estimates import effect_estimate, undrawn_sentence
from pipelines.report.plot_prevalence import bone_prevalence
from pipelines.report.section_modifier import is_modifier
from pipelines.report.section_risk import other_parts
from pipelines.report.views import Figure, Section

Frames = dict[str, pl.DataFrame]
_COUNTING = "Nothing was estimated: this study counts people in and describes them, which is what follows."
_DIVIDED = "People are those of the trials that are divided here; who was counted in stands on the pages of these."
_ELSEWHERE = "Parts of a claim that another study answers stand on the first page."


def study_sections(frames: Frames, threshold: int) -> tuple[Section, ...]:
    """Every section that the study has anything for; findings and people always, diagnostics where anything was estimated."""
    found = (
        _findings(frames),
        _people(frames, threshold),
        _table_one(frames, threshold),
        *arm_sections.balance(frames),
        *arm_sections.overlap(frames),
        *arm_sections.modifiers(frames),
        *arm_sections.risks(frames),
        *arm_sections.controls(frames),
        *arm_sections.trajectories(frames),
        *arm_sections.doses(frames),
        _curves(frames),
        *_symptoms(frames),
        *_thresholds(frames),
        _prevalence(frames, threshold),
        *arm_sections.sensitivity(frames),
        _diagnostics(frames),
        shared_sections.claims(frames, "Claims that rest on this study", _ELSEWHERE),
        shared_sections.drift(frames, threshold),
        _quality(frames),
        shared_sections.provenance(frames),
    )
    always = ("findings", "people", *([] if frames["mart.effect_estimate"].is_empty() else ["diagnostics"]))
    return tuple(each for each in found if not each.absence or each.identifier in always)


def _findings(frames: Frames) -> Section:
    estimates = frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(estimates["study_id"].unique(maintain_order=True)):
        caption = f"{heading(study)}: estimates with 95{NBSP}% confidence intervals"
        own = estimates.filter(pl.col("study_id") == study)
        draw = partial(effect_estimate, study=study)
        name, left_out = f"estimates-{number}", undrawn_sentence(own)
        figures += illustrated(draw, frames, name, caption, "mart.effect_estimate", left_out)
        for part, (words, rows) in enumerate(other_parts(primary(own))):
            draw = partial(effect_estimate, study=study, of=rows)
            caption = f"{heading(study)}: {words}, with 95{NBSP}% confidence intervals"
            left_out = undrawn_sentence(own, rows)
            figures += folded(illustrated(draw, frames, f"{name}-{part}", caption, "mart.effect_estimate", left_out))
    n_open = primary(estimates).filter(pl.col("estimate").is_not_null()).height
    notes = (
        [f"Intervals and p-values of the {n_open} associations are not adjusted for their number."]
        if n_open > 1
        else []
    )
    # What has an answer comes first.
    found = tuple(sorted(section_findings.findings(frames), key=lambda each: each.tag == "gate closed"))
    words = ("estradiol", "BMD")
    is_counting = (
        estimates.is_empty() and frames["mart.diagnostic"].is_empty() and not frames["mart.attrition"].is_empty()
    )
    absence = _COUNTING if is_counting else why_absent("mart.effect_estimate", frames["mart.missing_piece"], words)
    return Section(
        "findings",
        "What was found",
        findings=found,
        figures=tuple(figures),
        tables=section_findings.estimate_tables(estimates),
        notes=tuple(notes),
        absence="" if found else absence,
    )


def _people(frames: Frames, threshold: int) -> Section:
    frame = frames["mart.attrition"]
    figures: list[Figure] = []
    cohorts = frame.select("study_id", "cohort_code").unique(maintain_order=True).iter_rows()
    for number, (study, cohort) in enumerate(cohorts):
        draw = partial(attrition, study=study, cohort=cohort, threshold=threshold)
        caption = f"{section_people.cohort_name(study, cohort)}: who was counted in, step by step"
        figures += series(draw, frames, f"people-{number}", caption, "mart.attrition")
    tables = section_people.attrition_tables(frame, threshold, is_folded=bool(figures))
    is_divided = not frames["mart.effect_estimate"].filter(is_modifier()).is_empty()
    absence = (
        _DIVIDED if is_divided else why_absent("mart.attrition", frames["mart.missing_piece"], ("age, sex", "demo"))
    )
    return Section(
        "people",
        "Who was counted in",
        figures=tuple(figures),
        tables=tables,
        absence="" if tables else absence,
    )


def _table_one(frames: Frames, threshold: int) -> Section:
    tables = section_people.table_one(frames["mart.table_one"], threshold)
    return Section(
        "table-one",
        "Who was studied",
        tables=tables,
        absence="" if tables else why_absent("mart.table_one", frames["mart.missing_piece"], ("age, sex", "demo")),
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
    """Curves of symptoms and their ends; nothing where no gate of one is open."""
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
    figures = series(
        symptom_response,
        frames,
        "symptoms",
        f"Difference of 12-month risks of symptoms along estradiol, with 95{NBSP}% confidence bands",
        "mart.dose_response",
        "Open circle: the reference, where the difference is 0 by definition. " + limit_sentence(frames),
    )
    return [Section("symptoms", "Symptoms along estradiol", paragraphs=words, figures=figures, tables=(table,))]


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


def _quality(frames: Frames) -> Section:
    said = section_checks.quality_sentence(frames["mart.quality_result"])
    return Section(
        "quality",
        "Data quality",
        paragraphs=(said,) if said else (),
        link=("quality.html", "Every check with its source, strata and trend") if said else None,
        absence="" if said else "no check was run",
    )
