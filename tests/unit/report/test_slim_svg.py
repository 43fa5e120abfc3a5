"""Plots made small: the same shapes, texts and looks in far fewer bytes."""

import io
from xml.etree import ElementTree

import polars as pl

from pipelines.report.figure import styled, svg
from pipelines.report.plot_curve import dose_response
from pipelines.report.slim_svg import slim

Mart = dict[str, pl.DataFrame]
SHAPES = ("path", "use", "text", "rect")


def test_groups_that_say_nothing_go_and_others_stay() -> None:
    body = '<g>\n <g clip-path="x">\n  <g>\n   <path d="M 1 2 "/>\n  </g>\n </g>\n</g>'
    assert slim(body, "a") == '<g clip-path="x"><path d="M1 2"/></g>'


def test_a_style_that_comes_twice_is_a_class_that_outweighs_the_page() -> None:
    body = '<path style="fill: none"/><use style="fill: none"/><text style="fill: red">a b</text>'
    assert slim(body, "a") == (
        '<style>svg.plot .a-c0{fill:none}</style><path class="a-c0"/><use class="a-c0"/><text style="fill: red">a b</text>'
    )


def test_numbers_keep_a_tenth_and_words_keep_theirs() -> None:
    body = '<text x="1.25999" y="-3.04" transform="rotate(-0 1.25999 -3.04)">0.015 (0.006\nto 2.123)</text>'
    assert slim(body, "a") == '<text x="1.3" y="-3">0.015 (0.006\nto 2.123)</text>'
    assert slim('<text transform="rotate(-90 1.26 2)">a</text>', "a") == '<text transform="rotate(-90 1.3 2)">a</text>'


def test_a_plot_holds_every_shape_and_text_of_its_drawing_in_half_the_bytes(mart: Mart) -> None:
    small = svg(dose_response, mart, "curve")
    buffer = io.StringIO()
    with styled():
        drawing = dose_response(mart)
        assert small is not None and drawing is not None
        drawing.figure.savefig(buffer, format="svg", metadata={"Date": None})
    whole = buffer.getvalue()
    assert len(small) < 0.5 * len(whole)
    of_small, of_whole = ({tag: text.count(f"<{tag} ") for tag in SHAPES} for text in (small, whole))
    assert of_small == of_whole | {"text": of_whole["text"] + 1}, "the signature alone is added"
    assert ElementTree.fromstring(small).tag.endswith("svg")
