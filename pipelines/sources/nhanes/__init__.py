"""NHANES: CDC's survey files in any folder, any cycle, as .XPT, Parquet or linked-mortality .dat."""
