"""What the generated respondents told: demographics, questionnaires, prescriptions, and the death register's lines.

CDC's variables and answer codes (7, 9 and longer runs of them: refused, does not know). The people come from
`nhanes_people`; measurements stand in `nhanes_examination`.
"""

import numpy as np
import polars as pl
from scipy.special import expit

from pipelines.synth.nhanes_people import Biology, Columns, Respondents, Table, only

# Generic name and code, drug class, reason for use and its text as CDC writes them.
DRUGS = (
    ("LISINOPRIL", "d00732", "CARDIOVASCULAR AGENTS", "I10", "Essential (primary) hypertension"),
    ("AMLODIPINE", "d00689", "CARDIOVASCULAR AGENTS", "I10", "Essential (primary) hypertension"),
    ("HYDROCHLOROTHIAZIDE; LISINOPRIL", "d03266", "CARDIOVASCULAR AGENTS", "I10", "Essential (primary) hypertension"),
    ("ATORVASTATIN", "d04105", "METABOLIC AGENTS", "E78.0", "Pure hypercholesterolemia"),
    ("METFORMIN", "d03807", "METABOLIC AGENTS", "E11", "Type 2 diabetes mellitus"),
    ("LEVOTHYROXINE", "d00278", "HORMONES/HORMONE MODIFIERS", "E03.9", "Hypothyroidism, unspecified"),
    ("OMEPRAZOLE", "d00325", "GASTROINTESTINAL AGENTS", "K21", "Gastro-esophageal reflux disease"),
    ("ALBUTEROL", "d00749", "RESPIRATORY AGENTS", "J45", "Asthma"),
    ("PREDNISONE", "d00350", "HORMONES/HORMONE MODIFIERS", "M35.0", "Sicca syndrome [Sjögren]"),
    ("ALENDRONATE", "d03849", "METABOLIC AGENTS", "M81", "Osteoporosis without current pathological fracture"),
    ("ESTRADIOL", "d00537", "HORMONES/HORMONE MODIFIERS", "N95.1", "Menopausal and female climacteric states"),
    (
        "CONJUGATED ESTROGENS",
        "d00541",
        "HORMONES/HORMONE MODIFIERS",
        "N95.1",
        "Menopausal and female climacteric states",
    ),
    ("TESTOSTERONE", "d00558", "HORMONES/HORMONE MODIFIERS", "E29.1", "Testicular hypofunction"),
    ("ANASTROZOLE", "d03873", "ANTINEOPLASTICS", "C50", "Malignant neoplasm of breast"),
    ("LETROZOLE", "d04156", "ANTINEOPLASTICS", "C50", "Malignant neoplasm of breast"),
    ("EXEMESTANE", "d04461", "ANTINEOPLASTICS", "C50", "Malignant neoplasm of breast"),
    ("TAMOXIFEN", "d00381", "ANTINEOPLASTICS", "C50", "Malignant neoplasm of breast"),
    ("55555", "", "", "55555", ""),
    ("99999", "", "", "", ""),
)
_CATALOG = ("RXDDRUG", "RXDDRGID", "RXDDCN1A")
_NO_DRUG = ("", "", "", "", "")
_UNKNOWN_TO_RESPONDENT = "99999"
_DAYS_TAKEN = (7, 30, 91, 182, 365, 730, 1095, 1825, 3650, 7300)
_DAYS_SHARES = (2, 5, 5, 6, 18, 18, 14, 17, 11, 4)
_FOLLOWED_FROM = ("interview", "exam")
_FOLLOW_UP_MONTHS = {"D": (108, 133), "H": (60, 85)}


