"""Every plot by name, as inline SVG for the page and as PNG for other readers, such as asset metadata.

Each drawing function stands in a `plot_*` module; here is only which there are and which mart table each shows.
"""

from functools import partial
from typing import NamedTuple

from pipelines.errors import BadInput
from pipelines.report import figure
from pipelines.report.figure import Draw
from pipelines.report.frames import Mart
from pipelines.report.plot_balance import covariate_balance
from pipelines.report.plot_controls import negative_control
from pipelines.report.plot_curve import dose_response
from pipelines.report.plot_e2 import e2_distribution
from pipelines.report.plot_estimates import effect_estimate
from pipelines.report.plot_incidence import cumulative_incidence
from pipelines.report.plot_overlap import propensity_score
from pipelines.report.plot_prevalence import bone_prevalence
from pipelines.report.plot_trajectory import bmd_trajectory


class Plot(NamedTuple):
    """The mart table a plot shows, and the function that draws it from mart frames."""

    table: str
    function: Draw


PLOTS: dict[str, Plot] = {
    "effect_estimate": Plot("mart.effect_estimate", effect_estimate),
    "covariate_balance": Plot("mart.covariate_balance", covariate_balance),
    "propensity_score": Plot("mart.propensity_score", propensity_score),
    "negative_control": Plot("mart.negative_control", negative_control),
    "cumulative_incidence": Plot("mart.cumulative_incidence", cumulative_incidence),
    "bmd_trajectory": Plot("mart.bmd_trajectory", bmd_trajectory),
    "dose_response": Plot("mart.dose_response", dose_response),
    "e2_distribution_lc_ms_ms": Plot("mart.e2_distribution", partial(e2_distribution, assay_class="lc_ms_ms")),
    "e2_distribution_immunoassay": Plot("mart.e2_distribution", partial(e2_distribution, assay_class="immunoassay")),
    "bone_prevalence_femoral_neck": Plot("mart.bone_prevalence", partial(bone_prevalence, site="femoral_neck")),
    "bone_prevalence_total_hip": Plot("mart.bone_prevalence", partial(bone_prevalence, site="total_hip")),
    "bone_prevalence_lumbar_spine": Plot("mart.bone_prevalence", partial(bone_prevalence, site="lumbar_spine")),
}


def plot_svg(name: str, mart: Mart) -> str | None:
    """The plot as inline SVG; None where its table holds nothing that may be drawn."""
    return figure.svg(_plot(name).function, mart, name.replace("_", "-"))


def plot_png(name: str, mart: Mart) -> bytes:
    """The plot as PNG. `mart` needs the plot's own table; others given add gates, limits and the evidence source.

    Raises:
        BadInput: no such plot, its table is not given, or a frame has other columns than its contract.
    """
    return figure.png(_plot(name).function, mart)


def _plot(name: str) -> Plot:
    if name not in PLOTS:
        raise BadInput(f"no plot named {name!r}; there are {', '.join(PLOTS)}")
    return PLOTS[name]
