"""The words of prescription instructions: how five kinds of prescriber say how often, how much and by which route.

Words only; which prescriber writes what, and when the words lie, is decided in `drugs` and `sigs`. Times a week follow
the usual reading of each phrase; a phrase that has no single reading is in `AMBIGUOUS`, whatever was meant.
"""

LANGUAGES = ("en_us", "en_gb", "es", "de", "fr")

# Phrases that need to be read: ordinary words first, abbreviations after.
FREQUENCY: dict[str, dict[float, tuple[str, ...]]] = {
    "en_us": {
        7.0: ("once daily", "daily", "every day", "QD", "every morning", "at bedtime", "q day", "1x/day"),
        14.0: ("twice daily", "BID", "two times a day", "every 12 hours"),
        3.5: ("every other day", "QOD", "every 2 days"),
        3.0: ("three times a week", "3x/week", "TIW", "3 times weekly"),
        2.0: ("twice weekly", "twice a week", "2x/wk", "2 times per week", "BIW"),
        1.0: ("weekly", "once a week", "q week", "every 7 days", "1x/wk"),
        0.5: ("every 2 weeks", "q2wk", "every 14 days"),
    },
    "en_gb": {
        7.0: ("once daily", "OD", "each day", "once a day", "nocte", "mane"),
        14.0: ("twice daily", "BD", "twice a day"),
        3.5: ("on alternate days", "every other day"),
        3.0: ("three times a week", "3 times a week"),
        2.0: ("twice a week", "twice weekly"),
        1.0: ("once a week", "weekly", "once weekly"),
        0.5: ("every 2 weeks", "once a fortnight", "every fortnight"),
    },
    "es": {
        7.0: ("una vez al día", "cada día", "cada 24 horas", "diariamente"),
        14.0: ("dos veces al día", "cada 12 horas"),
        3.5: ("cada dos días", "en días alternos"),
        3.0: ("tres veces por semana", "3 veces a la semana"),
        2.0: ("dos veces por semana", "2 veces a la semana"),
        1.0: ("una vez por semana", "cada semana", "semanal"),
        0.5: ("cada dos semanas", "cada 14 días"),
    },
    "de": {
        7.0: ("1x täglich", "einmal täglich", "täglich morgens", "jeden Tag"),
        14.0: ("2x täglich", "zweimal täglich"),
        3.5: ("jeden zweiten Tag", "alle 2 Tage"),
        3.0: ("3x pro Woche", "dreimal wöchentlich"),
        2.0: ("2x pro Woche", "zweimal wöchentlich", "2x/Woche"),
        1.0: ("1x pro Woche", "einmal wöchentlich", "wöchentlich"),
        0.5: ("alle 2 Wochen", "alle 14 Tage"),
    },
    "fr": {
        7.0: ("une fois par jour", "1 fois par jour", "chaque jour", "tous les matins"),
        14.0: ("deux fois par jour", "2 fois par jour"),
        3.5: ("un jour sur deux", "tous les deux jours"),
        3.0: ("trois fois par semaine", "3 fois par semaine"),
        2.0: ("deux fois par semaine", "2 fois par semaine"),
        1.0: ("une fois par semaine", "chaque semaine", "1 fois par semaine"),
        0.5: ("toutes les deux semaines", "tous les 14 jours"),
    },
}

WEEKDAYS: dict[str, dict[float, tuple[str, ...]]] = {
    "en_us": {
        3.0: ("MWF", "Mon, Wed, Fri", "on Mon/Wed/Fri", "Tue, Thu, Sat"),
        2.0: ("Mon and Thu", "M/Th", "on Tuesday and Friday", "Mon & Thurs"),
        1.0: ("every Sunday", "on Mondays", "every Wed"),
    },
    "en_gb": {
        3.0: ("on Mon, Wed and Fri", "Monday, Wednesday and Friday"),
        2.0: ("on Mondays and Thursdays", "Mon and Thurs"),
        1.0: ("on Mondays", "every Sunday"),
    },
    "es": {
        3.0: ("lunes, miércoles y viernes",),
        2.0: ("lunes y jueves", "martes y viernes"),
        1.0: ("los domingos", "cada lunes"),
    },
    "de": {3.0: ("Mo, Mi, Fr", "Mo/Mi/Fr"), 2.0: ("Mo und Do", "montags und donnerstags"), 1.0: ("sonntags",)},
    "fr": {3.0: ("lundi, mercredi et vendredi",), 2.0: ("lundi et jeudi",), 1.0: ("le dimanche", "le lundi")},
}

INTERVAL_CODES: dict[float, tuple[str, ...]] = {
    2.0: ("E3.5D", "every 3.5 days", "q3.5d", "q84h"),
    3.5: ("EOD", "q48h", "q.o.d."),
    1.0: ("q7d", "E7D", "every 168 hours"),
    0.5: ("q14d", "E14D"),
}

AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "en_us": ("biweekly", "bi-weekly"),
    "en_gb": ("2 weekly", "bi-weekly"),
    "es": ("bisemanal",),
    "de": ("2-wöchentlich",),
    "fr": ("bihebdomadaire",),
}

