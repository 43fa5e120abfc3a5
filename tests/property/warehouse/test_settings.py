"""Any path a file system can hold is read back as it was written."""

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.settings import Settings, load

# Line breaks and control characters are left to a test of their own: names of folders hold them by accident only.
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(PATHS, st.integers(11, 10**6), st.floats(0.001, 4096))
def test_write_and_load_are_inverse(folder, min_cell, memory_gb):
    with tempfile.TemporaryDirectory() as base:
        written = replace(Settings(home=Path(base).resolve()), folder=folder, min_cell=min_cell, memory_gb=memory_gb)
        written.write()
        assert load(written.home) == written
