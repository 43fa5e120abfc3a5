"""What named rules of dosing would do to people who may be treated: regimes, outcomes side by side, and the least that is asked.

Here: words and parameters. What a regime does from test to test stands in `models.regime`.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from pipelines.trials.cohort import Cohort
from pipelines.trials.modifier import Modifier
from pipelines.trials.rule import Part

RegimeCode = Literal[
    "no_inhibitor",
    "fixed_0.5_mg_twice_weekly",
    "fixed_1_mg_daily",
    "titrate_to_20_30",
    "titrate_above_change_point",
    "stop_below_20",
]
REGIMES: tuple[str, ...] = get_args(RegimeCode)
#: Followers: the rule of the protocol. Natural course: beyond a fifth of an SD the models do not give back what was seen
#: (house rule). Observed share as for doses. Events: fewer tell no model of eleven terms (two a term, Vittinghoff 2007 asks
#: five to nine where the effect of one term is read off; here means are).
POLICY: dict[str, float] = {
    "minimum_regime_followers": 50,
    "maximum_natural_course_gap": 0.2,
    "minimum_observed_share": 0.02,
    "minimum_events": 20,
}


class Policy(Part):
    """Outcomes had everybody of a cohort followed each regime, against the reference.

    Estradiol is tested every `test_days`, on assays of `assay_class` alone; the dose of `drug` answers `action_days` after
    the test. `outcome` is bone at the horizon, `events` are counted until then, and the share of tests from `window_low` to
    below `window_high` (pg/mL) is told as `time_in_window_pct`. All of it is told of everybody and of each stratum of `by`.
    """

    cohort: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcome: str = Field(min_length=1)
    events: tuple[str, ...] = ()
    drug: Literal["anastrozole"]
    companion: str = Field(min_length=1)
    assay_class: Literal["lc_ms_ms", "immunoassay"]
    regimes: tuple[RegimeCode, ...] = Field(min_length=1)
    reference: RegimeCode
    horizon_days: Annotated[int, Field(ge=1, le=36525)]
    window_days: Annotated[int, Field(ge=0, le=3650)]
    test_days: Annotated[int, Field(ge=28, le=365)]
    action_days: Annotated[int, Field(ge=0, le=60)]
    window_low: float = Field(gt=0)
    window_high: float = Field(gt=0)
    by: tuple[Modifier, ...] = ()

    @property
    def n_periods(self) -> int:
        """Periods from one action to the next that end by the horizon."""
        return (self.horizon_days - self.action_days) // self.test_days

    @property
    def n_before_scan(self) -> int:
        """Of these, those that end before the window of the scan opens."""
        return (self.horizon_days - self.window_days - self.action_days) // self.test_days

    @property
    def horizon_months(self) -> float:
        """Months of 30.4375 days, rounded to half a month."""
        return round(self.horizon_days / 30.4375 * 2) / 2

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Everything that is told of a regime, bone first."""
        return (self.outcome, *self.events, "time_in_window_pct")

    @property
    def groups(self) -> tuple[str, ...]:
        """Of whom it is told: everybody, which has no name, then each stratum."""
        return ("", *(f"{each.code} {name}" for each in self.by for name in each.strata))

    def contrast(self, regime: str, group: str = "") -> str:
        """A regime against the reference, as results name it; in a stratum, where one is named."""
        return ", ".join(filter(None, (f"{regime} vs {self.reference}", f"{self.horizon_months:g} months", group)))

    @property
    def words(self) -> str:
        """What is asked, in one line."""
        return "; ".join(self.contrast(regime) for regime in self.regimes)

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], covariates: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts, outcomes and covariates of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        if wrong := [code for code in self.outcomes if code not in outcomes]:
            return f"{', '.join(wrong)} is no outcome of the study"
        if not covariates:
            return "covariates: none is named, and clinicians dose by what they know of a person"
        if self.reference in self.regimes or len(set(self.regimes)) < len(self.regimes):
            return "regimes: none may occur twice, and the reference is not one of them"
        if self.window_low >= self.window_high:
            return "window_low: must lie below window_high"
        for number, modifier in enumerate(self.by):
            if modifier.problem:
                return f"by.{number}.{modifier.problem}"
        if len(set(self.groups)) < len(self.groups):
            return "by: the same stratum occurs twice"
        if self.n_before_scan < 1:
            return "test_days: no period ends before the window of the scan opens"
        if self.horizon_days + self.window_days > cohort.follow_up_days:
            return f"the window ends after the follow-up of {cohort.follow_up_days} days"
        return ""
