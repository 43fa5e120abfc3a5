"""Nights struck by faults other than a kill: the whole campaign with `make test-slow`, and what it found, frozen.

`struck.json` is of `struck.py --layer ref --layer staging`.
"""

import json
import os
import runpy
from pathlib import Path

import pytest


def must_hold(found: dict) -> None:
    assert found["failures"] == {}
    # After damaged files were taken away the job tries once more by itself.
    assert all(fault["attempts_after"] <= 2 for fault in found["faults"].values())
    for name in ("disk full", "disk read-only", "memory limit"):
        assert found["faults"][name]["struck_night"] != "ended well", f"{name}: nothing was struck"
    for name in ("input grows while it is read", "input replaced while it is read"):
        assert "changed while they were read" in found["faults"][name]["told"]
    # By a wrong clock other rows lie in the future: shown that night, and put right by the next one, which equals the new.
    for name in ("clock 400 days ahead", "clock set back"):
        assert found["faults"][name]["published_then"] == "by the clock as it was"
        assert found["faults"][name]["attempts_after"] == 1
    assert "another run is writing" in found["faults"]["two runs at once"]["told"]


def test_the_frozen_campaign_held():
    found = json.loads(Path(__file__).with_name("struck.json").read_text())
    must_hold(found)
    assert set(found["faults"]) == set(runpy.run_path(str(Path(__file__).with_name("struck.py")))["FAULTS"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system in memory: needs root")
def test_every_fault(campaign):
    must_hold(campaign("struck.py", "--layer", "ref", "--layer", "staging"))
