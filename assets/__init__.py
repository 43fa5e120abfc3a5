"""Dagster, thin: every asset body calls `pipelines` or `expectations`. No logic, no SQL, no science here."""
