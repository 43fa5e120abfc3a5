"""What a thousand replications find of each engine, and a hundred of its naive forms; writes engine_figures.json.

Run from the checkout, some forty CPU-minutes: python tests/recovery/engine_figures.py [FILE ...]. Cases of the files named are
run again, and without a name those that are not yet frozen; each is written when it is done. The forms, worlds and figures are
those of the tests; nothing is estimated here.
"""

import json
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

HERE = Path(__file__).parent
FROZEN = HERE / "engine_figures.json"
MANY, FEW = 1000, 100
#: replications that a test makes again
AGAIN = 3
GIVEN_BACK = "test_truth_is_given_back_a_thousand_times"
KILLED = "test_the_naive_form_fails_the_same_test"
Module = dict[str, Any]


class Case(NamedTuple):
    """An engine in a world, whole or in a naive form (`naive` names it); `run` gives its figures of n replications."""

    engine: str
    world: str
    naive: str
    file: str
    test: str
    n: int
    run: Callable[[Module, int], tuple[float, float, float]]

    @property
    def key(self) -> str:
        return " | ".join([self.file, self.engine, self.world, self.naive])


def cases() -> Iterator[Case]:
    """Every case, file by file."""
    yield from _point_treatment()
    yield from _clones()
    yield from _marginal_structural()
    yield from _g_formula()
    yield from _regimes()
    yield from _bent_line()
    yield from _mixed_trajectory()
    yield from _imputation()
    yield from _events()


def _point_treatment() -> Iterator[Case]:
    file = "test_point_treatment.py"
    engines = {"augmented": "AIPW, cross-fitted", "weighted": "IPTW", "standardised": "outcome regression"}
    for name, engine in engines.items():
        for world in ("straight", "curved"):
            yield Case(engine, world, "", file, f"{GIVEN_BACK}[{name}-{world}]", MANY, _by_name(world, name))
    naive = {
        "weights of one": "IPTW",
        "loss and missed scans ignored": "IPTW",
        "weights taken as known": "IPTW",
        "rows taken as people": "IPTW",
        "rows taken as people, augmented": "AIPW, cross-fitted",
        "rows taken as people, standardised": "outcome regression",
        "a value of after time zero as covariate": "outcome regression",
        "a value of after time zero as covariate, augmented": "AIPW, cross-fitted",
        "a value of after time zero as covariate, weighted": "IPTW",
    }
    for form, engine in naive.items():
        yield Case(engine, "straight", form, file, f"{KILLED}[{form}]", FEW, _mutant(form))


def _by_name(world: str, name: str):
    return lambda m, n: m["replicated"](world, m["ESTIMATORS"][name], n)


def _mutant(form: str):
    return lambda m, n: m["replicated"](*m["MUTANTS"][form], n)


def _clones() -> Iterator[Case]:
    file, engine = "test_clone_weighting.py", "clone-censor-weight"
    for world in ("means", "means, due in the period", "per protocol", "events"):
        yield Case(
            engine, world, "", file, f"{GIVEN_BACK}[{world}]", MANY,
            lambda m, n, world=world: m["replicated"](world, m["cloned"], n),
        )  # fmt: skip
    heavy = "test_one_person_in_two_thousand_with_a_weight_of_hundreds_makes_errors_short_and_cutting_it_does_not"
    for name, form in (("", "cloned"), (", weights cut at 50", "cut")):
        yield Case(
            engine + name, "means, few alike", "", file, heavy, MANY,
            lambda m, n, form=form: m["replicated"]("means, few alike", m[form], n),
        )  # fmt: skip
    for form, world in {
        "immortal time: what people ended up doing": "events",
        "what people ended up doing": "means",
        "clones without weights": "means",
        "losses and missed scans ignored": "means",
        "deviations censored, nobody weighed for them": "per protocol",
        "deviations not censored": "per protocol, the deviated followed",
        "clones taken as people": "events",
    }.items():
        yield Case(engine, world, form, file, f"{KILLED}[{form}]", FEW, _mutant(form))


def _marginal_structural() -> Iterator[Case]:
    file, engine = "test_marginal_structural.py", "marginal structural model"
    for world in ("hazard", "dose"):
        yield Case(
            engine, world, "", file, f"{GIVEN_BACK}[{world}]", MANY,
            lambda m, n, world=world: m["replicated"](world, m["SOUND"][world], n, 2000),
        )  # fmt: skip
    for form, world, n in (
        ("weights of one, hazard", "hazard", FEW),
        ("weights of one, dose", "dose", FEW),
        ("leaving ignored", "dose", FEW),
        ("timing of scans ignored", "dose", FEW),
        ("a value of after time zero in the weights of dose", "dose", FEW),
        ("copies of people taken as people", "dose", 40),
    ):
        yield Case(
            engine, world, form, file, f"{KILLED}[{form}]", n,
            lambda m, n, form=form: m["replicated"](*m["NAIVE"][form], n),
        )  # fmt: skip


