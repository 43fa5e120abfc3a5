"""Densitometry written down: one measurement row each for density, bone area and printed T-score of a region.

`measurement_source_value` is `DXA|site|side or vertebrae|quantity|status`: site LS, TH, FN, TB or RAD; side L, R or
empty, at the spine the vertebrae such as `L1-L4`; quantity BMD, AREA or T. The densitometer is the device_exposure row
that `measurement_event_id` names: `unique_device_id` is the serial, `device_source_value` is
`manufacturer|model|software`. Repeat scans of one visit share date and densitometer.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.concepts import concept_id, concepts, standard_id
from pipelines.synth.omop.laboratory_traps import plain_text
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import Contacts, date, instant, row_ids
from pipelines.synth.omop.sites import DENSITOMETER, MODELS, SOFTWARE, densitometers

_START, _ROWS_OF_A_REGION = 200_000, 3
_SITES = {"lumbar_spine": "LS", "total_hip": "TH", "femoral_neck": "FN", "total_body": "TB", "radius": "RAD"}
_NAMES = {
    "lumbar_spine": "spine",
    "total_hip": "hip",
    "femoral_neck": "neck",
    "total_body": "body",
    "radius": "forearm",
}
# Mean and SD of young women: NHANES III at the hip, the manufacturer's own at the spine (ISCD 2023).
_REFERENCE = {
    ("lumbar_spine", "hologic"): (1.047, 0.110),
    ("lumbar_spine", "lunar"): (1.180, 0.120),
    ("total_hip", "hologic"): (0.942, 0.122),
    ("total_hip", "lunar"): (0.942, 0.122),
    ("femoral_neck", "hologic"): (0.858, 0.120),
    ("femoral_neck", "lunar"): (0.858, 0.120),
}
_OTHER_REFERENCE = {"lumbar_spine": (1.091, 0.110), "total_hip": (1.041, 0.144), "femoral_neck": (0.934, 0.137)}
# Lunar to Hologic by way of standardised BMD (Lu 2001): (a + b x) and (a + b y) agree.
_TO_HOLOGIC = {"femoral_neck": ((-0.023, 0.939), (0.019, 1.087)), "total_hip": ((-0.031, 0.979), (0.006, 1.008))}
_VERTEBRAE = {4: ("L1-L4",), 3: ("L1-L3", "L2-L4", "L1,L2,L4"), 2: ("L1-L2", "L2-L3", "L3-L4")}
_ROW = ("bmd_impossible", "bmd_other_unit", "side_missing", "area_shift")
_CONTRAST_BEFORE = 14


def scans(lives: Lives, contacts: Contacts, mess: Mess) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Measurement and device_exposure rows of all scans, unsorted."""
    regions = _described(lives, contacts, mess)
    _count(regions, mess)
    density = _quantity(regions, "BMD", 0, pl.col("bmd"), "bmd_unit")
    area = _quantity(regions, "AREA", 1, pl.col("area").round(2), "area_unit")
    printed = _quantity(regions.filter(pl.col("t").is_not_null()), "T", 2, pl.col("t"), "t_unit")
    written = pl.concat([density, area, printed])
    mess.plant_where(
        "device_unrecorded",
        written.select(pl.col("measurement_id").alias("row_id"), "person_id", "measurement_event_id"),
        pl.col("measurement_event_id").is_null(),
    )
    mess.plant_where(
        "printed_t_other_reference",
        regions.with_columns(row_id=pl.col("row_id") + 2),
        pl.col("prints_other_reference") & pl.col("t").is_not_null(),
        "true_t",
    )
    return written, _devices(regions)


def contrast(lives: Lives, mess: Mess) -> pl.DataFrame:
    """Contrast given within a fortnight before a scan: columns person, day, procedure, side of further procedures."""
    visits = lives.scans.select("person", "scan", "day").unique(["person", "scan"], keep="first", maintain_order=True)
    keys = (visits["person"] * 10_000 + visits["scan"]).to_numpy()
    hit = mess.happens(keys, "recent_contrast")
    before = 1 + (mess.uniforms(keys, "contrast days") * (_CONTRAST_BEFORE - 1)).astype(int)
    return visits.with_columns(day=pl.col("day") - pl.Series(before)).filter(pl.Series(hit)).select("person", "day")


