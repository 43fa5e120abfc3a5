"""T- and Z-scores of a scan, and its pair with the next scan of the same device."""

import math

import pytest

TABLE = "features.bmd_change"
HEADER = (
    "person_id | scan_id | site_code | side_code | imputation_number | bmd_g_cm2 | is_valid | manufacturer"
    " | device_id | series_id | scanned_on"
)
NORM = (
    "sex_code | age_band | site_code | manufacturer | mean_g_cm2 | sd_g_cm2\n{} | {} | femoral_neck | hologic | .9 | .1"
)


def changes(
    run_sql, *scans: str, sex="female", age=65, status="postmenopausal", norm: str = "", reference="white_female"
):
    inputs = {
        "ref.run_setting": f"setting_code | value_text\nbone_reference | {reference}",
        "staging.person": f"person_id | sex_code | age_years\n1 | {sex} | {age}",
        "staging.dxa_scan": "\n".join((HEADER, *scans)),
    }
    if status:
        inputs["features.menopausal_status"] = f"person_id | status_code\n1 | {status}"
    if norm:
        inputs["features.bone_norm"] = norm
    return run_sql(TABLE, inputs)


def scan(
    bmd: float | str, name="a", device="", day="", *, valid="true", imputation=0, site="femoral_neck", side="left"
) -> str:
    return f"1 | {name} | {site} | {side} | {imputation} | {bmd} | {valid} | hologic | {device} | {device} | {day}"


@pytest.mark.parametrize(
    ("bmd", "t_score", "band"),
    [
        (0.558, -2.5, "osteoporosis"),
        (0.5581, -2.499166667, "osteopenia"),
        (0.738, -1.0, "normal"),
        (0.7379, -1.000833333, "osteopenia"),
        (0.858, 0.0, "normal"),
    ],
)
def test_t_score_and_band_at_the_edges(run_sql, only, bmd, t_score, band):
    """White women 20-29 of NHANES III: 0.858 (SD 0.120), Looker 1998; bands WHO 1994."""
    row = only(changes(run_sql, scan(bmd)))
    assert (row["first_score_kind"], row["first_band"], row["reference_code"]) == ("T", band, "white_female")
    assert row["first_t_score"] == pytest.approx(t_score, abs=1e-9)
    assert row["first_bmd_g_cm2"] == bmd


def test_men_have_the_declared_reference_and_their_own_beside_it(run_sql, only):
    row = only(changes(run_sql, scan(0.558), sex="male", status=""))
    assert row["first_t_score"] == -2.5
    assert row["first_t_score_own_sex"] == pytest.approx((0.558 - 0.934) / 0.137, abs=1e-9)


def test_the_reference_is_the_one_declared(run_sql, only):
    row = only(changes(run_sql, scan(0.8), reference="white_male"))
    assert row["first_t_score"] == pytest.approx((0.8 - 0.934) / 0.137, abs=1e-9)
    assert row["reference_code"] == "white_male"


