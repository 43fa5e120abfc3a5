"""The page as a whole: self-contained, well-formed, reproducible, silent about what is closed or hidden."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from pipelines.errors import BadInput
from pipelines.report import build
from pipelines.report.build import TABLES, build_report
from pipelines.report.figure import WATERMARK

Mart = dict[str, pl.DataFrame]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def page(mart: Mart, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_report(mart, tmp_path_factory.mktemp("report")).read_text()


@pytest.fixture(scope="module")
def empty_page(empty_mart: Mart, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_report(empty_mart, tmp_path_factory.mktemp("report")).read_text()


def tree(page: str) -> ElementTree.Element:
    """The page is written so that a strict XML parser takes it too: every tag closed, every text escaped."""
    assert page.lstrip().startswith("<!DOCTYPE html>")
    return ElementTree.fromstring(page.lstrip().removeprefix("<!DOCTYPE html>"))


def words(page: str) -> str:
    """What a reader sees, outside plots, in one line."""
    root = tree(page)
    texts: list[str] = []

    def walk(element: ElementTree.Element) -> None:
        if element.tag in (f"{SVG}svg", "style", "head"):
            texts.append(element.tail or "")
            return
        texts.append(element.text or "")
        for child in element:
            walk(child)
        texts.append(element.tail or "")

    walk(root)
    return re.sub(r"\s+", " ", " ".join(texts))


def test_returns_the_page_and_leaves_nothing_else(mart: Mart, tmp_path: Path) -> None:
    path = build_report(mart, tmp_path / "report")
    assert path == tmp_path / "report" / "index.html"
    assert sorted(file.name for file in path.parent.iterdir()) == ["index.html", "quality.html"]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    root = tree(page)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert not tags & {"script", "link", "img", "image", "iframe", "object", "embed", "foreignObject"}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), f"event handler {name}"
            if name.split("}")[-1] in ("href", "src", "srcset", "action", "poster", "data"):
                assert value.startswith("#") or value == "quality.html", f"{element.tag} {name}={value}"
            assert "http" not in value
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page


def test_every_link_and_reference_has_its_target_and_no_id_comes_twice(page: str) -> None:
    root = tree(page)
    identifiers = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(identifiers) == len(set(identifiers))
    links = [value for element in root.iter() for name, value in element.attrib.items() if name == "href"]
    wanted = {value[1:] for value in links if value.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page))
    wanted |= {name for element in root.iter() for name in element.attrib.get("aria-labelledby", "").split()}
    assert wanted
    assert wanted <= set(identifiers)


def test_html_tags_balance(page: str) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    parser.close()
    assert parser.open == []


def test_every_plot_speaks_to_a_screen_reader_and_every_table_names_its_source(page: str) -> None:
    root = tree(page)
    plots = list(root.iter(f"{SVG}svg"))
    assert len(plots) >= 7
    for plot in plots:
        assert plot.attrib["role"] == "img"
        title, description = plot.find(f"{SVG}title"), plot.find(f"{SVG}desc")
        assert title is not None and title.text
        assert description is not None and len(description.text or "") > 20
    captions = ["".join(caption.itertext()) for tag in ("caption", "figcaption") for caption in root.iter(tag)]
    assert len(captions) >= 15
    assert all(any(name in caption for name in TABLES) for caption in captions)


def test_sections_come_in_order_and_the_contents_list_them(page: str) -> None:
    root = tree(page)
    sections = [section.attrib["id"] for section in root.iter("section")]
    assert sections == [
        "findings", "people", "table-one", "estradiol", "balance", "risks", "curves", "threshold", "prevalence", "claims",
        "gates", "drift", "quality", "account", "missing", "methods", "query",
    ]  # fmt: skip
    linked = [link.attrib["href"][1:] for link in root.iter("a") if link.attrib["href"].startswith("#")]
    assert linked[1:] == sections


def test_equal_input_gives_equal_bytes_whatever_the_row_order(mart: Mart, page: str, tmp_path: Path) -> None:
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=7) for name, frame in reversed(mart.items())}
    assert build_report(shuffled, tmp_path).read_text() == page


def test_another_process_writes_the_same_bytes(mart: Mart, page: str, root: Path, tmp_path: Path) -> None:
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
    assert (tmp_path / "out" / "index.html").read_text() == page


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
    raised = words(build_report(mart, tmp_path, min_cell=20).read_text())
    assert "<20 or hidden" in raised
    assert "<11" not in raised


def test_a_closed_gate_and_a_hidden_cell_leak_nothing(mart: Mart, page: str, tmp_path: Path) -> None:
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
    }
    for name, columns in hidden.items():
        planted[name] = plant(mart[name], pl.col("is_suppressed"), columns)
    table_one = plant(mart["mart.table_one"], pl.col("is_suppressed"), ["n"])
    is_hidden_share = pl.col("is_suppressed") & (pl.col("level") != "mean")
    planted["mart.table_one"] = plant(table_one, is_hidden_share, ["estimate", "spread"])
    curve = mart["mart.dose_response"]
    twin = curve.filter(pl.col("population") == "men", pl.col("outcome").str.starts_with("lumbar"))
    leaked = twin.with_columns(population=pl.lit("postmenopausal_women"), estimate=pl.lit(0.777))
    planted["mart.dose_response"] = pl.concat([curve, leaked])
    assert build_report(planted, tmp_path).read_text() == page


def plant(frame: pl.DataFrame, where: pl.Expr, columns: list[str]) -> pl.DataFrame:
    changed = frame.with_columns(
        pl.when(where).then(pl.lit(7).cast(frame.schema[column])).otherwise(pl.col(column)).alias(column)
        for column in columns
    )
    assert not changed.equals(frame)
    return changed


def test_a_closed_row_prints_its_reason_and_no_digit_of_an_answer(page: str) -> None:
    root = tree(page)
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
    page = build_report({**mart, **all_hidden}, tmp_path).read_text()
    text = words(page)
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
    assert text.count("There is nothing to show") == 11
    for name in ("mart.effect_estimate", "mart.attrition", "mart.e2_distribution", "mart.quality_result"):
        assert name in text
    assert not list(tree(empty_page).iter(f"{SVG}svg"))


def test_an_empty_section_names_the_missing_files(mart: Mart, empty_mart: Mart, tmp_path: Path) -> None:
    text = words(build_report({**empty_mart, "mart.missing_piece": mart["mart.missing_piece"]}, tmp_path).read_text())
    assert "The input lacks files that would give it: 2005\u20132006: no TST or SSCHL: no estradiol" in text


def test_texts_of_the_tables_are_escaped(mart: Mart, tmp_path: Path) -> None:
    attack = "<script>alert('x')</script> & \"q\""
    hostile = dict(mart)
    texts = {
        "mart.attrition": "label",
        "mart.quality_result": "note",
        "mart.effect_estimate": "scale",
        "mart.missing_piece": "consequence",
        "mart.source_file": "source_file",
        "mart.build": "code_version",
        "mart.bone_prevalence": "gate_reason",
        "mart.dose_response": "population",
    }
    for name, column in texts.items():
        hostile[name] = mart[name].with_columns(pl.lit(attack).alias(column))
    hostile["mart.effect_estimate"] = hostile["mart.effect_estimate"].with_columns(population=pl.lit(attack))
    page = build_report(hostile, tmp_path).read_text()
    assert "<script" not in page
    assert page.count("alert(") >= len(texts)
    assert not [element for element in tree(page).iter() if element.tag.endswith("script")]


def test_simulated_evidence_is_watermarked_on_page_and_every_plot(simulated_mart: Mart, tmp_path: Path) -> None:
    page = build_report(simulated_mart, tmp_path).read_text()
    plots = list(tree(page).iter(f"{SVG}svg"))
    assert plots
    assert all(WATERMARK in "".join(plot.itertext()) for plot in plots)
    text = words(page)
    assert text.count(WATERMARK) >= 4
    assert "Simulated people" in text
    assert "Looker 2010, femoral neck" not in text


def test_one_simulated_table_is_enough_for_the_watermark(mart: Mart, simulated_mart: Mart, tmp_path: Path) -> None:
    mixed = {**mart, "mart.dose_response": simulated_mart["mart.dose_response"]}
    page = build_report(mixed, tmp_path).read_text()
    assert all(WATERMARK in "".join(plot.itertext()) for plot in tree(page).iter(f"{SVG}svg"))


def test_public_survey_carries_no_watermark(page: str) -> None:
    assert WATERMARK not in page


def test_facts_count_gates_and_evaluable_checks(page: str) -> None:
    text = words(page)
    assert "35 of 42 open 7 closed" in text
    assert "8 of 9 passed 1 failed, 3 could not be evaluated" in text
    assert "1999\u20132014 6 cycles" in text
    assert "2025-01-02 03:04 UTC" in text


def test_says_association_and_gives_no_advice(page: str) -> None:
    text = words(page)
    assert "It is not an effect" in text
    assert "not advice on whether, when or at what dose" in text


def test_accepts_text_where_the_contract_has_an_enumeration(mart: Mart, page: str, tmp_path: Path) -> None:
    plain = {
        name: frame.with_columns(
            pl.col(column).cast(pl.String) for column, dtype in frame.schema.items() if dtype == pl.Enum
        )
        for name, frame in mart.items()
    }
    assert build_report(plain, tmp_path).read_text() == page
