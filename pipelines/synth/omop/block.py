"""One batch of lives as OMOP tables, sorted, with everything planted in it.

Only puts together what the other modules of this room render, and moves the dates of the persons whose dates are shifted.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synth.mechanism.life import Lives
from pipelines.synth.omop import charts, densitometry, drugs, laboratory, notes, sites
from pipelines.synth.omop.mess import Mess
from pipelines.synth.omop.rows import Contacts
from pipelines.synth.omop.schema import PERSON_TABLES, ROW_ID, conform

_LARGEST_SHIFT = 183


@dataclass(frozen=True, slots=True)
class Rendered:
    """A batch as it is written.

    Attributes:
        tables: one frame per table of `schema.PERSON_TABLES`, with all its columns, sorted by row id.
        planted: rows that carry a trap, columns as `mess.PLANTED_SCHEMA`.
        doses: true dose of each drug_exposure row, also of rows that were left out.
        products: distinct licensed products, columns ingredient, form, strength_mg.
        places: numbers of the sites that occur, by kind of site.
    """

    tables: dict[str, pl.DataFrame]
    planted: pl.DataFrame
    doses: pl.DataFrame
    products: pl.DataFrame
    places: dict[int, list[int]]


def render(lives: Lives, mess: Mess) -> Rendered:
    """Write a batch down. `mess` must be a fresh one: it holds what is planted in this batch."""
    contacts = Contacts.of(lives)
    scanned, devices = densitometry.scans(lives, contacts, mess)
    exposures, doses, products = drugs.exposures(lives, contacts, mess)
    parts = {
        "person": [charts.persons(lives, mess)],
        "observation_period": [charts.periods(lives, mess)],
        "visit_occurrence": [charts.visits(lives)],
        "condition_occurrence": [charts.diagnoses(lives, contacts)],
        "drug_exposure": [exposures],
        "procedure_occurrence": [charts.interventions(lives, contacts, mess)],
        "device_exposure": [devices],
        "measurement": [
            laboratory.results(lives, contacts, mess),
            scanned,
            charts.vital_signs(lives, contacts, mess),
        ],
        "observation": [notes.observations(lives, contacts)],
        "death": [notes.deaths(lives, mess)],
    }
    shifts = _shifts(lives, mess)
    tables = {}
    for table in PERSON_TABLES:
        frames = [conform(table, frame) for frame in parts.pop(table)]
        tables[table] = _shifted(pl.concat(frames), shifts).sort(ROW_ID[table], maintain_order=True)
    return Rendered(tables, mess.planted(), doses.sort("drug_exposure_id"), products, _places(lives))


def _shifts(lives: Lives, mess: Mess) -> pl.DataFrame:
    """Days by which all dates of a person are moved, for those whose dates are: columns person_id, shift."""
    keys = lives.people["person"].to_numpy()
    hit = mess.happens(keys, "date_shift")
    days = np.rint((2 * mess.uniforms(keys, "date shift days") - 1) * _LARGEST_SHIFT).astype(np.int64)
    days = np.where(days == 0, 1, days)
    shifts = pl.DataFrame({"person_id": keys, "shift": days}).filter(pl.Series(hit))
    mess.plant("date_shift", shifts["person_id"], shifts["person_id"], shifts["shift"])
    return shifts


def _shifted(frame: pl.DataFrame, shifts: pl.DataFrame) -> pl.DataFrame:
    dates = [name for name, kind in frame.schema.items() if kind in (pl.Date, pl.Datetime)]
    if shifts.is_empty() or not dates:
        return frame
    moved = frame.join(shifts, on="person_id", how="left", maintain_order="left")
    by = pl.duration(days=pl.col("shift").fill_null(0))
    return moved.with_columns((pl.col(name) + by).cast(frame.schema[name]) for name in dates).drop("shift")


def _places(lives: Lives) -> dict[int, list[int]]:
    return {
        sites.CLINIC: lives.people["site"].unique().sort().to_list(),
        sites.LABORATORY: lives.draws["laboratory"].unique().sort().to_list(),
        sites.DENSITOMETER: lives.scans["device"].unique().sort().to_list(),
    }
