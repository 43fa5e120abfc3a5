"""What was measured on the generated respondents at the examination: body, blood pressure, blood, DXA.

CDC's variables, rounding, fills below a detection limit, status and invalidity codes. The people and their true values
come from `nhanes_people`; answers stand in `nhanes_questionnaire`.
"""

import numpy as np

from pipelines.synth.nhanes_people import E2_LIMIT_PG_ML, Biology, Columns, Respondents, Table, only

_TESTOSTERONE_LIMIT_NG_DL = 0.75
_FEMUR = ("OF", "NK", "TR", "IN", "WD")
_FEMUR_AREA_CM2 = {"OF": (42.0, 32.7), "NK": (5.6, 4.85), "TR": (13.4, 10.3), "IN": (23.1, 17.5), "WD": (1.16, 1.18)}
_LUMBAR = ("L1", "L2", "L3", "L4")
_LUMBAR_AREA_CM2 = ((14.9, 12.0), (16.1, 13.2), (17.5, 14.6), (18.9, 16.4))
_LUMBAR_OFFSET = ((-0.06, 0.01, 0.02, 0.02), (-0.10, 0.0, 0.04, 0.04))
# Mean and spread of a scanner's two calibration columns, by cycle and scan.
_CALIBRATION = {
    ("D", "FMR"): (1.1366, 0.0045, 48.4, 2.4),
    ("D", "SPN"): (1.1349, 0.0045, 44.6, 2.6),
    ("H", "FMR"): (1.1466, 0.0090, 46.3, 2.4),
    ("H", "SPN"): (1.1428, 0.0090, 42.1, 2.5),
}


def body(p: Respondents) -> Table:
    """BMX: everybody examined; standing height from 2 on."""
    height = np.round(p.height, 1)
    weight = np.round(p.bmi * (p.height / 100) ** 2, 1)
    has_height = (p.years >= 2) & ~p.happens("no height", 0.015)
    has_weight = ~p.happens("no weight", 0.012)
    waist = np.where(p.is_male, 100.7 + 2.35 * (p.bmi - 28.5), 97 + 2.0 * (p.bmi - 29.3)) + 4.5 * p.normal("waist")
    has_waist = (p.years >= 2) & ~p.happens("no waist", 0.055)
    measured = has_weight.astype(int) + (has_height | (p.years < 2)) + (has_waist | (p.years < 2))
    return p.is_examined, {
        "SEQN": p.seqn.astype(float),
        "BMDSTATS": np.select([measured == 3, measured == 0, has_weight & has_height], [1.0, 4.0, 2.0], 3.0),
        "BMXWT": only(has_weight, weight),
        "BMXHT": only(has_height, height),
        "BMXBMI": only(has_weight & has_height, np.round(weight / (height / 100) ** 2, 2 if p.cycle == "D" else 1)),
        "BMXWAIST": only(has_waist, np.round(np.maximum(waist - 22 * np.maximum(1 - p.age / 18, 0), 40), 1)),
    }


def blood_pressure(p: Respondents) -> Table:
    """BPX: readings from 8 on, a fourth where one was missed; a diastolic of 0 is CDC's, not a pressure."""
    has_cuff = (p.years >= 8) & ~p.happens("no cuff", 0.04)
    usual = np.clip(105 + 0.45 * np.maximum(p.age - 20, -12) + 0.35 * (p.bmi - 27) + 11 * p.normal("systolic"), 75, 230)
    low = 58 + 14 * np.clip(p.age / 45, 0, 1) - 0.25 * np.maximum(p.age - 60, 0) + 10 * p.normal("diastolic")
    columns: Columns = {
        "SEQN": p.seqn.astype(float),
        "PEASCST1": np.where(has_cuff, 1.0, p.code("pressure status", (1, 2, 3), (40, 20, 40))),
        "BPXPLS": only(has_cuff, 2 * np.round((73 + 11 * p.normal("pulse")) / 2)),
        "BPAEN1": only(has_cuff, np.where(p.happens("enhanced", 0.01), 1.0, 2.0)),
    }
    missed = p.happens("missed a reading", 0.06)
    for reading in range(1, 5):
        taken = has_cuff & {2: ~missed, 4: missed}.get(reading, np.full(len(p.age), True))
        vanished = p.happens("sounds never vanish", 0.008)
        systolic = 2 * np.round((usual + 4 * p.normal("systolic reading", reading)) / 2)
        diastolic = 2 * np.round(np.clip(low + 4 * p.normal("diastolic reading", reading), 20, systolic - 10) / 2)
        columns[f"BPXSY{reading}"] = only(taken, systolic)
        columns[f"BPXDI{reading}"] = only(taken, np.where(vanished, 0.0, diastolic))
    return p.is_examined, columns


