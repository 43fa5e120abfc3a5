"""Laboratory rows: analyte, unit and value, whatever the spelling; what cannot be read is set aside with a reason."""

import pytest

TABLE = "source.lab_record"
PERSON = "person_id | sex_code | birth_year\n1 | female | 1950\n2 | male | 1950"
LATEST = "source_id | latest_on\nflat | 2024-01-31\nomop | 2024-01-31"


def records(run_sql, flat: list[dict] | None = None, omop: list[dict] | None = None, **inputs):
    """Rows of the record view, in the order of the source rows."""

    def filled(rows: list[dict], source: str, extra: dict) -> list[dict]:
        usual = {"person_id": 1, "source_id": source, "drop_id": "drop", "drop_sequence": 1, "source_file": source}
        return [{**usual, "source_row": number, **extra, **row} for number, row in enumerate(rows, start=1)]

    given = {
        "raw.flat_lab": filled(flat or [], "flat", {"record_number": 1, "drawn_on": "2020-03-04"}),
        "raw.omop_measurement": filled(omop or [], "omop", {"measurement_date": "2020-03-04"}),
        "staging.person": PERSON,
        "staging.latest_day": LATEST,
        **inputs,
    }
    return sorted(run_sql(TABLE, given), key=lambda row: (row["source_id"], row["source_row"], row["record_number"]))


@pytest.mark.parametrize(
    ("name", "value", "unit", "expected", "canonical"),
    [
        ("Estradiol", "24.5", "pg/mL", 24.5, "pg/mL"),
        ("estradiol", "24.5", "PG/ML", 24.5, "pg/mL"),
        ("E2", "24.5", "pgml", 24.5, "pg/mL"),
        ("Estradiol", "24.5", "ng/L", 24.5, "pg/mL"),
        ("Estradiol", "89.9418", " pmol/L ", 24.498, "pg/mL"),
        ("Estradiol", "2.45", "ng/dL", 24.5, "pg/mL"),
        ("Testosterone, Total", "15.6", "nmol/L", 449.94, "ng/dL"),
        ("DHEA-S", "150", "μg/dL", 150, "ug/dL"),
        ("DHEA-S", "150", "µg/dL", 150, "ug/dL"),
        ("DHEA-S", "150", "mcg/dL", 150, "ug/dL"),
        ("LH", "5.2", "IU/L", 5.2, "m[IU]/mL"),
        ("LH", "5.2", "mIU/mL", 5.2, "m[IU]/mL"),
        ("FSH", "5.2", "U/L", 5.2, "m[IU]/mL"),
        ("TSH", "1.5", "uIU/mL", 1.5, "m[IU]/L"),
        ("HbA1c", "5.4", "%", 5.4, "%"),
        ("HbA1c", "48", "mmol/mol", 48 * 0.09148 + 2.152, "%"),
        ("Glucose", "5", "mmol/L", 90.078, "mg/dL"),
        ("Cholesterol", "5", "mmol/L", 193.325, "mg/dL"),
        ("Creatinine", "88.4", "umol/L", 1.0, "mg/dL"),
        ("CRP", "0.35", "mg/dL", 3.5, "mg/L"),
        ("Vitamin D", "30", "ng/mL", 74.88, "nmol/L"),
        ("CTX", "0.35", "ng/mL", 350, "pg/mL"),
        ("Insulin", "60", "pmol/L", 10, "u[IU]/mL"),
        ("Prolactin", "212", "mIU/L", 10, "ng/mL"),
        ("SHBG", "1", "ug/dL", 34.7, "nmol/L"),
        ("Estrone", "3.699", "pmol/L", 1.0, "pg/mL"),
        ("Androstenedione", "1", "nmol/L", 28.641, "ng/dL"),  # C19H26O2: 286.41 g/mol
        ("Androstenedione", "0.82", "ng/mL", 82, "ng/dL"),
        ("Lipoprotein(a), mass", "0.3", "g/L", 30, "mg/dL"),
        ("Lp(a)", "75", "nmol/L", 75, "nmol/L"),
        ("OPG", "2.2", "pmol/L", 2.2, "pmol/L"),
        ("sRANKL", "0.66", "nmol/L", 660, "pmol/L"),
        ("Progesterone", "3.18", "nmol/L", 1.0, "ng/mL"),
        ("Triglycerides", "1", "mmol/L", 88.57, "mg/dL"),
        ("Cholesterol", "1", "mmol/L", 38.67, "mg/dL"),
        ("Glucose", "10", "mmol/L", 180.2, "mg/dL"),
        ("Free testosterone", "0.5", "ng/dL", 5.0, "pg/mL"),
        ("P1NP", "40", "ug/L", 40, "ng/mL"),
        ("PTH", "5", "pmol/L", 47.125, "pg/mL"),
        ("IGF-1", "20", "nmol/L", 153, "ng/mL"),
        ("Sodium", "140", "mEq/L", 140, "mmol/L"),
        ("Calcium", "4.8", "mEq/L", 9.6187, "mg/dL"),
        ("Platelets", "250", "x10^9/L", 250, "10*3/uL"),
        ("ALT", "30", "IU/L", 30, "U/L"),
    ],
)
def test_units_become_canonical(run_sql, only, name, value, unit, expected, canonical):
    row = only(records(run_sql, [{"name_text": name, "value_text": value, "unit_text": unit}]))
    assert (row["disposition"], row["reason"], row["unit_code"], row["unit_basis"]) == (
        "staged",
        None,
        canonical,
        "given",
    )
    assert row["value"] == pytest.approx(expected, rel=4e-4)
    assert (row["operator"], row["source_unit"], row["source_text"]) == ("=", unit, value)


