"""The whole pipeline on the public files: known counts, published prevalences, and controls that must come out.

Looker AC, Melton LJ, Harris TB, Borrud LG, Shepherd JA. Prevalence and trends in low femur bone density among older US
adults: NHANES 2005-2006 compared with NHANES III. J Bone Miner Res 2010;25:64-71 (femoral neck, 50 and over).
"""

import runpy
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings, sql_root
from pipelines.tables import CONTRACTS
from pipelines.warehouse.publish import MACROS, WAREHOUSE_MACROS
from pipelines.warehouse.store import Store

MART = sorted(step.table for step in plan.steps() if step.table.startswith("mart."))
INHIBITORS = ("anastrozole", "letrozole", "exemestane", "aromatase")
Ask = Callable[[str], list[tuple]]


@pytest.fixture(scope="session")
def store(nhanes: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home with every table of the public files, unpublished."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), source="nhanes", folder=str(nhanes), threads=1)
    with Run(settings) as run:
        run.land()
        for step in plan.steps():
            run.step(step)
    return Store(settings)


@pytest.fixture(scope="session")
def ask(store: Store) -> Ask:
    """Rows of a query over the working record."""
    connection = duckdb.connect()
    for name in CONTRACTS:
        if store.files(name):
            store.create_view(connection, name)
    return lambda query: connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("cycle", "measurement", "sex", "n"),
    [
        ("2013-2014", "respondents", "all", 10_175),
        ("2013-2014", "estradiol", "all", 7_269),
        ("2013-2014", "estradiol and femur BMD", "all", 2_892),
        ("2013-2014", "estradiol and femur BMD", "male", 1_443),
        ("2005-2006", "femur BMD", "all", 6_076),
        ("2009-2010", "femur BMD", "all", 6_963),
        ("2013-2014", "femur BMD", "all", 3_127),
        ("1999-2000", "estradiol", "male", 452),
        ("1999-2000", "estradiol", "female", 0),
    ],
)
def test_people_with_a_measurement(ask, cycle, measurement, sex, n):
    query = "select n from {} where (cycle_label, measurement, sex_code) = ('{}', '{}', '{}')"
    assert ask(query.format("cohort.measurement_count", cycle, measurement, sex)) == [(n,)]
    assert ask(query.format("mart.measurement_count", cycle, measurement, sex)) == [(n,)]


@pytest.mark.parametrize(
    ("sex", "band", "published"),
    [
        ("female", "osteoporosis", 10),
        ("female", "osteopenia", 49),
        ("male", "osteoporosis", 2),
        ("male", "osteopenia", 30),
    ],
)
def test_prevalence_of_2005_2006_is_looker_2010(ask, sex, band, published):
    """White women 20-29 of NHANES III as reference for both sexes, as there; published to whole percent."""
    found = ask(f"""
        select prevalence_pct, gate_status from mart.bone_prevalence
        where (cycle_label, site_code, reference_code) = ('2005-2006', 'femoral_neck', 'white_female')
            and (sex_code, band) = ('{sex}', '{band}')
    """)
    ((prevalence_pct, gate),) = found
    assert gate == "open"
    assert prevalence_pct == pytest.approx(published, abs=1.0)


def test_every_file_is_in_balance(ask):
    assert ask("select source_file from staging.conservation where not is_balanced") == []
    ((files, rows, accounted),) = ask("""
        select count(*), sum(rows_in)::bigint,
            sum(rows_staged + rows_duplicate + rows_quarantined + rows_out_of_scope)::bigint
        from staging.conservation
    """)
    assert files > 100
    assert rows == accounted > 500_000


def test_every_landed_file_has_an_account(ask):
    landed = ask("select source_file from raw.manifest where status_code in ('landed', 'duplicate') order by all")
    assert landed == ask("select source_file from staging.conservation order by all")


def test_weights_of_each_cycle_are_the_civilian_population(ask):
    """About 270 million in 1999-2000 and 310 million in 2013-2014; interview and examination weights alike."""
    sums = ask("""
        select cycle_label, sum(interview_weight) / 1e6, sum(examination_weight) / 1e6
        from staging.survey_design group by all order by all
    """)
    assert len(sums) >= 7
    assert all(260 < total < 320 for _, *totals in sums for total in totals)


