"""Effects by stratum on the page: strata side by side, their difference, the adjusted p, and no number where a gate is closed."""

import math
from typing import Any

import polars as pl
import pytest

from pipelines.report.frames import primary
from pipelines.report.numerals import NBSP
from pipelines.report.plot_estimates import contrast_words, effect_estimate
from pipelines.report.section_findings import estimate_tables, findings
from pipelines.report.section_modifier import modifier_sentence, modifier_tables
from pipelines.report.study_sections import study_sections

Mart = dict[str, pl.DataFrame]
TRIAL = "aromatase_inhibitor vs tamoxifen, 24 months, cohort active_comparator"
_TOLD = ("estimate", "ci_low", "ci_high", "se", "p_value", "n_target", "n_comparator")


def rows(
    outcome: str, scale: str, code: str, strata: tuple[str, str], values: tuple[float, float, float]
) -> list[dict]:
    """One open question: difference, either stratum, and the difference with an adjusted p."""
    common = {
        "study_id": "modifiers",
        "contrast": f"{TRIAL}, by {code}",
        "outcome": outcome,
        "population": "postmenopausal_women",
        "estimand": f"Difference between strata: {strata[1]} less {strata[0]}",
        "gate_status": "open",
    }
    names = ("interaction", *(f"aipw, {each}" for each in strata), "interaction_fdr")
    found = []
    for name, value in zip(names, (*values, values[0]), strict=True):
        scale_of = f"difference between strata of {scale}" if name.startswith("interaction") else scale
        p = 0.04 if name == "interaction_fdr" else 0.01
        answer = (value, value - 0.2, value + 0.2, 0.1, p, 300, 250)
        found.append(common | {"estimator": name, "scale": scale_of} | dict(zip(_TOLD, answer, strict=True)))
    return found


@pytest.fixture
def divided(mart: Mart) -> Mart:
    """The made-up mart with nothing but modifiers: one in percent, one of ratios, one closed."""
    spine, e2 = "lumbar_spine_bmd_change_pct", "estradiol_pg_ml"
    closed: dict[str, Any] = rows(spine, "x", "drug_statin_365d", ("no statin", "statin"), (0.0, 0.0, 0.0))[0]
    closed |= dict.fromkeys(_TOLD) | {"gate_status": "closed", "gate_reason": "people_in_stratum fail"}
    every = [
        *rows(
            spine,
            "mean differences of percent change",
            "body_mass_index",
            ("under 30 kg/m2", "30 kg/m2 or more"),
            (1.5, -3.5, -2.0),
        ),
        *rows(e2, "differences of log ratios", "age_years", ("under 65 years", "65 years or more"), (0.4, -1.0, -0.6)),
        closed,
    ]
    old = mart["mart.effect_estimate"]
    frame = pl.DataFrame([{name: row.get(name) for name in old.columns} for row in every], schema=old.schema)
    empty = {name: each.clear() for name, each in mart.items() if name in ("mart.attrition", "mart.diagnostic")}
    return mart | empty | {"mart.effect_estimate": frame}


def test_strata_stand_side_by_side(divided: Mart) -> None:
    (table,) = modifier_tables(divided["mart.effect_estimate"])
    spine = next(row for row in table.rows if row.heading.startswith("Body mass index: under 30 kg/m²; 30 kg/m²"))
    assert [cell.text for cell in spine.cells[:6]] == ["\u22123.50", "\u22122.00", "1.50", "0.010", "0.040", "550, 550"]
    ratio = next(row for row in table.rows if row.heading.startswith("Age: under 65"))
    assert [cell.text for cell in ratio.cells[:3]] == [
        f"{math.exp(value):.2f}" for value in (-1.0, -0.6, 0.4)
    ]  # fmt: skip


def test_a_closed_gate_shows_its_reason_and_no_number(divided: Mart) -> None:
    (table,) = modifier_tables(divided["mart.effect_estimate"])
    row = next(row for row in table.rows if row.heading.startswith("Statin in the year before"))
    assert not any(character.isdigit() for cell in row.cells[:-1] for character in cell.text)
    assert row.cells[-1].tag == "closed"


def test_sentences_name_who_has_more(divided: Mart) -> None:
    said = [each.text.replace(NBSP, " ") for each in findings(divided)]
    spine = next(text for text in said if "lumbar-spine" in text)
    assert "was 1.50 percentage points higher with 30 kg/m² or more than with under 30 kg/m²" in spine
    assert f"was {math.exp(0.4):.2f} times as large with 65 years or more than with under 65 years" in " ".join(said)
    lower = divided["mart.effect_estimate"].row(0, named=True) | {"estimate": -1.5, "ci_low": -2.0, "ci_high": -1.0}
    assert "1.50 percentage points lower" in modifier_sentence(lower).replace(NBSP, " ")


def test_strata_are_told_in_one_place_and_drawn_by_what_divides(divided: Mart) -> None:
    estimates = divided["mart.effect_estimate"]
    assert estimate_tables(estimates) == ()
    assert set(primary(estimates)["estimator"]) == {"interaction"}
    assert contrast_words(estimates.row(0, named=True)) == "Body mass index: 30 kg/m² or more less under 30 kg/m²"
    drawing = effect_estimate(divided, "modifiers")
    assert drawing is not None and "1.50" in drawing.description


def test_the_page_sends_who_was_counted_in_to_the_trials(divided: Mart) -> None:
    sections = {each.identifier: each for each in study_sections(divided, 11)}
    assert "those of the trials" in sections["people"].absence
    assert "modifiers" in sections
