"""Runs a case's query on Spark, as a stream, one input file after the other.

Between files Spark is left to idle, so that its batch without data follows: only then are its watermark for closing windows
and its watermark for late rows the same. What Spark emits from one file to the next is one step of the answer.
"""

import contextlib
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import tempfile
from datetime import datetime

from py4j.protocol import Py4JNetworkError
from pyspark import SparkContext
from pyspark.sql import Row, functions
from pyspark.sql.streaming import StatefulProcessor

SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.variable.substitute": "false",
    "spark.sql.streaming.minBatchesToRetain": "2",
}
# Six digits of fraction: the default cuts timestamps to milliseconds.
WRITE = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "timeZone": "UTC", "ignoreNullFields": "false"}
MICROS = re.compile(r'(?<=[0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3})000(?=Z")')


def session():
    """Spark as every part of the suite wants it: UTC, ANSI off, one small JVM."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").appName("parity")
    java = "-Duser.timezone=UTC -Dstdout.encoding=UTF-8 -Dfile.encoding=UTF-8"
    more = {
        "spark.ui.showConsoleProgress": "false",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": java,
        "spark.sql.warehouse.dir": tempfile.mkdtemp(),
    }
    for name, value in (SETTINGS | more).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    for kind in ("SQL", "DataFrame"):
        logging.getLogger(kind + "QueryContextLogger").setLevel(logging.CRITICAL + 1)
    return spark


class Spark:
    """Asks Spark case after case. What queries leave behind in a JVM goes with it: after so many cases another one begins, and
    so it does when the JVM is gone in the middle of one, which is then asked again."""

    CASES = 120

    def __init__(self):
        self.session, self.asked = session(), 0

    def ask(self, case, frame=None):
        if self.asked == self.CASES:
            self.restart()
        self.asked += 1
        try:
            return ask(self.session, case, frame)
        except GONE as error:
            print(f"{case.id}: the JVM is gone, and asked again in another one: {error}", file=sys.stderr)
        self.restart()
        return ask(self.session, case, frame)

    def restart(self):
        gateway, kind = SparkContext._gateway, type(self.session)
        for stop in (self.session.stop, gateway.shutdown):
            with contextlib.suppress(Exception):  # what is gone is stopped
                stop()
        kind._instantiatedSession = kind._activeSession = SparkContext._active_spark_context = None
        SparkContext._gateway = SparkContext._jvm = None
        gateway.proc.stdin.close()
        gateway.proc.wait()
        self.session, self.asked = session(), 0


# What Python says when there is no JVM at the other end any more.
GONE = (Py4JNetworkError, ConnectionError)


def rows(frame):
    """The rows of a batch as JSON."""
    names = [f"`{name}`" for name in frame.columns]
    texts = frame.select(functions.to_json(functions.struct(*names), WRITE)).collect() if names else []
    return [json.loads(MICROS.sub("", row[0])) for row in texts]


def why(error):
    """An error in one word and a line, without what changes from run to run."""
    text = str(error)
    condition = getattr(error, "getCondition", lambda: None)()
    named = re.findall(r"\[([A-Z][A-Z_.0-9]+)\] *([^;\n]*)", text)
    if condition == "STREAM_FAILED" and len(named) > 1:
        condition, text = named[-1]
    text = re.sub(r"^\[[A-Z_.0-9]+\] *", "", text).splitlines()[0].split(";")[0]
    text = re.sub(r"#[0-9]+L?|SQLSTATE: .*|\[id = [^]]*\] ", "", text).strip()
    return {"condition": condition or type(error).__name__, "message": text[:200]}


class Query:
    """What a case's query may use besides pyspark.sql.functions: rows, stream, table, sql, SCHEMA, SELECT."""

    def __init__(self, spark, case, folder):
        self.spark, self.case, self.folder = spark, case, folder

    def stream(self, folder="in", schema=None, format="json", **options):
        reader = self.spark.readStream.schema(schema or self.case.schema).options(**options)
        return reader.format(format).load(str(self.folder / folder))

    def table(self, file, schema, format="json", **options):
        return self.spark.read.schema(schema).options(**options).format(format).load(str(self.folder / file))

    def frame(self):
        names = {name: getattr(functions, name) for name in dir(functions) if not name.startswith("_")}
        names |= {"F": functions, "spark": self.spark, "stream": self.stream, "table": self.table, "sql": self.spark.sql}
        names |= {"SCHEMA": self.case.schema, "SELECT": self.case.select}
        # What goes to Python's workers goes with its text.
        names |= {"StatefulProcessor": StatefulProcessor, "Row": Row, "datetime": datetime, "__name__": "__main__"}
        words = dict(word.split("=", 1) for word in self.case.options if "=" in word)
        options = {name: value for name, value in words.items() if name not in ("format", "zone")}
        names["rows"] = self.stream(format=words.get("format", "json"), **options)
        names["rows"].createOrReplaceTempView("rows")
        *statements, last = re.split(r"\n(?=\S)", self.case.spark.replace("\n)", "\n )"))
        exec("\n".join(statements), names)
        return eval(last.strip(), names)


def deliver(case, name, folder):
    """Puts an input file in its place at once, for a source may look at any moment."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name("." + path.name)
    hidden.write_text(case.files[name], newline="")
    hidden.rename(path)


def ask(spark, case, frame=None):
    """Spark's answer: {"steps": rows per input file, "late": rows dropped by the watermark per input file}, or
    {"refused": why}. `frame` makes the query out of the folder of inputs; the case's own by default."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="parity-"))
    emitted = []
    query = None
    try:
        (folder / "in").mkdir()
        for name in case.files:
            if not name.startswith("in/"):
                deliver(case, name, folder)
        own = spark.newSession()
        own.conf.set("spark.sql.session.timeZone", case.zone)
        made = frame(own, folder) if frame else Query(own, case, folder).frame()
        writer = made.writeStream.outputMode(case.mode).option("checkpointLocation", str(folder / "ck"))
        query = writer.foreachBatch(lambda batch, _: emitted.append(rows(batch))).start()
        steps, late = [], []
        for name in case.batches():
            emitted.clear()
            # An idle query reports too, under the id of the batch to come.
            seen = len(query.recentProgress)
            deliver(case, name, folder)
            query.processAllAvailable()
            batches = emitted[-1:] if case.mode == "complete" else emitted
            steps.append([row for batch in batches for row in batch])
            news = query.recentProgress[seen:]
            late.append(sum(part.numRowsDroppedByWatermark for report in news for part in report.stateOperators))
        if "ordered" not in case.options:
            steps = [sorted(step, key=json.dumps) for step in steps]
        return {"steps": steps} | ({"late": late} if any(late) else {})
    except GONE:
        query = None
        raise
    except Exception as error:  # every refusal of Spark's is an answer
        return {"refused": why(error)}
    finally:
        if query:
            query.stop()
        shutil.rmtree(folder, ignore_errors=True)