def test_imputed_whole_body_values_are_five_draws_and_never_mixed_with_measured_ones(ask):
    kinds = dict(
        ask("""
        with values as (
            select list_sort(list(imputation_number)) as numbers from staging.dxa_scan
            where site_code like 'whole_body%' and scan_id like '%.whole_body' group by person_id, scan_id, site_code
        )
        select numbers::varchar, count(*) from values group by all
    """)
    )
    assert set(kinds) == {"[0]", "[1, 2, 3, 4, 5]"}
    assert all(n > 1_000 for n in kinds.values())
    assert ask("select count(*) from staging.dxa_scan where imputation_number > 0 and not is_valid") == [(0,)]


def test_limit_of_the_estradiol_assay(ask):
    found = ask(
        "select lloq, fill_values from staging.assay_limit where (cycle_code, analyte_code) = ('H', 'estradiol')"
    )
    assert found == [(2.994, 1)]
    values = ask("""
        select distinct value, operator, source_value from staging.lab_result
        where analyte_code = 'estradiol' and is_censored and specimen_id = 'H.tst'
    """)
    assert values == [(2.994, "<", 2.117)]


def test_aromatase_inhibitors_lower_estradiol_below_the_limit(ask):
    """Positive control: of ten women on an inhibitor with estradiol in 2013-2014 eight are below the limit."""
    ((women, below),) = ask("""
        select count(*), count_if(e2.n_uncensored = 0)
        from features.e2_exposure as e2
        join staging.person as person using (person_id)
        join staging.survey_design as design using (person_id)
        where person.sex_code = 'female' and design.cycle_label = '2013-2014'
            and exists (select 1 from features.ai_exposure as ai where ai.person_id = person.person_id)
    """)
    assert (women, below) == (10, 8)
    ((others,),) = ask("""
        select avg((e2.n_uncensored = 0)::integer) from features.e2_exposure as e2
        join staging.person as person using (person_id) join staging.survey_design as design using (person_id)
        where person.sex_code = 'female' and design.cycle_label = '2013-2014' and person.age_years >= 40
            and not exists (select 1 from features.ai_exposure as ai where ai.person_id = person.person_id)
    """)
    assert others < 0.35


def test_the_control_straight_from_the_files_says_the_same(nhanes):
    """The same cell without any step of the pipeline."""
    drugs = pl.read_parquet(nhanes / "2013-2014" / "RXQ_RX_H.parquet")
    names = pl.col("RXDDRUG").str.to_lowercase()
    users = drugs.filter(pl.any_horizontal(names.str.contains(name, literal=True) for name in INHIBITORS[:3]))
    women = pl.read_parquet(nhanes / "2013-2014" / "DEMO_H.parquet").filter(pl.col("RIAGENDR") == 2)
    e2 = pl.read_parquet(nhanes / "2013-2014" / "TST_H.parquet").filter(pl.col("LBXEST").is_not_null())
    measured = e2.join(users, on="SEQN", how="semi").join(women, on="SEQN", how="semi")
    assert (measured.height, int((measured["LBDESTLC"] == 1).sum())) == (10, 8)


@pytest.mark.parametrize("table", MART)
def test_nothing_about_users_of_an_inhibitor_leaves(store, table):
    """That cell holds ten people: no row may be about them. A label may name the drugs its rule excludes, and a claim the drug
    it is about: then it tells no number here."""
    rows = store.scan(table).collect()
    text = rows.select(pl.col(pl.String)).drop("label", strict=False)
    if table == "mart.claim":
        lowered = [pl.col(name).str.to_lowercase() for name in text.columns]
        named = pl.any_horizontal(said.str.contains(drug, literal=True) for said in lowered for drug in INHIBITORS)
        told = rows.filter(named.fill_null(False))
        assert told.height > 20
        assert told.select("estimate", "ci_low", "ci_high", "p_value").null_count().row(0) == (told.height,) * 4
        text = rows.filter(~named.fill_null(False)).select(text.columns)
        assert text.height > 0
    for column in text.get_columns():
        said = column.str.to_lowercase()
        assert not any(said.str.contains(name, literal=True).any() for name in INHIBITORS), (table, column.name)
    assert not any("person_id" in column for column in rows.columns)


