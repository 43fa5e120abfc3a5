"""How often a laboratory states its commonest lower limit: statements only, in the canonical unit."""

TABLE = "staging.lab_limit_count"


def counts(run_sql, *rows: dict) -> list[dict]:
    usual = {"source_id": "flat", "drop_id": "d", "drop_sequence": 1, "source_file": "lab.csv", "record_number": 1}
    said = {"lab_id": "L1", "name_text": "estradiol", "unit_text": "pg/mL"}
    numbered = [{**usual, **said, "person_id": n, "source_row": n, **row} for n, row in enumerate(rows, start=1)]
    return run_sql(TABLE, {"raw.flat_lab": numbered})


def test_statements_are_counted_in_the_canonical_unit(run_sql, only):
    stated = [{"value_text": "<5"}] * 3 + [{"value_text": "<0.5", "unit_text": "ng/dL"}, {"value_text": "<10"}]
    row = only(counts(run_sql, *stated, {"value_text": "20"}))
    assert (row["lloq"], row["n_stated"], row["limit_share"]) == (5, 5, 0.8)


def test_a_row_that_states_none_is_no_statement(run_sql):
    assert counts(run_sql, {"value_text": "20"}, {"value_text": ">4300"}, {"value_text": "ND"}) == []


def test_a_limit_that_cannot_be_converted_is_no_statement(run_sql):
    assert counts(run_sql, {"value_text": "<5", "unit_text": "mmol/mol"}, {"value_text": "<5", "unit_text": None}) == []
