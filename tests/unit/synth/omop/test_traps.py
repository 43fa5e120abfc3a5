"""What was planted is what stands in the files: every trap counted again by SQL that knows nothing of the planting.

`m` is the messy folder, `c` the clean one of the same people, `l` their lives. Row ids of second rows (duplicates,
corrections) have 100,000 added within the person's million.
"""

import json

import duckdb
import polars as pl
import pytest

from pipelines.synth.omop.mess import traps

LAB = "provider_id between 20000 and 29999"
CENSORED = f"""select a.measurement_id, a.value_as_number v, a.value_source_value t, a.operator_concept_id o,
    c.value_as_number as lim from m.measurement a join c.measurement c using (measurement_id)
    where c.value_source_value like '<%' and a.{LAB}"""
PART = "split_part(measurement_source_value, '|', {})"
BMD = "measurement_source_value like 'DXA|%|BMD|F'"
SIG = "select count(*) from m.drug_exposure where sig is not null and "
FILL = "drug_type_concept_id <> 32838"
BOTH = "from m.drug_exposure a join c.drug_exposure c using (drug_exposure_id)"
INHIBITOR = "ingredient in ('anastrozole', 'letrozole', 'exemestane')"


def on_drug(which: str, rows: str, after: int = 0) -> str:
    return f"""select count(*) from l.draws d where {rows} and exists (select 1 from l.orders o
        where o.person = d.person and {which} and d.day between o.start_day and o.end_day + {after})"""


