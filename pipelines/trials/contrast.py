"""A contrast of two arms of a cohort at one horizon as a typed, validated object, and what its gate asks at least.

What the diagnostics mean and how they are computed stands in `models.point_treatment`; here are thresholds and words.
"""

from typing import Annotated, Literal

from pydantic import Field

from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import Part

#: Thresholds of the profile `point_treatment`; a study may raise minima and lower maxima, never the other way.
#: Observed share: below it one person measured stands for more than fifty, the greatest weight allowed.
#: Equipoise and difference: defaults of CohortMethod; correlation: its `PsFunctions.R`.
POINT_TREATMENT: dict[str, float] = {
    "minimum_n_per_arm": 50,
    "minimum_equipoise": 0.2,
    "maximum_standardised_difference": 0.1,
    "maximum_covariate_correlation": 0.5,
    "minimum_observed_share": 0.02,
    "maximum_censored_share": 0.05,
}


class Contrast(Part):
    """Target less comparator in one outcome, so many days after time zero; scans and draws count within the window.

    `grace_intervals` clones everybody into both arms of a cohort with a grace period, which is cut into so many intervals.
    Those who never begin are stood for, after the grace period, by who began in its last interval; where nearly all begin early
    and that is nobody, `due` names everybody who began in the period, as if it did not matter since when.
    `exclude` are covariates that belong to the arms themselves, such as a use of the drug in the days before time zero
    that a grace period allows.
    """

    cohort: str = Field(min_length=1)
    target: str = Field(min_length=1)
    comparator: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcome: str = Field(min_length=1)
    horizon_days: Annotated[int, Field(ge=1, le=36525)]
    window_days: Annotated[int, Field(ge=0, le=3650)]
    grace_intervals: Annotated[int, Field(ge=1, le=60)] | None = None
    # Left out where nobody asks, so that hashes of studies written before stay.
    due: Literal["grace_period"] | None = Field(default=None, exclude_if=lambda due: due is None)
    exclude: tuple[str, ...] = ()

    @property
    def horizon_months(self) -> float:
        """Months of 30.4375 days, rounded to half a month."""
        return round(self.horizon_days / 30.4375 * 2) / 2

    @property
    def words(self) -> str:
        """What is compared and when: the contrast as results name it."""
        return f"{self.target} vs {self.comparator}, {self.horizon_months:g} months, cohort {self.cohort}"

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts and outcomes of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        arms = [arm.code for arm in cohort.arms]
        if wrong := [arm for arm in (self.target, self.comparator) if arm not in arms]:
            return f"cohort {self.cohort} has no arm {', '.join(wrong)}"
        if self.target == self.comparator:
            return "target and comparator are one arm"
        if self.grace_intervals is not None and cohort.grace_days is None:
            return f"grace_intervals: cohort {self.cohort} has no grace period"
        if self.grace_intervals is None and cohort.deviation:
            return f"grace_intervals: cohort {self.cohort} has deviations, which only clones are weighed for; name it"
        if self.grace_intervals is None and self.due is not None:
            return "due: only contrasts by clones ask who is due; name grace_intervals"
        if self.grace_intervals is not None and self.horizon_days - self.window_days <= (cohort.grace_days or 0):
            return f"the window opens within the grace period of {cohort.grace_days} days"
        if self.outcome not in outcomes:
            return f"{self.outcome} is no outcome of the study"
        if self.horizon_days + self.window_days > cohort.follow_up_days:
            return f"the window ends after the follow-up of {cohort.follow_up_days} days"
        return ""
