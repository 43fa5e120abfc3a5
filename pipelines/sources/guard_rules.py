"""What a direct identifier looks like: names of columns, and patterns of values. Measured on the public samples of the tests.

After the 18 identifiers of HIPAA's safe harbour (45 CFR 164.514(b)(2)), as far as columns and patterns can tell them. A rule
says what it saw and what to do, never the value. Where rules are applied is `guard`.
"""

import re
from dataclasses import dataclass
from typing import Literal

Rule = Literal[
    "name", "number", "person_id", "contact", "address", "birth", "age", "email", "phone", "ssn", "url", "ip", "prose"
]

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
    "person_id": (
        "the person id under another name",
        "remove the column; the mapping's person column is read once, and hashed",
    ),
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

_B = r"(?-u:\b)"  # word boundaries of ASCII: the engine then needs one pass a value
_START, _BEFORE, _AFTER = r"(?:^|[^0-9A-Za-z_+])", r"(?:^|[^0-9A-Za-z_.+-])", r"(?:$|[^0-9A-Za-z_-])"
_SUFFIX = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|court|crescent|terrace|highway|hwy|parkway|pkwy|close|gardens|grove|"
    "mews"
)
# Words that name streets and other things: only where every word begins with a capital.
_SUFFIX_CAPITAL = (
    "Alley|Bay|Branch|Bridge|Brook|Burg|Causeway|Center|Circle|Cliff|Club|Common|Corner|Course|Cove|Creek|Crossing|Crossroad|"
    "Dale|Dam|Drive|Dr|Divide|Estate|Expressway|Fall|Ferry|Field|Flat|Ford|Forest|Forge|Fork|Fort|Freeway|Garden|Gate|Glen|"
    "Green|Harbor|Haven|Heights|Hill|Hollow|Inlet|Island|Junction|Key|Knoll|Lake|Landing|Light|Lock|Lodge|Loop|Manor|Meadow|"
    "Mill|Mission|Mount|Mountain|Neck|Orchard|Park|Path|Pike|Pine|Place|Plain|Plaza|Point|Port|Prairie|Promenade|Ramp|Ranch|"
    "Rapid|Rest|Ridge|River|Row|Rue|Run|Shoal|Shore|Spring|Square|Station|Stravenue|Stream|Summit|Throughway|Trace|Track|"
    "Trail|Tunnel|Turnpike|Underpass|Union|Valley|Via|Viaduct|View|Village|Ville|Vista|Walk|Wall|Way|Well"
)
_UNIT = r"(?i:apt|apartment|unit|suite|ste|flat|floor|#)"

# What "first" and "last" mean in a table of people.
PERSON_NAMES = frozenset(("name", "first", "last", "middle", "maiden", "given", "family"))