def demographics(p: Respondents) -> Table:
    """DEMO: everybody. The interviewed only have exam weight 0 as with CDC, and every tenth of them none at all."""
    exam = only(~p.happens("weight is lost", 0.1) | p.is_examined, np.where(p.is_examined, p.weight, 0.0))
    exam *= p.weight.sum() / max(np.nansum(exam), 1.0)
    first, last = (8, 59) if p.cycle == "D" else (20, 44)
    asked = ~p.is_male & p.is_examined & (p.years >= first) & (p.years <= last)
    pregnancy = np.where(p.is_pregnant, 1.0, np.where(p.happens("pregnancy unknown", 0.07), 3.0, 2.0))
    is_adult = p.years >= 20
    columns = {
        "SEQN": p.seqn.astype(float),
        "SDDSRVYR": np.full(len(p.seqn), 4.0 if p.cycle == "D" else 8.0),
        "RIDSTATR": np.where(p.is_examined, 2.0, 1.0),
        "RIDEXMON": only(p.is_examined, p.code("half of the year", (1, 2), (1, 1))),
        "RIAGENDR": np.where(p.is_male, 1.0, 2.0),
        "RIDAGEYR": p.years,
        "RIDRETH1": p.race,
        "DMDEDUC2": only(is_adult, p.code("education", (1, 2, 3, 4, 5, 9), (10, 14, 23, 29, 23.9, 0.1))),
        "DMDMARTL": only(is_adult, p.code("marriage", (1, 2, 3, 4, 5, 6, 77), (52, 8, 11, 3, 19, 6.9, 0.1))),
        "RIDEXPRG": only(asked, pregnancy),
        "INDFMPIR": only(~p.happens("no income", 0.06), np.round(np.minimum(5.4 * p.uniform("income"), 5), 2)),
        "WTINT2YR": np.round(p.weight, 6),
        "WTMEC2YR": np.round(exam, 6),
        "SDMVPSU": p.psu,
        "SDMVSTRA": p.stratum + (43 if p.cycle == "D" else 103),
    }
    if p.cycle == "H":
        other = np.where(p.happens("asian", 0.7), 6.0, 7.0)
        columns["RIDRETH3"] = np.where(p.race == 5, other, p.race)
    else:
        columns["RIDAGEMN"] = only(p.years < 85, np.floor(12 * p.age))
    return np.full(len(p.seqn), True), columns


def smoking(p: Respondents) -> Table:
    """SMQ: from 12 on; cigarettes are asked of adults."""
    asked = p.years >= (20 if p.cycle == "D" else 18)
    ever, now = asked & (p.smoking > 0), asked & (p.smoking == 2)
    started = np.clip(np.round(17.5 + 4 * p.normal("started smoking")), 7, p.years)
    daily = now & p.happens("daily", 0.8)
    since = np.maximum(np.round((p.age - started) * p.uniform("stopped")), 1)
    return p.years >= 12, {
        "SEQN": p.seqn.astype(float),
        "SMQ020": p.answer("smoked", asked, ever),
        "SMD030": only(ever, np.where(p.happens("start unknown", 0.01), 999.0, started)),
        "SMQ040": only(ever, np.where(daily, 1.0, np.where(now, 2.0, 3.0))),
        "SMQ050Q": only(ever & ~now, np.where(p.happens("stop unknown", 0.01), 99999.0, since)),
        "SMQ050U": only(ever & ~now, 4.0),
        "SMD641": only(now, np.where(daily, 30.0, np.round(1 + 28 * p.uniform("smoking days")))),
        "SMD650": only(now, np.maximum(np.round(12 * np.exp(0.6 * p.normal("cigarettes"))), 1)),
        "SMAQUEX2": np.where(asked, 1.0, 2.0),
    }


