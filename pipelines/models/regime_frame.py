"""Men at a test that allows an inhibitor as arrays: doses and tests by period, events, bone at the horizon.

Joins tables that earlier steps made; fits nothing. Periods begin with the action on a test; what a period holds is known by
its end.
"""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from pipelines.models.design_matrix import design_matrix
from pipelines.models.dose_frame import covariates_at_zero, dosed
from pipelines.models.modifier_frame import alleles, place_of
from pipelines.run_facts import Inputs
from pipelines.trials.code_list import genotypes, ingredients
from pipelines.trials.policy import Policy
from pipelines.trials.study import Study

_NOMINAL = ("race_ethnicity",)
#: results that cannot be right, or that a tablet of biotin moved
_NOT_TRUSTED = "implausible|unit_suspect|biotin"
#: a companion supplied no longer ago than this beyond its stock still counts: refills come late
_GRACE_DAYS = 90


@dataclass(frozen=True, slots=True, eq=False)
class RegimeFrame:
    """People [n] in periods [T].

    Attributes:
        names: of the outcomes: bone first, then events.
        covariates: [n rows] as known at time zero; `design` [n, p] their columns, centred, SD 1.
        e2_at_zero: [n] log pg/mL of the test of time zero.
        mg_per_week: [n, T] mean dose; NaN where not present.
        e2_low, e2_high: [n, T] bounds of the log of the last test of the period; NaN where there was none.
        is_present: [n, T] under observation, on the companion, dose known, to the end of the period.
        change: [n] of bone at the horizon; NaN where not measured or not followed.
        event: [n, T, E] begun in the period; `is_at_risk` [n, T, E] none before, and followed.
        n_before_scan: periods before the window of the scan opens.
        groups: names of strata; `member` [n, G] whether each belongs to it, as known at time zero.
    """

    names: tuple[str, ...]
    covariates: pl.DataFrame
    design: np.ndarray
    e2_at_zero: np.ndarray
    mg_per_week: np.ndarray
    e2_low: np.ndarray
    e2_high: np.ndarray
    is_present: np.ndarray
    change: np.ndarray
    event: np.ndarray
    is_at_risk: np.ndarray
    n_before_scan: int
    groups: tuple[str, ...] = ()
    member: np.ndarray | None = None

    @property
    def n(self) -> int:
        """People."""
        return self.e2_at_zero.size

    @property
    def is_seen(self) -> np.ndarray:
        """[n] bone measured at the horizon, present until its window opened."""
        return np.isfinite(self.change) & self.is_present[:, : self.n_before_scan].all(axis=1)

    def inside(self, group: str) -> np.ndarray:
        """[n] who belongs to a stratum; everybody where none is named."""
        if self.member is None or not group:
            return np.ones(self.n, dtype=bool)
        return self.member[:, self.groups.index(group)]

    def middle(self) -> np.ndarray:
        """[n, T] log of the test as a clinician reads it: the value, or the limit where it lies below."""
        return np.where(np.isfinite(self.e2_high), self.e2_high, self.e2_low)

    def outcome(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Outcome and where it is seen: [n] of bone, [n, T] of an event."""
        if name == self.names[0]:
            return np.where(self.is_seen, self.change, 0.0), self.is_seen
        number = self.names.index(name) - 1
        return self.event[:, :, number].astype(np.float64), self.is_at_risk[:, :, number]

    def taken(self, rows: np.ndarray) -> "RegimeFrame":
        """People by row number, with repeats."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        return RegimeFrame(
            **{
                name: part[rows] if isinstance(part, np.ndarray | pl.DataFrame) else part
                for name, part in parts.items()
            }
        )


def regime_frame(inputs: Inputs, study: Study, policy: Policy) -> RegimeFrame:
    """The frame of a policy; of nobody where the data have none."""
    people = _people(inputs, study, policy)
    rows = _periods(inputs, people, policy)
    shape = (people.height, policy.n_periods)
    place = (rows["person"].to_numpy(), rows["period"].to_numpy())

    def grid(column: str) -> np.ndarray:
        found = np.full(shape, np.nan)
        found[place] = rows[column].fill_null(float("nan")).to_numpy()
        return found

    is_present = np.zeros(shape, dtype=bool)
    is_present[place] = rows["stayed"].to_numpy()
    tests = _tests(inputs, people, rows, policy)
    e2_low, e2_high = np.full(shape, np.nan), np.full(shape, np.nan)
    e2_low[place], e2_high[place] = tests["low"].to_numpy(), tests["high"].to_numpy()
    covariates = covariates_at_zero(inputs, study, people)
    nominal = tuple(name for name in _NOMINAL if name in covariates.columns)
    event, is_at_risk = _events(inputs, study, policy, people, is_present)
    return RegimeFrame(
        (policy.outcome, *policy.events),
        covariates,
        design_matrix(covariates, nominal, splines=False).values,
        people["e2_at_zero"].log().to_numpy(),
        np.where(is_present, grid("amount"), np.nan),
        np.where(is_present, e2_low, np.nan),
        np.where(is_present, e2_high, np.nan),
        is_present,
        people["change"].fill_null(float("nan")).to_numpy(),
        event,
        is_at_risk,
        policy.n_before_scan,
        policy.groups[1:],
        _members(inputs, policy, people, covariates),
    )


