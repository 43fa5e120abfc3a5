"""What misleads in prescriptions and fills: wording, wrong days supply, missing fills, and their exact counts.

The rows come from `drugs`; a row carries at most one trap that spoils a field, and the wording of its order.
"""

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop.laboratory_traps import UNKNOWN_PERSON
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.sig_phrases import INTERVAL_CODES
from pipelines.synth.omop.sigs import KINDS

_WORDING = ("sig_missing", "sig_as_directed", "sig_range", "sig_as_needed", "sig_titration", "sig_stop")
_FEW = ("sig_weekdays", "sig_interval_code", "sig_ambiguous", "sig_daily_for_weekly")
_FEW_TIMES = {
    "sig_weekdays": (1.0, 2.0, 3.0),
    "sig_interval_code": tuple(times for times in INTERVAL_CODES if times < 7),
    "sig_ambiguous": (0.5, 2.0),
    "sig_daily_for_weekly": (2.0,),
}
_INHIBITORS = ("anastrozole", "letrozole", "exemestane")
_ON_TESTOSTERONE = ("male_testosterone", "female_testosterone")
_GIVEN_BY_STAFF = ("pellet", "implant", "infusion")
_SPOILED_FILL = ("days_supply_missing", "quantity_missing", "drug_person_unknown", "drug_end_before_start")
_SPOILED_ORDER = ("drug_person_unknown", "drug_end_before_start")
_BILLED_AS = 28
_EARLY_BY = 7


def kinds(orders: pl.DataFrame, mess: Mess) -> pl.Series:
    """The kind of wording of each order, one of `sigs.KINDS`; exclusive, so that every count is exact."""
    keys = orders["row_id"].to_numpy()
    times = orders["intakes_per_week"].cast(pl.Float64).to_numpy()
    text = orders.select(pl.col("ingredient", "form", "protocol").cast(pl.String))
    is_given = text["form"].is_in(_GIVEN_BY_STAFF).to_numpy()
    found = np.full(len(keys), "plain", dtype=object)
    as_needed = orders["is_as_needed"].fill_null(False).to_numpy() & ~is_given
    found[as_needed] = "sig_as_needed"

    def settle(where: np.ndarray, codes: tuple[str, ...], stream: str) -> None:
        drawn = mess.one_of(keys, stream, codes)
        hit = where & (drawn >= 0) & (found == "plain")
        found[hit] = np.array(codes, dtype=object)[drawn[hit]]

    settle(~is_given, _WORDING, "wording")
    syringe = (text["ingredient"] == "testosterone").to_numpy() & (text["form"] == "injection").to_numpy()
    settle(syringe, ("sig_syringe_units",), "wording syringe")
    beside = text.select(
        pl.col("ingredient").is_in(_INHIBITORS) & pl.col("protocol").is_in(_ON_TESTOSTERONE)
    ).to_series()
    settle(beside.to_numpy() & (times <= 2), ("sig_with_injection",), "wording with injection")
    drawn = mess.one_of(keys, "wording few", _FEW)
    for position, code in enumerate(_FEW):
        hit = (drawn == position) & np.isin(times, _FEW_TIMES[code]) & (found == "plain") & ~is_given
        found[hit] = code
    return pl.Series(found.astype(str), dtype=pl.Enum(KINDS)).cast(pl.String)


def spoil_orders(rows: pl.DataFrame, mess: Mess) -> pl.DataFrame:
    """Orders with nobody's person id, or an end before the start."""
    trap = np.array([*_SPOILED_ORDER, ""])[mess.one_of(rows["row_id"].to_numpy(), "order row", _SPOILED_ORDER)]
    return _spoiled(rows.with_columns(trap=pl.Series(trap)), mess, _SPOILED_ORDER)


