"""What misleads in laboratory results: the spoiled rows, the second rows, and the traps that lives bring by themselves.

A row carries at most one trap that spoils it, so that every count is exact; habits of the laboratory come on top.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.concepts import standard_id
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import COPY, is_during

_ROW = (
    "unit_missing_row",
    "fill_value",
    "value_impossible",
    "date_future",
    "date_missing",
    "person_unknown",
    "duplicate_exact",
    "preliminary_result",
    "corrected_result",
    "replicate_result",
)
_CENSORED = ("below_limit_text_only", "not_detected_text", "below_limit_as_zero", "below_limit_as_half")
_COPIES = ("duplicate_exact", "preliminary_result", "corrected_result", "replicate_result")
_NOT_DETECTED = ("ND", "None Detected", "Undetectable", "<LOQ")
_SENTINELS = (9999.0, 999.9, -999.0, -99.9)
_MISLABELLED = {"estradiol": ("pg/mL", "pmol/L"), "testosterone": ("ng/dL", "nmol/L")}
MARKERS = ("ctx", "p1np", "ntx", "osteocalcin")
UNKNOWN_PERSON = 9_000_000_000
"""Added to the person id of a row whose person is nobody."""
_CRP_HIGH = 10.0
"""mg/L: above, an immunoassay of estradiol in men is not trusted."""
_RAISED = (8.0, 15.0)
_ADDED = 50_000
_MORNING_ENDS = 10 * 60


def with_inflammation(draws: pl.DataFrame, lives: Lives, mess: Mess) -> pl.DataFrame:
    """Some men are inflamed when blood is drawn: C-reactive protein is high, and immunoassays read estradiol too high.

    Args:
        draws: as in `Lives`, with row_id and person_id.

    Returns:
        The draws with the changed values, rows of C-reactive protein where the tube set had none, and is_inflamed.
    """
    is_crp = pl.col("analyte") == "hs_crp"
    men = lives.people.filter(pl.col("sex") == "male").select("person")
    naturally = draws.filter(is_crp & (pl.col("measured_value") > _CRP_HIGH)).select("person", "draw").unique()
    open_rows = (
        draws.filter((pl.col("analyte") == "estradiol") & (pl.col("assay_class") == "immunoassay"))
        .join(men, on="person", how="semi", maintain_order="left")
        .join(naturally, on=["person", "draw"], how="anti", maintain_order="left")
    )
    hit = open_rows.filter(pl.Series(mess.happens(open_rows["row_id"].to_numpy(), "crp_raises_estradiol")))
    mess.plant("crp_raises_estradiol", hit["row_id"], hit["person_id"], hit["measured_value"])
    keys = hit["row_id"].to_numpy()
    hit = hit.with_columns(
        raised=pl.Series(_RAISED[0] + _RAISED[1] * mess.uniforms(keys, "estradiol raised")).cast(pl.Float32),
        crp=pl.Series(_CRP_HIGH + 5 + 40 * mess.uniforms(keys, "inflammation")).cast(pl.Float32),
    )
    tubes = draws.join(
        hit.select("person", "draw", "raised", "crp"), on=["person", "draw"], how="left", maintain_order="left"
    )
    is_hit = pl.col("raised").is_not_null()
    is_raised = is_hit & (pl.col("analyte") == "estradiol") & (pl.col("assay_class") == "immunoassay")
    changed = tubes.with_columns(
        measured_value=pl.when(is_raised)
        .then(pl.col("measured_value") + pl.col("raised"))
        .when(is_hit & is_crp)
        .then("crp")
        .otherwise("measured_value"),
        is_inflamed=is_raised | (is_hit & is_crp),
    ).drop("raised", "crp")
    without = hit.join(draws.filter(is_crp), on=["person", "draw"], how="anti", maintain_order="left")
    added = without.with_columns(
        row_id=pl.col("row_id") + _ADDED,
        analyte=pl.lit("hs_crp").cast(draws.schema["analyte"]),
        assay_class=pl.lit("routine").cast(draws.schema["assay_class"]),
        assay_limit=pl.lit(None, dtype=pl.Float32),
        measured_value="crp",
        is_inflamed=pl.lit(True),
    )
    return pl.concat([changed, added.select(changed.columns)])


def spoil(frame: pl.DataFrame, mess: Mess) -> pl.DataFrame:
    """The frame with what is to be printed: number, text, operator_concept_id, unit_text; and the trap of each row."""
    keys = frame["row_id"].to_numpy()
    censored = frame["is_below"].to_numpy()
    spared = censored | frame["is_inflamed"].to_numpy()
    row = np.where(spared, -1, mess.one_of(keys, "laboratory row", _ROW))
    row = np.where((row == 0) & ~frame["prints_unit"].to_numpy(), -1, row)
    of_censored = np.where(censored, mess.one_of(keys, "laboratory limit", _CENSORED), -1)
    names = np.array([*_ROW, *_CENSORED, ""])
    trap = names[np.where(row >= 0, row, np.where(of_censored >= 0, of_censored + len(_ROW), -1))]
    which = mess.uniforms(keys, "laboratory which")
    sentinel = np.array(_SENTINELS)[(which * len(_SENTINELS)).astype(int)]
    not_detected = np.array(_NOT_DETECTED)[(which * len(_NOT_DETECTED)).astype(int)]
    frame = frame.with_columns(
        trap=pl.Series(trap),
        sentinel=pl.Series(sentinel),
        not_detected=pl.Series(not_detected),
        sign=pl.Series(np.where(which < 0.5, -1.0, 1000.0)),
    )
    frame = _mislabelled(frame, mess)
    frame = _values(frame)
    _count_spoiled(frame, mess)
    return frame.with_columns(
        day=pl.when(pl.col("trap") == "date_future")
        .then(pl.col("day") + 3653)
        .when(pl.col("trap") != "date_missing")
        .then("day"),
        person_id=pl.when(pl.col("trap") == "person_unknown")
        .then(pl.col("person_id") + UNKNOWN_PERSON)
        .otherwise("person_id"),
        visit_occurrence_id=pl.when(pl.col("trap") != "person_unknown").then("visit_occurrence_id"),
    )


def _mislabelled(frame: pl.DataFrame, mess: Mess) -> pl.DataFrame:
    """Estradiol and testosterone with a unit that is not that of the number."""
    is_open = frame.select(
        pl.col("analyte").cast(pl.String).is_in(list(_MISLABELLED))
        & (pl.col("trap") == "")
        & ~pl.col("is_below")
        & ~pl.col("is_inflamed")
        & pl.col("prints_unit")
    ).to_series()
    hit = np.zeros(len(frame), dtype=bool)
    where = np.flatnonzero(is_open.to_numpy())
    hit[where] = mess.happens(frame["row_id"].to_numpy()[where], "unit_mislabelled")
    wrong = pl.lit(None, dtype=pl.String)
    for analyte, (usual, molar) in _MISLABELLED.items():
        is_molar = pl.col("unit") == molar
        wrong = (
            pl.when(pl.col("analyte") == analyte)
            .then(pl.when(is_molar).then(pl.lit(usual)).otherwise(pl.lit(molar)))
            .otherwise(wrong)
        )
    frame = frame.with_columns(trap=pl.when(pl.Series(hit)).then(pl.lit("unit_mislabelled")).otherwise("trap"))
    is_wrong = pl.col("trap") == "unit_mislabelled"
    ids = {unit: (standard_id(f"unit.{unit}")) for pair in _MISLABELLED.values() for unit in pair}
    # The mark on the row follows the printed word, as a loading program would set it.
    printed = pl.when(is_wrong).then(wrong).when((pl.col("trap") != "unit_missing_row") & pl.col("prints_unit"))
    unit_id = (
        pl.when(is_wrong).then(wrong.replace_strict(ids, default=0, return_dtype=pl.Int64)).otherwise("unit_concept_id")
    )
    return frame.with_columns(
        unit_text=printed.then("unit_text"),
        unit_concept_id=unit_id,
        unit_source_concept_id=pl.when(is_wrong).then(unit_id).otherwise("unit_source_concept_id"),
    )


def _values(frame: pl.DataFrame) -> pl.DataFrame:
    trap, limit = pl.col("trap"), pl.col("limit")
    is_printed_below = pl.col("is_below") & ~trap.is_in(["below_limit_as_zero", "below_limit_as_half"])
    is_open_limit = pl.col("is_below") & trap.is_in(["below_limit_text_only", "not_detected_text"])
    number = (
        pl.when(is_open_limit)
        .then(None)
        .when(trap == "below_limit_as_zero")
        .then(0.0)
        .when(trap == "below_limit_as_half")
        .then(limit / 2)
        .when(pl.col("is_below"))
        .then(limit)
        .when(trap == "fill_value")
        .then("sentinel")
        .when(trap == "value_impossible")
        .then(pl.col("value") * pl.col("sign"))
        .when(pl.col("is_above"))
        .then("ceiling")
        .otherwise("value")
    )
    is_above = pl.col("is_above") & ~trap.is_in(["fill_value", "value_impossible"])
    frame = frame.with_columns(number=number, is_above=is_above)
    written = plain_text(pl.when("is_below").then(pl.coalesce("number", "limit")).otherwise("number"))
    return frame.with_columns(
        operator_concept_id=pl.when(is_printed_below & ~is_open_limit)
        .then(standard_id("operator.<"))
        .when("is_above")
        .then(standard_id("operator.>")),
        text=pl.when(trap == "not_detected_text")
        .then("not_detected")
        .otherwise(
            pl.concat_str(
                pl.when(is_printed_below).then(pl.lit("<")).when("is_above").then(pl.lit(">")).otherwise(pl.lit("")),
                pl.when("prints_comma").then(written.str.replace(".", ",", literal=True)).otherwise(written),
            )
        ),
    )


def plain_text(number: pl.Expr) -> pl.Expr:
    """A number as printed: no trailing '.0'."""
    return number.cast(pl.String).str.strip_suffix(".0")


def _count_spoiled(frame: pl.DataFrame, mess: Mess) -> None:
    """Counts the spoiled rows; second rows are counted where they are made."""
    for code in (*_ROW, *_CENSORED, "unit_mislabelled"):
        if code not in _COPIES:
            mess.plant_where(code, frame, pl.col("trap") == code, "measured")


def count_habits(written: pl.DataFrame, mess: Mess) -> None:
    """Counts what is a habit of the laboratory or of the assay, on every row that shows it, second rows too."""
    frame, measured = written.rename({"measurement_id": "row_id"}), "measured"
    word, text = pl.col("unit_source_value"), pl.col("value_source_value")
    has_unit = word.is_not_null() & (pl.col("trap") != "unit_mislabelled")
    parts = pl.col("measurement_source_value").str.split("|")
    is_hormone_assay = pl.col("assay_class") != "routine"
    for code, is_hit in {
        "unit_other": has_unit & (pl.col("option") > 0),
        "unit_spelling": has_unit & (word != pl.col("unit")),
        "unit_missing_site": ~pl.col("prints_unit"),
        "below_limit": text.str.starts_with("<") & (text != "<LOQ"),
        "above_limit": text.str.starts_with(">"),
        "decimal_comma": text.str.contains(",", literal=True),
        "concept_unmapped": ~pl.col("is_mapped"),
        "method_unprinted": is_hormone_assay & (parts.list.get(2) == ""),
        "fasting_unprinted": pl.col("is_fasting_test") & ~pl.col("prints_fasting"),
    }.items():
        mess.plant_where(code, frame, is_hit, measured)


def copies(written: pl.DataFrame, mess: Mess) -> pl.DataFrame:
    """The written rows with their second rows: duplicates, preliminary, corrected and replicate results."""
    trap = pl.col("trap")
    wrong = pl.col("value_as_number") * 10.0
    is_corrected = trap == "corrected_result"
    first = written.filter(trap.is_in(_COPIES))
    if first.is_empty():
        return written
    shift = mess.uniforms(first["measurement_id"].to_numpy(), "second value") - 0.5
    other = ((pl.col("value_as_number") * (1 + 0.1 * pl.Series(shift))) * 1000).round() / 1000
    is_other = trap.is_in(["preliminary_result", "replicate_result"])
    status = (
        pl.when(trap == "preliminary_result")
        .then(pl.lit("P"))
        .when(is_corrected)
        .then(pl.lit("C"))
        .otherwise(pl.lit("F"))
    )
    second = _with_value(first, pl.when(is_other).then(other).otherwise("value_as_number"), is_other).with_columns(
        measurement_id=pl.col("measurement_id") + COPY,
        measurement_source_value=pl.concat_str(
            pl.col("measurement_source_value").str.extract(r"^([^|]*\|[^|]*\|[^|]*\|)F\|", 1),
            status,
            pl.lit("|"),
            pl.col("measurement_source_value").str.extract(r"\|F\|(.*)$", 1),
        ),
    )
    for code in _COPIES:
        hit = (first if code == "corrected_result" else second).filter(trap == code)
        mess.plant(code, hit["measurement_id"], hit["person_id"], hit["measured"])
    return pl.concat(
        [_with_value(written, pl.when(is_corrected).then(wrong).otherwise("value_as_number"), is_corrected), second]
    )


def _with_value(frame: pl.DataFrame, number: pl.Expr, is_new: pl.Expr) -> pl.DataFrame:
    """The frame with other numbers, and the text of those that are new."""
    text = plain_text(number)
    text = pl.when("prints_comma").then(text.str.replace(".", ",", literal=True)).otherwise(text)
    sign = pl.when(pl.col("operator_concept_id") == standard_id("operator.>")).then(pl.lit(">")).otherwise(pl.lit(""))
    return frame.with_columns(
        value_as_number=number,
        value_source_value=pl.when(is_new).then(pl.concat_str(sign, text)).otherwise("value_source_value"),
    )


def count_what_lives_bring(frame: pl.DataFrame, lives: Lives, mess: Mess) -> None:
    """Counts the traps that are in the lives: insensitive assays, interference, contamination, timing, assay switches."""
    analyte = pl.col("analyte")
    e2 = frame.filter(analyte == "estradiol")
    is_immunoassay = pl.col("assay_class") == "immunoassay"
    is_male = pl.col("sex") == "male"
    mess.plant_where("insensitive_assay_in_men", e2, is_male & (pl.col("assay_limit") >= 20), "measured")
    by_immunoassay = e2.filter(is_immunoassay)
    orders = lives.orders.with_columns(first=pl.col("start_day"), last=pl.col("end_day"))
    of = orders.filter
    name = pl.col("ingredient")
    for code, rows, spells in (
        ("exemestane_interference", by_immunoassay, of(name == "exemestane")),
        (
            "fulvestrant_interference",
            by_immunoassay,
            of(name == "fulvestrant").with_columns(last=pl.col("end_day") + 183),
        ),
        ("biotin_on_board", frame.filter(is_immunoassay & (analyte != "estrone")), of(name == "biotin")),
        ("estrogen_contamination", e2, of(name.is_in(["estradiol_oral", "estradiol_vaginal"]))),
    ):
        mess.plant_where(code, rows, is_during(rows, spells), "measured")
    is_high = (analyte == "hs_crp") & (pl.col("measured") > _CRP_HIGH) & ~pl.col("is_inflamed")
    inflamed = frame.filter(is_high).select("person", "draw").unique()
    crp = by_immunoassay.filter(is_male).join(inflamed, on=["person", "draw"], how="semi", maintain_order="left")
    mess.plant("crp_interference", crp["row_id"], crp["person_id"], crp["measured"])
    _count_timing(frame, e2, lives, mess)
    classes = e2.group_by("person").agg(pl.col("assay_class").n_unique()).filter(pl.col("assay_class") > 1)["person"]
    mess.plant("assay_switch", classes, classes)


def _count_timing(frame: pl.DataFrame, e2: pl.DataFrame, lives: Lives, mess: Mess) -> None:
    women = lives.people.filter(pl.col("menopause") == "premenopausal").select("person", "menopause_day")
    cycle = lives.observations.filter(pl.col("observation") == "cycle_day").select("person", "day").unique()
    early = e2.join(women, on="person", how="inner", maintain_order="left").filter(
        pl.col("menopause_day").is_null() | (pl.col("day") < pl.col("menopause_day"))
    )
    unknown = early.join(cycle, on=["person", "day"], how="anti", maintain_order="left")
    mess.plant("cycle_phase_unknown", unknown["row_id"], unknown["person_id"], unknown["measured"])
    testosterone = frame.filter(pl.col("analyte") == "testosterone")
    mess.plant_where("testosterone_at_peak", testosterone, pl.col("days_since_injection") <= 2, "measured")
    markers = frame.filter(pl.col("analyte").cast(pl.String).is_in(MARKERS))
    is_late = (pl.col("minute") > _MORNING_ENDS) | ~pl.col("is_fasting")
    mess.plant_where("marker_not_fasting", markers, is_late, "measured")
    broken = lives.events.filter(
        pl.col("event").cast(pl.String).str.ends_with("_fracture") & pl.col("detected_day").is_not_null()
    ).select("person", first="detected_day", last=pl.col("detected_day") + 365)
    mess.plant_where("marker_after_fracture", markers, is_during(markers, broken), "measured")
