"""Estimators: arrays or frames in, frozen results out. No files, no database, no framework."""
