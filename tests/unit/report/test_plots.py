"""Plots by name: the same drawing as SVG and PNG, honest about limits, gates, assay classes and hidden bins."""

from math import exp, log2
from xml.etree import ElementTree

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.report.figure import WATERMARK
from pipelines.report.plot_curve import dose_response
from pipelines.report.plot_e2 import e2_distribution
from pipelines.report.plot_estimates import effect_estimate
from pipelines.report.plots import PLOTS, plot_png, plot_svg
from pipelines.tables import CONTRACTS

Mart = dict[str, pl.DataFrame]
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str | None) -> list[str]:
    assert svg is not None
    return ["".join(text.itertext()).strip() for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", list(PLOTS))
def test_each_plot_draws_from_its_own_table_alone(name: str, mart: Mart) -> None:
    table = PLOTS[name].table
    assert table in CONTRACTS
    image = plot_png(name, {table: mart[table]})
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(image) > 10_000
    assert any(table in text for text in texts(plot_svg(name, {table: mart[table]})))


@pytest.mark.parametrize("name", ["dose_response", "bone_prevalence_femoral_neck"])
def test_the_same_mart_gives_the_same_bytes(name: str, mart: Mart) -> None:
    assert plot_png(name, mart) == plot_png(name, mart)
    assert plot_svg(name, mart) == plot_svg(name, mart)


@pytest.mark.parametrize("name", list(PLOTS))
def test_an_empty_table_has_no_svg_and_a_png_that_says_so(name: str, empty_mart: Mart) -> None:
    assert plot_svg(name, empty_mart) is None
    assert plot_png(name, empty_mart).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", list(PLOTS))
def test_simulated_evidence_is_watermarked(name: str, simulated_mart: Mart) -> None:
    assert WATERMARK in texts(plot_svg(name, simulated_mart))


def test_a_plot_without_evidence_source_says_that_it_does_not_know(mart: Mart) -> None:
    alone = {"mart.e2_distribution": mart["mart.e2_distribution"]}
    assert any("evidence source not stated" in text for text in texts(plot_svg("e2_distribution_lc_ms_ms", alone)))


def test_an_unknown_plot_or_a_missing_table_is_refused(mart: Mart) -> None:
    with pytest.raises(BadInput, match="no plot named 'pie'"):
        plot_png("pie", mart)
    with pytest.raises(BadInput, match=r"mart\.dose_response: not given"):
        plot_png("dose_response", {"mart.build": mart["mart.build"]})
    with pytest.raises(BadInput, match=r"models\.baseline: no such table"):
        plot_svg("dose_response", {**mart, "models.baseline": pl.DataFrame()})


def test_curves_mark_20_and_30_or_say_that_they_lie_outside(mart: Mart) -> None:
    seen = texts(plot_svg("dose_response", mart))
    men = mart["mart.dose_response"].filter(pl.col("population") == "men").select("outcome").n_unique()
    women = 2
    # "20" and "30" are also ticks of the men's axes and "20" of the women's, so each mark adds one to its ticks.
    assert seen.count("30") == 2 * men
    assert seen.count("30 pg/mL: outside this range") == women
    assert seen.count("LLOQ") == women


def test_curves_without_the_distribution_have_no_limit_and_with_a_closed_gate_no_line(mart: Mart) -> None:
    curves = {"mart.dose_response": mart["mart.dose_response"]}
    assert "LLOQ" not in texts(plot_svg("dose_response", curves))
    closed = {**mart, "mart.effect_estimate": mart["mart.effect_estimate"].with_columns(gate_status=pl.lit("closed"))}
    assert plot_svg("dose_response", closed) is None
    assert plot_svg("effect_estimate", closed) is None


def test_a_curve_without_any_estimate_row_is_not_drawn(mart: Mart, empty_mart: Mart) -> None:
    assert plot_svg("dose_response", {**mart, "mart.effect_estimate": empty_mart["mart.effect_estimate"]}) is None


def test_assay_classes_never_share_a_figure(mart: Mart) -> None:
    mass_spectrometry = texts(plot_svg("e2_distribution_lc_ms_ms", mart))
    immunoassay = texts(plot_svg("e2_distribution_immunoassay", mart))
    assert "LLOQ 2.99" in mass_spectrometry
    assert "LLOQ 5" not in mass_spectrometry
    assert "LLOQ 5" in immunoassay
    assert "LLOQ 2.99" not in immunoassay
    assert "Men, 1999\u20132000" in immunoassay


def test_hidden_bins_are_marked_and_the_censored_bin_carries_its_share(mart: Mart) -> None:
    seen = texts(plot_svg("e2_distribution_lc_ms_ms", mart))
    hidden = mart["mart.e2_distribution"].filter(pl.col("is_suppressed"), pl.col("assay_class") == "lc_ms_ms").height
    assert hidden > 0
    assert seen.count("\u00d7") == hidden
    assert {"19.0", "2.0", "11.0"} <= set(seen)


def test_published_ticks_stand_at_the_femoral_neck_of_2005_2006_alone(mart: Mart, simulated_mart: Mart) -> None:
    published = "published, Looker 2010"
    assert published in texts(plot_svg("bone_prevalence_femoral_neck", mart))
    assert published not in texts(plot_svg("bone_prevalence_total_hip", mart))
    assert published not in texts(plot_svg("bone_prevalence_femoral_neck", simulated_mart))
    later = {"mart.bone_prevalence": mart["mart.bone_prevalence"].filter(pl.col("cycle_label") != "2005-2006")}
    assert published not in texts(plot_svg("bone_prevalence_femoral_neck", later))


def test_estimates_say_gate_closed_in_words(mart: Mart) -> None:
    seen = texts(plot_svg("effect_estimate", mart))
    assert seen.count("gate closed") == 2
    assert "0.015\u00a0g/cm² (0.006 to 0.023)" in seen


@pytest.mark.parametrize(("half", "ticks"), [(0.2, {"0.9", "1", "1.1"}), (2.0, {"0.2", "0.5", "1", "2", "5"})])
def test_hazard_ratios_are_drawn_as_ratios(mart: Mart, half: float, ticks: set[str]) -> None:
    rows = mart["mart.effect_estimate"].filter(pl.col("gate_status") == "open").head(1)
    log_ratio = {"scale": "log hazard ratio", "outcome": "all_cause_death", "estimator": "survey_cox"}
    log_ratio |= {"estimate": 0.0, "ci_low": -half, "ci_high": half}
    columns = [pl.lit(value, dtype=rows.schema[name]).alias(name) for name, value in log_ratio.items()]
    drawing = effect_estimate({"mart.effect_estimate": rows.with_columns(columns)})
    assert drawing is not None
    (axes,) = drawing.figure.axes
    assert ticks <= {text.get_text() for text in axes.get_xticklabels()}
    assert axes.get_xlabel().startswith("Hazard ratio per doubling")
    assert f"1.00 ({exp(-half):.2f} to {exp(half):.2f})" in {text.get_text() for text in axes.texts}


def test_no_bar_crosses_the_limit_and_the_censored_stand_apart(mart: Mart) -> None:
    drawing = e2_distribution(mart, "lc_ms_ms")
    assert drawing is not None
    limit = log2(2.994)
    for axes in drawing.figure.axes:
        spans = [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_hatch()) for bar in axes.patches]
        assert spans
        assert not [span for span in spans if span[0] < limit - 1e-9 < limit + 1e-9 < span[1]]
        assert all(right < limit - 0.2 for _, right, hatch in spans if hatch)
        assert all(left >= limit - 1e-9 for left, _, hatch in spans if not hatch)


