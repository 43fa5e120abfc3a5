"""A figure of the page: what a `plot_*` module draws, with its caption, table and notes. How it is drawn stands in `figure`."""

from dataclasses import replace
from functools import partial
from itertools import count
from typing import Protocol

from pipelines.report import figure
from pipelines.report.figure import Draw, Drawing
from pipelines.report.frames import Mart
from pipelines.report.views import Figure


class DrawPicture(Protocol):
    """What draws one of several pictures, and None after the last."""

    def __call__(self, mart: Mart, /, *, picture: int) -> Drawing | None: ...


def illustrated(draw: Draw, frames: Mart, name: str, caption: str, source: str, *notes: str) -> tuple[Figure, ...]:
    """One figure, or none where there is nothing to draw; `name` starts its ids and occurs once on a page."""
    svg = figure.svg(draw, frames, name)
    return () if svg is None else (Figure(svg, caption, source, tuple(note for note in notes if note)),)


def folded(figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """The same, collapsed at first."""
    return tuple(replace(each, is_folded=True) for each in figures)


def series(draw: DrawPicture, frames: Mart, name: str, caption: str, source: str, *notes: str) -> tuple[Figure, ...]:
    """As many figures as there are pictures to draw; all but the first are folded away."""
    found: list[Figure] = []
    for number in count():
        drawn = partial(draw, picture=number)
        if number == 0:
            figures = illustrated(drawn, frames, name, caption, source, *notes)
        else:
            more = f"{caption} ({number + 1})"
            figures = folded(illustrated(drawn, frames, f"{name}-{number}", more, source, *notes))
        if not figures:
            return tuple(found)
        found += figures
    return tuple(found)
