"""Who the people are on the day they enter: demographics, body, genes, cancer, set points. Nothing here depends on time.

Not here: what they are prescribed (`assignment`), clinics (`clinics`), anything that changes after entry (`course`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from pipelines.synth import draws
from pipelines.synth.mechanism.codes import BONE_SITES, MENOPAUSE, PROTOCOLS, RACES
from pipelines.synth.parameters import Parameters

STEP_DAYS = 28
YEAR = 365.25
MALE, PREMENOPAUSAL, POSTMENOPAUSAL, SURGICAL = range(len(MENOPAUSE))
NONE, ADJUVANT, MALE_T, FEMALE_T, RESTART = range(len(PROTOCOLS))
_AGE_GRID = np.array([25.0, 35.0, 45.0, 55.0, 65.0, 75.0])


@dataclass(frozen=True, slots=True)
class Design:
    """How follow-up is laid out.

    record: people enter a database over the calendar, are observed before they start, leave or are lost.
    trial: day 0 of follow-up is the index day of everybody, and all are followed for `horizon_years` unless they die.
    """

    is_trial: bool = False
    horizon_years: float = 10.0


@dataclass(frozen=True, slots=True)
class People:
    """Baseline of a batch; every array is [n] unless said. Units as in `life.PEOPLE`."""

    person: np.ndarray
    is_male: np.ndarray
    protocol: np.ndarray  # index into PROTOCOLS
    site: np.ndarray
    age: np.ndarray  # years at entry
    birth_day: np.ndarray  # days since the epoch (negative)
    race: np.ndarray
    is_hispanic: np.ndarray
    entry_day: np.ndarray
    steps: np.ndarray  # number of 28-day steps of potential follow-up
    end_day: np.ndarray  # last day of potential follow-up
    is_lost: np.ndarray  # follow-up ends by disenrolment
    index_step: np.ndarray  # step at which protocol therapy is due; negative for prevalent users; large when none
    is_prevalent: np.ndarray
    menopause: np.ndarray  # index into MENOPAUSE, at entry
    menopause_age: np.ndarray  # years at the last period; nan in men
    height: np.ndarray
    bmi: np.ndarray
    genotype: np.ndarray  # [3, n]
    repeats: np.ndarray  # [2, n] CYP19A1 (TTTA)n of the two chromosomes, the shorter first
    stage: np.ndarray  # 0 without breast cancer
    is_er_positive: np.ndarray
    had_chemotherapy: np.ndarray
    smoking: np.ndarray
    alcohol: np.ndarray
    has_ihd: np.ndarray
    has_hypertension: np.ndarray
    has_diabetes: np.ndarray
    has_fracture: np.ndarray
    has_family_osteoporosis: np.ndarray
    has_thrombosis: np.ndarray
    has_endometriosis: np.ndarray
    has_fibroids: np.ndarray
    frailty: np.ndarray
    is_non_suppressor: np.ndarray
    estradiol: np.ndarray  # set point at entry, pg/mL (premenopausal: mean of the cycle)
    estradiol_postmenopausal: np.ndarray  # set point after menopause
    testosterone: np.ndarray  # set point, ng/dL
    lh: np.ndarray
    fsh: np.ndarray
    shbg: np.ndarray
    adherence: np.ndarray
    clearance: np.ndarray  # relative to the population, lognormal
    bone_response: np.ndarray  # multiplies every drug and estradiol effect on bone
    bmd: np.ndarray  # [5, n] g/cm2 at entry, hologic scale

    def take(self, rows: np.ndarray) -> "People":
        """The people of these rows, in this order (arrays are [..., n])."""
        return People(**{name: getattr(self, name)[..., rows] for name in self.__dataclass_fields__})


def _lognormal(median: np.ndarray | float, sd: float, z: np.ndarray) -> np.ndarray:
    return median * np.exp(sd * z)


def _heavy(p: Parameters, seed: int, person: np.ndarray, purpose: str, z: np.ndarray) -> np.ndarray:
    """Normal deviates made Student-t with the stated degrees of freedom (scaled to unit variance) when asked for."""
    if not p.flag("difficulty.heavy_tails"):
        return z
    pairs = round(p.number("bone.response_tail_pairs"))
    df = 2.0 * pairs  # a chi-square of 2m degrees of freedom is twice the sum of m exponentials
    chi_square = 2.0 * draws.exponentials(seed, person, f"{purpose}_chi", pairs).sum(axis=0)
    return np.clip(z / np.sqrt(chi_square / df) * np.sqrt((df - 2.0) / df), -6.0, 6.0)


def _ages(p: Parameters, protocol: np.ndarray, z: np.ndarray) -> np.ndarray:
    mean, sd = np.array(p.vector("people.age_mean")), np.array(p.vector("people.age_sd"))
    return np.clip(mean[protocol] + sd[protocol] * z, np.array(p.vector("people.age_low"))[protocol], 89.0)


def bmd_at_age(p: Parameters, is_male: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Population mean BMD by bone site, [5, n] g/cm2."""
    rows = []
    for site in BONE_SITES:
        women = np.interp(age, _AGE_GRID, p.vector(f"bone.{site}_mean_women"))
        men = np.interp(age, _AGE_GRID, p.vector(f"bone.{site}_mean_men"))
        rows.append(np.where(is_male, men, women))
    return np.array(rows)