def sex_steroids(p: Respondents, b: Biology) -> Table:
    """TST of 2013-2014: from 6 on. Below the limit the value is limit/sqrt(2) and the comment code 1."""
    has_blood = ~p.happens("no blood", 0.07)
    has_e2 = has_blood & ~p.happens("no estradiol", 0.04)
    has_shbg = has_blood & ~p.happens("no SHBG", 0.03)
    e2, testosterone = np.exp(b.log_e2), np.exp(b.log_testosterone)
    is_low_e2, is_low_t = e2 < E2_LIMIT_PG_ML, testosterone < _TESTOSTERONE_LIMIT_NG_DL
    e2 = np.where(is_low_e2, np.round(E2_LIMIT_PG_ML / np.sqrt(2), 3), np.maximum(_three_digits(e2), 3.0))
    fill = np.round(_TESTOSTERONE_LIMIT_NG_DL / np.sqrt(2), 2)
    return p.is_examined & (p.years >= 6), {
        "SEQN": p.seqn.astype(float),
        "LBXTST": only(has_blood, np.where(is_low_t, fill, np.maximum(_three_digits(testosterone), 0.75))),
        "LBDTSTLC": only(has_blood, is_low_t.astype(float)),
        "LBXEST": only(has_e2, e2),
        "LBDESTLC": only(has_e2, is_low_e2.astype(float)),
        "LBXSHBG": only(has_shbg, np.round(np.exp(b.log_shbg), 2)),
        "LBDSHGLC": only(has_shbg, 0.0),
    }


def laboratory(p: Respondents) -> dict[str, Table]:
    """TCHOL, HDL, TRIGLY (the fasting half), GHB, VID and BIOPRO; conventional and SI units side by side."""
    has_blood = ~p.happens("no blood", 0.07)
    seqn = p.seqn.astype(float)
    obesity = np.clip(p.bmi - 27, -10, 20)
    total = np.round(np.clip(165 + 25 * np.clip((p.age - 15) / 35, 0, 1) + 38 * p.normal("cholesterol"), 75, 450))
    hdl = np.round(np.where(p.is_male, 48, 57) * np.exp(-0.012 * obesity + 0.22 * p.normal("hdl")))
    fats = np.round(np.exp(4.55 + 0.02 * obesity + 0.003 * (p.age - 45) + 0.45 * p.normal("triglycerides")))
    ldl = total - hdl - np.round(fats / 5)
    has_diabetes = p.takes["METFORMIN"] | p.happens("diabetes", np.clip(0.0015 * (p.age - 20), 0, 0.1))
    hba1c = 5.4 + 0.004 * (p.age - 45) + 0.3 * p.normal("hba1c") + 1.6 * has_diabetes * p.uniform("control")
    vitamin_d = np.exp(4.1 + 0.35 * p.normal("vitamin D")) + 4 * (p.race == 3)
    fasted = p.happens("fasted", 0.92)
    fasting_weight = np.where(fasted, np.round(2.1 * p.weight, 6), 0.0)
    has_fats = has_blood & fasted
    six, twelve = p.is_examined & (p.years >= 6), p.is_examined & (p.years >= 12)
    tables: dict[str, Table] = {
        "TCHOL": (six, {"SEQN": seqn} | _two_units(has_blood, "LBXTC", "LBDTCSI", total, 0.02586, 2)),
        "HDL": (six, {"SEQN": seqn} | _two_units(has_blood, "LBDHDD", "LBDHDDSI", hdl, 0.02586, 2)),
        "GHB": (twelve, {"SEQN": seqn, "LBXGH": only(has_blood, np.round(np.maximum(hba1c, 3.8), 1))}),
        "TRIGLY": (
            twelve & p.happens("morning session", 0.48),
            {"SEQN": seqn, "WTSAF2YR": fasting_weight}
            | _two_units(has_fats, "LBXTR", "LBDTRSI", fats, 0.01129, 3)
            | _two_units(has_fats & (fats <= 400) & (ldl >= 15), "LBDLDL", "LBDLDLSI", ldl, 0.02586, 3),
        ),
    }
    if p.cycle == "D":
        columns = {"SEQN": seqn, "LBDVIDMS": only(has_blood, np.round(vitamin_d, 1))}
    else:
        d2 = np.where(p.happens("ergocalciferol", 0.15), np.round(2.5 + 20 * p.uniform("D2"), 2), 1.45)
        d3 = np.round(vitamin_d, 1)
        columns = {"SEQN": seqn, "LBXVIDMS": only(has_blood, np.round(d3 + d2, 1)), "LBDVIDLC": only(has_blood, 0.0)}
        columns |= {"LBXVD2MS": only(has_blood, d2), "LBDVD2LC": only(has_blood, (d2 == 1.45).astype(float))}
        columns |= {"LBXVD3MS": only(has_blood, d3), "LBDVD3LC": only(has_blood, 0.0)}
    tables["VID"] = (p.is_examined & (p.years >= 1), columns)
    tables["BIOPRO"] = (twelve, _biochemistry(p, has_blood, hba1c, total, fats))
    return tables


