"""The file of claims as typed, validated rules, and its hash. What a verdict is, is computed in `models.claim`.

A rule is refused with its line where it names what no study has, or leaves out what a verdict needs.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import isclose, log
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from pipelines.errors import BadInput
from pipelines.trials.code_list import outcome_scales
from pipelines.trials.rule import Part
from pipelines.trials.study import Study, catalogue, contrast_of
from pipelines.trials.study_line import line_of

CLAIM_IDS = tuple(f"H{number}" for number in range(1, 29))
KINDS = ("superiority", "equivalence", "threshold", "level")
FAMILIES = (
    "bone_density",
    "threshold",
    "bone_turnover",
    "fracture",
    "cardiovascular",
    "metabolic",
    "symptom",
    "pituitary_axis",
    "estradiol",
    "pharmacology",
)
#: estimands.md, Claims: 1.0 % of BMD a year; ln 1.10 for ratios; 0.2 SD else.
BMD_PER_YEAR = 1.0
RATIO = log(1.10)
SD_SHARE = 0.2
#: the rule that each scale of a measured outcome asks for; what is counted is compared by ratios
_RULE_OF_SCALE = {"change_pct": "bmd_per_year", "log_ratio": "ratio", "difference": "share_of_sd"}
_SURVEY_POPULATIONS = {"sex": ("men", "women"), "sex_and_menopause": ("men", "postmenopausal_women")}


class Smallest(Part):
    """The smallest effect of interest: a rule and what it needs. `span`: of a slope, over so many units of exposure."""

    rule: Literal["bmd_per_year", "ratio", "share_of_sd"]
    months: float | None = Field(default=None, gt=0)
    span: float | None = Field(default=None, gt=0)
    sd: float | None = Field(default=None, gt=0)
    source: str | None = Field(default=None, min_length=1)

    @property
    def delta(self) -> float:
        """In the unit of the estimate."""
        if self.rule == "bmd_per_year":
            return BMD_PER_YEAR * (self.months or 0.0) / 12 / (self.span or 1.0)
        return RATIO if self.rule == "ratio" else SD_SHARE * (self.sd or 0.0)

    @property
    def words(self) -> str:
        """Where the number comes from."""
        if self.rule == "bmd_per_year":
            over = f", over {self.span:g} units of exposure" if self.span else ""
            return f"{BMD_PER_YEAR:g} % a year over {self.months:g} months{over}"
        return "ratio of 1.10" if self.rule == "ratio" else f"{SD_SHARE:g} SD of {self.sd:g}: {self.source}"

    @property
    def problem(self) -> str:
        """What it lacks; empty where nothing."""
        if self.rule == "bmd_per_year" and self.months is None:
            return "months: 1.0 % a year over how many?"
        if self.rule == "share_of_sd" and (self.sd is None or self.source is None):
            return "sd, source: of which SD, and where does it stand?"
        return ""


class Truth(Part):
    """What the simulator calls the same figure."""

    study: str = Field(min_length=1)
    contrast: str
    figure: str = Field(min_length=1)


class ClaimPart(Part):
    """One population and figure of a claim. Where no study answers it, `absent` says why."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    population: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    estimand: str = Field(min_length=1)
    kind: Literal["superiority", "equivalence", "threshold", "level"] | None = None
    study: str | None = None
    contrast: str | None = None
    outcome: str | None = None
    side: Literal["above", "below"] | None = None
    smallest: Smallest | None = None
    named: tuple[float, float] | None = None
    absent: str | None = Field(default=None, min_length=1)
    truth: Truth | None = None


class Claim(Part):
    """A claim in words, how it is judged, and the best published answer."""

    id: str
    family: str
    kind: Literal["superiority", "equivalence", "threshold", "level"]
    is_dosing: bool
    claim: str = Field(min_length=1)
    published: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    part: tuple[ClaimPart, ...] = Field(min_length=1)


