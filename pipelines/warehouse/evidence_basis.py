"""What the estimates of a build rest on, as one hash a cause; kept with the build, so that the next night can say what changed.

Here: the hashes, and how they differ from those of a build. What a difference of estimates is stands in
`models.evidence_drift`.
"""

import json
from collections.abc import Iterable, Mapping

from pipelines.run_facts import RunFacts
from pipelines.settings import Settings
from pipelines.warehouse.publish import RESTS_ON
from pipelines.warehouse.quality_trend import behind, files_of, hash_of
from pipelines.warehouse.step import CLAIM_RULES, WAIVERS, Step
from pipelines.warehouse.store import Store

_JUDGED = ("models.effect_estimate", "models.diagnostic")
_OF_STUDIES = ("studies", CLAIM_RULES, WAIVERS)


def basis(store: Store, steps: Iterable[Step], run: RunFacts) -> dict[str, str]:
    """One hash a cause, under the column of `raw.previous_evidence` that says it changed.

    Raw files by fingerprint and rows, code with code lists, settings of the run, protocols of all studies, waivers in force.
    """
    by_table = {step.table: step for step in steps}
    names = behind(_JUDGED, by_table)
    made = [by_table[name] for name in names if name in by_table]
    facts = [(step.table, step.facts(run)) for step in made]
    return {
        "is_input_changed": hash_of(files_of(store, name) for name in names if name not in by_table),
        "is_code_changed": hash_of(step.code_version() for step in made),
        "is_setting_changed": hash_of(
            (table, name, value) for table, of in facts for name, value in sorted(of.items()) if name not in _OF_STUDIES
        ),
        "is_any_protocol_changed": hash_of(sorted({repr(of["studies"]) for _, of in facts if "studies" in of})),
        "is_waiver_changed": hash_of(sorted({repr(of[WAIVERS]) for _, of in facts if WAIVERS in of})),
    }


def changed_since(settings: Settings, build: str, now: Mapping[str, str]) -> dict[str, bool]:
    """What has changed since a build was published, by the names of `basis`.

    A build that does not say what it rests on is older than this record: everything may have changed.
    """
    kept = settings.builds / build / RESTS_ON
    rested = json.loads(kept.read_text()) if kept.exists() else {}
    return {name: rested.get(name) != version for name, version in now.items()}
