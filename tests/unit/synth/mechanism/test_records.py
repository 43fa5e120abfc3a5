"""Single elements of the lives: paired pressures, repeats, semen analyses, gonadorelin, estriol, gynecological disease."""

import numpy as np
import polars as pl
import pytest

from pipelines.synth.mechanism import hazards
from pipelines.synth.mechanism.people import STEP_DAYS, Design, make_people
from pipelines.synth.mechanism.simulate import simulate
from pipelines.synth.parameters import load_parameters

P = load_parameters()
SEED = 8


@pytest.fixture(scope="module")
def lives():
    return simulate(P, SEED, 1, 2500, with_exposures=False)


@pytest.fixture(scope="module")
def people():
    return make_people(P, SEED, 1, 20_000, Design())


def test_pressures_of_a_visit_are_correlated_and_never_inverted(lives):
    names = {"systolic_pressure": "above", "diastolic_pressure": "below"}
    one, other = (
        lives.observations.filter(pl.col("observation") == name)
        .group_by("person", "day")
        .agg(pl.col("measured_value").first().alias(column))
        for name, column in names.items()
    )
    pairs = one.join(other, on=["person", "day"])
    assert pairs.height > 5000
    assert 0.6 < pairs.select(pl.corr("above", "below")).item() < 0.7
    gap = (pairs["above"] - pairs["below"]).min()
    assert gap >= P.number("observation_effect.least_pulse_pressure") - 0.01


def test_long_repeats_go_with_rs10046_t_and_do_not_move_estradiol(people):
    long = (people.repeats > P.number("people.ttta_short_repeats")).sum(axis=0)
    shares = [P.number(f"people.ttta_long_share_{allele}") for allele in ("c", "t")]
    for dosage in (0, 1, 2):
        mine = people.genotype[2] == dosage
        expected = (2 - dosage) * shares[0] + dosage * shares[1]
        assert long[mine].mean() == pytest.approx(expected, abs=0.03)
    assert (people.repeats[0] <= people.repeats[1]).all()
    moved = P.replace({"hormone.estradiol_per_long_ttta_allele": 0.2})
    other = make_people(moved, SEED, 1, 2000, Design())
    ratio = np.log(other.estradiol / people.estradiol[:2000])
    old = people.menopause[:2000] != 1  # before menopause the ovary, not fat, sets the level
    np.testing.assert_allclose(ratio[old], 0.2 * (long[:2000][old] - 1.0), atol=1e-6)


def test_semen_is_analysed_in_men_who_restart_on_the_day_of_its_procedure(lives):
    counted = lives.draws.filter(pl.col("analyte") == "sperm_concentration")
    done = lives.procedures.filter(pl.col("procedure") == "semen_analysis").select("person", "day")
    assert counted.height > 100
    assert done.sort("person", "day").equals(counted.select("person", "day").sort("person", "day"))
    restart = lives.people.filter(pl.col("protocol") == "restart")["person"]
    assert counted["person"].is_in(restart.implode()).all()
    # the axis opens again: more sperm a year on than when it began
    first = counted.filter(pl.col("reason") == "baseline")["true_value"].log().mean()
    days = pl.col("day") - pl.col("day").min().over("person")
    assert counted.filter(days > 250)["true_value"].log().mean() > first + 0.5


def test_gonadorelin_beside_testosterone_raises_lh_and_only_in_some_men(lives):
    orders = lives.orders.join(lives.people.select("person", "protocol"), on="person")
    given = orders.filter((pl.col("ingredient") == "gonadorelin") & (pl.col("protocol") == "male_testosterone"))
    assert set(given["indication"]) == {"hypogonadism"}
    assert set(given["route"]) == {"subcutaneous"}
    treated = orders.filter((pl.col("ingredient") == "testosterone") & (pl.col("protocol") == "male_testosterone"))
    share = given["person"].n_unique() / treated["person"].n_unique()
    assert share == pytest.approx(P.number("assignment.gonadorelin_beside_testosterone_share"), abs=0.05)
    on_drug = lives.draws.filter((pl.col("analyte") == "lh") & (pl.col("reason") == "titration"))
    beside = pl.col("person").is_in(given["person"].implode())
    men = on_drug.filter(pl.col("person").is_in(treated["person"].implode()))
    assert men.filter(beside)["true_value"].log().mean() > men.filter(~beside)["true_value"].log().mean() + 0.15


def test_estriol_follows_estradiol_and_has_a_limit(lives):
    draws = lives.draws.filter(pl.col("analyte").is_in(["estriol", "estradiol"]))
    pairs = draws.pivot("analyte", index=["person", "draw"], values="true_value").drop_nulls()
    pairs = pairs.join(lives.people.select("person", "sex"), on="person").filter(pl.col("sex") == "female")
    assert pairs.height > 100
    assert pairs.select(pl.corr(pl.col("estriol").log(), pl.col("estradiol").log())).item() > 0.8
    limits = draws.filter(pl.col("analyte") == "estriol")["assay_limit"].unique().to_list()
    assert limits == pytest.approx([P.number("assay.estriol_limit")])


def test_gynecological_disease_comes_to_women_and_with_estradiol(people):
    assert not (people.is_male & (people.has_endometriosis | people.has_fibroids)).any()
    clock = hazards.make_clock(P, SEED, people, STEP_DAYS)
    rows = [hazards.row(name) for name in hazards.GYNECOLOGICAL]
    assert (clock.rate[rows][:, people.is_male] == 0.0).all()
    assert (clock.rate[rows[0]][people.has_endometriosis] == 0.0).all()
    assert (clock.rate[rows[1]][people.has_fibroids] == 0.0).all()
    free = ~people.is_male & ~people.has_fibroids
    age = np.exp(P.number("event.fibroids_per_year_of_age") * (people.age - 65.0))
    # rate before menopause of women of 40 at 85 pg/mL, per 1000 woman-years: Marshall 1997 found 8.9 in white women
    typical = P.number("event.fibroids_rate_women") * np.exp(-0.02 * (40.0 - 65.0)) * 85.0 / 50.0
    assert 6.0 < typical < 12.0
    black, white = (free & (people.race == race) for race in (1, 0))
    frail = np.exp(P.number("risk.frailty") * people.frailty)
    ratio = [(clock.rate[rows[1]][who] / (age * frail)[who]).mean() for who in (black, white)]
    assert ratio[0] / ratio[1] == pytest.approx(P.number("risk.fibroids_black"), rel=1e-3)