class _File(Part):
    claim: tuple[Claim, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """All claims, and the start of the sha256 of the file that holds them."""

    claims: tuple[Claim, ...]
    rules_hash: str


def path_of_rules() -> Path:
    """Where the rules stand."""
    return Path(__file__).parent / "claims.toml"


@lru_cache(maxsize=8)
def claim_rules(path: Path | None = None) -> ClaimRules:
    """The rules of the file.

    Raises:
        BadInput: not TOML, or a rule is missing, unknown or wrong; each problem names file, line and field.
    """
    path = path or path_of_rules()
    content = path.read_bytes()
    text = content.decode()
    try:
        claims = _File.model_validate(tomllib.loads(text)).claim
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path.name}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise BadInput([_told(path, text, p["loc"], p["msg"]) for p in error.errors()]) from error
    if problems := _problems(claims, catalogue()):
        raise BadInput([_told(path, text, place, words) for place, words in problems])
    return ClaimRules(claims, sha256(content).hexdigest()[:16])


Problem = tuple[tuple[str | int, ...], str]


def _told(path: Path, text: str, place: tuple[str | int, ...], words: str) -> str:
    line = line_of(text, place)
    where = "" if line is None else f"line {line}: "
    return f"{path.name}: {where}{'.'.join(str(part) for part in place)}: {words}"


def _problems(claims: tuple[Claim, ...], studies: dict[str, Study]) -> list[Problem]:
    found: list[Problem] = []
    ids = [claim.id for claim in claims]
    for number, claim in enumerate(claims):
        if claim.id not in CLAIM_IDS:
            found.append((("claim", number, "id"), f"no claim {claim.id}; there are {CLAIM_IDS[0]} to {CLAIM_IDS[-1]}"))
        elif ids.index(claim.id) < number:
            found.append((("claim", number, "id"), f"{claim.id} stands twice"))
        if claim.family not in FAMILIES:
            found.append((("claim", number, "family"), f"no family {claim.family}; there are {', '.join(FAMILIES)}"))
        codes = [part.code for part in claim.part]
        for place, part in enumerate(claim.part):
            at = ("claim", number, "part", place)
            if codes.index(part.code) < place:
                found.append(((*at, "code"), f"{part.code} stands twice in {claim.id}"))
            found += [((*at, field), words) for field, words in _of_part(claim, part, studies)]
    if missing := [name for name in CLAIM_IDS if name not in ids]:
        found.append((("claim",), f"{', '.join(missing)} missing: every claim has its rule before outcomes are read"))
    return found


def _of_part(claim: Claim, part: ClaimPart, studies: dict[str, Study]) -> list[tuple[str, str]]:
    """Field and problem, each."""
    found = _of_rule(part, part.kind or claim.kind)
    if part.study is None:
        if part.absent is None:
            found.append(("study", "names no study, and absent does not say why none answers it"))
        if part.contrast or part.outcome:
            found.append(("outcome" if part.outcome else "contrast", "belongs to a study, and none is named"))
        return found
    if part.absent is not None:
        return [*found, ("absent", f"{part.study} is named as well: one or the other")]
    study = studies.get(part.study)
    if study is None:
        return [*found, ("study", f"no study {part.study}; there are {', '.join(studies)}")]
    if part.outcome not in (*study.outcomes.primary, *study.outcomes.secondary):
        return [*found, ("outcome", f"{part.outcome} is no outcome of {study.id}")]
    return [
        *found,
        *_of_scale(part),
        *(_of_survey(claim, part, study) if study.is_survey else _of_contrast(part, study)),
    ]


