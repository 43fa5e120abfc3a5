"""Cohorts of clinical studies as rows of `ref.study_*`: parameters put into the columns that SQL reads."""

from collections.abc import Iterable

from pipelines.trials.cohort import Cohort
from pipelines.trials.rule import Part
from pipelines.trials.study import Study

Row = dict[str, object]
# Column of ref.study_criterion into which a parameter goes; what is named like its column goes there by itself.
_COLUMN = {
    "days": "look_back_days",
    "years": "minimum",
    "minimum_days": "minimum",
    "minimum_share": "minimum",
    "sex": "word",
    "status": "word",
}
_CRITERION_COLUMNS = ("look_back_days", "except_last_days", "minimum", "maximum", "gap_days", "word")


def _each(studies: Iterable[Study]) -> Iterable[tuple[Row, Cohort]]:
    for study in studies:
        for cohort in study.cohort:
            yield {"study_id": study.id, "cohort_code": cohort.code}, cohort


def _set_code(part: Part) -> str | None:
    return part.event_set.code if part.event_set else None


def cohorts(studies: Iterable[Study]) -> list[Row]:
    """One row a cohort."""
    return [
        key
        | {
            "title": cohort.title,
            "time_zero_code": cohort.time_zero.rule,
            "set_code": _set_code(cohort.time_zero),
            "is_first": cohort.time_zero.first,
            "is_first_eligible": cohort.first_eligible,
            "minimum": getattr(cohort.time_zero, "minimum", None),
            "maximum": getattr(cohort.time_zero, "maximum", None),
            "free_days": getattr(cohort.time_zero, "free_days", None),
            "after_days": getattr(cohort.time_zero, "after_days", None),
            "follow_up_from_days": cohort.follow_up_from_days,
            "follow_up_days": cohort.follow_up_days,
            "grace_days": cohort.grace_days,
            "grace_before_days": cohort.grace_before_days,
        }
        for key, cohort in _each(studies)
    ]


def criteria(studies: Iterable[Study]) -> list[Row]:
    """One row an eligibility step."""
    rows = []
    for key, cohort in _each(studies):
        for number, step in enumerate(cohort.eligibility, start=1):
            given = {_COLUMN.get(name, name): value for name, value in step.model_dump().items()}
            parameters = {column: given.get(column) for column in _CRITERION_COLUMNS}
            row = {"step_number": number, "criterion_code": step.rule, "label": step.label, "set_code": _set_code(step)}
            rows.append(key | row | parameters)
    return rows


def arms(studies: Iterable[Study]) -> list[Row]:
    """One row an arm, in the order of the file."""
    return [
        key
        | {
            "arm_number": number,
            "arm_code": arm.code,
            "label": arm.label,
            "rule_code": arm.rule,
            "set_code": _set_code(arm),
            "above": getattr(arm, "above_mg_per_week", None),
            "up_to": getattr(arm, "up_to_mg_per_week", None),
            "gap_days": getattr(arm, "gap_days", None),
        }
        for key, cohort in _each(studies)
        for number, arm in enumerate(cohort.arms, start=1)
    ]


def contrasts(studies: Iterable[Study]) -> list[Row]:
    """One row a contrast, in the order of the file; one a dose and cohort, and one a policy, which keep everybody; controls."""
    of_arms: list[Row] = [
        {
            "study_id": study.id,
            "contrast_number": study.contrast_number(contrast),
            "cohort_code": contrast.cohort,
            "target_code": contrast.target,
            "comparator_code": contrast.comparator,
            "outcome_code": contrast.outcome,
            "horizon_days": contrast.horizon_days,
            "window_days": contrast.window_days,
            "is_cloned": contrast.grace_intervals is not None,
        }
        for study in studies
        for contrast in (*study.contrast, *study.control_contrasts)
    ]
    of_doses: list[Row] = [
        {
            "study_id": study.id,
            "contrast_number": number,
            "cohort_code": cohort,
            "target_code": "any",
            "comparator_code": dose.reference,
            "outcome_code": dose.outcome,
            "horizon_days": dose.horizon_days,
            "window_days": dose.window_days,
            "is_cloned": True,
        }
        for study in studies
        for dose in study.dose
        for number, cohort in zip(study.dose_numbers(dose), dose.cohorts, strict=True)
    ]
    of_policies: list[Row] = [
        {
            "study_id": study.id,
            "contrast_number": study.policy_number(policy),
            "cohort_code": policy.cohort,
            "target_code": "any",
            "comparator_code": policy.reference,
            "outcome_code": policy.outcome,
            "horizon_days": policy.horizon_days,
            "window_days": policy.window_days,
            "is_cloned": True,
        }
        for study in studies
        for policy in study.policy
    ]
    return [*of_arms, *of_doses, *of_policies]


def censors(studies: Iterable[Study]) -> list[Row]:
    """One row a reason to stop following, deviations from a protocol last."""
    return [
        key
        | {
            "reason_code": censor.reason,
            "rule_code": getattr(censor, "rule", "event"),
            "set_code": _set_code(censor),
            "gap_days": getattr(censor, "gap_days", None),
            "arm_code": getattr(censor, "arm", None),
            "share": getattr(censor, "share", None),
            "is_deviation": getattr(censor, "is_deviation", False),
        }
        for key, cohort in _each(studies)
        for censor in (*cohort.censor, *cohort.deviation)
    ]


def sets(studies: Iterable[Study]) -> list[Row]:
    """One row a set of events and code, each set once however many studies ask for it."""
    found = {each.code: each for _, cohort in _each(studies) for each in cohort.event_sets}
    return [
        {"set_code": name, "kind_code": found[name].kind, "code": code}
        for name in sorted(found)
        for code in sorted(set(found[name].codes))
    ]
