"""`trabecula policy`: a profile file in, means under each named regime out, or the reason why there is no answer.

Reads the published build and computes nothing else; the profile is neither stored nor logged. The statistics are in
`models.dosing_profile`.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import polars as pl

from pipelines.errors import BadInput
from pipelines.run_facts import Inputs
from pipelines.settings import Settings
from pipelines.trials.policy import Policy
from pipelines.trials.study import Study, catalogue
from pipelines.warehouse.publish import current_build
from pipelines.warehouse.store import Store

STUDY = "titration_policy"
#: what a profile must say beside the covariates of the study
_ABOUT = ("sex", "age_years", "is_pregnant", "has_cancer")
_MEASURED = ("estradiol_pg_ml", "baseline_bmd_g_cm2")
_LEAST_AGE = 18
#: an error of 7 % in the width of an interval, in a time that one waits for
N_RESAMPLES = 100
_TABLES = (
    "features.outcome_value",
    "features.drug_supply",
    "features.covariate",
    "features.outcome_event",
    "features.symptom_episode",
    "staging.lab_result",
    "staging.observation",
    "cohort.trial_person",
    "ref.symptom_system",
    "models.threshold",
)
_WORDS = {
    "lumbar_spine_bmd_change_pct": "spine, % change",
    "any_fracture": "fracture, % of people",
    "gynecomastia": "gynecomastia, % of people",
    "water_retention": "fluid, % of people",
    "time_in_window_pct": "tests in window, %",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One pattern of covariates, checked: `covariates` by name, estradiol in pg/mL."""

    sex: str
    age_years: float
    is_pregnant: bool
    has_cancer: bool
    covariates: Mapping[str, float]
    e2_pg_ml: float


def read_profile(path: Path, study: Study) -> Profile:
    """A profile file (TOML).

    Raises:
        BadInput: not readable, or a key is missing, unknown or no number; it names keys, never values.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name}: cannot be read: {type(error).__name__}") from error
    except tomllib.TOMLDecodeError as error:
        # The parser quotes what it read: a value of somebody.
        raise BadInput(f"{path.name}: not valid TOML; keys and values stand as key = value, a line each") from error
    asked = (*_ABOUT, *_MEASURED, *(code for code in study.covariates.codes if code not in _ABOUT))
    problems = [f"{path.name}: {key} is missing" for key in asked if key not in content]
    problems += [
        f"{path.name}: {key} is not asked for; there are {', '.join(asked)}" for key in content if key not in asked
    ]
    for key in (key for key in asked if key in content):
        value = content[key]
        if key == "sex":
            is_right = value in ("male", "female")
        elif key.startswith(("is_", "has_")):
            is_right = isinstance(value, bool)
        else:
            is_right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            is_right = is_right and (key not in _MEASURED or value > 0)
        if not is_right:
            kind = (
                "male or female" if key == "sex" else "true or false" if key.startswith(("is_", "has_")) else "a number"
            )
            problems.append(f"{path.name}: {key} must be {kind}")
    if problems:
        raise BadInput(problems)
    covariates = {code: float(content[code]) for code in study.covariates.codes}
    covariates["baseline_log"] = math.log(content["baseline_bmd_g_cm2"])
    return Profile(
        content["sex"],
        float(content["age_years"]),
        content["is_pregnant"],
        content["has_cancer"],
        covariates,
        float(content["estradiol_pg_ml"]),
    )


@dataclass(frozen=True, slots=True)
class RegimeMean:
    """Mean of one outcome under one regime, or why there is none: of the outcome, or (no outcome) of the whole regime."""

    regime: str
    outcome: str | None
    why_not: str | None
    mean: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    spread_low: float | None = None
    spread_high: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of one pattern of covariates: means under each regime, or why there are none."""

    no_answer: str | None
    horizon_months: float | None = None
    waivers: tuple[str, ...] = ()
    is_simulated: bool = False
    means: tuple[RegimeMean, ...] = ()


def answer(settings: Settings, path: Path, *, is_simulated_asked: bool) -> Answer:
    """The answer, or why there is none.

    Raises:
        BadInput: nothing is published, the study was not run, or the profile file is wrong.
    """
    study = catalogue()[STUDY]
    policy = study.policy[0]
    profile = read_profile(path, study)
    inputs, estimates = _published(settings)
    # A profile is a stratum of its own: what is asked of everybody opens or hides it.
    estimates = estimates.filter(pl.col("contrast").is_in([policy.contrast(regime) for regime in policy.regimes]))
    if refused := _why_not_asked(profile, estimates, is_simulated_asked=is_simulated_asked):
        return Answer(refused)
    return _told(inputs, study, policy, profile, estimates)


