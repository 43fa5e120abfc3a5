"""What leaves as counts: of bands, losses, levels, bins and files no small one, not even by subtraction."""

from collections.abc import Callable
from typing import Any

import pytest

Rows = list[dict[str, Any]]
Leaving = Callable[..., Rows]


def prevalence(leaving: Leaving, bands: dict[str, int], **cells: Any) -> dict[str, dict]:
    n = sum(bands.values())
    common = {
        "study_id": "s", "cycle_label": "H", "site_code": "femoral_neck", "sex_code": "male",
        "reference_code": "white_female", "evidence_source": "public_survey", "n": n, "df": 15, "gate_status": "open",
    }  # fmt: skip
    told = {"prevalence_pct": 3.0, "se_pct": 1.0, "ci_low_pct": 1.5, "ci_high_pct": 6.0}
    rows = [common | told | {"band": band, "n_band": size} | cells for band, size in bands.items()]
    return {row["band"]: row for row in leaving("bone_prevalence", "models.bone_prevalence", rows)}


def test_bands_are_a_partition(leaving):
    rows = prevalence(leaving, {"osteoporosis": 6, "osteopenia": 60, "normal": 200})
    for band in ("osteoporosis", "osteopenia"):
        assert [rows[band][name] for name in ("n_band", "prevalence_pct", "se_pct", "ci_low_pct", "ci_high_pct")] == [
            None
        ] * 5
        assert rows[band]["is_suppressed"] is True
    assert (rows["normal"]["n_band"], rows["normal"]["prevalence_pct"], rows["normal"]["n"]) == (200, 3.0, 266)


def test_a_sex_with_few_scans_does_not_leave_its_size(leaving, is_small):
    rows = prevalence(
        leaving, {"osteoporosis": 1, "osteopenia": 3, "normal": 4}, gate_status="closed", gate_reason="unweighted_n"
    )
    assert not [row for row in rows.values() if is_small(row["n"]) or is_small(row["n_band"])]


def attrition(leaving: Leaving, *counts: int) -> Rows:
    common = {"study_id": "s", "arm_code": "men", "criterion_code": "x", "label": "y"}
    before = (counts[0], *counts)
    rows = [common | {"step_number": i, "n_before": before[i], "n_after": n} for i, n in enumerate(counts)]
    return leaving("attrition", "cohort.attrition", rows)


@pytest.mark.parametrize("counts", [(500, 300, 296, 120), (500, 300, 4), (500, 495, 4), (500, 495, 300, 0), (9, 5, 2)])
def test_attrition_tells_no_small_loss(leaving, is_small, counts):
    rows = attrition(leaving, *counts)
    numbers = [n for row in rows for n in (row["n_before"], row["n_after"]) if n is not None]
    assert not [n for n in numbers if is_small(n)]
    assert not [1 for a in numbers for b in numbers if is_small(a - b)]
    assert all(row["is_suppressed"] == (row["n_before"] is None or row["n_after"] is None) for row in rows)


def test_two_cohorts_of_one_family_do_not_tell_who_is_in_one_of_them_only(leaving, is_small):
    """115 with and without the disease: 106 without it and 9 with it. 106 beside 115 would tell the nine."""
    chains = {"without": (531, 115, 106), "with": (531, 115, 9)}
    common = {"study_id": "s", "arm_code": "drug", "family_code": "f", "criterion_code": "x", "label": "y"}
    rows = [
        common | {"cohort_code": cohort, "step_number": i, "n_before": n, "n_after": n}
        for cohort, counts in chains.items()
        for i, n in enumerate(counts)
    ]
    shown = {row["n_after"] for row in leaving("attrition", "cohort.attrition", rows)} - {None}
    assert 531 in shown
    assert not [1 for a in shown for b in shown if is_small(abs(a - b))]
    apart = [row | {"family_code": row["cohort_code"]} for row in rows]
    assert {115, 106} <= {row["n_after"] for row in leaving("attrition", "cohort.attrition", apart)}


def table_one(
    leaving: Leaving, n_arm: int, levels: dict[str, int], known: int | None = None
) -> dict[tuple[str, str], dict]:
    common = {"study_id": "s", "arm_code": "men"}
    rows: Rows = [common | {"characteristic": "People", "level": "all", "n": n_arm}]
    rows += [
        common | {"characteristic": "Current smoker", "level": level, "n": n, "estimate": 0.5}
        for level, n in levels.items()
    ]
    if known is not None:
        rows.append(common | {"characteristic": "Age", "level": "mean", "n": known, "estimate": 60.0, "spread": 9.0})
    found = leaving("table_one", "models.baseline", rows)
    assert len(found) == len(rows)
    return {(row["characteristic"], row["level"]): row for row in found}


def test_small_level_hides_itself_and_its_complement_with_their_shares(leaving):
    rows = table_one(leaving, 100, {"yes": 6, "no": 94})
    assert [rows["Current smoker", level][name] for level in ("yes", "no") for name in ("n", "estimate")] == [None] * 4


