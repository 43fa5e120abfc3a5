"""How far and how fast estradiol falls after a first supply of an inhibitor, within people: words, parameters, the least asked.

Here: what a study file may say. Whose draws count stands in `models.e2_time_course_frame`, the model in
`models.e2_time_course`.
"""

from typing import Annotated, Literal

from pydantic import Field

from pipelines.trials.code_list import ingredients
from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import NewUse, Part

#: What a time course asks at least. People drawn before and within 28 days: as for bands. People in the first week: they alone
#: tell the rate; 20 as events of regimes. Censored share: the rule of change-points. Unknown assay: such draws are left out, and
#: where they are the most, those that are left may be of other people (house rule).
TIME_COURSE: dict[str, float] = {
    "minimum_people_before_and_after": 50,
    "minimum_people_first_week": 20,
    "maximum_censored_share": 0.5,
    "maximum_unknown_assay_share": 0.5,
}
#: Within so many days of the first supply a draw counts as one of the first weeks.
FIRST_WEEKS_DAYS = 28
PLATEAU, T90 = "estradiol_fall_plateau_pct", "estradiol_t90_days"


class TimeCourse(Part):
    """Percent fall of estradiol on `days` after the first supply and in the end, and days until 90 % of it is reached.

    Draws of the `before_days` up to time zero, its day included, are before; those after it count while the first regimen of the
    inhibitor lasts.
    """

    cohort: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    before_days: Annotated[int, Field(ge=1, le=730)]
    days: tuple[Literal[1, 7, 14, 28], ...] = Field(min_length=1)

    @property
    def words(self) -> str:
        """What is asked, as results name it."""
        return f"within person since the first supply, cohort {self.cohort}"

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Falls in the order of days, that in the end, and the time to 90 % of it."""
        return (*(f"estradiol_fall_day_{day}_pct" for day in self.days), PLATEAU, T90)

    @property
    def outcome(self) -> str:
        """The outcomes as one word, by which a question is told from another."""
        return "+".join(self.outcomes)

    def day_of(self, outcome: str) -> float | None:
        """The day of a fall, infinite in the end; None of the time."""
        if outcome == T90:
            return None
        return dict(zip(self.outcomes, (*map(float, self.days), float("inf")), strict=False))[outcome]

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], covariates: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts and outcomes of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        if not isinstance(cohort.time_zero, NewUse) or not (
            ingredients(cohort.time_zero.drugs) <= ingredients(("aromatase_inhibitor",))
        ):
            return f"cohort {self.cohort} does not begin with the first supply of an inhibitor"
        if list(self.days) != sorted(set(self.days)):
            return "days: in rising order, none twice"
        if max(FIRST_WEEKS_DAYS, *self.days) > cohort.follow_up_days:
            return f"days: the first weeks lie beyond the follow-up of {cohort.follow_up_days} days"
        if wrong := [each for each in self.outcomes if each not in outcomes]:
            return f"{', '.join(wrong)} is no outcome of the study"
        return ""
