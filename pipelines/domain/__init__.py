"""What the field knows: codes, drugs, clinical constants, and the arithmetic they fix. No data, no files of a user."""
