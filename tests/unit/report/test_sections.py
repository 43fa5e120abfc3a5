"""Tables of the page: who was counted in, diagnostics, checks, the account of files, and what is missing."""

from collections.abc import Callable
from typing import Any

import polars as pl

from pipelines.report import (
    section_account,
    section_bone,
    section_checks,
    section_curve,
    section_overlap,
    section_people,
    section_threshold,
)
from pipelines.report.frames import prepared
from pipelines.report.views import Row, Table, hidden_cell

Mart = dict[str, pl.DataFrame]
MakeFrame = Callable[[str, list[dict[str, Any]]], pl.DataFrame]


def row_of(table: Table, heading: str) -> Row:
    return next(row for row in table.rows if row.heading.endswith(heading))


def test_arms_of_a_cohort_have_a_table_of_their_own_and_are_not_called_weighted(mart: dict[str, pl.DataFrame]) -> None:
    common = {"study_id": "s", "unit": None, "spread": None, "is_suppressed": False}
    rows = [
        common
        | {
            "arm_code": f"{arm}, cohort {cohort}",
            "characteristic": "age_years",
            "level": "mean",
            "n": n,
            "estimate": 61.5,
        }
        for cohort, n in (("one", 44), ("two", 55))
        for arm in ("tamoxifen", "none")
    ]
    nobody = {"characteristic": "drug_denosumab_ever", "level": "yes", "n": 0, "estimate": 0.0, "unit": "share"}
    rows += [row | nobody for row in rows]
    frame = pl.DataFrame(rows, schema=mart["mart.table_one"].schema)
    one, two = section_people.table_one(frame, 11)
    assert one.caption.endswith("cohort one: who was studied") and one.is_folded
    assert [(column.heading, column.note) for column in one.columns[1:]] == [
        ("Tamoxifen", "(people)"),
        ("None", "(people)"),
    ]
    assert one.rows[0].heading == "Age (years)" and (one.rows[0].cells[0].text, one.rows[0].cells[0].note) == (
        "61.5",
        "(44)",
    )
    assert [len(table.rows) for table in (one, two)] == [1, 1], "what nobody has is no row"
    assert two.rows[0].cells[0].note == "(55)" and "before weighting" in two.note


def test_attrition_shows_people_left_and_taken_and_no_small_difference(frame_of: MakeFrame) -> None:
    steps = [(0, "Everybody", 500, 500), (1, "Examined", 500, 495), (2, "Scanned", 495, 100), (3, "Measured", 100, 100)]
    rows = [
        {
            "study_id": "s",
            "cohort_code": "survey",
            "arm_code": "men",
            "step_number": step,
            "label": label,
            "n_before": before,
            "n_after": after,
        }
        for step, label, before, after in steps
    ]
    frame = frame_of("mart.attrition", [{**row, "is_suppressed": False} for row in rows])
    table = section_people.attrition_tables(frame, 11)[0]
    shown = [(row.cells[0].text, row.cells[0].note, row.cells[0].bar_pct) for row in table.rows]
    assert shown == [("500", "", 100.0), ("495", "<11", 99.0), ("100", "\u2212395", 20.0), ("100", "0", 20.0)]


def test_attrition_of_a_hidden_start_has_no_bars(frame_of: MakeFrame) -> None:
    common = {"study_id": "s", "cohort_code": "survey", "arm_code": "men", "label": "Everybody"}
    rows = [
        {**common, "step_number": 0, "n_before": None, "n_after": None, "is_suppressed": True},
        {**common, "step_number": 1, "n_before": None, "n_after": 40, "is_suppressed": False},
    ]
    table = section_people.attrition_tables(frame_of("mart.attrition", rows), 11)[0]
    assert [row.cells[0].bar_pct for row in table.rows] == [None, None]


def test_table_one_writes_means_and_shares(mart: Mart) -> None:
    table = section_people.table_one(prepared(mart, mart)["mart.table_one"], 11)[0]
    headings = [row.heading for row in table.rows]
    assert headings[:4] == ["People", "Age (years)", "Race and Hispanic origin", "Mexican American"]
    assert [cell.text for cell in row_of(table, "People").cells] == ["1,436", "1,436"]
    assert row_of(table, "Age (years)").cells[0].text.replace("\u00a0", " ") == "57.1 ± 11.2"
    assert row_of(table, "Body mass index (kg/m²)").cells[0].note == "(1,436)"
    assert row_of(table, "Mexican American").cells[0].text.replace("\u00a0", " ") == "25.0 %"
    assert row_of(table, "Mexican American").cells[1].text == "<11 or hidden"
    assert row_of(table, "Current smoker").cells[0].text.replace("\u00a0", " ") == "50.0 %"


