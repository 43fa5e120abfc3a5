"""The simulator's truth as rows: means, ratios as logarithms, parameters; nothing of a real drop; wrong files refused."""

import json
import math
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.sources.planted_truth import planted_truth

RISK = {
    "risk": {"value": 0.06, "standard_error": 0.001},
    "risk_reference": {"value": 0.04, "standard_error": 0.001},
    "risk_difference": {"value": 0.02, "standard_error": 0.001},
    "risk_ratio": {"value": 1.5, "log_standard_error": 0.04},
    "hazard_ratio": {"value": None, "log_standard_error": None},
}
MEAN = {name: {"value": -2.6, "standard_error": 0.1} for name in ("mean", "mean_reference", "difference")}
TRUTH = {
    "persons": 2000,
    "definitions": {"bone": "words"},
    "parameters": {"e2_threshold": {"unit": "pg/mL", "men": 13.5, "postmenopausal_women": 5.0}},
    "ai_vs_tamoxifen": {"contrasts": {"a vs b": {"lumbar_spine_24_months": MEAN, "hip_fracture": {"5_years": RISK}}}},
}


def written(folder: Path, content: object) -> Path:
    path = folder / "truth.json"
    path.write_text(json.dumps(content))
    return path


def rows(path: Path | None) -> dict[tuple[str, str, str], tuple[float, float]]:
    frame, _ = planted_truth(path)
    return {row[:3]: row[3:] for row in frame.iter_rows()}


def test_means_ratios_and_parameters(tmp_path):
    found = rows(written(tmp_path, {"evidence_source": "simulated", "truth": TRUTH}))
    assert found == {
        ("ai_vs_tamoxifen", "a vs b", "lumbar_spine_24_months"): (-2.6, 0.1),
        ("ai_vs_tamoxifen", "a vs b", "hip_fracture/5_years/log_risk_ratio"): (math.log(1.5), 0.04),
        ("parameters/e2_threshold", "", "men"): (13.5, 0.0),
        ("parameters/e2_threshold", "", "postmenopausal_women"): (5.0, 0.0),
    }


def test_a_simulated_survey_tells_slopes_per_doubling(tmp_path):
    found = rows(written(tmp_path, {"evidence_source": "simulated", "bmd_per_log_e2_g_cm2": {"femoral_neck": 0.05}}))
    assert found == {("nhanes_e2_bmd", "", "femoral_neck_per_doubling"): (0.05 * math.log(2), 0.0)}


def test_no_truth_no_rows(tmp_path):
    assert rows(None) == {}
    assert rows(written(tmp_path, {"evidence_source": "simulated", "truth": {}})) == {}
    assert planted_truth(None)[1] != planted_truth(tmp_path / "truth.json")[1]


@pytest.mark.parametrize(
    "content", [[], {"truth": {"x": {"contrasts": {"a vs b": {"f": {"difference": 3}}}}}}, {"truth": [1]}]
)
def test_a_truth_of_another_shape_is_refused(tmp_path, content):
    with pytest.raises(BadInput, match=r"truth\.json: not as the simulator writes it"):
        planted_truth(written(tmp_path, content))
