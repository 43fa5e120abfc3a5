"""The mechanism of the simulator: what happens to people, before anybody writes it down.

Here: people, drugs, hormones, bone, events, and what a perfect observer would note. Not here: OMOP rows, units as sites
write them, missing values, duplicates and every other mess, which belong to `pipelines.synth.omop`.
"""
