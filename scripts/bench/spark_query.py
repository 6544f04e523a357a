"""spark_query.py WORKLOAD: Spark's answer, of a streaming query with a checkpoint, as JSON rows in the folder $OUT.

It has as many shuffle partitions as there are processors, or $BENCH_SPARK_PARTITIONS; Spark's own default is 200.
"""

import json
import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: F401, N812: the queries use it
from workloads import WORKLOADS

workload = next(workload for workload in WORKLOADS if workload.name == sys.argv[1])
DATA, OUT = os.environ["DATA"], os.environ["OUT"]
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.sql.shuffle.partitions", os.environ.get("BENCH_SPARK_PARTITIONS", os.cpu_count()))
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.ansi.enabled", "false")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "4g")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
java = spark._jvm.java.lang.ProcessHandle.current().pid()


def processor():
    """Seconds that the JVM has computed so far."""
    with open(f"/proc/{java}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


wall, cpu = time.monotonic(), processor()
query = eval(f"({workload.spark})").writeStream.outputMode(workload.mode).option("checkpointLocation", os.environ["CK"])
query = query.trigger(availableNow=True)
if workload.mode == "append":
    query = query.format("json").start(OUT)
else:
    query = query.foreachBatch(lambda rows, _: rows.write.mode("overwrite").json(OUT)).start()
query.awaitTermination()
print(json.dumps({"wall": time.monotonic() - wall, "cpu": processor() - cpu}))
