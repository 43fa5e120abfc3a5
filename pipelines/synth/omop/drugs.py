"""Prescriptions and fills written down: drug_exposure rows of both kinds, their instructions, and their traps.

`drug_type_concept_id` says which: prescription (order), dispensing record (fill) or administration (given by staff).
OMOP keeps no link from a fill to its order; neither do these rows. Instructions stand on orders, and on the fills of
clinics whose pharmacy prints them. Wording is in `sigs`, names in `products`.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop import drug_traps as traps
from pipelines.synth.omop.concepts import concept_id, standard_id
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.products import product_concept, with_names
from pipelines.synth.omop.rows import Contacts, date, row_ids
from pipelines.synth.omop.sigs import with_texts
from pipelines.synth.omop.sites import CLINIC, clinics

FILLS_START = 300_000
_GIVEN_BY_STAFF = ("implant", "infusion", "pellet")
_STOP = {
    "completed": "Course completed",
    "symptoms": "Adverse reaction",
    "patient": "Patient choice",
    "low_estradiol": "Estradiol too low",
    "dose_change": "Dose changed",
    "switch": "Switched to other drug",
    "event": "Medical event",
    "death": "Deceased",
}
_ROUTE_WORDS = {
    "oral": "PO",
    "intramuscular": "IM",
    "subcutaneous": "SC",
    "transdermal": "TD",
    "intravenous": "IV",
    "vaginal": "VAG",
}


def exposures(lives: Lives, contacts: Contacts, mess: Mess) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """drug_exposure rows, unsorted; the true dose of each row; and the licensed products that occur.

    True doses: drug_exposure_id, person_id, mg_per_week as written, mg_per_week_taken (fills only), order_id.
    """
    orders = _orders(lives, mess)
    traps.count_orders(orders, lives, mess)
    written = traps.spoil_orders(_order_rows(orders, lives), mess)
    fills = traps.spoil_fills(_fill_rows(orders, lives), mess)
    shared = [name for name in written.columns if name in fills.columns]
    rows = pl.concat([written.select(shared), fills.select(shared)], how="vertical_relaxed")
    traps.count_rows(rows, mess)
    truth = rows.select(
        drug_exposure_id="row_id",
        person_id="person",
        order_id="order_id",
        mg_per_week=pl.col("mg_per_week").cast(pl.Float64),
        mg_per_week_taken="taken",
    )
    products = orders.filter(~pl.col("is_compounded")).select("ingredient", "form", "strength_mg").unique()
    return _omop(contacts.joined(rows)), truth, products


def _orders(lives: Lives, mess: Mess) -> pl.DataFrame:
    """Orders with the clinic's language, the kind of wording, the instruction and the product name."""
    numbers = lives.people["site"].unique().sort().to_numpy().astype(np.int64)
    people = lives.people.select("person", "site", "protocol", "sex").join(
        clinics(numbers, mess), on="site", how="left", maintain_order="left"
    )
    orders = lives.orders.join(people, on="person", how="left", maintain_order="left").with_columns(
        row_id=row_ids(lives.orders["person"], 0), person_id=pl.col("person")
    )
    keys = orders["row_id"].to_numpy()
    variant = (mess.uniforms(keys, "sig variant") * 24).astype(int) if mess.level != "none" else np.full(len(keys), 2)
    orders = orders.with_columns(
        kind=traps.kinds(orders, mess),
        variant=pl.Series(variant),
        order_id="row_id",
        is_combined=pl.col("is_compounded") & pl.Series(mess.happens(keys, "combined_product")),
        carries_sig=pl.Series(mess.uniforms(orders["site"].to_numpy().astype(np.int64), "fills carry sig") < 0.6),
        name_style=pl.when(pl.lit(mess.level == "none")).then(pl.lit(0)).otherwise("name_style"),
    ).with_columns(product_concept_id=product_concept())
    text = orders.with_columns(pl.col("ingredient", "form", "route").cast(pl.String))
    return with_names(with_texts(text))


