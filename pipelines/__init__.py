"""Computation: everything that turns files into numbers, and nothing that knows Dagster or Great Expectations.

Rooms, from the ground up: `settings`, `errors`; `domain` (codes, drugs, clinical constants); `trials` (study files);
`tables` (one contract a table), `disclosure`; then side by side `sources` (files to raw rows), `warehouse` (DuckDB, SQL
files, Parquet, publishing), `features`, `models`, `synth`, `report`; on top `plan` (every step, in one list), `run` and
`cli`. Imports point down, never sideways.
"""
