"""Waivers of study files: what may be waived, what is refused with its line, and from when to when one is in force."""

import datetime as dt
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.models import clone_treatment, dose, point_treatment, threshold
from pipelines.trials.study import Study, catalogue, folder, read
from pipelines.trials.waiver import REQUIRED, closing_diagnostics

ORIGINAL = folder() / "ai_vs_tamoxifen.toml"
CONTRAST = catalogue()["ai_vs_tamoxifen"].contrast[0]
ENTRY = {
    "diagnostic": '"censored_share"',
    "contrast": f'"{CONTRAST.words}"',
    "outcome": f'"{CONTRAST.outcome}"',
    "population": f'"{CONTRAST.population}"',
    "date": "2026-02-01",
    "reason": '"A pilot, agreed by the steering group"',
}
FIRST_LINE = ORIGINAL.read_text().count("\n") + 2


def with_entries(path: Path, *entries: dict[str, str]) -> Path:
    """The study of inhibitors and tamoxifen with waivers at its end; the first begins at `FIRST_LINE`."""
    text = ORIGINAL.read_text()
    for entry in entries:
        text += "\n[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items())
    made = path / ORIGINAL.name
    made.write_text(text)
    return made


def refused(path: Path, *entries: dict[str, str]) -> str:
    with pytest.raises(BadInput) as caught:
        read(with_entries(path, *entries))
    return "\n".join(caught.value.problems)


def test_a_waiver_is_part_of_the_protocol(tmp_path: Path) -> None:
    bare = read(with_entries(tmp_path)).protocol_hash
    assert bare == catalogue()["ai_vs_tamoxifen"].protocol_hash, "a study without a waiver keeps its hash"
    found = read(with_entries(tmp_path, ENTRY))
    (waiver,) = found.waiver
    assert (waiver.diagnostic, waiver.date, waiver.until) == ("censored_share", dt.date(2026, 2, 1), None)
    hashes = {bare, found.protocol_hash}
    for change in ({"reason": '"Another"'}, {"date": "2026-02-02"}, {"until": "2026-03-01"}):
        hashes.add(read(with_entries(tmp_path, ENTRY | change)).protocol_hash)
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        ({"diagnostic": '"shoe_size"'}, 1, "no shoe_size closes this gate; there are outcomes_smaller_arm, equipoise"),
        ({"diagnostic": '"propensity_auc"'}, 1, "no propensity_auc closes this gate"),
        ({"diagnostic": '"pairs_in_category"'}, 1, "no pairs_in_category closes this gate"),
        ({"contrast": '"a vs b"'}, 2, "the study asks nothing of a vs b"),
        ({"outcome": '"height"'}, 3, "the study asks nothing of height"),
        ({"population": '"men"'}, 4, "the study asks nothing of men"),
        ({"date": '"2026-02-01"'}, 5, "valid date"),
        ({"date": "20260201"}, 5, "valid date"),
        ({"date": "2026-02-01T00:00:00"}, 5, "valid date"),
        ({"reason": '" "'}, 6, "at least 1 character"),
        ({"reason": '"one\\ntwo"'}, 6, "match pattern"),
        ({"until": "2026-01-31"}, 7, "lies before date"),
        ({"signed_by": '"nobody"'}, 7, "Extra inputs"),
    ],
)
def test_what_is_refused_and_where(tmp_path: Path, change: dict[str, str], line: int, said: str) -> None:
    told = refused(tmp_path, ENTRY | change)
    assert said in told
    assert f"ai_vs_tamoxifen.toml: line {FIRST_LINE + line}: " in told


@pytest.mark.parametrize("missing", ["diagnostic", "contrast", "outcome", "population", "date", "reason"])
def test_nothing_may_be_left_out(tmp_path: Path, missing: str) -> None:
    told = refused(tmp_path, {key: value for key, value in ENTRY.items() if key != missing})
    assert f"waiver.0.{missing}: Field required" in told


def test_a_question_that_is_not_asked_is_refused_though_its_words_are(tmp_path: Path) -> None:
    (waiver,) = read(with_entries(tmp_path, ENTRY)).waiver
    contrast, outcome, population = waiver.question
    other = {
        (contrast, outcome, "others"): REQUIRED["contrast"],
        ("c vs d", outcome, population): REQUIRED["contrast"],
    }
    assert waiver.problem(other) == f"contrast: {contrast} is not asked of {outcome} in {population}"
    assert waiver.problem({}).endswith("there are none")


def test_a_diagnostic_is_waived_once(tmp_path: Path) -> None:
    told = refused(tmp_path, ENTRY, ENTRY | {"reason": '"Another"'})
    assert f"line {FIRST_LINE + 9}: file: " in told or f"line {FIRST_LINE + 9}: " in told
    assert "waived twice for this question" in told


def test_a_survey_waives_nothing(tmp_path: Path) -> None:
    survey = folder() / "nhanes_e2_bmd.toml"
    entry = "".join(f"{key} = {value}\n" for key, value in ENTRY.items())
    (tmp_path / survey.name).write_text(f"{survey.read_text()}\n[[waiver]]\n{entry}")
    with pytest.raises(BadInput, match=r"nhanes_e2_bmd\.toml: line \d+: .*none can be waived"):
        read(tmp_path / survey.name)


def test_both_days_belong_to_a_waiver(tmp_path: Path) -> None:
    (waiver,) = read(with_entries(tmp_path, ENTRY | {"until": "2026-02-03"})).waiver
    days = [dt.date(2026, 1, 31), dt.date(2026, 2, 1), dt.date(2026, 2, 3), dt.date(2026, 2, 4)]
    assert [waiver.force(day) for day in days] == ["not yet in force", "in force", "in force", "expired"]
    (endless,) = read(with_entries(tmp_path, ENTRY)).waiver
    assert endless.force(dt.date(2099, 1, 1)) == "in force"


def test_every_question_of_every_study_has_diagnostics_to_close_it() -> None:
    for study in catalogue().values():
        known = closing_diagnostics(study.contrast, study.curve, study.dose, study.policy)
        n = _questions(study)
        assert len(known) == n and all(known.values())


def test_the_names_are_those_of_the_estimators() -> None:
    """Every name is written where the diagnostic is made; the tables' own tests see the rows."""
    made = {
        "contrast": (point_treatment, clone_treatment),
        "curve": (threshold,),
        "dose": (dose,),
    }
    for kind, modules in made.items():
        for module in modules:
            text = Path(module.__file__).read_text() + Path(point_treatment.__file__).read_text()
            assert [name for name in REQUIRED[kind] if f'"{name}"' not in text] == [], kind


def _questions(study: Study) -> int:
    doses = sum(len(each.contrasts) for each in study.dose)
    policies = sum(len(each.groups) * len(each.regimes) * len(each.outcomes) for each in study.policy)
    return len(study.contrast) + len(study.curve) + doses + policies
