"""A cohort of a clinical study as a typed, validated object: time zero, arms, eligibility in order, follow-up.

What the rules are stands in `rule`; how they are answered stands in `sql/cohort`.
"""

from collections import Counter
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from pipelines.trials.code_list import ingredients
from pipelines.trials.deviation import Deviation, problem_of
from pipelines.trials.rule import (
    Arm,
    Censor,
    Criterion,
    Days,
    Dose,
    EventSet,
    NewUse,
    Part,
    Starts,
    StartsNone,
    TimeZero,
)

SURVEY = "survey"
# What follow-up may end for in any cohort: a study may not use these words for something else.
END_REASONS = ("horizon", "death", "observation_ended", "cross_sectional")


class Cohort(Part):
    """People of one study from one kind of time zero. With a grace period the arm is open at time zero (cloning).

    `first_eligible` keeps the first time zero at which a person is eligible; else every one begins a trial.
    """

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    time_zero: TimeZero
    arms: tuple[Arm, ...] = Field(min_length=1)
    eligibility: tuple[Criterion, ...] = Field(min_length=1)
    follow_up_days: Annotated[int, Field(ge=1, le=36525)]
    follow_up_from_days: Days = 0
    first_eligible: bool = False
    grace_days: Days | None = None
    grace_before_days: Days = 0
    censor: tuple[Censor, ...] = ()
    # Left out where nobody asks, so that hashes of studies written before stay.
    deviation: tuple[Deviation, ...] = Field(default=(), exclude_if=lambda given: not given)

    @model_validator(mode="after")
    def _coherent(self) -> "Cohort":
        if self.code == SURVEY:
            raise ValueError(f"code: {SURVEY} is the cohort of surveys")
        for word, codes in (
            ("arms", [arm.code for arm in self.arms]),
            ("censor", [censor.reason for censor in self.censor]),
            ("deviation", [each.reason for each in (*self.censor, *self.deviation)]),
        ):
            if twice := [code for code, n in Counter(codes).items() if n > 1]:
                raise ValueError(f"{word}: {', '.join(twice)} occurs twice")
        if taken := {"open", "no_arm", "more_than_one_arm"} & {arm.code for arm in self.arms}:
            raise ValueError(f"arms: {', '.join(taken)} means something else")
        if taken := set(END_REASONS) & {censor.reason for censor in self.censor}:
            raise ValueError(f"censor: {', '.join(taken)} ends follow-up anyway")
        for number, each in enumerate(self.deviation):
            if each.reason in END_REASONS:
                raise ValueError(f"deviation.{number}.reason: {each.reason} ends follow-up anyway")
            if problem := problem_of(each, f"deviation.{number}", self.arms, self.grace_days):
                raise ValueError(problem)
        self._coherent_arms()
        return self

    def _coherent_arms(self) -> None:
        has_grace = self.grace_days is not None
        if wrong := [arm.code for arm in self.arms if arm.needs_grace is not None and arm.needs_grace != has_grace]:
            raise ValueError(
                f"arms: {', '.join(wrong)} {'is told at time zero' if has_grace else 'needs grace_days'}: "
                f"{'leave grace_days out' if has_grace else 'it is seen later'}"
            )
        asks_one = any(criterion.rule == "one_arm" for criterion in self.eligibility)
        if asks_one != (len(self.arms) > 1 and not has_grace):
            raise ValueError(
                "eligibility: one_arm is asked where there are several arms and no grace period, and only there"
            )
        starts = [arm for arm in self.arms if isinstance(arm, Starts)]
        for number, arm in enumerate(starts):
            for other in starts[number + 1 :]:
                if both := ingredients(arm.drugs) & ingredients(other.drugs):
                    raise ValueError(f"arms: {arm.code} and {other.code} overlap in {', '.join(sorted(both))}")
        doses = sorted((arm for arm in self.arms if isinstance(arm, Dose)), key=lambda arm: arm.above_mg_per_week)
        for arm, following in pairwise(doses):
            if arm.up_to_mg_per_week is None or arm.up_to_mg_per_week > following.above_mg_per_week:
                raise ValueError(f"arms: {arm.code} and {following.code} overlap in dose")
        if mixed := [arm.code for arm in doses if len(ingredients(arm.drugs)) > 1]:
            raise ValueError(f"arms: {', '.join(mixed)} adds milligrams of different drugs; name one")
        if nobody := self._arms_of_nobody(starts):
            raise ValueError(f"arms: nobody can be in {', '.join(nobody)} (positivity zero)")

    def _arms_of_nobody(self, starts: list[Starts]) -> list[str]:
        """Arms that time zero rules out: empty bands of dose, and drugs that the day on which others begin leaves no room for."""
        found = [
            arm.code
            for arm in self.arms
            if isinstance(arm, Dose)
            and arm.up_to_mg_per_week is not None
            and arm.above_mg_per_week >= arm.up_to_mg_per_week
        ]
        if self.grace_days is None and isinstance(self.time_zero, NewUse):
            opening = ingredients(self.time_zero.drugs)
            for arm in self.arms:
                others = opening.difference(*(ingredients(each.drugs) for each in starts if each is not arm))
                if isinstance(arm, Starts | StartsNone) and not others:
                    found.append(arm.code)
        return found

    @property
    def event_sets(self) -> tuple[EventSet, ...]:
        """Every set of events that the cohort asks for, once."""
        parts = (self.time_zero, *self.arms, *self.eligibility, *self.censor, *self.deviation)
        found = {part.event_set.code: part.event_set for part in parts if part.event_set}
        return tuple(found[code] for code in sorted(found))
