"""CYP19A1 as told: one genotype a person, long alleles counted, and records that disagree tell nothing."""

import pytest

TABLE = "features.genotype"
COLUMNS = ("rs700518_a", "rs4646_t", "rs10046_t", "ttta_shorter", "ttta_longer", "ttta_long", "is_conflicting")


@pytest.fixture
def genotype(run_sql):
    def run(*told):
        rows = [f"1 | cyp19a1_{name} | {n} | {value}" for n, (name, value) in enumerate(told, 1)]
        found = run_sql(TABLE, {
            "staging.observation": "\n".join(("person_id | observation_code | reading_number | value", *rows)),
        })  # fmt: skip
        return [tuple(row[name] for name in COLUMNS) for row in found]

    return run


def test_variants_side_by_side(genotype):
    told = (("rs700518", 2), ("rs4646", 0), ("rs10046", 1), ("ttta_shorter", 7), ("ttta_longer", 11))
    assert genotype(*told) == [(2, 0, 1, 7, 11, 1, False)]


@pytest.mark.parametrize(("shorter", "longer", "long"), [(7, 9, 0), (9, 10, 1), (10, 12, 2)])
def test_more_than_nine_repeats_are_long(genotype, shorter, longer, long):
    assert genotype(("ttta_shorter", shorter), ("ttta_longer", longer))[0][5] == long


def test_told_twice_alike_is_one_and_otherwise_none(genotype):
    assert genotype(("rs4646", 1), ("rs4646", 1), ("rs10046", 2)) == [(None, 1, 2, None, None, None, False)]
    assert genotype(("rs4646", 1), ("rs4646", 2), ("rs10046", 2)) == [(None, None, 2, None, None, None, True)]


def test_nobody_without_one(run_sql):
    assert run_sql(TABLE, {}) == []
