"""The one Definitions of the project, where Dagster looks for it: built on import, by `assembly`."""

from assets.assembly import build_definitions

defs = build_definitions()
