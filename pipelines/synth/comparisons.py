"""The estimands on which a naive analysis is held against the truth, and how either is read off.

Here: the naive analyses (nothing adjusted for, as treated, complete cases, prevalent users as if new) and the truth each
of them is after. Not here: the cohorts (`observed`), the arms (`studies`, `truth`), which difficulty spoils which
(`difficulties`). A reader of either kind gives [1 + GROUPS] jackknife replicates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.synth import contrasts
from pipelines.synth.contrasts import Tally, means, tally
from pipelines.synth.mechanism.people import YEAR
from pipelines.synth.observed import AI_SEEN, EVENTS_WOMEN, TAMOXIFEN_SEEN, Men, Women
from pipelines.synth.truth import Reading

_YEARS = 5
_TWO_YEARS = 728  # days
_VERTEBRAL = len(EVENTS_WOMEN)
Truths = Mapping[str, Mapping[str, Reading]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One estimand: how the truth is read off, and how a naive analyst would read it off.

    Attributes:
        study: key of `studies`.
        estimand: in words.
        naive: what the naive analysis does, in words.
        unit: of both figures.
        cohort: "women" or "men".
        truth_of: replicates from the counterfactual readings.
        naive_of: replicates from the cohort.
    """

    study: str
    estimand: str
    naive: str
    unit: str
    cohort: str
    truth_of: Callable[[Truths], np.ndarray]
    naive_of: Callable[[Any], np.ndarray]


def _nothing(truths: Truths) -> np.ndarray:
    """The truth of what no drug does."""
    return np.zeros(1 + contrasts.GROUPS)


def _true_tallies(truths: Truths, event: str) -> tuple[Tally, Tally]:
    arms = truths["start"]
    one, zero = (
        tally(arm.events[event], arm.death, _YEARS * YEAR, arm.person)
        for arm in (arms["aromatase_inhibitor"], arms["tamoxifen"])
    )
    return one, zero


def _true_mean(study: str, arm: str, value: str, other: str | None = None) -> Callable[[Truths], np.ndarray]:
    def read(truths: Truths) -> np.ndarray:
        mean = [
            means(truths[study][name].values[value], truths[study][name].person)
            for name in (arm, other)
            if name is not None
        ]
        return mean[0] - mean[1] if other is not None else mean[0]

    return read


def _seen_tally(cohort: Women, which: np.ndarray, event: int) -> Tally:
    return tally(cohort.events[event][which], cohort.death[which], cohort.last[which], cohort.person[which])


def _risk_difference(event: str, years: int, ever: bool = False) -> dict[str, Callable]:
    def truth_of(truths: Truths) -> np.ndarray:
        one, zero = _true_tallies(truths, event)
        return 100.0 * (contrasts.risks(one, years) - contrasts.risks(zero, years))

    def naive_of(cohort: Women) -> np.ndarray:
        one, zero = (_seen_tally(cohort, which, EVENTS_WOMEN.index(event)) for which in _groups(cohort, ever))
        return 100.0 * (contrasts.risks(one, years) - contrasts.risks(zero, years))

    return {"truth_of": truth_of, "naive_of": naive_of}


def _groups(cohort: Women, ever: bool = False) -> tuple[np.ndarray, np.ndarray]:
    treated = cohort.first != 0
    if ever:  # whoever took an inhibitor at any time counts from time zero
        return treated & cohort.ever_ai, treated & ~cohort.ever_ai
    return cohort.first == AI_SEEN, cohort.first == TAMOXIFEN_SEEN


def _log_hazard_ratio(event: str, years: int) -> dict[str, Callable]:
    def truth_of(truths: Truths) -> np.ndarray:
        return contrasts.log_hazard_ratios(*_true_tallies(truths, event), years)

    def naive_of(cohort: Women) -> np.ndarray:
        one, zero = (_seen_tally(cohort, which, EVENTS_WOMEN.index(event)) for which in _groups(cohort))
        return contrasts.log_hazard_ratios(one, zero, years)

    return {"truth_of": truth_of, "naive_of": naive_of}


