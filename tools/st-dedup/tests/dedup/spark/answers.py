"""Asks Spark which rows each case of cases.json lets pass, batch by batch, and writes answers.json. Spark idles between
batches, so that its watermark is that of the batch before. Run it with a Python that has PySpark 4.3: python answers.py
"""
import json
import shutil
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

here = Path(__file__).parent
SCHEMA = "i INT, k STRING, n INT, d DOUBLE, ts TIMESTAMP"


def ask(spark, case, folder):
    source = folder / "in"
    source.mkdir(parents=True)
    rows = spark.readStream.schema(SCHEMA).json(str(source))
    if case.get("delay"):
        rows = rows.withWatermark("ts", case["delay"])
    if case.get("window"):
        rows = rows.select("i", "k", F.window("ts", case["window"]).alias("w"))
    if case.get("within"):
        rows = rows.dropDuplicatesWithinWatermark(case["by"])
    else:
        rows = rows.dropDuplicates(case["by"])
    passed = []
    query = (rows.writeStream.foreachBatch(lambda df, _: passed.extend(r["i"] for r in df.collect()))
             .option("checkpointLocation", str(folder / "ck")).start())
    answers = []
    for number, batch in enumerate(case["batches"]):
        passed.clear()
        # An idle query reports too, under the id of the batch to come.
        before = len(query.recentProgress)
        hidden = source / f".{number}.json"
        hidden.write_text("".join(json.dumps(row) + "\n" for row in batch))
        hidden.rename(source / f"{number}.json")
        query.processAllAvailable()
        # A batch without data brings the watermark up to date.
        query.processAllAvailable()
        reports = [json.loads(p.json) for p in query.recentProgress[before:]]
        operators = [r["stateOperators"][0] for r in reports if r["stateOperators"]]
        answers.append({
            "passed": sorted(passed),
            "late": sum(o["numRowsDroppedByWatermark"] for o in operators),
            "duplicates": sum(o["customMetrics"].get("numDroppedDuplicateRows", 0) for o in operators),
            "kept": operators[-1]["numRowsTotal"],
            "watermark": reports[-1].get("eventTime", {}).get("watermark"),
        })
    query.stop()
    return answers


def main():
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.ansi.enabled", "false").config("spark.sql.session.timeZone", "UTC")
             .config("spark.sql.shuffle.partitions", "1").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    answers = {"spark": spark.version}
    root = Path(tempfile.mkdtemp())
    for number, case in enumerate(json.loads((here / "cases.json").read_text())):
        try:
            answers[case["name"]] = ask(spark, case, root / str(number))
        except Exception as error:  # noqa: BLE001: a refusal is an answer
            answers[case["name"]] = {"refused": str(error).splitlines()[0]}
    (here / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
    shutil.rmtree(root)
    spark.stop()


main()
