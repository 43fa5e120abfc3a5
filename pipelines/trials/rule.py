"""Rules a study file may name: time zeros, eligibility, arms, reasons to stop following. Each with its parameters.

A rule says what is asked, never how: `sql/cohort` answers each by its code. No rule can look after time zero: days are
counted backwards and are never negative. A new rule is a class here and a line of SQL there; a test holds them together.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from pipelines.trials import code_list
from pipelines.trials.code_list import Kind

Codes = Annotated[tuple[str, ...], Field(min_length=1)]
Days = Annotated[int, Field(ge=0, le=36525)]
ADULT_YEARS = 18.0
_KIND_OF_FIELD: dict[str, Kind] = {
    "drugs": "drug",
    "conditions": "condition",
    "procedures": "procedure",
    "observations": "observation",
    "analytes": "analyte",
    "sites": "site",
}


@dataclass(frozen=True, slots=True)
class EventSet:
    """A set of dated events that a rule asks for: its kind and codes, and the name under which SQL knows it."""

    kind: Kind
    codes: tuple[str, ...]

    @property
    def code(self) -> str:
        return f"{self.kind}.{'+'.join(sorted(set(self.codes)))}"


class Part(BaseModel):
    """A part of a study file; unknown keys and codes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator(*_KIND_OF_FIELD, check_fields=False)
    @classmethod
    def _known(cls, codes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if wrong := code_list.unknown(_KIND_OF_FIELD[str(info.field_name)], codes):
            raise ValueError(wrong)
        return codes

    @model_validator(mode="after")
    def _bounded(self) -> "Part":
        low, high = getattr(self, "minimum", None), getattr(self, "maximum", None)
        if low is not None and high is not None and low > high:
            raise ValueError(f"minimum: {low:g} lies above the maximum of {high:g}: nobody can be eligible")
        return self

    @property
    def event_set(self) -> EventSet | None:
        """The events asked for, where the rule asks for events."""
        for name, kind in _KIND_OF_FIELD.items():
            if codes := getattr(self, name, None):
                return EventSet(kind, codes)
        return None


class _Criterion(Part):
    label: str = Field(min_length=1)


class MinimumAge(_Criterion):
    """At least this old at time zero."""

    rule: Literal["minimum_age"]
    years: float = Field(ge=ADULT_YEARS, le=120)


class Sex(_Criterion):
    """Of this sex."""

    rule: Literal["sex"]
    sex: Literal["female", "male"]


class Menopause(_Criterion):
    """Of this menopausal status, by what was known at time zero."""

    rule: Literal["menopause"]
    status: Literal["premenopausal", "postmenopausal", "suppressed"]


class ObservedBefore(_Criterion):
    """Alive and under observation at time zero, without a break for these days before it."""

    rule: Literal["observed_before"]
    days: Days


class OneArm(_Criterion):
    """Exactly one arm fits on the day of time zero."""

    rule: Literal["one_arm"]


class OverlapYears(_Criterion):
    """Time zero lies in a year in which every arm has at least this share of the time zeros."""

    rule: Literal["overlap_years"]
    minimum_share: float = Field(gt=0, le=0.5)


class NoUse(_Criterion):
    """No supply in the days before time zero (none ever where `days` is left out); the last days may be left out."""

    rule: Literal["no_use"]
    drugs: Codes
    days: Days | None = None
    except_last_days: Days = 0


class PriorUse(_Criterion):
    """A supply in the days before time zero."""

    rule: Literal["prior_use"]
    drugs: Codes
    days: Days | None = None


class InUse(_Criterion):
    """In use the day before time zero, for at least these days, stock run out no longer ago than the gap."""

    rule: Literal["in_use"]
    drugs: Codes
    minimum_days: Days = 0
    gap_days: Days = 30


class UseEnded(_Criterion):
    """Supplied before, and the last supply at least these days ago."""

    rule: Literal["use_ended"]
    drugs: Codes
    minimum_days: Days


class Diagnosed(_Criterion):
    """A diagnosis on or before time zero: ever, or in the days before it."""

    rule: Literal["diagnosis", "no_diagnosis"]
    conditions: Codes
    days: Days | None = None


class Operated(_Criterion):
    """A procedure on or before time zero: ever, or in the days before it."""

    rule: Literal["procedure", "no_procedure"]
    procedures: Codes
    days: Days | None = None


class Observed(_Criterion):
    """The last observation by time zero lies within bounds; `no_observation`: it does not, or there is none."""

    rule: Literal["observation", "no_observation"]
    observations: Codes
    days: Days | None = None
    minimum: float | None = None
    maximum: float | None = None


class Measured(_Criterion):
    """The last result by time zero surely lies within bounds; without bounds: there is one."""

    rule: Literal["result"]
    analytes: Codes
    days: Days | None = None
    minimum: float | None = None
    maximum: float | None = None


class Scanned(_Criterion):
    """A valid scan of one of the sites on or before time zero."""

    rule: Literal["scan"]
    sites: Codes
    days: Days | None = None


Criterion = Annotated[
    MinimumAge
    | Sex
    | Menopause
    | ObservedBefore
    | OneArm
    | OverlapYears
    | NoUse
    | PriorUse
    | InUse
    | UseEnded
    | Diagnosed
    | Operated
    | Observed
    | Measured
    | Scanned,
    Field(discriminator="rule"),
]


class NewUse(Part):
    """A supply after days without any of these drugs."""

    rule: Literal["new_use"]
    drugs: Codes
    free_days: Days = 365
    first: bool = True


class Procedure(Part):
    """A procedure."""

    rule: Literal["procedure"]
    procedures: Codes
    first: bool = True


class LabDraw(Part):
    """A day with a result that surely lies within bounds."""

    rule: Literal["lab_draw"]
    analytes: Codes
    minimum: float | None = None
    maximum: float | None = None
    first: bool = False


class Scan(Part):
    """A day with a valid scan of one of the sites."""

    rule: Literal["scan"]
    sites: Codes
    first: bool = True


class UseReached(Part):
    """The day on which use begun this long ago, whether or not it lasted: eligibility says how long it must have."""

    rule: Literal["use_reached"]
    drugs: Codes
    after_days: Annotated[int, Field(ge=1, le=36525)]
    first: bool = True


TimeZero = Annotated[NewUse | Procedure | LabDraw | Scan | UseReached, Field(discriminator="rule")]


class _Arm(Part):
    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    needs_grace: ClassVar[bool | None] = None


class Starts(_Arm):
    """One of the drugs is supplied on the day of time zero, or within the grace period."""

    rule: Literal["starts"]
    drugs: Codes


class StartsNone(_Arm):
    """None of the drugs of the other arms is supplied."""

    rule: Literal["starts_none"]


class Dose(_Arm):
    """The weekly dose supplied on the day of time zero lies above one bound and not above the other."""

    rule: Literal["dose"]
    drugs: Codes
    above_mg_per_week: float = Field(ge=0)
    up_to_mg_per_week: float | None = None
    needs_grace: ClassVar[bool | None] = False


class Everybody(_Arm):
    """One group: the design compares within it."""

    rule: Literal["everybody"]
    needs_grace: ClassVar[bool | None] = False


class Stops(_Arm):
    """Stock runs out within the grace period and is not filled up for the gap."""

    rule: Literal["stops"]
    drugs: Codes
    gap_days: Days = 90
    needs_grace: ClassVar[bool | None] = True


class Continues(_Arm):
    """It does not."""

    rule: Literal["continues"]
    needs_grace: ClassVar[bool | None] = True


Arm = Annotated[Starts | StartsNone | Dose | Everybody | Stops | Continues, Field(discriminator="rule")]


class _Censor(Part):
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")


class CensorEvent(_Censor):
    """A reason to stop following: the first such event after time zero. Names no rule."""

    drugs: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> "CensorEvent":
        if sum(map(bool, (self.drugs, self.conditions, self.procedures))) != 1:
            raise ValueError("name events of one kind: drugs, conditions or procedures")
        return self


class CensorStop(_Censor):
    """Stock has run out and is not filled up for the gap: known, and follow-up ends, on the day on which the gap has passed."""

    rule: Literal["stops"]
    drugs: Codes
    gap_days: Days = 30


def _kind_of_censor(given: object) -> str:
    has_rule = "rule" in given if isinstance(given, dict) else hasattr(given, "rule")
    return "stops" if has_rule else "event"


Censor = Annotated[
    Annotated[CensorEvent, Tag("event")] | Annotated[CensorStop, Tag("stops")], Discriminator(_kind_of_censor)
]
