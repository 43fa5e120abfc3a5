"""The sections of the first page in their order: answers, every contrast, claims, and what holds for all studies.

What is told study by study stands in `study_sections`, what both tell in `shared_sections`; how a page looks in `templates`.
"""

from functools import partial

import polars as pl

from pipelines.report import (
    section_account,
    section_answers,
    section_checks,
    section_contrasts,
    shared_sections,
)
from pipelines.report.absence import why_absent
from pipelines.report.illustration import illustrated
from pipelines.report.labels import cycle, heading, label
from pipelines.report.plot_e2 import censored_sentence, e2_distribution
from pipelines.report.views import Figure, Section, Table

Frames = dict[str, pl.DataFrame]


def sections(frames: Frames, threshold: int) -> tuple[Section, ...]:
    """Every section with data; methods and how to query are text of the template."""
    return (
        _answers(frames),
        _contrasts(frames),
        shared_sections.claims(frames, "The claims, one by one"),
        _estradiol(frames),
        _gates(frames),
        shared_sections.drift(frames, threshold),
        _quality(frames, threshold),
        _account(frames, threshold),
        _missing(frames),
        shared_sections.provenance(frames),
    )


def _answers(frames: Frames) -> Section:
    found = section_answers.answers(frames)
    n_answered = sum(each.is_answered for each in found)
    said = (
        f"{n_answered} of {len(found)} questions have an answer here. Each shows what was found of the question its protocol "
        "names first; everything else is on the page of the study."
    )
    words = ("estradiol", "BMD", "age, sex", "demo")
    return Section(
        "answers",
        "Questions and answers",
        paragraphs=(said,) if found else (),
        answers=found,
        absence="" if found else why_absent("mart.effect_estimate", frames["mart.missing_piece"], words),
    )


def _contrasts(frames: Frames) -> Section:
    table = section_contrasts.contrast_table(frames["mart.effect_estimate"])
    return Section(
        "contrasts",
        "Every contrast",
        paragraphs=("Sort by a heading, choose a study, an outcome or a gate, or search.",) if table.rows else (),
        tables=(table,) if table.rows else (),
        absence="" if table.rows else why_absent("mart.effect_estimate", frames["mart.missing_piece"], ()),
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
        drawn = illustrated(
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


def _gates(frames: Frames) -> Section:
    gates = section_checks.gate_table(frames)
    tables = (gates,) if gates.rows else ()
    return Section(
        "gates",
        "Diagnostics and gates",
        paragraphs=(
            "Diagnostics are judged before an association is looked at. Where one fails or cannot be evaluated the "
            "gate is closed, the association is not computed, and nothing here can tell it. Each diagnostic is on the page "
            "of its study.",
        ),
        tables=tables,
        absence="" if tables else why_absent("mart.diagnostic", frames["mart.missing_piece"], ()),
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
