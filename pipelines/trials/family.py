"""Which studies belong together: one that asks of the trials or curves of others goes with these; all others go alone.

How families are computed side by side is not said here, see `warehouse.runner`.
"""

from collections.abc import Mapping, Sequence

from pipelines.trials.study import Study


def asked_of(study: Study) -> frozenset[str]:
    """Studies whose trials or curves a study asks of."""
    trials = (question.trial.study for question in study.modifier_questions)
    return frozenset((*trials, *(ratio.study for ratio in study.ratio)))


def families(ids: Sequence[str], studies: Mapping[str, Study]) -> tuple[tuple[str, ...], ...]:
    """The studies of a run in families, each in the order given: no row of a family depends on a study outside it.

    Args:
        ids: studies of a run; what they ask of others that are not among them joins nobody.
        studies: every study, by id.
    """
    family_of = {name: number for number, name in enumerate(ids)}
    for name in ids:
        for other in asked_of(studies[name]) & family_of.keys():
            first, last = sorted((family_of[name], family_of[other]))
            family_of |= {each: first for each, number in family_of.items() if number == last}
    found: dict[int, list[str]] = {}
    for name, number in family_of.items():
        found.setdefault(number, []).append(name)
    return tuple(map(tuple, found.values()))
