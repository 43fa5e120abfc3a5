"""How many people have which measurement, by sex and together."""

TABLE = "cohort.measurement_count"


def test_counts_by_cycle_and_sex(run_sql):
    rows = run_sql(
        TABLE,
        {
            "staging.person": "person_id | sex_code\n1 | female\n2 | female\n3 | male\n4 | male",
            "staging.survey_design": "person_id | cycle_label\n1 | H\n2 | H\n3 | H\n4 | D",
            "features.e2_exposure": "person_id | assay_class\n1 | lc_ms_ms\n1 | immunoassay\n3 | lc_ms_ms",
            "features.bmd_change": "person_id | site_code\n1 | total_hip\n2 | total_hip\n3 | lumbar_spine\n4 | l1",
            "staging.dxa_scan": "\n".join(
                (
                    "person_id | scan_id | site_code | is_valid",
                    "4 | D.whole_body | whole_body | true",
                    "3 | H.whole_body | whole_body | false",
                    "1 | H.whole_body_repeat | whole_body | true",
                )
            ),
            "staging.observation_period": "person_id | span_number\n4 | 1",
        },
    )
    counts = {(r["cycle_label"], r["measurement"], r["sex_code"]): r["n"] for r in rows}
    assert {sex: counts["H", "respondents", sex] for sex in ("female", "male", "all")} == {
        "female": 2,
        "male": 1,
        "all": 3,
    }
    assert {sex: counts["H", "estradiol", sex] for sex in ("female", "male", "all")} == {
        "female": 1,
        "male": 1,
        "all": 2,
    }
    assert counts["H", "femur BMD", "all"] == 2
    assert counts["H", "spine BMD", "male"] == 1
    assert counts["H", "whole-body BMD", "all"] == 0
    assert {sex: counts["H", "estradiol and femur BMD", sex] for sex in ("female", "male", "all")} == {
        "female": 1,
        "male": 0,
        "all": 1,
    }
    assert (counts["D", "whole-body BMD", "male"], counts["D", "mortality follow-up", "all"]) == (1, 1)
    assert counts["D", "femur BMD", "all"] == 0
