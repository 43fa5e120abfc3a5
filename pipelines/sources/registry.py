"""The sources there are: how each opens its input, what its evidence is worth, which key its people get, whether it is guarded.

Adding a source is adding a line here and a room beside this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from pipelines.errors import BadInput
from pipelines.run_facts import EvidenceSource
from pipelines.settings import Settings
from pipelines.sources.delivery import Delivery
from pipelines.sources.drops import SNAPSHOT, drop_names
from pipelines.sources.nhanes import landing as nhanes
from pipelines.sources.omop.delivery import DatabaseReader, is_table_folder, open_delivery

KeyPolicy = Literal["public", "offered", "required"]


@dataclass(frozen=True, slots=True)
class Source:
    """A source.

    Attributes:
        open: examines the input of the settings; raises BadInput with every problem of it.
        evidence: what a result from it is, unless the delivery says that a program wrote it.
        key: public; offered (a secret one is taken if it is set); required.
        reader_version: version of the whole reader, where parts have none of their own.
        is_guarded: whether its columns are looked at for direct identifiers.
        names: names of the drops in an input folder; a survey is always one snapshot, whatever folders its files lie in.
    """

    open: Callable[[Settings, DatabaseReader], Delivery | nhanes.Delivery]
    evidence: EvidenceSource
    key: KeyPolicy
    reader_version: str = ""
    is_guarded: bool = True
    names: Callable[[Path], tuple[str, ...]] = drop_names

    def key_policy(self, *, is_simulated: bool) -> KeyPolicy:
        """Which key people get: nobody has to hide people who were invented, but a key that is set is never passed over."""
        return "offered" if is_simulated and self.key == "required" else self.key


def _folder(settings: Settings) -> Path:
    if not settings.folder:
        raise BadInput("no drop folder: name it with --input, or in trabecula.toml [input] folder")
    return settings.input_folder


def _nhanes(settings: Settings, databases: DatabaseReader) -> nhanes.Delivery:
    return nhanes.open_delivery(_folder(settings))


def _omop(settings: Settings, databases: DatabaseReader) -> Delivery:
    return open_delivery(_folder(settings), databases)


def _flat(settings: Settings, databases: DatabaseReader) -> Delivery:
    from pipelines.sources.drops import drops_of
    from pipelines.sources.flat import delivery, mapping

    folder = _folder(settings)
    return delivery.open_delivery(folder, mapping.find_mapping(folder, settings.mapping or None), drops_of(folder))


SOURCES: dict[str, Source] = {
    nhanes.SOURCE: Source(_nhanes, "public_survey", "public", nhanes.READER_VERSION, False, lambda folder: (SNAPSHOT,)),
    "omop": Source(_omop, "real", "offered", names=partial(drop_names, is_table_folder=is_table_folder)),
    "flat": Source(_flat, "real", "required"),
}


def source_named(name: str) -> Source:
    """One source.

    Raises:
        BadInput: there is none of that name.
    """
    if name not in SOURCES:
        raise BadInput(f"source '{name}' is not one of {', '.join(SOURCES)}: name it with --source")
    return SOURCES[name]
