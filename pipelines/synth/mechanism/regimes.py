"""Forced courses of treatment: what everybody would take in the worlds that the truth compares.

Here: the description of a regime. Not here: how it is carried out (`treatment`), who is eligible (`synth.contrasts`).
"""

from dataclasses import dataclass

NATURAL_AGENT = -1


@dataclass(frozen=True, slots=True)
class Regime:
    """None or NATURAL_AGENT leaves a choice to the natural course."""

    name: str = "natural"
    adjuvant_agent: int = NATURAL_AGENT  # 0 none, 1 aromatase inhibitor, 2 tamoxifen
    ai_kind: int = 0  # 1 anastrozole, 2 letrozole, 3 exemestane; 0 natural
    is_sustained: bool = False  # nobody stops, switches or misses a dose
    misses_doses: bool = False  # with `is_sustained`: doses are missed as in the natural course
    stop_after_steps: int | None = None  # adjuvant therapy ends here for everybody
    switch_after_steps: int | None = None  # tamoxifen becomes the aromatase inhibitor `ai_kind`
    no_antiresorptive: bool = False
    everybody_antiresorptive: int = 0  # from the index day: 1 alendronate, 2 zoledronic acid, 3 denosumab
    goserelin: bool | None = None  # premenopausal women
    testosterone: bool | None = None
    testosterone_mg_per_week: float | None = None
    #: men and women on (or off) testosterone: "none", "fixed", "titrate" or "stop_low"; None = natural
    add_on: str | None = None
    add_on_after_steps: int = 0  # steps after the index day
    co_start: bool | None = None  # natural course, but an inhibitor from the first testosterone dose: all or nobody
    #: natural course, but at the estradiol check acted on this many steps after the first testosterone dose …
    decision_after_steps: int | None = None
    decision: bool = False  # … an inhibitor is added for all (or nobody) who may have one
    ai_mg_per_intake: float = 0.5
    ai_intakes_per_week: float = 2.0
    estradiol_low: float = 20.0  # policy acts below (measured)
    estradiol_high: float = 30.0  # policy acts above


NATURAL = Regime()
