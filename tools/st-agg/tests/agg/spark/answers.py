"""Asks Spark for the answers in answers.json: every line of aggregates.sql per group of rows.ndjson, and sketches over
generated numbers. Run it with a Python that has PySpark 4.3: python answers.py
"""
import json
import random
from pathlib import Path

from pyspark.sql import SparkSession

here = Path(__file__).parent
SCHEMA = "g STRING, i BIGINT, d DOUBLE, s STRING, b BOOLEAN, t TIMESTAMP"
SKETCHES = {
    "approx_count_distinct(n)": [5, 100, 400, 500, 1000, 2000, 5000, 50000],
    "approx_count_distinct(n, 0.01)": [1000, 50000],
    "approx_count_distinct(cast(n as string))": [300, 5000],
    "percentile_approx(n, array(0.01, 0.25, 0.5, 0.75, 0.99))": [999, 60000, 120000],
    "percentile_approx(n, array(0.01, 0.25, 0.5, 0.75, 0.99), 20)": [999, 60000, 120000],
}


def rows():
    chance = random.Random(7)
    def row(g, i, d, s, b, t):
        t = None if t is None else f"2025-01-15T{t // 3600:02}:{t // 60 % 60:02}:{t % 60:02}.{t % 1000:03}Z"
        return {"g": g, "i": i, "d": d, "s": s, "b": b, "t": t}
    def maybe(x):
        return None if chance.random() < 0.1 else x
    for _ in range(200):
        yield row("many", maybe(chance.randint(-20, 20)), maybe(round(chance.gauss(10, 4), chance.randint(0, 5))),
                  maybe(chance.choice(["apple", "Banana", "äpfel", "", "a", "7", "1.5e2"])),
                  maybe(chance.random() < 0.5), maybe(chance.randint(0, 86399)))
    yield row("few", 3, 0.1, "b", True, 60)
    yield row("few", None, 0.2, "a", None, 30)
    yield row("few", 1, None, None, False, None)
    yield row("few", 3, 0.3, "c", True, 60)
    yield row("few", 2, -0.4, "a", True, 90)
    yield row("one", 4, 2.5, "x", True, 100)
    yield row("nulls", None, None, None, None, None)
    yield row("nulls", None, None, None, None, None)
    for _ in range(3):
        yield row("same", 2, 1.5, "y", False, 500)


def main():
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
             .config("spark.sql.ansi.enabled", "false").config("spark.sql.session.timeZone", "UTC")
             .config("spark.sql.shuffle.partitions", "1").config("spark.sql.jsonGenerator.ignoreNullFields", "false")
             .getOrCreate())
    data = here / "rows.ndjson"
    data.write_text("".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows()))
    spark.read.schema(SCHEMA).json(str(data)).coalesce(1).createOrReplaceTempView("data")
    answers = {"schema": SCHEMA, "groups": {}, "sketches": {}}
    for line in (here / "aggregates.sql").read_text().splitlines():
        table = spark.sql(f"select g, {line} as r from data group by g order by g")
        try:
            groups = [json.loads(text) for text in table.toJSON().collect()]
            answers["groups"][line] = {row["g"]: row["r"] for row in groups}
        except Exception as error:  # noqa: BLE001: shown, and left out
            print(line, str(error).splitlines()[0])
    for sketch, sizes in SKETCHES.items():
        answers["sketches"][sketch] = {}
        for size in sizes:
            numbers = f"(select id * 7919 % 100003 as n from range(0, {size}, 1, 1))"
            row = spark.sql(f"select {sketch} as r from {numbers}").toJSON().first()
            answers["sketches"][sketch][size] = json.loads(row)["r"]
    (here / "answers.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1) + "\n")
    spark.stop()


main()
