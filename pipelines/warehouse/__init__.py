"""DuckDB and Parquet: engine, SQL files, steps and their fingerprints, person buckets, landing, publishing.

Knows contracts, not science: what a table means is decided in `sql/`, `features/` and `models/`.
"""