def _members(inputs: Inputs, policy: Policy, people: pl.DataFrame, covariates: pl.DataFrame) -> np.ndarray:
    """[n, G] who belongs to which stratum; of whom the value was not known at time zero, to none of its modifier."""
    columns: list[np.ndarray] = []
    for modifier in policy.by:
        if modifier.code in genotypes():
            told = alleles(inputs, people.lazy().select("person_id", "trial_number", "index_on"), modifier.code)
            values = people.join(told, on=["person_id", "trial_number"], how="left", maintain_order="left")["value"]
        elif modifier.code in covariates.columns:
            values = covariates[modifier.code]
        else:
            values = pl.repeat(None, people.height, eager=True)
        known = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        place = place_of(known, modifier)
        columns += [place == number for number in range(len(modifier.strata))]
    return np.column_stack(columns) if columns else np.empty((people.height, 0), dtype=bool)


def _people(inputs: Inputs, study: Study, policy: Policy) -> pl.DataFrame:
    """Each person with a baseline scan and a trusted test of the stated class at time zero."""
    rows = (
        inputs["features.outcome_value"]
        .filter((pl.col("study_id") == study.id) & (pl.col("contrast_number") == study.policy_number(policy)))
        .select(
            "person_id",
            "trial_number",
            "baseline_value",
            "change",
            "followed_days",
            "index_on",
            index_day=pl.col("index_on").to_physical().cast(pl.Int64),
        )
        .filter(pl.col("followed_days") > 0)
        .sort("person_id", "index_day", "trial_number")
        .collect()
        .unique("person_id", keep="first", maintain_order=True)
    )
    draws = (
        _draws(inputs, policy).filter(~pl.col("is_censored")).group_by("person_id", "day").agg(pl.col("value").last())
    )
    tested = rows.join(draws, left_on=["person_id", "index_day"], right_on=["person_id", "day"], maintain_order="left")
    companion = (
        inputs["features.drug_supply"]
        .filter(pl.col("ingredient").is_in(sorted(ingredients((policy.companion,)))))
        .select("person_id", from_day=pl.col("cover_from_on").to_physical().cast(pl.Int64), days="cover_days")
        .collect()
    )
    return (
        tested.rename({"value": "e2_at_zero"})
        .with_row_index("person")
        .with_columns(pl.col("person").cast(pl.Int64))
        .pipe(_companion_until, companion)
    )


def _companion_until(people: pl.DataFrame, supply: pl.DataFrame) -> pl.DataFrame:
    """Adds `until_day`: end of follow-up, or of the companion's stock and grace where that comes first."""
    met = (
        people.select("person", "person_id", "index_day")
        .join(supply, on="person_id")
        .with_columns(to_day=pl.col("from_day") + pl.col("days") + _GRACE_DAYS)
        .filter(pl.col("to_day") > pl.col("index_day"))
        .sort("person", "from_day", "to_day")
        .with_columns(reach=pl.col("to_day").cum_max().over("person"))
        .with_columns(before=pl.col("reach").shift(1).over("person"))
    )
    ends = met.group_by("person").agg(
        gap=pl.col("before").filter(pl.col("from_day") > pl.col("before")).min(), last=pl.col("reach").max()
    )
    joined = people.join(ends, on="person", how="left", maintain_order="left")
    end = pl.coalesce("gap", "last", "index_day")
    return joined.with_columns(until_day=pl.min_horizontal(pl.col("index_day") + pl.col("followed_days"), end))


