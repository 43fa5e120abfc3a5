"""Sections that stand on the first page and on the page of a study alike: claims, change since before, provenance.

Frames of the whole mart or of one study (`section_answers.of_study`); a section is told of what it is given.
"""

import polars as pl

from pipelines.report import section_claims, section_drift, section_provenance
from pipelines.report.views import Section

Frames = dict[str, pl.DataFrame]


def claims(frames: Frames, title: str, *more: str) -> Section:
    """The ledger; `more` is said after the rules."""
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
        title,
        paragraphs=(rules, *more, section_claims.count_sentence(frame)) if tables else (),
        tables=tables,
        absence="" if tables else "There is nothing to show: mart.claim has no rows, so no claim was judged.",
    )


def drift(frames: Frames, threshold: int) -> Section:
    """What moved between the publication before and this one."""
    frame = frames["mart.evidence_drift"]
    said, table = section_drift.drift_sentence(frame), section_drift.drift_table(frame, threshold)
    return Section(
        "drift",
        "What changed since the publication before",
        paragraphs=(said,) if said else (),
        tables=(table,) if table.rows else (),
        absence="" if said else "There is nothing to show: mart.evidence_drift has no rows, so nothing was estimated.",
    )


def provenance(frames: Frames) -> Section:
    """Build, code, lock, protocols and inputs by hash."""
    tables = (
        section_provenance.build_table(frames["mart.build"]),
        section_provenance.protocol_table(frames["mart.study"], frames["mart.effect_estimate"]),
        section_provenance.input_table(frames["mart.source_file"]),
    )
    shown = tuple(table for table in tables if table is not None)
    words = "Equal input, code, packages and protocols give equal tables; hashes say whether they are equal."
    return Section(
        "provenance",
        "What this was made of",
        paragraphs=(words,) if shown else (),
        tables=shown,
        absence="" if shown else "There is nothing to show: mart.build has no row.",
    )