def reproduction(p: Respondents) -> Table:
    """RHQ: examined women from 12 on; nine in a hundred leave it out."""
    answered = ~p.happens("leaves out RHQ", 0.09)
    is_adult, is_late = p.years >= 20, p.cycle == "H"
    menarche = np.clip(np.round(12.6 + 1.5 * p.normal("menarche")), 9, 17)
    begun = answered & (p.age > menarche)
    told_menarche = np.where(p.happens("menarche unknown", 0.01), 999.0, menarche)
    is_barred = p.is_postmenopausal | p.has_hysterectomy | p.is_pregnant
    has_periods = ~is_barred & p.happens("regular periods", 0.96)
    stopped = begun & ~has_periods
    if is_late:
        why = np.where(p.has_hysterectomy, 3.0, np.where(p.is_postmenopausal, 7.0, p.code("why none", (2, 9), (1, 3))))
    else:
        is_final = p.has_hysterectomy | p.is_postmenopausal
        why = np.where(is_final, 7.0, p.code("why none", (2, 8, 9), (1, 1, 3)))
    why = np.where(p.is_pregnant, 1.0, np.where(p.happens("reason unknown", 0.003), 99.0, why))
    is_ended = stopped & ((why == 3) | (why == 7))
    last = np.floor(np.where(p.has_hysterectomy, np.minimum(p.age - 1, 44), np.minimum(p.menopause_age, p.age)))
    was_pregnant = p.is_pregnant | p.happens("ever pregnant", np.clip((p.age - 15) / 20, 0, 0.85))
    asked_pregnant = answered & (is_adult if is_late else begun)
    asked_surgery = answered & is_adult & (is_late | stopped)
    on_estrogen = p.takes["ESTRADIOL"] | p.takes["CONJUGATED ESTROGENS"]
    used = on_estrogen | p.happens("hormones", np.where(p.is_postmenopausal, 0.4, 0.04))
    hormones = p.answer("RHQ540", answered & is_adult, used)
    pills = (hormones == 1) & (on_estrogen | p.happens("pills", 0.8))
    patches = (hormones == 1) & p.happens("patches", 0.13)
    estrogen_pills = only(pills, np.where(on_estrogen, 1.0, p.code("estrogen pills", (1, 2, 9), (70, 22, 8))))
    years = np.round(1 - 5 * np.log(p.uniform("years of pills")))
    years = np.where(p.happens("years unknown", 0.03), 99.0, np.minimum(years, 40))
    columns = {
        "SEQN": p.seqn.astype(float),
        "RHQ010": only(answered, np.where(begun, told_menarche, 0.0)),
        "RHQ031": p.answer("RHQ031", begun, has_periods, 0.001),
        "RHD043" if is_late else "RHD042": only(stopped & (is_adult if is_late else begun), why),
        "RHQ060": only(is_ended, np.where(p.happens("last unknown", 0.04), 999.0, last)),
        "RHQ131": only(asked_pregnant, np.where(was_pregnant, 1.0, 2.0)),
        "RHD143": p.answer("RHD143", asked_pregnant & was_pregnant & (p.years <= 44), p.is_pregnant, 0.01),
        "RHQ160": only(asked_pregnant & was_pregnant, np.floor(1 - 2 * np.log(p.uniform("pregnancies")))),
        "RHD280": p.answer("RHD280", asked_surgery, p.has_hysterectomy, 0.001),
        "RHQ420": p.answer("RHQ420", answered, is_adult & p.happens("contraception", 0.6), 0.002),
        "RHQ540": hormones,
        "RHQ554": estrogen_pills,
        "RHQ560Q": only(estrogen_pills == 1, years),
        "RHQ560U": only((estrogen_pills == 1) & (years < 99), np.where(p.happens("months", 0.2), 1.0, 2.0)),
        "RHQ570": only(pills, p.code("combined pills", (1, 2, 9), (20, 71, 9))),
        "RHQ580": only(patches, p.code("estrogen patches", (1, 2, 9), (62, 21, 17))),
    }
    if is_late:
        columns["RHQ305"] = p.answer("RHQ305", answered & is_adult, p.has_no_ovaries, 0.008)
        columns |= {"RHQ542A": only(pills, 10.0), "RHQ542B": only(patches, 11.0)}
    else:
        columns["RHQ300"] = p.answer("RHQ300", answered & is_adult, p.has_no_ovaries, 0.008)
        columns |= {"RHQ541A": only(pills, 10.0), "RHQ541B": only(patches, 11.0)}
    return ~p.is_male & p.is_examined & (p.years >= 12), columns


def diagnoses(p: Respondents) -> Table:
    """MCQ: from 1 on; heart disease and cancer are asked from 20 on, up to three kinds of cancer."""
    adult = p.years >= 20
    has_cancer = p.has_breast_cancer | p.happens("cancer", expit(0.075 * p.age - 7.3))
    told = p.answer("cancer told", adult, has_cancer, 0.001)
    other = np.where(
        p.is_male,
        p.code("cancer of men", (30, 32, 33, 25, 16, 39, 99), (33, 33, 10, 9, 8, 6, 1)),
        p.code("cancer of women", (32, 33, 25, 16, 38, 15, 99), (34, 14, 12, 8, 12, 18, 2)),
    )
    first = only(told == 1, np.where(p.has_breast_cancer, 14.0, other))
    second = only(
        (told == 1) & p.happens("two cancers", 0.08), p.code("second cancer", (16, 28, 32, 33, 39), (1, 1, 4, 3, 2))
    )
    found_at = np.floor(35 + (p.age - 35) * p.uniform("breast cancer since"))
    heart = {"B": -8.2, "C": -7.9, "D": -8.6, "E": -7.9, "F": -8.1}  # log odds at age 0
    return p.years >= 1, {
        "SEQN": p.seqn.astype(float),
        "MCQ053": p.answer("MCQ053", p.years >= 1, p.happens("anemia", 0.03), 0.001),
        "MCQ080": p.answer("MCQ080", p.years >= 16, p.happens("overweight", expit(0.16 * (p.bmi - 30.5))), 0.001),
        "MCQ160A": p.answer("MCQ160A", adult, p.happens("arthritis", expit(0.06 * p.age - 4.2))),
        **{
            f"MCQ160{kind}": p.answer(f"MCQ160{kind}", adult, p.happens(f"heart {kind}", expit(odds + 0.076 * p.age)))
            for kind, odds in heart.items()
        },
        "MCQ220": told,
        "MCQ230A": first,
        "MCQ230B": second,
        "MCQ230C": only(~np.isnan(second) & p.happens("three cancers", 0.1), 32.0),
        "MCQ240E": only(first == 14, found_at),
    }


