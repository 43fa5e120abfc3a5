"""Contracts of `staging`: harmonised records of persons, one meaning and one unit a column, whatever the source."""

import dataframely as dy

from pipelines.tables.columns import day, drop_id, flag, instant, number, person_id, source_id, text, whole
from pipelines.tables.contract import table

DATE_REASONS = ("recorded", "not_released")


@table("staging.person", grain="one row per person")
class Person(dy.Schema):
    """People with their fixed attributes."""

    person_id = person_id()
    sex_code = text("Sex", allowed=("female", "male"))
    age_years = number("Age at entry into the source; NULL if unknown", "a", optional=True, minimum=0, maximum=120)
    is_age_top_coded = flag("The source released a ceiling instead of the age")
    race_ethnicity_code = text("Race and Hispanic origin as the source groups it", optional=True)
    birth_year = whole("Year of birth; NULL where it would tell an age over 89", "a", optional=True, minimum=1850)
    entered_on = day("First day under observation, else the day the age was stated", optional=True)
    source_file = text("File the row came from")
    source_row = whole("Row number in that file", minimum=1)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.observation_period", grain="one row per person and span")
class ObservationPeriod(dy.Schema):
    """Spans during which events of a person would have been seen. Surveys give lengths without dates."""

    person_id = person_id()
    span_number = whole("Order of the span", key=True, minimum=1)
    basis_code = text("What opens the span", allowed=("examination", "interview", "enrolment"))
    starts_on = day("First day", optional=True)
    ends_on = day("Last day", optional=True)
    length_days = number("Length", "d", minimum=0)
    date_reason = text("Whether dates were recorded or not released", allowed=DATE_REASONS)
    source_file = text("File the row came from")
    source_row = whole("Row number in that file", minimum=1)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.death", grain="one row per deceased person")
class Death(dy.Schema):
    """Deaths, with the leading cause where it was released."""

    person_id = person_id()
    died_on = day("Date of death", optional=True)
    days_from_examination = number("Days from examination to death", "d", optional=True, minimum=0)
    days_from_interview = number("Days from interview to death", "d", optional=True, minimum=0)
    cause_code = text("Underlying cause: NCHS recode in a survey, else code of ICD-10-CM or SNOMED", optional=True)
    date_reason = text("Whether dates were recorded or not released", allowed=DATE_REASONS)
    source_file = text("File the row came from")
    source_row = whole("Row number in that file", minimum=1)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.survey_design", grain="one row per person and survey cycle")
class SurveyDesign(dy.Schema):
    """Sampling design of public surveys: weights, variance strata and primary sampling units."""

    person_id = person_id()
    cycle_label = text("Survey cycle in years", key=True)
    cycle_code = text("Survey cycle letter")
    cycle_years = number("Years of data collection the cycle stands for", "a", minimum=0)
    is_examined = flag("Came to the examination centre")
    stratum_code = whole("Masked variance stratum", minimum=1)
    psu_code = whole("Masked primary sampling unit within the stratum", minimum=1)
    interview_weight = number("Interview weight of the cycle", "{persons}", minimum=0)
    examination_weight = number("Examination weight of the cycle; 0 if not examined", "{persons}", minimum=0)
    examination_weight_1999_2002 = number(
        "Four-year examination weight, for analyses that hold 1999-2000 and 2001-2002 together",
        "{persons}",
        optional=True,
        minimum=0,
    )
    fasting_weight = number("Fasting subsample weight of the cycle", "{persons}", optional=True, minimum=0)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.assay_limit", grain="one row per cycle, source table and analyte", unit="population")
class AssayLimit(dy.Schema):
    """Lower limit of detection found in the data: the fill value times the square root of two, or the negative flag."""

    cycle_code = text("Survey cycle letter", key=True)
    family = text("Source table family", key=True)
    analyte_code = text("Analyte", key=True)
    lloq = number("Lower limit, in the canonical unit of the analyte", minimum=0)
    fill_values = whole("Distinct fill values below the limit; more than one is suspect", minimum=1)
    n_censored = whole("Results below the limit", minimum=1)


