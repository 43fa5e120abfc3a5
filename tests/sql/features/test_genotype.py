"""CYP19A1: alleles as told, long repeats from ten on, and records that disagree."""

import pytest

TABLE = "features.genotype"
HEADER = "person_id | observation_code | value"


@pytest.fixture
def types(run_sql):
    def run(**told):
        lines = [f"1 | cyp19a1_{code} | {value}" for code, values in told.items() for value in values]
        return run_sql(TABLE, {"staging.observation": "\n".join((HEADER, *lines))})

    return run


def test_alleles_as_told(types, only):
    row = only(types(rs700518=[2], rs4646=[0], rs10046=[1]))
    assert [row[c] for c in ("rs700518_a", "rs4646_t", "rs10046_t")] == [2, 0, 1]
    assert (row["ttta_shorter"], row["ttta_long"], row["is_conflicting"]) == (None, None, False)


@pytest.mark.parametrize(("shorter", "longer", "long"), [(7, 9, 0), (7, 10, 1), (9, 11, 1), (10, 10, 2), (10, 12, 2)])
def test_long_alleles_have_more_than_nine_repeats(types, only, shorter, longer, long):
    """Gennari 2004, J Clin Endocrinol Metab 89:2803."""
    assert only(types(ttta_shorter=[shorter], ttta_longer=[longer]))["ttta_long"] == long


def test_one_allele_alone_does_not_tell_how_many_are_long(types, only):
    row = only(types(ttta_longer=[12]))
    assert (row["ttta_longer"], row["ttta_long"]) == (12, None)


def test_records_that_disagree_tell_nothing(types, only):
    row = only(types(rs4646=[0, 1], rs10046=[1, 1]))
    assert (row["rs4646_t"], row["rs10046_t"], row["is_conflicting"]) == (None, 1, True)


def test_nobody_without_a_genotype(run_sql):
    assert run_sql(TABLE, {"staging.observation": f"{HEADER}\n1 | weight | 80"}) == []


def test_repeats_of_both_alleles(types, only):
    row = only(types(ttta_shorter=[7], ttta_longer=[11]))
    assert (row["ttta_shorter"], row["ttta_longer"]) == (7, 11)