def fractures(p: Respondents, b: Biology) -> Table:
    """OSQ: from 20 (2005-2006) or 40 on (2013-2014); fractures and known osteoporosis go with low BMD."""
    everybody = p.years >= (20 if p.cycle == "D" else 40)
    t_score = (b.bmd["femoral_neck"] - 0.858) / 0.12
    columns: Columns = {"SEQN": p.seqn.astype(float)}
    for part, odds in (
        ("A", -4.9 + 0.03 * (p.age - 60)),
        ("B", np.full(len(p.age), -2.7)),
        ("C", np.full(len(p.age), -4.2)),
    ):
        broken = p.answer(f"OSQ010{part}", everybody, p.happens(f"fracture {part}", expit(odds - 0.4 * t_score)), 0.001)
        times = p.code(f"times {part}", (1, 2, 3, 9999), (88, 9, 2.5, 0.5))
        columns |= {f"OSQ010{part}": broken, f"OSQ020{part}": only(broken == 1, times)}
    is_known = p.happens("osteoporosis", expit(-4.4 - 0.9 * t_score + 1.4 * ~p.is_male + 0.02 * (p.age - 60)))
    known = p.answer("OSQ060", everybody, is_known | p.takes["ALENDRONATE"], 0.003)
    is_treated = p.takes["ALENDRONATE"] | p.happens("treated once", 0.45)
    parent = p.answer("OSQ150", everybody, p.happens("parent", 0.11), 0.055)
    return everybody, columns | {
        "OSQ060": known,
        "OSQ070" if p.cycle == "D" else "OSQ072": p.answer("treated", known == 1, is_treated, 0.01),
        "OSQ080": p.answer("OSQ080", everybody, p.happens("other fracture", 0.24), 0.001),
        "OSQ130": p.answer("OSQ130", everybody, p.takes["PREDNISONE"] | p.happens("steroids", 0.04), 0.007),
        "OSQ150": parent,
        "OSQ160A": only((parent == 1) & p.happens("mother", 0.94), 1.0),
        "OSQ170": p.answer("OSQ170", everybody, p.happens("mother's hip", 0.065), 0.04),
        "OSQ200": p.answer("OSQ200", everybody, p.happens("father's hip", 0.022), 0.05),
    }


