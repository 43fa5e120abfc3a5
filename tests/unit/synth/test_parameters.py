"""A truth file that is wrong is refused with the file, the line and what is allowed; a right one changes what it names."""

import re

import pytest

from pipelines.errors import BadInput
from pipelines.synth.parameters import DEFAULT_FILE, load_parameters


def problems(tmp_path, text: str) -> list[str]:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        load_parameters(path)
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[bone]\n\nthreshold_wimen = 5.0\n", 3, ["unknown parameter", "bone.threshold_women", "0.5 to 30 pg/mL"]),
        ("[nothing]\nat_all = 1\n", 2, ["unknown parameter 'nothing.at_all'", "truth.toml"]),
        ("[event]\nhip_fracture_rate_women = -1.0\n", 2, ["-1 is impossible", "0 to 1000 1/1000a"]),
        ("[event]\nhip_fracture_rate_women = 5000\n", 2, ["5000 is impossible", "0 to 1000 1/1000a"]),
        ("[event]\n# rate\nhip_fracture_rate_women = nan\n", 3, ["nan is impossible", "0 to 1000 1/1000a"]),
        ("[event]\nhip_fracture_rate_women = inf\n", 2, ["inf is impossible", "0 to 1000 1/1000a"]),
        (
            '[bone]\nthreshold_men = { value = 50.0, unit = "pmol/L" }\n',
            2,
            ["unit must be 'pg/mL'", "1 to 40 pg/mL"],
        ),
        ('[bone]\nthreshold_men = "13.5"\n', 2, ["must be a number", "1 to 40 pg/mL"]),
        ("[bone]\nthreshold_men = true\n", 2, ["must be a number", "1 to 40 pg/mL"]),
        ("[bone]\nthreshold_men = [1.0, 2.0]\n", 2, ["must be a number", "1 to 40 pg/mL"]),
        ("[bone]\nthreshold_men = { value = 10.0, sauce = 1 }\n", 2, ["may hold value, unit", "1 to 40 pg/mL"]),
        ("[bone]\nthreshold_men = { value = 10.0, range = [0.0, 99.0] }\n", 2, ["range is fixed", "1 to 40 pg/mL"]),
        ("[difficulty]\nprevalent_users = 1\n", 2, ["must be true or false"]),
        ("[aromatase]\nmaximum_women = [0.8, 0.8]\n", 2, ["list of 3 numbers", "0 to 0.999 share"]),
        ("[aromatase]\nmaximum_women = [0.8, 0.8, 1.2]\n", 2, ["1.2 is impossible", "0 to 0.999 share"]),
        ("[people]\nshare_restart = 0.9\n", 2, ["people.share_* add up to more than 1", "0 to 1"]),
        ("[people]\nrace_shares = [0.5, 0.5, 0.5, 0.5]\n", 2, ["adds up to 2, not 1", "0 to 1 share"]),
        ("[bone]\nthreshold_men = 9.0\nthreshold_men = 8.0\n", 3, ["already given in line 2", "1 to 40 pg/mL"]),
        ("[bone]\nthreshold_men = 9.0\n[bone]\nthreshold_women = 4.0\n", 3, ["not TOML"]),
        ("[bone]\nthreshold_men 9.0\n", 2, ["not TOML", "[section]"]),
        ("stray = 1\n", 1, ["outside any [section]"]),
    ],
)
def test_refused_with_line_and_range(tmp_path, text, line, words):
    said = problems(tmp_path, text)
    assert len(said) == 1
    assert said[0].startswith(f"mine.toml, line {line}: ")
    for word in words:
        assert word in said[0]


def test_every_problem_at_once(tmp_path):
    said = problems(tmp_path, "[bone]\nthreshold_men = 99\nreference_sd = 3\n[event]\nunheard_of = 1\n")
    assert [re.match(r"mine\.toml, line (\d+)", one).group(1) for one in said] == ["2", "3", "5"]


def test_not_text_and_absent_files(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    for wrong in (path, tmp_path / "absent.toml"):
        with pytest.raises(BadInput, match=f"{wrong.name}: cannot be read"):
            load_parameters(wrong)


def test_values_named_change_and_no_others(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[bone]\nthreshold_men = { value = 10, unit = "pg/mL" }\n[difficulty]\nprevalent_users = false\n',
        encoding="utf-8",
    )
    before, after = load_parameters(), load_parameters(path)
    changed = {key for key in before.entries if before.entries[key] != after.entries[key]}
    assert changed == {"bone.threshold_men", "difficulty.prevalent_users"}
    assert after.number("bone.threshold_men") == 10.0
    assert not after.flag("difficulty.prevalent_users")
    assert before.fingerprint() != after.fingerprint()


def test_the_default_file_is_a_valid_override_of_itself():
    assert load_parameters(DEFAULT_FILE).fingerprint() == load_parameters().fingerprint()


def test_replace_refuses_like_a_file():
    with pytest.raises(BadInput) as refused:
        load_parameters().replace({"bone.nothing": 1.0, "bone.threshold_men": 500.0})
    assert "unknown parameter 'bone.nothing'" in refused.value.problems[0]
    assert "allowed range 1 to 40 pg/mL" in refused.value.problems[1]
