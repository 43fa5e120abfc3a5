"""Room for labels around the panels of a figure. Imports matplotlib, so `figure` imports it only when something is drawn."""

from functools import cache

from matplotlib.figure import Figure
from matplotlib.layout_engine import TightLayoutEngine


class AskingOnce(TightLayoutEngine):
    """The tight layout, which asks every panel twice how much room it takes where it may not fill the figure.

    Nothing moves between the two, so the answer is kept: the same places for half the time.
    """

    def execute(self, fig: Figure) -> None:
        for axes in fig.axes:
            axes.get_tightbbox = cache(axes.get_tightbbox)
        try:
            super().execute(fig)
        finally:
            for axes in fig.axes:
                del axes.get_tightbbox
