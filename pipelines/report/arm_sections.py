"""Sections of the page of a study that compares arms: whether they are alike, what came of either, and how far that holds.

Each is left out where the study has nothing for it. The order of a page, and what is not of arms, stand in `study_sections`.
"""

from functools import partial

import polars as pl

from pipelines.report import section_contrasts, section_modifier, section_overlap, section_risk, section_trajectory
from pipelines.report.illustration import illustrated, series
from pipelines.report.labels import capitalized, heading, label, readable
from pipelines.report.numerals import NBSP
from pipelines.report.plot_balance import MOST_DRAWN, covariate_balance
from pipelines.report.plot_controls import negative_control, scale_words
from pipelines.report.plot_dose import dose_bands
from pipelines.report.plot_incidence import cumulative_incidence, pairs
from pipelines.report.plot_overlap import propensity_score
from pipelines.report.plot_trajectory import bmd_trajectory
from pipelines.report.views import Figure, Section

Frames = dict[str, pl.DataFrame]


def balance(frames: Frames) -> tuple[Section, ...]:
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


def overlap(frames: Frames) -> tuple[Section, ...]:
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


def modifiers(frames: Frames) -> tuple[Section, ...]:
    """Whether effects differ between strata; no section where no study divides the people of a trial."""
    tables = section_modifier.modifier_tables(frames["mart.effect_estimate"])
    if not tables:
        return ()
    words = (
        "The effect of each trial averaged within strata of its people, from one set of models of all of them, and the "
        "difference of two strata. It is asked only where the gate of the trial is open."
    )
    return (Section("modifiers", "Whether the effect differs", paragraphs=(words,), tables=tables),)


def risks(frames: Frames) -> tuple[Section, ...]:
    """Risks of events; no section where no study compares risks."""
    tables = section_risk.risk_tables(frames["mart.effect_estimate"])
    if not tables:
        return ()
    words = (
        "Risks are of the whole follow-up by assignment, death competing. A gate needs 30 negative controls with an estimate, "
        "little systematic error in them, and where one is named the positive control on its known side."
    )
    return (Section("risks", "Risks of events", paragraphs=(words,), figures=tuple(_incidence(frames)), tables=tables),)


def _incidence(frames: Frames) -> list[Figure]:
    """Risks over time, a figure a pair of arms whose gate is open, that of the leading question first."""
    described = frames["mart.study"]
    lead = described["lead_contrast"][0] if described.height else None
    figures: list[Figure] = []
    for number, of in enumerate(pairs(frames["mart.cumulative_incidence"], lead)):
        figures += series(
            partial(cumulative_incidence, of=of),
            frames,
            f"incidence-{number}",
            f"{capitalized(readable(of[0]))}, {label(of[1])}: risks over time, with 95{NBSP}% confidence bands",
            "mart.cumulative_incidence",
            "Weighted as the estimates; death competes. Each mark adds enough events to be told; people at risk are rounded. "
            "Where a line is broken, or ends, a gate is closed.",
        )
    return figures


def controls(frames: Frames) -> tuple[Section, ...]:
    """Outcomes that no arm changes, of risks or of measurements; no section where none may be shown."""
    frame = frames["mart.negative_control"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        on = scale_words(frame.filter(pl.col("study_id") == study))
        figures += illustrated(
            partial(negative_control, study=study),
            frames,
            f"controls-{number}",
            f"{heading(study)}: outcomes that no arm changes, {on}",
            "mart.negative_control",
            "Dashed: without systematic error 95 of 100 lie between the lines. Each control is calibrated by all others. "
            "Controls say nothing of error that they do not share with the outcome.",
        )
    if not figures:
        return ()
    words = (
        "No arm should change these outcomes: what is found in them is systematic error, which calibration allows for."
    )
    return (Section("controls", "Negative controls", paragraphs=(words,), figures=tuple(figures)),)


def trajectories(frames: Frames) -> tuple[Section, ...]:
    """Bone density over time by arm; no section where no gate of such a question is open."""
    frame = frames["mart.bmd_trajectory"]
    figures: list[Figure] = []
    for number, study in enumerate(frame["study_id"].unique(maintain_order=True)):
        figures += series(
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


def doses(frames: Frames) -> tuple[Section, ...]:
    """Differences along a dose that was kept up; no section where no study asks for bands, or none of them is told."""
    described = frames["mart.effect_estimate"]
    figures: list[Figure] = []
    for number, study in enumerate(described["study_id"].unique(maintain_order=True)):
        figures += illustrated(
            partial(dose_bands, study=study),
            frames,
            f"doses-{number}",
            f"{heading(study)}: difference by band, lowest first, with 95{NBSP}% confidence intervals",
            "mart.effect_estimate",
            "Open circle: the reference, where the difference is 0 by definition. Bands are those of the protocol; no line joins "
            "them, since nothing was estimated between them.",
        )
    if not figures:
        return ()
    words = (
        "The mean difference had everybody kept to the band, against everybody in the reference. Days covered are adherence, "
        "not dose: who takes a drug to the day differs in more than the drug."
    )
    return (Section("doses", "Along the dose", paragraphs=(words,), figures=tuple(figures)),)


def sensitivity(frames: Frames) -> tuple[Section, ...]:
    """How far the answer depends on the method; no section where there is only one."""
    table = section_contrasts.sensitivity_table(frames["mart.effect_estimate"])
    if not table.rows:
        return ()
    return (Section("sensitivity", "Other methods, same question", tables=(table,)),)
