"""Asks real Spark what joins give: reads nothing, writes answers.json beside itself. Needs PySpark 4 and Java 17.

Streams: one file per batch holds the rows of both sides, so that both come in one batch; between batches Spark idles, so that
its no-data batches run. The rows finally emitted are the answer. Tables: each batch of the stream against the same rows.
"""

import json
import os
import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, expr

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.sql.ansi.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def at(clock):
    return None if clock is None else f"2025-01-15T{clock}.000Z"


def l(k, clock, a):
    return {"k": k, "lt": at(clock), "a": a}


def r(k, clock, b):
    return {"k": k, "rt": at(clock), "b": b}


# Matches before, at and beyond both bounds of an hour; several per row; rows that come late, and rows that come after the
# mark has passed others; keys that never match; a left row that a condition on l alone refuses.
LEFT = [
    [l("x", "10:00:00", 1), l("y", "10:05:00", 2), l("z", "10:10:00", 3), l("q", "10:10:00", 0)],
    [l("x", "10:30:00", 4), l("w", "10:31:00", 5)],
    [l("x", "09:00:00", 6), l("y", "12:00:00", 7)],
    [l("v", "12:30:00", 8), l("late", "11:00:00", 9)],
    [l("u", "14:00:00", 10), l("x", "14:00:00", 11)],
    [l("t", "18:00:00", 12)],
]
RIGHT = [
    [r("x", "10:00:00", 1), r("y", "11:05:00", 2), r("q", "10:20:00", 9)],
    [r("x", "11:00:00", 3), r("y", "11:05:01", 4), r("z", "10:09:59", 5), r("x", "11:30:00", 6)],
    [r("y", "12:00:00", 7), r("y", "13:00:00", 8), r("y", "12:00:00", 7)],
    [r("x", "10:31:00", 10), r("v", "13:30:00", 11), r("late", "11:30:00", 12)],
    [r("s", "14:30:00", 13), r("x", "15:00:00", 14)],
    [r("t", "18:30:00", 15)],
]
NULLS = [
    [l(None, "10:00:00", 1), l("x", "10:00:00", 2)],
    [l("y", "13:00:00", 3)],
    [l("w", "18:00:00", 4)],
]
NULLS_RIGHT = [
    [r(None, "10:00:00", 1), r("x", "10:10:00", 2)],
    [r("z", "13:00:00", 3)],
    [r("w", "18:00:00", 4)],
]
RANGE = "l.k = r.k and r.rt >= l.lt and r.rt <= l.lt + interval 1 hour"
EARLIER = "l.k = r.k and r.rt between l.lt - interval 30 minutes and l.lt + interval 30 minutes"
OPEN = "l.k = r.k and l.lt < r.rt and r.rt < l.lt + interval 1 hour"


INPUTS = {"rows": (LEFT, RIGHT), "nulls": (NULLS, NULLS_RIGHT)}


def streams(name, how, on, inputs="rows", delays=("10 minutes", "20 minutes")):
    return dict(name=name, how=how, on=on, inputs=inputs, delays=delays)


STREAMS = []
for how in ["inner", "left", "right", "full", "semi"]:
    STREAMS.append(streams(f"{how}, within the hour", how, RANGE))
    STREAMS.append(streams(f"{how}, half an hour around", how, EARLIER))
    STREAMS.append(streams(f"{how}, open bounds", how, OPEN))
    STREAMS.append(streams(f"{how}, the time is a key", how, "l.k = r.k and l.lt = r.rt"))
    STREAMS.append(streams(f"{how}, a condition on each side", how, RANGE + " and l.a <> 1 and r.b <> 9"))
    STREAMS.append(streams(f"{how}, a condition on the pair", how, RANGE + " and l.a <> r.b"))
    if how != "full":
        STREAMS.append(streams(f"{how}, null keys", how, RANGE, "nulls"))
STREAMS.append(streams("inner, no watermark", "inner", "l.k = r.k", delays=(None, None)))
STREAMS.append(streams("inner, no watermark, a condition", "inner", "l.k = r.k and l.a < r.b", delays=(None, None)))
STREAMS.append(streams("inner, a key that is computed", "inner", "upper(l.k) = concat(upper(r.k), '') and l.a + 1 = r.b", delays=(None, None)))
# Without a watermark on both sides Spark runs no batch without data, so that rows are judged by an earlier mark, and never
# gives up a row of a side that has none: these have no late rows.
STREAMS.append(streams("inner, l alone has a watermark", "inner", RANGE, "nulls", delays=("10 minutes", None)))

HOW = {"left": "left_outer", "right": "right_outer", "full": "full_outer", "semi": "left_semi", "anti": "left_anti"}


def rows_of(frame):
    return sorted(json.dumps(row, sort_keys=True) for row in frame)


def text(value):
    if hasattr(value, "strftime"):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return value