@table("staging.lab_result", grain="one row per person, specimen and analyte")
class LabResult(dy.Schema):
    """Laboratory results in canonical units; below the limit the limit is kept, never a substitute value."""

    person_id = person_id()
    specimen_id = text("Specimen of the person", key=True)
    analyte_code = text("Analyte", key=True)
    value = number("Result, or the limit where the operator is < or >", optional=True)
    unit_code = text("Canonical UCUM unit of value and lloq")
    operator = text("How value bounds the truth", allowed=("=", "<", ">"))
    is_censored = flag("The truth is only known to lie beyond value")
    lloq = number("Lower limit of quantification, where known", optional=True, minimum=0)
    assay_class = text("Assay class", allowed=("lc_ms_ms", "lc_ms_ms_equivalent", "immunoassay", "unknown"))
    assay_basis = text(
        "What the assay class rests on", allowed=("method_text", "loinc", "lab", "survey_documentation", "none")
    )
    lab_id = text("Laboratory", optional=True)
    drawn_on = day("Day of the draw", optional=True)
    drawn_at = instant("Moment of the draw, local wall time; NULL where only the day is known", optional=True)
    visit_occurrence_id = whole(
        "Visit the result was recorded under, as in `staging.visit`; of averaged results that of the first row. NULL where the "
        "source names none: surveys have no visits, and results of flat files do not say theirs",
        optional=True,
    )
    date_reason = text("Whether the date was recorded or not released", allowed=DATE_REASONS)
    status_code = text("Status of the result", allowed=("final", "corrected", "preliminary", "unknown"))
    is_fasting = flag("The person had fasted; NULL if not recorded", optional=True)
    is_morning = flag("Drawn from 5 to before 11 o'clock; NULL without a time", optional=True)
    source_value = number("Number as delivered, in the delivered unit", optional=True)
    source_text = text("Result as the source wrote it, where it was text", optional=True)
    source_unit = text("Unit as the source wrote it", optional=True)
    unit_basis = text(
        "What the unit rests on; NULL for a result in words",
        optional=True,
        allowed=("given", "implied_by_code", "inferred_from_lab", "survey_documentation"),
    )
    source_variable = text("Variable or code it came from")
    n_replicates = whole("Results of the specimen that were averaged", minimum=1)
    missing_reason = text(
        "Why value is NULL", optional=True, allowed=("limit_not_stated", "steroidal_drug_interference")
    )
    result_flags = text(
        "What to heed, comma-separated: limit_written_as_zero, limit_written_as_half, limit_written_over_root_two, "
        "below_stated_limit, implausible, unit_suspect, unit_not_of_lab, steroidal_drug, biotin, crp_high",
        optional=True,
    )
    source_file = text("File the row came from")
    source_row = whole("Row number in that file", minimum=1)
    source_id = source_id()
    drop_id = drop_id()


@table("staging.lab_convention", grain="one row per source, laboratory and analyte", unit="population")
class LabConvention(dy.Schema):
    """What laboratories do by habit: the unit and the class of assay that nearly all of their rows which say so give."""

    source_id = text("Source system", key=True)
    lab_key = text("Laboratory; empty for rows without one", key=True)
    analyte_code = text("Analyte", key=True)
    unit_code = text("Unit of at least 95 % of at least 30 rows with a unit; NULL where there is none", optional=True)
    assay_class = text(
        "Assay class of at least 95 % of at least 30 rows with a method",
        optional=True,
        allowed=("lc_ms_ms", "immunoassay"),
    )


@table("staging.lab_convention_count", grain="one row per source, laboratory and analyte", unit="population")
class LabConventionCount(dy.Schema):
    """How often laboratories give their commonest unit and class of assay; `staging.lab_convention` is decided from it."""

    source_id = text("Source system", key=True)
    lab_key = text("Laboratory; empty for rows without one", key=True)
    analyte_code = text("Analyte", key=True)
    unit_code = text("Commonest unit", optional=True)
    n_with_unit = whole("Rows with a readable unit of the analyte", minimum=0)
    unit_share = number("Share of the commonest unit", "1", optional=True, minimum=0, maximum=1)
    assay_class = text("Commonest assay class", optional=True, allowed=("lc_ms_ms", "immunoassay"))
    n_with_method = whole("Rows whose method names its class", minimum=0)
    method_share = number("Share of the commonest class", "1", optional=True, minimum=0, maximum=1)