@pytest.mark.parametrize(
    ("text", "operator", "value"),
    [
        ("<5", "<", 5),
        ("< 5.0", "<", 5),
        ("≤5", "<", 5),
        ("<=5,0", "<", 5),
        ("less than 5", "<", 5),
        ("<5 pg/mL", "<", 5),
        (">4300", ">", 4300),
        ("> 4,300.0", ">", 4300),
        (">4'300", ">", 4300),
        ("4,5", "=", 4.5),
        ("4,50", "=", 4.5),
        ("0,123", "=", 0.123),
        ("1.234,5", "=", 1234.5),
        ("1,234.5", "=", 1234.5),
        ("1 234", "=", 1234),
        (" 24.5 ", "=", 24.5),
        ("24.5 H", "=", 24.5),
        ("24.5*", "=", 24.5),
        ("(L) 2,5", None, None),
        ("24.5 pg/mL", "=", 24.5),
    ],
)
def test_texts_of_results(run_sql, only, text, operator, value):
    row = only(records(run_sql, [{"name_text": "estradiol", "value_text": text, "unit_text": "pg/mL"}]))
    if operator is None:
        assert (row["disposition"], row["reason"]) == ("quarantined", "value_unreadable")
        return
    assert (row["disposition"], row["operator"], row["value"]) == ("staged", operator, value)
    assert row["lloq"] == (5 if operator == "<" else None)


@pytest.mark.parametrize("word", ["ND", "Not detected", "BLQ", "below LLOQ", "< LLOQ", "undetectable"])
def test_words_below_the_limit_take_the_limit_that_is_stated(run_sql, word):
    row, unstated = records(
        run_sql,
        [
            {"name_text": "estradiol", "value_text": word, "unit_text": "pg/mL", "lloq_text": "2.5"},
            {"name_text": "estradiol", "value_text": word, "unit_text": "pg/mL", "drawn_on": "2020-03-05"},
        ],
    )
    assert (row["operator"], row["value"], row["lloq"], row["missing_reason"]) == ("<", 2.5, 2.5, None)
    assert (unstated["disposition"], unstated["operator"], unstated["value"]) == ("staged", "<", None)
    assert unstated["missing_reason"] == "limit_not_stated"


