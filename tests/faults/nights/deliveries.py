"""What a simulated hospital delivers in a long row of nights: new people and results, corrections, retractions.

Drops of flat files, each with its list of checksums, made of a random stream and of what was delivered before. Which night brings
what, and what strikes it, `soak` decides. Nobody's values mean anything.
"""

import datetime as dt
import random
from dataclasses import dataclass, field
from hashlib import sha256

MAPPING = """\
time_zone = "UTC"
[[table]]
kind = "person"
files = "people*"
columns = { person = "id", sex_text = "sex", birth_year = "born" }
[[table]]
kind = "period"
files = "period*"
columns = { person = "id", starts_on = "first", ends_on = "last" }
[[table]]
kind = "lab"
files = "labs*"
columns = { person = "id", record_id = "rec", name_text = "test", value_text = "value", unit_text = "unit", drawn_on = "day" }
[[table]]
kind = "dxa"
files = "dxa*"
columns = { person = "id", record_id = "rec", site_text = "site", bmd_text = "bmd", unit_text = "unit", scanned_on = "day" }
[[table]]
kind = "prescription"
files = "drugs*"
columns = { person = "id", record_id = "rec", drug_text = "drug", sig_text = "sig", quantity = "n", started_on = "day" }
[[table]]
kind = "diagnosis"
files = "icd*"
columns = { person = "id", record_id = "rec", code = "code", code_system = { value = "ICD10CM" }, recorded_on = "day" }
[[table]]
kind = "retraction"
files = "gone*"
columns = { person = "id", record_id = "rec", kind = "kind" }
"""
HEADERS = {
    "people.csv": "id,sex,born",
    "period.csv": "id,first,last",
    "labs.csv": "id,rec,test,value,unit,day",
    "dxa.csv": "id,rec,site,bmd,unit,day",
    "drugs.csv": "id,rec,drug,sig,n,day",
    "icd.csv": "id,rec,code,day",
    "gone.csv": "id,rec,kind",
}
FIRST_DAY = dt.date(2019, 1, 1)
Files = dict[str, list[str]]


@dataclass(slots=True)
class Hospital:
    """Everybody it ever delivered, and which of their results and scans still stand.

    Attributes:
        chance: the only source of randomness.
        here: people by number, those who withdrew left out; n_people: everybody ever.
        standing: record -> its person, of results (`l…`) and scans (`x…`) that were not retracted.
    """

    chance: random.Random
    here: list[int] = field(default_factory=list)
    men: set[int] = field(default_factory=set)
    n_people: int = 0
    n_records: int = 0
    standing: dict[str, int] = field(default_factory=dict)

    def people(self, n: int) -> Files:
        """So many new people with all that is known of them."""
        files: Files = {name: [] for name in HEADERS}
        for _ in range(n):
            person = self.n_people
            self.n_people += 1
            self.here.append(person)
            is_man = self.chance.random() < 0.7
            self.men |= {person} if is_man else set()
            began = self._day(FIRST_DAY, 400)
            files["people.csv"].append(f"p{person},{'male' if is_man else 'female'},{self.chance.randint(1940, 1975)}")
            files["period.csv"].append(f"p{person},2017-01-01,2023-12-31")
            for drug, sig, quantity, after in self._drugs(is_man=is_man):
                for fill in range(self.chance.randint(5, 9)):
                    day = began + dt.timedelta(days=after + 84 * fill)
                    files["drugs.csv"].append(f"p{person},{self._record('d')},{drug},{sig},{quantity},{day}")
            code = "E29.1" if is_man else "C50.911"
            files["icd.csv"].append(f"p{person},{self._record('c')},{code},{began - dt.timedelta(days=40)}")
            for after in (-30, 200, 420):
                files["labs.csv"].append(self._lab(person, began + dt.timedelta(days=after)))
            for after in (-60, 400, 760):
                files["dxa.csv"].append(self._scan(person, began + dt.timedelta(days=after)))
        return files

    def results(self, n: int) -> Files:
        """So many more results of people already there."""
        return {
            "labs.csv": [
                self._lab(self.chance.choice(self.here), self._day(dt.date(2021, 1, 1), 700)) for _ in range(n)
            ]
        }

    def corrections(self, n: int) -> Files:
        """Records that stand, under the same number with another value."""
        files: Files = {"labs.csv": [], "dxa.csv": []}
        for record in self.chance.sample(sorted(self.standing), n):
            person, day = self.standing[record], self._day(FIRST_DAY, 700)
            line = self._lab if record[0] == "l" else self._scan
            files["labs.csv" if record[0] == "l" else "dxa.csv"].append(line(person, day, record))
        return files

    def retractions(self, n: int) -> Files:
        """Records that stand, taken back."""
        rows = []
        for record in self.chance.sample(sorted(self.standing), n):
            rows.append(f"p{self.standing.pop(record)},{record},{'lab' if record[0] == 'l' else 'dxa'}")
        return {"gone.csv": rows}

    def leave(self, n: int) -> list[str]:
        """So many people withdraw: their native ids. Nothing of them is delivered from here on."""
        gone = self.chance.sample(self.here, n)
        self.here = [person for person in self.here if person not in gone]
        self.standing = {record: person for record, person in self.standing.items() if person not in gone}
        return [f"p{person}" for person in gone]

    def _drugs(self, *, is_man: bool) -> list[tuple[str, str, int, int]]:
        """Drug, instruction, quantity, and days after the first inhibitor: testosterone is there before it."""
        if is_man:
            dose = self.chance.choice(["1/2 tab twice weekly", "1 tab twice weekly", "1 tab daily"])
            testosterone = ("testosterone cypionate 200 mg/mL injectable solution", "1 mL every 2 weeks", 6, -126)
            return [testosterone, ("anastrozole 1 mg oral tablet", dose, 84, 0)]
        drug = self.chance.choice(["anastrozole 1 mg", "letrozole 2.5 mg", "exemestane 25 mg", "tamoxifen 20 mg"])
        return [(f"{drug} oral tablet", "1 tab daily", 84, 0)]

    def _lab(self, person: int, day: dt.date, record: str | None = None) -> str:
        record = record or self._record("l")
        self.standing[record] = person
        value = self.chance.uniform(15, 45) if person in self.men else self.chance.uniform(4, 20)
        return f"p{person},{record},estradiol,{value:.1f},pg/mL,{day}"

    def _scan(self, person: int, day: dt.date, record: str | None = None) -> str:
        record = record or self._record("x")
        self.standing[record] = person
        value = self.chance.uniform(0.9, 1.1) if person in self.men else self.chance.uniform(0.75, 0.95)
        return f"p{person},{record},total hip,{value:.3f},g/cm2,{day}"

    def _record(self, kind: str) -> str:
        self.n_records += 1
        return f"{kind}{self.n_records}"

    def _day(self, start: dt.date, within: int) -> dt.date:
        return start + dt.timedelta(days=self.chance.randrange(within))


def together(*parts: Files) -> Files:
    """Several deliveries as one."""
    return {name: [row for part in parts for row in part.get(name, [])] for name in HEADERS}


def written(files: Files) -> dict[str, str]:
    """A drop as it is delivered: the list of its checksums first, then the files that have rows."""
    texts = {name: "\n".join([HEADERS[name], *rows]) + "\n" for name, rows in files.items() if rows}
    listed = "".join(f"{sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items())
    return {"SHA256SUMS": listed, **texts}