def _periods(inputs: Inputs, people: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """One row a person and period: days, mean dose, and whether everything is known to its end."""
    rows = (
        people.select("person", "index_day", "until_day")
        .with_columns(period=pl.int_ranges(pl.lit(0), pl.lit(policy.n_periods)))
        .explode("period")
        .with_columns(from_day=pl.col("index_day") + policy.action_days + pl.col("period") * policy.test_days)
        .with_columns(to_day=pl.col("from_day") + policy.test_days)
    )
    stayed = (pl.col("to_day") <= pl.col("until_day")) & pl.col("amount").is_not_null()
    known = dosed(inputs, rows, people, (policy.drug,), is_mass=True).sort("person", "period")
    return known.with_columns(stayed=stayed.cast(pl.Int8).cum_min().over("person").cast(pl.Boolean))


def _draws(inputs: Inputs, policy: Policy) -> pl.DataFrame:
    """Trusted tests of the stated class, by day."""
    return (
        inputs["staging.lab_result"]
        .filter(
            pl.col("analyte_code") == "estradiol",
            pl.col("assay_class") == policy.assay_class,
            pl.col("value") > 0,
            pl.col("drawn_on").is_not_null(),
            pl.col("operator") != ">",
            ~pl.col("result_flags").fill_null("").str.contains(_NOT_TRUSTED),
        )
        .select("person_id", "is_censored", "value", day=pl.col("drawn_on").to_physical().cast(pl.Int64))
        .sort("day", "person_id", "value", "is_censored")
        .collect()
    )


def _tests(inputs: Inputs, people: pl.DataFrame, rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Bounds of the log of the last test of each period, in the order of `rows`; NaN where there was none."""
    draws = _draws(inputs, policy).join(people.select("person_id", "person"), on="person_id")
    asked = rows.with_row_index("row").select("row", "person", last=pl.col("to_day"), first="from_day").sort("last")
    met = asked.join_asof(
        draws.sort("day"), left_on="last", right_on="day", by="person", strategy="backward", check_sortedness=False
    ).sort("row")
    # What was drawn by the action that opens the period belongs to the one before.
    log = pl.when(pl.col("day") > pl.col("first")).then(pl.col("value").log())
    return met.select(
        low=pl.when(pl.col("is_censored") & log.is_not_null())
        .then(float("-inf"))
        .otherwise(log)
        .fill_null(float("nan")),
        high=log.fill_null(float("nan")),
    )


def _events(
    inputs: Inputs, study: Study, policy: Policy, people: pl.DataFrame, is_present: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[n, T, E] first event in the period, and at risk of it: present, none before, none known at time zero."""
    shape = (*is_present.shape, len(policy.events))
    event, is_at_risk = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    starts = policy.action_days + policy.test_days * np.arange(policy.n_periods)
    for number, code in enumerate(policy.events):
        told = people.select("person", "person_id", "index_day", "trial_number").join(
            _first_event(inputs, study, code), on="person_id", how="left", maintain_order="left"
        )
        day = (told["day"] - told["index_day"]).fill_null(10**6).to_numpy()[:, None]
        event[:, :, number] = is_present & (day >= starts) & (day < starts + policy.test_days)
        is_at_risk[:, :, number] = is_present & (day >= starts)
    return event, is_at_risk


def _first_event(inputs: Inputs, study: Study, code: str) -> pl.DataFrame:
    """Day of the first event of each person after time zero; a prevalent one has day 0, so that nobody is at risk."""
    index = (
        inputs["cohort.trial_person"]
        .filter((pl.col("study_id") == study.id) & pl.col("index_on").is_not_null())
        .select("person_id", "index_on")
    )
    # Codes are compared as text: a list of codes need not hold those of another.
    phenotype = inputs["features.outcome_event"].filter(
        (pl.col("study_id") == study.id) & (pl.col("outcome_code").cast(pl.String) == code)
    )
    of_phenotype = phenotype.select(
        "person_id", day=pl.when(pl.col("is_prevalent")).then(pl.col("index_on")).otherwise(pl.col("event_on"))
    )
    # A record of the year before time zero: the symptom was there.
    text = pl.col("system_code").cast(pl.String)
    symptom = pl.col("symptom_code").cast(pl.String)
    systems = inputs["ref.symptom_system"].filter(symptom == code).select(text)
    of_symptom = (
        inputs["features.symptom_episode"]
        .with_columns(text)
        .filter(pl.col("basis_code").cast(pl.String) == "diagnosis")
        .join(systems, on="system_code", how="semi")
        .join(index, on="person_id")
        .filter(pl.col("last_on") >= pl.col("index_on").dt.offset_by("-1y"))
        .select("person_id", day="starts_on")
    )
    both = pl.concat([of_phenotype, of_symptom], how="vertical_relaxed").drop_nulls()
    return both.group_by("person_id").agg(pl.col("day").min().to_physical().cast(pl.Int64)).collect()
