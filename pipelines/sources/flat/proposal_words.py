"""How sources call their columns: for each canonical column the names seen, folded (lower case, no accents, letters and
digits only). English, German, French and Spanish; what is not here is proposed as nothing.
"""

import re
import unicodedata


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PERSON_WORDS = _words(
    "personid patientid patient patid pat patnr patientnr patienten patientenid patientennummer mrn mrnhash mrnid mpi empi "
    "subjectid subject subjid pid person id idnum idpatient idpaciente paciente randid seqn studyid pseudonym hashid "
    "beneid memberid enrolid ipp nip"
)
# Columns that name or locate a person: proposed for `drop`.
IDENTIFIER_WORDS = _words(
    "firstname first lastname last middlename middle surname givenname familyname name fullname patientname maiden prefix "
    "suffix vorname nachname familienname geburtsname nom prenom nombre apellido apellidos ssn socialsecuritynumber "
    "socialsecurity drivers passport driverslicense address street addressline1 addressline2 adresse strasse rue direccion "
    "city town stadt ort ville ciudad county zip zipcode postcode postalcode plz codepostal lat lon latitude longitude "
    "phone telephone phonenumber mobile telefon tel telefono email mail emailaddress fax birthplace geburtsort insurance "
    "insurancenumber versichertennummer nhsnumber nhs npi accountnumber contact nextofkin employer"
)
BIRTH_WORDS = _words(
    "birthdate dateofbirth dob birth geburtsdatum gebdat datenaissance ddn fechanacimiento birthday birthdt"
)

