"""Everything `truth.json` says beside counts: the truths of all studies, and what a naive analysis would have said.

Here: the assembly. Not here: any computation.
"""

from typing import Any

from pipelines.synth.comparisons import COMPARISONS
from pipelines.synth.difficulties import gaps
from pipelines.synth.parameters import Parameters
from pipelines.synth.truth import counterfactual_truth

#: the truth beside a naive estimate comes from other people, so that the two errors are independent
_OTHER_PEOPLE = 1


def answers(p: Parameters, seed: int, persons: int) -> dict[str, Any]:
    """Truths and naive estimates under the parameters as they are, all difficulties as switched.

    Args:
        p: parameters of the recorded population.
        seed: of the run.
        persons: people drawn for each study and each naive cohort, whatever the size of the records; 0 tells nothing.
    """
    told = counterfactual_truth(p, seed, persons)
    if not told:
        return told
    found = gaps(p, set(COMPARISONS), persons, persons, seed, seed + _OTHER_PEOPLE)
    told["naive"] = {
        name: {
            "study": COMPARISONS[name].study,
            "estimand": COMPARISONS[name].estimand,
            "analysis": COMPARISONS[name].naive,
            "unit": COMPARISONS[name].unit,
            **gap.as_json(),
        }
        for name, gap in found.items()
    }
    return told
