"""The parts of FHIR R4 resources that are read, as Polars types. What is not named here is not even parsed: no names,
addresses, telephone numbers, identifiers or narratives.
"""

import polars as pl

_TEXT = pl.String()


def _record(**fields: pl.DataType) -> pl.Struct:
    return pl.Struct(dict(fields))


CODING = _record(system=_TEXT, code=_TEXT, display=_TEXT)
CONCEPT = _record(coding=pl.List(CODING), text=_TEXT)
REFERENCE = _record(reference=_TEXT, display=_TEXT)
QUANTITY = _record(value=_TEXT, comparator=_TEXT, unit=_TEXT, code=_TEXT)
PERIOD = _record(start=_TEXT, end=_TEXT)
DOSAGE = _record(text=_TEXT, route=CONCEPT)
_EXTENSION = _record(url=_TEXT, extension=pl.List(_record(url=_TEXT, valueString=_TEXT)))
_VALUE: dict[str, pl.DataType] = {
    "code": CONCEPT,
    "valueQuantity": QUANTITY,
    "valueString": _TEXT,
    "valueInteger": _TEXT,
    "valueBoolean": _TEXT,
    "valueCodeableConcept": CONCEPT,
    "referenceRange": pl.List(_record(low=QUANTITY, high=QUANTITY)),
}
COMPONENT_FIELDS = tuple(_VALUE)
_COMMON = {"resourceType": _TEXT, "id": _TEXT, "status": _TEXT, "subject": REFERENCE}

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "Patient": {
        "id": _TEXT,
        "gender": _TEXT,
        "birthDate": _TEXT,
        "deceasedBoolean": _TEXT,
        "deceasedDateTime": _TEXT,
        "extension": pl.List(_EXTENSION),
    },
    "Observation": _COMMON
    | _VALUE
    | {
        "category": pl.List(CONCEPT),
        "component": pl.List(_record(**_VALUE)),
        "effectiveDateTime": _TEXT,
        "effectiveInstant": _TEXT,
        "effectivePeriod": PERIOD,
        "issued": _TEXT,
        "method": CONCEPT,
        "specimen": REFERENCE,
        "performer": pl.List(REFERENCE),
        "device": REFERENCE,
        "bodySite": CONCEPT,
    },
    "MedicationRequest": _COMMON
    | {
        "medicationCodeableConcept": CONCEPT,
        "medicationReference": REFERENCE,
        "authoredOn": _TEXT,
        "dosageInstruction": pl.List(DOSAGE),
        "dispenseRequest": _record(
            quantity=QUANTITY, expectedSupplyDuration=QUANTITY, numberOfRepeatsAllowed=_TEXT, validityPeriod=PERIOD
        ),
        "reasonCode": pl.List(CONCEPT),
    },
    "MedicationDispense": _COMMON
    | {
        "medicationCodeableConcept": CONCEPT,
        "medicationReference": REFERENCE,
        "whenHandedOver": _TEXT,
        "whenPrepared": _TEXT,
        "quantity": QUANTITY,
        "daysSupply": QUANTITY,
        "dosageInstruction": pl.List(DOSAGE),
    },
    "MedicationAdministration": _COMMON
    | {
        "medicationCodeableConcept": CONCEPT,
        "medicationReference": REFERENCE,
        "effectiveDateTime": _TEXT,
        "effectivePeriod": PERIOD,
        "dosage": _record(text=_TEXT, route=CONCEPT, dose=QUANTITY),
    },
    "Condition": _COMMON
    | {
        "clinicalStatus": CONCEPT,
        "verificationStatus": CONCEPT,
        "category": pl.List(CONCEPT),
        "code": CONCEPT,
        "onsetDateTime": _TEXT,
        "onsetPeriod": PERIOD,
        "recordedDate": _TEXT,
    },
    "Procedure": _COMMON | {"code": CONCEPT, "performedDateTime": _TEXT, "performedPeriod": PERIOD},
    "Encounter": _COMMON | {"class": CODING, "period": PERIOD},
}
