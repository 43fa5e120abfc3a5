"""Risks of events in two arms of a cohort as a typed, validated object, and what their gate asks at least.

One entry of a file asks for several outcomes at several horizons: each pair of these is a question with a gate of its own.
What the diagnostics mean and how they are computed stands in `models.risk_contrast`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import Part

#: what the words of a contrast say of its horizon: without it they are those of the pair of arms
HORIZON_WORDS = r", [\d.]+ months"

#: Thresholds of the profile of risks; a study may raise minima and lower maxima, never the other way.
#: Equipoise, difference, correlation: as of contrasts. Detectable ratio and EASE: OHDSI's CohortMethod diagnostics
#: (10 and 0.25). Controls: estimands of the first studies.
RISK: dict[str, float] = {
    "minimum_at_risk_per_arm": 50,
    "minimum_events": 20,
    "maximum_detectable_ratio": 10,
    "minimum_followed_share": 0.02,
    "minimum_equipoise": 0.2,
    "maximum_standardised_difference": 0.1,
    "maximum_covariate_correlation": 0.5,
    "minimum_negative_controls": 30,
    "maximum_ease": 0.25,
}


class PositiveControl(Part):
    """An outcome that the target is known to change: its ratio must lie on the known side of 1, interval included."""

    outcome: str = Field(min_length=1)
    side: Literal["above", "below"]
    published: float = Field(gt=0)
    source: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class RiskQuestion:
    """One outcome at one horizon of an entry."""

    risk: "Risk"
    outcome: str
    horizon_days: int

    @property
    def horizon_months(self) -> float:
        """Months of 30.4375 days, rounded to half a month."""
        return round(self.horizon_days / 30.4375 * 2) / 2

    @property
    def words(self) -> str:
        """What is compared and when: the contrast as results name it."""
        pair = self.risk
        return f"{pair.target} vs {pair.comparator}, {self.horizon_months:g} months, cohort {pair.cohort}"

    @property
    def interaction_words(self) -> str:
        """The same, less that of the other cohort."""
        return f"{self.words} less {self.risk.against}"

    @property
    def population(self) -> str:
        """Whom it is of."""
        return self.risk.population


class Risk(Part):
    """Target against comparator in the risk of events, death competing, by horizons after time zero.

    `grace_intervals` clones everybody into both arms of a cohort with a grace period, which is cut into so many intervals.
    `exclude` are covariates that belong to the arms themselves. `against` is a cohort of other people of which the same is
    asked: how the effect differs between the two is told as well.
    """

    cohort: str = Field(min_length=1)
    target: str = Field(min_length=1)
    comparator: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcomes: tuple[str, ...] = Field(min_length=1)
    horizons_days: tuple[Annotated[int, Field(ge=1, le=36525)], ...] = Field(min_length=1)
    grace_intervals: Annotated[int, Field(ge=1, le=60)] | None = None
    exclude: tuple[str, ...] = ()
    positive_control: PositiveControl | None = None
    against: str | None = None

    @property
    def words(self) -> str:
        """The two arms, whatever the outcome and the horizon."""
        return f"{self.target} vs {self.comparator}, cohort {self.cohort}"

    @property
    def questions(self) -> tuple[RiskQuestion, ...]:
        """Every outcome at every horizon, outcomes first."""
        return tuple(RiskQuestion(self, outcome, days) for outcome in self.outcomes for days in self.horizons_days)

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], others: tuple["Risk", ...]) -> str:
        """Why it does not fit the cohorts, outcomes and other entries of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        arms = [arm.code for arm in cohort.arms]
        if wrong := [arm for arm in (self.target, self.comparator) if arm not in arms]:
            return f"cohort {self.cohort} has no arm {', '.join(wrong)}"
        if self.target == self.comparator:
            return "target and comparator are one arm"
        if (self.grace_intervals is None) != (cohort.grace_days is None):
            return f"grace_intervals: asked for where a cohort has a grace period, and nowhere else ({self.cohort})"
        if cohort.deviation:
            return f"cohort {self.cohort} has deviations: risks do not weigh for them yet; only contrasts by clones do"
        named = [*self.outcomes, *([self.positive_control.outcome] if self.positive_control else [])]
        if wrong := [each for each in named if each not in outcomes]:
            return f"{', '.join(wrong)} is no outcome of the study"
        if self.positive_control and self.positive_control.outcome not in self.outcomes:
            return f"the positive control {self.positive_control.outcome} is not among the outcomes asked for"
        if max(self.horizons_days) > cohort.follow_up_days:
            return f"a horizon lies after the follow-up of {cohort.follow_up_days} days"
        if cohort.grace_days is not None and min(self.horizons_days) <= cohort.grace_days:
            return f"a horizon lies within the grace period of {cohort.grace_days} days"
        return self._problem_of_interaction(others)

    def _problem_of_interaction(self, others: tuple["Risk", ...]) -> str:
        if self.against is None:
            return ""
        if self.against == self.cohort:
            return "against: a cohort cannot be held against itself"
        if self.counterpart(others) is None:
            return f"against: the same question is not asked of cohort {self.against}"
        return ""

    def counterpart(self, others: tuple["Risk", ...]) -> "Risk | None":
        """The entry of the other cohort that asks the same."""
        for each in others:
            is_same = (each.target, each.comparator) == (self.target, self.comparator)
            covers = set(self.outcomes) <= set(each.outcomes) and set(self.horizons_days) <= set(each.horizons_days)
            if each.cohort == self.against and is_same and covers:
                return each
        return None
