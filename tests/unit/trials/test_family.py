"""Studies that ask of each other are one family, whoever else is there; the order of a run stays."""

import pytest

from pipelines.trials.family import asked_of, families
from pipelines.trials.study import catalogue


def test_a_study_that_asks_of_others_goes_with_them_and_all_others_alone() -> None:
    ids = tuple(catalogue())
    found = families(ids, catalogue())
    assert sorted(name for family in found for name in family) == sorted(ids)
    assert {family for family in found if len(family) > 1} == {
        ("ai_vs_tamoxifen", "e2_threshold", "female_testosterone_ai", "modifiers", "trt_ai_addon")
    }
    family_of = {name: number for number, family in enumerate(found) for name in family}
    asked = [(name, other) for name, study in catalogue().items() for other in asked_of(study)]
    assert len(asked) == 4 and all(family_of[name] == family_of[other] for name, other in asked)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((), ()),
        (("modifiers",), (("modifiers",),)),
        (
            ("trt_ai_addon", "hpg_response", "modifiers", "e2_threshold"),
            (("trt_ai_addon", "modifiers", "e2_threshold"), ("hpg_response",)),
        ),
        (("trt_ai_addon", "e2_threshold"), (("trt_ai_addon",), ("e2_threshold",))),
    ],
)
def test_who_is_not_in_the_run_joins_nobody(ids: tuple[str, ...], expected: tuple[tuple[str, ...], ...]) -> None:
    assert families(ids, catalogue()) == expected