def _biochemistry(
    p: Respondents, has_blood: np.ndarray, hba1c: np.ndarray, total: np.ndarray, fats: np.ndarray
) -> Columns:
    creatinine = np.where(p.is_male, 0.96, 0.75) * np.exp(
        0.004 * np.maximum(p.age - 50, 0) + 0.16 * p.normal("creatinine")
    )
    growing = 120 * np.clip((17 - p.age) / 4, 0, 1)
    alkaline = np.round(np.exp(4.18 + 0.28 * p.normal("alkaline phosphatase")) + growing)
    glucose = np.round(np.maximum(28.7 * hba1c - 58 + 8 * p.normal("glucose"), 45))
    return {
        "SEQN": p.seqn.astype(float),
        **_two_units(has_blood, "LBXSAL", "LBDSALSI", np.round(4.25 + 0.32 * p.normal("albumin"), 1), 10, 0),
        "LBXSAPSI": only(has_blood, alkaline),
        **_two_units(has_blood, "LBXSCA", "LBDSCASI", np.round(9.45 + 0.36 * p.normal("calcium"), 1), 0.25, 3),
        **_two_units(has_blood, "LBXSCH", "LBDSCHSI", np.round(total + 4 * p.normal("refrigerated")), 0.02586, 3),
        **_two_units(has_blood, "LBXSCR", "LBDSCRSI", np.round(creatinine, 2), 88.4, 2),
        **_two_units(has_blood, "LBXSGL", "LBDSGLSI", glucose, 0.05551, 2),
        **_two_units(has_blood, "LBXSPH", "LBDSPHSI", np.round(3.9 + 0.55 * p.normal("phosphorus"), 1), 0.323, 3),
        **_two_units(has_blood, "LBXSTR", "LBDSTRSI", np.round(1.15 * fats), 0.01129, 3),
    }