@pytest.mark.parametrize(
    ("row", "disposition", "reason"),
    [
        ({"unit_text": None}, "quarantined", "unit_missing"),
        ({"unit_text": "blips"}, "quarantined", "unit_unknown"),
        ({"unit_text": "mmol/mol"}, "quarantined", "unit_not_of_analyte"),
        # Mass and particles of lipoprotein(a) do not convert; the name alone means particles.
        ({"name_text": "Lp(a)", "unit_text": "mg/dL"}, "quarantined", "unit_not_of_analyte"),
        ({"unit_text": "ng/dL", "value_text": "24 pg/mL"}, "quarantined", "unit_conflict"),
        ({"value_text": "-3"}, "quarantined", "value_impossible"),
        ({"value_text": "0"}, "quarantined", "value_impossible"),
        ({"value_text": "24", "unit_text": "g/L"}, "quarantined", "value_impossible"),
        ({"value_text": "1,234"}, "quarantined", "value_ambiguous"),
        ({"value_text": "10-20"}, "quarantined", "value_unreadable"),
        ({"value_text": "see the letter"}, "quarantined", "value_unreadable"),
        ({"value_text": "nan"}, "out_of_scope", "no_value"),
        ({"value_text": None}, "out_of_scope", "no_value"),
        ({"value_text": " "}, "out_of_scope", "no_value"),
        ({"value_text": "pending"}, "out_of_scope", "no_value"),
        ({"status_text": "cancelled"}, "out_of_scope", "entered_in_error"),
        ({"name_text": "ferritin"}, "out_of_scope", "code_not_listed"),
        ({"name_text": "anti-estradiol antibody"}, "out_of_scope", "code_not_listed"),
        ({"operator_text": "~"}, "quarantined", "operator_unreadable"),
        ({"operator_text": ">", "value_text": "<5"}, "quarantined", "operator_conflict"),
        ({"drawn_on": None}, "quarantined", "date_missing"),
        ({"drawn_on": "2024-02-01"}, "quarantined", "date_in_future"),
        ({"drawn_on": "1949-12-31"}, "quarantined", "before_birth"),
        ({"value_text": "9999"}, "quarantined", "fill_value"),
        ({"value_text": "-999"}, "quarantined", "fill_value"),
        ({"value_text": "9000"}, "quarantined", "unit_implausible"),
        ({"value_text": "1:40"}, "quarantined", "value_unreadable"),
        ({"value_text": "<1:40"}, "quarantined", "value_unreadable"),
        ({"value_text": "5 - 10"}, "quarantined", "value_unreadable"),
        ({"drawn_on": "1899-12-31"}, "quarantined", "date_impossible"),
        ({"person_id": 99}, "quarantined", "person_unknown"),
    ],
)
def test_what_is_no_result_says_why(run_sql, only, row, disposition, reason):
    usual = {"name_text": "estradiol", "value_text": "24", "unit_text": "pg/mL"}
    found = only(records(run_sql, [{**usual, **row}]))
    assert (found["disposition"], found["reason"]) == (disposition, reason)


def test_a_number_below_its_own_limit_is_below_it(run_sql, only):
    given = {"name_text": "estradiol", "value_text": "3.2", "unit_text": "pg/mL", "lloq_text": "<5 pg/mL"}
    row = only(records(run_sql, [given]))
    assert (row["operator"], row["value"], row["lloq"], row["source_value"]) == ("<", 5, 5, 3.2)


HABIT = """source_id | lab_key | analyte_code | unit_code | assay_class
flat | L1 | estradiol | pmol/L | lc_ms_ms
flat | L2 | estradiol | | immunoassay"""


