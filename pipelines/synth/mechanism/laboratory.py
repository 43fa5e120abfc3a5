"""What is in the tubes, and what the laboratory reads: true and measured values in canonical units.

Here: every analyte. Not here: which tubes exist (`tubes`), assay equations (`assays`), rounding, limits, units.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.synth import draws
from pipelines.synth.mechanism import assays, hormones, pharmacokinetics
from pipelines.synth.mechanism.codes import ANALYTES, ASSAY_CLASSES
from pipelines.synth.mechanism.comedication import COMEDICATIONS
from pipelines.synth.mechanism.course import Course
from pipelines.synth.mechanism.hazards import row
from pipelines.synth.mechanism.people import PREMENOPAUSAL, YEAR
from pipelines.synth.mechanism.treatment import LABEL_MG
from pipelines.synth.mechanism.tubes import BONE, EARLY, HORMONES, METABOLIC, SEMEN, Tubes
from pipelines.synth.parameters import Parameters

#: analyte -> (tube kinds it is measured in, share of those tubes)
_PANELS: dict[str, tuple[int, float]] = {
    "estradiol": (HORMONES | EARLY, 1.0),
    "testosterone": (HORMONES, 0.85),
    "lh": (HORMONES, 0.5),
    "fsh": (HORMONES, 0.4),
    "shbg": (HORMONES, 0.5),
    "albumin": (HORMONES | METABOLIC, 0.5),
    "free_testosterone": (HORMONES, 0.2),
    "estrone": (HORMONES, 0.08),
    "progesterone": (HORMONES, 0.08),
    "prolactin": (HORMONES, 0.12),
    "dhea_s": (HORMONES, 0.06),
    "cortisol": (HORMONES, 0.05),
    "androstenedione": (HORMONES, 0.04),
    "hematocrit": (HORMONES | METABOLIC, 0.6),
    "psa": (HORMONES, 0.2),
    "sperm_concentration": (SEMEN, 1.0),
    "ctx": (BONE, 0.9),
    "p1np": (BONE, 0.8),
    "balp": (BONE, 0.4),
    "osteocalcin": (BONE, 0.25),
    "ntx": (BONE, 0.25),
    "soluble_rankl": (BONE, 0.03),
    "osteoprotegerin": (BONE, 0.03),
    "igf1": (BONE, 0.05),
    "il6": (BONE, 0.03),
    "pth": (BONE, 0.4),
    "vitamin_d": (BONE | METABOLIC, 0.3),
    "calcium": (BONE | METABOLIC, 0.8),
    "tsh": (METABOLIC, 0.45),
    "free_t4": (METABOLIC, 0.25),
    "creatinine": (METABOLIC, 0.95),
    "total_cholesterol": (METABOLIC, 0.9),
    "ldl_cholesterol": (METABOLIC, 0.9),
    "hdl_cholesterol": (METABOLIC, 0.9),
    "triglycerides": (METABOLIC, 0.9),
    "lipoprotein_a": (METABOLIC, 0.12),
    "glucose": (METABOLIC, 0.95),
    "insulin": (METABOLIC, 0.25),
    "hba1c": (METABOLIC, 0.4),
    "hs_crp": (METABOLIC, 0.25),
    "nt_probnp": (METABOLIC, 0.06),
    "estriol": (HORMONES, 0.04),
    "sodium": (METABOLIC, 0.25),
    "potassium": (METABOLIC, 0.25),
    "chloride": (METABOLIC, 0.25),
    "bicarbonate": (METABOLIC, 0.25),
    "magnesium": (METABOLIC, 0.08),
    "mcv": (METABOLIC, 0.2),
    "mchc": (METABOLIC, 0.2),
    "platelets": (METABOLIC, 0.2),
    "bilirubin": (METABOLIC, 0.25),
}
_MEN_ONLY, _WOMEN_ONLY = {"psa", "sperm_concentration"}, {"progesterone"}
_HOUR_OF_INTAKE = 8.0
#: log effect of diabetes
DIABETES_EFFECT = {"glucose": 0.32, "hba1c": 0.22, "insulin": 0.35}


@dataclass(frozen=True, slots=True)
class Draws:
    """Arrays [d]: tube index, analyte code, values, assay class code, limit (nan without), laboratory, injection age."""

    tube: np.ndarray
    analyte: np.ndarray
    true_value: np.ndarray
    measured_value: np.ndarray
    assay_class: np.ndarray
    assay_limit: np.ndarray
    laboratory: np.ndarray


@dataclass(slots=True)
class _State:
    """The person at the moment of each tube, arrays [t]."""

    estradiol: np.ndarray
    testosterone: np.ndarray
    shbg: np.ndarray
    own_testosterone: np.ndarray
    injection_age: np.ndarray
    ai: np.ndarray
    tamoxifen: np.ndarray
    on_t: np.ndarray
    male: np.ndarray
    age: np.ndarray
    statin: np.ndarray


def injection_age(seed: int, course: Course, tubes: Tubes) -> np.ndarray:
    """Days since the last dose by injection or pellet, nan without; [t]."""
    r, s = tubes.row, tubes.step
    form = course.plan.testosterone_form[r]
    interval = np.choose(form, [7.0, 3.5, 1.0, 112.0])
    u = draws.uniform(seed, course.people.person[r], "injection_age", tubes.key)
    cycle = np.where(form == 3, (s - course.plan.start[r]) * 28 % 112 + tubes.day % 28, np.floor(u * interval * 2) / 2)
    is_dosed = (course.tracks["on_testosterone"][s, r] > 0) & (form != 2)
    return np.where(is_dosed, cycle, np.nan)


def _state(p: Parameters, seed: int, course: Course, tubes: Tubes, start, stop) -> _State:
    people, t = course.people, course.tracks
    r, s = tubes.row, tubes.step
    ages = injection_age(seed, course, tubes)
    half_life = np.where(
        course.plan.testosterone_form[r] == 3, 75.0, p.number("pharmacokinetics.testosterone_half_life")
    )
    middle = np.choose(course.plan.testosterone_form[r], [3.5, 1.75, 0.0, 50.0])
    swing = np.where(np.isnan(ages), 1.0, np.exp(-np.log(2.0) / half_life * (np.nan_to_num(ages) - middle)))
    outside = t["outside_testosterone"][s, r]
    own = t["testosterone"][s, r] - outside
    late = (tubes.minute > 720) & people.is_male[r]
    own = own * np.where(late, p.number("laboratory.afternoon_testosterone"), 1.0)
    # the first days of an aromatase inhibitor: the step mean is not reached yet
    full = t["inhibited"][s, r]
    label = LABEL_MG[t["ai_kind"][s, r]]
    share = np.divide(t["ai_mg"][s, r], label, out=np.zeros(r.size), where=label > 0)
    per_week = t["ai_intakes"][s, r]
    reached = pharmacokinetics.after_doses(
        tubes.days_on_ai * 24.0 + tubes.minute / 60.0 - _HOUR_OF_INTAKE,
        168.0 / np.where(per_week > 0, per_week, 7.0),
        share,
        p.number("pharmacokinetics.clearance") * people.clearance[r],
        p.number("pharmacokinetics.volume"),
        p.number("pharmacokinetics.absorption"),
    )
    premenopausal = ~people.is_male[r] & (people.menopause[r] == PREMENOPAUSAL) & (t["castrated"][s, r] == 0)
    early = hormones.inhibition(
        p, reached, t["ai_kind"][s, r], people.is_male[r], premenopausal, people.is_non_suppressor[r]
    )
    now = np.where(tubes.days_on_ai >= 0, np.minimum(early, full), full)
    oral = COMEDICATIONS.index("estradiol_oral")
    takes_estrogen = (start[oral, r] <= tubes.day) & (tubes.day < stop[oral, r])
    statin = COMEDICATIONS.index("atorvastatin")
    return _State(
        estradiol=t["estradiol"][s, r] / (1.0 - full) * (1.0 - now)
        + p.number("laboratory.oral_estradiol_adds") * takes_estrogen,
        testosterone=own + outside * swing,
        shbg=people.shbg[r] * t["shbg"][s, r] * np.where(takes_estrogen, 1.6, 1.0),
        own_testosterone=own,
        injection_age=ages,
        ai=t["ai_kind"][s, r] > 0,
        tamoxifen=t["tamoxifen"][s, r] > 0,
        on_t=t["on_testosterone"][s, r] > 0,
        male=people.is_male[r],
        age=people.age[r] + tubes.day / YEAR,
        statin=(start[statin, r] <= tubes.day) & (tubes.day < stop[statin, r]),
    )


def free_testosterone(testosterone, shbg, albumin):
    """Vermeulen 1999: free testosterone ng/dL from ng/dL, nmol/L and g/dL."""
    total = testosterone * 0.03467e-9
    binding = 1.0 + 3.6e4 * albumin * 10.0 / 69000.0
    k = 1.0e9
    b = binding + k * (shbg * 1e-9 - total)
    return (-b + np.sqrt(b * b + 4.0 * binding * k * total)) / (2.0 * binding * k) / 0.03467e-9


def drug_effect(p: Parameters, name: str, ai, tamoxifen, testosterone, statin=0.0) -> np.ndarray | float:
    """Log effect on an analyte of the drugs on board; each 0 or 1, [t]."""
    effect: np.ndarray | float = 0.0
    for drug, on in (("ai", ai), ("tamoxifen", tamoxifen), ("testosterone", testosterone), ("statin", statin)):
        key = f"laboratory.{name}_{drug}"
        if key in p.entries:
            effect = effect + p.number(key) * on
    return effect


def _log_effect(p: Parameters, name: str, state: _State, course: Course, tubes: Tubes, which) -> np.ndarray | float:
    """Log effect of drugs, disease and circumstances on an analyte without equation of its own; `state` is of `which`."""
    r, s, t = tubes.row[which], tubes.step[which], course.tracks
    fed, day = ~tubes.is_fasting[which], tubes.day[which]
    if name in ("ctx", "ntx"):
        clock = np.log(p.number("laboratory.fed_ctx")) * fed + np.log(p.number("laboratory.afternoon_ctx")) * (
            tubes.minute[which] > 720
        )
        return t["ctx"][s, r] * (1.0 if name == "ctx" else 0.8) + clock
    if name in ("p1np", "balp", "osteocalcin"):
        return t["p1np"][s, r] * {"p1np": 1.0, "balp": 0.6, "osteocalcin": 0.7}[name]
    if name == "lh":
        return np.log(t["lh"][s, r])
    if name == "fsh":
        return np.log(t["fsh"][s, r])
    effect = drug_effect(p, name, state.ai, state.tamoxifen, state.on_t, state.statin)
    if name in ("glucose", "hba1c", "insulin"):
        ill = course.people.has_diabetes[r] | (course.event_day[row("diabetes"), r] < day)
        effect = effect + DIABETES_EFFECT[name] * ill
        effect = effect + {"glucose": 0.1, "hba1c": 0.0, "insulin": 0.6}[name] * fed
        effect = effect + {"glucose": 0.15, "hba1c": 0.1, "insulin": 1.2}[name] * np.log(course.people.bmi[r] / 27.0)
    if name == "triglycerides":
        effect = effect + 0.12 * fed + 0.6 * np.log(course.people.bmi[r] / 27.0)
    if name == "nt_probnp":
        effect = effect + 1.7 * (course.event_day[row("heart_failure"), r] < day) + 0.03 * (state.age - 60.0)
    if name == "creatinine":
        effect = effect + 0.003 * (state.age - 60.0)
    if name == "sperm_concentration":
        effect = effect + 1.5 * np.log(np.maximum(t["open_axis"][s, r], 0.03))
    return effect


def read_tubes(
    p: Parameters, seed: int, course: Course, tubes: Tubes, start: np.ndarray, stop: np.ndarray
) -> tuple[Draws, np.ndarray]:
    """Results of all tubes, and the age of the last injection per tube; `start`, `stop` are those of `comedication`."""
    people, clinics = course.people, course.clinics
    state = _state(p, seed, course, tubes, start, stop)
    person = people.person[tubes.row]
    between = draws.normals(seed, people.person, "analyte", len(ANALYTES))
    site = people.site[tubes.row]
    late = (people.entry_day[tubes.row] + tubes.day >= clinics.assay_switch_day[site]).astype(np.int64)
    assay, limit = clinics.assay[site, late], clinics.assay_limit[site, late]
    laboratory = clinics.laboratory[site, late]
    limits = {"estriol": p.number("assay.estriol_limit")}
    parts = []
    for code, name in enumerate(ANALYTES):
        kinds, share = _PANELS[name]
        has = (tubes.kind & kinds) > 0
        if name in _MEN_ONLY:
            has &= state.male
        if name in _WOMEN_ONLY:
            has &= ~state.male
        which = np.nonzero(has)[0]
        four = draws.words(seed, person[which], f"draw_{name}", tubes.key[which])
        if share < 1.0:
            chosen = draws._unit(four[2]) < share
            which, four = which[chosen], four[:, chosen]
        z_true, z_read = draws._box_muller(four[0], four[1])
        here = _State(*(getattr(state, f)[which] for f in _State.__dataclass_fields__))
        true, measured = _values(p, name, code, here, course, tubes, which, between, z_true, z_read, assay)
        hormone = name in ("estradiol", "estrone", "testosterone")
        parts.append(
            Draws(
                tube=which,
                analyte=np.full(which.size, code),
                true_value=true,
                measured_value=measured,
                assay_class=assay[which] if hormone else np.full(which.size, ASSAY_CLASSES.index("routine")),
                assay_limit=limit[which] if name == "estradiol" else np.full(which.size, limits.get(name, np.nan)),
                laboratory=laboratory[which],
            )
        )
    joined = Draws(*(np.concatenate([getattr(part, f) for part in parts]) for f in Draws.__dataclass_fields__))
    return joined, state.injection_age


def _values(
    p: Parameters, name, code, state: _State, course: Course, tubes: Tubes, which, between, z_true, z_read, assay
):
    """True and measured values of one analyte in the chosen tubes."""
    r, s = tubes.row[which], tubes.step[which]
    if name == "estradiol":
        old = course.people.is_male[r] | (course.people.menopause[r] != PREMENOPAUSAL)
        sd = np.where(old, p.number("hormone.within_person_log_sd"), p.number("hormone.cycle_log_sd"))
        noise = np.where(tubes.is_check[which], course.tracks["estradiol_noise"][s, r], z_true)
        true = state.estradiol * np.exp(sd * noise)
        read = assays.read_estradiol(p, true, assay[which], z_read, course.tracks["ai_kind"][s, r] == 3)
        plain = tubes.is_check[which] & (tubes.days_on_ai[which] < 0)
        acted_on = course.tracks["read_estradiol"][s, r]
        # the value the clinician acted on is the value of the record, unless oral estrogen was added afterwards
        return true, np.where(plain & (state.estradiol <= course.tracks["estradiol"][s, r] * 1.0001), acted_on, read)
    if name == "testosterone":
        true = state.testosterone * np.exp(0.10 * z_true)
        return true, assays.read_testosterone(p, true, assay[which], z_read)
    if name == "shbg":
        true = state.shbg * np.exp(0.06 * z_true)
        return true, true * np.exp(0.05 * z_read)
    if name in ("estrone", "estriol"):  # both are made of estradiol and follow it
        typical = p.vector(f"analyte.{name}")
        level = (
            np.where(state.male, typical[1], typical[0]) * (state.estradiol / np.where(state.male, 26.0, 5.6)) ** 0.8
        )
        true = level * np.exp(typical[2] * between[code, r] + 0.08 * z_true)
        return true, true * np.exp(0.08 * z_read)
    if name == "free_testosterone":
        true = free_testosterone(state.testosterone, state.shbg, 4.3)
        return true, true * np.exp(0.12 * z_read)
    if name == "total_cholesterol":
        ldl, hdl, tg = (_component(p, n, state, course, tubes, which, between, assay) for n in ("ldl", "hdl", "tg"))
        true = ldl + hdl + tg / 5.0
        return true, true * np.exp(0.02 * z_read)
    median_women, median_men, sd, within = p.vector(f"analyte.{name}")
    effect = _log_effect(p, name, state, course, tubes, which)
    if name in ("lh", "fsh"):
        base = (course.people.lh if name == "lh" else course.people.fsh)[r]
        true = base * np.exp(effect + within * z_true)
    else:
        base = np.where(state.male, median_men, median_women)
        true = base * np.exp(effect + sd * between[code, r] + within * z_true)
    return true, true * np.exp(p.number("laboratory.routine_assay_log_sd") * z_read)


def _component(p: Parameters, short: str, state: _State, course: Course, tubes: Tubes, which, between, assay):
    """The true lipid fraction of the same tube, so that the total is their sum."""
    name = {"ldl": "ldl_cholesterol", "hdl": "hdl_cholesterol", "tg": "triglycerides"}[short]
    four = draws.words(course.seed, course.people.person[tubes.row[which]], f"draw_{name}", tubes.key[which])
    z_true, z_read = draws._box_muller(four[0], four[1])
    return _values(p, name, ANALYTES.index(name), state, course, tubes, which, between, z_true, z_read, assay)[0]