def _described(lives: Lives, contacts: Contacts, mess: Mess) -> pl.DataFrame:
    found = lives.scans.with_columns(
        row_id=row_ids(lives.scans["person"], _START, _ROWS_OF_A_REGION), person_id=pl.col("person")
    )
    scan_key = pl.col("person") * 10_000 + pl.col("scan")
    numbers = found["device"].unique().sort().to_numpy().astype(np.int64)
    keys = found["row_id"].to_numpy()
    trap = np.array([*_ROW, ""])[mess.one_of(keys, "densitometry row", _ROW)]
    scan_keys = found.select(scan_key).to_series().to_numpy()
    which = mess.uniforms(scan_keys, "vertebrae")
    wrong = np.array([10.0, 0.0, -1.0])[(mess.uniforms(keys, "impossible density") * 3).astype(int)]
    has_side = pl.col("side") != "none"
    trap_name = pl.Series(trap)
    found = (
        contacts.joined(found)
        .join(densitometers(numbers, mess), on="device", how="left", maintain_order="left")
        .with_columns(
            scan_key=scan_key,
            trap=pl.when((trap_name == "side_missing") & ~has_side).then(pl.lit("")).otherwise(trap_name),
            which=pl.Series(which),
            wrong=pl.Series(wrong),
            is_recorded=pl.Series(~mess.happens(scan_keys, "device_unrecorded")),
            measured=pl.col("measured_bmd").cast(pl.Float64),
        )
    )
    is_shifted = pl.col("trap") == "area_shift"
    reading = pl.when(is_shifted).then(pl.col("measured") * 0.98).otherwise("measured").round(3)
    is_milli = pl.col("trap") == "bmd_other_unit"
    found = found.with_columns(
        bmd=pl.when(pl.col("trap") == "bmd_impossible")
        .then((reading * pl.col("wrong")).round(3))
        .when(is_milli)
        .then((reading * 1000).round())
        .otherwise(reading),
        bmd_unit=pl.when(is_milli).then(pl.lit("mg/cm2")).otherwise(pl.lit("g/cm2")),
        area=pl.when(is_shifted).then(pl.col("area_cm2") * 1.06).otherwise("area_cm2").cast(pl.Float64),
        area_unit=pl.lit("cm2"),
        t_unit=pl.lit("{T-score}"),
        place=_place(),
        true_t=_t_score(reading, other=False),
        other_t=_t_score(reading, other=True),
    )
    return found.with_columns(t=pl.when("prints_other_reference").then("other_t").otherwise("true_t"))


def _place() -> pl.Expr:
    """Side or vertebrae, as printed."""
    named = pl.lit("")
    for count, choices in _VERTEBRAE.items():
        chosen = pl.lit(choices[-1])
        for position, choice in enumerate(choices[:-1], start=1):
            chosen = pl.when(pl.col("which") < position / len(choices)).then(pl.lit(choice)).otherwise(chosen)
        named = pl.when(pl.col("vertebrae") == count).then(chosen).otherwise(named)
    side = pl.when(pl.col("side") == "left").then(pl.lit("L")).when(pl.col("side") == "right").then(pl.lit("R"))
    return (
        pl.when(pl.col("site") == "lumbar_spine")
        .then(named)
        .when(pl.col("trap") == "side_missing")
        .then(pl.lit(""))
        .otherwise(side.otherwise(pl.lit("")))
    )


def _t_score(bmd: pl.Expr, other: bool) -> pl.Expr:
    found = pl.lit(None, dtype=pl.Float64)
    for (site, maker), (mean, sd) in _REFERENCE.items():
        value = bmd
        if maker == "lunar" and site in _TO_HOLOGIC:
            (a, b), (c, d) = _TO_HOLOGIC[site]
            value = (a + b * bmd - c) / d
        if other:
            mean, sd = _OTHER_REFERENCE[site]
        is_it = (pl.col("site") == site) & (pl.col("manufacturer") == maker)
        found = pl.when(is_it).then(((value - mean) / sd).round(1)).otherwise(found)
    return found


