"""How instructions were read, counted by cell: every prescription row is in one cell."""

TABLE = "cohort.sig_count"


def test_each_row_is_counted_once_under_its_gravest_reason(run_sql):
    rows = run_sql(
        TABLE,
        {
            "staging.drug_exposure": "\n".join(
                (
                    "source_id | person_id | sig_id",
                    "omop | 1 | a",
                    "omop | 1 | a",
                    "omop | 2 | b",
                    "omop | 2 | c",
                    "omop | 3 | d",
                    "omop | 3 | e",
                    "omop | 3 | ",
                    "flat | 3 | a",
                )
            ),
            "staging.sig": "\n".join(
                (
                    "sig_id | language | confidence_code | mg_per_week | flags",
                    "a | en | high | 7 | ",
                    "b | en | medium | 7 | unread_words",
                    "c | en | low |  | no_unit,range_amount",
                    "d | de | high |  | no_strength",
                    "e |  | none |  | stop",
                )
            ),
        },
    )
    cells = {
        (row["source_id"], row["language"], row["outcome"], row["reason"]): (
            row["n_sigs"],
            row["n_rows"],
            row["n_people"],
        )
        for row in rows
    }
    assert cells == {
        ("omop", "en", "read", "none"): (1, 2, 1),
        ("omop", "en", "read_with_doubt", "unread_words"): (1, 1, 1),
        ("omop", "en", "blank", "range_amount"): (1, 1, 1),
        ("omop", "de", "no_strength", "no_strength"): (1, 1, 1),
        ("omop", "unknown", "refused", "stop"): (1, 1, 1),
        ("omop", "unknown", "no_instruction", "none"): (0, 1, 1),
        ("flat", "en", "read", "none"): (1, 1, 1),
    }
