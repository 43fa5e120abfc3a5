"""Reads what a prescription instruction (sig) says about dose: amount, frequency, mg a week, or why it refuses.

Pure text and arithmetic; no table, no database. `table` and `coverage` alone know polars.
"""

from pipelines.domain.sig.parser import parse
from pipelines.domain.sig.reconciliation import Reconciled, is_supply_conflict, reconcile
from pipelines.domain.sig.result import CONFIDENCE_VALUE, REASONS, Sig
from pipelines.domain.sig.strength import Strength, parse_strengths

__all__ = [
    "CONFIDENCE_VALUE",
    "REASONS",
    "Reconciled",
    "Sig",
    "Strength",
    "is_supply_conflict",
    "parse",
    "parse_strengths",
    "reconcile",
]