@pytest.mark.parametrize("table", MART)
def test_no_small_count_leaves(store, table):
    counts = [c.name for c in CONTRACTS[table].columns if c.duckdb_type == "BIGINT" and c.unit == "{persons}"]
    rows = store.scan(table).select(counts).collect()
    assert not any(rows[name].is_between(1, 10).any() for name in counts)
    # The survey has no prescription instructions, so no coverage of them either, and no arms to be alike or to have
    # controls; claims count nobody, and the first publication has moved from none.
    silent = {
        "mart.dose_response", "mart.missing_piece", "mart.diagnostic", "mart.source_file", "mart.sig_coverage",
        "mart.covariate_balance", "mart.change_point", "mart.threshold", "mart.claim", "mart.negative_control",
        "mart.evidence_drift", "mart.propensity_score", "mart.study", "mart.cumulative_incidence", "mart.bmd_trajectory",
    }  # fmt: skip
    if table not in silent:
        assert any(rows[name].is_not_null().any() for name in counts)


def test_who_did_not_answer_cannot_be_counted_from_the_levels(ask):
    """People of an arm minus the levels shown is nobody, or enough people."""
    gaps = ask("""
        select people.n - sum(levels.n)::bigint as gap from mart.table_one as levels
        join mart.table_one as people using (study_id, arm_code)
        where people.characteristic = 'People' and levels.level not in ('all', 'mean')
        group by study_id, arm_code, levels.characteristic, people.n
    """)
    assert len(gaps) >= 6
    assert not [gap for (gap,) in gaps if gap is not None and 0 < gap < 11]


def test_precision_of_the_whole_body_scans_of_2001_2002(ask):
    """People scanned twice: a single scan varies by 1.0 %, so two differ with a standard deviation of 1.4 %."""
    ((pairs, cv_pct, basis),) = ask("""
        select n_pairs, cv_pct, basis_code from staging.dxa_precision where site_code = 'whole_body' and n_pairs > 0
    """)
    assert (pairs, basis) == (385, "device")
    assert cv_pct == pytest.approx(1.01, abs=0.005)
    ((apart,),) = ask("""
        with scan as (
            select person_id, replace(scan_id, '_repeat', '') as occasion, scan_id, bmd_g_cm2 from staging.dxa_scan
            where site_code = 'whole_body' and is_valid and imputation_number = 0
        )
        select 100 * sqrt(avg(ln(first / second) ** 2)) from (
            select min_by(bmd_g_cm2, scan_id) as first, max_by(bmd_g_cm2, scan_id) as second
            from scan group by person_id, occasion having count(*) = 2
        )
    """)
    assert apart == pytest.approx(1.43, abs=0.01)
    assert apart == pytest.approx(cv_pct * 2**0.5, rel=0.01)


def test_estimates_are_marked_as_survey_evidence_and_closed_gates_are_empty(ask):
    assert ask("select distinct evidence_source from mart.effect_estimate") == [("public_survey",)]
    closed = "select count(*) from {} where gate_status = 'closed' and ({} is not null or {} is not null)"
    assert ask(closed.format("mart.effect_estimate", "estimate", "p_value")) == [(0,)]
    assert ask(closed.format("mart.bone_prevalence", "prevalence_pct", "ci_low_pct")) == [(0,)]


@pytest.fixture(scope="session")
def guided(store: Store) -> Callable[[int], pl.DataFrame]:
    """Answers of the worked queries of the analyst guide, by number, as they stand there."""
    guide = runpy.run_path(str(Path(__file__).parents[1] / "functional" / "analyst_guide.py"))
    statements = guide["statements"](guide["SURVEY"])
    connection = duckdb.connect()
    for name in CONTRACTS:
        store.create_view(connection, name)
    for name in (MACROS, WAREHOUSE_MACROS):
        connection.execute((sql_root() / name).read_text())
    return lambda number: connection.sql(statements[number]).pl()


def test_the_figures_of_the_analyst_guide(guided):
    """What the guide says an answer is, it is."""
    estimates = guided(1).filter(population="postmenopausal_women", outcome="lumbar_spine_bmd_g_cm2")
    assert estimates.select("estimate", "ci_low", "ci_high").row(0) == pytest.approx((0.023, 0.012, 0.034), abs=5e-4)
    assert estimates["n_target"].to_list() == [503]
    men = guided(4).filter(sex_code="male").sort("reference_code")
    assert men["prevalence_pct"].to_list() == pytest.approx([2.3, 3.8], abs=0.05)
    assert guided(5).filter(pl.col("n") > 0).rows() == [("2013-2014", 2_892)]
    assert dict(guided(6).select("sex_code", "mean_g_cm2").iter_rows()) == pytest.approx(
        {"female": 0.711, "male": 0.797}, abs=5e-4
    )
    women = guided(7).filter(sex_code="female")
    assert women["people_in_millions"].to_list() == pytest.approx([40.1], abs=0.05)
    assert guided(10)["is_balanced"].all()