def test_a_missing_unit_is_the_laboratory_s_own_and_flagged(run_sql):
    rows = records(
        run_sql,
        [
            {"name_text": "estradiol", "value_text": "89.9", "lab_id": "L1"},
            {"name_text": "estradiol", "value_text": "89.9", "lab_id": "L2"},
            {"name_text": "estradiol", "value_text": "89.9", "lab_id": "L3"},
            {"name_text": "estradiol", "value_text": "90000", "lab_id": "L1"},
            {
                "name_text": "estradiol",
                "value_text": "89.9",
                "lab_id": "L1",
                "unit_text": "pg/mL",
                "drawn_on": "2020-05-01",
            },
        ],
        **{"staging.lab_convention": HABIT},
    )
    assert [row["reason"] for row in rows] == [None, "unit_missing", "unit_missing", "unit_missing", None]
    assert (rows[0]["unit_basis"], rows[0]["value"]) == ("inferred_from_lab", pytest.approx(24.487, rel=1e-4))
    assert (rows[0]["assay_class"], rows[0]["assay_basis"]) == ("lc_ms_ms", "lab")
    assert (rows[4]["unit_basis"], rows[4]["value"]) == ("given", 89.9)


@pytest.mark.parametrize(
    ("habit", "unit", "flag"),
    [
        ("pmol/L", "pg/mL", "unit_not_of_lab"),
        ("pmol/L", "pmol/L", None),
        ("ng/L", "pg/mL", None),  # another word for the same measure
        ("", "pg/mL", None),  # no habit, nothing to differ from
    ],
)
def test_another_unit_than_the_laboratory_uses_is_flagged_and_stays(run_sql, only, habit, unit, flag):
    given = {"name_text": "estradiol", "value_text": "40", "lab_id": "L1", "unit_text": unit}
    convention = f"source_id | lab_key | analyte_code | unit_code | assay_class\nflat | L1 | estradiol | {habit} | "
    row = only(records(run_sql, [given], **{"staging.lab_convention": convention}))
    value = 40 if unit == "pg/mL" else pytest.approx(40 / 3.6713, rel=1e-3)
    assert (row["disposition"], row["value"], row["value_flag"]) == ("staged", value, flag)


def test_what_a_laboratory_writes_in_place_of_its_limit_is_the_limit(run_sql):
    limits = "source_id | lab_key | analyte_code | assay_class | lloq | basis_code\nflat | L1 | estradiol | unknown | 5 | habit"
    usual = {"name_text": "estradiol", "unit_text": "pg/mL", "lab_id": "L1"}
    rows = records(
        run_sql,
        [
            {**usual, "value_text": "2.5"},
            {**usual, "value_text": "2.6", "drawn_on": "2020-05-01"},
            {**usual, "value_text": "ND", "drawn_on": "2020-06-01"},
            {**usual, "value_text": "12", "drawn_on": "2020-07-01"},
            {**usual, "value_text": "0", "drawn_on": "2020-08-01"},
            {**usual, "value_text": "3.54", "drawn_on": "2020-09-01"},
            {**usual, "value_text": "0", "drawn_on": "2020-08-01", "lab_id": "L9"},
        ],
        **{"staging.lab_limit": limits},
    )
    assert [(row["operator"], row["value"], row["lloq"], row["value_flag"]) for row in rows[:-1]] == [
        ("<", 5, 5, "limit_written_as_half"),
        ("=", 2.6, None, None),
        ("<", 5, 5, None),
        ("=", 12, 5, None),
        ("<", 5, 5, "limit_written_as_zero"),
        ("<", 5, 5, "limit_written_over_root_two"),
    ]
    assert (rows[-1]["disposition"], rows[-1]["reason"]) == ("quarantined", "value_impossible")


def test_a_limit_stated_a_few_times_tells_fill_values_and_nothing_else(run_sql):
    """Half of it is the limit; 'ND' has no limit, and a result above it is not given one."""
    named = "source_id | lab_key | analyte_code | assay_class | lloq | basis_code"
    limits = f"{named}\nflat | L1 | estradiol | unknown | 5 | unanimous"
    usual = {"name_text": "estradiol", "unit_text": "pg/mL", "lab_id": "L1"}
    texts = {"2.5": "2020-03-04", "0": "2020-04-04", "2.6": "2020-05-04", "ND": "2020-06-04", "12": "2020-07-04"}
    given = [{**usual, "value_text": text, "drawn_on": day} for text, day in texts.items()]
    rows = records(run_sql, given, **{"staging.lab_limit": limits})
    assert [(row["operator"], row["value"], row["lloq"], row["value_flag"]) for row in rows] == [
        ("<", 5, 5, "limit_written_as_half"),
        ("<", 5, 5, "limit_written_as_zero"),
        ("=", 2.6, None, None),
        ("<", None, None, None),
        ("=", 12, None, None),
    ]


