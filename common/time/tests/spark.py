#!/usr/bin/env python3
"""Asks Spark for the answers in spark.tsv anew: the questions are the first three columns, what, input and pattern.

    ./spark.py        # needs pyspark 4.3.0 and Java 17; make parity-regenerate runs it with all others
"""

import pathlib

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

FILE = pathlib.Path(__file__).with_name("spark.tsv")
CASTS = ("timestamp", "date", "interval")


def answer(spark, what, text, pattern):
    """The fourth column. A pattern that must be refused has none."""
    text = F.lit(text.replace("\\t", "\t"))
    if what in CASTS:
        value = text.cast(what)
    elif what in ("read", "refuse-read"):
        value = F.to_timestamp(text, pattern)
    elif what == "refuse-write":
        value = F.date_format(F.lit("2025-01-15").cast("timestamp"), pattern)
    else:
        value = F.date_format(text.cast("timestamp"), pattern)
    try:
        found = spark.range(1).select(value.cast("string")).first()[0]
    except Exception as error:  # a refusal is an answer
        return "" if what.startswith("refuse") else f"refused: {error}".splitlines()[0]
    return "accepted" if what.startswith("refuse") else "null" if found is None else found


def main():
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
             .config("spark.sql.ansi.enabled", "false").config("spark.sql.session.timeZone", "UTC").getOrCreate())
    lines = [f"# What Spark {spark.version} answers (ANSI off, UTC unless a zone is named, Java 17): what, input, pattern, answer."]
    for line in FILE.read_text().split("\n"):
        if not line or line.startswith("#"):
            continue
        what, text, pattern, _ = line.split("\t")
        kind, _, zone = what.partition("@")
        spark.conf.set("spark.sql.session.timeZone", zone or "UTC")
        lines.append("\t".join([what, text, pattern, answer(spark, kind, text, pattern)]))
    FILE.write_text("\n".join(lines) + "\n")
    spark.stop()


main()
