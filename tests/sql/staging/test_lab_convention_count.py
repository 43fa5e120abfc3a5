"""How often laboratories give their commonest unit and class of assay."""

TABLE = "staging.lab_convention_count"


def counts(run_sql, *rows: dict) -> list[dict]:
    usual = {"source_id": "flat", "drop_id": "d", "drop_sequence": 1, "source_file": "lab.csv", "record_number": 1}
    said = {"lab_id": "L1", "name_text": "estradiol", "value_text": "20"}
    numbered = [{**usual, **said, "person_id": n, "source_row": n, **row} for n, row in enumerate(rows, start=1)]
    return run_sql(TABLE, {"raw.flat_lab": numbered})


def test_spellings_of_one_unit_count_together(run_sql, only):
    units = ["pg/mL", "PG/ML", "pg / ml", "pmol/L", None, "blips"]
    row = only(counts(run_sql, *({"unit_text": unit} for unit in units)))
    assert (row["unit_code"], row["n_with_unit"], row["unit_share"]) == ("pg/mL", 4, 0.75)
    assert (row["assay_class"], row["n_with_method"], row["method_share"]) == (None, 0, None)


def test_only_methods_that_name_a_class_count(run_sql, only):
    row = only(counts(run_sql, *({"method_text": text} for text in ("ECLIA", "ECLIA", "LC-MS/MS", "send-out", None))))
    assert (row["assay_class"], row["n_with_method"]) == ("immunoassay", 3)
    assert (row["unit_code"], row["n_with_unit"]) == (None, 0)


def test_an_analyte_that_is_not_read_has_no_row(run_sql):
    assert counts(run_sql, {"name_text": "ferritin", "unit_text": "ng/mL"}) == []
