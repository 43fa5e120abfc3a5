"""The look of every plot, and how a drawing becomes inline SVG for the page or PNG for other readers.

What is drawn stands in the `plot_*` modules. A drawing signs itself: table, evidence source, a watermark if simulated.
"""

import io
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from pipelines.report.frames import Mart, evidence_sources
from pipelines.report.labels import label
from pipelines.report.slim_svg import slim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WATERMARK = "SIMULATED \u2013 NOT EVIDENCE"
# Okabe and Ito 2008, Color Universal Design: told apart with every common color vision.
BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
INK, MUTED, FAINT, PAPER = "#1d2731", "#5b6770", "#d9dee3", "#ffffff"
WIDTH_INCHES = 9.0
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8a949c",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#e8ebee",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "trabecula",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.color": MUTED,
    "ytick.labelsize": 7.5,
    "ytick.major.width": 0.6,
}
_NO_DATES = {"Date": None, "Creator": None, "Format": None, "Type": None}
_IDENTIFIER = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]*)')
_FONT_FAMILY = re.compile(r"font-family: [^;\"]*;? ?")
_FONT_SHORTHAND = re.compile(r"font: ((?:[\w.]+ )*?)([\d.]+px) [^;\"]*")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what a screen reader says of it and the mart table it shows."""

    figure: "Figure"
    title: str
    description: str
    table: str


Draw = Callable[[Mart], Drawing | None]


def color_of(population: str) -> str:
    """One color a population, the same in every plot."""
    known = {"men": BLUE, "male": BLUE, "women": VERMILLION, "female": VERMILLION, "postmenopausal_women": VERMILLION}
    return known.get(population, {"premenopausal_women": PURPLE}.get(population, GREEN))


def ink_of(color: str) -> str:
    """The color as text has it: dark enough to be read on white (WCAG 2.2 AA, 4.5 to 1)."""
    return {VERMILLION: "#a84a00", GREEN: "#00734f", PURPLE: "#94416f"}.get(color, color)


def marker_of(population: str) -> str:
    """One marker a population, so that color is never the only sign."""
    known = {"men": "o", "male": "o", "women": "s", "female": "s", "postmenopausal_women": "s"}
    return known.get(population, {"premenopausal_women": "^"}.get(population, "D"))


def blank(height_inches: float, head_inches: float = 0.0) -> "Figure":
    """An empty figure of the page's width; `head_inches` stay free at the top, as for a legend."""
    from matplotlib.figure import Figure

    from pipelines.report.layout import AskingOnce

    # The constrained engine solves by memory address and now and then moves an axis by a hair: bytes would differ.
    foot, top = 0.2 / height_inches, 1 - head_inches / height_inches
    layout = AskingOnce(pad=0.6, w_pad=1.6, h_pad=1.6, rect=(0, foot, 1, top))
    return Figure(figsize=(WIDTH_INCHES, height_inches), layout=layout)


def say(axes: "Axes", text: str) -> None:
    """A sentence in place of a plot, in an otherwise empty panel."""
    from textwrap import fill

    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.minorticks_off()
    axes.set_facecolor("#f5f6f7")
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, fill(text, 38), transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=7.5)


def tag_line(axes: "Axes", value: float, text: str, *, color: str, is_left: bool = False) -> None:
    """A word at the top of a vertical line, a little off it; spaces in the text would be lost in SVG."""
    side: dict[str, Any] = {"ha": "right", "xytext": (-2.5, 0)} if is_left else {"ha": "left", "xytext": (2.5, 0)}
    side |= {"textcoords": "offset points", "va": "top", "fontsize": 7, "color": color}
    axes.annotate(text, (value, 0.985), xycoords=axes.get_xaxis_transform(), **side)


def svg(draw: Draw, mart: Mart, name: str) -> str | None:
    """Inline SVG with title and description and ids of its own; None where nothing is to be drawn."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with styled():
        drawing = draw(mart)
        if drawing is None:
            return None
        _sign(drawing, mart)
        buffer = io.StringIO()
        # Not by `savefig`, which draws twice where a layout is asked for: the same bytes for a quarter less time.
        FigureCanvasSVG(drawing.figure).print_svg(buffer, metadata=_NO_DATES)
    return _inline(buffer.getvalue(), drawing, name)


def png(draw: Draw, mart: Mart) -> bytes:
    """The same drawing as PNG at 100 dots an inch; a sentence on an empty canvas where nothing is to be drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with styled():
        drawing = draw(mart) or _nothing()
        _sign(drawing, mart)
        buffer = io.BytesIO()
        FigureCanvasAgg(drawing.figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def styled() -> Generator[None]:
    """The look of the house, while something is drawn."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def _nothing() -> Drawing:
    figure = blank(1.6)
    text = "Nothing to draw: the table has no rows that may be shown"
    say(figure.subplots(), text)
    return Drawing(figure, text, text, "")


def _sign(drawing: Drawing, mart: Mart) -> None:
    sources = sorted(evidence_sources(mart))
    said = ", ".join(label(source) for source in sources) or "evidence source not stated"
    height = drawing.figure.get_figheight()
    signature = f"{drawing.table}  ·  {said}"
    drawing.figure.text(0.995, 0.05 / height, signature, ha="right", va="bottom", fontsize=6.5, color=MUTED)
    if "simulated" in sources:
        size = min(38.0, 11.0 * height)
        style: dict[str, Any] = {
            "fontsize": size,
            "color": "#b3261e",
            "alpha": 0.2,
            "rotation": 14,
            "weight": "bold",
            "zorder": 1000,
        }
        drawing.figure.text(0.5, 0.5, WATERMARK, ha="center", va="center", **style)


def _inline(text: str, drawing: Drawing, name: str) -> str:
    body = text[text.index("<svg") : text.rindex("</svg>")]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"\s*<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.DOTALL)
    short = {each: f"{name}-r{number}" for number, each in enumerate(dict.fromkeys(_REFERENCE.findall(body)))}
    body = _IDENTIFIER.sub(lambda m: f' id="{short[m[1]]}"' if m[1] in short else "", body)
    body = _REFERENCE.sub(lambda m: m[0].removesuffix(m[1]) + short[m[1]], body).replace("xlink:href", "href")
    body = _FONT_FAMILY.sub("", _FONT_SHORTHAND.sub(_font_parts, body))
    width, height = (72 * inches for inches in drawing.figure.get_size_inches())
    return (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(drawing.title)}</title>'
        f'<desc id="{name}-description">{escape(drawing.description)}</desc>{slim(body, name)}</svg>'
    )


def _font_parts(match: re.Match[str]) -> str:
    weight = "font-weight: bold; " if "bold" in match[1] or "700" in match[1] else ""
    slant = "font-style: italic; " if "italic" in match[1] else ""
    return f"{weight}{slant}font-size: {match[2]}"
