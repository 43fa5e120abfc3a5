"""Nights struck by faults other than a kill: the whole campaign with `make test-slow`."""

import os

import pytest


def must_hold(found: dict) -> None:
    assert found["failures"] == {}
    # After damaged files were taken away the job tries once more by itself.
    assert all(fault["attempts_after"] <= 2 for fault in found["faults"].values())
    for name in ("disk full", "disk read-only", "memory limit"):
        assert found["faults"][name]["struck_night"] != "ended well", f"{name}: nothing was struck"
    for name in ("input grows while it is read", "input replaced while it is read"):
        assert "changed while they were read" in found["faults"][name]["told"]
    assert "another run is writing" in found["faults"]["two runs at once"]["told"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system in memory: needs root")
def test_every_fault(campaign):
    must_hold(campaign("struck.py", "--layer", "ref", "--layer", "staging"))
