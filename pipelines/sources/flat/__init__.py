"""Flat drops: files of labs, scans, prescriptions and the rest, put under canonical names by a mapping; FHIR bulk export."""
