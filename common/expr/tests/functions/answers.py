#!/usr/bin/env python3
"""Asks real Spark for the answer to every expression of *.sql.

    pip install pyspark==4.3.0        # needs Java 17
    ./answers.py [FILE...]            # default: every *.sql here; writes FILE.ndjson beside it

One line per expression: the expression, its answer as text (`cast(... as string)`, JSON null for null), its type.
A line `-- zone NAME` sets the session's time zone for what follows; it is UTC at the start of a file.
An expression Spark refuses or fails on has `error` with the error's class instead. `-` as FILE reads standard input and
writes standard output.
"""

import json
import pathlib
import sys

from pyspark.sql import SparkSession

SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.variable.substitute": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
    "spark.driver.bindAddress": "127.0.0.1",
}


def session():
    builder = SparkSession.builder.master("local[1]")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def answer(spark, expression):
    """The line for one expression, which may name the columns of row.json."""
    try:
        frame = spark.sql(f"select cast(({expression}) as string), typeof({expression}) from r")
        text, kind = frame.collect()[0]
        return {"expr": expression, "answer": text, "type": kind}
    except Exception as error:  # every refusal of Spark's is an answer
        name = getattr(error, "getCondition", lambda: None)() or type(error).__name__
        return {"expr": expression, "error": name}


def main(names):
    spark = session()
    row = pathlib.Path(__file__).parent / "row.json"
    spark.read.json(str(row)).createOrReplaceTempView("r")
    for name in names:
        if name == "-":
            source, sink = sys.stdin, sys.stdout
        else:
            source, sink = open(name), open(pathlib.Path(name).with_suffix(".ndjson"), "w")
        zone = "UTC"
        spark.conf.set("spark.sql.session.timeZone", zone)
        print(json.dumps({"spark": spark.version, "ansi": False}), file=sink)
        for line in source:
            line = line.strip()
            if line.startswith("-- zone "):
                zone = line.removeprefix("-- zone ")
                spark.conf.set("spark.sql.session.timeZone", zone)
            elif line and not line.startswith("--"):
                found = answer(spark, line) | ({} if zone == "UTC" else {"zone": zone})
                print(json.dumps(found, ensure_ascii=False), file=sink, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(str(p) for p in pathlib.Path(__file__).parent.glob("*.sql")))
