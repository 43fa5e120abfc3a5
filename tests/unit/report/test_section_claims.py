"""The claims ledger on the page: verdicts with why, no number without an answer, recovery in place of verdicts."""

import polars as pl

from pipelines.report.frames import prepared
from pipelines.report.section_claims import claims_tables, count_sentence
from pipelines.tables import CONTRACTS


def test_a_family_is_a_table_and_one_without_an_answer_is_folded(mart):
    bone, heart = claims_tables(prepared(mart, mart)["mart.claim"])
    assert (bone.caption, bone.is_folded, heart.is_folded) == ("Claims: bone density", False, True)
    whole, answered, silent = bone.rows
    assert whole.heading == "H7. High estradiol harms bone"
    assert (whole.beside.tag, whole.beside.note) == ("contradicted", "Published: No support")
    found, verdict = answered.cells
    assert found.text == "\u22120.015"
    assert "97.5\u00a0%\u00a0CI \u22120.036 to 0.006; smallest of interest 0.0274" in found.note
    assert (verdict.tag, verdict.note) == ("contradicted", "Below")
    assert [(cell.text, cell.tag) for cell in silent.cells[:2]] == [("\u2013", ""), ("", "not answerable")]


def test_what_is_said_of_all(mart, simulated_mart):
    assert count_sentence(mart["mart.claim"]).startswith(
        "Of 2 claims: 0 supported, 1 contradicted, 0 inconclusive, 1 not answerable."
    )
    assert "simulated, so no claim has a verdict" in count_sentence(simulated_mart["mart.claim"])
    assert "1 recovered, 2 missed, 0 false alarm" in count_sentence(simulated_mart["mart.claim"])
    assert count_sentence(CONTRACTS["mart.claim"].empty()) == ""


def test_a_number_that_reached_the_mart_without_an_answer_is_emptied(mart):
    wrong = mart["mart.claim"].with_columns(estimate=pl.lit(1.25), ci_low=pl.lit(1.0), ci_high=pl.lit(1.5))
    sealed = prepared({**mart, "mart.claim": wrong}, mart)["mart.claim"]
    silent = sealed.filter(pl.col("verdict") == "not_answerable")
    assert silent.height == 2
    assert silent.select("estimate", "ci_low", "ci_high").null_count().row(0) == (2, 2, 2)
    assert sealed.filter(pl.col("verdict") == "contradicted")["estimate"].to_list() == [1.25]


def test_simulated_people_are_marked_and_have_recovery(simulated_site):
    page = simulated_site["index.html"]
    section = page[page.index('<section id="claims"') : page.index('<section id="gates"')]
    assert "Recovery" in section
    assert "recovered" in section
    assert ">contradicted<" not in section
    assert 'class="watermark"' in page
