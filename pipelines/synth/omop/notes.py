"""What is asked, told or known about a person: observation rows, and the death rows.

Scores come from questionnaires; smoking, menopausal state, family history, genotype and tumour come once, at the first
visit. Anything measured on the body is in `charts`.
"""

import polars as pl

from pipelines.synth.mechanism.codes import OBSERVATION_UNITS
from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.charts import ABOUT_THE_PERSON
from pipelines.synth.omop.concepts import concept_id, conditions, standard_id
from pipelines.synth.omop.laboratory_traps import plain_text
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import ROWS_OF_A_PERSON, Contacts, date, row_ids

_SCORES = (
    *("phq9", "facit_fatigue", "brief_pain", "moca", "iief", "libido", "insomnia_severity", "sf36_vitality"),
    *("alcohol", "cycle_day"),
)
_GENOTYPES = ("rs700518", "rs4646", "rs10046")
_REPEATS = ("ttta_shorter", "ttta_longer")
_DAYS_IN_YEAR = 365.25
_AMENORRHEA = 365
_BIRTHDAY = 15
_EPOCH_YEAR = 2008
_LAYOUT = (
    *("observation_id", "person_id", "observation_concept_id", "observation_date", "observation_type_concept_id"),
    *("value_as_number", "value_as_string", "value_as_concept_id", "visit_occurrence_id", "observation_source_value"),
    *("observation_source_concept_id", "unit_source_value", "value_source_value"),
)


def observations(lives: Lives, contacts: Contacts) -> pl.DataFrame:
    """observation rows. `observation_source_value` is the name of the item, such as phq9 or smoking."""
    return pl.concat([_scores(lives, contacts), _about(lives, contacts)], how="vertical_relaxed")


def _scores(lives: Lives, contacts: Contacts) -> pl.DataFrame:
    rows = lives.observations.filter(pl.col("observation").cast(pl.String).is_in(_SCORES))
    rows = contacts.joined(rows.with_columns(observation_id=row_ids(rows["person"], 0)))
    name, number = pl.col("observation").cast(pl.String), pl.col("measured_value").cast(pl.Float64).round(0)
    ids = {score: concept_id(f"observation.{score}") for score in _SCORES}
    return rows.with_columns(
        person_id="person",
        observation_concept_id=pl.lit(0, dtype=pl.Int64),
        observation_date=date("day"),
        observation_type_concept_id=pl.lit(standard_id("type.self_report")),
        value_as_number=number,
        value_as_string=pl.lit(None, dtype=pl.String),
        value_as_concept_id=pl.lit(None, dtype=pl.Int64),
        observation_source_value=name,
        observation_source_concept_id=name.replace_strict(ids, return_dtype=pl.Int64),
        unit_source_value=name.replace_strict({score: OBSERVATION_UNITS[score] for score in _SCORES}),
        value_source_value=plain_text(number),
    ).select(_LAYOUT)


def _about(lives: Lives, contacts: Contacts) -> pl.DataFrame:
    people = lives.people.with_columns(day=pl.col("entry_day"))
    nothing = pl.lit(None, dtype=pl.Float64)
    smoking = pl.col("smoking").cast(pl.String)
    smoker = {name: standard_id(f"smoker.{name}") for name in ("never", "former", "current")}
    state = (
        pl.when(pl.col("menopause") == "premenopausal")
        .then(pl.lit("premenopausal"))
        .otherwise(pl.col("menopause").cast(pl.String))
    )
    age = (pl.col("menopause_day") + _BIRTHDAY) / _DAYS_IN_YEAR + _EPOCH_YEAR - pl.col("birth_year")
    is_woman, is_past = pl.col("sex") == "female", pl.col("menopause_day") <= pl.col("day")
    later = people.with_columns(day=pl.col("menopause_day") + _AMENORRHEA)
    is_later = is_woman & (pl.col("menopause_day") > pl.col("entry_day")) & (pl.col("day") <= pl.col("exit_day"))
    no_text = pl.lit(None, dtype=pl.String)
    items = [
        _item(people, 1, "smoking", nothing, smoking, smoking.replace_strict(smoker, return_dtype=pl.Int64)),
        _item(people.filter(is_woman), 2, "menopause", nothing, state),
        _item(people.filter(is_woman & is_past), 3, "last_period", age.floor().cast(pl.Float64), no_text),
        _item(people.filter("has_family_osteoporosis"), 4, "family_osteoporosis", nothing, pl.lit("parent")),
        _item(later.filter(is_later), 8, "menopause", nothing, pl.lit("postmenopausal")),
        _item(people.filter(pl.col("cancer_stage").is_not_null()), 9, "cancer_stage", pl.col("cancer_stage"), no_text),
        _item(
            people.filter(pl.col("is_er_positive").is_not_null()),
            10,
            "er_status",
            nothing,
            pl.when("is_er_positive").then(pl.lit("positive")).otherwise(pl.lit("negative")),
        ),
    ]
    typed = people.filter("is_genotyped")
    items += [_item(typed, 5 + place, name, pl.col(name), no_text) for place, name in enumerate(_GENOTYPES)]
    items += [_item(typed, 11 + place, name, pl.col(name), no_text) for place, name in enumerate(_REPEATS)]
    return contacts.joined(pl.concat(items)).select(_LAYOUT)


def _item(
    people: pl.DataFrame, place: int, name: str, number: pl.Expr, text: pl.Expr, answer: pl.Expr | None = None
) -> pl.DataFrame:
    """One observation a person; `place` is its number in the person's range of row ids."""
    value = number.cast(pl.Float64)
    return people.select(
        "person",
        "day",
        observation_id=pl.col("person") * ROWS_OF_A_PERSON + ABOUT_THE_PERSON + place,
        person_id=pl.col("person"),
        observation_concept_id=pl.lit(standard_id(f"observation.{name}"), dtype=pl.Int64),
        observation_date=date("day"),
        observation_type_concept_id=pl.lit(standard_id("type.ehr")),
        value_as_number=value,
        value_as_string=text,
        value_as_concept_id=answer if answer is not None else pl.lit(None, dtype=pl.Int64),
        observation_source_value=pl.lit(name),
        observation_source_concept_id=pl.lit(concept_id(f"observation.{name}"), dtype=pl.Int64),
        unit_source_value=pl.lit(None, dtype=pl.String),
        value_source_value=pl.coalesce(text, plain_text(value)),
    )


def deaths(lives: Lives, mess: Mess) -> pl.DataFrame:
    """death rows."""
    dead = lives.people.filter(pl.col("death_day").is_not_null()).with_columns(
        event=pl.concat_str(pl.lit("death_"), pl.col("death_cause").cast(pl.String).fill_null("other"))
    )
    absent = pl.Series(mess.happens(dead["person"].to_numpy(), "death_unrecorded"), dtype=pl.Boolean)
    gone = dead.filter(absent)["person"]
    mess.plant("death_unrecorded", gone, gone)
    return (
        dead.filter(~absent)
        .join(conditions(), on="event", how="left", maintain_order="left")
        .select(
            person_id="person",
            death_date=date("death_day"),
            death_type_concept_id=pl.lit(standard_id("type.death_certificate")),
            cause_concept_id="concept_id",
            cause_source_value="source_value",
            cause_source_concept_id="source_concept_id",
        )
    )
