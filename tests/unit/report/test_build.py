"""The pages as a whole: self-contained, well-formed, reproducible, silent about what is closed or hidden."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.report import build
from pipelines.report.build import build_report
from pipelines.report.figure import WATERMARK

Mart = dict[str, pl.DataFrame]
STUDY = "nhanes_e2_bmd"


pages = runpy.run_path(str(Path(__file__).with_name("pages.py")))
SVG, STUDIES, written, tree, words = (pages[name] for name in ("SVG", "STUDIES", "written", "tree", "words"))


@pytest.fixture(scope="module")
def page(site: dict[str, str]) -> str:
    return site["index.html"]


@pytest.fixture(scope="module")
def bone(site: dict[str, str]) -> str:
    return site["study-nhanes_e2_bmd.html"]


@pytest.fixture(scope="module")
def empty_page(empty_mart: Mart, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_report(empty_mart, tmp_path_factory.mktemp("report")).read_text()


def test_returns_the_page_and_leaves_nothing_else(site: dict[str, str], empty_mart: Mart, tmp_path: Path) -> None:
    path = build_report(empty_mart, tmp_path / "report")
    assert path == tmp_path / "report" / "index.html"
    assert sorted(file.name for file in path.parent.iterdir()) == ["index.html", "quality.html"]
    assert set(site) == {"index.html", "quality.html", *(f"study-{study}.html" for study in STUDIES)}


def test_equal_input_gives_equal_bytes_whatever_the_row_order(mart: Mart, site: dict[str, str], tmp_path: Path) -> None:
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=7) for name, frame in reversed(mart.items())}
    assert written(shuffled, tmp_path) == site


def test_another_process_writes_the_same_bytes(mart: Mart, site: dict[str, str], root: Path, tmp_path: Path) -> None:
    for name, frame in mart.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    program = (
        "import sys, pathlib, polars as pl\n"
        "from pipelines.report.build import build_report\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "build_report({path.stem: pl.read_parquet(path) for path in here.glob('*.parquet')}, here / 'out')\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=environment, cwd=tmp_path)
    assert {file.name: file.read_text() for file in (tmp_path / "out").iterdir()} == site


def test_a_failed_build_leaves_the_old_page(mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("old")
    monkeypatch.setattr(build.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        build_report(mart, tmp_path)
    assert (tmp_path / "index.html").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]


def test_a_missing_table_and_a_wrong_column_are_both_named(mart: Mart, tmp_path: Path) -> None:
    broken = {name: frame for name, frame in mart.items() if name != "mart.build"}
    broken["mart.attrition"] = broken["mart.attrition"].rename({"n_after": "n_left"})
    with pytest.raises(BadInput) as raised:
        build_report(broken, tmp_path)
    assert len(raised.value.problems) == 2
    assert "mart.build" in str(raised.value)
    assert "n_after" in str(raised.value)
    assert not (tmp_path / "index.html").exists()


def test_the_threshold_may_only_be_raised(mart: Mart, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="min_cell 10"):
        build_report(mart, tmp_path, min_cell=10)
    one = {
        n: frame.filter(pl.col("study_id") == STUDY) if "study_id" in frame.columns else frame
        for n, frame in mart.items()
    }
    raised = words(written(one, tmp_path, min_cell=20)[f"study-{STUDY}.html"])
    assert "<20 or hidden" in raised
    assert "<11" not in raised


def test_a_closed_gate_and_a_hidden_cell_leak_nothing(mart: Mart, site: dict[str, str], tmp_path: Path) -> None:
    """Answers planted behind closed gates and in suppressed cells, against the contract, change not one byte."""
    planted = dict(mart)
    estimates = ["estimate", "ci_low", "ci_high", "se", "p_value", "calibrated_estimate", "calibrated_ci_low"]
    planted["mart.effect_estimate"] = plant(mart["mart.effect_estimate"], pl.col("gate_status") == "closed", estimates)
    shares = ["prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct", "n_band"]
    closed_or_hidden = (pl.col("gate_status") == "closed") | pl.col("is_suppressed")
    planted["mart.bone_prevalence"] = plant(mart["mart.bone_prevalence"], closed_or_hidden, shares)
    hidden = {
        "mart.e2_distribution": ["n", "weighted_share_pct"],
        "mart.measurement_count": ["n"],
        "mart.diagnostic": ["value"],
        "mart.propensity_score": ["share_pct"],
        "mart.source_file": ["sha256"],
    }
    beside = {
        "mart.cumulative_incidence": ("n_at_risk", "risk_pct"),
        "mart.bmd_trajectory": ("n_observed", "change_pct"),
    }
    for name, (people, value) in beside.items():
        # Where the people are told, it is the value that is hidden.
        is_hidden = pl.col("is_suppressed") & pl.col(people).is_not_null()
        is_closed = pl.col("gate_status") == "closed"
        planted[name] = plant(mart[name], is_hidden | is_closed, [value, "se_pct", "ci_low_pct", "ci_high_pct"])
    for name, columns in hidden.items():
        planted[name] = plant(mart[name], pl.col("is_suppressed"), columns)
    table_one = plant(mart["mart.table_one"], pl.col("is_suppressed"), ["n"])
    is_hidden_share = pl.col("is_suppressed") & (pl.col("level") != "mean")
    planted["mart.table_one"] = plant(table_one, is_hidden_share, ["estimate", "spread"])
    curve = mart["mart.dose_response"]
    twin = curve.filter(pl.col("population") == "men", pl.col("outcome").str.starts_with("lumbar"))
    leaked = twin.with_columns(population=pl.lit("postmenopausal_women"), estimate=pl.lit(0.777))
    planted["mart.dose_response"] = pl.concat([curve, leaked])
    assert written(planted, tmp_path) == site


def plant(frame: pl.DataFrame, where: pl.Expr, columns: list[str]) -> pl.DataFrame:
    changed = frame.with_columns(
        pl.when(where).then(pl.lit(7).cast(frame.schema[column])).otherwise(pl.col(column)).alias(column)
        for column in columns
    )
    assert not changed.equals(frame)
    return changed


def test_a_closed_row_prints_its_reason_and_no_digit_of_an_answer(bone: str) -> None:
    root = tree(bone)
    rows = [row for row in root.iter("tr") if "Postmenopausal women, lumbar-spine BMD" in "".join(row.itertext())]
    assert len(rows) >= 2
    seen = " ".join("".join(row.itertext()) for row in rows)
    assert "gate closed" in seen
    assert "number of people below 30" in seen
    assert not re.search(r"0\.\d{3}", seen)


def test_every_cell_suppressed_still_makes_a_page(mart: Mart, tmp_path: Path) -> None:
    counts = ("n_before", "n_after", "n", "estimate", "spread", "weighted_share_pct", "prevalence_pct")
    all_hidden = {
        name: frame.with_columns(
            pl.lit(value=True).alias("is_suppressed"),
            *(pl.lit(None, dtype=frame.schema[column]).alias(column) for column in counts if column in frame.columns),
        )
        for name, frame in mart.items()
        if "is_suppressed" in frame.columns
    }
    found_pages = written({**mart, **all_hidden}, tmp_path)
    text, page = words(found_pages["index.html"]), found_pages["study-nhanes_e2_bmd.html"]
    assert "every bin is hidden by disclosure control" in text
    assert "9 files" not in text or "cannot be checked here" in text
    for section in ("people", "table-one"):
        found = next(part for part in tree(page).iter("section") if part.attrib["id"] == section)
        cells = ["".join(cell.itertext()) for cell in found.iter("td")]
        assert cells
        assert set(cells) == {"<11 or hidden"}, section
        assert not [element for element in found.iter("span") if element.attrib.get("class") == "bar"]


def test_empty_tables_are_said_to_be_empty(empty_page: str) -> None:
    text = words(empty_page)
    assert text.count("There is nothing to show") == 9
    for name in ("mart.effect_estimate", "mart.claim", "mart.e2_distribution", "mart.quality_result"):
        assert name in text
    assert not list(tree(empty_page).iter(f"{SVG}svg"))


def test_an_empty_section_names_the_missing_files(mart: Mart, empty_mart: Mart, tmp_path: Path) -> None:
    text = words(build_report({**empty_mart, "mart.missing_piece": mart["mart.missing_piece"]}, tmp_path).read_text())
    assert "The input lacks files that would give it: 2005\u20132006: no TST or SSCHL: no estradiol" in text


def test_simulated_evidence_is_watermarked_on_page_and_every_plot(simulated_site: dict[str, str]) -> None:
    plots = [
        plot for name, page in simulated_site.items() if name != "quality.html" for plot in tree(page).iter(f"{SVG}svg")
    ]
    assert plots
    assert all(WATERMARK in "".join(plot.itertext()) for plot in plots)
    assert all(words(page).count(WATERMARK) >= 2 for page in simulated_site.values())
    text = words(simulated_site["index.html"])
    assert text.count(WATERMARK) >= 4
    assert "Simulated people" in text
    assert "Looker 2010, femoral neck" not in text


def test_one_simulated_table_is_enough_for_the_watermark(mart: Mart, simulated_mart: Mart, tmp_path: Path) -> None:
    mixed = {**mart, "mart.dose_response": simulated_mart["mart.dose_response"]}
    for name, page in written(mixed, tmp_path).items():
        assert WATERMARK in page, name


def test_public_survey_carries_no_watermark(site: dict[str, str]) -> None:
    assert not [name for name, page in site.items() if WATERMARK in page]


def test_facts_count_gates_and_evaluable_checks(page: str) -> None:
    text = words(page)
    assert "35 of 42 open 7 closed" in text
    assert "8 of 9 passed 1 failed, 3 could not be evaluated" in text
    assert "1999\u20132014 6 cycles" in text
    assert "2025-01-02 03:04 UTC" in text


def test_says_association_and_gives_no_advice(page: str) -> None:
    text = words(page)
    assert "This is not an effect" in text
    assert "nothing here says whether, when or at what dose anyone should take or stop a drug" in text


def test_accepts_text_where_the_contract_has_an_enumeration(mart: Mart, site: dict[str, str], tmp_path: Path) -> None:
    plain = {
        name: frame.with_columns(
            pl.col(column).cast(pl.String) for column, dtype in frame.schema.items() if dtype == pl.Enum
        )
        for name, frame in mart.items()
    }
    assert written(plain, tmp_path) == site