E2_IMMUNO = "d.analyte = 'estradiol' and d.assay_class = 'immunoassay'"
COUNTED = {
    "unit_other": f"""with r as (select *, {PART.format(2)} as name from m.measurement where {LAB}),
        mode as (select name, provider_id, mode(unit_source_value) as usual from r group by all)
        select count(*) from r join mode using (name, provider_id) join canonical k using (name)
        where unit_source_value = usual and usual <> k.unit""",
    "unit_spelling": f"""with r as (select *, {PART.format(2)} as name from m.measurement where {LAB}),
        mode as (select name, provider_id, mode(unit_source_value) as usual from r group by all)
        select count(*) from r join mode using (name, provider_id) join ucum u on u.spelling = r.unit_source_value
        where unit_source_value = usual and u.spelling <> u.unit""",
    "unit_missing_site": f"""with r as (select *, {PART.format(2)} as name from m.measurement where {LAB})
        select sum(n) from (select count(*) n, count(unit_source_value) u from r group by name, provider_id) where u = 0""",
    "unit_missing_row": f"""with r as (select *, {PART.format(2)} as name from m.measurement where {LAB})
        select sum(n - u) from (select count(*) n, count(unit_source_value) u from r group by name, provider_id) where u > 0""",
    "unit_mislabelled": f"""with r as (select *, {PART.format(2)} as name from m.measurement where {LAB}),
        mode as (select name, provider_id, mode(unit_source_value) as usual from r group by all)
        select count(*) from r join mode using (name, provider_id) where unit_source_value <> usual""",
    "below_limit": f"select count(*) from m.measurement where {LAB} and regexp_matches(value_source_value, '^<[0-9]')",
    "above_limit": "select count(*) from m.measurement where value_source_value like '>%'",
    "below_limit_text_only": "select count(*) from m.measurement where value_source_value like '<%' and "
    "value_source_value <> '<LOQ' and value_as_number is null",
    "not_detected_text": f"select count(*) from m.measurement where {LAB} and value_as_number is null "
    "and not regexp_matches(value_source_value, '[0-9]')",
    "below_limit_as_zero": f"select count(*) from ({CENSORED}) where o is null and v = 0",
    "below_limit_as_half": f"select count(*) from ({CENSORED}) where o is null and v <> 0",
    "fill_value": f"select count(*) from m.measurement where {LAB} and value_as_number in (9999, 999.9, -999, -99.9)",
    "duplicate_exact": f"""select sum(n - 1) from (select count(*) as n from
        (select * exclude (measurement_id) from m.measurement where {LAB}) as r group by r having count(*) > 1)""",
    "preliminary_result": f"select count(*) from m.measurement where {LAB} and {PART.format(4)} = 'P'",
    "corrected_result": f"select count(*) from m.measurement where {LAB} and {PART.format(4)} = 'C'",
    "replicate_result": f"""select count(*) from m.measurement a join m.measurement b
        on b.measurement_id = a.measurement_id + 100000 where a.{LAB}
        and b.measurement_source_value = a.measurement_source_value
        and b.value_source_value <> a.value_source_value""",
    "method_unprinted": f"select count(*) from m.measurement where {LAB} and {PART.format(2)} in "
    f"('Estradiol', 'Testosterone, Total') and {PART.format(3)} = ''",
    "concept_unmapped": f"select count(*) from m.measurement where {LAB} and measurement_source_concept_id = 0",
    "fasting_unprinted": f"select count(*) from m.measurement where {LAB} and {PART.format(5)} = '' and "
    f"{PART.format(2)} in ('C-Telopeptide (CTx)', 'P1NP Intact', 'Glucose')",
    "decimal_comma": f"select count(*) from m.measurement where {LAB} and value_source_value like '%,%'",
    "person_unknown": f"select count(*) from m.measurement where {LAB} and person_id not in (select person_id from m.person) "
    "and measurement_id % 1000000 < 100000",
    "date_future": """select count(*) from m.measurement a join c.measurement c using (measurement_id)
        where date_diff('day', c.measurement_date, a.measurement_date) > 3000""",
    "date_missing": "select count(*) from m.measurement where measurement_date is null",
    "value_impossible": f"""with r as (select a.provider_id, {PART.format(2).replace("meas", "a.meas")} as name,
            a.value_as_number as v, v / c.value_as_number as ratio from m.measurement a
            join c.measurement c using (measurement_id) where a.{LAB} and c.operator_concept_id is null
            and a.value_as_number not in (9999, 999.9, -999, -99.9)),
        usual as (select provider_id, name, median(ratio) as usual from r group by all)
        select count(*) from r join usual using (provider_id, name) where v < 0 or ratio > 500 * usual""",
    "device_unrecorded": "select count(*) from m.measurement where measurement_source_value like 'DXA|%' "
    "and measurement_event_id is null",
    "printed_t_other_reference": """select count(*) from m.measurement where measurement_source_value like 'DXA|%|T|F'
        and measurement_id in (select measurement_id from l.printed_elsewhere)""",
    "vertebrae_excluded": f"""select count(*) from m.measurement where {BMD} and {PART.format(2)} = 'LS'
        and {PART.format(3)} <> 'L1-L4'""",
    "side_missing": f"select count(*) from m.measurement where {BMD} and {PART.format(2)} <> 'LS' and {PART.format(3)} = ''",
    "area_shift": """select count(*) from m.measurement a join c.measurement c using (measurement_id)
        where a.measurement_source_value like 'DXA|%|AREA|F' and a.value_as_number > 1.05 * c.value_as_number""",
    "recent_contrast": "select count(*) from m.procedure_occurrence where procedure_source_value = '74177'",
    "bmd_impossible": f"select count(*) from m.measurement where {BMD} and unit_source_value = 'g/cm2' "
    "and value_as_number not between 0.2 and 3",
    "bmd_other_unit": f"select count(*) from m.measurement where {BMD} and unit_source_value = 'mg/cm2'",
    "compounded_product": "select count(*) from m.drug_exposure where drug_source_concept_id = 0",
    "pellet_product": "select count(*) from m.drug_exposure where drug_source_value ilike '%pellet%'",
    "combined_product": "select count(*) from m.drug_exposure where drug_source_value like '% / %'",
    "sig_missing": "select count(*) from m.drug_exposure where drug_type_concept_id = 32838 and sig is null",
    "sig_as_directed": SIG
    + "regexp_matches(sig, '(?i)^(.*as directed.*|ud|mdu|según .*|usar según.*|nach .*|selon .*)$')",
    "sig_fraction": SIG + "regexp_matches(sig, '(?i)([1-3]/[24]|[¼½¾]|half|medio|demi|halbe|quart|cuarto|viertel)')"
    " or regexp_matches(sig, '(?i)([01][.,](25|5|75) (tab|Tbl|comp|cp|to|a|bis|à)( |[a-z]|$|[.]))')",
    "sig_weekdays": SIG
    + "regexp_matches(sig, '(MWF|Mon|M/Th|Tue|Wed|Sunday|lunes|martes|domingo|Mo und|Mo[,/]|montags|sonntags|lundi|dimanche)')",
    "sig_interval_code": SIG
    + "regexp_matches(sig, '(E3[.]5D|every 3[.]5 days|q3[.]5d|q84h|EOD|q48h|q[.]o[.]d[.]|q7d|E7D|every 168|q14d|E14D)')",
    "sig_with_injection": SIG
    + "regexp_matches(sig, '(shot|with each inj|injection days|after testosterone|day of the inj|inyección)')"
    " or regexp_matches(sig, '(der Injektion|jour de l)')",
    "sig_ambiguous": SIG + "regexp_matches(sig, '(bi-?weekly|2 weekly|bisemanal|2-wöch|bihebdo)')",
    "sig_range": SIG + "regexp_matches(sig, '[0-9](,[0-9]+)?( mg| mL)?( [(][0-9.,]+ mg[)])? (to|a|bis|à) [0-9]')",
    "sig_as_needed": SIG
    + "regexp_matches(sig, '(PRN|as needed|when required|if needed|si es nec|según nec|bei Bedarf|b[.] Bed|si besoin|en cas)')",
    "sig_titration": SIG + "regexp_matches(sig, '4 (weeks, then|semanas, luego|Wochen, dann|semaines, puis)')",
    "sig_stop": SIG + "regexp_matches(sig, '^(STOP|HOLD|Withhold|SUSPENDER|PAUSIEREN|ARRÊT)')",
    "sig_daily_for_weekly": SIG
    + "regexp_matches(sig, '(?i)(twice daily|bid|two times a day|every 12 h|bd$|twice a day|dos veces al día|cada 12)')"
    " or regexp_matches(sig, '(2x täglich|zweimal täglich|(deux|2) fois par jour)')",
    "sig_syringe_units": SIG + "regexp_matches(sig, '[0-9] (units|unidades|Einheiten|unités) ')",
    "sig_other_language": """select count(*) from m.drug_exposure where sig is not null
        and provider_id in (select provider_id from l.foreign_clinics)""",
    "days_supply_wrong": f"select count(*) {BOTH} where a.{FILL} and a.days_supply <> c.days_supply",
    "days_supply_missing": f"select count(*) from m.drug_exposure where {FILL} and days_supply is null",
    "quantity_missing": f"select count(*) from m.drug_exposure where {FILL} and quantity is null",
    "fill_returned": f"select count(*) {BOTH} where c.stop_reason = 'Returned to stock'",
    "return_unmarked": f"select count(*) {BOTH} where c.stop_reason = 'Returned to stock' and a.stop_reason is null",
    "fill_unrecorded": "select count(*) from c.drug_exposure anti join m.drug_exposure using (drug_exposure_id)",
    "drug_person_unknown": "select count(*) from m.drug_exposure where person_id not in (select person_id from m.person)",
    "drug_end_before_start": "select count(*) from m.drug_exposure where drug_exposure_end_date < drug_exposure_start_date",
    "date_shift": """select count(distinct person_id) from m.visit_occurrence a join c.visit_occurrence c
        using (visit_occurrence_id, person_id) where a.visit_start_date <> c.visit_start_date""",
    "period_gap": "select count(*) from (select 1 from m.observation_period group by person_id having count(*) = 2)",
    "death_unrecorded": "select (select count(*) from c.death) - (select count(*) from m.death)",
    "insensitive_assay_in_men": "select count(*) from l.draws join l.people using (person) where analyte = 'estradiol' "
    "and sex = 'male' and assay_limit >= 20",
    "assay_switch": "select count(*) from (select 1 from l.draws where analyte = 'estradiol' group by person "
    "having count(distinct assay_class) > 1)",
    "exemestane_interference": on_drug("ingredient = 'exemestane'", E2_IMMUNO),
    "fulvestrant_interference": on_drug("ingredient = 'fulvestrant'", E2_IMMUNO, 183),
    "biotin_on_board": on_drug(
        "ingredient = 'biotin'", "d.assay_class = 'immunoassay' and d.analyte in ('estradiol', 'testosterone')"
    ),
    "estrogen_contamination": on_drug(
        "ingredient in ('estradiol_oral', 'estradiol_vaginal')", "d.analyte = 'estradiol'"
    ),
    "crp_interference": f"""select count(*) from l.draws d join l.people p using (person) where {E2_IMMUNO}
        and p.sex = 'male' and exists (select 1 from l.draws i where i.person = d.person and i.draw = d.draw
        and i.analyte = 'hs_crp' and i.measured_value > 10)""",
    # Nine tests a tube set in the made-up lives: C-reactive protein is the fifth, estradiol the first.
    "crp_raises_estradiol": f"""with before as (
            select row_number() over (partition by person order by draw, n) + person * 1000000 as id, *
            from (select *, row_number() over () as n from l.draws)),
        crp as (select a.measurement_id, b.person, b.measured_value as truly, a.value_as_number as printed,
            median(a.value_as_number / b.measured_value) over (partition by a.provider_id) as factor
            from m.measurement a join before b on b.id = a.measurement_id
            where b.analyte = 'hs_crp' and a.measurement_id + 100000 not in
            (select measurement_id from m.measurement where {PART.format(4)} = 'C'))
        select count(*) from crp join before as e on e.id = crp.measurement_id - 4 and e.analyte = 'estradiol'
        join l.people p on p.person = e.person
        where p.sex = 'male' and e.assay_class = 'immunoassay' and truly <= 10
        and printed / factor between 14 and 56""",
    "cycle_phase_unknown": """select count(*) from l.draws d join l.people p using (person) where analyte = 'estradiol'
        and menopause = 'premenopausal' and d.day < p.menopause_day and not exists (select 1 from l.observations o
        where o.person = d.person and o.day = d.day and o.observation = 'cycle_day')""",
    "testosterone_at_peak": "select count(*) from l.draws where analyte = 'testosterone' and days_since_injection <= 2",
    "marker_not_fasting": "select count(*) from l.draws where analyte in ('ctx', 'p1np', 'ntx', 'osteocalcin') "
    "and (not is_fasting or minute > 600)",
    "marker_after_fracture": """select count(*) from l.draws d where analyte in ('ctx', 'p1np', 'ntx', 'osteocalcin')
        and exists (select 1 from l.events e where e.person = d.person and e.event like '%_fracture'
        and d.day between e.detected_day and e.detected_day + 365)""",
    "device_change": "select count(*) from (select 1 from l.scans group by person having count(distinct device) > 1)",
    "software_change": """select count(distinct person) from (select person from l.scans group by person, device
        having count(distinct software) > 1)""",
    "side_change": "select count(*) from (select 1 from l.scans where site = 'total_hip' group by person "
    "having count(distinct side) > 1)",
    "spine_artefact": "select count(*) from l.scans where site = 'lumbar_spine' and is_artefact",
    "weight_change": """select count(*) from (select 1 from l.observations where observation = 'weight' group by person
        having max(measured_value) > 1.1 * min(measured_value))""",
    "early_refill": f"""select count(*) from (select c.drug_exposure_start_date d, lag(c.drug_exposure_end_date)
        over (partition by c.person_id, o.order_id order by c.drug_exposure_id) as e
        {BOTH} join c.dose o using (drug_exposure_id) where a.{FILL}) where date_diff('day', d, e + 1) > 7""",
    "order_unfilled": 'select count(*) from l.orders anti join l.fills using (person, "order")',
    "switch_after_tamoxifen": f"""select count(*) from (select min(start_day) filter ({INHIBITOR}) ai,
        min(start_day) filter (ingredient = 'tamoxifen') tam from l.orders where indication = 'breast_cancer'
        group by person) where ai > tam""",
    "prevalent_user": "select count(*) from l.people where is_prevalent_user",
    "inhibitor_for_symptoms": f"""select count(*) from l.orders where ({INHIBITOR} or ingredient = 'tamoxifen')
        and indication in ('high_estradiol', 'gynecomastia', 'fertility_restart')""",
    "age_over_89": "select count(*) from l.people where 2018 - birth_year > 89",
    "disenrolled": "select count(*) from l.people where exit_reason = 'disenrolled'",
}