def _vertebral() -> dict[str, Callable]:
    def ratio(one: Tally, zero: Tally) -> np.ndarray:
        return np.log(contrasts.risks(one, _YEARS)) - np.log(contrasts.risks(zero, _YEARS))

    return {
        "truth_of": lambda truths: ratio(*_true_tallies(truths, "any_vertebral_fracture")),
        "naive_of": lambda cohort: ratio(*(_seen_tally(cohort, which, _VERTEBRAL) for which in _groups(cohort))),
    }


def _on_record(cohort: Women) -> np.ndarray:
    day, mean = np.where(cohort.broke <= _YEARS * YEAR, cohort.broke, np.nan), []
    known = np.where(np.isnan(day), np.nan, 100.0 * (cohort.events[_VERTEBRAL] < cohort.last))
    for which in _groups(cohort):
        mean.append(means(known[which], cohort.person[which]))
    return mean[0] - mean[1]


def _mean_difference(value: str, stays: bool) -> Callable[[Women], np.ndarray]:
    def read(cohort: Women) -> np.ndarray:
        one, zero = (which & cohort.stays if stays else which for which in _groups(cohort))
        measured = getattr(cohort, value)
        return means(measured[one], cohort.person[one]) - means(measured[zero], cohort.person[zero])

    return read


def _true_arthralgia(truths: Truths) -> np.ndarray:
    arm = truths["sustained"][_AI]
    day = np.where(arm.death > _TWO_YEARS, arm.events["arthralgia"], np.nan)
    return means(np.where(np.isnan(day), np.nan, 100.0 * (day <= _TWO_YEARS)), arm.person)


def _stayers_arthralgia(cohort: Women) -> np.ndarray:
    day = cohort.events[EVENTS_WOMEN.index("arthralgia")]
    day = np.where((cohort.first == AI_SEEN) & cohort.stays & (cohort.last > _TWO_YEARS), day, np.nan)
    return means(np.where(np.isnan(day), np.nan, 100.0 * (day <= _TWO_YEARS)), cohort.person)


def _tamoxifen_mean(value: str) -> Callable[[Women], np.ndarray]:
    def read(cohort: Women) -> np.ndarray:
        who = cohort.first == TAMOXIFEN_SEEN
        return means(getattr(cohort, value)[who], cohort.person[who])

    return read


def _kept_dose(cohort: Men) -> np.ndarray:
    dose, none = cohort.keeps & cohort.co_dose, cohort.keeps & cohort.no_ai
    level = cohort.estradiol_at_year
    return means(level[dose], cohort.person[dose]) - means(level[none], cohort.person[none])


def _added(cohort: Men) -> np.ndarray:
    one, zero = cohort.asked & cohort.added, cohort.asked & ~cohort.added
    level = cohort.estradiol_after
    return means(level[one], cohort.person[one]) - means(level[zero], cohort.person[zero])


