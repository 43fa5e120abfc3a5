"""The people of the generated NHANES folder: who they are, what they take, their hormones and their bone.

Everything here is what nature knows; what a questionnaire or an instrument makes of it stands in `nhanes_questionnaire`
and `nhanes_examination`. `BMD_PER_LOG_E2_G_CM2` is the truth that an analysis has to find again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from pipelines.domain.randomness import uniforms

BMD_PER_LOG_E2_G_CM2 = {"femoral_neck": 0.05, "total_hip": 0.05, "lumbar_spine": 0.06}
"""g/cm2 per unit of log serum estradiol (natural), given age, sex, BMI, race and smoking: men, postmenopausal women."""
E2_LIMIT_PG_ML = 2.994

Columns = dict[str, np.ndarray]
Table = tuple[np.ndarray, Columns]  # which respondents have a row, and the columns for all respondents

FIRST_SEQN = {"D": 300_001, "H": 600_001}
MOST_IN_A_CYCLE = 300_000
_US_POPULATION = {"D": 291.6e6, "H": 311.2e6}
# First and last age, share of the sample (40 and over oversampled), share of the population.
_AGE_BANDS = (
    (0, 20, 0.22, 0.27),
    (20, 40, 0.18, 0.27),
    (40, 60, 0.30, 0.28),
    (60, 80, 0.24, 0.145),
    (80, 80, 0.06, 0.035),
)
# RIDRETH1 1 to 5: share of the sample, weight ratio, BMD against the mean in g/cm2.
_RACES = ((0.18, 0.7, -0.01), (0.08, 0.8, -0.01), (0.40, 1.7, -0.01), (0.22, 0.6, 0.06), (0.12, 0.8, -0.03))
# Mean BMD in g/cm2 of men and women at `_AGES`. Spine and men's total hip: NHANES decade means in PMC12995607,
# table 3; else unweighted decade means of the public 2005-2006 and 2013-2014 files.
_AGES = (8, 14, 20, 25, 35, 45, 55, 65, 75, 85)
_MEAN_BMD = {
    "femoral_neck": (
        (0.65, 0.85, 0.97, 0.96, 0.92, 0.875, 0.83, 0.825, 0.78, 0.725),
        (0.62, 0.82, 0.86, 0.86, 0.85, 0.835, 0.77, 0.72, 0.67, 0.63),
    ),
    "total_hip": (
        (0.70, 0.93, 1.07, 1.067, 1.029, 1.040, 1.015, 0.997, 0.961, 0.92),
        (0.67, 0.90, 0.965, 0.971, 0.97, 0.97, 0.905, 0.86, 0.80, 0.75),
    ),
    "lumbar_spine": (
        (0.62, 0.84, 1.03, 1.057, 1.042, 1.051, 1.053, 1.070, 1.068, 1.08),
        (0.63, 0.92, 1.04, 1.064, 1.065, 1.056, 0.993, 0.952, 0.902, 0.91),
    ),
}
# g/cm2: standard deviation shared by the sites, that of the site's own, effect of one kg/m2.
_SPREAD_BMD = {
    "femoral_neck": (0.1, 0.045, 0.006),
    "total_hip": (0.105, 0.045, 0.0085),
    "lumbar_spine": (0.095, 0.095, 0.006),
}
_USUAL_LOG_E2 = {"man": np.log(23.0), "postmenopausal": np.log(5.0)}
# Share of people of 75 and over who take it, falling to 0 at 30.
_COMMON_DRUGS = {
    "LISINOPRIL": 0.35,
    "AMLODIPINE": 0.25,
    "HYDROCHLOROTHIAZIDE; LISINOPRIL": 0.1,
    "ATORVASTATIN": 0.42,
    "METFORMIN": 0.25,
    "LEVOTHYROXINE": 0.22,
    "OMEPRAZOLE": 0.3,
    "ALBUTEROL": 0.1,
    "PREDNISONE": 0.06,
}
AROMATASE_INHIBITORS = ("ANASTROZOLE", "LETROZOLE", "EXEMESTANE")


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers of people, keyed by who they are and what for; `seqn` [n] int64, every result is [n]."""

    seed: int
    seqn: np.ndarray

    def uniform(self, purpose: str, draw: int = 0) -> np.ndarray:
        """Strictly between 0 and 1."""
        return uniforms(self.seed, self.seqn, f"nhanes_shaped {purpose}", draw)

    def normal(self, purpose: str, draw: int = 0) -> np.ndarray:
        """Standard normal."""
        return ndtri(self.uniform(purpose, draw))

    def happens(self, purpose: str, probability: float | np.ndarray, draw: int = 0) -> np.ndarray:
        """Booleans, true with this probability."""
        return self.uniform(purpose, draw) < probability

    def code(self, purpose: str, codes: Sequence[float], shares: Sequence[float]) -> np.ndarray:
        """One of the codes, as float; the shares need not sum to 1."""
        edges = np.cumsum(shares) / np.sum(shares)
        place = np.searchsorted(edges[:-1], self.uniform(purpose), side="right")
        return np.asarray(codes, dtype=float)[place]

    def answer(self, purpose: str, asked: np.ndarray, is_yes: np.ndarray, unknown: float = 0.004) -> np.ndarray:
        """1 yes, 2 no, 9 does not know; missing where not asked."""
        told = np.where(is_yes, 1.0, 2.0)
        return only(asked, np.where(self.happens(f"{purpose} unknown", unknown), 9.0, told))


