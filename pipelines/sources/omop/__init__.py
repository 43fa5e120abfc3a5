"""OMOP Common Data Model 5.3 and 5.4 as delivered by hospitals: folders of Parquet or text files, or one DuckDB file."""

from pipelines.sources.omop.delivery import SOURCE, open_delivery

__all__ = ["SOURCE", "open_delivery"]
