"""Contracts of `ref` for dosing and exposure: episode rules, pharmacokinetics, inhibition, estradiol bands.

Not here: what a drug is (`ref`), what a code means (`ref_clinical`, `ref_lab`).
"""

import dataframely as dy

from pipelines.tables.columns import number, text, whole
from pipelines.tables.contract import table


@table("ref.episode_rule", grain="one row per ingredient and permissible gap", unit="population")
class EpisodeRule(dy.Schema):
    """How supplies become episodes; `*` stands for every ingredient without rows of its own."""

    ingredient = text("Ingredient, or * for any other", key=True)
    gap_days = whole("Days without stock that an episode survives", "d", key=True, minimum=0)
    is_primary = text("Whether it is the drug's own gap", allowed=("yes", "no"))
    grace_days = whole("Days without stock that count as a late refill, not as an interruption", "d", minimum=0)
    carry_cap_days = whole("Most days of stock that are carried over", "d", minimum=0)
    source = text("Publication or house rule")


@table("ref.supply_duration", grain="one row per ingredient and form", unit="population")
class SupplyDuration(dy.Schema):
    """How long one administration lasts where the record gives no days of supply."""

    ingredient = text("Ingredient", key=True)
    form_code = text("Form", key=True)
    duration_days = whole("Days", "d", minimum=1)
    source = text("Label or house rule")


VARIANTS = ("central", "low", "high")


@table("ref.pharmacokinetic", grain="one row per ingredient and variant", unit="population")
class Pharmacokinetic(dy.Schema):
    """One-compartment parameters; `low` and `high` are the ends of what is known, named after the concentration they give."""

    ingredient = text("Aromatase inhibitor", key=True)
    variant_code = text("Which end of what is known", key=True, allowed=VARIANTS)
    clearance_l_per_h = number("Apparent clearance CL/F", "L/h", minimum=0)
    volume_l = number("Apparent volume V/F", "L", minimum=0)
    absorption_per_h = number("First-order absorption rate ka", "/h", minimum=0)
    source = text("Publication or house rule")


@table("ref.inhibition", grain="one row per sex, ingredient and variant", unit="population")
class Inhibition(dy.Schema):
    """Fall of estradiol (men: of estradiol over testosterone) with dose: imax * D / (d50 + D), D as a share of the label."""

    sex_code = text("Sex; women after menopause", key=True, allowed=("female", "male"))
    ingredient = text("Aromatase inhibitor", key=True)
    variant_code = text("Centre or end of the prior", key=True, allowed=VARIANTS)
    imax_pct = number("Largest fall", "%", minimum=0, maximum=100)
    d50_label_pct = number("Dose with half of the largest fall, share of the labelled dose", "%", minimum=0)
    source = text("Publication or house rule")