def test_curves_draw_the_given_points_and_no_other(mart: Mart) -> None:
    drawing = dose_response(mart)
    assert drawing is not None
    panels = {(axes.get_title(), axes.get_ylabel()): axes for axes in drawing.figure.axes}
    axes = panels["Femoral-neck BMD", "Men\nDifference, g/cm²"]
    given = mart["mart.dose_response"].filter(population="men", outcome="femoral_neck_bmd_g_cm2").sort("point_number")
    longest = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert longest.get_xdata().tolist() == given["exposure_value"].to_list()
    assert longest.get_ydata().tolist() == given["estimate"].to_list()


def test_a_change_point_is_drawn_into_its_curve_with_the_marks_of_practice(mart: Mart) -> None:
    men = mart["mart.dose_response"].filter(population="men", outcome="femoral_neck_bmd_g_cm2")
    key = {"study_id": men["study_id"][0], "outcome": men["outcome"][0]}
    places = mart["mart.threshold"].with_columns(pl.lit(value).alias(name) for name, value in key.items())
    before = texts(plot_svg("dose_response", {**mart, "mart.dose_response": men}))
    seen = texts(plot_svg("dose_response", {**mart, "mart.dose_response": men, "mart.threshold": places}))
    assert "bends at 14.2" in seen and "bends at 14.2" not in before
    assert "100 pg/mL: outside this range" in seen and "100 pg/mL: outside this range" not in before
    straight = places.with_columns(answer=pl.lit("no_kink"))
    assert "bends at 14.2" not in texts(
        plot_svg("dose_response", {**mart, "mart.dose_response": men, "mart.threshold": straight})
    )
