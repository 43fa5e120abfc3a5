"""A study file as a typed, validated object, and its hash. What the numbers mean to an estimator is read by the estimator."""

import json
import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import BadInput
from pipelines.trials.code_list import (
    covariates_known,
    measured_controls_known,
    measured_levels,
    outcomes_known,
    unlisted,
)
from pipelines.trials.cohort import Cohort
from pipelines.trials.contrast import POINT_TREATMENT, Contrast
from pipelines.trials.exposure import CURVE, DOSE, Curve, Dose
from pipelines.trials.modifier import MODIFIER, RATIO, Modifier, ModifierQuestion, Ratio, Trial, problem_of_questions
from pipelines.trials.policy import POLICY, Policy
from pipelines.trials.risk import RISK, Risk
from pipelines.trials.rule import ADULT_YEARS, MinimumAge
from pipelines.trials.study_line import line_of
from pipelines.trials.survey_rule import COVARIATES, OUTCOMES, PROFILES, Criterion, Population
from pipelines.trials.symptom import SYMPTOM, Symptom
from pipelines.trials.time_course import TIME_COURSE, TimeCourse
from pipelines.trials.waiver import Waiver, closing_diagnostics, problem_of_all

Design = Literal[
    "point_treatment",
    "longitudinal",
    "dose_response",
    "regime",
    "survey_association",
    "survey_hazard",
    "pre_post",
    "descriptive",
]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# What each kind of question of a clinical study asks at least. A study without any is not estimated yet.
CLINICAL_PROFILES: dict[str, dict[str, float]] = {
    "contrast": POINT_TREATMENT,
    "curve": CURVE,
    "dose": DOSE,
    "policy": POLICY,
    "risk": RISK,
    "symptom": SYMPTOM,
    "time_course": TIME_COURSE,
    "trial": MODIFIER,
    "ratio": RATIO,
}
# Designs that compare arms; the others look within people or along a scale.
_COMPARING = frozenset({"point_treatment", "longitudinal"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Covariates(_Part):
    """Covariates as known at time zero."""

    codes: tuple[Code, ...] = ()


class Outcomes(_Part):
    """Outcomes, the primary ones first."""

    primary: tuple[Code, ...] = Field(min_length=1)
    secondary: tuple[Code, ...] = ()


class Study(_Part):
    """One study file: a survey with a population, or a clinical study with cohorts.

    `estimation` belongs to the estimator of the design, which validates it. A clinical study without contrasts is not
    estimated yet: its file names no diagnostics, its cohorts and their attrition are all there is.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    question: str
    design: Design
    sources: tuple[Literal["nhanes", "omop", "flat"], ...]
    population: Population = Population(cycles=(), minimum_age_years=ADULT_YEARS, arms="sex")
    eligibility: tuple[Criterion, ...] = ()
    cohort: tuple[Cohort, ...] = ()
    contrast: tuple[Contrast, ...] = ()
    curve: tuple[Curve, ...] = ()
    dose: tuple[Dose, ...] = ()
    policy: tuple[Policy, ...] = ()
    risk: tuple[Risk, ...] = ()
    waiver: tuple[Waiver, ...] = ()
    symptom: tuple[Symptom, ...] = ()
    time_course: tuple[TimeCourse, ...] = ()
    trial: tuple[Trial, ...] = ()
    modifier: tuple[Modifier, ...] = ()
    ratio: tuple[Ratio, ...] = ()
    negative_controls: tuple[str, ...] = ()
    covariates: Covariates = Covariates()
    outcomes: Outcomes
    estimation: dict[str, Any] = {}
    diagnostics: dict[str, float] = {}

    @model_validator(mode="after")
    def _coherent(self) -> "Study":
        both = set(self.outcomes.primary) & set(self.outcomes.secondary)
        if both:
            raise ValueError(f"outcomes: {', '.join(sorted(both))} is both primary and secondary")
        # What is measured at time zero may be a covariate and, measured later, the outcome: not so in a survey, which asks once.
        before = measured_levels() if self.cohort else frozenset()
        if adjusted := ({*self.outcomes.primary, *self.outcomes.secondary} & set(self.covariates.codes)) - before:
            raise ValueError(f"outcomes: {', '.join(sorted(adjusted))} is also a covariate")
        if self.trial or self.modifier or self.ratio:
            self._coherent_modifiers()
        elif self.cohort:
            self._coherent_clinical()
        else:
            self._coherent_survey()
        self._diagnosed()
        return self

    def _coherent_clinical(self) -> None:
        if {"population", "eligibility"} & self.model_fields_set:
            raise ValueError("population and eligibility belong to surveys; here each cohort has its own")
        codes = [cohort.code for cohort in self.cohort]
        if len(set(codes)) < len(codes):
            raise ValueError("cohort: a code occurs twice")
        if self.design in _COMPARING and (alone := [c.code for c in self.cohort if len(c.arms) < 2]):
            raise ValueError(f"cohort: {', '.join(alone)} has no comparator, which design {self.design} needs")
        outcomes = (*self.outcomes.primary, *self.outcomes.secondary)
        for name, given, known in (
            ("covariates.codes", self.covariates.codes, covariates_known()),
            ("outcomes.primary", self.outcomes.primary, outcomes_known()),
            ("outcomes.secondary", self.outcomes.secondary, outcomes_known()),
            ("negative_controls", self.negative_controls, measured_controls_known()),
        ):
            if wrong := unlisted(given, known):
                raise ValueError(f"{name}: {wrong}")
        for number, contrast in enumerate(self.contrast):
            if problem := contrast.problem(self.cohort, outcomes):
                raise ValueError(f"contrast.{number}: {problem}")
        for kind in ("curve", "dose", "policy", "symptom", "time_course"):
            for number, question in enumerate(getattr(self, kind)):
                if problem := question.problem(self.cohort, outcomes, self.covariates.codes):
                    raise ValueError(f"{kind}.{number}: {problem}")
        for number, risk in enumerate(self.risk):
            if problem := risk.problem(self.cohort, outcomes, self.risk):
                raise ValueError(f"risk.{number}: {problem}")
        for kind in CLINICAL_PROFILES:
            asked = [each for entry in getattr(self, kind) for each in getattr(entry, "questions", (entry,))]
            if len({(each.words, each.population, each.outcome) for each in asked}) < len(asked):
                raise ValueError(f"{kind}: the same one occurs twice")
        asked = (self.contrast, self.curve, self.dose, self.policy, self.risk, self.symptom)
        closing = closing_diagnostics(*asked, time_courses=self.time_course)
        if problem := problem_of_all(self.waiver, closing):
            raise ValueError(problem)

    def _coherent_modifiers(self) -> None:
        own = {"population", "eligibility", "cohort", "covariates", "negative_controls", *CLINICAL_PROFILES}
        own -= {"trial", "ratio"}
        # What is given as it is by default says nothing: so an exported protocol can be read back.
        fields = type(self).model_fields
        said = {name for name in own if getattr(self, name) != fields[name].get_default(call_default_factory=True)}
        if given := sorted(said):
            raise ValueError(f"{given[0]}: people and covariates are those of the trials that it names")
        if not self.trial:
            raise ValueError("trial: none is named whose effect may differ")
        if problem := problem_of_questions(
            self.trial, self.modifier, self.ratio, (*self.outcomes.primary, *self.outcomes.secondary)
        ):
            raise ValueError(problem)
        if problem := problem_of_all(
            self.waiver, closing_diagnostics(modifiers=self.modifier_questions, ratios=self.ratio)
        ):
            raise ValueError(problem)

    def _coherent_survey(self) -> None:
        if missing := [name for name in ("population", "eligibility") if name not in self.model_fields_set]:
            raise ValueError(f"{', '.join(missing)}: a survey needs it, and a clinical study needs a cohort")
        if not self.eligibility:
            raise ValueError("eligibility: at least one step is needed")
        if asked := [kind for kind in CLINICAL_PROFILES if getattr(self, kind)]:
            raise ValueError(f"{asked[0]}: is asked of cohorts; a survey has none")
        if self.waiver:
            raise ValueError("waiver: the presentation rules of a survey are its publisher's; none can be waived")
        for name, given, known in (
            ("covariates.codes", self.covariates.codes, COVARIATES),
            ("outcomes.primary", self.outcomes.primary, OUTCOMES),
            ("outcomes.secondary", self.outcomes.secondary, OUTCOMES),
        ):
            if wrong := [(place, code) for place, code in enumerate(given) if code not in known]:
                places = ", ".join(f"{name}.{place}: no {code}" for place, code in wrong)
                raise ValueError(f"{places}; a survey has {', '.join(known)}")

    def _diagnosed(self) -> None:
        asked = [profile for kind, profile in CLINICAL_PROFILES.items() if getattr(self, kind)]
        clinical = {name: bound for profile in asked for name, bound in profile.items()}
        profile = PROFILES.get(self.design) if self.is_survey else clinical
        if profile is None:
            raise ValueError(f"design: {self.design} has no diagnostic profile yet")
        if set(self.diagnostics) != set(profile):
            raise ValueError(f"diagnostics: must name {', '.join(sorted(profile)) or 'nothing: not estimated yet'}")
        for name, bound in profile.items():
            given = self.diagnostics[name]
            if (name.startswith("minimum") and given < bound) or (name.startswith("maximum") and given > bound):
                raise ValueError(f"diagnostics.{name}: {given} loosens the profile, which asks {bound}")

    @property
    def is_survey(self) -> bool:
        """Whether it analyses a survey; else it follows cohorts, or divides those of other studies."""
        return not (self.cohort or self.trial)

    @property
    def modifier_questions(self) -> tuple[ModifierQuestion, ...]:
        """Every outcome of every trial by every modifier."""
        return tuple(
            ModifierQuestion(trial, outcome, modifier)
            for trial in self.trial
            for outcome in trial.outcomes
            for modifier in self.modifier
        )

    @property
    def minimum_age_years(self) -> float:
        """Lowest age at time zero: of the survey, or the lowest that a cohort asks for."""
        if self.is_survey:
            return self.population.minimum_age_years
        asked = [step.years for cohort in self.cohort for step in cohort.eligibility if isinstance(step, MinimumAge)]
        return min(asked, default=ADULT_YEARS)

    def dose_numbers(self, dose: Dose) -> tuple[int, ...]:
        """Under which numbers of `ref.study_contrast` the outcomes of a dose stand, one for each of its cohorts."""
        before = sum(len(each.cohorts) for each in self.dose[: self.dose.index(dose)])
        first = len(self.contrast) + before + 1
        return tuple(range(first, first + len(dose.cohorts)))

    def policy_number(self, policy: Policy) -> int:
        """Under which number of `ref.study_contrast` the bone of a policy stands, after contrasts and doses."""
        before = len(self.contrast) + sum(len(each.cohorts) for each in self.dose)
        return before + 1 + self.policy.index(policy)

    @property
    def control_contrasts(self) -> tuple[Contrast, ...]:
        """Each measured negative control of each comparison: a contrast like those of its outcomes, at the same horizon."""
        compared = {(each.words, each.population): each for each in reversed(self.contrast)}
        designs = (each for each in self.contrast if compared[each.words, each.population] is each)
        return tuple(
            each.model_copy(update={"outcome": control}) for each in designs for control in self.negative_controls
        )

    def contrast_number(self, contrast: Contrast) -> int:
        """Under which number of `ref.study_contrast` a contrast stands; those of controls after everything else."""
        if contrast in self.contrast:
            return self.contrast.index(contrast) + 1
        before = len(self.contrast) + sum(len(each.cohorts) for each in self.dose) + len(self.policy)
        return before + 1 + self.control_contrasts.index(contrast)

    @property
    def seed(self) -> int:
        """Seed of folds and draws."""
        return int(self.estimation.get("seed", 1))

    @property
    def protocol_hash(self) -> str:
        """Hash of the content of the file, whatever its layout and comments."""
        # What a file does not ask is no part of it: a new kind of question leaves the hashes of other studies alone.
        unasked = {
            kind
            for kind in ("cohort", "waiver", "negative_controls", "modifier", *CLINICAL_PROFILES)
            if not getattr(self, kind)
        }
        if self.cohort:
            unasked.discard("contrast")
        content = json.dumps(self.model_dump(mode="json", exclude=unasked), sort_keys=True)
        return sha256(content.encode()).hexdigest()[:16]


def folder() -> Path:
    """Where study files lie."""
    return Path(__file__).parent / "studies"


def read(path: Path) -> Study:
    """One study file.

    Raises:
        BadInput: not TOML, or a field is missing, unknown or wrong; each problem names file, line and field.
    """
    text = path.read_text()
    try:
        content = tomllib.loads(text)
        study = Study.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path.name}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise BadInput([f"{path.name}: {_told(text, p['loc'], p['msg'])}" for p in error.errors()]) from error
    if study.id != path.stem:
        raise BadInput(f"{path.name}: id is '{study.id}'; it must be the name of the file")
    return study


def _told(text: str, loc: tuple[str | int, ...], message: str) -> str:
    line = line_of(text, loc, message)
    place = "" if line is None else f"line {line}: "
    return f"{place}{'.'.join(str(part) for part in loc) or 'file'}: {message}"


class Catalogue(dict[str, Study]):
    """Studies by id."""

    @cached_property
    def protocol_hashes(self) -> Mapping[str, str]:
        """Hash of the content of every study, by id: asked for by each step of each night."""
        return MappingProxyType({name: study.protocol_hash for name, study in self.items()})


@lru_cache(maxsize=8)
def catalogue(where: Path | None = None) -> Catalogue:
    """Every study, by id.

    Raises:
        BadInput: as `read`; or a study names a trial that no other one has.
    """
    paths = {path.stem: path for path in sorted((where or folder()).glob("*.toml"))}
    studies = Catalogue((name, read(path)) for name, path in paths.items())
    problems = [
        f"{paths[study.id].name}: {_told(paths[study.id].read_text(), (), problem)}"
        for study in studies.values()
        if (problem := _problem_of_trials(study, studies))
    ]
    if problems:
        raise BadInput(problems)
    return studies


def contrast_of(question: ModifierQuestion, studies: Mapping[str, Study]) -> tuple[Study, Contrast] | None:
    """The study and the contrast whose effect is divided; None where there is none such."""
    study = studies.get(question.trial.study)
    asked = (question.trial.contrast, question.population, question.outcome)
    if study is None:
        return None
    for contrast in study.contrast:
        if (contrast.words, contrast.population, contrast.outcome) == asked:
            return study, contrast
    return None


def curve_of(ratio: Ratio, outcome: str, studies: Mapping[str, Study]) -> tuple[Study, Curve] | None:
    """The study and the curve beside which a ratio is held; None where there is none such."""
    study = studies.get(ratio.study)
    if study is None:
        return None
    for curve in study.curve:
        if (curve.cohort, curve.population, curve.outcome) == (ratio.cohort, ratio.population, outcome):
            return study, curve
    return None


def _problem_of_trials(study: Study, studies: Mapping[str, Study]) -> str:
    """Why a trial that a study names cannot be divided; empty where all can."""
    for question in study.modifier_questions:
        place = f"trial.{study.trial.index(question.trial)}"
        found = contrast_of(question, studies)
        if found is None:
            return (
                f"{place}.contrast: no study {question.trial.study} has it of {question.outcome}, {question.population}"
            )
        if found[1].grace_intervals is not None:
            return f"{place}.contrast: is estimated by clones, which have no effect by person"
        if question.modifier.code in found[1].exclude:
            number = study.modifier.index(question.modifier)
            return f"modifier.{number}.code: {question.modifier.code} belongs to the arms of {question.trial.contrast}"
    for number, ratio in enumerate(study.ratio):
        for outcome in ratio.outcomes:
            if curve_of(ratio, outcome, studies) is None:
                return f"ratio.{number}.cohort: no study {ratio.study} has a curve of {outcome} in {ratio.cohort}"
    return ""


def select(ids: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The studies of a run: those asked for, or all that the source can serve.

    Raises:
        BadInput: an id that is no study, or a study that this source cannot serve.
    """
    studies = catalogue()
    if not ids:
        return tuple(name for name, study in studies.items() if source in study.sources)
    if unknown := [name for name in ids if name not in studies]:
        raise BadInput(f"no study {', '.join(unknown)}; there are {', '.join(studies)}")
    if wrong := [name for name in ids if source not in studies[name].sources]:
        raise BadInput(f"study {', '.join(wrong)} is not for source {source}")
    return ids
