"""Each instruction once, beside the ingredient and strength it is read with."""

TABLE = "staging.sig_text"
PRODUCT = "product_id | ingredient | strength_text\n{} | anastrozole | 1 mg\n{} | testosterone | 200 mg/mL\nx | |"


def product_ids(run_sql, rows: str) -> list[str]:
    return sorted({row["product_id"] for row in run_sql("source.flat_drug_keyed", {"raw.flat_prescription": rows})})


def test_distinct_by_text_whatever_its_case_and_by_drug(run_sql):
    rows = (
        "person_id | drug_text | sig_text\n1 | A | 1 tab daily\n2 | A | 1 TAB DAILY \n1 | A | 1 tab qod\n1 | A |\n"
        "3 | A | 1 tab daily"
    )
    (product,) = product_ids(run_sql, rows)
    found = run_sql(TABLE, {"raw.flat_prescription": rows, "staging.drug_product": PRODUCT.format(product, product)})
    texts = [(row["drug_text"], row["strength_text"], row["sig_text"].lower()) for row in found]
    assert sorted(texts) == [
        ("anastrozole", "1 mg", "1 tab daily"),
        ("anastrozole", "1 mg", "1 tab qod"),
        ("testosterone", "200 mg/mL", "1 tab daily"),
        ("testosterone", "200 mg/mL", "1 tab qod"),
    ]


def test_instructions_of_drugs_that_are_not_known_are_not_kept(run_sql):
    rows = "person_id | drug_text | sig_text\n1 | B | apply to the skin of Mr X"
    assert run_sql(TABLE, {"raw.flat_prescription": rows, "staging.drug_product": PRODUCT.format("p", "p")}) == []


def test_omop_and_flat_share_one_text(run_sql, only):
    omop = "person_id | drug_concept_id | sig\n1 | 1348265 | 1 tab daily"
    (key,) = {row["product_id"] for row in run_sql("source.omop_drug_keyed", {"raw.omop_drug_exposure": omop})}
    product = f"product_id | ingredient | strength_text\n{key} | anastrozole | 1 mg"
    row = only(run_sql(TABLE, {"raw.omop_drug_exposure": omop, "staging.drug_product": product}))
    assert (row["drug_text"], row["sig_text"]) == ("anastrozole", "1 tab daily")
