"""One pair of arms of a run, with what all its questions share: people, weights, rows, controls, the positive control.

Each is computed once, when it is first asked for. Not here: what is made of it (`risk_tables`).
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipelines.models.arm_risk import RatioEstimate
from pipelines.models.control_null import Controls, controls
from pipelines.models.control_tables import SCALE
from pipelines.models.empirical_null import LEAST_CONTROLS
from pipelines.models.errors import NotEstimable
from pipelines.models.propensity_model import prepared_risk
from pipelines.models.risk_contrast import PreparedRisk, ratios_of, rows_of
from pipelines.models.risk_weighting import PairPeriods, WeightedRows
from pipelines.run_facts import Inputs
from pipelines.trials.risk import Risk, RiskQuestion
from pipelines.trials.study import Study


@dataclass(frozen=True)
class RiskPair:
    """A pair of arms and the tables of a run."""

    inputs: Inputs
    study: Study
    risk: Risk

    @cached_property
    def _periods(self) -> dict[bytes, PairPeriods]:
        """Weights by follow-up: outcomes that nothing but death and the end of observation censor share theirs."""
        return {}

    @cached_property
    def _controls(self) -> dict[str, Controls]:
        return {}

    @cached_property
    def _positive_ratios(self) -> dict[int, RatioEstimate | None]:
        return {}

    @cached_property
    def predictive_values(self) -> dict[str, float]:
        """Published share of true ones among recorded events, by outcome; none where none was found, or all are true."""
        known = self.inputs["ref.phenotype"].filter(pl.col("ppv_pct").is_between(0, 100, closed="none"))
        return {code: pct / 100 for code, pct in known.select("phenotype_code", "ppv_pct").collect().iter_rows()}

    @cached_property
    def _prepared(self) -> PreparedRisk | str:
        return prepared_risk(self.inputs, self.study, self.risk, self.risk.outcomes)

    @property
    def prepared(self) -> PreparedRisk:
        """Ready for every outcome.

        Raises:
            NotEstimable: why it is not.
        """
        if isinstance(self._prepared, str):
            raise NotEstimable(self._prepared)
        return self._prepared

    def rows(self, outcome: str, *, possible: bool = False) -> WeightedRows:
        """Weighted rows of an outcome to the last horizon.

        Raises:
            NotEstimable: the pair or the outcome has none.
        """
        course = self.prepared.frame.courses.get(outcome)
        if course is None:
            raise NotEstimable("the data hold no follow-up for the outcome")
        kind = course.followed.tobytes() + course.is_dead.tobytes()
        if kind not in self._periods:
            self._periods[kind] = self.prepared.periods(outcome, max(self.risk.horizons_days))
        return rows_of(self.prepared, outcome, self._periods[kind], possible=possible)

    def controls(self, question: RiskQuestion) -> Controls:
        """The negative controls at the horizon of a question."""
        if question.words not in self._controls:
            self._controls[question.words] = controls(
                self.inputs, self.study.id, question.words, question.population, SCALE, LEAST_CONTROLS
            )
        return self._controls[question.words]

    def positive_ratio(self, horizon_days: int) -> RatioEstimate | None:
        """The ratio of the positive control by a horizon; None where an arm has no event of it.

        Raises:
            NotEstimable: as `ratios_of`.
            ValueError: no positive control is named.
        """
        known = self.risk.positive_control
        if known is None:
            raise ValueError("the pair names no positive control")
        if horizon_days not in self._positive_ratios:
            (self._positive_ratios[horizon_days],) = ratios_of(self.rows(known.outcome), [horizon_days])
        return self._positive_ratios[horizon_days]
