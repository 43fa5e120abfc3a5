"""Postmenopausal women under an inhibitor, from staged records to the frame of their curve: who is in, from when, until when.

The real SQL on a few women drawn by hand; what the numbers say of bone is not asked here.
"""

import datetime as dt
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.models.scan_pair_frame import ScanPairFrame, scan_pair_frame
from pipelines.trials.study import catalogue

time_zero = runpy.run_path(str(Path(__file__).with_name("test_time_zero.py")))
computed, reference, lives = (time_zero[name] for name in ("computed", "reference", "lives"))
STUDY = catalogue()["e2_threshold"]
COHORT = "postmenopausal_women_on_inhibitor"
RESULTS = (*time_zero["RESULTS"][:4], "features.bmd_change")
BEGAN = dt.date(2012, 1, 1)
#: a month and nine months into an inhibitor, and a year and two after that
SCANS = tuple(BEGAN + dt.timedelta(days=days) for days in (30, 270, 640, 1010))
#: pg/mL before an inhibitor and under it
BEFORE, UNDER = 9.0, 1.5
#: by what sets them apart, beside an inhibitor for four years from BEGAN on, scans, and a draw every 45 days
_APART = (
    *("goes_on", "stops", "bone_drug_later", "metastasis_later", "changes_inhibitor", "tamoxifen_at_first"),
    *("bone_drug_before", "metastasis_before", "premenopausal", "never", "man", "only_early"),
)
WOMEN = {name: number for number, name in enumerate(_APART, start=1)}


def days(number: int) -> dt.timedelta:
    return dt.timedelta(days=number)


def scanned(made, person: int, on: dt.date) -> None:
    for site in ("lumbar_spine", "total_hip"):
        made.add(
            "dxa_scan", person, scan_id=f"{on}", site_code=site, side_code="left", imputation_number=0, bmd_g_cm2=0.9,
            is_valid=True, manufacturer="hologic", device_id="d", series_id="d", scanned_on=on, is_artefact_suspect=False,
        )  # fmt: skip


def supplied(made, name: str, person: int) -> None:
    """What she was given."""
    if name == "stops":
        made.fills(person, "anastrozole", BEGAN, 90, 6, 7.0)
    elif name == "changes_inhibitor":
        made.fills(person, "anastrozole", BEGAN, 90, 5, 7.0)
        made.fills(person, "letrozole", BEGAN + days(450), 90, 11, 17.5)
    elif name != "never":
        made.fills(person, "anastrozole", BEGAN, 90, 16, 7.0)
    if name == "tamoxifen_at_first":
        made.fills(person, "tamoxifen", BEGAN - days(300), 90, 9, 140.0)
    if name == "bone_drug_before":
        made.fills(person, "alendronate", BEGAN - days(100), 84, 12, 70.0)
    if name == "bone_drug_later":
        made.fills(person, "alendronate", SCANS[2] - days(20), 84, 6, 70.0)


@pytest.fixture(scope="module")
def staged() -> dict[str, pl.DataFrame]:
    made = lives["Lives"](1)
    for name, person in WOMEN.items():
        entered, until = BEGAN - days(1000), BEGAN + days(2000)
        made.add(
            "person", person, sex_code="male" if name == "man" else "female",
            age_years=40.0 if name == "premenopausal" else 64.0, is_age_top_coded=False, race_ethnicity_code="white",
            birth_year=1945, entered_on=entered,
        )  # fmt: skip
        made.add(
            "observation_period", person, span_number=1, basis_code="enrolment", starts_on=entered, ends_on=until,
            length_days=float((until - entered).days),
        )  # fmt: skip
        if name == "premenopausal":
            for on in (entered, BEGAN - days(100), BEGAN + days(200)):
                made.add("observation", person, observation_code="menopausal_state", value=0.0, observed_on=on)
        supplied(made, name, person)
        for on in SCANS[:1] if name == "only_early" else SCANS:
            scanned(made, person, on)
        for number in range(-6, 30):
            value = BEFORE if number < 0 else UNDER
            made.add(
                "lab_result", person, specimen_id=str(number), analyte_code="estradiol", value=value, operator="=",
                is_censored=False, unit_code="1", assay_class="lc_ms_ms", assay_basis="none",
                drawn_on=BEGAN + days(45 * number - 1), status_code="final", n_replicates=1,
            )  # fmt: skip
        metastasis = {"metastasis_before": BEGAN - days(50), "metastasis_later": SCANS[2] + days(50)}.get(name)
        if metastasis:
            lives["_condition"](made, person, "C79.51", metastasis)
    return made.tables()


