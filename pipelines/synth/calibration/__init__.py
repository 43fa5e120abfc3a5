"""Does the simulator look like the published trials? Trial-like populations, forced arms, and the table of agreement.

Here: populations, quantities, the table. Not here: the targets themselves (`calibration.toml`), nor any tuning: a
person changes `truth.toml` and looks again. What it shows is face validity, and it is called so.
"""