def spoil_fills(rows: pl.DataFrame, mess: Mess) -> pl.DataFrame:
    """Fills with wrong or missing fields, without those that never reached the data."""
    keys = rows["row_id"].to_numpy()
    absent = mess.happens(keys, "fill_unrecorded")
    gone = rows.filter(pl.Series(absent))
    mess.plant("fill_unrecorded", gone["row_id"], gone["person"], gone["taken"])
    rows = rows.filter(pl.Series(~absent))
    keys = keys[~absent]
    trap = np.array([*_SPOILED_FILL, ""])[mess.one_of(keys, "fill row", _SPOILED_FILL)]
    is_liquid = (rows["form"] == "injection").to_numpy()
    true = rows["true_days"].to_numpy()
    billed = np.where(is_liquid, _BILLED_AS, np.rint(rows["quantity"].to_numpy())).astype(np.int64)
    can_err = ~rows["form"].is_in(_GIVEN_BY_STAFF).to_numpy() & (billed != true) & (trap != "days_supply_missing")
    wrong = can_err & mess.happens(keys, "days_supply_wrong")
    unmarked = rows["is_returned"].to_numpy() & mess.happens(keys, "return_unmarked")
    rows = rows.with_columns(
        trap=pl.Series(trap),
        days_supply=pl.when(pl.Series(wrong)).then(pl.Series(billed)).otherwise("days_supply"),
        stop_reason=pl.when(pl.Series(~unmarked)).then("stop_reason"),
    )
    mess.plant_where("days_supply_wrong", rows, np.asarray(wrong), "true_days")
    mess.plant_where("return_unmarked", rows, np.asarray(unmarked))
    mess.plant_where("fill_returned", rows, pl.col("is_returned"))
    previous = pl.col("day").shift(1).over("person", "order") + pl.col("true_days").shift(1).over("person", "order")
    mess.plant_where("early_refill", rows, (pl.col("day") < previous - _EARLY_BY).fill_null(False))
    return _spoiled(rows, mess, _SPOILED_FILL)


def _spoiled(rows: pl.DataFrame, mess: Mess, codes: tuple[str, ...]) -> pl.DataFrame:
    true = {"days_supply_missing": "true_days", "quantity_missing": "quantity"}
    for code in codes:
        mess.plant_where(code, rows, pl.col("trap") == code, true.get(code))
    trap = pl.col("trap")
    return rows.with_columns(
        days_supply=pl.when(trap != "days_supply_missing").then("days_supply"),
        quantity=pl.when(trap != "quantity_missing").then("quantity"),
        person_id=pl.when(trap == "drug_person_unknown")
        .then(pl.col("person_id") + UNKNOWN_PERSON)
        .otherwise("person_id"),
        last_day=pl.when(trap == "drug_end_before_start").then(pl.col("first_day") - 30).otherwise("last_day"),
    )


def count_rows(rows: pl.DataFrame, mess: Mess) -> None:
    """Counts wording and products on every row that shows them, orders and fills."""
    has_sig = pl.col("sig").is_not_null()
    for code in KINDS:
        if code not in ("plain", "sig_missing"):
            mess.plant_where(code, rows, has_sig & (pl.col("kind") == code), "mg_per_week")
    mess.plant_where("sig_missing", rows, pl.col("is_order") & ~has_sig, "mg_per_week")
    mess.plant_where("sig_fraction", rows, has_sig & pl.col("is_fraction"), "mg_per_week")
    mess.plant_where("sig_other_language", rows, has_sig & pl.col("language").is_in(["es", "de", "fr"]), "mg_per_week")
    mess.plant_where("compounded_product", rows, pl.col("is_compounded"), "mg_per_week")
    mess.plant_where("pellet_product", rows, pl.col("form") == "pellet", "mg_per_week")
    is_named = pl.col("drug_source_value").str.contains(" / ", literal=True)
    mess.plant_where("combined_product", rows, pl.col("is_compounded") & is_named, "mg_per_week")
    mess.plant_where("order_unfilled", rows, pl.col("is_order") & pl.col("is_unfilled"))


def count_orders(orders: pl.DataFrame, lives: Lives, mess: Mess) -> None:
    """Counts the traps that are in the lives: switches, prevalent users, other indications."""
    ingredient, indication = pl.col("ingredient"), pl.col("indication").cast(pl.String)
    is_other = indication.is_in(["high_estradiol", "gynecomastia", "fertility_restart"])
    treated = ingredient.is_in([*_INHIBITORS, "tamoxifen"])
    mess.plant_where("inhibitor_for_symptoms", orders, treated & is_other, "mg_per_week")
    cancer = orders.filter(indication == "breast_cancer")
    first = cancer.group_by("person", maintain_order=True).agg(
        inhibitor=pl.col("start_day").filter(ingredient.is_in(_INHIBITORS)).min(),
        tamoxifen=pl.col("start_day").filter(ingredient == "tamoxifen").min(),
    )
    late = first.filter(pl.col("inhibitor") > pl.col("tamoxifen"))["person"]
    mess.plant("switch_after_tamoxifen", late, late)
    before = lives.people.filter("is_prevalent_user")["person"]
    mess.plant("prevalent_user", before, before)