@pytest.mark.parametrize(
    ("sex", "age", "status", "kind"),
    [
        ("male", 50, "", "T"),
        ("male", 49, "", "Z"),
        ("female", 45, "postmenopausal", "T"),
        ("female", 55, "premenopausal", "Z"),
        ("female", 55, "unknown", "Z"),
    ],
)
def test_t_for_men_of_50_and_postmenopausal_women_else_z(run_sql, only, sex, age, status, kind):
    row = only(changes(run_sql, scan(0.65), sex=sex, age=age, status=status, norm=NORM.format(sex, age // 10 * 10)))
    assert row["first_score_kind"] == kind
    assert row["first_z_score"] == pytest.approx(-2.5)
    assert row["first_band"] == ("osteopenia" if kind == "T" else "below_expected_range")


def test_z_score_within_range_just_above_minus_2(run_sql, only):
    row = only(changes(run_sql, scan(0.701), sex="male", age=30, status="", norm=NORM.format("male", 30)))
    assert row["first_band"] == "within_expected_range"


def test_z_score_of_exactly_minus_2_is_below_the_range(run_sql, only):
    row = only(changes(run_sql, scan(0.7), sex="male", age=30, status="", norm=NORM.format("male", 30)))
    assert row["first_band"] == "below_expected_range"


def test_without_a_norm_there_is_no_score_and_no_band(run_sql, only):
    row = only(changes(run_sql, scan(0.7), sex="male", age=30, status="", norm=NORM.format("male", 40)))
    assert (row["first_score_kind"], row["first_z_score"], row["first_band"]) == ("none", None, None)


def test_no_t_score_under_20_or_at_a_site_without_reference(run_sql, only):
    row = only(changes(run_sql, scan(0.7), sex="male", age=19, status="", norm=NORM.format("male", 10)))
    assert (row["first_t_score"], row["first_score_kind"]) == (None, "Z")
    row = only(changes(run_sql, scan(0.7, site="trochanter")))
    assert (row["first_t_score"], row["first_band"]) == (None, None)


def test_pair_of_one_device(run_sql):
    """ln(0.95/1.00) = -5.1293 % over 730 days = -2.5664 % a year of 365.25 days."""
    first, second = changes(run_sql, scan(1.0, "a", "d1", "2020-01-01"), scan(0.95, "b", "d1", "2021-12-31"))
    assert [str(first[f"{name}_scanned_on"]) for name in ("first", "second")] == ["2020-01-01", "2021-12-31"]
    assert str(second["first_scanned_on"]) == "2021-12-31"
    assert first["change_g_cm2"] == pytest.approx(-0.05)
    assert first["change_pct"] == pytest.approx(100 * math.log(0.95), abs=1e-12) == pytest.approx(-5.1293294, abs=1e-7)
    assert first["annualised_pct"] == pytest.approx(-5.1293294 * 365.25 / 730, abs=1e-6)
    assert (second["second_bmd_g_cm2"], second["change_pct"]) == (None, None)


@pytest.mark.parametrize(("day", "is_annualised"), [("2020-06-28", False), ("2020-06-29", True)])
def test_not_annualised_under_180_days(run_sql, day, is_annualised):
    first, _ = changes(run_sql, scan(1.0, "a", "d1", "2020-01-01"), scan(0.99, "b", "d1", day))
    assert first["change_pct"] is not None
    assert (first["annualised_pct"] is not None) == is_annualised


@pytest.mark.parametrize(
    "pair",
    [
        (scan(1.0, "a", "d1", "2020-01-01"), scan(0.9, "b", "d2", "2021-01-01")),
        (scan(1.0, "a", "", "2020-01-01"), scan(0.9, "b", "", "2021-01-01")),
        (scan(1.0, "a", "d1", "2020-01-01"), scan(0.9, "b", "d1", "2021-01-01", side="right")),
        (scan(1.0, "a", "d1", "2020-01-01"), scan(0.9, "b", "d1", "2021-01-01", site="total_hip")),
    ],
    ids=["other device", "device unknown", "other side", "other site"],
)
def test_no_pair(run_sql, pair):
    rows = changes(run_sql, *pair)
    assert [r["change_pct"] for r in rows] == [None, None]
    assert [r["second_scanned_on"] for r in rows] == [None, None]


def test_no_change_between_scans_without_dates(run_sql):
    """Which came first is not known."""
    rows = changes(run_sql, scan(1.0, "a", "d1"), scan(0.9, "b", "d1"))
    assert [r["change_pct"] for r in rows] == [None, None]


def test_no_change_to_a_scan_without_a_date(run_sql):
    rows = changes(run_sql, scan(1.0, "a", "d1", "2020-01-01"), scan(0.9, "b", "d1"))
    assert [(r["second_bmd_g_cm2"], r["change_pct"]) for r in rows] == [(None, None), (None, None)]


def test_invalid_and_imputed_values_are_no_scans(run_sql):
    assert changes(run_sql, scan("", valid="false"), scan(1.0, "b", imputation=1)) == []


def test_the_score_is_the_one_of_what_was_known_on_the_day_of_the_scan(run_sql):
    norm = NORM.format("female", 50)
    rows = run_sql(TABLE, {
        "ref.run_setting": "setting_code | value_text\nbone_reference | white_female",
        "staging.person": "person_id | sex_code | age_years | entered_on\n1 | female | 52 | 2019-01-01",
        "features.menopausal_status": (
            "person_id | period_number | known_on | known_until_on | status_code\n"
            "1 | 1 | | 2019-12-31 | unknown\n1 | 2 | 2020-01-01 | | postmenopausal"
        ),
        "features.bone_norm": norm,
        "staging.dxa_scan": "\n".join(
            (HEADER, scan(0.7, "a", "D", "2019-12-31"), scan(0.7, "b", "D", "2020-01-01"), scan(0.7, "c", "D", ""))
        ),
    })  # fmt: skip
    assert [row["first_score_kind"] for row in rows] == ["Z", "T", "Z"]


PRECISION = (
    "source_id | device_id | site_code | lsc_g_cm2 | lsc_pct | basis_code\nnhanes | D | femoral_neck | {} | {} | {}"
)


def pair(run_sql, second: float, *, first=0.8, precision="", regimen="", days=("2020-01-01", "2021-01-01")):
    inputs = {
        "ref.run_setting": "setting_code | value_text\nbone_reference | white_female",
        "staging.person": "person_id | sex_code | age_years | entered_on\n1 | female | 65 | 2019-01-01",
        "features.menopausal_status": "person_id | status_code\n1 | postmenopausal",
        "staging.dxa_scan": "\n".join((HEADER, scan(first, "a", "D", days[0]), scan(second, "b", "D", days[1]))),
    }
    if precision:
        inputs["staging.dxa_precision"] = precision
    if regimen:
        header = "person_id | ingredient | regimen_number | starts_on | ends_on"
        inputs["features.ai_regimen"] = f"{header}\n{regimen}"
    return next(row for row in run_sql(TABLE, inputs) if row["scan_id"] == "a")


@pytest.mark.parametrize(
    ("second", "loss", "gain"), [(0.78, False, False), (0.77, True, False), (0.83, False, True), (0.8299, False, False)]
)
def test_least_significant_change_of_the_device(run_sql, second, loss, gain):
    row = pair(run_sql, second, precision=PRECISION.format(0.03, 3.75, "device"))
    assert (row["is_loss_beyond_lsc"], row["is_gain_beyond_lsc"]) == (loss, gain)
    assert (row["lsc_g_cm2"], row["lsc_basis_code"], row["interval_days"]) == (0.03, "device", 366)


def test_without_repeats_the_limit_of_iscd_as_a_share_of_the_first_scan(run_sql):
    """6.9 % of 0.8 is 0.0552."""
    row = pair(run_sql, 0.744, precision=PRECISION.format("", 6.9, "iscd"))
    assert row["lsc_g_cm2"] == pytest.approx(0.0552)
    assert row["is_loss_beyond_lsc"] is True
    row = pair(run_sql, 0.744)
    assert (row["lsc_g_cm2"], row["is_loss_beyond_lsc"]) == (None, None)


@pytest.mark.parametrize(("suspect", "told"), [("", [True, True]), ("b", [None, None]), ("c", [True, None])])
def test_a_spine_that_rose_while_the_hip_fell_is_no_gain(run_sql, suspect, told):
    """The change is kept and flagged, of the pair before and after the suspected scan; gain and loss are not told."""
    scans = [("a", 0.8, 2020), ("b", 0.9, 2021), ("c", 1.0, 2022)]
    lines = [scan(bmd, name, "D", f"{year}-01-01") + f" | {str(name == suspect).lower()}" for name, bmd, year in scans]
    found = run_sql(TABLE, {
        "ref.run_setting": "setting_code | value_text\nbone_reference | white_female",
        "staging.person": "person_id | sex_code | age_years | entered_on\n1 | female | 65 | 2019-01-01",
        "staging.dxa_scan": "\n".join((HEADER + " | is_artefact_suspect", *lines)),
        "staging.dxa_precision": PRECISION.format(0.03, 3.75, "device"),
    })  # fmt: skip
    first, second, last = sorted(found, key=lambda row: row["scan_id"])
    assert [row["is_gain_beyond_lsc"] for row in (first, second)] == told
    assert [row["is_artefact_suspect"] for row in (first, second)] == [each is None for each in told]
    assert (last["is_artefact_suspect"], last["is_gain_beyond_lsc"]) == (None, None)
    assert [row["change_g_cm2"] for row in (first, second)] == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("first", "second", "bands", "shift"),
    [
        (0.8, 0.75, ("normal", "normal"), "same"),
        (0.8, 0.7, ("normal", "osteopenia"), "worse"),
        (0.55, 0.6, ("osteoporosis", "osteopenia"), "better"),
    ],
)
def test_bands_before_and_after(run_sql, first, second, bands, shift):
    row = pair(run_sql, second, first=first)
    assert ((row["first_band"], row["second_band"]), row["band_shift"]) == (bands, shift)
    assert row["second_t_score"] == pytest.approx((second - 0.858) / 0.120, abs=1e-9)


@pytest.mark.parametrize(
    ("regimen", "code", "days", "since"),
    [
        ("", "never", 0, None),
        ("1 | anastrozole | 1 | 2021-06-01 | 2021-12-31", "never", 0, None),
        ("1 | anastrozole | 1 | 2019-06-01 | 2021-12-31", "on", 366, 0),
        ("1 | anastrozole | 1 | 2020-02-01 | 2021-12-31", "on", 335, None),
        ("1 | anastrozole | 1 | 2020-07-01 | 2021-12-31", "partly", 184, None),
        ("1 | anastrozole | 1 | 2019-01-01 | 2019-12-22", "after", 0, 10),
        ("1 | anastrozole | 1 | 2019-01-01 | 2019-12-22\n1 | letrozole | 1 | 2019-12-23 | 2020-12-31", "on", 366, 0),
    ],
)
def test_inhibitor_between_the_scans(run_sql, regimen, code, days, since):
    row = pair(run_sql, 0.78, regimen=regimen)
    assert (row["inhibitor_code"], row["inhibitor_days"], row["days_since_inhibitor"]) == (code, days, since)


def test_the_age_is_that_of_the_scan(run_sql, only):
    """A man who entered at 49 is 50 at his scan a year later: a T-score, no Z-score."""
    found = run_sql(TABLE, {
        "ref.run_setting": "setting_code | value_text\nbone_reference | white_female",
        "staging.person": "person_id | sex_code | age_years | entered_on\n1 | male | 49.2 | 2019-01-01",
        "staging.dxa_scan": "\n".join((HEADER, scan(0.8, "a", "D", "2020-01-01"))),
    })  # fmt: skip
    row = only(found)
    assert (row["first_score_kind"], row["inhibitor_code"], row["inhibitor_days"]) == ("T", None, None)


def test_it_says_where_and_on_which_device_both_values_stand(run_sql, only):
    first, second = scan(0.8, "a", "d", "2015-01-01"), scan(0.76, "b", "d", "2017-01-01")
    row = only([row for row in changes(run_sql, first, second) if row["second_bmd_g_cm2"] is not None])
    assert (row["site_code"], row["side_code"], row["device_id"]) == ("femoral_neck", "left", "d")
    assert (row["first_bmd_g_cm2"], row["second_bmd_g_cm2"]) == (0.8, 0.76)