def run_streams(case):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, checkpoint = os.path.join(folder, "in"), os.path.join(folder, "ck")
        os.mkdir(source)
        both = (
            spark.readStream.schema("side STRING, k STRING, lt TIMESTAMP, a INT, rt TIMESTAMP, b INT")
            .option("maxFilesPerTrigger", 1)
            .json(source)
        )
        left = both.where("side = 'l'").select("k", "lt", "a")
        right = both.where("side = 'r'").select("k", "rt", "b")
        if case["delays"][0]:
            left = left.withWatermark("lt", case["delays"][0])
        if case["delays"][1]:
            right = right.withWatermark("rt", case["delays"][1])
        joined = left.alias("l").join(right.alias("r"), expr(case["on"]), HOW.get(case["how"], case["how"]))
        if case["how"] == "semi":
            joined = joined.select("l.k", "l.lt", "l.a")
        else:
            joined = joined.select(col("l.k").alias("lk"), "l.lt", "l.a", col("r.k").alias("rk"), "r.rt", "r.b")
        found = []

        def take(frame, _):
            found.extend({name: text(value) for name, value in row.asDict().items()} for row in frame.collect())

        query = joined.writeStream.foreachBatch(take).option("checkpointLocation", checkpoint).start()
        for number, (lefts, rights) in enumerate(zip(*INPUTS[case["inputs"]])):
            hidden = os.path.join(folder, "written")
            with open(hidden, "w") as file:
                for side, rows in (("l", lefts), ("r", rights)):
                    for row in rows:
                        file.write(json.dumps({"side": side, **row}) + "\n")
            os.rename(hidden, os.path.join(source, f"{number}.json"))
            query.processAllAvailable()
        query.stop()
        return rows_of(found)


TABLE = [
    {"id": 1, "name": "one"},
    {"id": 2, "name": "two"},
    {"id": 2, "name": "zwei"},
    {"id": None, "name": "none"},
    {"id": 9, "name": None},
]
ORDERS = [
    [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 3, "n": 3}],
    [{"id": None, "n": 4}, {"id": 9, "n": 5}, {"id": 1, "n": 6}],
]


TEXTS = [dict(row, id=None if row["id"] is None else str(row["id"])) for row in TABLE]
ROWS = {"table": TABLE, "texts": TEXTS}


def table(name, how, on=None, using=None, types=("INT", "INT"), rows="table"):
    return dict(name=name, how=how, on=on, using=using, types=types, rows=rows)


TABLES = []
for how in ["inner", "left", "semi", "anti"]:
    TABLES.append(table(f"{how}, using", how, using="id"))
    TABLES.append(table(f"{how}, on", how, on="l.id = r.id"))
    TABLES.append(table(f"{how}, a condition on the pair", how, on="l.id = r.id and l.n + length(r.name) > 5"))
    TABLES.append(table(f"{how}, a condition on each side", how, on="l.id = r.id and l.n > 1 and r.name <> 'zwei'"))
    TABLES.append(table(f"{how}, no equality", how, on="l.id < r.id"))
    TABLES.append(table(f"{how}, an integer and a double", how, on="l.id = r.id", types=("INT", "DOUBLE")))
    TABLES.append(table(f"{how}, an integer and a decimal", how, on="l.id = r.id", types=("BIGINT", "DECIMAL(10,2)")))
    TABLES.append(table(f"{how}, null-safe", how, on="l.id <=> r.id"))
    TABLES.append(table(f"{how}, an integer and a text", how, on="l.id = r.id", types=("INT", "STRING"), rows="texts"))


def run_table(case):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source = os.path.join(folder, "in")
        os.mkdir(source)
        for number, rows in enumerate(ORDERS):
            with open(os.path.join(source, f"{number}.json"), "w") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        fixed = os.path.join(folder, "table.json")
        with open(fixed, "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in ROWS[case["rows"]])
        left = spark.readStream.schema(f"id {case['types'][0]}, n INT").json(source).alias("l")
        right = spark.read.schema(f"id {case['types'][1]}, name STRING").json(fixed).alias("r")
        how = HOW.get(case["how"], case["how"])
        if case["using"]:
            joined = left.join(right, case["using"], how)
        else:
            joined = left.join(right, expr(case["on"]), how)
            if case["how"] in ("semi", "anti"):
                joined = joined.select("l.id", "l.n")
            else:
                joined = joined.select(col("l.id").alias("lid"), "l.n", "r.name")
        found = []

        def take(frame, _):
            found.extend(row.asDict() for row in frame.collect())

        query = joined.writeStream.foreachBatch(take).trigger(availableNow=True)
        query = query.option("checkpointLocation", os.path.join(folder, "ck")).start()
        query.awaitTermination()
        return rows_of(found)


here = os.path.dirname(os.path.abspath(__file__))
parts = sys.argv[1:]
known = {}
if parts:
    with open(os.path.join(here, "answers.json")) as file:
        before = json.load(file)
        known = {(kind, case["name"]): case["answer"] for kind in ("streams", "tables") for case in before[kind]}
answers = {"spark": spark.version, "inputs": INPUTS, "orders": ORDERS, "rows": ROWS}
for name, cases, ask in (("streams", STREAMS, run_streams), ("tables", TABLES, run_table)):
    answers[name] = []
    for case in cases:
        if (name, case["name"]) not in known or any(part in case["name"] for part in parts):
            answers[name].append({**case, "answer": ask(case)})
        else:
            answers[name].append({**case, "answer": known[name, case["name"]]})
with open(os.path.join(here, "answers.json"), "w") as file:
    # One line per case, so that a difference can be read.
    lines = [f"{json.dumps(name)}: {json.dumps(answers[name])}" for name in ("spark", "inputs", "orders", "rows")]
    for name in ("streams", "tables"):
        cases = ",\n".join(json.dumps(case) for case in answers[name])
        lines.append(f"{json.dumps(name)}: [\n{cases}\n]")
    file.write("{\n" + ",\n".join(lines) + "\n}\n")
print(len(answers["streams"]), "streams,", len(answers["tables"]), "tables")
