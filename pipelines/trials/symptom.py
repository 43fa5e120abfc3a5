"""Symptoms by the estradiol of a draw, or the dose before it: bands, lag, horizon, which symptoms, and the least that is asked.

Here: words and parameters. What is done with them stands in `models.symptom_risk`; bands themselves in `sql/ref/e2_band.csv`,
and which dose a draw has in `models.symptom_dose`.
"""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from pipelines.trials.code_list import symptom_systems
from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import LabDraw, Part

Exposure = Literal["estradiol", "dose"]
Band = Literal[
    "severe",
    "low",
    "target",
    "raised",
    "high",
    "none",
    "up_to_1_mg",
    "over_1_to_2_mg",
    "over_2_to_3_5_mg",
    "over_3_5_mg",
]
#: bands of each exposure; of a dose, mg of anastrozole a week, as study ai_dose_response cuts it
BANDS: dict[Exposure, tuple[Band, ...]] = {
    "estradiol": ("severe", "low", "target", "raised", "high"),
    "dose": ("none", "up_to_1_mg", "over_1_to_2_mg", "over_2_to_3_5_mg", "over_3_5_mg"),
}
#: mg a week up to and including which a dose belongs to each band but the last
DOSE_EDGES = (0.0, 1.0, 2.0, 3.5)
#: covariates that are the dose, or lie between it and symptoms
NOT_BESIDE_DOSE = ("drug_aromatase_inhibitor_365d", "drug_aromatase_inhibitor_ever", "estradiol_pg_ml")
#: People of a band: as for arms. Effective number: below it a standard error says little. Events: as for regimes.
#: Chance: draws whose covariates leave band and reference each a tenth of its share, or a few draws stand for the rest; the
#: share that doses ask (house rule).
#: Difference: default of CohortMethod. Weights: a mean far from 1 tells a wrong model (Cole and Hernan 2008). Followed share:
#: below it those followed stand for more than one other each (house rule). Censored share: the rule of change-points.
SYMPTOM: dict[str, float] = {
    "minimum_people_per_band": 50,
    "minimum_effective_n": 50,
    "minimum_events": 20,
    "minimum_chance_share": 0.8,
    "maximum_standardised_difference": 0.1,
    "maximum_weight_mean_off": 0.2,
    "minimum_followed_share": 0.5,
    "maximum_censored_share": 0.5,
}


class Symptom(Part):
    """First records of symptoms within `horizon_days` from `lag_days` after a draw, by its band of estradiol or of dose.

    Every eligible draw is a time zero. Each outcome stands for its whole system (`sql/ref/symptom_system.csv`). A draw with a
    record of any symptom in the `prompted_days` up to it is set apart. Holm's correction is over bands and outcomes of the
    question. `exclude` names covariates of the study that this question leaves out. A dose is asked by band alone.
    """

    exposure: Exposure = "estradiol"
    cohort: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcomes: tuple[str, ...] = Field(min_length=1)
    bands: tuple[Band, ...] = Field(min_length=2)
    reference: Band
    lag_days: Annotated[int, Field(ge=30, le=365)]
    horizon_days: Annotated[int, Field(ge=91, le=3650)]
    prompted_days: Annotated[int, Field(ge=0, le=365)]
    exclude: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """The outcomes as one word, by which a question is told from another."""
        return "+".join(self.outcomes)

    @property
    def horizon_months(self) -> float:
        """Months of 30.4375 days, rounded to half a month."""
        return round(self.horizon_days / 30.4375 * 2) / 2

    @property
    def when(self) -> str:
        """The window, and who is followed."""
        return f"{self.horizon_months:g} months from day {self.lag_days}, cohort {self.cohort}"

    @property
    def others(self) -> tuple[Band, ...]:
        """The bands that are held against the reference."""
        return tuple(band for band in self.bands if band != self.reference)

    def contrast(self, band: str) -> str:
        """A band against the reference, as results name it."""
        if self.exposure == "dose":
            return f"{band} vs {self.reference}, weekly dose, {self.when}"
        return f"{band} vs {self.reference} estradiol, {self.when}"

    @property
    def slope(self) -> str:
        """The line, as results name it."""
        return f"per doubling of estradiol, {self.when}"

    @property
    def tails(self) -> str:
        """The two lines, as results name them."""
        return f"both tails of estradiol, {self.when}"

    @property
    def along(self) -> tuple[str, ...]:
        """What is told along the scale: of estradiol alone."""
        return (self.slope, self.tails) if self.exposure == "estradiol" else ()

    @property
    def contrasts(self) -> tuple[str, ...]:
        """Everything that is told of an outcome."""
        return (*(self.contrast(band) for band in self.others), *self.along)

    @property
    def words(self) -> str:
        """What is asked, in one line."""
        return "; ".join(self.contrasts)

    def problem(self, cohorts: tuple[Cohort, ...], outcomes: tuple[str, ...], covariates: tuple[str, ...]) -> str:
        """Why it does not fit the cohorts, outcomes and covariates of its study; empty where it does."""
        cohort = next((each for each in cohorts if each.code == self.cohort), None)
        if cohort is None:
            return f"there is no cohort {self.cohort}"
        zero = cohort.time_zero
        if not isinstance(zero, LabDraw) or zero.analytes != ("estradiol",):
            return f"time zero of cohort {self.cohort} is no draw of estradiol"
        if wrong := [code for code in self.outcomes if code not in outcomes]:
            return f"{', '.join(wrong)} is no outcome of the study"
        systems = symptom_systems()
        if wrong := [code for code in self.outcomes if code not in systems]:
            return f"{', '.join(wrong)} is no symptom in sql/ref/symptom_system.csv"
        if twice := [system for system, n in Counter(systems[code] for code in self.outcomes).items() if n > 1]:
            return f"outcomes: the system {', '.join(twice)} is counted twice"
        if wrong := [band for band in self.bands if band not in BANDS[self.exposure]]:
            return f"bands: {', '.join(wrong)} is none of {self.exposure}; there are {', '.join(BANDS[self.exposure])}"
        if len(set(self.bands)) < len(self.bands) or self.reference not in self.bands:
            return "bands: the reference must be one of them, and none may occur twice"
        if wrong := [code for code in self.exclude if code not in covariates]:
            return f"exclude: {', '.join(wrong)} is no covariate of the study"
        beside = tuple(code for code in covariates if code not in self.exclude)
        if self.exposure == "dose" and (wrong := [code for code in NOT_BESIDE_DOSE if code in beside]):
            return f"exclude: must name {', '.join(wrong)}, which is the dose or lies between it and symptoms"
        if not beside:
            return "covariates: none is named, and who is drawn with which estradiol is no chance"
        if self.lag_days + self.horizon_days > cohort.follow_up_days:
            return f"the window ends after the follow-up of {cohort.follow_up_days} days"
        return ""