def _g_formula() -> Iterator[Case]:
    file, engine = "test_g_formula.py", "g-formula"
    for rule in ("sustained", "titrated"):
        yield Case(
            engine, rule, "", file, f"{GIVEN_BACK}[{rule}]", MANY,
            lambda m, n, rule=rule: m["replicated"]("sound", rule, n),
        )  # fmt: skip
    for form in (
        "estradiol left out",
        "estradiol adjusted for, not simulated",
        "rows taken as people",
        "limit over root two",
    ):
        yield Case(
            engine, "sustained", form, file, f"{KILLED}[{form}]", FEW,
            lambda m, n, form=form: m["replicated"](form, "sustained", n),
        )  # fmt: skip


def _regimes() -> Iterator[Case]:
    outcomes = ("bone", "gynecomastia", "fracture", "time_in_window_pct")
    for code in ("fixed_1_mg_daily", "titrate_to_20_30", "stop_below_20"):
        for outcome in outcomes:
            yield Case(
                f"g-formula of regimes, {code.replace('_', ' ')}: {outcome.replace('_', ' ')}", "titration", "",
                "test_regime.py", f"{GIVEN_BACK}[{code}-{outcome}]", MANY,
                lambda m, n, code=code, outcome=outcome: m["figures"](
                    m["sound"](n, m["REGIMES"])[code, outcome], code, outcome
                ),
            )  # fmt: skip


def _bent_line() -> Iterator[Case]:
    file = "test_bent_line.py"
    yield Case(
        "bent line", "place of the kink", "", file, "test_the_place_lies_in_its_interval_a_thousand_times", MANY,
        lambda m, n: m["of_places"](n),
    )  # fmt: skip
    for name in ("sup-score", "persons counted", "scans weighed"):
        yield Case(
            "bent line, test of a kink", name, "", file,
            f"test_straight_lines_are_called_bent_one_time_in_twenty[{name}]", 2 * MANY,
            lambda m, n, name=name: (1 - m["found_among"](m["STRAIGHT"][name], n), np.nan, np.nan),
        )  # fmt: skip
    for form, n in (
        ("best place tested as if chosen beforehand", 200),
        ("readings taken as persons", 200),
        ("timing of scans ignored", 200),
        ("a value of after time zero as covariate", 200),
        ("limit over root two in place of censored", 40),
    ):
        yield Case(
            "bent line, test of a kink", "straight", form, file, f"{KILLED}[{form}]", n,
            lambda m, n, form=form: (1 - m["found_among"](m["NAIVE"][form], n), np.nan, np.nan),
        )  # fmt: skip


def _mixed_trajectory() -> Iterator[Case]:
    file, engine = "test_mixed_trajectory.py", "mixed model of log BMD"
    yield Case(engine, "slopes by dose", "", file, GIVEN_BACK, MANY, lambda m, n: m["replicated"](m["mixed"], n))
    for form in (
        "rows taken as people",
        "shrunken slopes of people as outcome",
        "people scanned every year alone",
        "a value of after time zero as covariate",
    ):
        yield Case(
            engine, "slopes by dose", form, file, f"{KILLED}[{form}]", FEW,
            lambda m, n, form=form: m["replicated"](m["NAIVE"][form], n, m["PEOPLE"].get(form, m["world"]["PEOPLE"])),
        )  # fmt: skip


def _imputation() -> Iterator[Case]:
    file, engine = "test_censored_e2.py", "imputation of censored estradiol"
    for place, world in enumerate(("mean of log estradiol", "slope of BMD")):
        yield Case(
            engine, world, "", file, f"{GIVEN_BACK}[{place}]", MANY,
            lambda m, n, place=place: m["figures"](m["repeated"](n), "imputed", place),
        )  # fmt: skip
        yield Case(
            engine, world, "limit over root two", file, f"test_substitution_fails_the_same_test[{place}]", FEW,
            lambda m, n, place=place: m["figures"](m["repeated"](n), "substituted", place),
        )  # fmt: skip


