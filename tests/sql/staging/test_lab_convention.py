"""What a laboratory does by habit is read from its own rows, and only where they are many and nearly all alike."""

COUNTS = "staging.lab_convention_count"
TABLE = "staging.lab_convention"


def habits(run_sql, *groups: tuple[int, dict]) -> dict[tuple[str, str], dict]:
    rows, number = [], 0
    for count, row in groups:
        for _ in range(count):
            number += 1
            usual = {"person_id": number, "source_id": "flat", "drop_id": "d", "drop_sequence": 1, "record_number": 1}
            rows.append({**usual, "source_file": "lab.csv", "source_row": number, "name_text": "estradiol", **row})
    counts = run_sql(COUNTS, {"raw.flat_lab": rows})
    assert all((row["unit_code"] is None) == (row["n_with_unit"] == 0) for row in counts)
    found = {(row["lab_key"], row["analyte_code"]): row for row in counts}
    decided = {(row["lab_key"], row["analyte_code"]): row for row in run_sql(TABLE, {COUNTS: counts})}
    nothing = {"unit_code": None, "assay_class": None}
    return {key: counted | decided.get(key, nothing) for key, counted in found.items()}


def test_a_unit_that_nearly_all_rows_give_is_the_habit(run_sql):
    found = habits(run_sql, (57, {"lab_id": "L1", "unit_text": "PG/ML"}), (3, {"lab_id": "L1", "unit_text": "pmol/L"}))
    habit = found["L1", "estradiol"]
    assert (habit["unit_code"], habit["n_with_unit"], habit["unit_share"]) == ("pg/mL", 60, 0.95)


def test_too_few_or_too_mixed_rows_are_no_habit(run_sql):
    found = habits(
        run_sql,
        (29, {"lab_id": "few", "unit_text": "pg/mL"}),
        (56, {"lab_id": "mixed", "unit_text": "pg/mL"}),
        (4, {"lab_id": "mixed", "unit_text": "pmol/L"}),
        (40, {"lab_id": "none"}),
        (40, {"lab_id": "odd", "unit_text": "mmol/mol"}),
    )
    assert found["few", "estradiol"]["unit_code"] is None
    assert (found["mixed", "estradiol"]["unit_code"], found["mixed", "estradiol"]["n_with_unit"]) == (None, 60)
    assert ("none", "estradiol") not in found
    assert ("odd", "estradiol") not in found


def test_laboratories_and_analytes_do_not_lend_one_another_their_units(run_sql):
    found = habits(
        run_sql,
        (40, {"lab_id": "L1", "unit_text": "pg/mL"}),
        (40, {"lab_id": "L2", "unit_text": "pmol/L"}),
        (40, {"lab_id": "L1", "unit_text": "nmol/L", "name_text": "testosterone"}),
    )
    assert {key: row["unit_code"] for key, row in found.items()} == {
        ("L1", "estradiol"): "pg/mL",
        ("L2", "estradiol"): "pmol/L",
        ("L1", "testosterone"): "nmol/L",
    }


def test_the_assay_class_needs_a_named_laboratory_and_methods_that_say_so(run_sql):
    found = habits(
        run_sql,
        (30, {"lab_id": "L1", "unit_text": "pg/mL", "method_text": "LC-MS/MS"}),
        (300, {"lab_id": "L1", "unit_text": "pg/mL"}),
        (30, {"lab_id": "L2", "unit_text": "pg/mL", "method_text": "house method"}),
        (40, {"unit_text": "pg/mL", "method_text": "ECLIA"}),
    )
    classes = {key[0]: (row["assay_class"], row["n_with_method"]) for key, row in found.items()}
    assert classes == {"L1": ("lc_ms_ms", 30), "L2": (None, 0), "": (None, 40)}
