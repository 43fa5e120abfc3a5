"""FHIR resources as canonical text columns: which kind of record a resource is, and where each column comes from.

Texts only; days and instants are read from them in `fhir`, with the zone of the mapping.
"""

import csv
from functools import cache

import polars as pl

from pipelines.settings import sql_root
from pipelines.sources.flat.fhir_schema import COMPONENT_FIELDS

LABORATORY = "laboratory"
_SYSTEMS = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://www.whocc.no/atc": "ATC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "ICD-10-GM",
    "http://fhir.de/CodeSystem/bfarm/ops": "OPS",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "http://hl7.org/fhir/sid/icd-10-pcs": "ICD-10-PCS",
}
_RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
# Which kinds of record each resource type can give.
KINDS_OF_TYPE: dict[str, tuple[str, ...]] = {
    "Patient": ("person", "death"),
    "Observation": ("lab", "dxa", "observation"),
    "MedicationRequest": ("prescription",),
    "MedicationDispense": ("prescription",),
    "MedicationAdministration": ("prescription",),
    "Condition": ("diagnosis",),
    "Procedure": ("procedure",),
    "Encounter": ("visit",),
}


@cache
def _bmd_codes() -> dict[str, tuple[str, str]]:
    """Site and side of each LOINC code of a bone density, from the project's code list."""
    with (sql_root() / "ref" / "dxa_code.csv").open(newline="") as lines:
        return {
            row["code"]: (row["site_code"], row["side_code"])
            for row in csv.DictReader(lines)
            if row["list_code"] == "quantity" and row["vocabulary_code"] == "loinc" and row["value_code"] == "bmd"
        }


def belongs(resource_type: str, kind: str) -> pl.Expr:
    """Whether a resource of this type gives a record of this kind."""
    if kind == "death":
        return pl.col("deceasedDateTime").is_not_null() | (pl.col("deceasedBoolean") == "true").fill_null(False)
    if resource_type != "Observation":
        return pl.lit(True)
    is_bone = _loinc("code").is_in(list(_bmd_codes())).fill_null(False)
    in_category = pl.element().struct.field("coding").list.eval(pl.element().struct.field("code") == LABORATORY)
    is_lab = pl.col("category").list.eval(in_category.list.any()).list.any().fill_null(False)
    return {"dxa": is_bone, "lab": is_lab & ~is_bone, "observation": ~is_lab & ~is_bone}[kind]


def native_id(resource_type: str) -> pl.Expr:
    """The patient: own id, or the last part of the reference (Patient/x, a full address, urn:uuid:x)."""
    if resource_type == "Patient":
        return pl.col("id")
    reference = pl.col("subject").struct.field("reference")
    is_patient = reference.str.contains(r"(^|/)Patient/[^/]+(/_history/.*)?$|^urn:uuid:")
    plain = reference.str.replace(r"/_history/.*$", "").str.replace(r"^urn:uuid:", "")
    return pl.when(is_patient).then(plain.str.extract(r"([^/]+)$", 1))


def columns(resource_type: str, kind: str, reads_birth_year: bool) -> dict[str, pl.Expr]:
    """Canonical columns of a record as text."""
    if resource_type == "Patient":
        return _death() if kind == "death" else _person(reads_birth_year)
    common = {"record_id": pl.concat_str(pl.lit(f"{resource_type}/"), "id"), "status_text": pl.col("status")}
    if resource_type == "Observation":
        return common | {"lab": _lab, "dxa": _scan, "observation": _observation}[kind]()
    if resource_type == "MedicationAdministration":
        return common | _given()
    if resource_type in ("MedicationRequest", "MedicationDispense"):
        return common | _drug() | (_order() if resource_type == "MedicationRequest" else _fill())
    if resource_type == "Condition":
        return common | _condition()
    if resource_type == "Procedure":
        day = pl.coalesce("performedDateTime", _field("performedPeriod", "start"))
        return common | _coded("code") | {"performed_on": day}
    return {
        "record_id": common["record_id"],
        "visit_type_text": _field("class", "code"),
        "starts_on": _field("period", "start"),
        "ends_on": _field("period", "end"),
    }