def make_people(p: Parameters, seed: int, first_person: int, count: int, design: Design) -> People:
    """People `first_person` … `first_person + count - 1`; each is a function of the seed and the number alone."""
    person = np.arange(first_person, first_person + count, dtype=np.int64)
    u = iter(draws.uniforms(seed, person, "people", 40))
    z = iter(draws.normals(seed, person, "people_z", 32).astype(np.float64))
    shares = [p.number(f"people.share_{name}") for name in PROTOCOLS[1:]]
    protocol = draws.choice(next(u), np.array([1.0 - sum(shares), *shares])).astype(np.int64)
    male_share = np.array([p.number("people.male_share_none"), 0.0, 1.0, 0.0, 1.0])
    is_male = next(u) < male_share[protocol]
    age = _ages(p, protocol, next(z))
    site = 1 + np.floor(next(u) * p.number("clinic.count")).astype(np.int64)
    race = draws.choice(next(u), p.vector("people.race_shares"))
    menopause_age = p.number("people.menopause_age_mean") + p.number("people.menopause_age_sd") * next(z)
    is_surgical = next(u) < p.number("people.surgical_menopause_share")
    menopause_age = np.where(is_surgical, menopause_age - 5.0, menopause_age)
    menopause = np.where(is_male, MALE, np.where(age < menopause_age, PREMENOPAUSAL, POSTMENOPAUSAL))
    menopause = np.where((menopause == POSTMENOPAUSAL) & is_surgical, SURGICAL, menopause)
    bmi = np.clip(_lognormal(p.number("people.bmi_median"), p.number("people.bmi_log_sd"), next(z)), 16.0, 58.0)
    height = np.where(is_male, 176.0, 162.5) + 6.8 * next(z)
    chromosomes = np.array([[next(u) < f for _ in range(2)] for f in p.vector("people.allele_frequencies")])
    genotype = chromosomes.astype(np.int8).sum(axis=1, dtype=np.int8)
    repeats = _repeats(p, seed, person, chromosomes[2])
    frailty = next(z)
    entry_day, steps, end_day, is_lost, index_step, is_prevalent = _follow_up(p, design, protocol, u)
    return People(
        person=person,
        is_male=is_male,
        protocol=protocol,
        site=site,
        age=age,
        birth_day=np.floor(entry_day - age * YEAR).astype(np.int64),
        race=race,
        is_hispanic=next(u) < p.number("people.hispanic_share"),
        entry_day=entry_day,
        steps=steps,
        end_day=end_day,
        is_lost=is_lost,
        index_step=index_step,
        is_prevalent=is_prevalent,
        menopause=menopause,
        menopause_age=np.where(is_male, np.nan, menopause_age),
        height=height,
        bmi=bmi,
        genotype=genotype,
        repeats=repeats,
        stage=np.where(protocol == ADJUVANT, 1 + draws.choice(next(u), p.vector("cancer.stage_shares")), 0),
        is_er_positive=next(u) < p.number("cancer.er_positive_share"),
        had_chemotherapy=(next(u) < p.number("cancer.chemotherapy_share")) & (protocol == ADJUVANT),
        smoking=draws.choice(next(u), p.vector("people.smoking_shares")),
        alcohol=np.maximum(0.0, _lognormal(2.5, 1.1, next(z)) - 1.5),
        **_history(p, age, is_male, bmi, frailty, u),
        **_gynecological_history(p, seed, person, is_male, race),
        frailty=frailty,
        is_non_suppressor=(next(u) < p.number("aromatase.non_suppressor_share")) & p.flag("difficulty.non_suppressors"),
        **_set_points(p, is_male, age, bmi, menopause, protocol, genotype, repeats, z),
        adherence=ndtr(p.number("adherence.mean_probit") + p.number("adherence.sd_probit") * next(z)),
        clearance=_lognormal(1.0, p.number("pharmacokinetics.clearance_log_sd"), next(z)),
        bone_response=np.exp(
            p.number("bone.response_log_sd") * _heavy(p, seed, person, "bone_response", next(z))
            - 0.5 * p.number("bone.response_log_sd") ** 2
        ),
        bmd=_baseline_bmd(p, is_male, age, bmi, z),
    )