_AI, _TAM = "aromatase_inhibitor", "tamoxifen"
_AS_FIRST = "by first drug, no adjustment"
COMPARISONS: dict[str, Comparison] = {
    "lumbar_spine_24_months_start": Comparison(
        "ai_vs_tamoxifen",
        "AI - tamoxifen, start, lumbar spine at 24 months",
        _AS_FIRST + ", complete pairs of scans",
        "%",
        "women",
        _true_mean("start", _AI, "lumbar_spine_24_months", _TAM),
        _mean_difference("lumbar_change", False),
    ),
    "lumbar_spine_24_months_sustained": Comparison(
        "ai_vs_tamoxifen/sustained",
        "AI - tamoxifen, sustained, lumbar spine at 24 months",
        "people still on their first drug, complete pairs",
        "%",
        "women",
        _true_mean("sustained", _AI, "lumbar_spine_24_months", _TAM),
        _mean_difference("lumbar_change", True),
    ),
    "fracture_5_years": Comparison(
        "ai_fracture",
        "AI - tamoxifen, start, clinical fracture by 5 years",
        _AS_FIRST,
        "percentage points",
        "women",
        **_risk_difference("fracture", 5),
    ),
    "venous_thromboembolism_5_years": Comparison(
        "ai_cardiovascular",
        "AI - tamoxifen, start, thromboembolism by 5 years",
        _AS_FIRST,
        "percentage points",
        "women",
        **_risk_difference("venous_thromboembolism", 5),
    ),
    "heart_failure_hazard_ratio": Comparison(
        "ai_cardiovascular",
        "AI v tamoxifen, start, heart failure to 5 years",
        _AS_FIRST,
        "log hazard ratio",
        "women",
        **_log_hazard_ratio("heart_failure", 5),
    ),
    "negative_control_hazard_ratio": Comparison(
        "ai_cardiovascular",
        "AI v tamoxifen, start, any negative control within a year",
        _AS_FIRST,
        "log hazard ratio",
        "women",
        **_log_hazard_ratio("negative_control", 1),
    ),
    "vertebral_fracture_recorded": Comparison(
        "ai_fracture",
        "AI v tamoxifen, start, vertebral fracture (clinical or silent) by 5 years",
        "vertebral fractures on record",
        "log risk ratio",
        "women",
        **_vertebral(),
    ),
    "vertebral_fracture_on_record": Comparison(
        "ai_fracture",
        "AI - tamoxifen, share of vertebral fractures that are ever on record (alike if nobody looks harder)",
        "vertebral fractures on record over those that happened",
        "percentage points",
        "women",
        _nothing,
        _on_record,
    ),
    "death_ever_treated": Comparison(
        "ai_cardiovascular",
        "AI - tamoxifen, start, death by 5 years",
        "ever on an AI v tamoxifen only, from the first drug",
        "percentage points",
        "women",
        **_risk_difference("death", 5, ever=True),
    ),
    "arthralgia_1_year": Comparison(
        "symptoms_e2",
        "AI - tamoxifen, start, arthralgia by 1 year",
        "prevalent users count from the first day they are seen",
        "percentage points",
        "women",
        **_risk_difference("arthralgia", 1),
    ),
    "arthralgia_2_years_on_ai": Comparison(
        "symptoms_e2",
        "AI sustained, arthralgia by 24 months among those alive",
        "women still on their AI at 24 months",
        "%",
        "women",
        _true_arthralgia,
        _stayers_arthralgia,
    ),
    "estradiol_change_on_tamoxifen": Comparison(
        "ai_vs_tamoxifen",
        "change of log estradiol over 24 months, tamoxifen (none in the mechanism)",
        "whatever the assay",
        "log ratio",
        "women",
        _nothing,
        _tamoxifen_mean("estradiol_change"),
    ),
    "total_hip_24_months_on_tamoxifen": Comparison(
        "ai_vs_tamoxifen",
        "total hip at 24 months, tamoxifen, start",
        "complete pairs, whatever the densitometer",
        "%",
        "women",
        _true_mean("start", _TAM, "total_hip_24_months"),
        _tamoxifen_mean("hip_change"),
    ),
    "estradiol_kept_dose": Comparison(
        "ai_dose_response",
        "1 mg a week - none beside testosterone, sustained 336 days, log estradiol",
        "men whose dose was never changed",
        "log ratio",
        "men",
        _true_mean("kept", "dose", "log_estradiol_336_days", "none"),
        _kept_dose,
    ),
    "estradiol_after_add_on": Comparison(
        "trt_ai_addon/add_on",
        "add-on - not at one check, log estradiol 56 days later",
        "started v not, no adjustment",
        "log ratio",
        "men",
        _true_mean("add_on", "add", "log_estradiol_56_days", "not"),
        _added,
    ),
}
