"""Which codes a study file may name: read from the code lists under `sql/ref`. What a code means stands in the lists."""

import csv
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from pipelines.settings import sql_root

Kind = Literal["drug", "condition", "procedure", "observation", "analyte", "site"]

# Code list and columns that hold the codes; a drug is named by ingredient or by class.
_LISTS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "drug": ("drug", ("ingredient", "drug_class")),
    "condition": ("condition_set", ("condition_set",)),
    "procedure": ("procedure_code", ("procedure_code",)),
    "observation": ("observation_code", ("observation_code",)),
    "analyte": ("analyte", ("analyte_code",)),
    "site": ("bone_reference", ("site_code",)),
}
# Sites of scans that no reference population covers, so that the list does not hold them.
_MORE: dict[Kind, frozenset[str]] = {"site": frozenset({"lumbar_spine", "total_hip", "femoral_neck"})}

# Outcomes that are counted from several tables, so that no list holds them.
_COUNTED_OUTCOMES = frozenset({"months_since_e2", "months_since_dxa", "on_schedule", "time_in_window_pct"})

# Outcomes that are read off a curve fitted to several draws of a person: falls on days, in the end, and the time to most of it.
_FITTED_OUTCOMES = frozenset(
    {
        *(f"estradiol_fall_day_{day}_pct" for day in (1, 7, 14, 28)),
        *("estradiol_fall_plateau_pct", "estradiol_t90_days"),
    }
)


def _rows(name: str) -> list[dict[str, str]]:
    with (sql_root() / "ref" / f"{name}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


@lru_cache(maxsize=16)
def allowed(kind: Kind) -> frozenset[str]:
    """Every code of a kind."""
    name, columns = _LISTS[kind]
    return frozenset(row[column] for row in _rows(name) for column in columns if row[column]) | _MORE.get(
        kind, frozenset()
    )


@lru_cache(maxsize=1)
def measured_levels() -> frozenset[str]:
    """Covariates that are the last of several results: the same code, measured later, may be an outcome."""
    return frozenset(row["covariate_code"] for row in _rows("covariate") if row["kind_code"] in ("lab", "observation"))


@lru_cache(maxsize=1)
def covariates_known() -> frozenset[str]:
    """Covariates that a clinical study may ask for."""
    return frozenset(row["covariate_code"] for row in _rows("covariate"))


@lru_cache(maxsize=1)
def genotypes() -> frozenset[str]:
    """Numbers of alleles that a person is born with, by which people may be divided."""
    return frozenset(row["observation_code"] for row in _rows("observation_code") if row["unit_code"] == "{alleles}")


@lru_cache(maxsize=1)
def outcomes_known() -> frozenset[str]:
    """Outcomes that a clinical study may ask for."""
    lists = (("continuous_outcome", "outcome_code"), ("phenotype", "phenotype_code"), ("symptom_code", "symptom_code"))
    found = (_COUNTED_OUTCOMES | _FITTED_OUTCOMES).union(row[column] for name, column in lists for row in _rows(name))
    return found - {row["control_code"] for row in _rows("negative_control") if row["kind_code"] != "event"}


@lru_cache(maxsize=1)
def measured_controls_known() -> frozenset[str]:
    """Measured negative controls that a clinical study may name: accepted ones of which it is said how they are read."""
    read = {row["outcome_code"] for row in _rows("continuous_outcome")}
    accepted = (row["control_code"] for row in _rows("negative_control") if row["verdict_code"] == "accepted")
    return frozenset(accepted) & read


@lru_cache(maxsize=1)
def symptom_systems() -> dict[str, str]:
    """System of each symptom that is coded."""
    return {row["symptom_code"]: row["system_code"] for row in _rows("symptom_system")}


@lru_cache(maxsize=1)
def outcome_scales() -> dict[str, str]:
    """Scale of each measured outcome."""
    return {row["outcome_code"]: row["scale_code"] for row in _rows("continuous_outcome")}


@lru_cache(maxsize=1)
def _ingredients_of_class() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _rows("drug"):
        found.setdefault(row["drug_class"], set()).add(row["ingredient"])
    return {name: frozenset(members) for name, members in found.items()}


def ingredients(codes: tuple[str, ...]) -> frozenset[str]:
    """The ingredients that drug codes stand for, classes spelled out."""
    return frozenset().union(*(_ingredients_of_class().get(code, frozenset({code})) for code in codes))


def unknown(kind: Kind, codes: tuple[str, ...]) -> str:
    """What is wrong with codes that no list holds, with the codes next to them; empty where all are known."""
    return _unlisted(codes, allowed(kind), f"no {kind}", f" in sql/ref/{_LISTS[kind][0]}.csv")


def unlisted(codes: tuple[str, ...], known: frozenset[str]) -> str:
    """The same of codes against a set of known ones."""
    return _unlisted(codes, known, "unknown", "")


def _unlisted(codes: tuple[str, ...], known: frozenset[str], no: str, where: str) -> str:
    wrong = [code for code in codes if code not in known]
    if not wrong:
        return ""
    near = dict.fromkeys(match for code in wrong for match in get_close_matches(code, sorted(known), n=3))
    said = f"; near: {', '.join(near)}" if near else ""
    return f"{no} {', '.join(wrong)}{where}{said}"