def lines(told: Answer) -> list[str]:
    """An answer for the eye."""
    if told.no_answer is not None:
        return [f"no answer: {told.no_answer}"]
    found = [
        f"Mean outcomes at {told.horizon_months:g} months of people with this pattern under each named regime.",
        "No ranking, and no dose for a person. [95 % confidence interval] {95 % of such people}",
        *(f"Gate waived: {waiver}" for waiver in told.waivers),
        *(["Simulated people: this shows a form, not a fact."] if told.is_simulated else []),
    ]
    for regime, means in groupby(told.means, key=lambda each: each.regime):
        first, *others = means
        if first.outcome is None:
            found += ["", f"{regime}: no answer, {first.why_not}"]
        else:
            found += ["", regime, *(_line(each) for each in (first, *others))]
    return found


def _line(each: RegimeMean) -> str:
    words = _WORDS.get(each.outcome or "", each.outcome)
    if each.why_not is not None:
        return f"  {words:<28} {each.why_not}"
    spread = "" if each.spread_low is None else f"  {{{each.spread_low:.1f} to {each.spread_high:.1f}}}"
    return f"  {words:<28} {each.mean:6.1f}  [{each.ci_low:.1f} to {each.ci_high:.1f}]{spread}"


def _published(settings: Settings) -> tuple[Inputs, pl.DataFrame]:
    if current_build(settings) is None:
        raise BadInput(f"{settings.home}: nothing is published; run `trabecula run` first")
    build = Store(replace(settings, home=settings.home / "current"))
    inputs = {table: pl.scan_parquet(list(build.files(table))) for table in _TABLES}
    estimates = pl.read_parquet(list(build.files("models.effect_estimate"))).filter(pl.col("study_id") == STUDY)
    if estimates.is_empty():
        raise BadInput(f"{settings.home}: study {STUDY} is not in the published build; run it with --study {STUDY}")
    return inputs, estimates


def _why_not_asked(profile: Profile, estimates: pl.DataFrame, *, is_simulated_asked: bool) -> str:
    """Why nobody like this is told anything; empty where they may be."""
    if "simulated" in estimates["evidence_source"].to_list() and not is_simulated_asked:
        return "the published people are simulated; --simulated shows what an answer looks like"
    if profile.sex != "male":
        return "these regimes are for men on testosterone"
    if profile.age_years < _LEAST_AGE:
        return f"under {_LEAST_AGE} years"
    if profile.is_pregnant:
        return "pregnancy"
    if profile.has_cancer:
        return "cancer: inhibitors are dosed there by other rules"
    opened = estimates.filter(pl.col("gate_status") != "closed")
    if opened.is_empty():
        return f"the gate is closed: {estimates['gate_reason'].drop_nulls()[0]}"
    return ""


def _told(inputs: Inputs, study: Study, policy: Policy, profile: Profile, estimates: pl.DataFrame) -> Answer:
    from pipelines.models.dosing_profile import LEAST_LOCAL, local_effective_number, outside, profile_means
    from pipelines.models.errors import NotEstimable
    from pipelines.models.regime_frame import regime_frame
    from pipelines.models.regime_tables import change_point, rules, seed_of

    frame = regime_frame(inputs, study, policy)
    covariates = {name: profile.covariates[name] for name in frame.covariates.columns}
    if beyond := outside(frame, covariates, profile.e2_pg_ml):
        return Answer(f"{', '.join(beyond)} outside the 1st to 99th percentile of the people")
    alike = local_effective_number(frame, covariates, profile.e2_pg_ml)
    if alike < LEAST_LOCAL:
        return Answer(f"people like this count as fewer than {LEAST_LOCAL:.0f}")
    seed, window = seed_of(study), (policy.window_low, policy.window_high)
    try:
        means = profile_means(
            frame, covariates, profile.e2_pg_ml, rules(policy, change_point(inputs), seed), window, seed, N_RESAMPLES
        )
    except NotEstimable as error:
        return Answer(str(error))
    is_open = {
        (row["contrast"], row["outcome"]) for row in estimates.filter(pl.col("gate_status") != "closed").to_dicts()
    }
    waivers = estimates.filter(pl.col("gate_status") == "waived")["gate_reason"].unique(maintain_order=True)
    shut = {
        outcome
        for outcome in policy.outcomes
        if not any((policy.contrast(regime), outcome) in is_open for regime in policy.regimes)
    }
    found = []
    for regime in (policy.reference, *policy.regimes):
        own = [each for each in means if each.regime == regime]
        if not own:
            found.append(RegimeMean(regime, None, "no change-point was found"))
        for each in own:
            is_closed = each.outcome in shut or (
                regime != policy.reference and (policy.contrast(regime), each.outcome) not in is_open
            )
            numbers = (each.mean, each.ci_low, each.ci_high, each.spread_low, each.spread_high)
            found.append(
                RegimeMean(regime, each.outcome, "gate closed")
                if is_closed
                else RegimeMean(regime, each.outcome, None, *numbers)
            )
    return Answer(
        no_answer=None,
        horizon_months=policy.horizon_months,
        waivers=tuple(waivers),
        is_simulated="simulated" in estimates["evidence_source"],
        means=tuple(found),
    )
