"""The pages of the made-up mart: written, parsed and read."""

import re
from pathlib import Path
from xml.etree import ElementTree

import polars as pl

from pipelines.report.build import build_report

Mart = dict[str, pl.DataFrame]
SVG = "{http://www.w3.org/2000/svg}"
STUDIES = ("ai_cardiovascular", "ai_vs_tamoxifen", "e2_threshold", "nhanes_bone_prevalence", "nhanes_e2_bmd")


def written(mart: Mart, out: Path, min_cell: int = 11) -> dict[str, str]:
    """Every page by name."""
    return read(build_report(mart, out, min_cell).parent)


def read(folder: Path) -> dict[str, str]:
    """Every file of a report by name."""
    return {file.name: file.read_text() for file in sorted(folder.iterdir())}


def tree(page: str) -> ElementTree.Element:
    """The page is written so that a strict XML parser takes it too: every tag closed, every text escaped."""
    assert page.lstrip().startswith("<!DOCTYPE html>")
    return ElementTree.fromstring(page.lstrip().removeprefix("<!DOCTYPE html>"))


def words(page: str) -> str:
    """What a reader sees, outside plots, in one line."""
    root = tree(page)
    texts: list[str] = []

    def walk(element: ElementTree.Element) -> None:
        if element.tag in (f"{SVG}svg", "style", "head", "script"):
            texts.append(element.tail or "")
            return
        texts.append(element.text or "")
        for child in element:
            walk(child)
        texts.append(element.tail or "")

    walk(root)
    return re.sub(r"\s+", " ", " ".join(texts))