VALUES: dict[str, str] = {
    "email": r"(?i)[a-z0-9_%+-]@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}",
    "phone": (
        rf"{_BEFORE}(?:\+?1[-. ])?(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[-. ])[2-9][0-9]{{2}}[-. ][0-9]{{4}}{_AFTER}"
        rf"|{_START}\+[1-9][0-9]{{0,2}}[ .-]?(?:\([0-9]{{1,4}}\)[ .-]?)?[0-9]{{2,4}}(?:[ .-][0-9]{{2,8}}){{1,4}}{_AFTER}"
        rf"|{_START}\+[1-9][0-9]{{9,13}}{_AFTER}"
        rf"|{_BEFORE}0[1-9](?:[ .][0-9]{{2}}){{4}}{_AFTER}"
        rf"|{_BEFORE}0[1-9][0-9]{{1,3}} [0-9]{{3,4}} [0-9]{{3,4}}{_AFTER}"
        rf"|{_BEFORE}(?:0[1-9][0-9]{{1,3}} ?/ ?|\(0[1-9][0-9]{{1,3}}\) ?)[0-9]{{5,8}}{_AFTER}"
    ),
    "ssn": rf"{_BEFORE}[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}{_AFTER}",
    "number": (
        rf"(?i){_B}(?:mrn|med(?:ical)?\.? ?rec(?:ord)?|patient ?(?:id|no|nr|number|num)|pat\.?[ -]?nr|nhs ?(?:no|number)|"
        rf"chart ?(?:no|number)|historia cl[ií]nica|fallnummer|ssn)[ \t.:#=-]*(?:n[o°º]\.?[ \t]*)?[a-z]{{0,3}}[0-9]{{5,}}"
    ),
    "birth": (
        rf"(?i)(?:{_B}(?:d\.?o\.?b|date of birth|born(?: on)?|geb(?:oren|\.)?(?: am)?|geburtsdatum|née?(?: le)?|"
        rf"nacid[oa](?: el)?|fecha de nacimiento|date de naissance)[ \t:.=]*)"
        rf"[0-9]{{1,4}}[-/. ]{{1,2}}(?:[0-9]{{1,2}}|\p{{L}}{{3,10}})[-/. ]{{1,2}}[0-9]{{2,4}}"
    ),
    "age": rf"(?i){_B}(?:9[0-9]|1[01][0-9])[ -]?(?:years?[ -]old|yrs?[ -]old|y/?o{_B}|jahre alt|jährige|años de edad|ans{_B})",
    "address": (
        rf"(?i)^[ \t]*[0-9]{{1,6}}[a-z]?[ \t]+(?:[nsew]\.?[ \t]+)?(?:[\p{{L}}'-]+\.?[ \t]+){{1,3}}(?:{_SUFFIX}){_B}\.?[ \t]*"
        rf"(?:$|,|\n|apt|unit|suite|flat|#)"
        rf"|(?-i:^[ \t]*[0-9]{{1,6}}[ \t]+(?:\p{{Lu}}[\p{{L}}'.-]*[ \t]+){{1,3}}(?:{_SUFFIX_CAPITAL}){_B}\.?[ \t]*"
        rf"(?:$|,|\n|{_UNIT}))"
        rf"|(?-i:,[ \t]*[A-Z]{{2}}[ \t]+[0-9]{{5}}(?:-[0-9]{{4}})?[ \t]*$)"
        rf"|[\p{{L}}-]+(?:straße|strasse|str\.|weg|platz|allee|gasse)[ \t]+[0-9]{{1,4}}[ \t]?[a-z]?{_B}"
        rf"|{_B}(?:calle|avenida|avda\.?|paseo|rue|chemin|impasse)[ \t]+(?:[\p{{L}}'.-]+[ \t]+){{0,5}}[\p{{L}}'.-]+,?[ \t]+"
        rf"(?:n[º°.]?[ \t]*)?[0-9]{{1,4}}{_B}"
        rf"|^[ \t]*[0-9]{{1,4}}(?: ?(?:bis|ter))?,?[ \t]+(?:rue|avenue|boulevard|chemin|impasse|allée|quai)[ \t]+\p{{L}}"
        rf"|{_B}(?:p\.? ?o\.? ?box|postfach|apartado(?: de correos)?|boîte postale)[ \t]+[0-9]+"
        rf"|(?-i:^[ \t]*(?:[A-Z]{{1,2}}[0-9][A-Z0-9]? [0-9][A-Z]{{2}}|[A-Z][0-9][A-Z] [0-9][A-Z][0-9])[ \t]*$)"
    ),
    "url": rf"(?i)(?:https?|ftp)://|{_B}www\.[a-z0-9-]+\.",
    "ip": (
        r"^[ \t]*(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[ \t]*$"
        r"|(?i)^[ \t]*(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}[ \t]*$"
    ),
}
"""Rule -> pattern of a value (regular expressions of Rust, as Polars takes them). One such value stops the drop."""

USUAL: dict[str, str] = {
    "name": (
        r"^[ \t]*(?i:mrs?|ms|miss|dr|prof|herr|frau|sra?|don|doña|mme|mlle|m)\.?[ \t]+\p{Lu}[\p{L}'-]+"
        r"(?:[ \t]+\p{Lu}[\p{L}'.-]*)*[ \t]*$"
        r"|^[ \t]*\p{L}[\p{L}' -]+\^\p{L}[\p{L}' -]*(?:\^.*)?$"
    ),
    "phone": (
        r"^[ \t]*(?:[679][0-9]{2} [0-9]{3} [0-9]{3}|[679][0-9]{2}(?: [0-9]{2}){3}|0[0-9]{2,4}-[0-9]{5,8}"
        r"|[2-9][0-9]{2}[2-9][0-9]{6})[ \t]*$"
    ),
    "ssn": (
        r"^[ \t]*(?:[0-9]{8}-?[A-HJ-NP-TV-Z]|[XYZ]-?[0-9]{7}-?[A-HJ-NP-TV-Z]|[A-CEGHJ-PR-TW-Z]{2} ?(?:[0-9]{2} ?){3}[A-D]"
        r"|[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?[0-9AB]{2} ?[0-9]{3} ?[0-9]{3}(?: ?[0-9]{2})?|[0-9]{3} [0-9]{3} [0-9]{4})[ \t]*$"
    ),
}
"""Rule -> pattern that other things have too: it stops the drop where many different values of the column look so."""
USUAL_SHARE, USUAL_VALUES = 0.5, 3

NAME_SHARE, NAME_VALUES = 0.25, 3
# Columns of codes and of what laboratories and pharmacies call things hold no people.
NO_NAMES = re.compile(r".*(?:code|concept|unit|drug|ingredient|vocabulary|analyte|organism).*")

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
