"""A small published home of a flat drop, and the digest of everything in a home that a refused input must not touch."""

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pipelines import plan
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.warehouse.publish import publish

SEX = ("female", "male")
MAPPING = """\
time_zone = "Europe/Berlin"
[[table]]
kind = "person"
files = "people*"
columns = { person = "id", sex_text = "sex", birth_year = "born" }
[[table]]
kind = "lab"
files = "labs*"
columns = { person = "id", name_text = "test", value_text = "value", unit_text = "unit", drawn_on = "day" }
[[table]]
kind = "dxa"
files = "dxa*"
columns = { person = "id", site_text = "site", bmd_text = "bmd", unit_text = "unit", scanned_on = "day" }
[[table]]
kind = "prescription"
files = "drugs*"
columns = { person = "id", drug_text = "drug", sig_text = "sig", quantity = "n", started_on = "day" }
"""
PEOPLE = "id,sex,born\n" + "".join(f"p{n},{SEX[n % 2]},{1940 + n}\n" for n in range(12))
LABS = "id,test,value,unit,day\n" + "".join(f"p{n},estradiol,{10 + n},pg/mL,2020-03-0{1 + n % 9}\n" for n in range(12))
DXA = "id,site,bmd,unit,day\n" + "".join(f"p{n},total hip,0.{800 + n},g/cm2,2020-03-0{1 + n % 9}\n" for n in range(12))
DRUGS = "id,drug,sig,n,day\n" + "".join(f"p{n},anastrozole 1 mg,1 tab daily,30,2020-03-01\n" for n in range(6))
DROP = {"mapping.toml": MAPPING, "people.csv": PEOPLE, "labs.csv": LABS, "dxa.csv": DXA, "drugs.csv": DRUGS}


def write_drop(folder: Path, **changed: bytes | str | None) -> Path:
    """The good drop, with files replaced (`labs_csv=...`) or left out (None)."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {name.replace("_", ".", 1): content for name, content in changed.items()}
    for name, content in (DROP | named).items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def settings_in(folder: Path) -> Settings:
    """The published home of a folder, and the drop it was built from."""
    return Settings(
        home=folder / "home",
        source="flat",
        folder=str(folder / "drop"),
        memory_gb=1.0,
        threads=1,
    )


def build(folder: Path) -> None:
    """Make the drop and the published home; nobody may write in it afterwards."""
    settings = settings_in(folder)
    write_drop(Path(settings.folder))
    with Run(settings, run_id="built") as run:
        report = run.land()
        for step in plan.steps():
            run.step(step)
        publish(settings, run.facts, report.drop_id, "code", _page)


def copy(built: Settings, base: Path) -> Settings:
    """A home of one's own with the same files in the same state."""
    shutil.copytree(built.home, base / "home", symlinks=True)
    return replace(built, home=base / "home")


def digest(folder: Path) -> str:
    """Names and bytes of every file below, symlinks by their target."""
    found = sha256()
    for path in sorted(folder.rglob("*")):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.update(repr((path.relative_to(folder).as_posix(), sha256(content).hexdigest())).encode())
    return found.hexdigest()


def _page(mart: object, out: Path) -> Path:
    out.mkdir(parents=True)
    (out / "index.html").write_text("<p>report</p>")
    return out / "index.html"
