"""What must be true of each table: Great Expectations suites as plain JSON, and checks that follow from the contracts.

Great Expectations judges here and never repairs; repairs are SQL in staging. The suite of a table lies under its name,
at `expectations/<layer>/<table>.json`. Importing this package never imports great_expectations: only `engine` and
`rows` do, and they are imported inside the functions that judge.
"""

import sys

# Great Expectations looks for PySpark's Connect client, which ends any process whose main module has no file: Dagster's workers.
sys.modules.setdefault("pyspark.sql.connect", None)  # ty: ignore[no-matching-overload]
