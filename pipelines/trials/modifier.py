"""Whether effects differ between strata: contrasts of other studies, what divides their people, and the least that is asked.

Here: words and parameters, typed and validated. What is done with them stands in `models.effect_modification`, who belongs
to which stratum in `models.modifier_frame`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pydantic import Field

from pipelines.trials.code_list import covariates_known, genotypes, outcomes_known, unlisted
from pipelines.trials.rule import Part

#: What a modifier asks at least; a study may raise minima and lower maxima, never the other way. People: the rule of the
#: protocol, 100 a stratum. Per arm, equipoise, difference: as of contrasts, here within each stratum.
MODIFIER: dict[str, float] = {
    "minimum_people_per_stratum": 100,
    "minimum_n_per_arm": 50,
    "minimum_equipoise": 0.2,
    "maximum_standardised_difference": 0.1,
}

#: What a ratio asks at least beside the gate of its curve, which closes where more than half of the draws are censored. People:
#: as many as a stratum.
RATIO: dict[str, float] = {"minimum_people_with_both": 100}


class Modifier(Part):
    """A covariate, or a genotype, as known at time zero, cut into strata: a value at a cut belongs to the stratum above it.

    `strata` are their names from the lowest values to the highest, one more than there are cuts.
    """

    code: str = Field(min_length=1)
    cuts: tuple[float, ...] = Field(min_length=1)
    strata: tuple[str, ...] = Field(min_length=2)

    @property
    def problem(self) -> str:
        """What is wrong with it; empty where nothing."""
        known = covariates_known() | genotypes()
        if self.code not in known and self.code in outcomes_known():
            return f"code: {self.code} is measured after time zero; who is in a stratum must be known at it"
        if wrong := unlisted((self.code,), known):
            return f"code: {wrong}"
        if any(low >= high for low, high in pairwise(self.cuts)):
            return "cuts: must rise"
        if len(self.strata) != len(self.cuts) + 1 or len(set(self.strata)) < len(self.strata):
            return "strata: one name each, one more than there are cuts, none twice"
        return ""


class Trial(Part):
    """A contrast of another study, as its results name it, of which it is asked whether its effect differs."""

    study: str = Field(min_length=1)
    contrast: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcomes: tuple[str, ...] = Field(min_length=1)


class Ratio(Part):
    """A curve along estradiol of another study, of which it is asked whether the ratio of testosterone to it tells as much."""

    study: str = Field(min_length=1)
    cohort: str = Field(min_length=1)
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    outcomes: tuple[str, ...] = Field(min_length=1)
    numerator: Literal["testosterone"]

    @property
    def both(self) -> str:
        """The first thing that is told, as results name it: 0 where the ratio tells all."""
        return f"testosterone and estradiol between scans, cohort {self.cohort}, per doubling of both"

    @property
    def alone(self) -> str:
        """The second: what goes with the ratio."""
        return f"ratio of testosterone to estradiol between scans, cohort {self.cohort}, per doubling"

    @property
    def contrasts(self) -> tuple[str, str]:
        """Everything that is told of an outcome."""
        return self.both, self.alone


@dataclass(frozen=True, slots=True)
class ModifierQuestion:
    """One outcome of a trial by one modifier: a question with a gate of its own."""

    trial: Trial
    outcome: str
    modifier: Modifier

    @property
    def words(self) -> str:
        """What is asked, as results name it."""
        return f"{self.trial.contrast}, by {self.modifier.code}"

    @property
    def population(self) -> str:
        """Whom it is of."""
        return self.trial.population

    @property
    def strata(self) -> str:
        """Which two strata are held against each other."""
        return f"{self.modifier.strata[-1]} less {self.modifier.strata[0]}"


def problem_of_questions(
    trials: Sequence[Trial], modifiers: Sequence[Modifier], ratios: Sequence[Ratio], outcomes: Sequence[str]
) -> str:
    """Why trials and modifiers do not fit their own study file; empty where they do."""
    if not modifiers:
        return "modifier: none is named, and trials are there to be divided by one"
    for number, modifier in enumerate(modifiers):
        if modifier.problem:
            return f"modifier.{number}.{modifier.problem}"
        if modifier.code in [each.code for each in modifiers[:number]]:
            return f"modifier.{number}.code: {modifier.code} occurs twice"
    for kind, entries in (("trial", trials), ("ratio", ratios)):
        for number, entry in enumerate(entries):
            if wrong := [each for each in entry.outcomes if each not in outcomes]:
                return f"{kind}.{number}.outcomes: {', '.join(wrong)} is no outcome of the study"
    asked = [(each.study, each.contrast, each.population, outcome) for each in trials for outcome in each.outcomes]
    if len(set(asked)) < len(asked):
        return "trial: the same outcome of the same contrast is asked twice"
    told = [
        (words, each.population, outcome) for each in ratios for words in each.contrasts for outcome in each.outcomes
    ]
    if len(set(told)) < len(told):
        return "ratio: the same outcome of the same cohort is asked twice"
    return ""