def _order_rows(orders: pl.DataFrame, lives: Lives) -> pl.DataFrame:
    first = lives.fills.group_by("person", "order", maintain_order=True).agg(
        fill_quantity=pl.col("quantity").first(), fill_days=pl.col("days_supply").first(), fills=pl.len()
    )
    joined = orders.join(first, on=["person", "order"], how="left", maintain_order="left")
    monthly = pl.col("amount_per_intake") * pl.col("intakes_per_week") * 30 / 7
    return joined.with_columns(
        drug_type_concept_id=pl.lit(standard_id("type.prescription")),
        first_day=pl.col("start_day"),
        last_day=pl.col("end_day"),
        quantity=pl.coalesce("fill_quantity", monthly.ceil()).cast(pl.Float64),
        days_supply=pl.coalesce("fill_days", pl.lit(30)).cast(pl.Int64),
        true_days=pl.lit(None, dtype=pl.Int64),
        refills=(pl.col("fills").cast(pl.Int64) - 1).clip(0, 11).fill_null(3),
        stop_reason=pl.col("stop_reason").cast(pl.String).replace_strict(_STOP, default=None, return_dtype=pl.String),
        taken=pl.lit(None, dtype=pl.Float64),
        is_order=pl.lit(True),
        is_unfilled=pl.col("fills").is_null(),
        is_returned=pl.lit(False),
        day="written_day",
    )


def _fill_rows(orders: pl.DataFrame, lives: Lives) -> pl.DataFrame:
    fills = lives.fills.with_columns(row_id=row_ids(lives.fills["person"], FILLS_START)).rename(
        {"mg_per_week": "taken"}
    )
    ordered = orders.drop("row_id", "start_day", "end_day", "stop_reason")
    joined = fills.join(ordered, on=["person", "order"], how="left", maintain_order="left")
    is_given = pl.col("form").is_in(_GIVEN_BY_STAFF)
    days = pl.col("days_supply").cast(pl.Int64)
    kind = pl.when(is_given).then(standard_id("type.administration")).otherwise(standard_id("type.dispensing"))
    return joined.with_columns(
        drug_type_concept_id=kind,
        first_day=pl.col("day"),
        last_day=pl.col("day") + (days - 1).clip(0).cast(pl.Int32),
        quantity=pl.col("quantity").cast(pl.Float64),
        days_supply=days,
        true_days=days,
        refills=pl.col("refills_left").cast(pl.Int64),
        stop_reason=pl.when("is_returned").then(pl.lit("Returned to stock")),
        taken=pl.col("taken").cast(pl.Float64),
        is_order=pl.lit(False),
        is_unfilled=pl.lit(False),
        sig=pl.when(pl.col("carries_sig") & ~is_given).then("sig"),
        is_fraction=pl.col("carries_sig") & ~is_given & pl.col("is_fraction"),
    )


def _omop(rows: pl.DataFrame) -> pl.DataFrame:
    routes = {name: concept_id(f"route.{name}") for name in _ROUTE_WORDS}
    # A program that finds no product code falls back on the ingredient named on the label.
    product = pl.when("is_compounded").then("ingredient_concept_id").otherwise("product_concept_id")
    return rows.select(
        drug_exposure_id="row_id",
        person_id="person_id",
        drug_concept_id=product,
        drug_exposure_start_date=date("first_day"),
        drug_exposure_start_datetime=date("first_day").cast(pl.Datetime("us")),
        drug_exposure_end_date=date("last_day"),
        drug_type_concept_id="drug_type_concept_id",
        stop_reason="stop_reason",
        refills="refills",
        quantity=pl.col("quantity").round(3),
        days_supply="days_supply",
        sig="sig",
        route_concept_id=pl.col("route").replace_strict(routes, default=0, return_dtype=pl.Int64),
        provider_id=pl.col("site").cast(pl.Int64) + CLINIC,
        visit_occurrence_id=pl.when(pl.col("person_id") == pl.col("person")).then("visit_occurrence_id"),
        drug_source_value="drug_source_value",
        drug_source_concept_id=pl.when(~pl.col("is_compounded")).then("product_concept_id").otherwise(0),
        route_source_value=pl.col("route").replace_strict(_ROUTE_WORDS),
        dose_unit_source_value=pl.when(pl.col("form") == "injection").then(pl.lit("mL")).otherwise(pl.lit("mg")),
    )
