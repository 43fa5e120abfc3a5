"""What is asked along a scale: an outcome on mean estradiol between scans, or under a dose that is kept up. Typed, validated.

Here: words, parameters and the least that gates ask. What the diagnostics mean stands in `models.threshold` and
`models.dose`; two arms held against each other are `contrast`.
"""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from pipelines.trials.code_list import ingredients
from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import Part

#: What a curve asks at least; a study may raise minima and lower maxima, never the other way.
#: People either side, censored share: the rule of change-points. Observed share: below it one person seen stands for more
#: than fifty. Support: highest over lowest exposure searched, below which a curve is a point (house rule). Overlap: people
#: whose covariates leave every third of exposure a chance of 5 % (house rule).
CURVE: dict[str, float] = {
    "minimum_people_either_side": 50,
    "minimum_support_ratio": 1.5,
    "minimum_overlap_share": 0.5,
    "minimum_observed_share": 0.02,
    "maximum_censored_share": 0.5,
}


class Curve(Part):
    """An outcome a year, between two scans of a series, on mean estradiol between them; an association, not an effect.

    `minimum_days` between the scans; `imputed_by` are covariates that tell what a censored draw may have been, beside those
    of the study; `one_class` is a class of assay to which a second analysis is confined; chains of imputation that do not
    come together are doubled up to `longest_chain` draws, where that is said.
    """

    cohort: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcome: str = Field(min_length=1)
    exposure: Literal["estradiol"]
    minimum_days: Annotated[int, Field(ge=180, le=3650)]
    imputed_by: tuple[str, ...] = ()
    one_class: Literal["lc_ms_ms"] | None = None
    longest_chain: Annotated[int, Field(ge=0, le=20000)] = 0

    @property
    def words(self) -> str:
        """What is asked, as results name it."""
        return f"mean {self.exposure} between scans, cohort {self.cohort}, per doubling"

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], covariates: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts, outcomes and covariates of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        if self.outcome not in outcomes:
            return f"{self.outcome} is no outcome of the study"
        if not self.outcome.endswith("_bmd_change_pct"):
            return f"{self.outcome} is no change of bone density between scans"
        if self.minimum_days > cohort.follow_up_days:
            return f"minimum_days lies beyond the follow-up of {cohort.follow_up_days} days"
        if wrong := [code for code in self.imputed_by if code not in covariates]:
            return f"imputed_by: {', '.join(wrong)} is no covariate of the study"
        return ""


#: What a dose that is kept up asks at least. Pairs: the rule of the protocol. Effective number: below it a standard error says
#: little. Kept: where so many people could go on with the dose. Weights: a mean far from 1 tells a wrong model (Cole and
#: Hernan 2008). Observed share as for curves.
DOSE: dict[str, float] = {
    "minimum_pairs_per_category": 100,
    "minimum_effective_n": 50,
    "minimum_kept_share": 0.8,
    "minimum_observed_share": 0.02,
    "maximum_weight_mean_off": 0.2,
}


class Dose(Part):
    """An outcome at a horizon had a dose been kept up, against the reference; time is cut into periods of `period_days`.

    `mg_per_week` is the mean weekly dose of a period, its category the number of `edges` below it; `covered_pct` the share of
    its days with stock, its category the number of edges reached. `categories` name them from the lowest on; `reference` is
    one of them. Doses of the last `lag_days` before the outcome do not count. A person enters at the earliest time zero
    of the `cohorts`. `trend` asks for the slope as well.
    """

    cohorts: tuple[str, ...] = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcome: str = Field(min_length=1)
    exposure: Literal["mg_per_week", "covered_pct"]
    drugs: tuple[str, ...] = Field(min_length=1)
    categories: tuple[str, ...] = Field(min_length=2)
    edges: tuple[float, ...] = Field(min_length=1)
    reference: str
    horizon_days: Annotated[int, Field(ge=1, le=36525)]
    window_days: Annotated[int, Field(ge=0, le=3650)]
    lag_days: Annotated[int, Field(ge=0, le=3650)]
    period_days: Annotated[int, Field(ge=28, le=365)]
    trend: bool = False

    @property
    def n_periods(self) -> int:
        """Periods before the window of the outcome opens."""
        return (self.horizon_days - self.window_days) // self.period_days

    @property
    def n_exposed(self) -> int:
        """Of these, those whose dose counts."""
        return min(self.n_periods, (self.horizon_days - self.lag_days) // self.period_days)

    @property
    def horizon_months(self) -> float:
        """Months of 30.4375 days, rounded to half a month."""
        return round(self.horizon_days / 30.4375 * 2) / 2

    @property
    def contrasts(self) -> tuple[str, ...]:
        """Every category against the reference, and the slope where it is asked for: as results name them."""
        kept = [
            f"{each} vs {self.reference}, kept up, {self.horizon_months:g} months"
            for each in self.categories
            if each != self.reference
        ]
        unit = "mg per week" if self.exposure == "mg_per_week" else "tenth of days covered"
        return (*kept, *([f"slope a {unit}, kept up, {self.horizon_months:g} months"] if self.trend else []))

    @property
    def words(self) -> str:
        """What is asked, in one line."""
        return "; ".join(self.contrasts)

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], covariates: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts and outcomes of its study; empty where it does."""
        known = {each.code: each for each in cohorts}
        if wrong := [code for code in self.cohorts if code not in known]:
            return f"there is no cohort {', '.join(wrong)}"
        if self.outcome not in outcomes:
            return f"{self.outcome} is no outcome of the study"
        if len(set(self.categories)) < len(self.categories) or self.reference not in self.categories:
            return "categories: the reference must be one of them, and none may occur twice"
        if len(self.edges) != len(self.categories) - 1 or any(a >= b for a, b in pairwise(self.edges)):
            return "edges: one fewer than categories, and rising"
        if len(ingredients(self.drugs)) > 1 and self.exposure == "mg_per_week":
            return "drugs: milligrams of different drugs are not added; name one"
        if self.n_exposed < 1:
            return "lag_days: no period is left whose dose counts"
        for code in self.cohorts:
            if self.horizon_days + self.window_days > known[code].follow_up_days:
                return f"the window ends after the follow-up of {known[code].follow_up_days} days of cohort {code}"
        return ""
