"""The page of data quality: self-contained, every check with its source and trend, nothing small, nothing invented."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from pipelines.report.build import build_report
from pipelines.report.data_docs import sparkline, table_docs
from pipelines.report.figure import WATERMARK

Mart = dict[str, pl.DataFrame]
FAILED = "staging.lab_result.check_2"


@pytest.fixture
def judged(mart: Mart, frame_of: Callable[..., pl.DataFrame]) -> Mart:
    """The mart with strata of the check that failed, a source, and three runs of it."""
    verdicts = mart["mart.quality_result"]
    is_failed = pl.col("check_id") == FAILED
    verdicts = verdicts.with_columns(source=pl.when(is_failed).then(pl.lit("Looker 2010")).otherwise(pl.col("source")))
    whole = verdicts.filter(is_failed)
    strata = [
        whole.with_columns(stratum=pl.lit(f"estradiol, lab {n}"), status=pl.lit(status).cast(whole.schema["status"]),
                           n_violated=pl.lit(violated, pl.Int64), n_evaluated=pl.lit(asked, pl.Int64))
        for n, (status, violated, asked) in enumerate([("fail", 300, 400), ("pass", 0, 9000), ("fail", 7, 400)])
    ]  # fmt: skip
    runs = [
        {"check_id": FAILED, "table_name": "staging.lab_result", "stratum": "all", "build_id": f"b{n}", "built_at": "x",
         "rate": rate, "status": "fail", "cause": cause}
        for n, (rate, cause) in enumerate([(0.01, "first run"), (None, "new rows"), (0.03, "new rows, code")])
    ]  # fmt: skip
    trend = frame_of("mart.quality_trend", runs)
    return {**mart, "mart.quality_result": pl.concat([verdicts, *strata]), "mart.quality_trend": trend}


def without_studies(mart: Mart) -> Mart:
    """Checks and the build alone: the pages of studies would only take time."""
    kept = ("mart.quality_result", "mart.quality_trend", "mart.build")
    return {name: frame if name in kept else frame.clear() for name, frame in mart.items()}


def page(mart: Mart, out: Path) -> str:
    return build_report(without_studies(mart), out).with_name("quality.html").read_text()


def test_every_check_is_named_with_what_it_asks_where_from_and_what_it_found(judged: Mart, tmp_path: Path) -> None:
    text = page(judged, tmp_path)
    for check in judged["mart.quality_result"]["check_id"].unique():
        assert check in text
    for said in ("Looker 2010", "312", "10,175", "Plausibility, verification", "critical", "estradiol, lab 0",
                 "3 strata, 2 not passed", "changed: new rows, code"):  # fmt: skip
        assert said in text, said
    assert "lab 1" not in text, "strata that pass are not listed"


def test_a_small_count_that_slipped_through_is_not_written(judged: Mart, tmp_path: Path) -> None:
    text = page(judged, tmp_path)
    line = next(item for item in re.findall(r"<li>.*?</li>", text) if "lab 2" in item)
    assert "11 or hidden of 400" in line


def test_nothing_comes_from_elsewhere_and_every_link_has_its_target(judged: Mart, tmp_path: Path) -> None:
    text = page(judged, tmp_path)
    root = ElementTree.fromstring(text.lstrip().removeprefix("<!DOCTYPE html>"))
    identifiers = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    links = {value for element in root.iter() for name, value in element.attrib.items() if name in ("href", "src")}
    assert {link for link in links if not link.startswith("#")} == {"index.html"}
    assert {link[1:] for link in links if link.startswith("#")} <= identifiers
    assert not {element.tag for element in root.iter()} & {"link", "img", "iframe"}
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(", text)


def test_the_report_leads_to_the_page(judged: Mart, tmp_path: Path) -> None:
    assert 'href="quality.html"' in build_report(without_studies(judged), tmp_path).read_text()


def test_texts_are_escaped_and_simulated_data_say_so(simulated_mart: Mart, tmp_path: Path) -> None:
    attack = simulated_mart["mart.quality_result"].with_columns(note=pl.lit("<script>alert(1)</script>"))
    text = page({**simulated_mart, "mart.quality_result": attack}, tmp_path)
    assert "<script>alert" not in text and text.count("<script") == 1
    assert WATERMARK in text


def test_without_a_verdict_the_page_says_so(empty_mart: Mart, tmp_path: Path) -> None:
    assert "There is nothing to show" in page(empty_mart, tmp_path)


def test_what_did_not_pass_comes_first(judged: Mart) -> None:
    docs = {table.name: table for table in table_docs(judged, 11)}
    labs = docs["staging.lab_result"]
    assert labs.checks[0].identifier == FAILED
    assert (labs.passed, labs.evaluable, labs.failed) == (3, 6, 3)


def test_rows_are_sorted_by_what_is_shown_and_by_nothing_that_is_hidden(judged: Mart) -> None:
    few = judged["mart.quality_result"].with_columns(
        n_violated=pl.when(pl.col("check_id") == "staging.dxa_scan.check_0").then(7).otherwise(pl.col("n_violated"))
    )
    checks = {
        check.identifier: check
        for doc in table_docs({**judged, "mart.quality_result": few}, 11)
        for check in doc.checks
    }
    assert (checks[FAILED].violated, checks[FAILED].rows, checks[FAILED].share) == ("312", 312, 0.99)
    small = checks["staging.dxa_scan.check_0"]
    assert (small.violated, small.rows) == ("<11 or hidden", None)
    assert checks["staging.dxa_scan.check_3"].rows is None, "could not be evaluated"


def test_a_sparkline_leaves_a_gap_where_a_rate_is_hidden() -> None:
    drawn = sparkline([0.0, 0.1, None, 0.1], None)
    (line,) = re.findall(r'class="line" d="([^"]+)"', drawn)
    assert line == "M3.0 19.0L33.0 3.0M93.0 3.0"
    assert 'class="limit"' not in drawn
    assert 'class="limit" d="M0 11.0H96"' in sparkline([0.2], 0.1)
    assert sparkline([None, None], 0.1) == ""
    assert "nan" not in sparkline([0.0], 0.0)
