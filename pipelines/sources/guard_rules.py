"""What a direct identifier looks like: names of columns, and patterns of values. Measured on the public samples of the tests.

After the 18 identifiers of HIPAA's safe harbour (45 CFR 164.514(b)(2)), as far as columns and patterns can tell them. A rule
says what it saw and what to do, never the value. Where rules are applied is `guard`.
"""

import re
from dataclasses import dataclass
from typing import Literal

Rule = Literal["name", "number", "contact", "address", "birth", "age", "email", "phone", "ssn", "url", "ip", "prose"]

SAYS: dict[str, tuple[str, str]] = {
    "name": ("names of people", "remove the column"),
    "number": ("a record, insurance or identity number", "remove the column, or make it the person id of the mapping"),
    "contact": ("telephone numbers or e-mail addresses", "remove the column"),
    "address": ("addresses or places smaller than a state", "remove the column"),
    "birth": ("dates of birth", "deliver the year of birth instead"),
    "age": ("ages over 89", "deliver 90 for every age above 89 and leave out the year of birth of these people"),
    "email": ("e-mail addresses", "remove them, or the column"),
    "phone": ("telephone numbers", "remove them, or the column"),
    "ssn": ("social security numbers", "remove them, or the column"),
    "url": ("web addresses", "remove them, or the column"),
    "ip": ("network addresses", "remove them, or the column"),
    "prose": (
        "free text about people",
        "remove the column; only coded values, names of drugs and directions are taken",
    ),
}


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words))


_WHOSE = (
    r"(?:patient|pt|person|subject|member|client|participant|mother|father|spouse|partner|guardian|emergency_contact"
    r"|next_of_kin)"
)
COLUMN_NAMES: dict[str, re.Pattern[str]] = {
    "name": _words(
        rf"(?:{_WHOSE}_?)?(?:first|last|middle|given|family|sur|fore|maiden|full|birth|legal|preferred)_?names?",
        rf"{_WHOSE}_?(?:name|initials)",
        r"(?:physician|doctor|provider|prescriber|nurse|author|ordering_provider|attending)_?name",
        r"initials|nachname|vorname|familienname|patientenname|apellidos?|nombres?|prenom|nom(?:_de_famille)?",
    ),
    "number": _words(
        r"(?:patient_)?mrn|medical_record_?(?:number|no|num|id)|(?:hospital|chart|patient|health_card)_?(?:number|no|num)",
        r"nhs_?(?:number|no|num)|chi_number|ssn|soc(?:ial)?_?sec(?:urity)?(?:_?(?:number|no|num))?|sin_number|nino",
        r"(?:national|government|citizen|tax)_?(?:insurance_?)?(?:id|number|no)|passport(?:_?(?:number|no))?|dni|curp|nir",
        r"(?:insurance|policy|subscriber|beneficiary|medicare|medicaid|mbi|hicn|health_plan|account)_?(?:id|number|no|num)",
        r"(?:driver'?s?_?)?licen[cs]e(?:_plate)?_?(?:number|no|num)?|drivers?|vehicle_?(?:id|number)|vin",
        r"biometric.*|fingerprint|photo|image_path",
    ),
    "contact": _words(
        rf"(?:{_WHOSE}_)?(?:home_|work_|cell_|mobile_|contact_)?(?:e_?mail|phone|telephone|mobile|fax|cell)(?:_?(?:address|number|no|num|1|2))?",
        r"telefon(?:nummer)?|telefono|handy|correo(?:_electronico)?",
    ),
    "address": _words(
        rf"(?:{_WHOSE}_|home_|mailing_|residential_|postal_|street_)?(?:address|addr)(?:_?(?:line)?_?[1-3])?",
        r"street(?:_?(?:name|number))?|house_?number|city|town|county|zip(?:_?code)?(?:_?[459])?|post_?(?:al_?)?code|plz",
        r"lat(?:itude)?|lon(?:g(?:itude)?)?|geocode|census_(?:tract|block).*|birth_?place|place_of_birth|wohnort|direccion",
    ),
    "birth": _words(
        r"dob|date_?of_?birth|birth_?(?:date|day|dt|datetime)|born_?(?:on|at)|geburts(?:datum|tag)",
        r"fecha_?(?:de_?)?nacimiento|date_?(?:de_?)?naissance",
    ),
    "age": _words(r"age|age_?(?:in_?)?(?:years?|yrs?|y)?|(?:current_|patient_)?age(?:_at_.+)?|alter|edad"),
    "prose": _words(
        r"(?:clinical_|progress_|free_?|physician_|nursing_|patient_|discharge_)?(?:notes?|note_text|narratives?|comments?|free_?text|remarks?)",
        r"(?:clinical_)?(?:history|impression|findings|report_text|summary|reason_for_visit|chief_complaint)(?:_text)?",
        r"bemerkung(?:en)?|kommentar|befund(?:text)?|observaciones|comentarios?|commentaires?",
    ),
}
"""Rule -> names of columns (lower case, words joined by `_`) that say what is in them, whatever the values look like."""

