"""The report: mart frames in, one self-contained HTML page and its plots out. No database, no orchestration."""