def test_a_mean_stays_where_only_its_number_of_people_is_hidden(mart: Mart) -> None:
    table = section_people.table_one(prepared(mart, mart)["mart.table_one"], 11)[0]
    cell = row_of(table, "Testosterone (ng/dL)").cells[0]
    assert cell.text.replace("\u00a0", " ") == "402 ± 162"
    assert cell.note == "(<11 or hidden missing)"


def test_shares_on_either_scale_are_percentages(frame_of: MakeFrame) -> None:
    common = {"study_id": "s", "characteristic": "Current smoker", "level": "yes", "n": 50, "is_suppressed": False}
    rows = [
        {**common, "arm_code": "men", "estimate": 0.182, "unit": "share"},
        {**common, "arm_code": "women", "estimate": 18.2, "unit": "%"},
    ]
    cells = row_of(section_people.table_one(frame_of("mart.table_one", rows), 11)[0], "Current smoker").cells
    assert [cell.text.replace("\u00a0", " ") for cell in cells] == ["18.2 %", "18.2 %"]


def test_how_people_are_watched_stands_open_and_by_month(frame_of: MakeFrame) -> None:
    named = {"study_id": "monitoring", "arm_code": "everybody, cohort men", "n": 40, "is_suppressed": False}
    rows = [named | {"characteristic": "People", "level": "all"}]
    rows += [
        named | {"characteristic": f"Still treated, month {month}", "level": level, "estimate": 0.5, "unit": "share"}
        for month in (12, 3, 24)
        for level in ("yes", "no")
    ]
    (table,) = section_people.table_one(frame_of("mart.table_one", rows), 11)
    assert not table.is_folded and table.caption.endswith("cohort men: how they are watched")
    assert [row.heading for row in table.rows] == ["People", *(f"Still treated, month {each}" for each in (3, 12, 24))]


def test_a_calendar_year_has_no_thousands(frame_of: MakeFrame) -> None:
    named = {"study_id": "s", "characteristic": "calendar_year", "level": "mean", "arm_code": "starts_drug (surgery)"}
    frame = frame_of("mart.table_one", [named | {"estimate": 2015.2, "n": 50, "is_suppressed": False}])
    ((cell,),) = [row.cells for row in section_people.table_one(frame, 11)[0].rows]
    assert cell.text.startswith("2015")


def test_diagnostics_that_failed_come_first_and_every_verdict_is_a_word(mart: Mart) -> None:
    table = section_checks.diagnostic_tables(prepared(mart, mart)["mart.diagnostic"])[0]
    first = table.rows[0]
    assert first.heading == "Postmenopausal women, lumbar-spine BMD"
    assert [cell.tag for cell in first.cells] == ["fail", "pass", "pass", "pass", "pass", "not evaluated"]
    assert first.cells[0].text == "hidden"
    assert [column.note.replace("\u00a0", " ") for column in table.columns[1:]] == [
        "at least 30",
        "at least 30",
        "at least 8",
        "at most 30 %",
        "at most 50 %",
        "required",
    ]


def test_failed_checks_come_first_and_small_counts_stay_unsaid(mart: Mart) -> None:
    quality = mart["mart.quality_result"].with_columns(
        n_violated=pl.when(pl.col("status") == "fail").then(3).otherwise(pl.col("n_violated"))
    )
    tables = section_checks.quality_tables(prepared({"mart.quality_result": quality}, [])["mart.quality_result"], 11)
    assert [table.caption for table in tables] == ["Checks that failed", "Checks by table", "Every check"]
    assert tables[0].rows[0].cells[2].text == "<11"
    assert row_of(tables[1], "staging.lab_result").cells[0].text == "2 of 3"
    assert tables[2].is_folded
    assert [row.cells[-1].tag for row in tables[2].rows][:2] == ["fail", "could not be evaluated"]


def test_steps_without_a_recorded_change_come_first_and_few_people_stay_unsaid(mart: Mart) -> None:
    table = section_checks.change_point_table(prepared(mart, mart)["mart.change_point"], 11)
    assert [row.heading.rpartition(" ")[2] for row in table.rows] == ["care-site-2", "care-site-1", "care-site-3"]
    quarter, size, cause = table.rows[0].cells
    assert (quarter.text, cause.tag) == ("2016 Q2", "none")
    assert [said.replace("\u00a0", " ") for said in (size.text, size.note)] == [
        "\u221238.5 %",
        "\u221249.5 % to \u221226.0 %",
    ]
    assert table.rows[1].cells[2].text == "laboratory, assay class"
    assert table.rows[2].cells[1].text == hidden_cell(11).text


