"""What a drop cannot answer, said by cycle."""

from pipelines.sources.nhanes import drop
from pipelines.sources.nhanes.cycle import cycle_of_tag
from pipelines.sources.nhanes.missing import PIECES, missing_pieces

G, H = cycle_of_tag("G"), cycle_of_tag("H")


def test_a_table_without_its_column_does_not_give_it():
    tables = [("tst", G, ("SEQN", "LBXTST")), ("tst", H, ("SEQN", "LBXTST", "LBXEST"))]
    missing = {(piece.cycle, piece.gives): piece for piece in missing_pieces(tables)}
    assert missing[G, "estradiol"].text == "2011-2012: TST without it: no estradiol"
    assert missing[G, "femoral BMD"].text == "2011-2012: no DXXFEM: no femoral BMD"
    assert missing[G, "total cholesterol"].families == ("tchol", "lab13")
    assert (G, "testosterone") not in missing
    assert (H, "estradiol") not in missing
    assert missing[None, "drug classes"].text == "all cycles: no RXQ_DRUG: no drug classes"


def test_either_source_will_do():
    given = {piece.gives for piece in missing_pieces([("bpxo", H, ("SEQN",)), ("lab13", H, ("SEQN",))])}
    assert not given & {"blood pressure", "total cholesterol", "HDL cholesterol"}
    assert "body measures" in given


def test_nothing_is_missing_where_all_is_there():
    columns = tuple({column for piece in PIECES for _, needed in piece.sources for column in needed})
    families = {family for piece in PIECES if piece.per_cycle for family, _ in piece.sources}
    assert missing_pieces([*((family, H, columns) for family in families), ("rxq_drug", None, ())]) == ()


def test_the_public_folder(nhanes):
    """The table of the folder's README: which cycle has estradiol, femur, spine and whole-body BMD."""
    lacking = {(piece.cycle.first_year, piece.gives) for piece in drop.missing(drop.examine(nhanes)) if piece.cycle}

    def years_without(what):
        return [year for year in (1999, 2001, 2003, 2005, 2009, 2011, 2013) if (year, what) in lacking]

    assert years_without("estradiol") == [2005, 2009, 2011]
    assert years_without("testosterone") == [2005, 2009]
    assert years_without("femoral BMD") == years_without("lumbar spine BMD") == [1999, 2001, 2003, 2011]
    assert years_without("whole-body BMD") == [2009, 2011, 2013]
    assert years_without("deaths") == [1999, 2001, 2009]
    assert years_without("bone turnover markers") == [2005, 2009, 2011, 2013]
    assert years_without("fractures and osteoporosis") == [2011]
    assert not years_without("age, sex and survey design: none of its people can be used")