def _field(*path: str) -> pl.Expr:
    found = pl.col(path[0])
    for name in path[1:]:
        found = found.struct.field(name)
    return found


def _coding(concept: pl.Expr, system: str | None = None) -> pl.Expr:
    """The coding of a concept: the first of the system that is preferred, else the first."""
    codings = concept.struct.field("coding")
    if system is None:
        return codings.list.first()
    of_system = codings.list.filter(pl.element().struct.field("system") == system)
    return pl.coalesce(of_system.list.first(), codings.list.first())


def _loinc(name: str) -> pl.Expr:
    codings = pl.col(name).struct.field("coding")
    found = codings.list.filter(pl.element().struct.field("system") == "http://loinc.org")
    return found.list.first().struct.field("code")


def _coded(name: str, system: str | None = None) -> dict[str, pl.Expr]:
    coding = _coding(pl.col(name), system)
    written = coding.struct.field("system")
    return {
        "code": coding.struct.field("code"),
        "code_system": written.replace(_SYSTEMS),
        "name_text": pl.coalesce(pl.col(name).struct.field("text"), coding.struct.field("display")),
    }


def _said(concept: pl.Expr) -> pl.Expr:
    coding = _coding(concept)
    return pl.coalesce(concept.struct.field("text"), coding.struct.field("display"), coding.struct.field("code"))


def _value() -> pl.Expr:
    quantity = pl.col("valueQuantity")
    comparator = quantity.struct.field("comparator").fill_null("")
    return pl.coalesce(
        comparator + quantity.struct.field("value"),
        pl.col("valueString"),
        pl.col("valueInteger"),
        pl.col("valueBoolean"),
        _said(pl.col("valueCodeableConcept")),
    )


def _unit() -> pl.Expr:
    return pl.coalesce(_field("valueQuantity", "code"), _field("valueQuantity", "unit"))


def _effective() -> pl.Expr:
    return pl.coalesce("effectiveDateTime", "effectiveInstant", _field("effectivePeriod", "start"))


def _lab() -> dict[str, pl.Expr]:
    limits = pl.col("referenceRange").list.first()
    performer = pl.col("performer").list.first()
    when = _effective()
    has_time = when.str.contains("T", literal=True)
    return _coded("code", "http://loinc.org") | {
        "value_text": _value(),
        "unit_text": _unit(),
        "reference_low_text": limits.struct.field("low").struct.field("value"),
        "reference_high_text": limits.struct.field("high").struct.field("value"),
        "method_text": _said(pl.col("method")),
        "lab_id": pl.coalesce(performer.struct.field("reference"), performer.struct.field("display")),
        "specimen_id": _field("specimen", "reference"),
        "drawn_at": pl.when(has_time).then(when),
        "drawn_on": when,
        "resulted_at": pl.col("issued"),
    }


def _scan() -> dict[str, pl.Expr]:
    code = _loinc("code")
    sites = {code: site for code, (site, _) in _bmd_codes().items() if site}
    sides = {code: side for code, (_, side) in _bmd_codes().items() if side}
    return {
        "site_text": pl.coalesce(
            _said(pl.col("bodySite")),
            code.replace_strict(list(sites), list(sites.values()), default=None, return_dtype=pl.String),
            _coded("code")["name_text"],
        ),
        "side_text": code.replace_strict(list(sides), list(sides.values()), default=None, return_dtype=pl.String),
        "bmd_text": _value(),
        "unit_text": _unit(),
        "device_id": pl.coalesce(_field("device", "reference"), _field("device", "display")),
        "scanned_on": _effective(),
    }


def _observation() -> dict[str, pl.Expr]:
    return _coded("code", "http://loinc.org") | {
        "value_text": _value(),
        "unit_text": _unit(),
        "observed_on": _effective(),
    }


def component(frame: pl.DataFrame, place: int) -> pl.DataFrame:
    """Each observation's component of that place (from 1) as an observation of its own; those that have fewer are left out."""
    nth = pl.col("component").list.get(place - 1, null_on_oob=True)
    return frame.filter(pl.col("component").list.len() >= place).with_columns(
        pl.concat_str("id", pl.lit(f"#component{place}")).alias("id"),
        *(nth.struct.field(name).alias(name) for name in COMPONENT_FIELDS),
    )


