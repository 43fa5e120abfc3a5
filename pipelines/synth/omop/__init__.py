"""Simulated lives written down as a hospital would: OMOP CDM 5.4 with the mess of real records, planted and counted.

Lives and their truth come from `pipelines.synth.mechanism`; nothing here knows why anything happened to anybody.
"""
