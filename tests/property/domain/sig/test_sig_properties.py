"""What holds for any instruction: no text raises, layout does not matter, doubt is never silent, ranges give no dose."""

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipelines.domain.sig import CONFIDENCE_VALUE, REASONS, Sig, parse

AMOUNTS = {"1/2": 0.5, "half a": 0.5, "0.5": 0.5, "1": 1.0, "one": 1.0, "2": 2.0, "two": 2.0, "1 1/2": 1.5, ".25": 0.25}
UNITS = {"tab": "tablet", "tablets": "tablet", "capsule": "capsule", "mg": "mg", "mL": "mL"}
FREQUENCIES = {
    "daily": 7.0, "once a day": 7.0, "bid": 14.0, "qod": 3.5, "every other day": 3.5, "twice weekly": 2.0, "2x/wk": 2.0,
    "q3d": 7 / 3,
    "every 3 days": 7 / 3, "MWF": 3.0, "on Monday and Thursday": 2.0, "weekly": 1.0, "every 2 weeks": 0.5, "q84h": 2.0,
    "E3.5D": 2.0,
    "every 10 days": 0.7, "at bedtime": 7.0, "three times a week": 3.0, "fortnightly": 0.5, "monthly": 0.229979,
}  # fmt: skip
FOREIGN = {
    "1 tableta dos veces por semana": 2.0, "1 comprimido cada 8 horas": 21.0, "1 Tablette zweimal täglich": 14.0,
    "1 Kapsel alle 2 Wochen": 0.5, "1 comprimé tous les 2 jours": 3.5, "1 gélule trois fois par semaine": 3.0,
}  # fmt: skip
UNKNOWN = ("blorf", "zzyzx", "qwrty", "plorting", "ñandú", "щетка", "薬")
plain_sigs = st.tuples(st.sampled_from(list(AMOUNTS)), st.sampled_from(list(UNITS)), st.sampled_from(list(FREQUENCIES)))
_WIDE = st.text(alphabet=st.characters(), max_size=200)
_DOSE_WORDS = st.lists(
    st.sampled_from(
        [*AMOUNTS, *UNITS, *FREQUENCIES, "to", "-", "or", "then", "if", "E2", ">", "40", "prn", "stop", "x",
         "4", "(", ")", "/", ",",
         ".",
         "split", "max", "every", "with", "injection", "units", "à", "un", "jour", "sur", "1-0-1",
         "e", "1.62 %", "=", "testosterone"]
    ),
    max_size=25,
).map(" ".join)  # fmt: skip


def _facts(sig: Sig) -> tuple:
    return (sig.amount, sig.unit, sig.times_per_week, sig.is_prn, sig.mg_per_week, sig.confidence, sig.flags)


def _sound(sig: Sig) -> None:
    for number in (sig.amount, sig.times_per_week, sig.mg_per_week):
        assert number is None or (math.isfinite(number) and number > 0)
    assert set(sig.flags) <= set(REASONS)
    assert sig.flags == tuple(sorted(sig.flags))
    assert sig.confidence_value == CONFIDENCE_VALUE[sig.confidence]
    if sig.is_prn:
        assert sig.mg_per_week is None
    if any(REASONS[flag] != "high" for flag in sig.flags):
        assert sig.is_flagged


@given(
    _WIDE | _DOSE_WORDS | st.none(),
    st.sampled_from([None, "1 mg", "200 mg/mL", "testosterone 200 mg/mL / anastrozole 0.5 mg/mL"]),
)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str | None, strength: str | None) -> None:
    _sound(parse(text, drug="anastrozole", strength=strength, quantity=30, days_supply=30))


@given(st.text(max_size=60), st.text(max_size=60), st.floats(), st.floats())
@settings(max_examples=200, deadline=None)
def test_any_row_is_read_or_refused(drug: str, strength: str, quantity: float, days: float) -> None:
    _sound(parse("as directed", drug=drug, strength=strength, quantity=quantity, days_supply=days))


@given(plain_sigs)
@settings(max_examples=300, deadline=None)
def test_plain_sig_is_read_exactly(parts: tuple[str, str, str]) -> None:
    amount, unit, frequency = parts
    sig = parse(f"{amount} {unit} {frequency}")
    assert sig.amount == pytest.approx(AMOUNTS[amount])
    assert sig.unit == UNITS[unit]
    assert sig.times_per_week == pytest.approx(FREQUENCIES[frequency], rel=1e-4)
    assert sig.confidence == "high"