def prescriptions(p: Respondents) -> pl.DataFrame:
    """RXQ_RX: a row a drug and person, or one row without a drug; what nobody could name has no code."""
    names = [name for name, *_ in DRUGS]
    taken = np.column_stack([p.takes[name] for name in names])
    person, drug = np.nonzero(taken)
    none = np.flatnonzero(~taken.any(axis=1))

    def of_row(by_drug: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.column_stack(by_drug)[person, drug], np.full(len(none), np.nan)])

    who, what = np.concatenate([person, none]), np.concatenate([drug, np.full(len(none), len(DRUGS))])
    days = of_row([p.code(f"days {name}", _DAYS_TAKEN, _DAYS_SHARES) for name in names])
    memory = of_row([p.uniform(f"days known {name}") for name in names])
    days = np.where(memory < 0.002, 77777.0, np.where(memory < 0.022, 99999.0, days))
    seen = (89, 6, 5) if p.cycle == "H" else (88, 12, 0)
    is_named = what != names.index(_UNKNOWN_TO_RESPONDENT)
    catalog = pl.DataFrame([*DRUGS, _NO_DRUG], schema=[*_CATALOG, "RXDRSC1", "RXDRSD1"], orient="row")
    answers = pl.DataFrame(
        {
            "SEQN": p.seqn[who].astype(float),
            "RXDUSE": np.where(what < len(DRUGS), 1.0, p.code("no drugs", (2, 7, 9), (99.8, 0.15, 0.05))[who]),
            "RXQSEEN": only(is_named, of_row([p.code(f"seen {name}", (1, 2, 3), seen) for name in names])),
            "RXDDAYS": only(is_named, days),
            "RXDCOUNT": only(what < len(DRUGS), taken.sum(axis=1)[who]),
            "is_sure": of_row([p.uniform(f"reason known {name}") for name in names]) < 0.97,
            "is_male": p.is_male[who],
        }
    ).fill_nan(None)
    frame = pl.concat([answers, catalog[what]], how="horizontal").sort("SEQN", maintain_order=True)
    columns = ["SEQN", "RXDUSE", "RXDDRUG", "RXDDRGID", "RXQSEEN", "RXDDAYS"]
    if p.cycle == "H":
        reason, text = pl.col("RXDRSC1"), pl.col("RXDRSD1")
        add_on = pl.col("is_male") & (pl.col("RXDDRUG") == "ANASTROZOLE")
        unsure = ~pl.col("is_sure") & ~add_on & (reason != "")
        frame = frame.with_columns(
            pl.when(unsure).then(pl.lit("99999")).when(add_on).then(pl.lit("E29.1")).otherwise(reason).alias("RXDRSC1"),
            pl.when(unsure)
            .then(pl.lit(""))
            .when(add_on)
            .then(pl.lit("Testicular hypofunction"))
            .otherwise(text)
            .alias("RXDRSD1"),
        ).with_columns(pl.lit("").alias(name) for name in ("RXDRSC2", "RXDRSC3", "RXDRSD2", "RXDRSD3"))
        columns += [f"RXDRS{kind}{number}" for kind in "CD" for number in (1, 2, 3)]
    return frame.select(*columns, "RXDCOUNT")


def drug_lookup() -> pl.DataFrame:
    """RXQ_DRUG: the named drugs, their number of ingredients and their class."""
    rows = [(code, name, 1.0 + name.count(";"), group) for name, code, group, *_ in DRUGS if code]
    return pl.DataFrame(rows, schema=["RXDDRGID", "RXDDRUG", "RXDINGFL", "RXDDCN1A"], orient="row").sort("RXDDRGID")


def mortality(p: Respondents) -> list[str]:
    """The cycle's linked mortality file, line by line: Gompertz deaths, children and a few others not followed."""
    first, last = _FOLLOW_UP_MONTHS[p.cycle]
    follow_up = np.floor(first + (last - first) * p.uniform("follow-up"))
    slope = 0.078  # a year of age
    hazard = 0.004 * np.exp(slope * (np.maximum(p.age, 18) - 45)) * np.where(p.is_male, 1.25, 0.8)
    hazard *= np.where(p.smoking == 2, 1.6, 1.0)
    death = np.floor(12 * np.log1p(-slope * np.log(p.uniform("death")) / hazard) / slope)
    is_dead = death < follow_up
    interview = np.minimum(death, follow_up)
    exam = np.maximum(interview - (p.uniform("exam later") < 0.4), 0)
    eligible = np.where(p.age < 18, "2", np.where(p.happens("not linked", 0.002), "3", "1"))
    cause = p.code("cause", range(1, 11), (28, 23, 6, 4, 5, 5, 4, 3, 2.5, 19.5))
    flags = [
        np.where(p.happens(f"also {name}", share), "1", "0") for name, share in (("diabetes", 0.1), ("pressure", 0.17))
    ]
    is_linked = eligible == "1"
    died = is_linked & is_dead
    frame = pl.DataFrame(
        {
            "seqn": p.seqn,
            "eligible": eligible,
            "status": np.where(is_linked, np.where(is_dead, "1", "0"), "."),
            "cause": np.where(died, np.char.zfill(cause.astype(int).astype(str), 3), "   "),
            "diabetes": np.where(died, flags[0], "."),
            "pressure": np.where(died, flags[1], "."),
            "interview": np.where(is_linked, interview.astype(int).astype(str), "."),
            "exam": np.where(is_linked & p.is_examined, exam.astype(int).astype(str), "."),
        }
    )
    months = [
        pl.col(name).str.pad_start(3) if p.cycle == "D" else pl.col(name).str.pad_end(3) for name in _FOLLOWED_FROM
    ]
    parts = [pl.col("seqn").cast(pl.String).str.pad_end(14), "eligible", "status", "cause", "diabetes", "pressure"]
    line = pl.concat_str(*parts, pl.lit(" " * 21), *months).str.strip_chars_end(" ")
    return frame.select(line.alias("line"))["line"].to_list()
