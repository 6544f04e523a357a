"""duckdb_query.py WORKLOAD: DuckDB's answer as JSON rows in $OUT; prints how long the query took."""

import json
import os
import sys
import time

import duckdb
from workloads import WORKLOADS

workload = next(workload for workload in WORKLOADS if workload.name == sys.argv[1])
query = workload.duckdb.replace("$DATA", os.environ["DATA"])
database = duckdb.connect()
database.execute("set timezone = 'UTC'")
wall, cpu = time.monotonic(), time.process_time()
database.execute(f"copy ({query}) to '{os.environ['OUT']}' (format json)")
print(json.dumps({"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}))
