#!/usr/bin/env python3
"""`make test-spark`: what `--explain=pyspark` prints gives, on real Spark, the answers of the pipeline it was made of.

    ./run.py [lessons|cases|parity|NAME …]

Every lesson, every case of tests/cases/explain that prints a program, and every case of tests/parity that can be said in
Spark. Compared are the rows that count in the end: batches need not be cut at the same places. Exit status 1 if any differs.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "parity")]

import ask  # noqa: E402
import parity  # noqa: E402
import programs  # noqa: E402
import wrapped  # noqa: E402

TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?")


def plain(value):
    """Values, not spellings: a column that is not declared keeps its text here, and is what Spark infers there."""
    if isinstance(value, dict):
        return tuple((name, plain(part)) for name, part in sorted(value.items()) if part is not None)
    if isinstance(value, list):
        return tuple(map(plain, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(float(value), 9)
    if isinstance(value, str) and TIME.fullmatch(value):
        return value.rstrip("Z").replace("T", " ").rstrip("0").rstrip(".:0")
    return value


def differ(ours, theirs, adjust=None):
    """None if two results have the same rows in the end."""
    if ours.mode != theirs.mode:
        return f"output mode {theirs.mode}, not {ours.mode}"
    rows = [result.rows() for result in (ours, theirs)]
    if adjust:
        rows = adjust(*rows)
    one, other = (sorted(map(repr, map(plain, part))) for part in rows)
    if one == other:
        return None
    lacks, more = [row for row in one if row not in other], [row for row in other if row not in one]
    head = f"{len(one)} rows of st, {len(other)} of Spark"
    return "\n".join([head, *(f"  st     {row}" for row in lacks[:5]), *(f"  Spark  {row}" for row in more[:5])])


class Suite:
    """What was tried so far."""

    def __init__(self, spark, wanted):
        self.spark, self.wanted = spark, wanted
        self.same, self.refused, self.wrong = 0, [], []

    def wants(self, *names):
        return not self.wanted or any(name in self.wanted for name in names)

    def pipelines(self, name, line, folder, adjust=None, serve=None, **told):
        """Runs a line with our tools in a copy of the folder, and its programs on Spark in another; compares all queries."""
        with tempfile.TemporaryDirectory(prefix="st-spark-") as scratch:
            scratch = pathlib.Path(scratch)
            for part in ("st", "spark"):
                subprocess.run(["cp", "-a", str(folder), str(scratch / part)], check=True)
            try:
                texts = programs.of(line, scratch / "spark", **told | {"ST_WORK": str(scratch / "spark")})
                if not texts:
                    raise programs.Refused("no program is printed")
            except programs.Refused as why:
                self.refused.append(f"{name}: {why}")
                return
            try:
                with serve() if serve else contextlib.nullcontext():
                    ours = wrapped.run(line, scratch / "st", scratch / "kept", **told | {"ST_WORK": str(scratch / "st")})
            except programs.Refused as why:
                self.wrong.append(name)
                print(f"--- {name}: the pipeline itself fails: {why}", flush=True)
                return
            theirs = []
            for text in texts:
                try:
                    with serve() if serve else contextlib.nullcontext():
                        theirs += programs.run(text, scratch / "spark", ask.rows)
                except Exception as error:  # whatever Spark or Python says of the program
                    self.wrong.append(name)
                    print(f"--- {name}\n{text}\n{error}", flush=True)
                    return
            self.compare(name, ours, theirs, adjust, texts)

    def compare(self, name, ours, theirs, adjust, texts):
        found = [f"{len(ours)} queries of st, {len(theirs)} of Spark"] if len(ours) != len(theirs) else []
        named = {result.name: result for result in ours}
        for number, result in enumerate(theirs):
            other = named.get(result.name) if result.name in named and result.name else None
            other = other or (ours[number] if number < len(ours) else None)
            if other and not other.batches:
                found.append(f"{result.name}: no batch of st")
            result.keys = other.keys if other else []
            wrong = other and differ(other, result, adjust)
            if wrong:
                found.append(f"{result.name}: {wrong}")
        if found:
            self.wrong.append(name)
            print("\n".join([f"--- {name}", *texts, *found]), flush=True)
        else:
            self.same += 1
            print(f"{name}: {len(theirs)} queries, {sum(len(r.rows()) for r in theirs)} rows", flush=True)


def cases(suite):
    """Cases that print a program; their `cmd` is the pipeline, once the tools do not explain."""
    root = programs.ROOT / "tests" / "cases" / "explain"
    for case in sorted(root.iterdir()):
        command = (case / "cmd").read_text()
        printed = (case / "expout").read_text()
        if "ST_EXPLAIN" in command or not programs.PROGRAM.search(printed) or not suite.wants("cases", case.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(case.iterdir()):
                if path.name not in ("cmd", "expout", "experr", "status"):
                    target = pathlib.Path(folder) / path.name
                    shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
            # Files are read in the order of their times.
            for second, path in enumerate(sorted(pathlib.Path(folder).rglob("*.*"))):
                os.utime(path, (1700000000 + second, 1700000000 + second))
            suite.pipelines(case.name, command, folder)


def port():
    """A free one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextlib.contextmanager