@pytest.mark.parametrize(
    ("known", "n", "estimate"), [(100, 100, 60.0), (95, None, 60.0), (60, 60, 60.0), (6, None, None), (0, 0, 60.0)]
)
def test_mean_of_few_or_with_few_missing(leaving, known, n, estimate):
    row = table_one(leaving, 100, {}, known)["Age", "mean"]
    assert (row["n"], row["estimate"]) == (n, estimate)
    assert row["is_suppressed"] == (n is None)


def test_few_missing_answers_do_not_follow_from_the_levels(leaving):
    """Of 100 people 95 answered: the five who did not are a small group, too."""
    rows = table_one(leaving, 100, {"yes": 50, "no": 45})
    answered = [rows["Current smoker", level]["n"] for level in ("yes", "no")]
    assert None in answered


def test_arm_of_few_people_does_not_leave(leaving):
    rows = table_one(leaving, 8, {"yes": 5, "no": 3}, 8)
    assert {row["n"] for row in rows.values()} == {None}
    assert {row["estimate"] for row in rows.values()} == {None}


def test_estradiol_bins_are_a_partition(leaving):
    common = {"cycle_label": "H", "assay_class": "lc_ms_ms", "population": "men", "lower_pg_ml": 0.0}
    sizes = [5, 0, 30, 400]
    rows = [common | {"bin_number": i, "n": n, "weighted_share_pct": 1.0 * i} for i, n in enumerate(sizes)]
    found = leaving("e2_distribution", "models.e2_distribution", rows)
    assert [row["n"] for row in found] == [None, 0, None, 400]
    assert [row["weighted_share_pct"] for row in found] == [None, 1.0, None, 3.0]


def measurements(leaving: Leaving, **counts: tuple[int, int]) -> dict[tuple[str, str], int | None]:
    rows = [
        {"cycle_label": "H", "measurement": name.replace("_", " "), "sex_code": sex, "n": n}
        for name, (women, men) in counts.items()
        for sex, n in (("female", women), ("male", men), ("all", women + men))
    ]
    found = leaving("measurement_count", "cohort.measurement_count", rows)
    assert all(row["is_suppressed"] == (row["n"] is None) for row in found)
    return {(row["measurement"], row["sex_code"]): row["n"] for row in found}


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ((40, 60), (40, 60, 100)),
        ((5, 60), (None, None, 65)),
        ((0, 60), (0, 60, 60)),
        ((2, 3), (None, None, None)),
        ((0, 7), (0, None, None)),
    ],
)
def test_women_men_and_all(leaving, pair, shown):
    found = measurements(leaving, estradiol=pair)
    assert tuple(found["estradiol", sex] for sex in ("female", "male", "all")) == shown


def test_a_pair_of_measurements_is_nested_in_each_of_them(leaving):
    """Of 100 women with a femur scan 95 have estradiol, too: the difference is a small group."""
    found = measurements(leaving, femur_BMD=(100, 200), estradiol=(150, 300), estradiol_and_femur_BMD=(95, 150))
    femur, both = found["femur BMD", "female"], found["estradiol and femur BMD", "female"]
    assert femur is None or both is None


def test_source_files_are_accounted_without_small_parts(leaving):
    manifest = [
        {"source_file": "a", "status_code": "landed", "rows_in": 1005},
        {"source_file": "b", "status_code": "out_of_scope"},
    ]
    account = [
        {"source_file": "a", "rows_staged": 1000, "rows_duplicate": 0, "rows_quarantined": 5, "rows_out_of_scope": 0}
    ]
    found = leaving("source_file", "raw.manifest", manifest, staging__conservation=account)
    a, b = sorted(found, key=lambda row: row["source_file"])
    parts = ("rows_staged", "rows_duplicate", "rows_quarantined", "rows_out_of_scope")
    assert [a[part] for part in parts] == [None, 0, None, 0]
    assert [b[part] for part in parts] == [None] * 4
    assert (a["is_suppressed"], b["is_suppressed"]) == (True, False)


def test_instructions_of_few_people_are_hidden_and_no_total_tells_them(leaving):
    cells = {"read": 500, "read_with_doubt": 40, "blank": 12, "refused": 3}
    rows = [
        {"source_id": "omop", "language": "en", "outcome": code, "reason": "none"}
        | {"n_sigs": 2, "n_rows": 2 * n, "n_people": n}
        for code, n in cells.items()
    ]
    found = {row["outcome"]: row for row in leaving("sig_coverage", "cohort.sig_count", rows)}
    assert {code: row["n_rows"] for code, row in found.items()} == {
        "read": 1000,
        "read_with_doubt": 80,
        "blank": None,
        "refused": None,
    }
    assert all((row["n_sigs"] is None) == (row["n_rows"] is None) == row["is_suppressed"] for row in found.values())