def _quantity(regions: pl.DataFrame, quantity: str, position: int, number: pl.Expr, unit: str) -> pl.DataFrame:
    """The measurement rows of one quantity."""
    site, side, is_open = (
        pl.col("site").cast(pl.String),
        pl.col("side").cast(pl.String),
        pl.col("trap") == "side_missing",
    )
    prefix = {"BMD": "bmd", "T": "t"}.get(quantity)
    key = (
        pl.lit("dxa.area")
        if prefix is None
        else pl.concat_str(
            pl.lit(f"dxa.{prefix}_"),
            site.replace_strict(_NAMES),
            pl.when((side == "none") | is_open).then(pl.lit("")).otherwise("_" + side),
        )
    )
    keys = [name for name in concepts() if name.startswith("dxa.")]
    standard = {name: standard_id(name) for name in keys}
    source = {name: concept_id(name) for name in keys}
    units = {name: concept_id(f"unit.{name}") for name in ("g/cm2", "cm2", "{T-score}")}
    return regions.select(
        measurement_id=pl.col("row_id") + position,
        person_id="person_id",
        measurement_concept_id=key.replace_strict(standard, default=0, return_dtype=pl.Int64),
        measurement_date=date("day"),
        measurement_datetime=instant("day", pl.lit(0)),
        measurement_type_concept_id=pl.lit(standard_id("type.ehr")),
        value_as_number=number,
        unit_concept_id=pl.lit(0, dtype=pl.Int64),
        provider_id=pl.when("is_recorded").then(pl.col("device").cast(pl.Int64) + DENSITOMETER),
        visit_occurrence_id="visit_occurrence_id",
        measurement_source_value=pl.concat_str(
            pl.lit("DXA"), site.replace_strict(_SITES), "place", pl.lit(quantity), pl.lit("F"), separator="|"
        ),
        measurement_source_concept_id=key.replace_strict(source, default=0, return_dtype=pl.Int64),
        unit_source_value=unit,
        unit_source_concept_id=pl.col(unit).replace_strict(units, default=0, return_dtype=pl.Int64),
        value_source_value=plain_text(number),
        measurement_event_id=pl.when("is_recorded").then("scan_key"),
        meas_event_field_concept_id=pl.when("is_recorded").then(pl.lit(concept_id("field.device_exposure"))),
    )


def _devices(regions: pl.DataFrame) -> pl.DataFrame:
    """One device_exposure row per visit to a densitometer."""
    maker = pl.col("manufacturer").cast(pl.String)
    model, software = pl.lit(""), pl.lit("")
    for name in MODELS:
        for number, word in enumerate(MODELS[name], start=1):
            model = pl.when((maker == name) & (pl.col("model") == number)).then(pl.lit(word)).otherwise(model)
        for number, word in enumerate(SOFTWARE[name], start=1):
            software = pl.when((maker == name) & (pl.col("software") == number)).then(pl.lit(word)).otherwise(software)
    once = regions.filter("is_recorded").unique("scan_key", keep="first", maintain_order=True)
    return once.select(
        device_exposure_id="scan_key",
        person_id="person_id",
        device_concept_id=pl.lit(0),
        device_exposure_start_date=date("day"),
        device_exposure_start_datetime=instant("day", pl.lit(0)),
        device_exposure_end_date=date("day"),
        device_type_concept_id=pl.lit(standard_id("type.ehr")),
        unique_device_id="serial",
        provider_id=pl.col("device").cast(pl.Int64) + DENSITOMETER,
        visit_occurrence_id="visit_occurrence_id",
        device_source_value=pl.concat_str(
            maker.replace_strict({"hologic": "Hologic", "lunar": "GE Lunar"}), model, software, separator="|"
        ),
        device_source_concept_id=pl.lit(concept_id("device.densitometer")),
    )


def _count(regions: pl.DataFrame, mess: Mess) -> None:
    for name in _ROW:
        mess.plant_where(name, regions, pl.col("trap") == name, "measured")
    spine = regions.filter(pl.col("site") == "lumbar_spine")
    mess.plant_where("vertebrae_excluded", spine, pl.col("vertebrae") < 4, "measured")
    mess.plant_where("spine_artefact", spine, pl.col("is_artefact"), "measured")
    of_person = regions.group_by("person", maintain_order=True)
    devices = of_person.agg(pl.col("device").n_unique()).filter(pl.col("device") > 1)["person"]
    mess.plant("device_change", devices, devices)
    software = (
        regions.group_by("person", "device", maintain_order=True)
        .agg(pl.col("software").n_unique())
        .filter(pl.col("software") > 1)["person"]
        .unique(maintain_order=True)
    )
    mess.plant("software_change", software, software)
    sides = (
        regions.filter(pl.col("site") == "total_hip")
        .group_by("person", maintain_order=True)
        .agg(pl.col("side").n_unique())
        .filter(pl.col("side") > 1)["person"]
    )
    mess.plant("side_change", sides, sides)
