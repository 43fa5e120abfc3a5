"""A study file as a typed, validated object, and its hash. What the numbers mean to an estimator is read by the estimator."""

import json
import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

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
from pipelines.trials.policy import POLICY, Policy
from pipelines.trials.risk import RISK, Risk
from pipelines.trials.rule import ADULT_YEARS, MinimumAge
from pipelines.trials.study_line import line_of
from pipelines.trials.symptom import SYMPTOM, Symptom
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
# Rules that sql/cohort/criterion.sql can answer; a test holds the two lists together.
Rule = Literal[
    "examined",
    "minimum_age",
    "man_or_postmenopausal_woman",
    "not_pregnant",
    "no_current_sex_hormone",
    "no_current_estrogen_axis_drug",
    "no_drug_on_estrogen_axis",
    "e2_by_lc_ms_ms",
    "valid_hip_or_spine_scan",
    "valid_femoral_neck_scan",
    "linked_to_deaths",
    "e2_or_femoral_neck_scan",
    "covariates_known",
]
Covariate = Literal["age_years", "body_mass_index", "race_ethnicity", "current_smoker", "testosterone_ng_dl"]
Outcome = Literal["femoral_neck_bmd_g_cm2", "total_hip_bmd_g_cm2", "lumbar_spine_bmd_g_cm2", "all_cause_death"]
CRITERIA: tuple[str, ...] = get_args(Rule)
COVARIATES: tuple[str, ...] = get_args(Covariate)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# What each design profile asks of a survey at least (design, section 6): minima may be raised, maxima lowered, nothing
# loosened.
PROFILES: dict[str, dict[str, float]] = {
    "survey_association": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "maximum_relative_standard_error": 0.30,
        "maximum_censored_share": 0.50,
    },
    "survey_hazard": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "minimum_events_per_parameter": 10,
        "minimum_followed_share": 0.95,
        "maximum_relative_standard_error": 0.30,
        "maximum_censored_share": 0.50,
    },
    "descriptive": {
        "minimum_n": 30,
        "minimum_effective_n": 30,
        "minimum_design_df": 8,
        "maximum_relative_standard_error": 0.30,
    },
}
# What each kind of question of a clinical study asks at least. A study without any is not estimated yet.
CLINICAL_PROFILES: dict[str, dict[str, float]] = {
    "contrast": POINT_TREATMENT,
    "curve": CURVE,
    "dose": DOSE,
    "policy": POLICY,
    "risk": RISK,
    "symptom": SYMPTOM,
}
# Designs that compare arms; the others look within people or along a scale.
_COMPARING = frozenset({"point_treatment", "longitudinal"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Population(_Part):
    """Who may enter: survey cycles (none named: all with data), least age, and how people fall into arms."""

    cycles: tuple[str, ...]
    minimum_age_years: float = Field(ge=0, le=120)
    arms: Literal["sex", "sex_and_menopause"]


class Criterion(_Part):
    """One eligibility step, asked in the order of the file."""

    rule: Rule
    label: str


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
        if self.cohort:
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
        for kind in ("curve", "dose", "policy", "symptom"):
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
        closing = closing_diagnostics(self.contrast, self.curve, self.dose, self.policy, self.risk, self.symptom)
        if problem := problem_of_all(self.waiver, closing):
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
        profile = clinical if self.cohort else PROFILES.get(self.design)
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
        """Whether it analyses a survey; else it follows cohorts."""
        return not self.cohort

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
            kind for kind in ("cohort", "waiver", "negative_controls", *CLINICAL_PROFILES) if not getattr(self, kind)
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
    """Every study, by id."""
    return Catalogue((path.stem, read(path)) for path in sorted((where or folder()).glob("*.toml")))


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
