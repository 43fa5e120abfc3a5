"""A waiver: a dated entry of a study file by which one failing diagnostic of one question does not close its gate.

Here: what a study file may say, which diagnostics close the gate of each kind of question, and whether a waiver is in
force. What a gate makes of it stands in `models.gate_rule`. A diagnostic that was not evaluated cannot be waived.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from pipelines.trials.contrast import Contrast
from pipelines.trials.exposure import Curve, Dose
from pipelines.trials.modifier import ModifierQuestion, Ratio
from pipelines.trials.policy import Policy
from pipelines.trials.risk import Risk
from pipelines.trials.rule import Part
from pipelines.trials.symptom import Symptom
from pipelines.trials.time_course import TimeCourse

#: What closes the gate of each kind of question, as `models.diagnostic` names it; a test holds the lists to the estimators.
REQUIRED: dict[str, tuple[str, ...]] = {
    "contrast": (
        "outcomes_smaller_arm",
        "equipoise",
        "largest_standardised_difference",
        "largest_covariate_correlation",
        "observed_share_smaller",
        "censored_share",
        "detectable_difference",
    ),
    "curve": ("people_either_side", "support_ratio", "overlap_share", "observed_share", "censored_share"),
    "dose": (
        "pairs_in_category",
        "pairs_in_reference",
        "effective_n",
        "kept_share",
        "observed_share",
        "weight_mean_off",
    ),
    "policy": ("regime_followers", "natural_course_gap", "observed_share", "events"),
    "risk": (
        "at_risk_smaller_arm",
        "events",
        "events_in_each_arm",
        "detectable_ratio",
        "followed_share_smaller",
        "equipoise",
        "largest_covariate_correlation",
        "largest_standardised_difference",
        "negative_controls",
        "ease",
        "controls_covered_left_out",
        "positive_control",
    ),
    "symptom": (
        *("people_in_band", "people_in_reference", "effective_n", "events", "chance_share", "followed_share"),
        *("largest_standardised_difference", "weight_mean_off"),
    ),
    "symptom_line": ("people_either_side", "effective_n", "events", "censored_share", "followed_share"),
    "time_course": ("people_before_and_after", "people_first_week", "censored_share", "unknown_assay_share"),
    "interaction": ("shared_share", "both_gates"),
    "modifier": (
        *("trial_gate", "people_in_stratum", "outcomes_smaller_arm", "equipoise"),
        "largest_standardised_difference",
    ),
    "ratio": ("curve_gate", "people_with_both"),
    "survey_association": (
        "unweighted_n",
        "kish_effective_n",
        "design_df",
        "relative_standard_error",
        "censored_share",
        "imputation_model_converged",
    ),
    "survey_hazard": (
        *("unweighted_n", "kish_effective_n", "design_df", "events_per_parameter", "followed_share"),
        *("relative_standard_error", "censored_share", "imputation_model_converged"),
    ),
    "descriptive": ("unweighted_n", "kish_effective_n", "design_df", "relative_standard_error"),
}
#: a question as results name it: contrast, outcome, population
Question = tuple[str, str, str]
Force = Literal["in force", "not yet in force", "expired"]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
_Day = Annotated[dt.date, Field(strict=True)]


class Waiver(Part):
    """One diagnostic of one question, waived from `date` on, and with `until` up to that day, for a reason.

    `contrast`, `outcome` and `population` as `mart.diagnostic` has them.
    """

    diagnostic: str
    contrast: str
    outcome: str
    population: str
    date: _Day
    reason: _Line
    until: _Day | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Waiver":
        if self.until is not None and self.until < self.date:
            raise ValueError("until: lies before date")
        return self

    @property
    def question(self) -> Question:
        """What it is a waiver for."""
        return self.contrast, self.outcome, self.population

    def force(self, today: dt.date) -> Force:
        """Whether it counts on a day; both days named belong to it."""
        if today < self.date:
            return "not yet in force"
        return "in force" if self.until is None or today <= self.until else "expired"

    def problem(self, known: Mapping[Question, tuple[str, ...]]) -> str:
        """Why it does not fit the questions of its study; empty where it does."""
        for place, name in enumerate(("contrast", "outcome", "population")):
            asked = sorted({question[place] for question in known})
            if (given := getattr(self, name)) not in asked:
                return f"{name}: the study asks nothing of {given}; there are {'; '.join(asked) or 'none'}"
        if self.question not in known:
            return f"contrast: {self.contrast} is not asked of {self.outcome} in {self.population}"
        if self.diagnostic not in (closing := known[self.question]):
            return f"diagnostic: no {self.diagnostic} closes this gate; there are {', '.join(closing)}"
        return ""


def closing_diagnostics(
    contrasts: Iterable[Contrast] = (),
    curves: Iterable[Curve] = (),
    doses: Iterable[Dose] = (),
    policies: Iterable[Policy] = (),
    risks: Iterable[Risk] = (),
    symptoms: Iterable[Symptom] = (),
    modifiers: Iterable[ModifierQuestion] = (),
    ratios: Iterable[Ratio] = (),
    time_courses: Iterable[TimeCourse] = (),
) -> dict[Question, tuple[str, ...]]:
    """Every question of a clinical study, and the diagnostics that close its gate."""
    asked = [("contrast", (each.words, each.outcome, each.population)) for each in contrasts]
    asked += [("curve", (each.words, each.outcome, each.population)) for each in curves]
    asked += [("dose", (words, each.outcome, each.population)) for each in doses for words in each.contrasts]
    asked += [
        ("policy", (each.contrast(regime, group), outcome, each.population))
        for each in policies
        for group in each.groups
        for regime in each.regimes
        for outcome in each.outcomes
    ]
    for risk in risks:
        for each in risk.questions:
            asked.append(("risk", (each.words, each.outcome, each.population)))
            if risk.against is not None:
                asked.append(("interaction", (each.interaction_words, each.outcome, each.population)))
    for each in symptoms:
        bands = {each.contrast(band) for band in each.others}
        for words in each.contrasts:
            kind = "symptom" if words in bands else "symptom_line"
            asked += [(kind, (words, outcome, each.population)) for outcome in each.outcomes]
    asked += [("modifier", (each.words, each.outcome, each.population)) for each in modifiers]
    asked += [
        ("ratio", (words, outcome, each.population))
        for each in ratios
        for words in each.contrasts
        for outcome in each.outcomes
    ]
    asked += [
        ("time_course", (each.words, outcome, each.population)) for each in time_courses for outcome in each.outcomes
    ]
    return {question: REQUIRED[kind] for kind, question in asked}


def problem_of_all(waivers: tuple[Waiver, ...], known: Mapping[Question, tuple[str, ...]]) -> str:
    """The first waiver that does not fit, by number; empty where all do."""
    seen: set[tuple[str, Question]] = set()
    for number, waiver in enumerate(waivers):
        if problem := waiver.problem(known):
            return f"waiver.{number}.{problem}"
        if (key := (waiver.diagnostic, waiver.question)) in seen:
            return f"waiver.{number}.diagnostic: it is waived twice for this question; keep the entry that counts"
        seen.add(key)
    return ""
