"""The truth that `trabecula simulate` writes: there, the same whatever the processes, refused when the file is wrong."""

import json

import pytest

from pipelines.synth.answers import answers
from pipelines.synth.parameters import load_parameters


def test_truth_is_written_and_does_not_depend_on_the_records(call, tmp_path):
    out = tmp_path / "simulated"
    arguments = ("--persons", "40", "--seed", "6", "--truth-persons", "30", "--processes", "2")
    result = call("simulate", *arguments, "--out", out)
    assert result.returncode == 0, result.stderr
    text = (out / "truth.json").read_text(encoding="utf-8")
    told = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))["truth"]
    # neither the number of records nor the processes enter: the same call without them says the same
    assert told == answers(load_parameters(), 6, 30)
    assert told["persons"] == 30
    assert told["ai_vs_tamoxifen"]["contrasts"]["aromatase_inhibitor vs tamoxifen"]["lumbar_spine_24_months"]
    assert told["naive"]["fracture_5_years"]["study"] == "ai_fracture"
    assert told["parameters"]["e2_threshold"]["unit"] == "pg/mL"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[bone]\nthreshold_mem = 1.0\n", "line 2: unknown parameter 'bone.threshold_mem'"),
        (
            "[event]\n\nhip_fracture_rate_women = -3.0\n",
            "line 3: event.hip_fracture_rate_women: -3 is impossible; allowed range 0",
        ),
        (
            '[bone]\nthreshold_men = { value = 9.0, unit = "ng/mL" }\n',
            "line 2: bone.threshold_men: unit must be 'pg/mL'",
        ),
        ("[bone\n", "line 1: not TOML"),
    ],
)
def test_wrong_truth_files_end_with_2_and_write_nothing(call, tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    result = call("simulate", "--persons", "10", "--out", tmp_path / "out", "--truth", path)
    assert result.returncode == 2
    assert f"bad.toml, {said}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
