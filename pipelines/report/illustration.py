"""A figure of the page: what a `plot_*` module draws, with its caption, table and notes. How it is drawn stands in `figure`."""

from pipelines.report import figure
from pipelines.report.figure import Draw
from pipelines.report.frames import Mart
from pipelines.report.views import Figure


def illustrated(draw: Draw, frames: Mart, name: str, caption: str, source: str, *notes: str) -> tuple[Figure, ...]:
    """One figure, or none where there is nothing to draw; `name` starts its ids and occurs once on a page."""
    svg = figure.svg(draw, frames, name)
    return () if svg is None else (Figure(svg, caption, source, tuple(note for note in notes if note)),)