@pytest.fixture(scope="module")
def made(staged) -> dict[str, pl.DataFrame]:
    tables = computed(staged, (STUDY.id,), results=RESULTS)
    limits = pl.from_arrow(reference("ref.clinical_limit", (STUDY.id,)))
    return {**tables, "staging.lab_result": staged["staging.lab_result"], "ref.clinical_limit": limits}


def followed(made: dict[str, pl.DataFrame], cohort: str) -> dict[str, tuple[dt.date, str]]:
    """Time zero and why follow-up ended, by name."""
    name_of = {number: name for name, number in WOMEN.items()}
    rows = made["cohort.trial_person"].filter(cohort_code=cohort).select("person_id", "index_on", "end_reason")
    assert rows["person_id"].is_unique().all()
    return {name_of[person]: (on, reason) for person, on, reason in rows.iter_rows()}


def frame(made: dict[str, pl.DataFrame], cohort: str) -> ScanPairFrame:
    (curve,) = [each for each in STUDY.curve if each.cohort == cohort and "spine" in each.outcome]
    return scan_pair_frame({name: table.lazy() for name, table in made.items()}, STUDY, curve)


def test_who_is_in_is_so_from_her_first_scan_half_a_year_into_an_inhibitor(made) -> None:
    """Whose last tamoxifen lies a year back by her last scan enters with that one."""
    assert followed(made, COHORT) == {
        "goes_on": (SCANS[1], "inhibitor_stopped"),
        "changes_inhibitor": (SCANS[1], "inhibitor_stopped"),
        "stops": (SCANS[1], "inhibitor_stopped"),
        "bone_drug_later": (SCANS[1], "bone_drug"),
        "metastasis_later": (SCANS[1], "bone_metastasis"),
        "tamoxifen_at_first": (SCANS[3], "inhibitor_stopped"),
    }


def test_the_untreated_cohorts_are_those_without_an_inhibitor(made) -> None:
    assert set(followed(made, "postmenopausal_women")) == {"never"}
    assert followed(made, "men") == {}


def test_who_stops_is_followed_until_thirty_days_after_her_stock_ran_out(made, staged) -> None:
    fills = staged["staging.drug_exposure"].filter(person_id=WOMEN["stops"])
    ran_out = fills.select((pl.col("started_on") + pl.duration(days="days_supply")).max()).item()
    row = made["cohort.trial_person"].filter(cohort_code=COHORT, person_id=WOMEN["stops"]).row(0, named=True)
    assert row["end_on"] == ran_out + days(30) < SCANS[2]


def test_pairs_are_scans_under_the_inhibitor_and_means_hold_no_draw_of_before(made) -> None:
    found = frame(made, COHORT)
    # Two pairs of those who go on, one of her whose bone metastasises later; who stops or gets a bone drug has none.
    assert (found.n_cohort, found.n_people, found.person.size) == (6, 3, 5)
    assert np.allclose(np.exp(found.upper_mean), UNDER)
    assert found.is_measured.all()
    # Of her without an inhibitor both are hers, from the first scan on, and she is in no frame of the others.
    untreated = frame(made, "postmenopausal_women")
    assert (untreated.n_cohort, untreated.n_people, untreated.person.size) == (1, 1, 2)