def femur(p: Respondents, b: Biology) -> Table:
    """DXXFEM: status 1 complete, 2 invalid for a reason, 3 pregnant, 4 over 300 lb, 5 not scanned; values for 1."""
    rows, status = _status(p, "femur", 0.05)
    is_valid, is_invalid = status == 1, status == 2
    reason = p.code("femur invalid because", (2, 3, 4, 5, 6), (2, 1, 7, 1, 89))
    bmd = {"OF": b.bmd["total_hip"], "NK": b.bmd["femoral_neck"]}
    bmd["TR"] = 0.75 * bmd["OF"] + 0.035 * p.normal("trochanter")
    bmd["IN"] = 1.19 * bmd["OF"] + 0.04 * p.normal("intertrochanter")
    bmd["WD"] = 1.35 * bmd["NK"] - 0.45 + 0.06 * p.normal("ward") - 0.003 * (p.age - 45)
    columns: Columns = {
        "SEQN": p.seqn.astype(float),
        "DXAFMRST": status,
        "DXXFMBCC": only(is_valid | is_invalid, np.where(is_valid, 0.0, reason)),
    }
    for region in _FEMUR:
        area = _size(p, *_FEMUR_AREA_CM2[region]) * np.exp(0.06 * p.normal(f"area {region}"))
        columns |= _region(region, is_valid, np.maximum(bmd[region], 0.15), area)
    return rows, columns | _calibration(p, "FMR", is_valid | (is_invalid & (p.cycle == "D")))


def spine(p: Respondents, b: Biology) -> Table:
    """DXXSPN: L1 to L4 and their total, which is missing (status 2, DXXOSBCC 1) where one vertebra is invalid."""
    rows, status = _status(p, "spine", 0.08 if p.cycle == "D" else 0.35)
    is_scanned, is_valid = (status == 1) | (status == 2), status == 1
    culprit = p.code("culprit", range(4), (25, 22, 23, 30))
    area = np.stack(
        [_size(p, *sizes) * np.exp(0.07 * p.normal(f"area {n}")) for n, sizes in enumerate(_LUMBAR_AREA_CM2)]
    )
    sex = np.where(p.is_male, 0, 1)
    offset = np.stack([np.array(_LUMBAR_OFFSET)[sex, n] + 0.035 * p.normal(f"vertebra {n}") for n in range(4)])
    offset -= (offset * area).sum(axis=0) / area.sum(axis=0)
    columns: Columns = {"SEQN": p.seqn.astype(float), "DXASPNST": status, "DXXOSBCC": only(is_scanned, 1.0 * ~is_valid)}
    bmd = np.maximum(b.bmd["lumbar_spine"] + offset, 0.15)
    columns |= _region("OS", is_valid, (bmd * area).sum(axis=0) / area.sum(axis=0), area.sum(axis=0))
    for number, region in enumerate(_LUMBAR):
        is_bad = (status == 2) & ((culprit == number) | p.happens(f"invalid too {number}", 0.3))
        reason = p.code(f"vertebra invalid because {number}", (2, 3, 4, 6), (8, 4, 2, 86))
        columns[f"DXX{region}BCC"] = only(is_scanned, np.where(is_bad, reason, 0.0))
        columns |= _region(region, is_scanned & ~is_bad, bmd[number], area[number])
    return rows, columns | _calibration(p, "SPN", is_scanned)


