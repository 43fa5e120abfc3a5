"""What makes the data hard, one switch at a time: naive estimates and truths with all off, and with each alone.

Here: which difficulty spoils which comparison, and the run of both sides. Not here: the analyses (`comparisons`), the
cohorts (`observed`), the arms (`studies`, `truth`).

`python -m pipelines.synth.difficulty_table --help` computes the table of docs/simulator-truth.md.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.synth.comparisons import COMPARISONS
from pipelines.synth.contrasts import Estimate, jackknife
from pipelines.synth.mechanism.people import MALE_T
from pipelines.synth.mechanism.regimes import Regime
from pipelines.synth.observed import EVENTS_WOMEN, Men, Women, men, women
from pipelines.synth.parameters import Parameters, Value
from pipelines.synth.studies import NO_ADD_ON, SUSTAINED, Study, adjuvant_arms, everybody, fixed_dose, only, studies
from pipelines.synth.truth import run_study

SWITCHES = (
    *("confounding_by_indication", "treatment_confounder_feedback", "informative_dxa", "informative_stopping"),
    *("prevalent_users", "immortal_time", "unmeasured_confounder", "assay_scanner_changes"),
)
#: shapes of the population rather than sources of bias; off with the others
_SHAPES = ("non_suppressors", "heavy_tails")


@dataclass(frozen=True, slots=True)
class Gap:
    """Truth and naive estimate of one comparison, independent of each other."""

    truth: Estimate
    naive: Estimate

    @property
    def bias(self) -> float:
        """Naive minus truth."""
        if self.truth.value is None or self.naive.value is None:
            raise ValueError("too few people for an estimate")
        return self.naive.value - self.truth.value

    @property
    def standard_error(self) -> float:
        """Monte-Carlo standard error of the bias."""
        if self.truth.standard_error is None or self.naive.standard_error is None:
            raise ValueError("too few people for a standard error")
        return float(np.hypot(self.truth.standard_error, self.naive.standard_error))

    @property
    def in_standard_errors(self) -> float:
        """Bias over its standard error."""
        return self.bias / self.standard_error

    def as_json(self) -> dict[str, Any]:
        """Figures of the table; bias null where there are too few people."""
        told: dict[str, Any] = {"truth": self.truth.as_json(), "naive": self.naive.as_json()}
        known = None not in (*told["truth"].values(), *told["naive"].values())
        told["bias"] = round(self.bias, 6) if known else None
        told["standard_error"] = round(self.standard_error, 6) if known else None
        return told


_SUSTAINED_ARMS = {"lumbar_spine_24_months_sustained", "arthralgia_2_years_on_ai"}
_NO_START = _SUSTAINED_ARMS | {"estradiol_change_on_tamoxifen", "vertebral_fracture_on_record"}
#: what each difficulty, on alone, must be seen to spoil, and the sign of the bias
SPOILS: dict[str, dict[str, int]] = {
    "confounding_by_indication": {"fracture_5_years": -1, "estradiol_after_add_on": 1},
    "treatment_confounder_feedback": {"estradiol_kept_dose": 1},
    "informative_dxa": {"lumbar_spine_24_months_start": -1, "vertebral_fracture_on_record": 1},
    "informative_stopping": {"arthralgia_2_years_on_ai": -1},
    "prevalent_users": {"arthralgia_1_year": -1},
    "immortal_time": {"death_ever_treated": -1},
    "unmeasured_confounder": {"negative_control_hazard_ratio": 1, "heart_failure_hazard_ratio": 1},
    "assay_scanner_changes": {"estradiol_change_on_tamoxifen": -1},
}


#: parameters that differ while a difficulty is shown alone: the usual tenth of prevalent users is too few to be seen
STRENGTH: dict[str, dict[str, Value]] = {"prevalent_users": {"people.prevalent_share": 0.5}}


def with_only(p: Parameters, difficulty: str | None) -> Parameters:
    """All difficulties off but one (or none), that one as strong as STRENGTH says."""
    off = {f"difficulty.{name}": False for name in (*SWITCHES, *_SHAPES)}
    if difficulty is None:
        return p.replace(off)
    return p.replace(off | {f"difficulty.{difficulty}": True} | STRENGTH.get(difficulty, {}))


def _truth_studies(p: Parameters, wanted: set[str]) -> dict[str, Study]:
    """The arms that these comparisons need, and no more."""
    known = studies(p)
    pair = {name: regime for name, regime in adjuvant_arms().items() if name != "none"}
    both = {name: regime for name, regime in adjuvant_arms(**SUSTAINED).items() if name != "none"}
    bone = (("lumbar_spine", 24), ("total_hip", 24))
    events = (*EVENTS_WOMEN, "any_vertebral_fracture")
    dose: dict[str, Regime] = {"dose": fixed_dose(0.5, 2.0), "none": NO_ADD_ON}
    out = {}
    if wanted & {name for name, c in COMPARISONS.items() if c.cohort == "women" and name not in _NO_START}:
        out["start"] = replace(known["ai_vs_tamoxifen"], arms=pair, bone=bone, events=events)
    if wanted & _SUSTAINED_ARMS:
        sustained = known["ai_vs_tamoxifen/sustained"]
        out["sustained"] = replace(sustained, arms=both, years=3, bone=bone[:1], events=("arthralgia",))
    if "estradiol_kept_dose" in wanted:
        out["kept"] = Study("", only(MALE_T), everybody, dose, (), "sustained", years=1, levels=(("estradiol", 336),))
    if "estradiol_after_add_on" in wanted:
        out["add_on"] = replace(known["trt_ai_addon/add_on"], years=1, bone=(), events=(), levels=(("estradiol", 56),))
    return out


def gaps(
    p: Parameters, wanted: set[str], persons: int, truth_persons: int, seed: int, truth_seed: int
) -> dict[str, Gap]:
    """Naive estimates and truths of some comparisons under given parameters.

    Args:
        p: parameters; the switches of `difficulty` as wanted.
        wanted: keys of COMPARISONS.
        persons: people of the protocol behind each naive estimate.
        truth_persons: people of the protocol behind each truth.
        seed: of the observed people.
        truth_seed: of the truth; another one makes the two independent.
    """
    truths = {name: run_study(p, truth_seed, truth_persons, study) for name, study in _truth_studies(p, wanted).items()}
    needed = {COMPARISONS[name].cohort for name in wanted}
    cohorts: dict[str, Women | Men] = {}
    if "women" in needed:
        cohorts["women"] = women(p, seed, persons)
    if "men" in needed:
        cohorts["men"] = men(p, seed, persons)
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, comparison in COMPARISONS.items():
            if name in wanted:
                truth = jackknife(comparison.truth_of(truths))
                found[name] = Gap(truth, jackknife(comparison.naive_of(cohorts[comparison.cohort])))
    return found
