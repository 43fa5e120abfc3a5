"""The maximum of the likelihood of a time course, its curvature, and its profile along the rate.

Here: steps, bounds, placements of nodes. The likelihood is `e2_time_course_likelihood`; what is refused and what is told is
`e2_time_course`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pipelines.models.e2_time_course_likelihood import LOG_K, Draws, Likelihood, Nodes, adapted, likelihood
from pipelines.models.errors import NotEstimable

_MOST_PLACEMENTS, _MOST_STEPS, _KEPT_STEPS = 30, 60, 8
_LONGEST, _MOST_DAMPING = 1.0, 1e6
#: log likelihood still to be gained: where Newton's steps begin, and where they end
_NEAR, _PRECISION = 0.5, 1e-5
#: of the log of the rate: more, and the data do not tell it within a factor of seven
_MOST_VARIANCE = 1.0
#: log likelihood by which a maximum may be lower and is as good
_AS_GOOD = 0.02
_WIDTH, _LEAST_EIGENVALUE = 1e-4, 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Bounds of the parameters [p], and which of them may move."""

    low: np.ndarray
    high: np.ndarray
    is_free: np.ndarray

    def moving(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """[p] free, and not pressed against a bound."""
        pressed = ((theta <= self.low) & (gradient < 0)) | ((theta >= self.high) & (gradient > 0))
        return self.is_free & ~pressed


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A place: parameters [p], the likelihood there, and the nodes by which it was taken, block by block."""

    theta: np.ndarray
    found: Likelihood
    nodes: list[Nodes]


def evaluated(blocks: list[Draws], theta: np.ndarray, nodes: list[Nodes] | None) -> Maximum:
    """Nodes adapted to the parameters, from where they were, and the likelihood there."""
    before = nodes or [None] * len(blocks)
    placed = [adapted(block, theta, at) for block, at in zip(blocks, before, strict=True)]
    return Maximum(theta, _at(blocks, theta, placed), placed)


def _at(blocks: list[Draws], theta: np.ndarray, nodes: list[Nodes]) -> Likelihood:
    parts = [likelihood(block, theta, at) for block, at in zip(blocks, nodes, strict=True)]
    return Likelihood(np.concatenate([p.by_person for p in parts]), np.concatenate([p.scores for p in parts]))


def maximised(blocks: list[Draws], box: Box, at: Maximum, information: np.ndarray | None = None) -> Maximum:
    """Steps of scoring until nodes placed anew at the maximum leave nothing to gain.

    Between two placements the nodes stay, so that the score is the gradient of what is maximised.
    """
    for _ in range(_MOST_PLACEMENTS):
        at = evaluated(blocks, at.theta, at.nodes)
        at, gained, information = _climbed(blocks, box, at, information)
        if gained < _PRECISION:
            return at
    raise NotEstimable(f"the time course did not converge in {_MOST_PLACEMENTS} rounds")


def _climbed(
    blocks: list[Draws], box: Box, at: Maximum, information: np.ndarray | None
) -> tuple[Maximum, float, np.ndarray | None]:
    """The maximum with the nodes where they are, what was gained, and the curvature last used.

    Scoring by the outer product of scores (Berndt and others 1974) up to where Newton's steps hold, then these, with a
    curvature that is kept for a while: it costs 2 p likelihoods.
    """
    damping, age, is_flat, begin = 1e-3, 0, False, at.found.total
    for _ in range(_MOST_STEPS):
        gradient = at.found.scores.sum(axis=0)
        moving = box.moving(at.theta, gradient)
        known = at.found.scores.T @ at.found.scores if information is None else information
        matrix = known[np.ix_(moving, moving)]
        damped = matrix + np.diag(damping * np.abs(np.diag(matrix)) + 1e-8)
        step = linalg.solve(damped, gradient[moving], assume_a="sym")
        gain = float(gradient[moving] @ step)
        if 0 <= gain < _PRECISION and (information is not None or is_flat):
            break
        if information is None and gain < _NEAR and not is_flat:
            information, damping = _curvature(blocks, box, at), 0.0
            is_flat = information is None
            continue
        theta = at.theta.copy()
        theta[moving] = np.clip(theta[moving] + np.clip(step, -_LONGEST, _LONGEST), box.low[moving], box.high[moving])
        found = _at(blocks, theta, at.nodes)
        if found.total >= at.found.total:
            at, damping, age = Maximum(theta, found, at.nodes), damping / 10, age + 1
        elif damping > _MOST_DAMPING:
            break
        else:
            damping = max(damping * 10, 1e-2)
        if information is not None and (age > _KEPT_STEPS or damping > 1):
            information, damping, age = None, 1e-3, 0
    return at, at.found.total - begin, information


def told_apart(blocks: list[Draws], box: Box, best: Maximum) -> tuple[np.ndarray | None, np.ndarray]:
    """Curvature at the maximum (None: it is none in every direction), and which parameters are free and within bounds."""
    moving = box.is_free & (best.theta > box.low) & (best.theta < box.high)
    information = _curvature(blocks, box, best)
    if information is None or not _is_definite(information[np.ix_(moving, moving)]):
        return None, moving
    # Where the likelihood is all but flat along the rate, a curvature and a sandwich say nothing of it.
    variance = linalg.inv(information[np.ix_(moving, moving)])[moving[:LOG_K].sum(), moving[:LOG_K].sum()]
    return (None if moving[LOG_K] and variance > _MOST_VARIANCE else information), moving


def at_once(blocks: list[Draws], box: Box, best: Maximum) -> tuple[Maximum, Box]:
    """The maximum with the fastest rate held, where it is as good as any.

    Raises:
        NotEstimable: it is not.
    """
    held = Box(box.low, box.high, box.is_free & (np.arange(box.is_free.size) != LOG_K))
    theta = best.theta.copy()
    theta[LOG_K] = box.high[LOG_K]
    found = maximised(blocks, held, evaluated(blocks, theta, best.nodes))
    if found.found.total < best.found.total - _AS_GOOD:
        raise NotEstimable("the draws do not tell level, fall and rate apart")
    return found, held


def _curvature(blocks: list[Draws], box: Box, at: Maximum) -> np.ndarray | None:
    """[p, p] negative second derivatives by differences of scores, of what is free; None where they hold no maximum."""
    which = np.flatnonzero(box.is_free)
    hessian = np.zeros((which.size, which.size))
    for row, place in enumerate(which):
        for sign in (1, -1):
            theta = at.theta.copy()
            theta[place] += sign * _WIDTH
            hessian[row] += sign * _at(blocks, theta, at.nodes).scores[:, which].sum(axis=0) / (2 * _WIDTH)
    moving = box.moving(at.theta, at.found.scores.sum(axis=0))[which]
    found = -(hessian + hessian.T) / 2
    if not _is_definite(found[np.ix_(moving, moving)]):
        return None
    whole = np.zeros((at.theta.size, at.theta.size))
    whole[np.ix_(which, which)] = found
    return whole


def _is_definite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive definite beyond rounding, whatever its units."""
    diagonal = np.diag(matrix)
    if np.any(diagonal <= 0):
        return False
    spread = np.sqrt(diagonal)
    return bool(linalg.eigvalsh(matrix / np.outer(spread, spread))[0] > _LEAST_EIGENVALUE)


def covariances(best: Maximum, information: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[p, p] from the observed information alone, and as a sandwich by person; zero in what does not move."""
    bread = linalg.inv(information[np.ix_(moving, moving)])
    scores = best.found.scores[:, moving]
    n = scores.shape[0]
    meat = scores.T @ scores * n / (n - 1)
    found = []
    for each in (bread, bread @ meat @ bread):
        whole = np.zeros((moving.size, moving.size))
        whole[np.ix_(moving, moving)] = (each + each.T) / 2
        found.append(whole)
    return found[0], found[1]


def profile_end(
    blocks: list[Draws], box: Box, best: Maximum, information: np.ndarray, search: tuple[int, float, float]
) -> float:
    """Where the profile of log k is that much below its maximum, on one side; infinite where it never is."""
    sign, reach, critical = search
    at = best.theta[LOG_K]
    bound = box.high[LOG_K] if sign > 0 else box.low[LOG_K]
    free = box.is_free.copy()
    free[LOG_K] = False
    held = Box(box.low, box.high, free)
    most, last = abs(bound - at), best
    wanted = np.sqrt(critical)
    known = [(0.0, 0.0)]
    for _ in range(12):
        reach = min(reach, most)
        theta = last.theta.copy()
        theta[LOG_K] = at + sign * reach
        last = maximised(blocks, held, evaluated(blocks, theta, last.nodes), information)
        root = np.sqrt(max(2 * (best.found.total - last.found.total), 0.0))
        if reach >= most and root < wanted:
            return sign * np.inf
        if abs(root - wanted) < 0.02:
            break
        known.append((reach, root))
        below = max((each for each in known if each[1] < wanted), key=lambda each: each[0])
        above = min((each for each in known if each[1] >= wanted), key=lambda each: each[0], default=None)
        # The root of the deviance is nearly a line in log k.
        if above is None:
            reach = min(reach * 4, reach * max(1.2, wanted / max(root, 1e-3)))
        else:
            share = (wanted - below[1]) / (above[1] - below[1])
            reach = below[0] + np.clip(share, 0.05, 0.95) * (above[0] - below[0])
    return at + sign * reach
