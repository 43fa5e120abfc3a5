"""The form of every page: self-contained, well-formed, linked, spoken, escaped; and what the first page says first."""

import re
import runpy
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import polars as pl

from pipelines.report.build import TABLES, build_report

Mart = dict[str, pl.DataFrame]
pages = runpy.run_path(str(Path(__file__).with_name("pages.py")))
SVG, STUDIES, written, tree, words = (pages[name] for name in ("SVG", "STUDIES", "written", "tree", "words"))


def test_nothing_is_loaded_from_elsewhere(site: dict[str, str]) -> None:
    for name, text in site.items():
        root = tree(text)
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert not tags & {"link", "img", "image", "iframe", "object", "embed", "foreignObject"}, name
        for element in root.iter():
            for attribute, value in element.attrib.items():
                assert not attribute.startswith("on"), f"{name}: event handler {attribute}"
                if attribute.split("}")[-1] in ("href", "src", "srcset", "action", "poster", "data"):
                    assert value.startswith("#") or value in site, f"{name}: {element.tag} {attribute}={value}"
                assert "http" not in value
        assert not re.search(r"@import|url\((?!#)", text)
        assert "default-src 'none'" in text


def test_a_page_may_run_the_one_script_of_the_report_and_nothing_else(site: dict[str, str]) -> None:
    for name, text in site.items():
        scripts = [element.text or "" for element in tree(text).iter() if element.tag.endswith("script")]
        (script,) = scripts
        digest = b64encode(sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'\"" in text, name
        assert not re.search(r"fetch|XMLHttp|WebSocket|import\(|eval|innerHTML|cookie|localStorage", script)


def test_every_link_and_reference_has_its_target_and_no_id_comes_twice(site: dict[str, str]) -> None:
    for name, text in site.items():
        root = tree(text)
        identifiers = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(identifiers) == len(set(identifiers)), name
        links = [value for element in root.iter() for key, value in element.attrib.items() if key == "href"]
        wanted = {value[1:] for value in links if value.startswith("#")}
        wanted |= set(re.findall(r"url\(#([^)]+)\)", text))
        wanted |= {each for element in root.iter() for each in element.attrib.get("aria-labelledby", "").split()}
        assert wanted
        assert wanted <= set(identifiers), name


def test_html_tags_balance(site: dict[str, str]) -> None:
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

    for text in site.values():
        parser = Balance()
        parser.feed(text)
        parser.close()
        assert parser.open == []


def test_every_plot_speaks_to_a_screen_reader_and_every_table_names_its_source(site: dict[str, str]) -> None:
    roots = [tree(text) for name, text in site.items() if name != "quality.html"]
    plots = [plot for root in roots for plot in root.iter(f"{SVG}svg")]
    assert len(plots) >= 9
    for plot in plots:
        assert plot.attrib["role"] == "img"
        title, description = plot.find(f"{SVG}title"), plot.find(f"{SVG}desc")
        assert title is not None and title.text
        assert description is not None and len(description.text or "") > 20
    captions = [
        "".join(caption.itertext()) for root in roots for tag in ("caption", "figcaption") for caption in root.iter(tag)
    ]
    assert len(captions) >= 25
    assert all(any(name in caption for name in TABLES) for caption in captions)


def sections_of(text: str) -> list[str]:
    root = tree(text)
    found = [section.attrib["id"] for section in root.iter("section")]
    linked = [link.attrib["href"][1:] for link in root.iter("a") if link.attrib["href"].startswith("#")]
    assert linked[1:] == found
    return found


def test_sections_come_in_order_and_the_contents_list_them(site: dict[str, str]) -> None:
    assert sections_of(site["index.html"]) == [
        "answers", "contrasts", "claims", "estradiol", "gates", "drift", "quality", "account", "missing", "provenance",
        "methods", "query",
    ]  # fmt: skip
    assert sections_of(site["study-nhanes_e2_bmd.html"]) == [
        "findings", "people", "table-one", "curves", "diagnostics", "claims", "quality", "provenance",
    ]  # fmt: skip
    assert sections_of(site["study-ai_vs_tamoxifen.html"]) == [
        "findings", "people", "balance", "overlap", "controls", "trajectory", "diagnostics", "quality", "provenance",
    ]  # fmt: skip
    assert sections_of(site["study-ai_cardiovascular.html"]) == [
        "findings", "people", "risks", "controls", "diagnostics", "quality", "provenance",
    ]  # fmt: skip


def test_the_answer_is_of_the_question_that_the_protocol_names_first(site: dict[str, str]) -> None:
    root = tree(site["index.html"])
    answers = {
        next(article.iter("a")).attrib["href"]: " ".join("".join(article.itertext()).split())
        for article in root.iter("article")
    }
    assert set(answers) == {f"study-{study}.html" for study in STUDIES}
    bone = answers["study-nhanes_e2_bmd.html"]
    assert bone.startswith("How does estradiol go with bone?")
    assert "femoral-neck BMD" in bone and "lumbar-spine" not in bone and "5 of 6 gates open" in bone
    # The leading question of the heart is closed: nothing of the open one is put in its place.
    heart = answers["study-ai_cardiovascular.html"]
    assert "failed: events" in heart and "percentage points" not in heart and "2 of 4 gates open" in heart
    folded = next(element for element in root.iter("details") if "without an answer" in "".join(element.itertext()))
    assert {next(each.iter("a")).attrib["href"] for each in folded.iter("article")} == {
        "study-ai_cardiovascular.html",
    }


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
    hostile["mart.study"] = mart["mart.study"].with_columns(question=pl.lit(attack), title=pl.lit(attack))
    pages = written(hostile, tmp_path)
    del pages["quality.html"]
    assert sum(page.count("alert(") for page in pages.values()) >= len(texts)
    for page in pages.values():
        assert page.count("<script") == len([each for each in tree(page).iter() if each.tag.endswith("script")]) == 1


def test_a_study_whose_name_is_a_path_has_no_page(mart: Mart, tmp_path: Path) -> None:
    moved = {**mart, "mart.study": mart["mart.study"].with_columns(study_id=pl.lit("../../etc/x"))}
    assert {file.name for file in build_report(moved, tmp_path / "a" / "b").parent.rglob("*")} == {
        "index.html",
        "quality.html",
        *(f"study-{study}.html" for study in STUDIES),
    }
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