@pytest.fixture(scope="module")
def database(messy, clean, made_up_lives):
    connection = duckdb.connect()
    connection.execute("create schema m; create schema c; create schema l")
    for schema, folder in (("m", messy), ("c", clean)):
        for path in (folder / "omop").iterdir():
            connection.execute(f"create view {schema}.{path.name} as select * from '{path}/*.parquet'")
        connection.execute(f"create view {schema}.dose as select * from '{folder}/dose/*.parquet'")
    lives = made_up_lives(None, 11, 1, 700)
    for name in ("people", "orders", "fills", "draws", "scans", "events", "observations"):
        frame = getattr(lives, name)
        connection.register("frame", frame.with_columns(pl.col(pl.Enum).cast(pl.String)))
        connection.execute(f"create table l.{name} as select * from frame")
    units = pl.read_csv("pipelines/synth/omop/analyte_unit.csv")
    names = pl.read_csv("pipelines/synth/omop/analyte.csv")
    canonical = (
        units.filter(pl.col("option") == 0).join(names, on="analyte").select(name="printed_name", unit="spellings")
    )
    ucum = units.select("unit", spelling=pl.col("spellings").str.split("|")).explode("spelling").unique()
    connection.register("canonical_frame", canonical)
    connection.register("ucum_frame", ucum)
    connection.execute("create table canonical as from canonical_frame; create table ucum as from ucum_frame")
    # A clinic is foreign when its plain instructions are; a phrase is a code when its plain reading has another word.
    connection.execute("""
        create table l.foreign_clinics as select distinct provider_id from m.drug_exposure
        where regexp_matches(sig, '(día|semana|Tome|Tomar|täglich|Woche|wöchentlich|jeden|jour|semaine|Prendre)');
        create table l.printed_elsewhere as select a.measurement_id from m.measurement a
        join c.measurement c using (measurement_id) join c.device_exposure d on d.device_exposure_id = c.measurement_event_id
        where a.measurement_source_value like 'DXA|%|T|F' and d.unique_device_id in (
            select x.unique_device_id from m.measurement b join c.measurement e using (measurement_id)
            join c.device_exposure x on x.device_exposure_id = e.measurement_event_id
            where b.measurement_source_value like 'DXA|%|T|F' and abs(b.value_as_number - e.value_as_number) > 0.35
            group by 1 having count(*) > 50)
    """)
    return connection


def test_every_trap_is_counted_again():
    assert set(COUNTED) == set(traps())


@pytest.mark.parametrize("code", list(traps()))
def test_planted_is_what_is_found(database, messy, code):
    told = json.loads((messy / "truth.json").read_text())["planted"][code]["n"]
    found = database.sql(COUNTED[code]).fetchall()[0][0]
    assert (found or 0) == told
    assert told > 0, "made-up lives hold no case of it"
