"""Any table file as verbatim rows in batches: delimited text, Parquet, Excel. Shared by the sources that take such files.

Call `open_table`. What a column means, and what type it has, is decided by the source that asked.
"""

from pipelines.sources.text_table.limits import Limits
from pipelines.sources.text_table.table import Batch, TableFile, open_table

__all__ = ["Batch", "Limits", "TableFile", "open_table"]