@dataclass(frozen=True, slots=True)
class Respondents(Draws):
    """One cycle's respondents [n] as they are, before a questionnaire or an instrument looks at them."""

    cycle: str
    age: np.ndarray  # exact; `years` is the released one, top-coded
    years: np.ndarray
    is_male: np.ndarray
    race: np.ndarray
    stratum: np.ndarray
    psu: np.ndarray
    psu_effect: np.ndarray
    weight: np.ndarray
    is_examined: np.ndarray
    bmi: np.ndarray
    height: np.ndarray
    smoking: np.ndarray  # 0 never, 1 former, 2 current
    menopause_age: np.ndarray
    has_hysterectomy: np.ndarray
    has_no_ovaries: np.ndarray
    is_postmenopausal: np.ndarray
    is_pregnant: np.ndarray
    has_breast_cancer: np.ndarray
    takes: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Biology:
    """Estradiol (log pg/mL), testosterone (log ng/dL), SHBG (log nmol/L), BMD by site (g/cm2): [n], true values."""

    log_e2: np.ndarray
    log_testosterone: np.ndarray
    log_shbg: np.ndarray
    bmd: Mapping[str, np.ndarray]


def only(mask: np.ndarray, values: np.ndarray | float) -> np.ndarray:
    """[n] the values where the mask holds, NaN (CDC's missing) elsewhere."""
    return np.where(mask, values, np.nan)