def _events() -> Iterator[Case]:
    of_arms = {"one less Kaplan-Meier": "death_competes", "leaving taken as by chance": "staying"}
    of_arms |= {"arms as they are": "treatment", "rows taken as people": "counts_people"}
    file = "test_discrete_hazard.py"
    yield Case("discrete hazards", "risk at 5 years", "", file, GIVEN_BACK, MANY, lambda m, n: m["replicated"](n))
    for form, name in of_arms.items():
        yield Case("discrete hazards", "risk at 5 years", form, file, f"{KILLED}[{form}]", FEW, _without(name))
    file = "test_survival_curve.py"
    for form, name in of_arms.items():
        yield Case("weighted curve", "risk at 5 years", form, file, f"{KILLED}[{form}]", FEW, _without(name))
    file = "test_cox.py"
    yield Case("Cox", "shared frailty", "", file, GIVEN_BACK, MANY, lambda m, n: m["replicated"](n))
    for form, name in {"weights ignored": "weighs", "rows taken as people": "counts_people"}.items():
        yield Case("Cox", "shared frailty", form, file, f"{KILLED}[{form}]", FEW, _without(name))
    file = "test_fine_gray.py"
    for form in ("subdistribution", "death_as_censoring", "dead_followed_without_end", "rows_taken_as_people"):
        is_sound = form == "subdistribution"
        test, words = (GIVEN_BACK, "") if is_sound else (f"{KILLED}[{form}]", form.replace("_", " "))
        yield Case(
            "Fine-Gray", "death competing", words, file, test, MANY if is_sound else FEW,
            lambda m, n, form=form: m["replicated"](n, m[form]),
        )  # fmt: skip
    yield from _risks()


def _risks() -> Iterator[Case]:
    file, five = "test_risk_contrast.py", "five years, Havercroft and Didelez"
    for world in ("at time zero", "by clones", "five years", five):
        yield Case("risks of studies", world, "", file, f"{GIVEN_BACK}[{world}]", MANY, _risk(world, "whole"))
    naive = {
        "at time zero": ("one_less_kaplan_meier", "losses_ignored", "arms_as_they_are"),
        "by clones": ("losses_ignored", "unweighted"),
        "five years": ("one_less_kaplan_meier", "losses_ignored", "arms_as_they_are"),
        five: ("losses_ignored", "arms_as_they_are"),
    }
    for world, forms in naive.items():
        for form in forms:
            by = "test_the_naive_form_fails_by_five_years" if world.startswith("five") else KILLED
            test = f"{by}[{world}-{form}]"
            yield Case("risks of studies", world, form.replace("_", " "), file, test, 200, _risk(world, form))
    twice = "rows taken as people"
    yield Case(
        "risks of studies", "at time zero", twice, file, f"{KILLED}[{twice}-whole]", 200, _risk(twice, "whole")
    )  # fmt: skip


def _risk(world: str, form: str):
    return lambda m, n: m["replicated"](world, form, n)


def _without(name: str):
    return lambda m, n: m["replicated"](n, **{name: False})


def told(found: tuple[float, float, float]) -> list[float | None]:
    """Coverage, bias in SDs, mean standard error over SD, to six digits; None where there is none."""
    return [None if np.isnan(each) else float(f"{each:.6g}") for each in found]


def forgotten(module: Module) -> None:
    """Samples that a test keeps for its neighbours."""
    for each in module.values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def row(case: Case, module: Module) -> dict[str, Any]:
    """What is kept of a case."""
    few, many = case.run(module, AGAIN), case.run(module, case.n)
    return {"key": case.key, "replications": case.n, "figures": told(many), "of_three": told(few)}


def written(rows: dict[str, dict[str, Any]]) -> None:
    """The file, in the order of the cases."""
    ordered = [json.dumps(rows[case.key]) for case in cases() if case.key in rows]
    FROZEN.write_text("[\n" + ",\n".join(ordered) + "\n]\n")


def main() -> None:
    """Command line."""
    again = set(sys.argv[1:])
    rows = {each["key"]: each for each in json.loads(FROZEN.read_text())} if FROZEN.exists() else {}
    module, place = {}, ("", "")
    with threadpool_limits(1):
        for case in cases():
            if case.file not in again if again else case.key in rows:
                continue
            if case.file != place[0]:
                module = runpy.run_path(str(HERE / case.file))
            if (case.file, case.world) != place:
                forgotten(module)
                place = case.file, case.world
            rows[case.key] = row(case, module)
            written(rows)
            print(case.key, rows[case.key]["figures"], flush=True)


if __name__ == "__main__":
    main()