WORDS: dict[str, dict[str, str]] = {
    "person": {
        "sex_text": "sex gender geschlecht sexe sexo riagendr",
        "birth_year": "birthyear yearofbirth yob geburtsjahr anneenaissance anonacimiento birthdate dateofbirth dob",
        "age_years": "age ageyears alter edad ageatvisit ridageyr agey",
        "age_on": "ageon agedate visitdate examdate",
        "race_text": "race ethnicity ethnic raceethnicity",
    },
    "period": {
        "starts_on": "start startdate starts begin begindate enrollmentstart coveragestart from startyear von beginn debut",
        "ends_on": "end enddate ends stop enrollmentend coverageend to endyear bis ende fin",
    },
    "lab": {
        "record_id": "recordid resultid labid orderid accession accessionnumber auftragsnummer resultkey labresultid",
        "status_text": "status resultstatus befundstatus",
        "code": "loinc loinccode labcode testcode analytecode code componentcode parametercode",
        "code_system": "codesystem codingsystem system vocabulary",
        "name_text": "test testname analyte component componentname labtest parameter bezeichnung analyt examen prueba "
        "description labname",
        "value_text": "value result resultvalue labvalue wert ergebnis messwert resultat valeur resultado valor ordvalue",
        "operator_text": "operator comparator qualifier vorzeichen",
        "unit_text": "unit units uom einheit einheiten unite unites unidad unidades referenceunit resultunit",
        "reference_low_text": "referencelow low reflow lowerlimit normallow referenzunten rangelow refrangelow",
        "reference_high_text": "referencehigh high refhigh upperlimit normalhigh referenzoben rangehigh refrangehigh",
        "lloq_text": "lloq loq detectionlimit lod nachweisgrenze",
        "method_text": "method assay methode metodo assaymethod technique",
        "lab_id": "lab laboratory labor laboratoire laboratorio performinglab site",
        "specimen_id": "specimenid sampleid specimen probennummer probe barcode",
        "drawn_at": "collected collectiontime collectiondatetime drawntime drawnat collectiondate drawdate specimendate "
        "date datetime sampledate entnahme abnahme abnahmezeit abnahmedatum entnahmedatum dateprelevement fecha "
        "fechaextraccion drawn resultdate datum",
        "resulted_at": "resulted resulttime resultdatetime reported reporteddate befunddatum validated",
        "fasting_text": "fasting nuechtern ajeun ayunas",
    },
    "dxa": {
        "record_id": "recordid resultid",
        "scan_id": "scanid examid studyid accession",
        "status_text": "status",
        "site_text": "site region bodysite skeletalsite roi bodypart lokalisation",
        "side_text": "side laterality seite hipside",
        "bmd_text": "bmd bmdvalue bonedensity bmdgcm2 knochendichte dmo spnbmd",
        "unit_text": "unit units uom einheit bmdunit",
        "area_text": "area boneareacm2 bonearea areacm2",
        "t_score_text": "tscore t tscorevalue",
        "z_score_text": "zscore z",
        "vertebrae_text": "vertebrae levels vertebraeincluded",
        "manufacturer_text": "manufacturer vendor make hersteller",
        "model_text": "model scannermodel modell",
        "software_text": "software softwareversion version",
        "device_id": "deviceid scannerid serialnumber device scanner geraet",
        "scanned_on": "scandate examdate date studydate scanned datum untersuchungsdatum visitdate",
        "valid_text": "valid quality validity scanquality",
    },
    "prescription": {
        "record_id": "recordid prescriptionid orderid rxid dispenseid medicationid",
        "status_text": "status orderstatus",
        "record_type_text": "recordtype type eventtype",
        "drug_text": "drug drugname medication medicationname product med arzneimittel medikament medicament medicamento "
        "description handelsname",
        "code": "ndc rxnorm rxcui atc atccode drugcode code pzn ndccode",
        "code_system": "codesystem system",
        "ingredient_text": "ingredient substance genericname wirkstoff generic dci",
        "strength_text": "strength dose dosestrength staerke dosage",
        "form_text": "form dosageform doseform darreichungsform",
        "route_text": "route routeofadministration",
        "sig_text": "sig directions instructions dosierung posologie posologia dosinginstructions",
        "quantity": "quantity qty quantitydispensed dispensedquantity menge anzahl amount quantite cantidad",
        "quantity_unit_text": "quantityunit qtyunit",
        "days_supply": "dayssupply daysupply supplydays days reichweite",
        "refills": "refills refill numberofrefills",
        "started_on": "start startdate filldate dispensedate orderdate prescribed date dispensed verordnungsdatum "
        "abgabedatum authoredon rxdate",
        "ended_on": "end enddate stop stopdate",
        "indication_code": "indication reasoncode indicationcode",
    },
    "diagnosis": {
        "record_id": "recordid diagnosisid",
        "status_text": "status certainty diagnosesicherheit",
        "code": "icd icd10 icd9 icdcode diagnosiscode dxcode code diagnosis icd10code dx",
        "code_system": "codesystem system icdversion vocabulary",
        "name_text": "diagnosisname description diagnosistext diagnose text",
        "recorded_on": "diagnosisdate dxdate date recorded onset onsetdate start startdate diagnosedatum",
        "setting_text": "setting encountertype patienttype visittype",
        "position_text": "position rank sequence principal diagnosistype",
    },
    "procedure": {
        "record_id": "recordid procedureid",
        "status_text": "status",
        "code": "cpt cptcode ops opscode procedurecode hcpcs code procedure",
        "code_system": "codesystem system",
        "name_text": "procedurename description proceduretext",
        "performed_on": "proceduredate performed date servicedate start eingriffsdatum",
    },
    "observation": {
        "record_id": "recordid observationid",
        "status_text": "status",
        "code": "observationcode vitalcode code loinc",
        "code_system": "codesystem system",
        "name_text": "observation vital vitalsign measure question description observationname",
        "value_text": "value answer result wert",
        "unit_text": "unit units uom",
        "observed_on": "observationdate observed date measuredon visitdate",
    },
    "death": {
        "died_on": "deathdate dateofdeath died dod deceaseddate todesdatum datedeces fechamuerte",
        "cause_code": "causeofdeath cause causecode underlyingcause",
        "code_system": "codesystem system",
    },
    "visit": {
        "record_id": "visitid encounterid id",
        "visit_type_text": "visittype encounterclass encountertype class type",
        "starts_on": "admission admissiondate start startdate visitdate admit aufnahme",
        "ends_on": "discharge dischargedate end stop enddate entlassung",
    },
    "retraction": {
        "record_id": "retractedid retractedrecordid withdrawnid",
        "kind": "retractedkind withdrawnkind",
    },
}


def folded(name: str) -> str:
    """A column name as it is compared: no case, accents, spaces or punctuation."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.casefold())