def _follow_up(p: Parameters, design: Design, protocol: np.ndarray, u) -> tuple[np.ndarray, ...]:
    """Entry day, steps, last day, lost?, index step, prevalent?"""
    n = protocol.size
    u_entry, u_loss, u_index, u_prevalent, u_before = (next(u) for _ in range(5))
    if design.is_trial:
        steps = np.full(n, round(design.horizon_years * YEAR / STEP_DAYS), dtype=np.int64)
        entry = np.floor(u_entry * p.number("people.entry_span_days")).astype(np.int64)
        none, index = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
        return entry, steps, entry + steps * STEP_DAYS - 1, none, index, none
    last = round(p.number("people.last_day"))
    entry = np.floor(u_entry * p.number("people.entry_span_days")).astype(np.int64)
    loss = entry + 180 + np.floor(-np.log(u_loss) / p.number("people.disenrolment_rate") * YEAR).astype(np.int64)
    end = np.minimum(last, loss)
    steps = -(-(end - entry + 1) // STEP_DAYS)
    index = 14 + np.floor(u_index * p.number("people.lead_in_span_steps")).astype(np.int64)
    is_prevalent = (
        (protocol != NONE) & (u_prevalent < p.number("people.prevalent_share")) & p.flag("difficulty.prevalent_users")
    )
    index = np.where(is_prevalent, -1 - np.floor(u_before * 40.0).astype(np.int64), index)
    return entry, steps, end, loss < last, np.where(protocol == NONE, 10_000, index), is_prevalent


def _history(p: Parameters, age, is_male, bmi, frailty, u) -> dict[str, np.ndarray]:
    """Conditions that predate entry: logistic in age, sex, body mass and frailty."""
    out = {}
    for name in ("ihd", "hypertension", "diabetes", "fracture", "thrombosis"):
        logit = (
            p.number(f"history.{name}_logit_at_65")
            + p.number(f"history.{name}_per_decade") * (age - 65.0) / 10.0
            + p.number(f"history.{name}_male") * is_male
            + p.number(f"history.{name}_per_5_bmi") * (bmi - 27.0) / 5.0
            + p.number("history.frailty_effect") * frailty
        )
        out[f"has_{name}"] = next(u) < 1.0 / (1.0 + np.exp(-logit))
    out["has_family_osteoporosis"] = next(u) < p.number("history.family_osteoporosis_share")
    return out


def _gynecological_history(p: Parameters, seed: int, person, is_male, race) -> dict[str, np.ndarray]:
    """Endometriosis and fibroids known before entry, in women."""
    one, other = draws.uniforms(seed, person, "gynecological_history", 2)
    black = np.where(race == RACES.index("black"), p.number("history.fibroids_black_ratio"), 1.0)
    return {
        "has_endometriosis": ~is_male & (one < p.number("history.endometriosis_share_women")),
        "has_fibroids": ~is_male & (other < p.number("history.fibroids_share_women") * black),
    }


def _repeats(p: Parameters, seed: int, person: np.ndarray, is_t: np.ndarray) -> np.ndarray:
    """[2, n] number of TTTA repeats, the shorter first; `is_t` [2, n]: rs10046 T on that chromosome."""
    u = draws.uniforms(seed, person, "ttta_repeats", 4)
    lengths = np.array(p.vector("people.ttta_long_repeats"))
    long = u[:2] < np.where(is_t, p.number("people.ttta_long_share_t"), p.number("people.ttta_long_share_c"))
    which = [draws.choice(part, p.vector("people.ttta_long_shares")) for part in u[2:]]
    found = np.where(long, lengths[np.array(which)], p.number("people.ttta_short_repeats"))
    return np.sort(found, axis=0).astype(np.int8)


def _set_points(p: Parameters, is_male, age, bmi, menopause, protocol, genotype, repeats, z) -> dict[str, np.ndarray]:
    """Hormone set points without any drug."""
    hypogonadal = (protocol == MALE_T) | (protocol == RESTART)
    fat = np.log(bmi / 27.0)
    z_t, z_e, z_lh, z_shbg, z_fsh, z_pre = (next(z) for _ in range(6))
    men_t = np.where(
        hypogonadal, p.number("hormone.testosterone_hypogonadal_men"), p.number("hormone.testosterone_men")
    ) * np.exp(
        p.number("hormone.testosterone_per_year_men") * (age - 50.0)
        - p.number("hormone.testosterone_bmi_power_men") * fat
    )
    testosterone = np.where(is_male, _lognormal(men_t, 0.28, z_t), _lognormal(22.0, 0.45, z_t))
    long_alleles = (repeats > p.number("people.ttta_short_repeats")).sum(axis=0)
    gene = p.number("hormone.estradiol_per_rs10046_allele") * (genotype[2] - 1.0)
    gene = gene + p.number("hormone.estradiol_per_long_ttta_allele") * (long_alleles - 1.0)
    men_e = (
        p.number("hormone.aromatisation_men")
        * testosterone
        * np.exp(
            p.number("hormone.aromatisation_bmi_power_men") * fat
            + gene
            + p.number("hormone.aromatisation_log_sd_men") * z_e
        )
    )
    post = p.number("hormone.estradiol_postmenopausal") * np.exp(
        p.number("hormone.estradiol_bmi_power_women") * fat + gene + p.number("hormone.estradiol_log_sd_women") * z_e
    )
    pre = _lognormal(p.number("hormone.estradiol_premenopausal"), 0.35, z_pre)
    is_pre = menopause == PREMENOPAUSAL
    old = (menopause == POSTMENOPAUSAL) | (menopause == SURGICAL)
    return {
        "testosterone": testosterone,
        "estradiol": np.where(is_male, men_e, np.where(is_pre, pre, post)),
        "estradiol_postmenopausal": post,
        "lh": _lognormal(np.where(old, 28.0, np.where(is_male, p.number("hormone.lh_men"), 6.0)), 0.38, z_lh),
        "fsh": _lognormal(np.where(old, 65.0, np.where(is_male, p.number("hormone.fsh_men"), 6.5)), 0.40, z_fsh),
        "shbg": _lognormal(np.where(is_male, 36.0, 56.0) * np.exp(-0.8 * fat), 0.33, z_shbg),
    }


def _baseline_bmd(p: Parameters, is_male, age, bmi, z) -> np.ndarray:
    """[5, n] g/cm2: age and sex mean, body mass, and deviates that share a common part."""
    common, rho = next(z), p.number("bone.site_correlation")
    mean = bmd_at_age(p, is_male, age)
    rows = []
    for j, site in enumerate(BONE_SITES):
        own = np.sqrt(rho) * common + np.sqrt(1.0 - rho) * next(z)
        sd = p.number(f"bone.{site}_sd")
        rows.append(np.maximum(mean[j] + sd * (own + p.number("bone.sd_per_5_bmi") * (bmi - 27.0) / 5.0), 0.3))
    return np.array(rows)