def test_a_hidden_step_that_reached_the_mart_with_numbers_is_emptied_here(mart: Mart) -> None:
    told = mart["mart.change_point"].with_columns(is_suppressed=pl.lit(value=True))
    sealed = prepared({**mart, "mart.change_point": told}, [])["mart.change_point"]
    assert sealed.select("change_pct", "ci_low_pct", "ci_high_pct", "cause_code").null_count().row(0) == (3, 3, 3, 3)


def test_the_account_says_which_files_add_up(frame_of: MakeFrame) -> None:
    whole = {"rows_in": 100, "rows_staged": 80, "rows_duplicate": 0, "rows_quarantined": 20, "rows_out_of_scope": 0}
    rows = [
        {"source_file": "a", "status_code": "recognized", "is_suppressed": False, **whole},
        {"source_file": "b", "status_code": "recognized", "is_suppressed": False, **whole, "rows_staged": 79},
        {"source_file": "c", "status_code": "recognized", "is_suppressed": True, **whole, "rows_quarantined": None},
        {"source_file": "d", "status_code": "recognized", "is_suppressed": False, **whole, "rows_duplicate": None},
        {"source_file": "e", "status_code": "out_of_scope", "is_suppressed": False},
        {"source_file": "f", "status_code": "rejected", "is_suppressed": False},
    ]
    frame = frame_of("mart.source_file", rows)
    table = section_account.account_table(frame, 11)
    assert table.is_folded
    assert [(row.heading, row.cells[-1].tag) for row in table.rows] == [
        ("f", "not read"),
        ("a", "adds up"),
        ("b", "does not add up"),
        ("c", "has hidden counts"),
        ("d", "incomplete"),
        ("e", "not read"),
    ]
    said = section_account.account_sentence(frame)
    assert said.startswith("6 files with 400 rows")
    assert "1 do not add up: do not rely on this build" in said


def test_missing_pieces_are_grouped_over_cycles(mart: Mart) -> None:
    table = section_account.missing_table(prepared(mart, mart)["mart.missing_piece"])
    shown = {row.heading: [cell.text for cell in row.cells] for row in table.rows}
    assert shown == {
        "No TST or SSCHL: no estradiol": ["2005\u20132006, 2009\u20132010", "TST or SSCHL"],
        "No DXXFEM: no femoral BMD": ["2011\u20132012", "DXXFEM"],
    }


def test_coverage_shows_everybody_and_folds_the_sexes(mart: Mart) -> None:
    tables = section_account.coverage_tables(prepared(mart, mart)["mart.measurement_count"], 11)
    everybody, by_sex = tables
    assert [table.is_folded for table in tables] == [False, True]
    assert [row.heading for row in everybody.rows] == ["Estradiol", "Femur BMD", "Estradiol and femur BMD"]
    assert [cell.text for cell in everybody.rows[0].cells] == ["0", "7,200"]
    estradiol = [row.heading for row in by_sex.rows].index("Estradiol")
    women, men = by_sex.rows[estradiol + 1], by_sex.rows[estradiol + 2]
    assert [cell.text for cell in women.cells] == ["<11 or hidden", "3,600"]
    assert [cell.text for cell in men.cells] == ["0", "3,600"]


def test_curves_come_with_their_ends_and_tests(mart: Mart) -> None:
    frames = prepared(mart, mart)
    table = section_curve.ends_table(frames["mart.dose_response"], frames["mart.effect_estimate"])
    assert len(table.rows) == 5
    cells = [cell.text.replace("\u00a0", " ") for cell in table.rows[0].cells]
    assert cells == ["23.6 pg/mL", "11 pg/mL", "\u22120.014 g/cm²", "44 pg/mL", "0.008 g/cm²", "0.004", "0.38"]
    said = section_curve.curvature_sentence(frames["mart.dose_response"], frames["mart.effect_estimate"])
    assert said.replace("\u00a0", " ") == (
        "No curve departs from a straight line on the log scale at the 5 % level (smallest p = 0.38)."
    )


