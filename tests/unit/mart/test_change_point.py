"""Which steps in level leave, rounded, and those of few people hidden."""

import datetime as dt


def test_only_steps_beyond_chance_leave_rounded_and_with_enough_people(leaving):
    place = {"quantity": "lab", "item_code": "estradiol", "place_kind": "laboratory", "quarter_number": 8060}
    found = {"starts_on": dt.date(2015, 1, 1), "status": "evaluated", "mean_quarters_apart": 2.0, "z": -9.0}
    size = {"change_pct": -20.3, "ci_low_pct": -22.2, "ci_high_pct": -18.1, "cause_code": "laboratory"}
    step = place | found | size | {"n_pairs": 40, "p_adjusted": 0.049, "is_peak": True}
    others = [
        step | {"place_code": "chance", "p_adjusted": 0.05},
        step | {"place_code": "beside", "is_peak": False},
        step | {"place_code": "few", "n_pairs": 10},
    ]
    shown = {
        row["place_code"]: row
        for row in leaving("change_point", "models.change_point", [step | {"place_code": "one"}, *others])
    }
    assert set(shown) == {"one", "few"}
    told = ("change_pct", "ci_low_pct", "ci_high_pct", "cause_code", "is_suppressed")
    assert [shown["one"][name] for name in told] == [-20.5, -22.0, -18.0, "laboratory", False]
    assert [shown["few"][name] for name in told] == [None, None, None, None, True]
