"""Studies: one TOML file each, validated on load and hashed; their cohorts are SQL in `sql/cohort`."""