def test_a_bent_curve_is_named(mart: Mart) -> None:
    is_bent = pl.col("estimator").eq("spline_nonlinearity_test") & pl.col("population").eq("men")
    bent = mart["mart.effect_estimate"].with_columns(
        p_value=pl.when(is_bent & pl.col("outcome").str.starts_with("total")).then(0.012).otherwise(pl.col("p_value"))
    )
    frames = prepared({**mart, "mart.effect_estimate": bent}, mart)
    said = section_curve.curvature_sentence(frames["mart.dose_response"], frames["mart.effect_estimate"])
    assert said.replace("\u00a0", " ").endswith("at the 5 % level: men, total-hip BMD (p = 0.012).")


def test_what_is_only_reported_stands_apart(frame_of: MakeFrame) -> None:
    key = {"study_id": "s", "contrast": "a vs b", "outcome": "bone", "population": "men", "is_suppressed": False}
    judged = {"rule": "at most, over all covariates; never above 0.25", "threshold": 0.1}
    rows = [
        {**key, **judged, "diagnostic": "largest_standardised_difference", "value": 0.6, "status": "fail"},
        {**key, **judged, "population": "women", "diagnostic": "largest_standardised_difference", "status": "not_evaluated",
         "rule": "nobody was measured"},
        {**key, "diagnostic": "events", "rule": "nobody was measured", "status": "not_evaluated"},
        {**key, "diagnostic": "largest_weight", "rule": "reported", "value": 8.0, "status": "not_applicable"},
    ]  # fmt: skip
    main, beside = section_checks.diagnostic_tables(frame_of("mart.diagnostic", rows))
    assert [column.note for column in main.columns] == ["", "at most 0.1", ""], "of those that were judged, and short"
    assert [row.cells[0].tag for row in main.rows] == ["fail", "not evaluated"]
    assert main.note.endswith(
        "Largest standardized difference: at most, over all covariates; never above 0.25. "
        "Largest standardized difference, events: nobody was measured."
    )
    assert (main.is_folded, beside.is_folded, beside.caption) == (
        False,
        True,
        "S: reported beside them, and never judged",
    )
    assert [(cell.text, cell.tag) for cell in beside.rows[0].cells] == [("8", "")] and beside.note == ""


def test_outcomes_of_a_contrast_stand_below_it_and_what_nobody_could_ask_is_one_line(frame_of: MakeFrame) -> None:
    key = {"study_id": "s", "population": "men", "is_suppressed": False, "diagnostic": "events", "rule": "at least"}
    rows = [
        {**key, "contrast": contrast, "outcome": outcome, "value": value, "threshold": 50.0, "status": status}
        for contrast, value, status in (
            ("a vs b", 60.0, "pass"),
            ("a vs none", None, "not_evaluated"),
            ("b vs c", 9.0, "fail"),
        )
        for outcome in ("bone", "heart")
    ]
    table = section_checks.diagnostic_tables(frame_of("mart.diagnostic", rows))[0]
    told = [(row.heading, row.is_indented, [cell.tag for cell in row.cells]) for row in table.rows]
    assert told == [
        ("A vs none: Men, bone; Men, heart", False, []),
        ("B vs c", False, []),
        ("Men, bone", True, ["fail"]),
        ("Men, heart", True, ["fail"]),
        ("A vs b", False, []),
        ("Men, bone", True, ["pass"]),
        ("Men, heart", True, ["pass"]),
    ], "what stopped a contrast comes first"
    assert table.rows[0].beside is not None and table.rows[0].beside.tag == "not evaluated"


def test_what_was_weighted_alike_is_one_row(frame_of: MakeFrame) -> None:
    key = {
        "study_id": "s",
        "population": "men",
        "diagnostic": "largest_weight",
        "rule": "reported",
        "is_suppressed": False,
    }
    rows = [
        {**key, "contrast": f"a vs b, {months} months, cohort c", "outcome": outcome, "value": value}
        for months in (120, 12)
        for outcome, value in (("bone", 4.0), ("heart", 4.0), ("joints", 4.0))
    ]
    other = {**key, "contrast": "a vs none, 12 months", "status": "not_applicable"}
    rows += [{**other, "outcome": "bone", "value": 4.0}, {**other, "outcome": "heart", "value": 7.0}]
    rows += [{**other, "contrast": "a vs none, 36 months", "outcome": "bone", "value": 7.0}]
    table = section_overlap.weights_table(frame_of("mart.diagnostic", rows))
    assert [(row.heading, [cell.text for cell in row.cells]) for row in table.rows] == [
        ("A vs b, cohort c", []),
        ("Men, every outcome, 12, 120 months", ["4"]),
        ("A vs none", []),
        ("Men, bone, 12 months", ["4"]),
        ("Men, heart, 12 months; bone, 36 months", ["7"]),
    ]