@given(
    plain_sigs,
    st.sampled_from(["upper", "lower", "title"]),
    st.sampled_from(["  ", "\t", " \n", "\u00a0"]),
    st.sampled_from(["", ".", " .", ";", "!"]),
)
@settings(max_examples=300, deadline=None)
def test_case_spaces_and_last_stop_do_not_matter(parts: tuple[str, str, str], case: str, space: str, stop: str) -> None:
    text = "take {} {} {}".format(*parts)
    space = " " if "\n" in space else space  # a new line ends a sentence
    changed = getattr(text, case)().replace(" ", space) + stop
    assert _facts(parse(f"  {changed} ", strength="1 mg")) == _facts(parse(text, strength="1 mg"))


@given(plain_sigs, st.sampled_from([". ", "; ", " - ", ". Take ", " ("]))
@settings(max_examples=200, deadline=None)
def test_repeated_statement_counts_once(parts: tuple[str, str, str], joint: str) -> None:
    text = "{} {} {}".format(*parts)
    twice = f"{text}{joint}{text}" + (")" if "(" in joint else "")
    first, again = parse(text, strength="1 mg"), parse(twice, strength="1 mg")
    assert (again.amount, again.times_per_week, again.mg_per_week) == (
        first.amount,
        first.times_per_week,
        first.mg_per_week,
    )


@given(plain_sigs, st.sampled_from(UNKNOWN), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_unknown_word_is_never_silent(parts: tuple[str, str, str], word: str, place: int) -> None:
    pieces = list(parts)
    pieces.insert(place, word)
    assert parse(" ".join(pieces), strength="1 mg").is_flagged


@given(_WIDE.filter(lambda text: any(letter.isalpha() for letter in text)))
@example("µ❶")
@settings(max_examples=200, deadline=None)
def test_noise_around_a_dose_is_never_trusted_unless_read(noise: str) -> None:
    sig = parse(f"1 mg daily {noise} vxqz", strength="1 mg")
    assert sig.confidence != "high"


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["-", " - ", " to ", " or "]),
    st.sampled_from(["tab", "mg", "units", "tabletas"]),
    st.sampled_from(list(FREQUENCIES)),
)
@settings(max_examples=200, deadline=None)
def test_range_of_amount_gives_no_dose(low: int, high: int, joint: str, unit: str, frequency: str) -> None:
    assume(low < high)
    sig = parse(f"{low}{joint}{high} {unit} {frequency}", strength="1 mg")
    assert (sig.amount, sig.mg_per_week) == (None, None)
    assert sig.is_flagged


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["{}-{} times a week", "every {} to {} days", "q{}-{}d", "{} or {} x/wk", "alle {} bis {} Tage"]),
)
@settings(max_examples=100, deadline=None)
def test_range_of_frequency_gives_no_dose(low: int, high: int, form: str) -> None:
    assume(low < high)
    sig = parse("1 mg " + form.format(low, high))
    assert (sig.times_per_week, sig.mg_per_week) == (None, None)
    assert sig.is_flagged


@given(st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_longer_interval_means_fewer_times(shorter: int, longer: int) -> None:
    assume(shorter < longer)
    often, seldom = (parse(f"1 mg every {days} days") for days in (shorter, longer))
    assert often.times_per_week > seldom.times_per_week
    assert often.times_per_week == pytest.approx(7 / shorter)


@given(st.integers(1, 400), st.integers(1, 400))
@settings(max_examples=100, deadline=None)
def test_larger_amount_means_larger_dose(smaller: int, larger: int) -> None:
    assume(smaller < larger)
    little, much = (parse(f"{hundredths / 100} mL weekly", strength="200 mg/mL") for hundredths in (smaller, larger))
    assert little.mg_per_week < much.mg_per_week
    assert much.mg_per_week == pytest.approx(2 * larger)


@given(st.sampled_from(list(FOREIGN)), st.sampled_from(["upper", "lower"]))
@settings(max_examples=30, deadline=None)
def test_other_languages_do_not_depend_on_case(text: str, case: str) -> None:
    assert parse(getattr(text, case)()).times_per_week == pytest.approx(FOREIGN[text])


def test_very_long_text_is_refused() -> None:
    assert parse("1 mg daily " * 1000).flags == ("too_long",)