@table("staging.lab_limit", grain="one row per source, laboratory, analyte and class of assay", unit="population")
class LabLimit(dy.Schema):
    """The lower limit a laboratory states by habit, or has always stated alike, in the canonical unit."""

    source_id = text("Source system", key=True)
    lab_key = text("Laboratory; empty for rows without one", key=True)
    analyte_code = text("Analyte", key=True)
    assay_class = text("Assay class", key=True)
    lloq = number("The limit, in the canonical unit", minimum=0)
    basis_code = text(
        "habit: at least 30 statements, 95 % alike; unanimous: at least 5, all alike, used for fill values only",
        allowed=("habit", "unanimous"),
    )


@table("staging.lab_limit_count", grain="one row per source, laboratory, analyte and class of assay", unit="population")
class LabLimitCount(dy.Schema):
    """How often laboratories state their commonest lower limit; `staging.lab_limit` is decided from it."""

    source_id = text("Source system", key=True)
    lab_key = text("Laboratory; empty for rows without one", key=True)
    analyte_code = text("Analyte", key=True)
    assay_class = text("Assay class", key=True)
    lloq = number("Commonest limit, in the canonical unit", minimum=0)
    n_stated = whole("Statements of a limit", minimum=1)
    limit_share = number("Share of statements within 1 % of it", "1", minimum=0, maximum=1)


@table("staging.latest_day", grain="one row per source", unit="population")
class LatestDay(dy.Schema):
    """Until when records of a source can be dated."""

    source_id = text("Source system", key=True)
    latest_on = day("Last day of the month in which the source was last examined")


@table("staging.observation", grain="one row per person, observation, source row, record and reading")
class Observation(dy.Schema):
    """What is neither laboratory, scan, drug nor diagnosis: body measures, scores, smoking, reproductive history, genotypes."""

    person_id = person_id()
    observation_code = text("What was observed", key=True)
    source_file = text("File the row came from", key=True)
    source_row = whole("Row number in that file", key=True, minimum=1)
    record_number = whole("Which of the records of that row, from 1", key=True, minimum=1)
    reading_number = whole("Order among the readings of one row", key=True, minimum=1)
    value = number("Number or answer code")
    unit_code = text("UCUM unit; NULL for an answer code", optional=True)
    observed_on = day("Day of the observation", optional=True)
    date_reason = text("Whether the date was recorded or not released", allowed=DATE_REASONS)
    source_variable = text("Variable or code it came from")
    source_id = source_id()
    drop_id = drop_id()


@table("staging.source_row", grain="one row per source row of a table that staging reads, and record")
class SourceRow(dy.Schema):
    """What must become of each source row, by a rule of its own, so that conservation can fail."""

    person_id = person_id(key=False)
    source_file = text("File", key=True)
    source_row = whole("Row number in that file", key=True, minimum=1)
    record_number = whole("Order among the records of the row; the first counts for the row", key=True, minimum=1)
    family = text("Source table family")
    disposition = text("What must become of it", allowed=("staged", "duplicate", "quarantined", "out_of_scope"))
    reason = text("Why it is not staged", optional=True)
    is_found = flag("A staging table holds a row of it")
    source_id = source_id()
    drop_id = drop_id()


@table("staging.quarantine", grain="one row per rejected source row", unit="population")
class Quarantine(dy.Schema):
    """Source rows set aside, with file, row and reason; never the value of an identifier."""

    person_id = whole("Person, where the row could be given to one", optional=True)
    source_file = text("File", key=True)
    source_row = whole("Row number in that file", key=True, minimum=1)
    rule_code = text("Rule that rejected it", key=True)
    reason = text("Why, in plain words")
    source_id = source_id()
    drop_id = drop_id()


@table("staging.conservation", grain="one row per source file", unit="population")
class Conservation(dy.Schema):
    """Nothing is lost: rows in equal rows staged, duplicate, quarantined and out of scope."""

    source_file = text("File", key=True)
    table_name = text("Raw table")
    cycle_label = text("Survey cycle in years", optional=True)
    rows_in = whole("Rows in the file", minimum=0)
    rows_staged = whole("Rows found in at least one staging table", minimum=0)
    rows_duplicate = whole("Rows that repeat another", minimum=0)
    rows_quarantined = whole("Rows set aside with a reason", minimum=0)
    rows_out_of_scope = whole("Rows that hold nothing this pipeline reads", minimum=0)
    is_balanced = flag("The four add up to rows in")
    source_id = source_id()
    drop_id = drop_id()