def test_diagnostics_of_a_descriptive_study_read_as_words(frame_of: MakeFrame) -> None:
    common = {"study_id": "s", "outcome": "femoral_neck 2005-2006", "population": "women", "status": "pass"}
    asked = {"diagnostic": "unweighted_n", "rule": ">=", "value": 740.0, "is_suppressed": False}
    rows = [
        {**common, **asked, "contrast": f"{band}, reference white_male", "threshold": threshold}
        for band, threshold in (("osteoporosis", 30.0), ("osteopenia", 50.0))
    ]
    table = section_checks.diagnostic_tables(frame_of("mart.diagnostic", rows))[0]
    assert table.rows[0].heading == (
        "Women, femoral neck 2005\u20132006: osteoporosis, reference NHANES III white men 20\u201329"
    )
    assert table.columns[1].note == ""
    assert [row.cells[0].note for row in table.rows] == ["at least 30", "at least 50"]


def test_a_small_count_that_reached_the_mart_is_hidden_here(mart: Mart) -> None:
    small = mart["mart.e2_distribution"].with_columns(n=pl.when(pl.col("n") == 285).then(4).otherwise(pl.col("n")))
    assert not small.equals(mart["mart.e2_distribution"])
    sealed = prepared({**mart, "mart.e2_distribution": small}, mart)["mart.e2_distribution"]
    was, row = (
        mart["mart.e2_distribution"].filter(n=285),
        sealed.filter(bin_number=0, population="postmenopausal_women"),
    )
    assert was.height == 1
    assert row.select("n", "weighted_share_pct", "is_suppressed").row(0) == (None, None, True)
    diagnostics = mart["mart.diagnostic"].with_columns(
        value=pl.when(pl.col("diagnostic") == "unweighted_n").then(7.0).otherwise(pl.col("value"))
    )
    sealed = prepared({"mart.diagnostic": diagnostics}, [])["mart.diagnostic"].filter(diagnostic="unweighted_n")
    assert sealed["value"].null_count() == sealed.height


def test_prevalence_table_has_both_references_and_the_published_value(mart: Mart) -> None:
    frame = prepared(mart, mart)["mart.bone_prevalence"]
    table = section_bone.prevalence_table(frame, "femoral_neck", 11)
    group, osteoporosis = table.rows[0], table.rows[1]
    assert group.heading == "2005\u20132006, women (1,402 scanned)"
    assert [cell.text.replace("\u00a0", " ") for cell in osteoporosis.cells] == ["10.3 %", "12.7 %", "10 %"]
    assert osteoporosis.cells[0].note == "9.3 to 11.3"
    spine = section_bone.prevalence_table(frame, "lumbar_spine", 11)
    assert [cell.tag for row in spine.rows for cell in row.cells].count("gate closed") == 6
    assert section_bone.closed_sentence(frame) == (
        "6 of 108 values are not shown because their gate is closed: relative standard error 0.41 above 0.30."
    )


def test_a_threshold_has_its_place_and_an_open_end(mart: Mart) -> None:
    frame = prepared(mart, mart)["mart.threshold"]
    shut, bent = sorted(section_threshold.threshold_table(frame).rows, key=lambda row: row.heading)
    assert bent.heading == "Men, lumbar-spine BMD change, all draws"
    cells = [(cell.text.replace("\u00a0", " "), cell.note) for cell in bent.cells]
    assert cells == [("it bends", ""), ("14.2 pg/mL", "11.3 \u2013 open"), ("1.44", ""), ("0.06", ""), ("0.004", "")]
    assert [cell.text for cell in shut.cells] == ["no answer"] + ["\u2013"] * 4
    said = section_threshold.why_sentence(frame)
    assert said == "No answer: Men, lumbar-spine BMD change, LC-MS/MS alone \u2013 failed: share below the assay limit."


def test_a_hidden_threshold_tells_nothing_even_if_the_mart_does(mart: Mart) -> None:
    for leak in ({"is_suppressed": True}, {"gate_status": "closed"}):
        told = mart["mart.threshold"].with_columns(pl.lit(value).alias(name) for name, value in leak.items())
        frame = prepared({**mart, "mart.threshold": told}, [])["mart.threshold"]
        assert frame.select("place_pg_ml", "is_open_high", "slope_below", "p_value").null_count().row(0) == (2, 2, 2, 2)
        assert all(
            cell.text in ("it bends", "no answer", "\u2013")
            for row in section_threshold.threshold_table(frame).rows
            for cell in row.cells
        )
