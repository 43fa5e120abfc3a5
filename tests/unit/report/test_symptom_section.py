"""Curves of symptoms have a picture and a table of their own, never under the heading of bone."""

from pathlib import Path

import polars as pl

from pipelines.report.build import build_report
from pipelines.report.plots import plot_svg

Mart = dict[str, pl.DataFrame]


def with_symptoms(mart: Mart) -> Mart:
    """The mart with a curve and a primary estimate of fatigue in men, as the study of symptoms would give them."""
    study, who = "symptoms_e2", "men"
    curve = mart["mart.dose_response"].filter(population=who)
    curve = curve.filter(outcome=curve["outcome"][0])
    estimate = mart["mart.effect_estimate"].filter(pl.col("estimate").is_not_null(), population=who).head(1)
    renamed = {"study_id": pl.lit(study), "outcome": pl.lit("fatigue")}
    return mart | {
        "mart.dose_response": pl.concat([mart["mart.dose_response"], curve.with_columns(**renamed)]),
        "mart.effect_estimate": pl.concat(
            [
                mart["mart.effect_estimate"],
                estimate.with_columns(**renamed, estimator=pl.lit("marginal_structural_model")),
            ]
        ),
    }


def told(mart: Mart, folder: Path) -> str:
    """Every page of the report, that of symptoms last."""
    build_report(mart, folder)
    pages = sorted(folder.glob("*.html"), key=lambda path: (path.stem == "study-symptoms_e2", path.name))
    return "\n".join(path.read_text() for path in pages)


def test_symptoms_have_a_table_and_no_picture_of_bone(mart: Mart, site: dict[str, str], tmp_path: Path) -> None:
    plain, page = "\n".join(site.values()), told(with_symptoms(mart), tmp_path)
    assert "Symptoms along estradiol" in page and "Symptoms along estradiol" not in plain
    section = page[page.index("Symptoms along estradiol") :]
    assert "Men, fatigue" in section
    assert "Difference of 12-month risks of symptoms along estradiol" in section
    assert "Fatigue, men" in section[section.index("<svg") : section.index("</svg>")]
    heading = "difference in bone mineral density along estradiol"
    assert page.count(heading) == plain.count(heading) > 0
    assert f"Estradiol and symptoms: {heading}" not in page


def test_the_picture_of_bone_is_the_same_with_symptoms_beside_it(mart: Mart) -> None:
    both = with_symptoms(mart)
    curves = mart | {"mart.dose_response": both["mart.dose_response"]}
    assert plot_svg("dose_response", mart) == plot_svg("dose_response", curves)
    only = both["mart.dose_response"].filter(outcome="fatigue")
    assert plot_svg("dose_response", both | {"mart.dose_response": only}) is None
