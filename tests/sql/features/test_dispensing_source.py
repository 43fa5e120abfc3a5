"""Whether orders may stand for supply."""

import pytest

TABLE = "features.dispensing_source"
HEADER = "person_id | ingredient | drug_class | record_type | is_compounded | started_on | source_id"


def evidence(run_sql, *rows: str) -> dict[tuple[str, bool], str]:
    found = run_sql(TABLE, {"staging.drug_exposure": "\n".join((HEADER, *rows))})
    return {(row["source_id"], row["is_compounded"]): row["evidence_code"] for row in found}


@pytest.mark.parametrize(
    ("second", "code"), [("fill", "fill"), ("administered", "fill"), ("statement", "order"), ("order", "order")]
)
def test_one_fill_in_a_source_is_enough(run_sql, second, code):
    rows = (
        "1 | letrozole | aromatase_inhibitor | order | false | 2020-01-01 | omop",
        f"2 | letrozole | aromatase_inhibitor | {second} | | 2020-01-01 | omop",
    )
    assert evidence(run_sql, *rows) == {("omop", False): code}


def test_sources_and_compounding_are_apart(run_sql):
    rows = (
        "1 | anastrozole | aromatase_inhibitor | fill | false | 2020-01-01 | omop",
        "1 | anastrozole | aromatase_inhibitor | order | true | 2020-01-01 | omop",
        "1 | anastrozole | aromatase_inhibitor | order | false | 2020-01-01 | flat",
    )
    assert evidence(run_sql, *rows) == {("omop", False): "fill", ("omop", True): "order", ("flat", False): "order"}


def test_rows_without_date_or_class_take_no_part(run_sql):
    rows = (
        "1 | anastrozole | aromatase_inhibitor | survey | | | nhanes",
        "1 | amlodipine | | fill | | 2020-01-01 | omop",
    )
    assert evidence(run_sql, *rows) == {}


def test_it_says_of_which_drug(run_sql, only):
    row = "1 | letrozole | aromatase_inhibitor | fill | false | 2020-01-01 | omop"
    assert only(run_sql(TABLE, {"staging.drug_exposure": f"{HEADER}\n{row}"}))["ingredient"] == "letrozole"