def _of_rule(part: ClaimPart, kind: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if part.smallest and part.smallest.problem:
        found.append(("smallest", part.smallest.problem))
    if part.absent is not None:
        return found
    if kind in ("threshold", "level"):
        if part.named is None or not 0 < part.named[0] <= part.named[1]:
            found.append(("named", f"a claim of a {kind} names its value, as [low, high] above 0"))
        found += [(name, f"a {kind} has none") for name in ("side", "smallest") if getattr(part, name) is not None]
        return found
    if part.smallest is None:
        found.append(("smallest", f"missing: a claim of {kind} needs its smallest effect of interest"))
    if kind == "superiority" and part.side is None:
        found.append(("side", "missing: which side is claimed, above or below?"))
    if kind == "equivalence" and part.side is not None:
        found.append(("side", "no effect is claimed: there is no side"))
    if part.named is not None:
        found.append(("named", "only a claim of a threshold or level names a value"))
    return found


def _of_scale(part: ClaimPart) -> list[tuple[str, str]]:
    """The smallest effect must be in the unit of the outcome."""
    if part.smallest is None or part.outcome is None:
        return []
    scale = outcome_scales().get(part.outcome)
    asked = "share_of_sd" if part.outcome.endswith("_g_cm2") else _RULE_OF_SCALE.get(scale or "", "ratio")
    if part.smallest.rule != asked:
        return [("smallest", f"{part.outcome} is judged by {asked}, not by {part.smallest.rule}")]
    return []


def _of_survey(claim: Claim, part: ClaimPart, study: Study) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if claim.is_dosing:
        found.append(("study", f"{study.id} is a survey of the public, which says nothing about dosing"))
    if part.contrast is not None:
        found.append(("contrast", f"{study.id} is a survey and has none"))
    known = _SURVEY_POPULATIONS[study.population.arms]
    if part.population not in known:
        found.append(("population", f"{study.id} knows {', '.join(known)}"))
    return found


def _of_contrast(part: ClaimPart, study: Study) -> list[tuple[str, str]]:
    """An estimate is named exactly where the study makes one of this outcome in this population."""
    fits = {
        words: months
        for words, outcome, population, months in estimated(study)
        if (outcome, population) == (part.outcome, part.population)
    }
    if part.contrast is None:
        return [("contrast", f"missing: {study.id} estimates {'; '.join(fits)}")] if fits else []
    if part.contrast not in fits:
        there = "; ".join(fits) or f"none of {part.outcome} in {part.population}"
        return [("contrast", f"{study.id} has no {part.contrast}; it has {there}")]
    asked, given = part.smallest.months if part.smallest else None, fits[part.contrast]
    if asked is not None and given is not None and not isclose(asked, given):
        return [("smallest", f"{asked:g} months, but the contrast is at {given:g}")]
    return []


def estimated(study: Study) -> Iterator[tuple[str, str, str, float | None]]:
    """Contrast as results name it, outcome, population and months (None: a year's change) of all that a study estimates."""
    for each in study.contrast:
        yield each.words, each.outcome, each.population, each.horizon_months
    for each in study.curve:
        yield each.words, each.outcome, each.population, None
    for each in study.dose:
        for words in each.contrasts:
            yield words, each.outcome, each.population, each.horizon_months
    for each in study.time_course:
        for outcome in each.outcomes:
            yield each.words, outcome, each.population, None
    for each in study.symptom:
        for outcome in each.outcomes:
            for band in each.others:
                yield each.contrast(band), outcome, each.population, each.horizon_months
    for risk in study.risk:
        for each in risk.questions:
            yield each.words, each.outcome, each.population, each.horizon_months
            if risk.against is not None:
                yield each.interaction_words, each.outcome, each.population, each.horizon_months
    for each in study.modifier_questions:
        found = contrast_of(each, catalogue())
        yield each.words, each.outcome, each.population, None if found is None else found[1].horizon_months
    for each in study.ratio:
        for words in each.contrasts:
            for outcome in each.outcomes:
                yield words, outcome, each.population, None
    # Of a regime its bone alone: risks are told as differences, and claims about events ask for ratios.
    for each in study.policy:
        for regime in each.regimes:
            yield each.contrast(regime), each.outcome, each.population, each.horizon_months
