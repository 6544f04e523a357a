"""What Spark's console sink prints for cells.ndjson, section by section; each begins with `### ` and st-sink's options.

    pip install pyspark==4.3.0
    python console.py > console.golden
"""

import os
import sys
import tempfile

from pyspark.sql import SparkSession

here = os.path.dirname(os.path.abspath(__file__))
ddl = open(os.path.join(here, "cells.ddl")).read().strip()
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.sql.ansi.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.extraJavaOptions", "-Dstdout.encoding=UTF-8 -Dfile.encoding=UTF-8")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "cells.json"), "w") as copy:
    copy.write(open(os.path.join(here, "cells.ndjson")).read())


def section(name):
    sys.stdout.write(f"### {name}\n")
    sys.stdout.flush()


def console(name, options, where="true"):
    section(name)
    stream = spark.readStream.schema(ddl).json(folder).where(where)
    query = stream.writeStream.format("console").options(**options).trigger(availableNow=True).start()
    query.awaitTermination()


console("", {"truncate": "false"})
console("--truncate", {})
console("--num-rows 2", {"truncate": "false", "numRows": "2"})
console("empty", {"truncate": "false"}, "id = 99")
frame = spark.read.schema(ddl).json(folder)
# The sink's own option is a yes or no; a width goes to the function that draws its tables.
for name, rows, truncate, vertical in [
    ("--truncate 3", 20, 3, False),
    ("--truncate 5 --num-rows 1", 1, 5, False),
    ("--vertical", 20, 0, True),
    ("--vertical --truncate 10 --num-rows 2", 2, 10, True),
]:
    section(name)
    rule = "-------------------------------------------"
    sys.stdout.write(f"{rule}\nBatch: 0\n{rule}\n{frame._jdf.showString(rows, truncate, vertical)}\n")
    sys.stdout.flush()