def people(seed: int, cycle: str, n: int) -> Respondents:
    """The first n respondents of a cycle (D or H): 15 strata of two PSUs, 60 % aged 40 and over, unequal weights."""
    draws = Draws(seed, np.arange(n, dtype=np.int64) + FIRST_SEQN[cycle])
    band = draws.code("age band", range(len(_AGE_BANDS)), [row[2] for row in _AGE_BANDS]).astype(int)
    low, high, sampled, living = (np.array(column)[band] for column in zip(*_AGE_BANDS, strict=True))
    age = low + (high - low) * draws.uniform("age")
    age = np.where(low == 80, np.minimum(80 - 6 * np.log(draws.uniform("age")), 99), age)
    is_male = draws.happens("sex", 0.49)
    race = draws.code("race", range(1, 6), [row[0] for row in _RACES])
    stratum = 1 + np.floor(15 * draws.uniform("stratum"))
    psu = np.where(draws.happens("psu", 0.5), 1.0, 2.0)
    areas = Draws(seed, (FIRST_SEQN[cycle] - 100 + 2 * stratum + psu).astype(np.int64))
    weight = living / sampled * np.array([row[1] for row in _RACES])[race.astype(int) - 1]
    weight *= np.exp(0.35 * draws.normal("weight") + 0.15 * areas.normal("weight of the psu"))
    is_adult = age >= 18
    adult_bmi = np.where(is_male, 28.0, 28.4) * np.exp(np.where(is_male, 0.2, 0.245) * draws.normal("bmi"))
    child_bmi = np.interp(age, (0, 6, 12, 18), (16.5, 16, 20, 24.5)) * np.exp(0.15 * draws.normal("bmi"))
    child_height = np.interp(age, (2, 5, 10, 14, 18), (88, 110, 140, 163, 168)) * (1 + 0.045 * draws.normal("height"))
    adult_height = np.where(is_male, 174.5, 160.7) + 7.4 * draws.normal("height")
    ever = draws.happens("ever smoked", 0.42 + 0.08 * is_male) & is_adult
    current = ever & draws.happens("smokes", np.clip(0.55 - 0.006 * (age - 40), 0.1, 0.6))
    menopause_age = np.clip(51 + 3.5 * draws.normal("menopause"), 40, 60)
    has_hysterectomy = ~is_male & draws.happens("hysterectomy", np.clip((age - 30) / 100, 0, 0.3))
    has_no_ovaries = has_hysterectomy & draws.happens("ovaries", 0.5)
    is_postmenopausal = ~is_male & ((age >= menopause_age) | has_no_ovaries)
    fertile = ~is_male & ~is_postmenopausal & ~has_hysterectomy & is_adult & (age < 45)
    has_breast_cancer = ~is_male & draws.happens("breast cancer", np.clip((age - 35) / 450, 0, 0.09))
    return Respondents(
        seed=seed,
        seqn=draws.seqn,
        cycle=cycle,
        age=age,
        years=np.floor(np.minimum(age, 85 if cycle == "D" else 80)),
        is_male=is_male,
        race=race,
        stratum=stratum,
        psu=psu,
        psu_effect=areas.normal("psu"),
        weight=weight * _US_POPULATION[cycle] / weight.sum(),
        is_examined=draws.happens("examined", 0.965),
        bmi=np.clip(np.where(is_adult, adult_bmi, child_bmi) * np.exp(0.02 * areas.normal("bmi of the psu")), 13, 70),
        height=np.where(is_adult, adult_height, child_height),
        smoking=ever + 1.0 * current,
        menopause_age=menopause_age,
        has_hysterectomy=has_hysterectomy,
        has_no_ovaries=has_no_ovaries,
        is_postmenopausal=is_postmenopausal,
        is_pregnant=fertile & draws.happens("pregnant", 0.1 if cycle == "D" else 0.05),
        has_breast_cancer=has_breast_cancer,
        takes=_drugs(draws, age, is_male, is_postmenopausal, has_breast_cancer),
    )


def _drugs(
    draws: Draws, age: np.ndarray, is_male: np.ndarray, is_postmenopausal: np.ndarray, has_breast_cancer: np.ndarray
) -> dict[str, np.ndarray]:
    old = np.clip((age - 30) / 45, 0, 1)
    takes = {name: draws.happens(name, share * old + 0.01) for name, share in _COMMON_DRUGS.items()}
    untreated = is_postmenopausal & ~has_breast_cancer
    takes["ALENDRONATE"] = draws.happens("ALENDRONATE", 0.06 * is_postmenopausal)
    takes["ESTRADIOL"] = draws.happens("ESTRADIOL", 0.05 * untreated)
    takes["CONJUGATED ESTROGENS"] = draws.happens("CONJUGATED ESTROGENS", 0.03 * untreated)
    takes["TESTOSTERONE"] = draws.happens("TESTOSTERONE", 0.03 * (is_male & (age >= 30)))
    therapy = draws.code("endocrine therapy", range(5), (0.4, 0.2, 0.13, 0.1, 0.17))
    for number, name in enumerate(AROMATASE_INHIBITORS, start=1):
        takes[name] = has_breast_cancer & is_postmenopausal & (therapy == number)
    takes["ANASTROZOLE"] |= takes["TESTOSTERONE"] & draws.happens("add-on", 0.15)
    takes["TAMOXIFEN"] = has_breast_cancer & (therapy == 4)
    # CDC's names where the drug is unknown to it, or to the respondent.
    return takes | {name: draws.happens(name, 0.004 + 0.02 * old) for name in ("55555", "99999")}


