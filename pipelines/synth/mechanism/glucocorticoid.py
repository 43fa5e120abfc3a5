"""Prednisone: the one drug outside the protocols that reaches bone, so it must be known before the course runs."""

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism.assignment import FAR
from pipelines.synth.mechanism.people import People
from pipelines.synth.parameters import Parameters


def glucocorticoid_steps(p: Parameters, seed: int, people: People) -> tuple[np.ndarray, np.ndarray]:
    """First step and step after the last of prednisone, FAR when never."""
    u = draws.uniforms(seed, people.person, "prednisone", 3)
    takes = u[0] < p.number("comedication.prednisone_share")
    start = np.where(takes, np.floor(u[1] * 100.0), FAR).astype(np.int64)
    return start, start + 2 + np.floor(-np.log(u[2]) * 10.0).astype(np.int64)