def _medicine() -> dict[str, pl.Expr]:
    coded = _coded("medicationCodeableConcept", "http://www.nlm.nih.gov/research/umls/rxnorm")
    return {
        "drug_text": pl.coalesce(coded["name_text"], _field("medicationReference", "display")),
        "code": coded["code"],
        "code_system": coded["code_system"],
    }


def _given() -> dict[str, pl.Expr]:
    """What was administered: the instruction in words, else the dose given."""
    dose = _field("dosage", "dose")
    unit = pl.coalesce(dose.struct.field("unit"), dose.struct.field("code"))
    return _medicine() | {
        "record_type_text": pl.lit("administered"),
        "route_text": _said(_field("dosage", "route")),
        "sig_text": pl.coalesce(_field("dosage", "text"), dose.struct.field("value") + " " + unit),
        "started_on": pl.coalesce("effectiveDateTime", _field("effectivePeriod", "start")),
    }


def _drug() -> dict[str, pl.Expr]:
    dosage = pl.col("dosageInstruction").list.first()
    texts = pl.col("dosageInstruction").list.eval(pl.element().struct.field("text")).list.drop_nulls()
    sig = pl.when(texts.list.len() > 0).then(texts.list.join("; then "))
    return _medicine() | {
        "route_text": _said(dosage.struct.field("route")),
        "sig_text": sig,
    }


def _order() -> dict[str, pl.Expr]:
    dispense = pl.col("dispenseRequest")
    reason = _coding(pl.col("reasonCode").list.first())
    quantity = dispense.struct.field("quantity")
    return {
        "record_type_text": pl.lit("order"),
        "quantity": quantity.struct.field("value"),
        "quantity_unit_text": quantity.struct.field("unit"),
        "days_supply": _days(dispense.struct.field("expectedSupplyDuration")),
        "refills": dispense.struct.field("numberOfRepeatsAllowed"),
        "started_on": pl.col("authoredOn"),
        "ended_on": dispense.struct.field("validityPeriod").struct.field("end"),
        "indication_code": reason.struct.field("code"),
    }


def _fill() -> dict[str, pl.Expr]:
    return {
        "record_type_text": pl.lit("fill"),
        "quantity": _field("quantity", "value"),
        "quantity_unit_text": _field("quantity", "unit"),
        "days_supply": _days(pl.col("daysSupply")),
        "started_on": pl.coalesce("whenHandedOver", "whenPrepared"),
    }


def _days(duration: pl.Expr) -> pl.Expr:
    """A duration in days; one in another unit stays empty rather than be taken for days."""
    unit = pl.coalesce(duration.struct.field("code"), duration.struct.field("unit")).str.to_lowercase()
    return pl.when(unit.is_null() | unit.is_in(["d", "day", "days"])).then(duration.struct.field("value"))


def _condition() -> dict[str, pl.Expr]:
    verified = _coding(pl.col("verificationStatus")).struct.field("code")
    clinical = _coding(pl.col("clinicalStatus")).struct.field("code")
    return _coded("code") | {
        "status_text": pl.coalesce(verified, clinical),
        "recorded_on": pl.coalesce("recordedDate", "onsetDateTime", _field("onsetPeriod", "start")),
        "setting_text": _coding(pl.col("category").list.first()).struct.field("code"),
    }


def _person(reads_birth_year: bool) -> dict[str, pl.Expr]:
    race = (
        pl.col("extension")
        .list.filter(pl.element().struct.field("url") == _RACE)
        .list.first()
        .struct.field("extension")
        .list.filter(pl.element().struct.field("url") == "text")
        .list.first()
        .struct.field("valueString")
    )
    found = {"sex_text": pl.col("gender"), "race_text": race}
    if reads_birth_year:
        found["birth_year"] = pl.col("birthDate").str.extract(r"^(\d{4})", 1)
    return found


def _death() -> dict[str, pl.Expr]:
    return {"died_on": pl.col("deceasedDateTime")}