AS_DIRECTED: dict[str, tuple[str, ...]] = {
    "en_us": ("Use as directed", "Take as directed by your doctor", "UD", "AS DIRECTED"),
    "en_gb": ("As directed", "MDU", "Use as directed"),
    "es": ("Según indicación médica", "Usar según lo indicado"),
    "de": ("Nach Anweisung", "Nach ärztlicher Anordnung"),
    "fr": ("Selon prescription", "Selon avis médical"),
}

PRN: dict[str, tuple[str, ...]] = {
    "en_us": ("PRN", "as needed for nipple sensitivity", "PRN high E2 symptoms", "as needed"),
    "en_gb": ("PRN", "when required", "if needed"),
    "es": ("si es necesario", "según necesidad"),
    "de": ("bei Bedarf", "b. Bed."),
    "fr": ("si besoin", "en cas de besoin"),
}

WITH_INJECTION: dict[str, tuple[str, ...]] = {
    "en_us": ("day of shot", "with each injection", "on injection days", "day after testosterone injection"),
    "en_gb": ("on the day of the injection", "with each injection"),
    "es": ("el día de la inyección",),
    "de": ("am Tag der Injektion",),
    "fr": ("le jour de l'injection",),
}

VERB: dict[str, dict[str, tuple[str, ...]]] = {
    "en_us": {"oral": ("Take", "TAKE", "Take"), "injection": ("Inject", "INJECT"), "gel": ("Apply", "APPLY")},
    "en_gb": {"oral": ("Take", "To take"), "injection": ("Inject",), "gel": ("Apply",)},
    "es": {"oral": ("Tomar", "Tome"), "injection": ("Inyectar",), "gel": ("Aplicar",)},
    "de": {"oral": ("",), "injection": ("",), "gel": ("Auftragen:",)},
    "fr": {"oral": ("Prendre", ""), "injection": ("Injecter",), "gel": ("Appliquer",)},
}

UNIT_WORD: dict[str, dict[str, tuple[str, ...]]] = {
    "en_us": {"tablet": ("tablet", "tab", "TABLET"), "capsule": ("capsule", "cap")},
    "en_gb": {"tablet": ("tablet", "tab"), "capsule": ("capsule",)},
    "es": {"tablet": ("comprimido", "tableta"), "capsule": ("cápsula",)},
    "de": {"tablet": ("Tablette", "Tbl."), "capsule": ("Kapsel", "Kps.")},
    "fr": {"tablet": ("comprimé", "cp"), "capsule": ("gélule",)},
}

FRACTION_WORD: dict[str, dict[float, tuple[str, ...]]] = {
    "en_us": {
        0.25: ("1/4", "0.25", "a quarter", "¼"),
        0.5: ("1/2", "one-half", "0.5", "½", "1/2"),
        0.75: ("3/4", "0.75", "¾"),
        1.5: ("1 1/2", "1.5", "one and a half"),
    },
    "en_gb": {
        0.25: ("a quarter of a", "1/4"),
        0.5: ("half a", "1/2", "½"),
        0.75: ("three quarters of a", "3/4"),
        1.5: ("one and a half", "1 1/2"),
    },
    "es": {0.25: ("un cuarto de", "1/4"), 0.5: ("medio", "1/2"), 0.75: ("3/4 de",), 1.5: ("1 1/2", "1,5")},
    "de": {0.25: ("1/4", "eine viertel"), 0.5: ("1/2", "eine halbe", "½"), 0.75: ("3/4",), 1.5: ("1 1/2", "1,5")},
    "fr": {0.25: ("1/4 de", "un quart de"), 0.5: ("1/2", "un demi"), 0.75: ("3/4 de",), 1.5: ("1 1/2", "1,5")},
}

ROUTE_WORD: dict[str, dict[str, tuple[str, ...]]] = {
    "en_us": {"oral": ("by mouth", "PO", "orally", ""), "im": ("IM", "intramuscularly"), "sc": ("SC", "subq", "SubQ")},
    "en_gb": {"oral": ("", "by mouth"), "im": ("IM",), "sc": ("SC", "subcutaneously")},
    "es": {"oral": ("por vía oral", "VO", ""), "im": ("IM", "vía intramuscular"), "sc": ("SC",)},
    "de": {"oral": ("", "p.o."), "im": ("i.m.",), "sc": ("s.c.",)},
    "fr": {"oral": ("par voie orale", "per os", ""), "im": ("IM",), "sc": ("SC",)},
}

STOP: dict[str, tuple[str, ...]] = {
    "en_us": ("STOP - E2 too low", "HOLD until next labs"),
    "en_gb": ("STOP", "Withhold until review"),
    "es": ("SUSPENDER hasta nuevo control",),
    "de": ("PAUSIEREN bis Kontrolle",),
    "fr": ("ARRÊT jusqu'au contrôle",),
}

THEN: dict[str, tuple[str, str]] = {
    "en_us": ("for 4 weeks, then", "then stop if E2 < 20"),
    "en_gb": ("for 4 weeks, then", "then review"),
    "es": ("por 4 semanas, luego", "luego revisar"),
    "de": ("für 4 Wochen, dann", "dann Kontrolle"),
    "fr": ("pendant 4 semaines, puis", "puis contrôle"),
}

RANGE_WORD = {"en_us": "to", "en_gb": "to", "es": "a", "de": "bis", "fr": "à"}

SYRINGE_UNITS = {"en_us": "units", "en_gb": "units", "es": "unidades", "de": "Einheiten", "fr": "unités"}
