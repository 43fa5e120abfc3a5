"""A transport file cut anywhere is refused, but for the one cut that the format cannot show."""

import random

import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import BadInput
from pipelines.sources.nhanes import xpt


@st.composite
def frames(draw):
    rows = draw(st.integers(1, 40))
    columns = {"SEQN": [float(row + 1) for row in range(rows)]}
    for number in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            columns[f"N{number}"] = draw(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=rows, max_size=rows))
        else:
            text = st.text("abcXYZ 019", max_size=9)
            columns[f"T{number}"] = draw(st.lists(text, min_size=rows, max_size=rows))
    schema = {name: pl.String if name.startswith("T") else pl.Float64 for name in columns}
    return pl.DataFrame(columns, schema=schema)


def cannot_be_seen(content: bytes, structure: xpt.XptStructure, cut: int) -> bool:
    """The exception that `xpt.inspect` documents: a multiple of 80 between two rows, or after blanks of the next."""
    if cut % xpt.RECORD or cut < structure.data_offset:
        return False
    rest = (cut - structure.data_offset) % structure.row_length
    return rest < xpt.RECORD and not content[cut - rest : cut].strip(b" ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=frames(), seed=st.integers(0, 2**32))
def test_a_cut_is_refused_or_documented(tmp_path, frame, seed):
    path = tmp_path / "X.xpt"
    pyreadstat.write_xport(frame, path, file_format_version=5, table_name="DEMO_H")
    structure = xpt.inspect(path)
    assert structure.rows == frame.height
    content = path.read_bytes()
    cuts = {*range(0, len(content), xpt.RECORD), *random.Random(seed).sample(range(len(content)), 20)}
    for cut in sorted(cuts):
        path.write_bytes(content[:cut])
        if cannot_be_seen(content, structure, cut):
            shorter = xpt.inspect(path)
            assert shorter.rows == (cut - structure.data_offset) // structure.row_length
        else:
            with pytest.raises(BadInput, match=r"truncated|not a SAS transport file"):
                xpt.inspect(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=frames())
def test_what_is_written_is_read(tmp_path, frame):
    path = tmp_path / "X.xpt"
    pyreadstat.write_xport(frame, path, file_format_version=5, table_name="DEMO_H")
    read = xpt.read(path)
    assert read.columns == frame.columns
    for name in frame.columns:
        if frame.schema[name] == pl.String:
            assert read[name].to_list() == [text.rstrip(" ") for text in frame[name]]
        else:
            written = frame[name]
            assert read[name].is_null().to_list() == written.is_null().to_list()
            assert ((read[name] - written).abs() <= 1e-12 * written.abs() + 1e-70).fill_null(True).all()


def test_real_files_cut_at_every_record(nhanes, tmp_path):
    """CDC's own OSQ_H has rows of 728 bytes, so that one record in 91 ends a row and can be the last unseen."""
    original = nhanes / "xpt" / "OSQ_H.XPT"
    structure, content = xpt.inspect(original), original.read_bytes()
    path = tmp_path / "OSQ_H.XPT"
    cuts = range(0, len(content), 80 * 61)
    between_rows = [cut for cut in cuts if cut >= structure.data_offset and (cut - structure.data_offset) % 728 == 0]
    unseen = []
    for cut in cuts:
        path.write_bytes(content[:cut])
        try:
            xpt.inspect(path)
            unseen.append(cut)
        except BadInput:
            continue
    assert unseen == between_rows
    assert 0 < len(unseen) < 0.02 * len(cuts)
