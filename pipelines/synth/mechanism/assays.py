"""What an assay reads when the true concentration is known: bias and noise by class, before rounding and limits.

Here: estradiol, estrone and testosterone by method. Not here: who uses which assay (`clinics`), limits applied as text.
"""

import numpy as np

from pipelines.synth.mechanism.clinics import IMMUNOASSAY
from pipelines.synth.parameters import Parameters


def read_estradiol(p: Parameters, true_value, assay, noise, is_on_exemestane=False):
    """Measured pg/mL: mass spectrometry is proportional noise; immunoassay adds cross-reacting steroids and more noise.

    Santen 2007: 11.9 against 7.26 pg/mL without, 5.8 against below 0.63 on an aromatase inhibitor. Exemestane's
    metabolite cross-reacts further.
    """
    lcms = true_value * np.exp(p.number("assay.lcms_log_sd") * noise)
    cross = (
        p.number("assay.immunoassay_cross_reaction") + p.number("assay.exemestane_cross_reaction") * is_on_exemestane
    )
    immuno = (true_value + cross) * np.exp(p.number("assay.immunoassay_log_sd") * noise)
    return np.where(assay == IMMUNOASSAY, immuno, lcms)


def read_testosterone(p: Parameters, true_value, assay, noise):
    """Measured ng/dL: immunoassay reads high at the low end (women)."""
    lcms = true_value * np.exp(p.number("assay.lcms_log_sd") * noise)
    immuno = (true_value + p.number("assay.immunoassay_testosterone_offset")) * np.exp(0.12 * noise)
    return np.where(assay == IMMUNOASSAY, immuno, lcms)