VALUES: dict[str, str] = {
    "email": r"(?i)\b[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b",
    "phone": (
        r"(?:^|[^\w.-])(?:\+?1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?:$|[^\w.-])"
        r"|(?:^|[^\w+])\+[1-9]\d{0,2}[ -.]?(?:\(\d{1,4}\)[ -.]?)?\d{2,4}(?:[ -.]\d{2,4}){1,4}(?:$|[^\w])"
    ),
    "ssn": r"(?:^|[^\w.-])[0-8]\d{2}-\d{2}-\d{4}(?:$|[^\w.-])",
    "address": (
        r"(?i)^\s*\d{1,6}[a-z]?\s+(?:[nsew]\.?\s+)?(?:[\p{L}'-]+\.?\s+){1,3}"
        r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|crescent|terrace|highway|hwy|parkway|pkwy)"
        r"\b\.?\s*(?:$|,|\n|apt|unit|suite|#)"
        r"|,\s*[A-Z]{2}\s+\d{5}(?:-\d{4})?\s*$"
        r"|(?i:\b[\p{L}-]+(?:straße|strasse|weg|platz|allee|gasse)\s+\d{1,4}[a-z]?\b)"
    ),
    "url": r"(?i)\b(?:https?|ftp)://|\bwww\.[a-z0-9-]+\.",
    "ip": r"^\s*(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*$",
}
"""Rule -> pattern of a value (regular expressions of Rust, as Polars takes them)."""

# A URL or a dotted number is what these columns are for.
NOT_ASKED: dict[str, re.Pattern[str]] = {
    "url": _words(r".*(?:system|vocabulary|coding|profile).*"),
    "ip": _words(r".*(?:software|version|system|firmware|oid|model|code).*"),
}

PROSE_WORDS = 20
PROSE_LONG = 60
PROSE_VALUES = 3
NAMED_PROSE_WORDS = 4
# Words of telling, which names of drugs, codes and directions do without.
_TELLING = (
    "she|he|her|his|him|was|were|had|has|been|denies|reports|reported|states|stated|complains|seen|patient|pt|mrs|mr|ms|who|"
    "today|yesterday|lives|daughter|son|husband|wife|mother|discussed|advised|"
    "sie|er|ihr|ihre|wurde|wurden|war|hatte|patientin|heute|klagt|berichtet|"
    "ella|fue|tiene|tenía|paciente|refiere|hoy|vive|"
    "elle|il|était|avait|patiente|signale|rapporte"
)
TELLING = rf"(?i)\b(?:{_TELLING})\b"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing seen in one column of one file."""

    source_file: str
    column: str
    rule: str

    @property
    def message(self) -> str:
        what, remedy = SAYS[self.rule]
        return f"{self.source_file}: column {self.column} looks like {what}: {remedy}, then deliver again; nothing was written"