def biology(p: Respondents) -> Biology:
    """Hormones first, then the bone that follows them; medians and spreads near those of NHANES 2013-2014."""
    puberty = np.clip((p.age - 10) / 6, 0, 1)
    of_testosterone = p.normal("testosterone")
    child = np.log(3) + 0.4 * of_testosterone
    man = np.log(380) - 0.012 * (p.bmi - 28.5) + 0.42 * of_testosterone + 0.35 * p.takes["TESTOSTERONE"]
    adult = np.where(p.is_male, man, np.log(19) + 0.55 * of_testosterone)
    log_testosterone = child + puberty * (adult - child)
    log_e2 = _log_estradiol(p, of_testosterone, puberty)
    log_shbg = np.where(p.is_male, 3.4 + 0.011 * (p.age - 30), 4.1) - 0.025 * (p.bmi - 29) + 0.42 * p.normal("shbg")
    return Biology(log_e2, log_testosterone, log_shbg, _bmd(p, log_e2))


def _log_estradiol(p: Respondents, of_testosterone: np.ndarray, puberty: np.ndarray) -> np.ndarray:
    own = p.normal("estradiol")
    is_inhibited = np.any([p.takes[name] for name in AROMATASE_INHIBITORS], axis=0)
    on_estrogen = p.takes["ESTRADIOL"] | p.takes["CONJUGATED ESTROGENS"]
    man = _USUAL_LOG_E2["man"] + 0.012 * (p.bmi - 28.5) + 0.19 * of_testosterone + 0.32 * own
    man += 0.26 * p.takes["TESTOSTERONE"] - 0.7 * is_inhibited
    late = _USUAL_LOG_E2["postmenopausal"] + 0.045 * (p.bmi - 29.3) + 0.62 * own + 2.0 * on_estrogen
    late = np.where(is_inhibited, np.log(0.6) + 0.8 * own, late)
    early = np.where(p.is_pregnant, np.log(900) + 0.6 * own, np.log(60) + own)
    adult = np.where(p.is_male, man, np.where(p.is_postmenopausal, late, early))
    child = np.where(p.is_male, np.log(0.8), np.log(2.0)) + 0.5 * own
    return child + puberty * (adult - child)


def _bmd(p: Respondents, log_e2: np.ndarray) -> dict[str, np.ndarray]:
    is_adult = p.age >= 18
    usual = np.where(p.is_male, _USUAL_LOG_E2["man"], _USUAL_LOG_E2["postmenopausal"])
    # One draw of a menstruating woman says little about her bone, so her BMD does not follow it.
    excess = np.where(is_adult & (p.is_male | p.is_postmenopausal), log_e2 - usual, 0.0)
    fatness = np.where(is_adult, p.bmi - np.where(p.is_male, 28.6, 29.3), 0.0)
    of_race = np.array([row[2] for row in _RACES])[p.race.astype(int) - 1]
    shared, bmd = p.normal("bone"), {}
    for site, (men, women) in _MEAN_BMD.items():
        mean = np.where(p.is_male, np.interp(p.age, _AGES, men), np.interp(p.age, _AGES, women))
        sd_shared, sd_own, per_bmi = _SPREAD_BMD[site]
        known = BMD_PER_LOG_E2_G_CM2[site] * excess + per_bmi * fatness + of_race - 0.02 * (p.smoking == 2)
        unknown = 0.012 * p.psu_effect + sd_shared * shared + sd_own * p.normal(site)
        bmd[site] = np.maximum(mean + known + unknown * np.clip(p.age / 20, 0.5, 1), 0.2)
    return bmd
