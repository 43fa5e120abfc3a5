"""Deviations that a study file may name: by what somebody leaves the strategy of an arm after the grace period.

They end follow-up as a reason to censor does, and are rows of `ref.study_censor` beside those; only here people decide by
what they are like whether they keep to the protocol, so that who keeps to it is weighed for by a model of its own.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipelines.trials.code_list import ingredients
from pipelines.trials.rule import Arm, Codes, Continues, Days, Part, Starts


class _Deviation(Part):
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    is_deviation: ClassVar[bool] = True


class DeviationStop(_Deviation):
    """Of an arm that begins or goes on with drugs: stock has run out and is not filled up for the gap, known after it."""

    rule: Literal["stops"]
    arm: str = Field(min_length=1)
    drugs: Codes
    gap_days: Days = 90


class DeviationBegin(_Deviation):
    """Of an arm that begins none of these drugs: the first supply after the grace period."""

    rule: Literal["begins"]
    arm: str = Field(min_length=1)
    drugs: Codes


class DoseChange(_Deviation):
    """Of every arm: the weekly dose of a supply is more than this share above or below the last one known before time zero.

    Doses are those that instructions tell; an unknown one, or one reckoned from quantity and days of supply, is no change.
    """

    rule: Literal["dose_changes"]
    drugs: Codes
    share: float = Field(gt=0, lt=1)


Deviation = Annotated[DeviationStop | DeviationBegin | DoseChange, Field(discriminator="rule")]


def problem_of(deviation: Deviation, place: str, arms: Sequence[Arm], grace_days: int | None) -> str:
    """Why a deviation does not fit the arms and the grace period of its cohort, with the place of it; empty where it does.

    `place` is that of the deviation in its cohort, such as `deviation.0`.
    """
    if grace_days is None:
        return f"{place}: is counted from the end of the grace period: name grace_days"
    if isinstance(deviation, DoseChange):
        is_mixed = len(ingredients(deviation.drugs)) > 1
        return f"{place}.drugs: adds milligrams of different drugs; name one" if is_mixed else ""
    arm = next((each for each in arms if each.code == deviation.arm), None)
    if arm is None:
        return f"{place}.arm: there is no arm {deviation.arm}"
    begins = isinstance(arm, Starts) and bool(ingredients(arm.drugs) & ingredients(deviation.drugs))
    named = ", ".join(deviation.drugs)
    if isinstance(deviation, DeviationBegin) and begins:
        return f"{place}.arm: {arm.code} begins {named} itself: nobody would keep to it"
    if isinstance(deviation, DeviationStop) and not (begins or isinstance(arm, Continues)):
        return f"{place}.arm: {arm.code} begins nothing of {named}: there is nothing to stop"
    return ""