def whole_body(p: Respondents, b: Biology) -> Table:
    """DXX of 2005-2006, ages 8 to 69: five rows a person, which differ where CDC imputed a value, else repeat it.

    Codes: DXITOTBN, DXITOTST 0 measured, 1 imputed, 2 not imputable; DXILS, DXIPE 0 measured, 2 imputed, 4 neither.
    """
    status = np.where(p.is_pregnant, 3.0, p.code("whole-body status", (1, 2, 4, 5, 6), (87, 0.3, 1.5, 0.2, 11)))
    is_pregnant, is_partial = status == 3, status != 1
    is_hopeless = is_partial & p.happens("not imputable", 0.06)
    regions_imputed = is_partial | p.happens("regions imputed", 0.03)
    imputed = regions_imputed | p.happens("total imputed", 0.09)
    has_value = ~is_pregnant & ~is_hopeless
    bone = np.where(is_hopeless, 2.0, np.where(imputed, 1.0, 0.0))
    part = np.where(is_hopeless, 4.0, np.where(regions_imputed, 2.0, 0.0))

    def five(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, 5)

    def drawn(values: np.ndarray, is_imputed: np.ndarray, spread: float, purpose: str) -> np.ndarray:
        noise = np.column_stack([p.normal(f"imputed {purpose}", draw) for draw in range(5)]).ravel()
        return only(five(has_value), five(values) + spread * noise * five(is_imputed))

    area = _size(p, 2280.0, 1930.0)
    bmd = drawn(0.62 + 0.57 * b.bmd["total_hip"] + 0.03 * p.normal("whole body"), imputed, 0.045, "total")
    weight = 980 * p.bmi * (p.height / 100) ** 2
    share = np.where(p.is_male, 27.5 + 0.8 * (p.bmi - 28), 40.5 + 0.7 * (p.bmi - 29)) + 3 * p.normal("fat")
    fat_share = np.clip(drawn(share, imputed, 1.2, "fat"), 5, 65)
    mineral, fat = bmd * five(area), fat_share / 100 * five(weight)
    columns = {
        "SEQN": five(p.seqn.astype(float)),
        "X_MULT_": np.tile(np.arange(1.0, 6.0), len(p.seqn)),
        "DXAEXSTS": five(status),
        "DXITOTST": five(only(~is_pregnant, bone)),
        "DXITOTBN": five(only(~is_pregnant, bone)),
        "DXILS": five(only(~is_pregnant, part)),
        "DXXLSBMD": np.round(drawn(b.bmd["lumbar_spine"] + 0.03 * p.normal("lumbar"), regions_imputed, 0.06, "LS"), 3),
        "DXIPE": five(only(~is_pregnant, part)),
        "DXXPEBMD": np.round(drawn(0.12 + 1.2 * b.bmd["total_hip"], regions_imputed, 0.06, "pelvis"), 3),
        "DXDTOA": np.round(only(five(has_value), five(area)), 2),
        "DXDTOBMC": np.round(mineral, 2),
        "DXDTOBMD": np.round(bmd, 3),
        "DXDTOFAT": np.round(fat, 1),
        "DXDTOLE": np.round(five(weight) - fat - mineral, 1),
        "DXDTOTOT": np.round(only(five(has_value), five(weight)), 1),
        "DXDTOPF": np.round(fat_share, 1),
    }
    return five(p.is_examined & (p.years >= 8) & (p.years < 70) & ~p.happens("no whole-body scan", 0.1)), columns


def _status(p: Respondents, scan: str, invalid: float) -> tuple[np.ndarray, np.ndarray]:
    """Who has a row (from 8, in 2013-2014 from 40 on) and CDC's scan status."""
    rows = p.is_examined & (p.years >= (8 if p.cycle == "D" else 40))
    status = p.code(f"{scan} status", (1, 2, 5), (1 - invalid - 0.09, invalid, 0.09))
    is_heavy = p.bmi * (p.height / 100) ** 2 > 136
    return rows, np.where(p.is_pregnant, 3.0, np.where(is_heavy, 4.0, status))


def _region(region: str, is_valid: np.ndarray, bmd: np.ndarray, area: np.ndarray) -> Columns:
    return {
        f"DXX{region}BMD": only(is_valid, np.round(bmd, 3)),
        f"DXX{region}BMC": only(is_valid, np.round(bmd * area, 2)),
        f"DXX{region}A": only(is_valid, np.round(area, 2)),
    }


def _calibration(p: Respondents, scan: str, has_scan: np.ndarray) -> Columns:
    k, k_spread, d0, d0_spread = _CALIBRATION[p.cycle, scan]
    return {
        f"DXA{scan}K": only(has_scan, np.round(k + k_spread * p.normal(f"{scan} k"), 4)),
        f"DXA{scan}D0": only(has_scan, np.round(d0 + d0_spread * p.normal(f"{scan} d0"), 4)),
    }


def _size(p: Respondents, man: float, woman: float) -> np.ndarray:
    """An area in cm2 that grows with the square of height."""
    return np.where(p.is_male, man * (p.height / 174.5) ** 2, woman * (p.height / 160.7) ** 2)


def _two_units(has_value: np.ndarray, name: str, si: str, values: np.ndarray, factor: float, digits: int) -> Columns:
    return {name: only(has_value, values), si: only(has_value, np.round(values * factor, digits))}


def _three_digits(values: np.ndarray) -> np.ndarray:
    return np.where(values < 10, np.round(values, 2), np.where(values < 100, np.round(values, 1), np.round(values)))
