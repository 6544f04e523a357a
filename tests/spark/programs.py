"""Runs programs that `--explain=pyspark` made, in the one Spark session of the suite."""

import os
import pathlib
import re
import subprocess

from pyspark.sql.readwriter import DataFrameReader, DataFrameWriter
from pyspark.sql.streaming.readwriter import DataStreamReader, DataStreamWriter

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("ST_BIN", ROOT / "target" / "release")
# What a program begins with, and its last line.
PROGRAM = re.compile(r"^# This query was a pipeline of st tools.*?^(?: *\w+\.awaitTermination\(.*?\)| *\w+\.stop\(\))\n(?! *\w+\.stop)", re.M | re.S)


class Refused(Exception):
    """The pipeline, or its program, cannot be said."""


def bash(line, folder, **more):
    """A line of bash over the tools of this tree; its output, or Refused with what it said."""
    told = {name: value for name, value in os.environ.items() if name not in ("ST_CHECKPOINT", "ST_TZ", "ST_EXPLAIN")}
    told |= {"PATH": f"{BIN}:{os.environ['PATH']}", "ST_BIN": str(BIN), "ST_WORK": str(folder), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=told | more, text=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    if ran.returncode:
        raise Refused(ran.stderr.strip() or f"status {ran.returncode}")
    return ran.stdout


def of(line, folder, **more):
    """The programs of all the pipelines of a line."""
    return PROGRAM.findall(bash(line, folder, ST_EXPLAIN="pyspark", **more))


class Captured(Exception):
    """A query as it was about to start."""

    def __init__(self, frame, mode):
        self.frame, self.mode = frame, mode


def frame(program, folder):
    """The DataFrame of a program of one query, and its output mode; relative paths are those of the folder."""
    modes = []

    def start(writer, *_, **__):
        raise Captured(writer._df, modes[-1])

    def output_mode(writer, mode):
        modes.append(mode)
        return writer

    with patched(DataStreamWriter, start=start, outputMode=output_mode), placed(folder):
        try:
            exec(compile(program, "program", "exec"), {"__name__": "program"})
        except Captured as captured:
            return captured.frame, captured.mode
    raise Refused("the program starts no query")


class patched:
    """Other methods of a class, for a while."""

    def __init__(self, of, **methods):
        self.of, self.methods = of, methods

    def __enter__(self):
        self.kept = {name: getattr(self.of, name) for name in self.methods}
        for name, method in self.methods.items():
            setattr(self.of, name, method)

    def __exit__(self, *_):
        for name, method in self.kept.items():
            setattr(self.of, name, method)


FILES = ("json", "csv", "text", "parquet", "orc")


class placed:
    """Readers and writers that take relative paths for those of a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        def reading(method):
            def read(reader, path=None, *args, **more):
                if isinstance(path, str):
                    path = self.at(path)
                return method(reader, path, *args, **more) if path is not None else method(reader, *args, **more)

            return read

        self.patches = [
            patched(of, **{name: reading(getattr(of, name)) for name in (*FILES, "load")})
            for of in (DataStreamReader, DataFrameReader)
        ]
        self.patches.append(patched(DataFrameWriter, **{name: reading(getattr(DataFrameWriter, name)) for name in FILES}))
        for patch in self.patches:
            patch.__enter__()

    def at(self, path):
        return str(self.folder / path)

    def __exit__(self, *error):
        for patch in reversed(self.patches):
            patch.__exit__(*error)


def run(program, folder, rows):
    """Runs a program to its end in a folder; what each of its queries delivered, by name. `rows` makes JSON of a batch."""
    from wrapped import Result

    results = []

    class Writing:
        """What is known of a writer before it starts."""

    def known(writer):
        if not hasattr(writer, "st"):
            writer.st = Writing()
            writer.st.result = Result("", "append")
            writer.st.folder = writer.st.format = writer.st.function = None
        return writer.st

    def collect(writer, function=None):
        result = known(writer).result

        def batch(frame, number):
            result.batches.append(rows(frame))
            if function:
                function(frame, number)

        return kept["foreachBatch"](writer, batch)

    def output_mode(writer, mode):
        known(writer).result.mode = mode
        return kept["outputMode"](writer, mode)

    def query_name(writer, name):
        known(writer).result.name = name
        return writer

    def format(writer, name):
        if name in ("console", "memory", "noop"):
            return collect(writer)
        known(writer).format = name
        return kept["format"](writer, name)

    def option(writer, name, value):
        if name in ("path", "checkpointLocation"):
            value = str(pathlib.Path(folder) / value)
        if name == "path":
            known(writer).folder = value
        return kept["option"](writer, name, value)

    def start(writer):
        written = known(writer)
        results.append((written, writer._df))
        return kept["start"](writer)

    methods = dict(
        foreachBatch=collect, outputMode=output_mode, queryName=query_name, format=format, option=option, start=start
    )
    kept = {name: getattr(DataStreamWriter, name) for name in methods}
    here = os.getcwd()
    os.chdir(folder)
    try:
        with patched(DataStreamWriter, **methods), placed(folder):
            names = {"__name__": "program"}
            exec(compile(program, "program", "exec"), names)
            for written, made in results:
                if written.format:
                    read = names["spark"].read.schema(made.schema).option("header", "true").format(written.format)
                    written.result.batches.append(rows(read.load(written.folder)))
    finally:
        os.chdir(here)
    return [written.result for written, _ in results]