def server(number, text):
    """Our socket server, with these lines."""
    program = [str(programs.ROOT / "scripts" / "socket-server"), str(number)]
    serving = subprocess.Popen(program, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    serving.stderr.readline()
    serving.stdin.write(text)
    serving.stdin.close()
    try:
        yield
    finally:
        serving.kill()
        serving.wait()


def counted(ours, theirs):
    """The rate source begins at the present: as many rows as both have, without what the time decides."""

    def computed(rows):
        rows = sorted(rows, key=lambda row: row["value"])
        return [{name: value for name, value in row.items() if "timestamp" not in name} for row in rows]

    count = min(len(ours), len(theirs))
    assert count > 0, f"{len(ours)} rows of st, {len(theirs)} of Spark"
    return computed(ours)[:count], computed(theirs)[:count]


def lessons(suite):
    names = [found.name for found in (programs.ROOT / "examples").glob("[0-9]*")]
    if not any(suite.wants("lessons", name) for name in names):
        return
    number = port()
    words = "the quick brown fox\njumps over the lazy dog\nthe dog   sleeps\nand the fox is gone\n"
    special = {
        "01-rate": {"adjust": counted, "PACE": "--trigger 1s --stop-after 12s"},
        "05-word-count": {
            "serve": lambda: server(number, words),
            "PORT": str(number),
            "PACE": "--trigger 1s --stop-after 12s",
        },
    }
    with tempfile.TemporaryDirectory() as work:
        told = {"PACE": "--available-now", "LIVE": "0"}
        programs.bash(str(programs.ROOT / "scripts" / "setup"), work)
        # Those that end by the clock come last, when the JVM is warm.
        for lesson in sorted((programs.ROOT / "examples").glob("[0-9]*"), key=lambda found: (found.name in special, found)):
            if suite.wants("lessons", lesson.name):
                # What a lesson prints into files is read behind it.
                line = f"{lesson}/run 2>/dev/null; cat $(ls -tr out/modes/* 2>/dev/null) 2>/dev/null </dev/null; true"
                suite.pipelines(lesson.name, line, work, **told | special.get(lesson.name, {}))


def main(wanted):
    suite = Suite(ask.Spark(), wanted)
    lessons(suite)
    cases(suite)
    parity.check(suite)
    suite.spark.session.stop()
    for line in suite.refused:
        print(f"not in Spark: {line}")
    print(f"{suite.same} programs give the answer of their pipeline, {len(suite.refused)} cannot be said in Spark")
    if suite.wrong:
        print(f"{len(suite.wrong)} DIFFER: {' '.join(suite.wrong)}")
    return 1 if suite.wrong or not suite.same else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
