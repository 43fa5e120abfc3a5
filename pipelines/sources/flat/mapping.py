"""A mapping file as a typed object: which column of which file is what, in which unit, format and zone.

The format is described for users in docs/flat-drops.md; what must hold between its parts is checked in `mapping_check`.
"""

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipelines.errors import BadInput

PERSON = "person"
FILE_NAME = "mapping.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _column_rule(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _condition(value: Any) -> Any:
    if isinstance(value, dict):
        renamed = {"is": "equal", "not": "unequal"}
        return {
            renamed.get(key, key): [each] if isinstance(each, (str, float)) or type(each) is int else each
            for key, each in value.items()
        }
    return {"equal": value if isinstance(value, list) else [value]}


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class ColumnRule(_Part):
    """What fills a canonical column: a column of the file, perhaps translated, or one constant `value`.

    With `values`, a cell that is not among them gives nothing. `otherwise` fills what is empty then.
    """

    column: str | None = None
    value: str | None = None
    values: dict[str, str] = {}
    otherwise: str | None = None


class Condition(_Part):
    """Which cells of a column let a row pass: equal to one of these, to none of those, filled or empty.

    A number in the mapping is compared as a number, a text as trimmed text.
    """

    equal: tuple[str | float, ...] = ()
    unequal: tuple[str | float, ...] = ()
    filled: bool | None = None


Columns = dict[str, Annotated[ColumnRule, BeforeValidator(_column_rule)]]
Where = dict[str, Annotated[Condition, BeforeValidator(_condition)]]


class Record(_Part):
    """One of several records that a wide row gives: its columns and conditions, besides those of the table."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    columns: Columns = {}
    where: Where = {}


class Table(_Part):
    """Files of one layout, and what their columns are. Names on the left are canonical, names on the right the file's."""

    kind: str
    files: Texts = Field(min_length=1)
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+$")
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: Literal['"', "none"] = '"'
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    time_zone: str | None = None
    first_year: int | None = Field(default=None, ge=1900, le=2100)
    empty: Texts = ()
    drop: Texts = ()
    columns: Columns
    dates: dict[str, Texts] = {}
    values: dict[str, dict[str, str]] = {}
    where: Where = {}
    record: tuple[Record, ...] = ()

    @property
    def label(self) -> str:
        """How it is called in file labels and messages."""
        return self.name or self.kind

    def records(self) -> tuple["Table", ...]:
        """The table once for each of its records, with the record's columns and conditions put in."""
        return tuple(
            self.model_copy(
                update={
                    "name": f"{self.label}.{record.name}",
                    "columns": self.columns | record.columns,
                    "where": self.where | record.where,
                    "record": (),
                }
            )
            for record in self.record
        ) or (self,)


class FhirFiles(_Part):
    """FHIR R4 bulk export: one JSON resource a line. `birth_year`: whether Patient.birthDate is read for its year."""

    files: Texts = ("*.ndjson", "*.ndjson.gz")
    time_zone: str | None = None
    birth_year: bool = False


class Mapping(_Part):
    """One mapping file."""

    title: str = ""
    time_zone: str | None = None
    table: tuple[Table, ...] = ()
    fhir: FhirFiles | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of what it says, whatever its layout and comments."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16]


def shipped() -> dict[str, Path]:
    """The mappings that come with the program, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "mappings").glob("*.toml"))}


def find_mapping(folder: Path, named: str | None = None) -> Mapping:
    """The mapping of a drop: a file or the name of a shipped one, else `mapping.toml` in the drop folder.

    Raises:
        BadInput: there is none, or it is wrong.
    """
    if named and named in shipped():
        return load_mapping(shipped()[named])
    if not Path(folder).is_dir():
        raise BadInput(f"{folder}: no such folder: name the folder that holds the drop")
    path = Path(named) if named else Path(folder) / FILE_NAME
    if not path.is_file():
        raise BadInput(
            f"{path}: no mapping there: write one (`trabecula map FILE` proposes it, docs/flat-drops.md explains it), or "
            f"name one that is shipped: {', '.join(shipped())}"
        )
    return load_mapping(path)


def load_mapping(path: Path) -> Mapping:
    """One mapping file.

    Raises:
        BadInput: with every problem in it, each with line or key and what is allowed there.
    """
    from pipelines.sources.flat.mapping_check import problems

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise BadInput([f"{path}: {_where(p['loc'])}: {_says(p)}" for p in error.errors()]) from error
    mapping = _with_zones(mapping)
    if found := problems(mapping):
        raise BadInput([f"{path}: {problem}" for problem in found])
    return mapping


def _with_zones(mapping: Mapping) -> Mapping:
    """The zone of the file, where a table states none."""
    zone = mapping.time_zone
    tables = tuple(t.model_copy(update={"time_zone": t.time_zone or zone}) for t in mapping.table)
    fhir = mapping.fhir and mapping.fhir.model_copy(update={"time_zone": mapping.fhir.time_zone or zone})
    return mapping.model_copy(update={"table": tables, "fhir": fhir})


def _where(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".") or "file"


def _says(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown key; " + _allowed(problem["loc"])
    return problem["msg"]


def _allowed(location: tuple[int | str, ...]) -> str:
    models: dict[str, type[_Part]] = {
        "table": Table,
        "record": Record,
        "fhir": FhirFiles,
        "columns": ColumnRule,
        "where": Condition,
    }
    model: type[_Part] = Mapping
    for part in location[:-1]:
        model = models.get(str(part), model)
    return f"keys here are {', '.join(model.model_fields)}"