@pytest.mark.parametrize(
    ("method", "code", "assay_class", "basis"),
    [
        ("LC-MS/MS", None, "lc_ms_ms", "method_text"),
        ("Liquid chromatography tandem mass spectrometry", None, "lc_ms_ms", "method_text"),
        ("Roche Elecsys E170", None, "immunoassay", "method_text"),
        ("ECLIA", None, "immunoassay", "method_text"),
        ("LC/MS", "83096-8", "lc_ms_ms", "method_text"),
        (None, "83096-8", "immunoassay", "loinc"),
        (None, "2243-4", "unknown", "none"),
        ("send-out", "2243-4", "unknown", "none"),
    ],
)
def test_assay_class(run_sql, only, method, code, assay_class, basis):
    given = {"name_text": "estradiol", "code": code, "value_text": "24", "unit_text": "pg/mL", "method_text": method}
    row = only(records(run_sql, [given]))
    assert (row["assay_class"], row["assay_basis"]) == (assay_class, basis)


def test_morning_and_fasting(run_sql):
    usual = {"name_text": "testosterone", "value_text": "400", "unit_text": "ng/dL", "drawn_on": None}
    rows = records(
        run_sql,
        [
            {**usual, "drawn_at": "2020-03-04 08:15:00", "fasting_text": "Yes"},
            {**usual, "drawn_at": "2020-03-04 11:00:00", "fasting_text": "random"},
            {**usual, "drawn_at": "2020-03-05 00:00:00", "fasting_text": "perhaps"},
        ],
    )
    assert [(row["is_morning"], row["is_fasting"]) for row in rows] == [(True, True), (False, False), (None, None)]
    assert str(rows[2]["drawn_on"]) == "2020-03-05"


@pytest.mark.parametrize(
    ("unit", "concept", "text", "disposition", "reason", "value"),
    [
        ("", None, "89.94 pmol/L", "staged", None, 24.4977),
        ("", None, "24 blips/L", "quarantined", "unit_unknown", None),
        ("", None, "24 mmol/mol", "quarantined", "unit_not_of_analyte", None),
        ("", 8845, "24 pg/mL", "staged", None, 24),
        ("", 8845, "24 ng/L", "staged", None, 24),  # the same measure by another name
        ("", 8845, "24 ng/dL", "quarantined", "unit_conflict", None),
        ("pg/mL", 8845, "24 ng/dL", "quarantined", "unit_conflict", None),
    ],
)
def test_a_unit_beside_the_number_counts_where_none_else_is_given(
    run_sql, only, unit, concept, text, disposition, reason, value
):
    row = {"measurement_id": 1, "measurement_concept_id": 0, "measurement_source_value": "2243-4",
           "unit_source_value": unit or None, "unit_concept_id": concept, "value_source_value": text}  # fmt: skip
    found = only(records(run_sql, omop=[row]))
    assert (found["disposition"], found["reason"]) == (disposition, reason)
    if value:
        assert found["value"] == pytest.approx(value, rel=1e-3)


def test_rows_of_one_heading_share_what_it_says_and_no_other_row_does(run_sql):
    rows = [
        {"name_text": "Estradiol", "unit_text": unit, "value_text": "20", "specimen_id": f"S{number}", "lab_id": lab}
        for number, (unit, lab) in enumerate(
            [("pg/mL", "A"), ("pg/mL", "A"), ("ng/dL", "A"), ("pg/mL", "B"), ("blips", "A")]
        )
    ]
    found = records(run_sql, flat=rows)
    assert [(row["lab_id"], row["value"], row["reason"]) for row in found] == [
        ("A", 20, None), ("A", 20, None), ("A", 200, None), ("B", 20, None), ("A", None, "unit_unknown"),
    ]  # fmt: skip
