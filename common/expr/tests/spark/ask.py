"""Asks Spark what the tests expect of us:

answers.tsv  the type and the value of every expression of expressions.sql, on row.json, read with schema.ddl and without
names.tsv    how a column is named whose expression is in names.sql
json.tsv     how a JSON value is read as a type, from json.txt
write.tsv    how a value is written as JSON, from write.sql

Usage: python ask.py [answers] [names] [json] [write]   (pyspark 4.3.0; ANSI mode off, UTC)
"""
import pathlib
import sys
from pyspark.sql import SparkSession

here = pathlib.Path(__file__).parent
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
         .config("spark.sql.session.timeZone", "UTC").config("spark.sql.ansi.enabled", "false")
         .config("spark.log.level", "OFF").getOrCreate())
row = (here / "row.json").read_text()
schema = (here / "schema.ddl").read_text().strip()
spark.read.schema(schema).json(spark.sparkContext.parallelize([row])).createOrReplaceTempView("declared")
spark.read.json(spark.sparkContext.parallelize([row])).createOrReplaceTempView("open")

def ask(view, expressions):
    """Type and value of each expression. Many are asked in one query, for a query takes its time; one that fails is asked
    again in halves."""
    both = ", ".join(f"typeof({x}), cast(({x}) as string)" for x in expressions)
    try:
        cells = ["\\N" if cell is None else cell for cell in spark.sql(f"select {both} from {view}").first()]
        return list(zip(cells[::2], cells[1::2]))
    except Exception as error:
        if len(expressions) == 1:
            return [("error", str(error).split("]")[0].strip("[").splitlines()[0])]
        half = len(expressions) // 2
        return ask(view, expressions[:half]) + ask(view, expressions[half:])

def answers():
    every = lines("expressions.sql")
    parts = [every[start:start + 16] for start in range(0, len(every), 16)]
    declared, opened = ([answer for part in parts for answer in ask(view, part)] for view in ("declared", "open"))
    return [[x, *a, *b] for x, a, b in zip(every, declared, opened)]

def lines(name):
    return [line for line in (here / name).read_text().splitlines() if line and not line.startswith("--")]

def write(name, rows):
    escape = lambda field: field.replace("\t", "\\t").replace("\n", "\\n")
    (here / name).write_text("".join("\t".join(map(escape, row)) + "\n" for row in rows))

def read(kind, raw):
    text = spark.sparkContext.parallelize(['{"c": ' + raw + "}"])
    value = spark.read.schema(f"c {kind}").json(text).selectExpr("cast(c as string)").first()[0]
    return "\\N" if value is None else value

tasks = {
    "answers": lambda: write("answers.tsv", answers()),
    "names": lambda: write("names.tsv", ([x, spark.sql(f"select {x} from declared").columns[0]] for x in lines("names.sql"))),
    "json": lambda: write("json.tsv", ([*x.split("\t"), read(*x.split("\t"))] for x in lines("json.txt"))),
    "write": lambda: write("write.tsv", ([x, spark.sql(f"select to_json(struct({x} as c)) from declared").first()[0]] for x in lines("write.sql"))),
}
for task in sys.argv[1:] or tasks:
    tasks[task]()
