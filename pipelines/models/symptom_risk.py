"""Incidence of a symptom by band of estradiol at a draw: weights and diagnostics first, then risks, differences and ratios.

Marginal structural model with one exposure a draw: every draw stands for all like it by the chance of its band (multinomial)
and of being followed as long as it was (pooled logistic). Here: bands. Not here: estradiol as a scale (`symptom_line`), rows of
tables (`symptom_tables`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.arm_risk import RatioEstimate, risk_ratio
from pipelines.models.balance import CovariateBalance, covariate_balance
from pipelines.models.errors import NotEstimable
from pipelines.models.inference import ContrastEstimate, normal_contrast
from pipelines.models.multinomial import MultinomialFit, fit_multinomial
from pipelines.models.point_treatment import WORTH_SHRINKING, Finding, alike, apartness, asked, told
from pipelines.models.symptom_follow_up import NOMINAL, FollowedSymptom, Window, follow, window
from pipelines.models.symptom_frame import SymptomFrame
from pipelines.models.weighting import kish_effective_number

#: weights of bands beyond this quantile of all draws are cut to it
TRUNCATION = 0.999
#: penalties of the model of bands; with more draws than this the first is taken untried
PENALTIES = (1.0, 10.0, 100.0)
_MOST_TRIED = 50_000
#: of the share of a band, the least chance of it
_LEAST_CHANCE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSymptom(FollowedSymptom):
    """Draws kept [m] with chances of band and follow-up, before any symptom is looked at.

    Attributes:
        exposure: multinomial fit of the band.
        raw: [m] share of the own band over its chance; `treatment` [m] the same, cut.
        balance: of each band but the reference against it, by the cut weights; the bands by their number in the frame.
    """

    exposure: MultinomialFit
    raw: np.ndarray
    treatment: np.ndarray
    balance: dict[int, CovariateBalance]


@dataclass(frozen=True, slots=True, eq=False)
class AtRisk(Window):
    """Draws at risk of one outcome [m], those whose window is known, and their weights.

    Attributes:
        weights: [m] of band and follow-up; 0 where not seen. `is_cut` [m] seen, and the weight of the band cut.
    """

    weights: np.ndarray
    is_cut: np.ndarray


@dataclass(frozen=True, slots=True)
class BandEstimate:
    """A band against the reference: difference of risks, their ratio (None without events in one), people with an event."""

    difference: ContrastEstimate
    ratio: RatioEstimate | None
    events_target: int
    events_comparator: int


def prepare(frame: SymptomFrame, *, with_prompted: bool = False) -> PreparedSymptom:
    """Fit the chances of band and of being followed; no symptom after a draw is looked at.

    Of the penalties that have a fit the one that leaves the bands most alike is taken, as for two arms.

    Raises:
        NotEstimable: fewer than two bands with draws, none in the reference, or a model that cannot be fitted.
    """
    followed = follow(frame, with_prompted=with_prompted)
    band, present = followed.band, followed.present
    covariates = frame.covariates[followed.kept]
    best: PreparedSymptom | None = None
    least, problem = np.inf, ""
    for penalty in PENALTIES if band.size <= _MOST_TRIED else PENALTIES[:1]:
        try:
            exposure = fit_multinomial(followed.design, band, present.size, penalty=penalty)
        except NotEstimable as error:
            problem = f"band: {error}"
            continue
        raw = (np.bincount(band) / band.size)[band] / exposure.probabilities[np.arange(band.size), band]
        treatment = np.minimum(raw, np.quantile(raw, TRUNCATION))
        balance = _balance(frame, covariates, present[band], treatment)
        apart = float(np.mean([apartness(each) for each in balance.values()]))
        if best is None or apart < least - WORTH_SHRINKING:
            least = apart
            parts = (followed.kept, present, band, followed.loss)
            best = PreparedSymptom(frame, *parts, exposure, raw, treatment, balance)
    if best is None:
        raise NotEstimable(problem)
    return best


def _balance(
    frame: SymptomFrame, covariates: pl.DataFrame, band: np.ndarray, weights: np.ndarray
) -> dict[int, CovariateBalance]:
    nominal = tuple(name for name in NOMINAL if name in covariates.columns)
    found = {}
    for code in np.unique(band):
        if code != frame.reference:
            pair = (band == code) | (band == frame.reference)
            found[int(code)] = covariate_balance(covariates.filter(pair), band[pair] == code, weights[pair], nominal)
    return found


def at_risk(prepared: PreparedSymptom, outcome: int, *, is_uncut: bool = False) -> AtRisk:
    """Who is at risk of an outcome, whose window is known, and for how many each of them stands."""
    seen = window(prepared, outcome)
    of_band = prepared.raw if is_uncut else prepared.treatment
    is_cut = seen.is_seen & (of_band < prepared.raw)
    parts = (seen.at_risk, seen.is_seen, seen.event, seen.until, seen.by_follow_up)
    return AtRisk(*parts, of_band * seen.by_follow_up, is_cut)


def diagnose(
    prepared: PreparedSymptom | str, outcome: int, band: int, thresholds: dict[str, float]
) -> tuple[Finding, ...]:
    """Of one band against the reference: people, events of both together, balance, weights; no difference in outcome.

    `prepared` may be why there are no weights: then nothing was evaluated.
    """
    if isinstance(prepared, str) or band not in prepared.balance:
        why = prepared if isinstance(prepared, str) else "no draw is in the band"
        named = {
            "people_in_band": "minimum_people_per_band",
            "people_in_reference": "minimum_people_per_band",
            "effective_n": "minimum_effective_n",
            "events": "minimum_events",
            "chance_share": "minimum_chance_share",
            "largest_standardised_difference": "maximum_standardised_difference",
            "weight_mean_off": "maximum_weight_mean_off",
            "followed_share": "minimum_followed_share",
        }
        return tuple(Finding(name, None, thresholds[bound], why, "not_evaluated") for name, bound in named.items())
    frame, risk = prepared.frame, at_risk(prepared, outcome)
    target, comparator = in_band(prepared, band), in_band(prepared, frame.reference)
    arms = [rows & risk.is_seen for rows in (target, comparator)]
    people = [_people(prepared, rows) for rows in arms]
    events = sum(_people(prepared, rows & (risk.event > 0)) for rows in arms)
    effective = min(kish_effective_number(risk.weights[rows]) for rows in arms)
    free = risk.at_risk & (target | comparator)
    shares = float(risk.is_seen[free].mean()) if free.any() else None
    pair = target | comparator
    balance = alike(
        prepared.balance[band],
        target[pair],
        prepared.treatment[pair],
        thresholds["maximum_standardised_difference"],
    )
    off = abs(float(prepared.treatment.mean()) - 1.0)
    return (
        asked("people_in_band", float(people[0]), thresholds["minimum_people_per_band"]),
        asked("people_in_reference", float(people[1]), thresholds["minimum_people_per_band"]),
        asked("effective_n", effective, thresholds["minimum_effective_n"]),
        asked("events", float(events), thresholds["minimum_events"]),
        asked("chance_share", _chance_share(prepared, band), thresholds["minimum_chance_share"]),
        balance,
        asked("weight_mean_off", off, thresholds["maximum_weight_mean_off"], is_most=True),
        asked("followed_share", shares, thresholds["minimum_followed_share"]),
        told("largest_weight", float(prepared.raw.max())),
        told("truncated_share", float(risk.is_cut.sum() / max(risk.is_seen.sum(), 1))),
        told("n_target", float(people[0])),
        told("n_comparator", float(people[1])),
        *shares_set_apart(frame, outcome),
        Finding("ease", None, 0.25, "calibration needs 10 continuous negative controls", "not_applicable"),
    )


def shares_set_apart(frame: SymptomFrame, outcome: int) -> tuple[Finding, ...]:
    """Of all draws: prompted by a symptom, without a band, with the symptom before the window opens."""
    prevalent = frame.is_prevalent[:, outcome] | frame.is_early[:, outcome]
    parts = {"prompted_share": frame.is_prompted, "unbanded_share": frame.band < 0, "prevalent_share": prevalent}
    return tuple(told(name, float(rows.mean()) if rows.size else float("nan")) for name, rows in parts.items())


def _chance_share(prepared: PreparedSymptom, band: int) -> float:
    """Of all draws, those whose covariates leave the band and the reference each a tenth of its share (positivity)."""
    shares = np.bincount(prepared.band) / prepared.band.size
    asked_of = np.flatnonzero(np.isin(prepared.present, [band, prepared.frame.reference]))
    least = _LEAST_CHANCE * shares[asked_of]
    return float((prepared.exposure.probabilities[:, asked_of] >= least).all(axis=1).mean())


def in_band(prepared: PreparedSymptom, band: int) -> np.ndarray:
    """[m] draws in a band, by its number in the frame."""
    return prepared.present[prepared.band] == band


def _people(prepared: PreparedSymptom, rows: np.ndarray) -> int:
    return int(np.unique(prepared.person_id[rows]).size)


def estimate(prepared: PreparedSymptom, outcome: int, *, is_uncut: bool = False) -> dict[int, BandEstimate]:
    """Every band that occurs against the reference, by its number in the frame.

    Risks are weighted means of those seen (Hajek). The errors are stacked with the models of band and of follow-up, and
    count persons; what is cut carries no uncertainty of the weights.

    Raises:
        NotEstimable: nobody in the reference has a window that is known.

    Source: Robins, Hernan and Brumback (2000), Epidemiology 11:550; Satten and Datta (2001), Am Stat 55:207 (risks by inverse
    chance of follow-up); stacked equations, Stefanski and Boos (2002), Am Stat 56:29.
    """
    risk = at_risk(prepared, outcome, is_uncut=is_uncut)
    n, n_bands = prepared.kept.size, prepared.present.size
    member = prepared.band[:, None] == np.arange(n_bands)
    mass = risk.weights @ member
    if not mass[np.flatnonzero(prepared.present == prepared.frame.reference)[0]] > 0:
        raise NotEstimable("nobody in the reference band has a window that is known")
    means = np.divide((risk.weights * risk.event) @ member, mass, out=np.full(n_bands, np.nan), where=mass > 0)
    scale = np.divide(1.0, mass, out=np.zeros(n_bands), where=mass > 0)
    term = np.where(member, (risk.weights[:, None] * (risk.event[:, None] - np.nan_to_num(means))) * scale, 0.0)
    influence = n * (term + _of_weights(prepared, risk, term))
    person = prepared.person_id
    reference = int(np.flatnonzero(prepared.present == prepared.frame.reference)[0])
    found = {}
    for number, code in enumerate(prepared.present):
        if number == reference or not mass[number] > 0:
            continue
        pair = (float(means[number]), float(means[reference]))
        arms = [member[:, each] & risk.is_seen for each in (number, reference)]
        sizes = (_people(prepared, arms[0]), _people(prepared, arms[1]))
        effective = kish_effective_number(risk.weights[arms[0] | arms[1]])
        own, other = influence[:, number], influence[:, reference]
        difference = normal_contrast(pair, own - other, person, sizes, effective)
        ratio = risk_ratio(pair, (own, other), person) if min(pair) > 0 else None
        events = [_people(prepared, rows & (risk.event > 0)) for rows in arms]
        found[int(code)] = BandEstimate(difference, ratio, events[0], events[1])
    return found


def _of_weights(prepared: PreparedSymptom, risk: AtRisk, term: np.ndarray) -> np.ndarray:
    """[m, k] what estimating the chances of band and follow-up adds to the influence of each band's risk."""
    exposure, band, design = prepared.exposure, prepared.band, prepared.design
    # The log weight falls by as much as the log chance of the own band rises; a cut one stays.
    moving = np.where(risk.is_cut[:, None], 0.0, term)
    direction = exposure.inverse_information @ exposure.gathered(design, band, moving)
    added = -exposure.spread(design, band, direction)
    loss = prepared.loss
    if loss.fit is None:
        return added
    _, part = loss.log_chance(risk.until)
    slope = -part * (1.0 - loss.probability)
    return added + loss.fit.corrections(slope[:, None] * term[loss.rows.person])
