"""The page of the simulator tells the traps and rates that the registry has."""

from pipelines.synth.omop.mess import traps


def test_every_trap_stands_in_the_docs_with_its_rates(root):
    page = (root / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = {cells[2].strip(" `"): cells for line in page.splitlines() if len(cells := line.split("|")) == 9}
    for code, trap in traps().items():
        assert code in rows, code
        shown = [cell.strip() for cell in rows[code][4:7]]
        if trap.rates:
            assert shown == [f"{100 * trap.rates[level]:g} %" for level in ("light", "real", "heavy")]
        else:
            assert shown[0] == "lives or habit"
        assert rows[code][7].strip() == trap.what
