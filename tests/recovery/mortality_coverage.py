"""Estimates of the mortality study in simulated surveys of known truth, one a seed; writes mortality_coverage.json.

Run from the checkout, some six minutes: python tests/recovery/mortality_coverage.py 200. The frozen rows are judged, and some
of them made again, by test_mortality.py.
"""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.models.imputation import PooledEstimate
from pipelines.models.mortality import estimate
from pipelines.models.mortality_spec import Exposure, MortalityResult, MortalitySpec

HERE = Path(__file__).parent
_WORLD = runpy.run_path(str(HERE / "simulated_mortality.py"))
E2 = Exposure("estradiol", ("simulated",), float(_WORLD["RISKS_AT_MONTHS"]))
T_SCORE = Exposure("femoral_neck_t_score", ("simulated",), float(_WORLD["RISKS_AT_MONTHS"]))
SPEC = MortalitySpec("simulated", seed=5, exposures=(E2, T_SCORE), n_imputations=20, populations=("men",))
PER_DOUBLING, PER_UNIT = -0.35, -0.2


def population() -> pl.DataFrame:
    """60,000 people whose estradiol is known, over whom true risks are averaged."""
    frame, log2_e2 = _WORLD["simulated_mortality"](seed=999, people_per_psu=2000)
    return frame.with_columns(e2_hi_pg_ml=pl.Series(2.0**log2_e2))


def of_seed(seed: int, everybody: pl.DataFrame) -> dict[str, list[float] | None]:
    """Estimate, error, interval and truth of every figure of one simulated survey; None where it is not estimated."""
    frame, _ = _WORLD["simulated_mortality"](seed)
    e2, score = (estimate(frame, SPEC, exposure, "men") for exposure in (E2, T_SCORE))
    true_risk = _WORLD["true_risk"]
    by_e2 = true_risk(everybody, float(np.log2(e2.high)), None) - true_risk(everybody, float(np.log2(e2.low)), None)
    by_score = true_risk(everybody, None, score.high) - true_risk(everybody, None, score.low)
    others = {each.method: each.log_hazard_ratio for each in e2.comparisons}
    return {
        "e2_ratio": _told(e2.log_hazard_ratio, PER_DOUBLING),
        "score_ratio": _told(score.log_hazard_ratio, PER_UNIT),
        "e2_risk": _told(e2.risk_difference, by_e2),
        "score_risk": _told(score.risk_difference, by_score),
        "substituted_ratio": _told(others["lloq_over_sqrt2"], PER_DOUBLING),
        "measured_ratio": _told(others["measured_only"], PER_DOUBLING),
        "late_ratio": _told(others["after_late_from_months"], PER_DOUBLING),
        "people": _sizes(e2),
    }


def _told(found: PooledEstimate | None, truth: float) -> list[float] | None:
    if found is None:
        return None
    return [float(f"{each:.8g}") for each in (found.estimate, found.standard_error, found.ci_low, found.ci_high, truth)]


def _sizes(found: MortalityResult) -> list[float]:
    return [found.n, found.n_events, found.n_censored]


def main() -> None:
    """Command line."""
    everybody = population()
    rows = [of_seed(seed, everybody) for seed in range(int(sys.argv[1]))]
    lines = ",\n".join(json.dumps(row) for row in rows)
    (HERE / "mortality_coverage.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
