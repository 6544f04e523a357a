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


def refusal(error):
    name = getattr(error, "getCondition", lambda: None)() or type(error).__name__
    return {"error": name}


def asked(spark, expressions):
    """Text and type, or the error, of each expression, which may name the columns of row.json. Many are asked in one
    query, for a query takes its time; one that fails is asked again in halves."""
    both = ", ".join(f"cast(({expression}) as string), typeof({expression})" for expression in expressions)
    try:
        cells = spark.sql(f"select {both} from r").collect()[0]
        return [{"answer": text, "type": kind} for text, kind in zip(cells[::2], cells[1::2])]
    except Exception as error:  # every refusal of Spark's is an answer
        if len(expressions) == 1:
            return [refusal(error)]
        half = len(expressions) // 2
        return asked(spark, expressions[:half]) + asked(spark, expressions[half:])


def answers(spark, expressions):
    """The line for each expression. What Spark refuses before it runs is found first, one by one."""
    found, sound = {}, []
    for expression in dict.fromkeys(expressions):
        try:
            spark.sql(f"select cast(({expression}) as string), typeof({expression}) from r")
            sound.append(expression)
        except Exception as error:  # every refusal of Spark's is an answer
            found[expression] = refusal(error)
    for start in range(0, len(sound), 32):
        part = sound[start : start + 32]
        found |= dict(zip(part, asked(spark, part)))
    return [{"expr": expression} | found[expression] for expression in expressions]


def by_zone(lines):
    """The expressions of a file, in runs of one time zone."""
    runs = [("UTC", [])]
    for line in map(str.strip, lines):
        if line.startswith("-- zone "):
            runs.append((line.removeprefix("-- zone "), []))
        elif line and not line.startswith("--"):
            runs[-1][1].append(line)
    return runs


def main(names):
    spark = session()
    row = pathlib.Path(__file__).parent / "row.json"
    spark.read.json(str(row)).createOrReplaceTempView("r")
    for name in names:
        if name == "-":
            source, sink = sys.stdin, sys.stdout
        else:
            source, sink = open(name), open(pathlib.Path(name).with_suffix(".ndjson"), "w")
        print(json.dumps({"spark": spark.version, "ansi": False}), file=sink)
        for zone, expressions in by_zone(source):
            spark.conf.set("spark.sql.session.timeZone", zone)
            for found in answers(spark, expressions):
                found |= {} if zone == "UTC" else {"zone": zone}
                print(json.dumps(found, ensure_ascii=False), file=sink, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(str(p) for p in pathlib.Path(__file__).parent.glob("*.sql")))
